"""The video's own sound with music under it: where somebody speaks, and how far the music steps back."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from diffbgm.render.loudness import limiter_curve, measure_loudness, peak_envelope
from diffbgm.render.rate import resample
from diffbgm.types import Audio

Span = tuple[float, float]

# finding speech
WORKING_RATE = 16000
HOP, FRAME = 0.01, 0.032  # seconds
BAND = (250.0, 3800.0)  # Hz, where speech has its energy
VOICE = (75.0, 400.0)  # Hz, the fundamental
FLOOR = -55.0  # dBFS below which nobody is understood
ABOVE_NOISE, BELOW_PEAK = 9.0, 28.0  # dB a frame must lie over the noise floor, and may lie under the loudest frames
IN_BAND = 0.35  # share of the frame's energy within `BAND`
PERIODIC = 0.55  # normalised autocorrelation of a voiced frame
WINDOW = 1.2  # seconds over which voicing and modulation are judged
VOICED_SHARE = 0.15  # of the window's active frames, at least
MODULATION = 4.5  # dB, standard deviation of the band level in the window: syllables come and go
GLIDE = 0.004  # octaves a frame, mean change of the fundamental: voices glide, instruments hold
JUMP = 0.05  # octaves a frame: more is another note, no glide
SPEECH_LIKE = 0.8  # by how much, in natural logarithms together, modulation and glide have to lie above these
JOIN, SHORTEST = 0.5, 0.5  # seconds: pauses that are bridged, and what is too short to be speech

# mixing
BED_BELOW = 2.0  # LU of the music under the original's loudness
BED_RANGE = (-26.0, -16.0)  # LUFS between which the music lies
UNDER_SPEECH = 11.0  # dB that the music is kept below speech
DEEPEST = -26.0  # dB of ducking
ATTACK, RELEASE = 0.3, 0.6  # seconds before and after speech over which the music moves
CEILING = -1.0  # dBTP


def find_speech(audio: Audio) -> list[Span]:
    """Find the (start, end) in seconds where somebody seems to speak, in order, not touching.

    Frames count by energy in the speech band, over the recording's own noise floor. A stretch is speech when, around
    it, enough of the active frames are voiced (periodic with a fundamental of 75-400 Hz), and the fundamental
    glides and the band's level moves as with syllables (after the modulation measures of Scheirer & Slaney 1997,
    "Construction and evaluation of a robust multifeature speech/music discriminator"). A measure, not a recogniser:
    singing and soft speech under loud noise escape it.
    """
    if len(audio.samples) == 0:
        return []
    mono = resample(audio.samples.mean(0), audio.rate, WORKING_RATE)
    size, hop = round(FRAME * WORKING_RATE), round(HOP * WORKING_RATE)
    if len(mono) < 4 * size:
        return []
    level, share, voiced, pitch = _frames(mono, size, hop)
    noise, peak = np.percentile(level, 10), np.percentile(level, 98)
    threshold = max(FLOOR, min(noise + ABOVE_NOISE, peak - 6), peak - BELOW_PEAK)
    active = (level > threshold) & (share > IN_BAND)

    window = round(WINDOW / HOP)
    count = _moving_sum(active, window)
    voicing = _moving_sum(active & voiced, window) / np.maximum(count, 1)
    mean = _moving_sum(level, window) / window
    spread = np.sqrt(np.maximum(_moving_sum(level**2, window) / window - mean**2, 0))
    both = np.concatenate([[False], voiced[1:] & voiced[:-1]])
    step = np.where(both, np.abs(np.diff(pitch, prepend=pitch[:1])), 0.0)
    gliding = np.maximum(_moving_sum(both & (step < JUMP), window), 1)
    glide = _moving_sum(np.where(step < JUMP, step, 0.0), window) / gliding
    moving = np.log(np.maximum(spread, 0.1) / MODULATION) + np.log(np.maximum(glide, 1e-4) / GLIDE)
    speech = active & (count > 0.12 * window) & (voicing > VOICED_SHARE) & (moving > SPEECH_LIKE)
    return _spans(speech, len(mono) / WORKING_RATE)


def _frames(mono: np.ndarray, size: int, hop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return per frame: level in `BAND` (dBFS), the band's share of the energy, voiced or not, pitch (octaves)."""
    from scipy.ndimage import median_filter

    frequency = np.fft.rfftfreq(2 * size, 1 / WORKING_RATE)
    band = (frequency >= BAND[0]) & (frequency <= BAND[1])
    audible = frequency >= 60
    lags = np.arange(int(WORKING_RATE / VOICE[1]), int(WORKING_RATE / VOICE[0]) + 1)
    window = np.hanning(size)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * size)) ** 2)[lags]
    own = own / (window**2).sum()
    starts = np.arange(0, len(mono) - size + 1, hop)
    level, share, strength, pitch = (np.zeros(len(starts)) for _ in range(4))
    for first in range(0, len(starts), 4096):  # a block of frames at a time, so that an hour needs no more memory
        block = starts[first : first + 4096]
        power = np.abs(np.fft.rfft(mono[block[:, None] + np.arange(size)] * window, 2 * size)) ** 2
        here = slice(first, first + len(block))
        in_band = power[:, band].sum(1)
        level[here] = 10 * np.log10(in_band / (size * (window**2).sum()) + 1e-12)
        share[here] = in_band / np.maximum(power[:, audible].sum(1), 1e-12)
        correlation = np.fft.irfft(power * audible, axis=1)
        periodic = correlation[:, lags] / np.maximum(correlation[:, :1], 1e-12) / own
        best = periodic.argmax(1)
        strength[here] = periodic[np.arange(len(block)), best]
        pitch[here] = np.log2(WORKING_RATE / (lags[best] + _between(periodic, best)))
    return level, share, strength > PERIODIC, np.asarray(median_filter(pitch, 3))


