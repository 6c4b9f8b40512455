"""Two arrangements of the same length as one: some bars of the new one, all else of the old one."""

import itertools
from dataclasses import replace

import numpy as np

from diffbgm.types import Control, Note, Score, Track

Key = tuple[str, int, int]  # role, program, which of the players of both


def splice_scores(old: Score, new: Score, opened: np.ndarray) -> Score:
    """The old score with what begins in open beats replaced by what begins there in the new one.

    A note of the old score that is held into open beats stays; a note of the new one ends with its open beats at the
    latest where the old part strikes its key again.

    Args:
        old: Of B beats.
        new: Of the same beats.
        opened: [B] True where the new score plays.

    Returns:
        The score; parts that only one of them has are there too.

    """
    before, after = players(old), players(new)
    tracks: list[Track] = []
    for key, part in {**before, **{key: part for key, part in after.items() if key not in before}}.items():
        kept, fresh = before.get(key), after.get(key)
        notes = [n for n in (kept.notes if kept else ()) if not is_open(n.start, opened)]
        notes += [n for n in (fresh.notes if fresh else ()) if is_open(n.start, opened)]
        controls = [c for c in (kept.controls if kept else ()) if not is_open(c.beat, opened)]
        controls += [c for c in (fresh.controls if fresh else ()) if is_open(c.beat, opened)]
        if kept and fresh:
            controls += entering(kept, opened)
        if notes:
            tracks.append(replace(part, notes=tuple(separate(notes)), controls=tuple(sorted(set(controls)))))
    return replace(new, tracks=tuple(tracks), tempo=old.tempo)


def players(score: Score) -> dict[Key, Track]:
    """The tracks by who plays them, several of one role and program in order."""
    out: dict[Key, Track] = {}
    for track in score.tracks:
        number = sum((role, program) == (track.role, track.program) for role, program, _ in out)
        out[track.role, track.program, number] = track
    return out


def is_open(beat: float, opened: np.ndarray) -> bool:
    """Whether a beat position lies in an open beat; a little early counts as the beat it was meant for."""
    return bool(opened[min(max(int(beat + 1e-6), 0), len(opened) - 1)])


def entering(track: Track, opened: np.ndarray) -> list[Control]:
    """The old part's controls as they stand where kept beats go on after open ones."""
    starts = np.flatnonzero(opened[:-1] & ~opened[1:]) + 1
    out: list[Control] = []
    for start in starts.tolist():
        standing = {c.number: c for c in track.controls if c.beat <= start}
        out += [replace(c, beat=float(start)) for c in standing.values()]
    return out


def separate(notes: list[Note]) -> list[Note]:
    """Notes in order, each ending where its key is struck again."""
    by_pitch: dict[int, list[Note]] = {}
    for note in sorted(notes):
        by_pitch.setdefault(note.pitch, []).append(note)
    out: list[Note] = []
    for same in by_pitch.values():
        for note, following in itertools.zip_longest(same, same[1:]):
            if following is None or following.start > note.start:
                out.append(note if following is None else replace(note, end=min(note.end, following.start)))
    return sorted(out)
