"""Tracks of fixed rate from pictures of any rate: every picture counts for as long as it is shown."""

import math
from dataclasses import dataclass

import numpy as np

TRACK_RATE = 4.0  # samples per second


@dataclass(frozen=True)
class Track:
    """`times` [N] the middle of every bin in seconds, `colour` [N, 3] its mean, `change_rate` [N] levels per second."""

    times: np.ndarray
    colour: np.ndarray
    change_rate: np.ndarray


class Tracks:
    """Averages of colour and motion in bins of 1 / TRACK_RATE seconds, whatever the frame rate."""

    def __init__(self, duration: float) -> None:
        bins = _bins(duration)
        self._shown = np.zeros(bins)  # seconds of picture in the bin
        self._colour = np.zeros((bins, 3))  # colour times seconds
        self._moving = np.zeros(bins)  # seconds over which change was measured
        self._change = np.zeros(bins)  # levels of change

    def show(self, start: float, end: float, colour: np.ndarray) -> None:
        """A picture of `colour` [3] is on the screen from `start` to `end`."""
        for i, seconds in self._overlaps(start, end):
            self._shown[i] += seconds
            self._colour[i] += seconds * colour

    def change(self, start: float, end: float, levels: float, sign: int = 1) -> None:
        """The picture changed by `levels` between two times; `sign` -1 takes one back that was a cut."""
        span = max(end - start, 1e-9)
        for i, seconds in self._overlaps(start, end):
            self._moving[i] += sign * seconds
            self._change[i] += sign * levels * seconds / span

    def until(self, duration: float) -> Track:
        """The averages up to `duration`. Bins in which nothing was seen repeat the one before."""
        n = min(_bins(duration), len(self._shown))
        edges = np.minimum(np.arange(n + 1) / TRACK_RATE, duration)
        shown, moving = self._shown[:n], self._moving[:n]
        colour = self._colour[:n] / np.maximum(shown, 1e-9)[:, None]
        rate = self._change[:n] / np.maximum(moving, 1e-6)
        return Track(
            times=(edges[1:] + edges[:-1]) / 2,
            colour=colour[_last_known(shown > 1e-9)],
            change_rate=np.maximum(rate[_last_known(moving > 1e-6)], 0.0),
        )

    def _overlaps(self, start: float, end: float) -> list[tuple[int, float]]:
        """(bin, seconds) that an interval shares with every bin it touches."""
        first = min(int(start * TRACK_RATE), len(self._shown) - 1)
        last = min(int(end * TRACK_RATE), len(self._shown) - 1)
        if first == last:
            return [(first, end - start)]
        edges = [start, *((i / TRACK_RATE) for i in range(first + 1, last + 1)), end]
        return [(first + k, edges[k + 1] - edges[k]) for k in range(len(edges) - 1)]


def _bins(duration: float) -> int:
    return max(1, math.ceil(duration * TRACK_RATE - 1e-6))


def _last_known(known: np.ndarray) -> np.ndarray:
    """[N] for every entry the index of the nearest known one at or before it, else of the first known one."""
    if not known.any():
        return np.arange(len(known))
    index = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return np.where(index < 0, int(np.argmax(known)), index)
