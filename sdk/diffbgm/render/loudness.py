"""Loudness and peaks: ITU-R BS.1770, true peak by oversampling, one gain curve for mix and stems; all in blocks."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from diffbgm.media.blocks import Read, blocks, new_sound, reader, release
from diffbgm.threads import at_once

T = TypeVar("T")

GATE = 0.4  # seconds: BS.1770 measures blocks of this length
HOP = 0.25  # of the gate: blocks overlap by three quarters
QUIETEST = -70.0  # LUFS of a block that counts at all
BELOW = 10.0  # LU below the mean under which a block does not count
LONG = 600.0  # seconds: longer pieces are measured on this much of them, in excerpts of `EXCERPT` seconds
EXCERPT = 30.0
PART = 5.0  # seconds of an excerpt that are looked at together
OVERSAMPLING = 4
OVERSHOOT = (
    2.25  # times its samples that a sound may reach between them: the interpolation filter's taps add up to 2.24
)
STRETCH = 1 << 12  # samples that are looked at between or not
SPARE = 1.3  # times its first gain up to which the limiter's look between the samples holds
FINE_BLOCK = 1 << 18
PIECE = 1 << 19  # samples weighted at once
FRAME = 0.01  # seconds
CONTEXT = 64  # samples either side of a block for the interpolation filter
HOLD = 0.012  # seconds: the limiter reacts that long before a peak and lets go that long after
ROUNDS = 4
CLOSE = 0.05  # LU


def measure_loudness(samples: np.ndarray, rate: int) -> float:
    """Integrated loudness in LUFS of [C, N]; -inf for silence.

    What is shorter than a measuring block counts as if it went on; what is longer than `LONG` is sampled.
    """
    return loudness_of(reader(samples), samples.shape[1], rate)


def loudness_of(read: Read, samples: int, rate: int) -> float:
    """`measure_loudness` of what `read` gives of so many samples."""
    if not any(np.abs(read(a, b)).max(initial=0.0) > 1e-9 for a, b in blocks(samples, PIECE)):
        return -np.inf
    need = int(np.ceil(GATE * rate)) + 1
    if samples < need:
        whole = read(0, samples)
        return integrated(iter([np.tile(whole, (1, -(-need // samples)))]), rate)
    return integrated((read(a, b) for a, b in measured(samples, rate)), rate)


def measured(samples: int, rate: int) -> Iterator[tuple[int, int]]:
    """(start, end) of the pieces that loudness is measured on: all there is, or excerpts where that is too long."""
    if samples <= LONG * rate:
        return blocks(samples, PIECE)
    size = round(EXCERPT * rate)
    starts = np.linspace(0, samples - size, round(LONG / EXCERPT)).astype(int)
    return ((start + a, start + b) for start in starts.tolist() for a, b in blocks(size, round(PART * rate)))


@cache
def weighting(rate: int) -> np.ndarray:
    """[2, 6] BS.1770's two filters at a rate as second-order sections, from pyloudnorm."""
    import pyloudnorm

    filters = pyloudnorm.Meter(rate, block_size=GATE)._filters.values()  # pyright: ignore[reportPrivateUsage]
    return np.stack([np.concatenate([f.passband_gain * f.b, f.a]) for f in filters])


def integrated(pieces: Iterable[np.ndarray], rate: int) -> float:
    """Return the LUFS of pieces [C, n] that follow each other, without ever holding all of them.

    The arithmetic is that of pyloudnorm's `integrated_loudness`, but for the order in which squares are summed.
    """
    from scipy.signal import sosfilt

    state: np.ndarray | None = None
    held, first, done = np.zeros((0, 0)), 0, 0
    power: list[list[float]] = []
    for piece in pieces:
        if state is None:
            state, held = np.zeros((2, len(piece), 2)), np.zeros((len(piece), 0))
        x, state = sosfilt(weighting(rate), piece.astype(np.float64), axis=1, zi=state)
        held = np.concatenate([held, x], axis=1)
        done += x.shape[1]
        while _bounds(len(power), rate)[1] <= done:
            power.append(_power(held, first, len(power), rate))
        keep = min(max(_bounds(len(power), rate)[0], first), done)
        held, first = held[:, keep - first :], keep
    count = int(np.round((done / rate - GATE) / (GATE * HOP)) + 1)
    while len(power) < count:
        power.append(_power(held, first, len(power), rate))
    return _gated(np.array(power[:count]).T)


