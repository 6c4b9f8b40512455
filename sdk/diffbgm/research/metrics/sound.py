"""What can be said of sound by measuring it: gaps, stems that sum to their mix, spectrum, dynamics, onsets, tuning."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diffbgm.types import Audio

QUIET = -50.0  # dBFS: below this, 50 ms of sound count as silent
BLOCK = 0.05  # seconds
SPLIT = 2500.0  # Hz


@dataclass(frozen=True)
class Character:
    """How a piece sounds.

    Attributes:
        bright: dB of the power above 2.5 kHz against that below.
        crest: dB of the highest sample over the root mean square.
        spread: dB between the 10th and the 95th percentile of the level of half seconds.
        width: Root mean square of the side signal against the middle.

    """

    bright: float
    crest: float
    spread: float
    width: float


def character(audio: Audio) -> Character:
    """Measure stereo sound as a whole; it must not be silent."""
    x = audio.samples.astype(np.float64)
    power = np.abs(np.fft.rfft(x, axis=1)) ** 2
    split = round(SPLIT * x.shape[1] / audio.rate)
    size = audio.rate // 2
    starts = np.arange(0, max(1, x.shape[1] - size + 1), size)
    levels = 10 * np.log10(np.array([np.square(x[:, s : s + size]).mean() for s in starts]) + 1e-9)
    middle, side = (x[0] + x[1]) / 2, (x[0] - x[1]) / 2
    return Character(
        bright=10 * float(np.log10(power[:, split:].sum() / power[:, :split].sum())),
        crest=20 * float(np.log10(np.abs(x).max() / np.sqrt(np.square(x).mean()))),
        spread=float(np.diff(np.percentile(levels, [10, 95]))[0]),
        width=float(np.sqrt(np.square(side).mean() / np.square(middle).mean())),
    )


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
