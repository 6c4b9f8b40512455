"""What music does second by second: density, loudness, chords; of recordings as MuVi-Sync labels them, and of scores.

A score is not a recording: its loudness is that of struck notes dying away, and neither its level nor its density is
on the scale of sound. So whoever compares a set of scores with recordings compares standard scores within each set.
"""

from dataclasses import dataclass

import numpy as np

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import KEYS, note_lengths, onsets
from diffbgm.roll import find_key
from diffbgm.types import STEPS_PER_BEAT, PianoRoll, Score, TempoMap

NO_CHORD = -1
SOFTEST = 1e-3  # root mean square, full scale 1
DECAY = 1.2  # seconds in which a struck note's power falls to 1/e
TICK = 0.1  # seconds: the grid on which notes die away
TRIADS = np.array([[np.isin((np.arange(12) - root) % 12, (0, third, 7)) for root in range(12)] for third in (4, 3)])
SUMMARY = (
    "mean of log density",
    "its spread",
    "seconds without an onset",
    "mean of log loudness",
    "its spread",
    "minor key",
    "minor chords among chords",
    "seconds without a chord",
    "chord changes a second",
)
TRACKS = ("density", "loudness", "chord change")


@dataclass(frozen=True, eq=False)
class Heard:
    """T seconds of music.

    density   [T] onsets a second.
    loudness  [T] root mean square, in any unit.
    chord     [T] root 0..11, 12 more for a minor third, or NO_CHORD.
    minor     whether the key of the whole is a minor one.
    """

    density: np.ndarray
    loudness: np.ndarray
    chord: np.ndarray
    minor: bool

    def __post_init__(self) -> None:
        if not len(self.density) or not len(self.density) == len(self.loudness) == len(self.chord):
            lengths = len(self.density), len(self.loudness), len(self.chord)
            raise InputError(f"Heard: density, loudness and chord must cover the same seconds, got {lengths}")

    def excerpt(self, start: int, seconds: int) -> "Heard":
        """Some whole seconds of it; the key stays that of the whole."""
        cut = slice(start, start + seconds)
        return Heard(self.density[cut], self.loudness[cut], self.chord[cut], self.minor)

    def summary(self) -> np.ndarray:
        """[9] the numbers of `SUMMARY`."""
        dense, loud = np.log1p(self.density), np.log(self.loudness + SOFTEST)
        sure = self.chord != NO_CHORD
        change = self.tracks()[2].mean()
        minor_chords = float((self.chord[sure] >= 12).mean()) if sure.any() else 0.0
        levels = (dense.mean(), dense.std(), (self.density == 0).mean(), loud.mean(), loud.std())
        return np.array([*levels, float(self.minor), minor_chords, float((~sure).mean()), change])

    def tracks(self) -> np.ndarray:
        """[3, T] `TRACKS`: log density, log loudness, whether the chord is another one than a second ago."""
        change = np.concatenate([[0.0], self.chord[1:] != self.chord[:-1]])
        return np.stack([np.log1p(self.density), np.log(self.loudness + SOFTEST), change])


def listen(music: Score | PianoRoll, seconds: int, tempo: TempoMap | None = None) -> Heard:
    """The first `seconds` whole seconds of a score, drums left out, or of a roll with its tempo map."""
    if seconds < 1:
        raise InputError(f"listen: needs at least one second, got {seconds}")
    start, end, pitch, velocity = _notes(music, tempo)
    inside = start < seconds
    start, end, pitch, velocity = start[inside], np.minimum(end[inside], seconds), pitch[inside], velocity[inside]
    density = np.bincount(start.astype(int), minlength=seconds)[:seconds].astype(np.float64)
    ticks = round(seconds / TICK)
    power = np.zeros(ticks)
    classes = np.zeros((seconds, 12))
    for a, b, key, v in zip(start, end, pitch, velocity, strict=True):
        first, last = int(a / TICK), max(int(a / TICK) + 1, int(np.ceil(b / TICK)))
        span = np.arange(first, min(last, ticks))
        power[span] += (v / 127) ** 4 * np.exp(-(span - first) * TICK / DECAY)  # amplitude goes with velocity squared
        for second in range(int(a), min(int(np.ceil(b)), seconds)):
            classes[second, key % 12] += min(b, second + 1) - max(a, second)
    loudness = np.sqrt(power.reshape(seconds, -1).mean(1))
    chord = np.array([name_chord(row) for row in classes])
    return Heard(density, loudness, chord, find_key(classes.sum(0)).mode == "minor" if len(start) else False)


def name_chord(classes: np.ndarray) -> int:
    """The triad that holds most of a second's pitch classes [12].

    The third and the root decide ties; NO_CHORD where fewer than two sound.
    """
    if (classes > 0).sum() < 2:
        return NO_CHORD
    share = classes / classes.sum()
    held = TRIADS @ share  # [2, 12]
    outside = np.array([[(triad & (share == 0)).sum() for triad in row] for row in TRIADS])
    best = held - 0.1 * outside + 0.01 * share  # share: of the root
    minor, root = np.unravel_index(int(best.argmax()), best.shape)
    return int(root + 12 * minor)


def _notes(music: Score | PianoRoll, tempo: TempoMap | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(start, end in seconds, MIDI pitch, velocity), each [n]."""
    if isinstance(music, Score):
        tempo = music.tempo
        notes = [note for track in music.tracks if not track.is_drum for note in track.notes]
        beats = np.array([[n.start, n.end] for n in notes], np.float64).reshape(-1, 2)
        pitch, velocity = (np.array([getattr(n, name) for n in notes], np.int64) for name in ("pitch", "velocity"))
    elif tempo is None:
        raise InputError("listen: a PianoRoll needs its tempo map")
    else:
        voice, step, key = np.nonzero(onsets(music.cells))
        length = note_lengths(music.cells)[voice, step, key]
        beats = np.stack([step, step + length], 1) / STEPS_PER_BEAT
        pitch = KEYS[key]
        velocity = np.full(len(key), 80) if music.velocity is None else music.velocity[voice, step, key].astype(int)
    start, end = np.atleast_1d(tempo.time_at(beats[:, 0])), np.atleast_1d(tempo.time_at(beats[:, 1]))
    late = np.maximum(start, 0.0)
    return late, np.maximum(end, late + 1e-3), pitch, velocity
