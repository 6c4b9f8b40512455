"""Sound at another sampling rate."""

from math import gcd

import numpy as np


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return samples [..., N] float32 taken at `rate` Hz as they are at `wanted` Hz, by a polyphase filter."""
    from scipy.signal import resample_poly

    if rate == wanted:
        return samples
    divisor = gcd(rate, wanted)
    return np.asarray(resample_poly(samples, wanted // divisor, rate // divisor, axis=-1), np.float32)
