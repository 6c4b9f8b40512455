"""Dynamic programming over (beat, place in time, beat length): the tempo curve on which the most cuts land.

Time is counted in grains of 1 / GRAINS of the base beat. The beat edge b may lie `offset` grains, up to REACH of a
beat, from where a steady tempo would put it, and a beat lasts a whole number of grains. One step of the recursion goes
from one beat edge to the next:

    best[b + 1, offset + length - GRAINS, length] = max over the length before
        best[b, offset, length before] - unrest(length - length before) - drift(length) + worth of the cuts met

so that the limits on drift and on change hold by construction, and the optimum is exact on the grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import as_strided

from diffbgm.types import BEATS_PER_BAR

GRAINS = 72  # to a beat: 2 of 67 grains, the shortest beat 8 % allows, are 2.98 %
REACH = 2.0  # beats between an edge and where a steady tempo would put it
NEVER = np.float32(-1e9)


@dataclass(frozen=True)
class Limits:
    """What a beat may last.

    Attributes:
        lengths: Grains a beat may have.
        step: Grains that two neighbours may differ by.
        unrest: Cost per squared grain of change.
        drift: Cost per squared grain of distance from the base.

    """

    lengths: range
    step: int
    unrest: float
    drift: float

    @classmethod
    def of(cls, max_drift: float, max_step: float, unrest: float, drift: float) -> "Limits":
        """Limits as shares: tempo within 1 +- max_drift of the base, neighbours within a ratio of 1 + max_step."""
        low = int(np.ceil(GRAINS / (1 + max_drift) - 1e-9))
        high = int(np.floor(GRAINS / (1 - max_drift) + 1e-9))
        return cls(range(low, high + 1), int(max_step * low + 1e-9), unrest, drift)


@dataclass(frozen=True, eq=False)
class Targets:
    """Where it pays to have a beat.

    Attributes:
        times: [C] seconds.
        down: [C] worth of each on a downbeat.
        beat: [C] worth on a beat.
        half: [C] worth on a half beat.
        width: Seconds within which a target counts as met.
        beats_per_bar: From one downbeat to the next.

    """

    times: np.ndarray
    down: np.ndarray
    beat: np.ndarray
    half: np.ndarray
    width: float
    beats_per_bar: int = BEATS_PER_BAR

    def only(self, which: np.ndarray) -> "Targets":
        """Return the targets in a mask [C]."""
        return replace(
            self, times=self.times[which], down=self.down[which], beat=self.beat[which], half=self.half[which]
        )


def search(targets: Targets, beats: int, beat_length: float, limits: Limits) -> np.ndarray:
    """[beats + 1] edges in seconds from 0 to beats * beat_length on which the targets' worth is highest."""
    best = _forward(targets, [(0.0, beats, beat_length)], limits, keep=True)
    lengths = _trace(best.kept[:, 0], limits)
    return np.concatenate([[0.0], np.cumsum(lengths)]) * (beat_length / GRAINS)


def score(
    targets: Targets, stretches: Sequence[tuple[float, int, float]], limits: Limits, free: bool = False
) -> np.ndarray:
    """Return [n] the worth that each stretch (start in seconds, beats, seconds per beat) can reach.

    With `free` it may begin and end off its grid.
    """
    return _forward(targets, stretches, limits, keep=False, free=free).value


@dataclass(frozen=True, eq=False)
class _Run:
    value: np.ndarray  # [K]
    kept: np.ndarray  # [B + 1, K, lengths, offsets], or empty


def _forward(
    targets: Targets,
    stretches: Sequence[tuple[float, int, float]],
    limits: Limits,
    keep: bool,
    free: bool = False,
) -> _Run:
    """Run the recursion for K stretches side by side; shapes [K, lengths, offsets]."""
    lengths = np.array(limits.lengths)
    reach = int(REACH * GRAINS)
    offsets = 2 * reach + 1
    count, longest = len(stretches), max(beats for _, beats, _ in stretches)
    edges, halves = _worths(targets, stretches, longest, lengths, offsets)
    drift = (limits.drift * (lengths - GRAINS) ** 2).astype(np.float32)[:, None]
    now = np.full((count, len(lengths), offsets), NEVER, np.float32)
    if free:
        now[:] = 0
    else:
        now[:, :, reach] = 0
    move = _moves(lengths, offsets)
    kept = np.empty((longest + 1 if keep else 0, *now.shape), np.float32)
    if keep:
        kept[0] = now
    value = np.zeros(count)
    padded = np.full((count, len(lengths) * (offsets + 1)), NEVER, np.float32)
    shaped = padded.reshape(count, len(lengths), offsets + 1)[:, :, :offsets]
    for b in range(longest):
        gained = _best_before(now, limits)
        gained += halves[:, b]
        gained -= drift
        shaped[:] = gained
        now = padded.take(move, axis=1)
        now += edges[:, b + 1, None, :]
        if keep:
            kept[b + 1] = now
        for k, (_, beats, _) in enumerate(stretches):
            if beats == b + 1:
                value[k] = now[k].max() if free else now[k, :, reach].max()
    return _Run(value, kept)


