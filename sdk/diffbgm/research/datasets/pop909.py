"""POP909 (Wang et al., ISMIR 2020) in its own layout, as a folder or as the zip, to songs on the sixteenth grid.

Only songs in 4/4 are taken; the half bars that some of them hold are left out. The melody is the track MELODY; the
accompaniment is BRIDGE and PIANO together. Sections come from the hierarchical structure annotation (Dai et al., ISMIR
2020) where it lies beside the songs, and are used only where its own melody agrees with the roll.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError
from diffbgm.research.datasets.archive import open_archive
from diffbgm.roll import notes_to_roll
from diffbgm.types import (
    BEATS_PER_BAR,
    LOWEST_PITCH,
    PITCHES,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    Note,
    PianoRoll,
    Value,
)

READ = ("beat_midi.txt", "chord_midi.txt", "key_audio.txt", "structure_human_label1.txt", "structure_melody.txt")
VALIDATION_SHARE = 0.05
PLAIN_BARS = 0.9  # share of bars with four beats that makes a song 4/4; its other bars lose what exceeds or lacks four
MELODY_AGREEMENT = 0.5  # share of annotated melody onsets that must be found in the roll before its labels are used


@dataclass(frozen=True)
class SongSection:
    """Bars `start` (inclusive) to `end` (exclusive), called `label` by a listener."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, eq=False)
class Song(Value):
    """One song: its roll in its own key, median tempo in beats a minute, sections (maybe none).

    times   [beats + 1] seconds of the MIDI file at which the roll's beats lie; the last is the end. Where a half bar
            was left out, the beat before it is as much longer.
    """

    id: str
    roll: PianoRoll
    bpm: float
    sections: tuple[SongSection, ...]
    times: np.ndarray

    @property
    def bars(self) -> int:
        """Whole bars of the roll."""
        return self.roll.steps // STEPS_PER_BAR


def is_validation(song_id: str) -> bool:
    """The split: fixed by a hash of the song's id, so that it never depends on which songs are there."""
    return hashlib.sha256(f"pop909/{song_id}".encode()).digest()[0] < 256 * VALIDATION_SHARE


def read_songs(path: Path | str, on_progress: Callable[[float, str], None] | None = None) -> list[Song]:
    """Every 4/4 song under `path` (a folder or a zip that holds NNN/NNN.mid), sorted by id.

    Raises DataError when nothing of the kind is there.
    """
    folders = song_files(path)
    songs = []
    with ProcessPoolExecutor() as pool:
        for i, song in enumerate(pool.map(read_song, folders, folders.values(), chunksize=8)):
            if song is not None:
                songs.append(song)
            if on_progress:
                on_progress((i + 1) / len(folders), f"reading song {i + 1} of {len(folders)}")
    return songs


def song_files(path: Path | str) -> dict[str, dict[str, bytes]]:
    """Song id -> file name -> content, ids rising, of every song that has its MIDI file and its beats.

    Raises DataError when `path` is no folder or zip of them.
    """
    folders = dict(_folders(Path(path)))
    if not folders:
        raise DataError(f"{path}: no NNN/NNN.mid with NNN/beat_midi.txt in it; give POP909's folder or its zip")
    return folders


