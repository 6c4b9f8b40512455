"""Loudness and peaks: ITU-R BS.1770 by pyloudnorm, true peak by oversampling, one gain curve for mix and stems."""

import numpy as np

GATE = 0.4  # seconds: BS.1770 measures blocks of this length
LONG = 600.0  # seconds: longer pieces are measured on this much of them, in excerpts of `EXCERPT` seconds
EXCERPT = 30.0
OVERSAMPLING = 4
BLOCK = 1 << 18
CONTEXT = 64  # samples either side of a block for the interpolation filter
HOLD = 0.012  # seconds: the limiter reacts that long before a peak and lets go that long after
ROUNDS = 4
CLOSE = 0.05  # LU


def measure_loudness(samples: np.ndarray, rate: int) -> float:
    """Integrated loudness in LUFS of [C, N]; -inf for silence.

    What is shorter than a measuring block counts as if it went on; what is longer than `LONG` is sampled.
    """
    import warnings

    import pyloudnorm

    if not samples.size or not np.abs(samples).max() > 1e-9:
        return -np.inf
    need = int(np.ceil(GATE * rate)) + 1
    if samples.shape[1] < need:
        samples = np.tile(samples, (1, -(-need // samples.shape[1])))
    elif samples.shape[1] > LONG * rate:
        size = round(EXCERPT * rate)
        starts = np.linspace(0, samples.shape[1] - size, round(LONG / EXCERPT)).astype(int)
        samples = np.concatenate([samples[:, s : s + size] for s in starts], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # log of an empty block
        return float(pyloudnorm.Meter(rate, block_size=GATE).integrated_loudness(samples.T.astype(np.float64)))


def peak_envelope(samples: np.ndarray, oversampling: int = OVERSAMPLING) -> np.ndarray:
    """[N] the highest absolute value of any channel around every sample of [C, N], between the samples too."""
    from scipy.signal import resample_poly

    n = samples.shape[1]
    out = np.abs(samples).max(0, initial=0.0).astype(np.float32)
    for start in range(0, n, BLOCK):
        a, b = max(0, start - CONTEXT), min(n, start + BLOCK + CONTEXT)
        fine = np.abs(resample_poly(samples[:, a:b], oversampling, 1, axis=1)).max(0)
        own = fine.reshape(-1, oversampling).max(1)[start - a : start - a + min(BLOCK, n - start)]
        np.maximum(out[start : start + len(own)], own, out=out[start : start + len(own)])
    return out


def true_peak(samples: np.ndarray) -> float:
    """dBTP of [C, N] (BS.1770 annex 2: fourfold oversampling); -inf for silence."""
    peak = float(peak_envelope(samples).max(initial=0.0))
    return 20 * float(np.log10(peak)) if peak > 0 else -np.inf


def limiter_curve(envelope: np.ndarray, rate: int, ceiling: float) -> np.ndarray:
    """[N] gain 0..1 that keeps `envelope` [N] below `ceiling`: the need, held by a minimum filter, smoothed within
    the hold.
    """
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import oaconvolve
    from scipy.signal.windows import hann

    need = np.minimum(1.0, ceiling / np.maximum(envelope, 1e-9)).astype(np.float32)
    if need.min(initial=1.0) >= 1.0:
        return need
    half = round(HOLD * rate)
    held = minimum_filter1d(need, 2 * half + 1, mode="nearest")
    kernel = hann(2 * half + 1, sym=True)
    padded = np.pad(held, half, mode="edge")
    return np.minimum(1.0, oaconvolve(padded, (kernel / kernel.sum()).astype(np.float32), mode="valid"))


def master_curve(mix: np.ndarray, rate: int, target: float, ceiling: float) -> np.ndarray:
    """[N] the gain that brings `mix` [C, N] to `target` LUFS with true peaks at most `ceiling` dBTP.

    Gain and limiter alternate until the loudness is within `CLOSE` or the rounds are over. Silence stays as it is.
    """
    loudness = measure_loudness(mix, rate)
    if not np.isfinite(loudness):
        return np.ones(mix.shape[1], np.float32)
    envelope = peak_envelope(mix)
    limit = 10 ** ((ceiling - 0.15) / 20)
    gain = 10 ** ((target - loudness) / 20)
    curve = np.ones(mix.shape[1], np.float32)
    for _ in range(ROUNDS):
        curve = np.float32(gain) * limiter_curve(envelope * np.float32(gain), rate, limit)
        short = target - measure_loudness(mix * curve, rate)
        if not np.isfinite(short) or abs(short) < CLOSE:
            break
        gain *= 10 ** (min(short, 3.0) / 20)
    peak = true_peak(mix * curve)
    return curve * np.float32(min(1.0, 10 ** ((ceiling - peak) / 20)))


def fade_curve(samples: int, rate: int, fade: float) -> np.ndarray:
    """[samples] 1, then a raised cosine over the last `fade` seconds, exactly 0 at the last sample."""
    curve = np.ones(samples, np.float32)
    n = min(samples, max(2, round(fade * rate)))
    curve[samples - n :] = 0.5 * (1 + np.cos(np.pi * np.arange(1, n + 1) / n))
    curve[-1:] = 0.0
    return curve