def _between(rows: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Return how far (-0.5..0.5) the maximum of each row [R, K] lies from its entry `best` [R], by a parabola."""
    middle = np.clip(best, 1, rows.shape[1] - 2)
    row = np.arange(len(rows))
    left, top, right = rows[row, middle - 1], rows[row, middle], rows[row, middle + 1]
    curve = left - 2 * top + right
    return np.clip(0.5 * (left - right) / np.where(curve < -1e-9, curve, -1.0), -0.5, 0.5)


def _moving_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Return sums over a centred window of about `window` entries, the edges padded with the outermost values."""
    half = window // 2
    total = np.cumsum(np.pad(values.astype(np.float64), (half + 1, half), mode="edge"))
    return total[2 * half + 1 :] - total[: -2 * half - 1]


def _spans(frames: np.ndarray, duration: float) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(np.int8), [0]])))
    spans: list[Span] = []
    for a, b in zip(edges[::2] * HOP, edges[1::2] * HOP + FRAME, strict=True):
        if spans and a - spans[-1][1] < JOIN:
            spans[-1] = (spans[-1][0], float(b))
        else:
            spans.append((float(a), float(b)))
    return [(a, min(b, duration)) for a, b in spans if b - a >= SHORTEST]


def mix_under(
    original: Audio,
    music: Audio,
    mode: Literal["mix", "duck"] = "mix",
    speech: Sequence[Span] | None = None,
) -> Audio:
    """Mix the music under the original, which keeps its level; the result has the music's length and rate.

    The music as a whole lies `BED_BELOW` LU under the original, inside `BED_RANGE`. "duck" lowers it further in the
    `speech` spans (None: found here) until it is `UNDER_SPEECH` dB below, and brings it back after. Where the sum would
    clip, both are limited together for the moment of the peak.
    """
    voice = fit(original, music.rate, music.samples.shape[1])
    rate = music.rate
    spans: Sequence[Span] = ()
    if mode == "duck":
        spans = find_speech(original) if speech is None else speech
    under = _stereo(music.samples) * bed_gain(voice, music.samples, spans, rate)
    total = voice + under
    ceiling = max(10 ** (CEILING / 20), float(np.abs(voice).max(initial=0.0)))
    total *= limiter_curve(peak_envelope(total), rate, min(ceiling, 1.0))
    return Audio(total, rate)


def bed_gain(voice: np.ndarray, music: np.ndarray, spans: Sequence[Span], rate: int) -> np.ndarray:
    """[N] gain that puts the music [C, N] under the voice [2, N], further down in the spans; see `mix_under`."""
    loudness, own = measure_loudness(voice, rate), measure_loudness(music, rate)
    bed = float(np.clip(loudness - BED_BELOW, *BED_RANGE)) if np.isfinite(loudness) else own
    level = np.float32(10 ** (min(0.0, bed - own) / 20)) if np.isfinite(own) else np.float32(1.0)
    return level * duck_curve(voice, _stereo(music) * level, spans, rate)


def duck_curve(voice: np.ndarray, music: np.ndarray, spans: Sequence[Span], rate: int) -> np.ndarray:
    """[N] gain for the music [C, N] that keeps it `UNDER_SPEECH` dB below the voice in the spans and 1 elsewhere.

    By the smaller distance of plain level and loudness in each span; the gain moves in dB, linearly.
    """
    n: int = music.shape[1]
    points, values = [0.0], [0.0]
    for start, end in spans:
        a, b = max(0, round(start * rate)), min(n, round(end * rate))
        if b <= a:
            continue
        distance = min(_level(voice[:, a:b]) - _level(music[:, a:b]), _distance(voice[:, a:b], music[:, a:b], rate))
        gain = float(np.clip(distance - UNDER_SPEECH, DEEPEST, 0.0))
        before = max(points[-1], start - ATTACK)
        points += [before, max(before, start), end, end + RELEASE]
        values += [values[-1] if before > start - ATTACK else 0.0, gain, gain, 0.0]
    return (10 ** (np.interp(np.arange(n) / rate, points, values) / 20)).astype(np.float32)


def _level(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def _distance(voice: np.ndarray, music: np.ndarray, rate: int) -> float:
    """LU between voice and music; infinite where the music is silent."""
    loud = measure_loudness(voice, rate)
    return max(loud, -70.0) - max(measure_loudness(music, rate), -120.0)


def fit(audio: Audio, rate: int, samples: int) -> np.ndarray:
    """Return [2, samples] the audio at `rate`, in stereo, cut or padded with silence."""
    if len(audio.samples) == 0:
        return np.zeros((2, samples), np.float32)
    x = _stereo(resample(audio.samples, audio.rate, rate))[:, :samples]
    return np.pad(x, ((0, 0), (0, samples - x.shape[1])))


def _stereo(x: np.ndarray) -> np.ndarray:
    """Return two channels: of 5.1 (left, right, centre, low, surrounds) centre and surrounds at -3 dB."""
    if len(x) < 6:
        return np.stack([x[0], x[min(1, len(x) - 1)]])
    half = np.float32(np.sqrt(0.5))
    return np.stack([x[0] + half * (x[2] + x[4]), x[1] + half * (x[2] + x[5])])
