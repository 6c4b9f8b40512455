"""What all values share: the musical grid, the tolerance of the ear, and the checks of arrays and numbers."""

from dataclasses import fields
from typing import Any, cast

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.setting import show

BEATS_PER_BAR = 4
STEPS_PER_BEAT = 4
STEPS_PER_BAR = BEATS_PER_BAR * STEPS_PER_BEAT
LOWEST_PITCH = 21  # A0, the first of the 88 keys
PITCHES = 88
CHANNELS = ("melody onset", "melody sustain", "accompaniment onset", "accompaniment sustain")
PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SYNC_TOLERANCE = 0.040  # seconds: sound and picture this close are perceived as simultaneous


class Value:
    """Equality that looks into arrays, for frozen dataclasses that hold some."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]

    def _freeze(self, name: str, dtype: type[np.generic], ndim: int) -> np.ndarray:
        """Replace a field by a read-only array, see `frozen_array`; returns the array."""
        array = frozen_array(getattr(self, name), dtype, ndim, f"{type(self).__name__}.{name}")
        object.__setattr__(self, name, array)
        return array

    def _freeze_tuples(self, *names: str) -> None:
        """Replace fields by tuples."""
        for name in names:
            object.__setattr__(self, name, tuple(getattr(self, name)))


def _same(a: Any, b: Any) -> bool:
    arrays = [cast("np.ndarray", value) for value in (a, b) if isinstance(value, np.ndarray)]
    if len(arrays) == 2:
        return arrays[0].dtype == arrays[1].dtype and np.array_equal(arrays[0], arrays[1])
    return not arrays and bool(a == b)


def frozen_array(value: Any, dtype: type[np.generic], ndim: int, name: str) -> np.ndarray:
    """Return a read-only copy of `value` with a fixed dtype and rank.

    Raises:
        PlanError: It is no array of numbers, has another rank, or an entry is not finite or no whole number of `dtype`.

    """
    try:
        given = np.asarray(value)
        array = np.array(given, dtype=dtype)
    except (TypeError, ValueError, OverflowError, RuntimeError) as e:
        raise PlanError(f"{name} must be an array of numbers, got {show(value)}") from e
    rounded = array.dtype.kind in "iu" and array.dtype != given.dtype and bool((array != given).any())
    if given.size and (given.dtype.kind not in "biuf" or rounded):
        kind = "whole numbers from 0 to 255" if array.dtype == np.uint8 else "numbers"
        raise PlanError(f"{name} must be an array of {kind}, got {show(value)}")
    if array.ndim != ndim:
        raise PlanError(f"{name}: expected {ndim} dimension(s), got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PlanError(f"{name}: entry {int(np.flatnonzero(~np.isfinite(array).ravel())[0])} is not a finite number")
    array.setflags(write=False)
    return array


def check_range(value: float, name: str, low: float = 0.0, high: float = 1.0) -> None:
    """PlanError for a number outside `low` to `high`, and for NaN."""
    if not low <= value <= high:
        raise PlanError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")


def check_rising(times: list[float], end: float, name: str) -> None:
    """PlanError for times that do not rise strictly inside (0, `end`) seconds."""
    previous = 0.0
    for i, time in enumerate(times):
        if not previous < time < end:
            raise PlanError(
                f"{name}: entry {i} is {time:.3f} s, but must lie after {previous:.3f} s and before {end:.3f} s"
            )
        previous = time