def _moves(lengths: np.ndarray, offsets: int) -> np.ndarray:
    """Return [lengths, offsets] from where, in flattened rows of offsets + 1, each new place comes.

    What comes from nowhere takes the padding cell.
    """
    source = np.arange(offsets)[None] - (lengths - GRAINS)[:, None]
    outside = (source < 0) | (source >= offsets)
    return np.where(outside, offsets, source) + np.arange(len(lengths))[:, None] * (offsets + 1)


def _best_before(now: np.ndarray, limits: Limits) -> np.ndarray:
    """[K, lengths, offsets] the best value before each length, the cost of the change taken off."""
    best = now.copy()
    n = now.shape[-2]
    for d in range(1, limits.step + 1):
        cost = np.float32(limits.unrest * d * d)
        for sign in (1, -1):
            here, before = (slice(d, n), slice(0, n - d)) if sign == 1 else (slice(0, n - d), slice(d, n))
            other = now[..., before, :] - cost
            np.maximum(best[..., here, :], other, out=best[..., here, :])
    return best


def _worths(
    targets: Targets, stretches: Sequence[tuple[float, int, float]], longest: int, lengths: np.ndarray, offsets: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what edges are worth, [K, B + 1, offsets], and middles of beats, [K, B, lengths, offsets] (a view)."""
    reach = offsets // 2
    size = longest * GRAINS + 2 * reach + 2 * GRAINS
    edges = np.empty((len(stretches), longest + 1, offsets), np.float32)
    half = np.empty((len(stretches), 2 * size), np.float32)
    for k, (start, _, beat_length) in enumerate(stretches):
        grain = beat_length / GRAINS
        origin = start - reach * grain
        rows = {name: _spread(targets, getattr(targets, name), origin, grain, size) for name in ("down", "beat")}
        for name, first, step in (("beat", 0, 1), ("down", 0, targets.beats_per_bar)):
            view = as_strided(
                rows[name],
                (longest + 1, offsets),
                (GRAINS * rows[name].itemsize, rows[name].itemsize),
                writeable=False,
            )
            edges[k, first::step] = view[first::step]
        half[k] = _spread(targets, targets.half, origin, grain / 2, 2 * size)
    item = half.itemsize
    # The middle of a beat that starts at grain g and lasts n grains lies at half grain 2 g + n.
    halves = as_strided(
        half[:, lengths[0] :],
        (len(stretches), longest, len(lengths), offsets),
        (half.strides[0], 2 * GRAINS * item, item, 2 * item),
        writeable=False,
    )
    return edges, halves


def _spread(targets: Targets, worth: np.ndarray, origin: float, grain: float, size: int) -> np.ndarray:
    """Return [size] the worth at times origin + i * grain.

    Each target's worth falls off by a third towards `width`, then to nothing.
    """
    place = (targets.times - origin) / grain
    width = targets.width / grain
    reach = int(np.ceil(width))
    near = np.round(place).astype(int)[:, None] + np.arange(-reach, reach + 1)  # [C, grains around]
    error = np.abs(near - place[:, None]) / width
    pay = worth[:, None] * (1 - error**2 / 3)
    ok = (error <= 1) & (near >= 0) & (near < size)
    return np.bincount(near[ok], weights=pay[ok], minlength=size).astype(np.float32)


def _trace(kept: np.ndarray, limits: Limits) -> np.ndarray:
    """[B] lengths in grains of the best path through kept [B + 1, lengths, offsets] that ends at offset 0."""
    lengths = np.array(limits.lengths)
    beats = len(kept) - 1
    place = kept.shape[-1] // 2
    level = int(kept[beats, :, place].argmax())
    out = np.empty(beats, int)
    for b in range(beats, 0, -1):
        out[b - 1] = lengths[level]
        place -= int(lengths[level]) - GRAINS
        near = np.arange(max(0, level - limits.step), min(len(lengths), level + limits.step + 1))
        level = int(near[(kept[b - 1, near, place] - limits.unrest * (near - level) ** 2).argmax()])
    return out
