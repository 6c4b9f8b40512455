"""How alike a stretch of a song and a stretch of a music video sound, from what is known of both.

Density and loudness as contours of eight values (the logarithm of notes a second and of loudness), chord changes a
second, the mode of the key. What is measured in different ways on the two sides (notes in a score against notes
transcribed from sound) is compared by how far it lies from the middle of its own side, in its own spread. Tempo would
belong here; MuVi-Sync does not know it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffbgm.research.datasets.bgm909.store import StoredSong
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.roll import find_key, pitch_classes
from diffbgm.types import BEATS_PER_BAR, STEPS_PER_BAR, STEPS_PER_BEAT

POINTS = 8  # of a contour
SHORTEST = 8  # bars of a stretch: what one training window holds
HOP = 4  # seconds from one stretch of a video to the next
# What the mean squared difference of each part counts; two modes that differ cost as much as a contour one sd away.
WEIGHTS = {"density": 1.0, "loudness": 0.5, "chords": 0.5, "minor": 1.0}
WIDTH = 2 * POINTS + 2


@dataclass(frozen=True)
class Stretch:
    """Bars `start_bar` (inclusive) to `end_bar` (exclusive) of a song; seconds on the song's clock; `raw` [WIDTH]."""

    song: str
    start_bar: int
    end_bar: int
    start: float
    end: float
    raw: np.ndarray


def stretches(stored: StoredSong) -> list[Stretch]:
    """The song cut at its sections, neighbours joined to at least SHORTEST bars.

    Where no sections are known, it is cut at every eighth bar.
    """
    song = stored.song
    edges = [s.start for s in song.sections] or list(range(0, song.bars, SHORTEST))
    cuts = [0]
    for edge in [*edges, song.bars]:
        if edge - cuts[-1] >= SHORTEST:
            cuts.append(edge)
    if len(cuts) > 1 and cuts[-1] < song.bars:
        cuts[-1] = song.bars
    return [_measure(stored, a, b) for a, b in pairwise(cuts)]


def _measure(stored: StoredSong, start_bar: int, end_bar: int) -> Stretch:
    song = stored.song
    times = song.times[start_bar * BEATS_PER_BAR : end_bar * BEATS_PER_BAR + 1]
    steps = slice(start_bar * STEPS_PER_BAR, end_bar * STEPS_PER_BAR)
    cells = song.roll.cells[:, steps]
    velocity = np.asarray(song.roll.velocity, np.float64)[:, steps]
    beats = np.arange(cells.shape[1]) / STEPS_PER_BEAT
    at = np.interp(beats, np.arange(len(times)), times)
    onsets = cells[0::2].sum((0, 2)).astype(np.float64)
    power = (velocity**2).sum((0, 2))
    edges = np.linspace(times[0], times[-1], POINTS + 1)
    seconds = (times[-1] - times[0]) / POINTS
    density = np.histogram(at, edges, weights=onsets)[0] / seconds
    loudness = np.sqrt(np.histogram(at, edges, weights=power)[0] / seconds)
    inside = [name for start, end, name in stored.chords if end > times[0] and start < times[-1]]
    changes = sum(a != b for a, b in pairwise(inside)) / (times[-1] - times[0])
    minor = float(find_key(pitch_classes(cells)).mode == "minor")
    raw = np.concatenate([np.log1p(density), np.log(loudness + 1.0), [np.sqrt(changes), minor]])
    return Stretch(song.id, start_bar, end_bar, float(times[0]), float(times[-1]), raw)


@dataclass(frozen=True)
class Windows:
    """Stretches of `seconds` of videos: `video` [n] number in the list, `start` [n] seconds, `raw` [n, WIDTH]."""

    seconds: float
    video: np.ndarray
    start: np.ndarray
    raw: np.ndarray


def windows(videos: Sequence[MusicVideo], seconds: float) -> Windows:
    """Every stretch that long, HOP seconds apart."""
    numbers, starts, rows = [], [], []
    for i, video in enumerate(videos):
        length = len(video.density)
        at = np.arange(0.0, length - seconds + 1e-9, HOP)
        if not len(at):
            continue
        edges = at[:, None] + np.linspace(0, seconds, POINTS + 1)  # [n, POINTS + 1]
        changes = np.array([a != b for a, b in pairwise(video.chord.tolist())] + [False], float)
        rate = _between(changes, edges[:, [0, -1]])
        rows.append(
            np.concatenate(
                [
                    np.log1p(_between(video.density, edges)),
                    np.log(np.sqrt(_between(video.loudness**2, edges)) + 1e-3),
                    np.sqrt(rate),
                    np.full((len(at), 1), float(video.minor)),
                ],
                axis=1,
            )
        )
        numbers.append(np.full(len(at), i))
        starts.append(at)
    if not rows:
        return Windows(seconds, np.zeros(0, int), np.zeros(0), np.zeros((0, WIDTH)))
    return Windows(seconds, np.concatenate(numbers), np.concatenate(starts), np.concatenate(rows))


def _between(track: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """[n, m] means of a track of one value a second between neighbouring edges [n, m + 1]."""
    sums = np.concatenate([[0.0], np.cumsum(track)])
    at = np.interp(edges, np.arange(len(sums)), sums)
    return np.diff(at, axis=1) / np.diff(edges, axis=1)


@dataclass(frozen=True)
class Scale:
    """Middle and spread of one side, by part."""

    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, raw: np.ndarray) -> "Scale":
        """Mean and standard deviation of density, loudness and chords in raw [n, WIDTH]; the mode is not scaled."""
        mean, sd = np.zeros(WIDTH), np.ones(WIDTH)
        for part in (slice(0, POINTS), slice(POINTS, 2 * POINTS), slice(2 * POINTS, 2 * POINTS + 1)):
            mean[part], sd[part] = raw[:, part].mean(), max(float(raw[:, part].std()), 1e-9)
        return cls(mean, sd)

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """[..., WIDTH] coordinates in which the squared distance is the unlikeness."""
        weight = [WEIGHTS["density"] / POINTS] * POINTS + [WEIGHTS["loudness"] / POINTS] * POINTS
        return (raw - self.mean) / self.sd * np.sqrt([*weight, WEIGHTS["chords"], WEIGHTS["minor"]])
