"""Did the music do what it was asked? Requested against played, bar by bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import as_cells, as_windows, onsets
from diffbgm.research.metrics.statistics import pearson, spearman
from diffbgm.roll import find_key, measure_curves, pitch_classes
from diffbgm.types import BEATS_PER_BAR, CURVES, STEPS_PER_BAR, Curves, TempoMap


def curve_agreement(requested: Sequence[Curves], played: ArrayLike) -> dict[str, float]:
    """Correlation over all bars of all windows between each curve asked for and the same measured from what was played.

    `requested`: n curves of B beats (a bar's request is the mean of its beats); `played`: cells [n, 4, 4 B, 88].
    """
    cells = as_windows(played)
    if len(requested) != len(cells):
        raise InputError(f"curve_agreement: {len(requested)} curves for {len(cells)} windows")
    heard = [measure_curves(window) for window in cells]
    result = {}
    for name in CURVES:
        sides = [np.concatenate([_by_bar(getattr(curves, name)) for curves in side]) for side in (requested, heard)]
        result[name] = pearson(sides[0], sides[1])
    return result


def _by_bar(curve: np.ndarray) -> np.ndarray:
    whole = len(curve) // BEATS_PER_BAR * BEATS_PER_BAR
    return curve[:whole].reshape(-1, BEATS_PER_BAR).mean(1)


@dataclass(frozen=True)
class ModeAgreement:
    """`share` of windows heard in the mode asked for (Krumhansl's key finding), for major and minor requests apart."""

    share: float
    major: float | None
    minor: float | None
    n: tuple[int, int]


def mode_agreement(asked_major: Sequence[bool], played: ArrayLike) -> ModeAgreement:
    """`asked_major` [n]: True for major, False for minor; `played`: cells [n, 4, T, 88]."""
    cells, asked = as_windows(played), np.asarray(asked_major, bool)
    if asked.shape != (len(cells),):
        raise InputError(f"mode_agreement: {asked.shape} requests for {len(cells)} windows")
    heard = np.array([find_key(pitch_classes(window)).mode == "major" for window in cells])
    right = heard == asked
    parts = [float(right[asked == mode].mean()) if (asked == mode).any() else None for mode in (True, False)]
    return ModeAgreement(float(right.mean()), parts[0], parts[1], (int(asked.sum()), int((~asked).sum())))


def motion_agreement(times: ArrayLike, motion: ArrayLike, cells: ArrayLike, tempo: TempoMap) -> float:
    """Rank correlation, bar by bar, between how much the pictures move and how many onsets a second are played.

    `times` [N] seconds (rising) and `motion` [N] of the video; `cells` [4, T, 88] of the music, with its `tempo`.
    A bar without a sample of its own takes the nearest in time. Real music videos are coupled loosely (r = .13 on
    MuVi-Sync), so neither 1 nor 0 is the aim: compare with the same music over other videos.
    """
    checked, seconds, moved = as_cells(cells), np.asarray(times, np.float64), np.asarray(motion, np.float64)
    if seconds.shape != moved.shape or seconds.ndim != 1 or not len(seconds):
        raise InputError(f"motion_agreement: times and motion must be [N], got {seconds.shape} and {moved.shape}")
    bars = checked.shape[1] // STEPS_PER_BAR
    if tempo.beats < bars * BEATS_PER_BAR:
        raise InputError(f"motion_agreement: {bars} bars of music, but the tempo map ends after {tempo.beats} beats")
    edges = tempo.edges[: bars * BEATS_PER_BAR + 1 : BEATS_PER_BAR]
    rate = onsets(checked).sum((0, 2)).reshape(bars, STEPS_PER_BAR).sum(1) / np.diff(edges)
    seen = []
    for start, end in pairwise(edges.tolist()):
        inside = (seconds >= start) & (seconds < end)
        seen.append(moved[inside].mean() if inside.any() else moved[np.abs(seconds - (start + end) / 2).argmin()])
    return spearman(seen, rate)
