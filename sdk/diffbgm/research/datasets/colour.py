"""How chromatic and how harsh bars are, as sums by bar, so that any run of bars is quick."""

import numpy as np

from diffbgm.roll import pitch_class_rows
from diffbgm.types import BEATS_PER_BAR, STEPS_PER_BEAT

SCALE = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], np.float64)  # C major
HARSH = (1, 6, 11)  # semitones apart, octaves aside: a second, a tritone, a major seventh


def colour_by_bar(cells: np.ndarray, beats_per_bar: int = BEATS_PER_BAR) -> np.ndarray:
    """[bars, 14] onsets and harsh intervals by bar of cells [4, T, 88] in whole bars.

    Columns: onsets by pitch class (12), pairs of accompaniment notes that are struck together, and those of them that
    are harsh.
    """
    steps = beats_per_bar * STEPS_PER_BEAT
    bars = cells.shape[1] // steps
    onsets = pitch_class_rows(cells[0::2].sum(0).reshape(bars, steps, -1).sum(1).astype(np.float64))
    struck = pitch_class_rows(cells[2].astype(np.float64))  # [T, 12] notes by class
    count = struck.sum(1)
    pairs = count * (count - 1) / 2
    harsh = sum(0.5 * (struck * np.roll(struck, -d, 1)).sum(1) for d in HARSH)
    by_bar = [np.asarray(x).reshape(bars, steps).sum(1, keepdims=True) for x in (pairs, harsh)]
    return np.concatenate([onsets, *by_bar], axis=1)


def scale_share(colour: np.ndarray, *, best: bool = False) -> float:
    """Share (0..1) of the onsets of bars [bars, 14] inside one major scale; NaN without onsets.

    The scale is C major, or with `best` the major scale that holds most of them.
    """
    onsets = colour[:, :12].sum(0)
    if not onsets.sum():
        return float("nan")
    held = max(float(np.roll(SCALE, k) @ onsets) for k in range(12)) if best else float(SCALE @ onsets)
    return held / float(onsets.sum())


def harshness(colour: np.ndarray) -> float:
    """Share of the pairs struck together in some bars [bars, 14] that are harsh; NaN without pairs."""
    pairs, harsh = colour[:, 12:].sum(0)
    return float(harsh / pairs) if pairs else float("nan")
