"""Checked access to cells [4, T, 88]: what every metric here starts from."""

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.types import LOWEST_PITCH, PITCHES, STEPS_PER_BAR

PITCH_CLASS = (np.arange(PITCHES) + LOWEST_PITCH) % 12
FOLD = (PITCH_CLASS[:, None] == np.arange(12)).astype(np.float64)  # [88, 12]: keys @ FOLD = pitch classes
KEYS = np.arange(PITCHES) + LOWEST_PITCH  # [88] MIDI pitch of each key


def as_cells(cells: ArrayLike) -> np.ndarray:
    """`cells` as uint8 [4, T, 88] of 0 and 1 with T whole bars of 16 steps; anything else raises InputError."""
    array = np.asarray(cells)
    if array.ndim != 3 or array.shape[0] != 4 or array.shape[2] != PITCHES:
        raise InputError(f"metrics: cells must be [4, T, {PITCHES}], got {list(array.shape)}")
    if array.shape[1] == 0 or array.shape[1] % STEPS_PER_BAR:
        raise InputError(f"metrics: cells must hold whole bars of {STEPS_PER_BAR} steps, got {array.shape[1]} steps")
    if not np.isin(array, (0, 1)).all():
        raise InputError(f"metrics: cells must be 0 or 1, got values from {array.min()!r} to {array.max()!r}")
    return array.astype(np.uint8, copy=False)


def as_windows(windows: ArrayLike) -> np.ndarray:
    """`windows` as uint8 [n, 4, T, 88]; at least one."""
    array = np.asarray(windows)
    if array.ndim != 4 or len(array) == 0:
        raise InputError(f"metrics: windows must be [n, 4, T, {PITCHES}] with n >= 1, got {list(array.shape)}")
    as_cells(array[0])
    if not np.isin(array, (0, 1)).all():
        raise InputError(f"metrics: cells must be 0 or 1, got values from {array.min()!r} to {array.max()!r}")
    return array.astype(np.uint8, copy=False)


def onsets(cells: np.ndarray) -> np.ndarray:
    """[2, T, 88] bool: where melody and accompaniment strike, from cells [4, T, 88]."""
    return cells[0::2].astype(bool)


def note_lengths(cells: np.ndarray) -> np.ndarray:
    """[2, T, 88] length in steps of the note that starts in each cell; 0 where none starts."""
    onset = onsets(cells)
    held = cells[1::2].astype(bool) & ~onset
    run = np.zeros((2, PITCHES), np.int64)  # how long the sustain that begins at this step goes on
    lengths = np.zeros(onset.shape, np.int64)
    for step in range(onset.shape[1] - 1, -1, -1):
        lengths[:, step] = (1 + run) * onset[:, step]
        run = np.where(held[:, step], run + 1, 0)
    return lengths


def melody_line(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(steps [m], MIDI pitches [m]) of the melody: the highest onset of every step in which the melody strikes."""
    strikes = cells[0].astype(bool)
    steps = np.flatnonzero(strikes.any(1))
    top = PITCHES - 1 - strikes[steps, ::-1].argmax(1)
    return steps, top + LOWEST_PITCH


def jaccard(first: ArrayLike, second: ArrayLike) -> float:
    """|a and b| / |a or b| of two boolean arrays of one shape; 1 where both are empty."""
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    either = int((a | b).sum())
    return int((a & b).sum()) / either if either else 1.0
