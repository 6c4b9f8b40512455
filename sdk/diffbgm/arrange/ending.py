"""What the roll leaves open: silence filled, cuts accented, the last chord held to the last frame."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.arrange.harmony import Chord, chord_at, harmony_unit, voice
from diffbgm.arrange.palettes import Part
from diffbgm.types import SYNC_TOLERANCE, MusicPlan, Note, PlannedCut, Role, TempoMap

LONGEST_SILENCE = 1.0  # seconds without a sounding note that are left as they are
FADED = 0.7  # of `Part.rings`: from then on a decaying note no longer carries the music
ASKED_REST = 0.05  # onsets per beat: where the plan asks for fewer, silence is meant
PAD_ALONE = 8.0  # beats
LAST_ONSET = 0.5  # of the final bar, after which nothing new starts
STRONG = 0.5


def fill_gaps(
    part: Part, played: Sequence[tuple[Role, Part, Sequence[Note]]], harmony: Sequence[Chord], plan: MusicPlan
) -> list[Note]:
    """Play soft chords where nothing sounds though the plan asks for some music.

    They are struck anew every half bar, in bars of three beats every bar. A pad alone carries the music for
    `PAD_ALONE` beats.

    Args:
        part: What plays the chords.
        played: (role, part, notes) of everything pitched.
        harmony: Chords that tile the piece.
        plan: Its curves say where silence is meant.

    """
    tempo, curves = plan.tempo, plan.curves
    heard = {True: np.zeros(2 * tempo.beats, bool), False: np.zeros(2 * tempo.beats, bool)}  # half beats, by "is a pad"
    for role, own, notes in played:
        _mark(heard[role == "pad"], own, notes, tempo)
    silent = ~heard[False] & np.repeat(curves.density > ASKED_REST, 2)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8))).tolist()
    out: list[Note] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        covered = heard[True][start:end].all() and end - start <= 2 * PAD_ALONE
        if not covered and tempo.time_at(end / 2) - tempo.time_at(start / 2) > LONGEST_SILENCE:
            out += _soft_chords(start / 2, end / 2, part, harmony, harmony_unit(plan.beats_per_bar))
    return out


def _mark(halves: np.ndarray, part: Part, notes: Sequence[Note], tempo: TempoMap) -> None:
    """Set the half beats [2 B] in which the notes can be heard; those of an instrument that rings fade."""
    rate = tempo.bpm() / 60  # beats per second
    for note in notes:
        fading = FADED * part.rings * rate[min(int(note.start), tempo.beats - 1)] if part.rings else np.inf
        first = int(note.start * 2)
        halves[first : max(int(np.ceil(min(note.end, note.start + fading) * 2)), first + 1)] = True


def _soft_chords(start: float, end: float, part: Part, harmony: Sequence[Chord], step: int) -> list[Note]:
    marks = sorted({start, *np.arange(np.ceil(start), end, float(step)).tolist()})
    out: list[Note] = []
    pitches: tuple[int, ...] = ()
    for at, after in zip(marks, [*marks[1:], end], strict=True):
        pitches = voice(chord_at(harmony, at).classes, pitches, *middle_range(part))
        out += [Note(at, after, pitch, 64) for pitch in pitches]
    return out


def middle_range(part: Part) -> tuple[int, int]:
    """Return the two octaves around middle C, or where the part comes nearest to them."""
    low = max(part.low, min(52, part.high - 24))
    return low, min(part.high, low + 24)


def accent_cuts(
    cuts: Sequence[PlannedCut], notes: Sequence[Note], part: Part, harmony: Sequence[Chord], tempo: TempoMap
) -> list[Note]:
    """Play a chord where a snapped cut meets no onset: two notes for a weak cut, all of them for a strong one."""
    starts = np.array(sorted({note.start for note in notes}))
    times = tempo.time_at(starts) if len(starts) else np.zeros(0)
    out: list[Note] = []
    for cut in cuts:
        met = len(times) and np.abs(times - cut.time).min() <= SYNC_TOLERANCE / 2
        if met or not cut.snapped or not 0 <= cut.beat < tempo.beats:
            continue
        end = float(min([cut.beat + 1.0, tempo.beats, *starts[starts > cut.beat][:1]]))
        pitches = voice(chord_at(harmony, cut.beat).classes, (), *middle_range(part))
        strong = cut.strength >= STRONG
        out += [Note(cut.beat, end, p, 88 if strong else 72) for p in (pitches if strong else pitches[-2:])]
    return out


def final_chord(
    harmony: Sequence[Chord], notes: Sequence[Note], home: Sequence[int], bar: int, beats: int
) -> tuple[list[Chord], set[int], set[int]]:
    """Decide how the piece ends.

    What the roll strikes at the final downbeat rings. Tones of the chord `home` that are no semitone from any of it
    join, so that a bare or empty last bar becomes a cadence; a full one, or another chord, stays as it was composed.
    The final bar goes from beat `bar` to `beats`.

    Returns:
        The harmony with the final bar's chord, the pitch classes of that, and those of them the roll does not play.

    """
    struck = {note.pitch % 12 for note in notes if bar <= note.start < bar + 0.5}
    tonic = set(home)
    added = {c for c in tonic - struck if all((c - s) % 12 not in (1, 11) for s in struck)}
    if len(struck) >= 3 or (struck and not struck & tonic):
        added = set[int]()
    ringing = struck | added
    last = chord_at(harmony, bar).classes if len(ringing) > 4 else tuple(sorted(ringing))
    before = [replace(chord, end=min(chord.end, bar)) for chord in harmony if chord.start < bar]
    return [*before, Chord(bar, beats, last)], ringing, added


def sustain_final_bar(notes: Sequence[Note], classes: set[int], bar: int, beats: int, *, line: bool) -> list[Note]:
    """End earlier notes at the final downbeat, hold chord tones to the end, leave latecomers out.

    Of a `line` (a melody) only the last chord tone rings.
    """
    last = bar + LAST_ONSET * (beats - bar)
    tones = [note.start for note in notes if bar <= note.start < last and note.pitch % 12 in classes]
    first_ringing = max(tones, default=0.0) if line else 0.0
    out: list[Note] = []
    for note in notes:
        if note.start < bar:
            out.append(replace(note, end=min(note.end, float(bar))) if note.end > bar else note)
        elif note.pitch % 12 in classes and first_ringing <= note.start < last:
            out.append(replace(note, end=float(beats)))
        elif note.start < min(last, first_ringing or np.inf):
            out.append(replace(note, end=min(note.end, first_ringing or last)))
    return out


def cadence(plan: MusicPlan, part: Part, classes: set[int], root: int) -> list[Note]:
    """Play the tones added to the final chord in the part's middle register, its root also below it."""
    bar = float(plan.last_bar)
    if not classes:
        return []
    pitches = set(voice(sorted(classes), (), *middle_range(part)))
    low = [p for p in range(part.low, part.low + 24) if p % 12 == root and 36 <= p < 52]
    if root in classes:
        pitches.update(low[:1])
    return [Note(bar, float(plan.beats), pitch, 70) for pitch in sorted(pitches)]