def framed_power(samples: np.ndarray, rate: int) -> np.ndarray:
    """[F, C] mean squares of [C, N] as it is heard, over frames of `FRAME` seconds (the last may be shorter).

    With `loudness_under` it tells how loud a sound is under any slow gain, for one look at its samples.
    """
    from scipy.signal import sosfilt

    hop, state, read = round(FRAME * rate), np.zeros((2, len(samples), 2)), reader(samples)
    found: list[np.ndarray] = []
    for start, end in measured(samples.shape[1], rate):
        x, state = sosfilt(weighting(rate), read(start, end).astype(np.float64), axis=1, zi=state)
        at = np.arange(0, end - start, hop)
        lengths = np.minimum(end - start - at, hop)
        found.append((np.add.reduceat(np.square(x, out=x), at, axis=1) / lengths).T)
    return np.concatenate(found)


def loudness_under(power: np.ndarray, gain: np.ndarray, rate: int) -> float:
    """Integrated LUFS of what has the `framed_power` [F, C] under a gain [N], to some hundredths; -inf for silence."""
    hop = round(FRAME * rate)
    middles = (np.minimum(np.arange(a, b, hop) + hop // 2, b - 1) for a, b in measured(len(gain), rate))
    heard = power * np.square(gain[np.concatenate(list(middles))])[:, None]
    release(gain)
    block = min(round(GATE / FRAME), len(heard))
    sums = np.cumsum(np.pad(heard, ((1, 0), (0, 0))), axis=0)
    return _gated(((sums[block:] - sums[:-block]) / block)[:: round(GATE * HOP / FRAME)].T)


def _bounds(block: int, rate: int) -> tuple[int, int]:
    """First and last sample of a measuring block."""
    return int(GATE * (block * HOP) * rate), int(GATE * (block * HOP + 1) * rate)


def _power(held: np.ndarray, first: int, block: int, rate: int) -> list[float]:
    """Mean square of every channel in a measuring block, from what is held [C, n] of the samples from `first` on."""
    start, end = _bounds(block, rate)
    heard = held[:, start - first : end - first]
    return [float(channel @ channel) / (GATE * rate) for channel in heard]


def _gated(power: np.ndarray) -> float:
    """LUFS of the mean squares [C, blocks] of measuring blocks, after both gates."""
    weights = np.array([1.0, 1.0, 1.0, 1.41, 1.41])[: len(power)]

    def level(mean: np.ndarray) -> np.ndarray:
        return -0.691 + 10.0 * np.log10((weights * mean.T).sum(-1))

    def mean_of(counted: np.ndarray) -> np.ndarray:
        return np.array([row[counted].mean() for row in power])

    with np.errstate(divide="ignore"):
        heard = level(power) >= QUIETEST
        if not heard.any():
            return -np.inf
        loud = heard & (level(power) > level(mean_of(heard)) - BELOW)
        return float(level(mean_of(loud)))


def peaks_between(
    read: Read, start: int, end: int, samples: int, oversampling: int = OVERSAMPLING, least: float = 0.0
) -> np.ndarray:
    """[end - start] the highest absolute value of any channel around every sample, between the samples too.

    Args:
        read: Gives the sound.
        start: First sample.
        end: The sample after the last one.
        samples: Of the whole sound.
        oversampling: Points looked at per sample.
        least: Where no peak can be higher, the sound is only looked at in its samples, which is far quicker.
    """
    from scipy.signal import resample_poly

    a, b = max(0, start - CONTEXT), min(samples, end + CONTEXT)
    part = read(a, b)
    out = np.abs(part).max(0, initial=0.0).astype(np.float32)
    if oversampling > 1:
        for first, last in _high(out * np.float32(OVERSHOOT) > least):
            near = slice(max(0, first - CONTEXT), last + CONTEXT)
            fine = np.abs(resample_poly(part[:, near], oversampling, 1, axis=1)).max(0)
            found = fine.reshape(-1, oversampling).max(1)[first - near.start : last - near.start]
            np.maximum(out[first:last], found, out=out[first:last])
    return out[start - a : end - a]


def _high(high: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of stretches that hold all samples [N] where `high` is, and those within the filter's reach."""
    starts = np.arange(0, len(high), STRETCH)
    holds = np.pad(np.logical_or.reduceat(high, starts), 1)
    edges = np.flatnonzero(np.diff((holds[:-2] | holds[1:-1] | holds[2:]).astype(np.int8), prepend=0, append=0))
    return [(int(a), int(min(b, len(high)))) for a, b in edges.reshape(-1, 2) * STRETCH]


def in_blocks(do: Callable[[int, int], T], samples: int, size: int = FINE_BLOCK) -> list[T]:
    """`do` of the start and end of every block of so many samples, as many at once as there are cores."""
    starts, ends = zip(*blocks(samples, size), strict=True) if samples else ((), ())
    return at_once(do, starts, ends)


def peak_envelope(samples: np.ndarray) -> np.ndarray:
    """[N] the peaks of sound [C, N] around every sample, see `peaks_between`."""
    return _envelope(reader(samples), samples.shape[1])


def _envelope(read: Read, samples: int, oversampling: int = OVERSAMPLING, least: float = 0.0) -> np.ndarray:
    out = new_sound(samples)

    def fill(start: int, end: int) -> None:
        out[start:end] = peaks_between(read, start, end, samples, oversampling, least)
        release(out)

    in_blocks(fill, samples)
    return out


def true_peak(samples: np.ndarray) -> float:
    """DBTP of [C, N] (BS.1770 annex 2: fourfold oversampling); -inf for silence."""
    return true_peak_of(reader(samples), samples.shape[1])


def true_peak_of(read: Read, samples: int) -> float:
    """`true_peak` of what `read` gives of so many samples."""

    def loudest(start: int, end: int) -> float:
        return float(np.abs(read(start, end)).max(initial=0.0))

    def highest(start: int, end: int) -> float:
        return float(peaks_between(read, start, end, samples, least=least).max(initial=0.0))

    least = max(in_blocks(loudest, samples), default=0.0)
    peak = max(in_blocks(highest, samples), default=0.0)
    return 20 * float(np.log10(peak)) if peak > 0 else -np.inf


def limiter_curve(envelope: np.ndarray, rate: int, ceiling: float) -> np.ndarray:
    """Return [N] the gain 0..1 that keeps `envelope` [N] below `ceiling`.

    What is needed is held by a minimum filter and smoothed within the hold.
    """
    out = new_sound(len(envelope))
    for a, b in blocks(len(envelope)):
        out[a:b] = _limiter_block(envelope, a, b, np.float32(1), rate, ceiling)
        release(out, envelope)
    return out


def _limiter_block(
    envelope: np.ndarray, start: int, end: int, gain: np.float32, rate: int, ceiling: float
) -> np.ndarray:
    """Return the limiter's curve for the samples from `start` to `end` of an envelope times a gain."""
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import oaconvolve
    from scipy.signal.windows import hann

    half = round(HOLD * rate)
    a, b = max(0, start - half), min(len(envelope), end + half)  # of what is held
    c, d = max(0, a - half), min(len(envelope), b + half)  # of the need
    need = np.minimum(1.0, ceiling / np.maximum(np.asarray(envelope[c:d]) * gain, 1e-9)).astype(np.float32)
    if need.min(initial=1.0) >= 1.0:
        return need[start - c : end - c]
    held = minimum_filter1d(need, 2 * half + 1, mode="nearest")[a - c : b - c]
    kernel = hann(2 * half + 1, sym=True)
    padded = np.pad(held, (half - (start - a), half - (b - end)), mode="edge")
    return np.minimum(1.0, oaconvolve(padded, (kernel / kernel.sum()).astype(np.float32), mode="valid"))


class Master(NamedTuple):
    """The gain [N] of a finished mix, and what that then measures: LUFS, and dBTP (-inf for silence)."""

    curve: np.ndarray
    lufs: float
    true_peak: float


def master(read: Read, samples: int, rate: int, target: float, ceiling: float) -> Master:
    """The gain that brings what `read` gives to `target` LUFS with true peaks at most `ceiling` dBTP.

    Gain and limiter alternate until the loudness is within `CLOSE` or the rounds are over. Silence stays as it is.
    """
    curve, short = _levelled(read, samples, rate, target, ceiling)

    def mastered(start: int, end: int) -> np.ndarray:
        release(curve)
        return read(start, end) * curve[start:end]

    peak = true_peak_of(mastered, samples)
    if not np.isfinite(short):
        return Master(curve, -np.inf, peak)
    lower = min(0.0, ceiling - peak)
    for a, b in blocks(samples):
        curve[a:b] *= np.float32(10 ** (lower / 20))
        release(curve)
    return Master(curve, target - short + lower, peak + lower)


def rough_master(read: Read, samples: int, rate: int, target: float, ceiling: float) -> np.ndarray:
    """[N] about the curve of `master`, at a third of its cost: by the samples' own peaks and in fewer rounds."""
    return _levelled(read, samples, rate, target, ceiling, oversampling=1, rounds=2)[0]


def _levelled(
    read: Read,
    samples: int,
    rate: int,
    target: float,
    ceiling: float,
    *,
    oversampling: int = OVERSAMPLING,
    rounds: int = ROUNDS,
) -> tuple[np.ndarray, float]:
    """Return the curve [N] of `master` before its last look at the peaks, and the LU that are missing; inf: silence."""
    curve = new_sound(samples)
    loudness = loudness_of(read, samples, rate)
    if not np.isfinite(loudness):
        for a, b in blocks(samples):
            curve[a:b] = 1.0
        return curve, np.inf

    def levelled(start: int, end: int) -> np.ndarray:
        release(curve)
        return read(start, end) * curve[start:end]

    limit = 10 ** ((ceiling - 0.15) / 20)
    gain = 10 ** ((target - loudness) / 20)
    envelope, least, short = curve, np.inf, 0.0
    for _ in range(rounds):
        if limit / gain < least:
            least = limit / gain / SPARE
            envelope = _envelope(read, samples, oversampling, least)
        for a, b in blocks(samples):
            curve[a:b] = np.float32(gain) * _limiter_block(envelope, a, b, np.float32(gain), rate, limit)
            release(curve, envelope)
        short = target - loudness_of(levelled, samples, rate)
        if not np.isfinite(short) or abs(short) < CLOSE:
            break
        gain *= 10 ** (min(short, 3.0) / 20)
    return curve, short


def fade_curve(samples: int, rate: int, fade: float | None = None) -> np.ndarray:
    """Return [n] the end of a gain curve: a raised cosine over `fade` seconds, exactly 0 at the last sample.

    Without `fade` it takes 0.8 s, at most a fifth of the samples.
    """
    fade = min(0.8, samples / rate / 5) if fade is None else fade
    n = min(samples, max(2, round(fade * rate)))
    curve = np.asarray(0.5 * (1 + np.cos(np.pi * np.arange(1, n + 1) / n)), np.float32)
    curve[-1:] = 0.0
    return curve
