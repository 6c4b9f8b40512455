"""A stretch of a rendering replaced by that of another one; outside of it every sample stays as it is."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from diffbgm.media.blocks import blocks, new_sound, release
from diffbgm.render import Rendering
from diffbgm.render.loudness import limiter_curve, measure_loudness, peak_envelope, true_peak
from diffbgm.types import Audio

RING = 3.0  # seconds after the stretch in which notes from inside it still ring
CROSS = 0.05  # seconds over which one passes into the other
CEILING = -1.0  # dBTP
MOST = 4.0  # by how much a stem's level may be matched at most


def splice_audio(old: Audio, new: Audio, start: int, end: int, gain: float | np.ndarray = 1.0) -> Audio:
    """The old sound with samples `start` to `end` of the new one, crossfaded inside of them.

    Args:
        old: [C, N].
        new: Likewise.
        start: First sample that may change; 0 has no crossfade.
        end: First sample after those; N has no crossfade.
        gain: Of the new sound, one number or [end - start].

    Returns:
        Sound [C, N].

    """
    total = old.samples.shape[1]
    out = new_sound(*old.samples.shape)
    for a, b in blocks(total):
        out[:, a:b] = old.samples[:, a:b]
        release(out, old.samples)
    length = min(round(CROSS * old.rate), (end - start) // 2)
    weight = np.ones(end - start, np.float32)
    rise = np.linspace(0.0, 1.0, length + 2, dtype=np.float32)[1:-1]
    if start > 0:
        weight[:length] = rise
    if end < total:
        weight[end - start - length :] = rise[::-1]
    inside = slice(start, end)
    out[:, inside] += weight * (new.samples[:, inside] * np.asarray(gain, np.float32) - out[:, inside])
    out.setflags(write=False)
    return Audio(out, old.rate)


def splice(old: Rendering, new: Rendering, start: float, end: float) -> tuple[Rendering, tuple[int, int]]:
    """The old rendering with the seconds from `start` to `end` of the new one, and `RING` seconds more to ring out.

    Each stem of the new one is brought to the level that it has in the old one outside of the stretch.

    Args:
        old: With stems.
        new: Of the same length, with stems.
        start: Seconds; the crossfade lies before it.
        end: Seconds.

    Returns:
        The rendering, and the samples (first, first after) outside of which nothing differs.

    """
    rate, total = old.mix.rate, old.mix.samples.shape[1]
    a, b = max(0, round((start - CROSS) * rate)), min(total, round((end + RING) * rate))
    a, b = (0 if start <= 0 else a), (total if end + RING >= total / rate else b)
    silent = Audio(np.zeros_like(old.mix.samples), rate)
    stems: dict[str, Audio] = {}
    for name in dict.fromkeys([*old.stems, *new.stems]):
        before, after = old.stems.get(name, silent), new.stems.get(name, silent)
        stems[name] = splice_audio(before, after, a, b, match(before.samples, after.samples, a, b))
    limit = np.ones(b - a, np.float32)
    envelope = peak_envelope(summed(stems, a, b))
    ceiling = 10 ** ((CEILING - 0.15) / 20)
    if envelope.max(initial=0.0) > ceiling:
        limit = limiter_curve(envelope, rate, ceiling)
        stems = {name: splice_audio(stem, stem, a, b, limit) for name, stem in stems.items()}
    mix = new_sound(2, total)
    for first, last in blocks(total):
        mix[:, first:last] = old.mix.samples[:, first:last]
        release(mix, old.mix.samples)
    mix[:, a:b] = summed(stems, a, b)
    mix.setflags(write=False)
    whole = Audio(mix, rate)
    gain = None if old.gain is None or new.gain is None else np.array(old.gain)
    if gain is not None and new.gain is not None:
        gain[a:b] = new.gain[a:b] * limit
    peak = true_peak(whole.samples)
    return replace(
        old, mix=whole, stems=stems, lufs=measure_loudness(whole.samples, rate), true_peak=peak, gain=gain
    ), (a, b)


def summed(stems: Mapping[str, Audio], start: int, end: int) -> np.ndarray:
    """[2, end - start] the sum of the stems between two samples."""
    total = np.zeros((2, end - start), np.float32)
    for stem in stems.values():
        total += stem.samples[:, start:end]
    return total


def match(old: np.ndarray, new: np.ndarray, start: int, end: int) -> float:
    """The gain that makes `new` [C, N] as strong as `old` outside of samples `start` to `end`; 1 where either rests."""
    power = [
        sum(float(np.sum(np.square(x[:, a:b], dtype=np.float64))) for a, b in ((0, start), (end, x.shape[1])))
        for x in (old, new)
    ]
    return float(np.clip(np.sqrt(power[0] / power[1]), 1 / MOST, MOST)) if min(power) > 1e-6 else 1.0
