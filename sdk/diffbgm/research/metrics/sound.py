"""What can be said of sound by measuring it: gaps, and whether stems sum to their mix."""

from collections.abc import Mapping

import numpy as np

from diffbgm.types import Audio

QUIET = -50.0  # dBFS: below this, 50 ms of sound count as silent
BLOCK = 0.05  # seconds


def longest_gap(audio: Audio, quiet: float = QUIET) -> float:
    """Seconds of the longest stretch whose blocks of 50 ms all have an RMS level below `quiet` dBFS."""
    size = max(1, round(BLOCK * audio.rate))
    power = np.square(audio.samples, dtype=np.float64).mean(0)
    power = np.pad(power, (0, -len(power) % size)).reshape(-1, size).mean(1)
    longest = run = 0
    for silent in power < 10 ** (quiet / 10):
        run = run + 1 if silent else 0
        longest = max(longest, run)
    return min(longest * BLOCK, audio.duration)


def null_depth(mix: Audio, stems: Mapping[str, Audio]) -> float:
    """The peak, in dBFS, of the mix minus the sum of its stems; -inf where nothing is left."""
    rest = mix.samples.astype(np.float64) - np.sum([s.samples for s in stems.values()], axis=0, dtype=np.float64)
    peak = float(np.abs(rest).max(initial=0.0))
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")
