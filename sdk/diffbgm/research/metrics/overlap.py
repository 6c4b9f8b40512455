"""Overlapping areas of pitch and duration, between sets of music and between a piece's own frames.

Mittal, Engel, Hawthorne & Simon, "Symbolic Music Generation with Diffusion Models" (ISMIR 2021), section 4.2, used
since by the diffusion models over symbolic music, Polyffusion among them (Min, Jiang, Xia & Zhao, ISMIR 2023):
frames of four bars every two bars; in each, a normal distribution is fitted to the pitches and to the durations of
the notes that start there; OA is the area under both curves of neighbouring frames. Consistency and variance compare
its mean and its variance with those of real music.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import KEYS, as_cells, note_lengths, onsets
from diffbgm.types import STEPS_PER_BAR, STEPS_PER_BEAT

FRAME_BARS = 4
HOP_BARS = 2
NARROWEST = 1e-2  # semitones or beats: the spread of a frame whose notes are all alike


def overlapping_area(mean_a: float, spread_a: float, mean_b: float, spread_b: float) -> float:
    """The area 0..1 under both of two normal curves; spreads below `NARROWEST` count as that."""
    return NormalDist(mean_a, max(spread_a, NARROWEST)).overlap(NormalDist(mean_b, max(spread_b, NARROWEST)))


def note_values(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(start step, MIDI pitch, length in beats) of every note of both voices, in no particular order."""
    voice, step, key = np.nonzero(onsets(cells))
    return step, KEYS[key], note_lengths(cells)[voice, step, key] / STEPS_PER_BEAT


def frame_overlaps(
    cells: ArrayLike, frame_bars: int = FRAME_BARS, hop_bars: int = HOP_BARS
) -> tuple[np.ndarray, np.ndarray]:
    """(pitch, duration) overlapping areas [pairs] of neighbouring frames; pairs with an empty frame are left out."""
    checked = as_cells(cells)
    if frame_bars < 1 or hop_bars < 1:
        raise InputError(f"frame_overlaps: frame and hop must be at least a bar, got {frame_bars} and {hop_bars}")
    step, pitch, length = note_values(checked)
    width, hop = frame_bars * STEPS_PER_BAR, hop_bars * STEPS_PER_BAR
    frames = [(step >= s) & (step < s + width) for s in range(0, checked.shape[1] - width + 1, hop)]
    pairs = [(a, b) for a, b in pairwise(frames) if a.any() and b.any()]

    def areas(x: np.ndarray) -> np.ndarray:
        return np.array([overlapping_area(x[a].mean(), x[a].std(), x[b].mean(), x[b].std()) for a, b in pairs])

    return areas(pitch), areas(length)


@dataclass(frozen=True)
class SelfSimilarity:
    """Consistency and variance of the overlapping areas, beside real music; 1 is best.

    Consistency = max(0, 1 - |mu - mu_real| / mu_real) and variance = max(0, 1 - |s2 - s2_real| / s2_real). Further: the
    mean areas themselves, and the number of frame pairs composed and real.
    """

    pitch_consistency: float
    pitch_variance: float
    duration_consistency: float
    duration_variance: float
    pitch_area: tuple[float, float]
    duration_area: tuple[float, float]
    pairs: tuple[int, int]


def self_similarity(generated: Iterable[ArrayLike], reference: Iterable[ArrayLike]) -> SelfSimilarity:
    """Framewise self-similarity of generated pieces against real ones, cells [4, T, 88] of at least six bars."""
    sides = []
    for pieces in (generated, reference):
        areas = [frame_overlaps(piece) for piece in pieces]
        sides.append([np.concatenate([np.zeros(0), *(a[k] for a in areas)]) for k in (0, 1)])
    if not len(sides[0][0]) or not len(sides[1][0]):
        raise InputError(
            f"self_similarity: no neighbouring frames; pieces need notes in {FRAME_BARS + HOP_BARS} bars or more"
        )

    def closeness(value: float, real: float) -> float:
        return max(0.0, 1.0 - float(abs(value - real) / real)) if real > 0 else float(value == real)

    (pitch, length), (real_pitch, real_length) = sides
    return SelfSimilarity(
        closeness(pitch.mean(), real_pitch.mean()),
        closeness(pitch.var(), real_pitch.var()),
        closeness(length.mean(), real_length.mean()),
        closeness(length.var(), real_length.var()),
        (float(pitch.mean()), float(real_pitch.mean())),
        (float(length.mean()), float(real_length.mean())),
        (len(pitch), len(real_pitch)),
    )


def histogram_overlap(a: ArrayLike, b: ArrayLike, bins: int = 32) -> float:
    """Area 0..1 under the histograms of two sets of numbers, on common bins over their joint range."""
    x, y = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if not len(x) or not len(y):
        raise InputError(f"histogram_overlap: both sets need values, got {len(x)} and {len(y)}")
    edges = np.histogram_bin_edges(np.concatenate([x, y]), bins)
    p, q = (np.histogram(v, edges)[0] / len(v) for v in (x, y))
    return float(np.minimum(p, q).sum())