def _folders(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    wanted = re.compile(rf"(?:^|/)(\d{{3}})/(\1\.mid|{'|'.join(map(re.escape, READ))})$")
    found: dict[str, dict[str, bytes]] = {}
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if match := wanted.search(file.as_posix()):
                found.setdefault(match[1], {})[match[2]] = file.read_bytes()
    elif zipfile.is_zipfile(path):
        with open_archive(path) as archive:
            for name in sorted(archive.namelist()):
                if match := wanted.search(name):
                    found.setdefault(match[1], {})[match[2]] = archive.read(name)
    else:
        raise DataError(f"{path}: neither a folder nor a zip file; give POP909's folder or its zip")
    for song_id in sorted(found):
        if f"{song_id}.mid" in found[song_id] and "beat_midi.txt" in found[song_id]:
            yield song_id, found[song_id]


def read_song(song_id: str, files: dict[str, bytes]) -> Song | None:
    """One of `song_files`; None when the song is not in 4/4 or has no notes.

    Raises:
        DataError: One of its files is damaged.
    """
    try:
        return _song_of(song_id, files)
    except Exception as e:  # numpy's and pretty_midi's readers raise of every kind over bytes that are none of theirs
        raise DataError(f"song {song_id}: its files cannot be read ({e}); download POP909 again") from e


def _song_of(song_id: str, files: dict[str, bytes]) -> Song | None:
    import pretty_midi

    table = np.loadtxt(io.BytesIO(files["beat_midi.txt"]), ndmin=2)
    if not np.isfinite(table).all() or (np.diff(table[:, 0]) <= 0).any():
        raise DataError("the beats in beat_midi.txt do not rise")
    times, downbeats = table[:, 0], np.flatnonzero(table[:, 2] > 0.5)
    gaps = np.diff(downbeats)
    if len(gaps) == 0 or (gaps == BEATS_PER_BAR).mean() < PLAIN_BARS:
        return None
    bar_starts = (downbeats[:-1] - downbeats[0])[gaps >= BEATS_PER_BAR]  # beats
    times = times[downbeats[0] :]
    beats = len(times)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(files[f"{song_id}.mid"]))
    voices: dict[str, list[Note]] = {"MELODY": [], "BRIDGE": [], "PIANO": []}
    before, after = 2 * times[0] - times[1], 2 * times[-1] - times[-2]  # a beat more on either side
    clock, positions = np.array([before, *times, after]), np.arange(-1.0, beats + 1)
    for track in midi.instruments:
        if (name := track.name.strip().upper()) in voices:
            starts = np.interp([n.start for n in track.notes], clock, positions)
            ends = np.interp([n.end for n in track.notes], clock, positions)
            voices[name] += [
                Note(float(s), float(max(e, s + 0.25)), n.pitch, n.velocity)
                for s, e, n in zip(starts, ends, track.notes, strict=True)
                if 0 <= round(s * STEPS_PER_BEAT) < beats * STEPS_PER_BEAT and n.velocity > 0
            ]
    roll = notes_to_roll(voices["MELODY"], voices["BRIDGE"] + voices["PIANO"], beats)
    sections = _sections(files, roll, bar_starts)
    roll = _keep_bars(roll, bar_starts)
    bars = np.flatnonzero(roll.cells.any((0, 2)).reshape(-1, STEPS_PER_BAR).any(1))
    if len(bars) == 0:
        return None
    first, last = int(bars[0]), int(bars[-1]) + 1
    inside = slice(first * STEPS_PER_BAR, last * STEPS_PER_BAR)
    assert roll.velocity is not None
    return Song(
        id=song_id,
        roll=PianoRoll(roll.cells[:, inside], roll.velocity[:, inside]),
        bpm=float(60 / np.median(np.diff(times))),
        sections=tuple(
            SongSection(max(s.start, first) - first, min(s.end, last) - first, s.label)
            for s in sections
            if s.end > first and s.start < last
        ),
        times=_beat_times(clock, bar_starts[first:last]),
    )


def _beat_times(clock: np.ndarray, bar_starts: np.ndarray) -> np.ndarray:
    """[4 bars + 1] seconds of the kept bars' beats; `clock` [beats + 2] seconds of the beats from -1 on."""
    starts = (bar_starts[:, None] + np.arange(BEATS_PER_BAR)).ravel() + 1
    return clock[np.append(starts, starts[-1] + 1)]


def _keep_bars(roll: PianoRoll, bar_starts: np.ndarray) -> PianoRoll:
    """The bars of four beats that start at `bar_starts` [bars] beats, one after the other, without those between."""
    steps = (bar_starts[:, None] * STEPS_PER_BEAT + np.arange(STEPS_PER_BAR)).ravel()
    cells = roll.cells[:, steps].copy()
    for joint in np.flatnonzero(np.diff(steps) != 1) + 1:  # nothing is held over a joint
        for voice in range(2):
            held = cells[2 * voice + 1, joint].astype(bool)
            for step in range(joint, cells.shape[1]):
                held &= cells[2 * voice + 1, step].astype(bool)
                if not held.any():
                    break
                cells[2 * voice + 1, step, held] = 0
    return PianoRoll(cells, None if roll.velocity is None else roll.velocity[:, steps])


def _sections(files: dict[str, bytes], roll: PianoRoll, bar_starts: np.ndarray) -> list[SongSection]:
    """The annotated sections, shifted by half bars to where their melody fits the roll best; none if it never does."""
    if "structure_human_label1.txt" not in files or "structure_melody.txt" not in files:
        return []
    melody = np.loadtxt(io.BytesIO(files["structure_melody.txt"]), ndmin=2)
    if melody.shape[1] != 2:
        return []
    starts = np.concatenate([[0], np.cumsum(melody[:-1, 1])]).astype(int)
    keys = melody[:, 0].astype(int) - LOWEST_PITCH
    heard = (keys >= 0) & (keys < PITCHES)
    if not heard.any():
        return []
    starts, keys = starts[heard], keys[heard]
    agreement = {}
    for offset in range(-8 * STEPS_PER_BAR, 8 * STEPS_PER_BAR + 1, STEPS_PER_BAR // 2):
        at = starts + offset
        inside = (at >= 0) & (at < roll.steps)
        agreement[offset] = roll.cells[0, at[inside], keys[inside]].sum() / len(starts)
    offset = max(agreement, key=lambda o: agreement[o])
    if agreement[offset] < MELODY_AGREEMENT:
        return []
    labels = re.findall(r"([A-Za-z])(\d+)", files["structure_human_label1.txt"].decode())
    edges = offset / STEPS_PER_BEAT + np.cumsum([0, *(int(length) for _, length in labels)]) * BEATS_PER_BAR
    bars = np.abs(bar_starts[:, None] - edges[None]).argmin(0)  # the kept bar nearest to every edge
    bars[edges > bar_starts[-1] + BEATS_PER_BAR / 2] = len(bar_starts)
    return [
        SongSection(int(a), int(b), label)
        for (label, _), a, b in zip(labels, bars[:-1], bars[1:], strict=True)
        if b > a
    ]
