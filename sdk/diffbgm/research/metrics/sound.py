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


def onset_delay(samples: np.ndarray, rate: int) -> float:
    """Seconds until a note [N] that is struck at sample 0 has come within 20 dB of its loudest 5 ms."""
    size = round(0.005 * rate)
    power = np.square(samples[: len(samples) // size * size], dtype=np.float64).reshape(-1, size).mean(1)
    return float((power >= power.max(initial=0.0) / 100).argmax()) * 0.005 if power.any() else float("inf")


def cents_off(samples: np.ndarray, rate: int, pitch: int) -> float:
    """Cents between the strongest of a note's [N] first four partials and where it belongs.

    A partial's place is the mean of its energy within half a semitone: sections and vibrato spread around their pitch.
    """
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18)) ** 2
    frequency = np.maximum(np.fft.rfftfreq(1 << 18, 1 / rate), 1e-3)
    base = 440 * 2 ** ((pitch - 69) / 12)
    best = (0.0, 0.0)
    for partial in (1, 2, 3, 4):
        cents = 1200 * np.log2(frequency / (base * partial))
        near = np.abs(cents) < 50
        energy = float(power[near].sum())
        best = max(best, (energy, float((power[near] * cents[near]).sum()) / max(energy, 1e-12)))
    return best[1]
