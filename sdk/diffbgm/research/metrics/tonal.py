"""Pitch class histogram entropy and grooving pattern similarity, as the paper measures them.

Both come from Wu & Yang, "The Jazz Transformer on the Front Line" (ISMIR 2020), section 5; Diff-BGM (Li et al., CVPR
2024) counts onsets of all voices, takes windows of eight bars side by side and 16 positions in a bar. The structure
indicator of the same paper is in `structure`.
"""

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import FOLD, as_cells, onsets
from diffbgm.types import STEPS_PER_BAR


def entropy(histogram: ArrayLike) -> float:
    """H(h) = -sum_i h_i log2 h_i in bits, of a histogram of any length scaled to sum 1; 0 for an empty one."""
    h = np.asarray(histogram, np.float64)
    total = h.sum()
    if total <= 0:
        return 0.0
    h = h[h > 0] / total
    return float(-(h * np.log2(h)).sum()) + 0.0


def onset_histogram(cells: ArrayLike) -> np.ndarray:
    """[12] how many notes of both voices start on each pitch class (C first)."""
    return onsets(as_cells(cells)).sum((0, 1)) @ FOLD


def pitch_class_entropies(cells: ArrayLike, bars: int = 8, hop: int | None = None) -> np.ndarray:
    """PCHE in bits of every window of `bars` bars, `hop` bars apart (default: side by side) [windows].

    Windows in which nothing starts are left out, as in the authors' code; a piece shorter than a window is one window.
    """
    checked = as_cells(cells)
    total = checked.shape[1] // STEPS_PER_BAR
    if bars < 1 or (hop is not None and hop < 1):
        raise InputError(f"pitch_class_entropies: bars and hop must be at least 1, got {bars} and {hop}")
    by_bar = (onsets(checked).sum(0) @ FOLD).reshape(total, STEPS_PER_BAR, 12).sum(1)
    width = min(bars, total)
    histograms = [by_bar[i : i + width].sum(0) for i in range(0, total - width + 1, hop or width)]
    return np.array([entropy(h) for h in histograms if h.sum() > 0])


def pche(cells: ArrayLike, bars: int = 8) -> float:
    """Mean PCHE over windows of `bars` bars side by side, in bits (0 .. log2 12 = 3.585); 0 without notes."""
    values = pitch_class_entropies(cells, bars)
    return float(values.mean()) if len(values) else 0.0


def grooves(cells: ArrayLike) -> np.ndarray:
    """[bars, 16] bool: at which sixteenths of each bar any voice strikes (a bar's grooving pattern)."""
    return onsets(as_cells(cells)).any((0, 2)).reshape(-1, STEPS_PER_BAR)


def groove_similarity(pattern_a: ArrayLike, pattern_b: ArrayLike) -> float:
    """GS(a, b) = 1 - 1/Q sum_i XOR(a_i, b_i) over the Q positions of two bars."""
    a, b = np.asarray(pattern_a, bool), np.asarray(pattern_b, bool)
    if a.shape != b.shape:
        raise InputError(f"groove_similarity: patterns must be of one length, got {a.shape} and {b.shape}")
    return float(1.0 - (a ^ b).mean())


def mean_groove_similarity(patterns: np.ndarray) -> float:
    """GS averaged over all pairs of patterns [bars, Q]; 1 when there is a single bar.

    With c_q of the B bars striking at position q, c_q (B - c_q) pairs differ there: no loop over pairs is needed.
    """
    bars = len(patterns)
    if bars < 2:
        return 1.0
    count = patterns.sum(0).astype(np.float64)
    return float(1.0 - (count * (bars - count)).mean() / (bars * (bars - 1) / 2))


def gps(cells: ArrayLike) -> float:
    """Grooving pattern similarity of a piece or window: the mean over all pairs of its bars, 0..1."""
    return mean_groove_similarity(grooves(cells))
