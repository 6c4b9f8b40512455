"""Where a song is heard in a video's sound: onsets of the one cross-correlated with onsets of the other.

Both sides become thirteen tracks at 100 values a second: how strongly notes begin in each of the twelve pitch classes,
and altogether. The pitch classes, after what all of them share is taken off (drums, consonants), tell the song and the
bar; all together they place it in time. Audio onsets are the half-wave rectified rise of the compressed spectrum
(spectral flux; Bello et al., 2005), for the pitch classes of what stands out of its surroundings in it. Correlations
are normalised over what overlaps, so that an excerpt is found as well as the whole song.

How far to trust it is measured on the same song in eleven wrong keys: what those reach, chance reaches.
"""

from dataclasses import dataclass

import numpy as np

from diffbgm.types import Audio

RATE = 16_000  # Hz at which sound is looked at
HOP = 160  # samples between two values of a track: 10 ms
STEP = HOP / RATE
CLASSES = slice(0, 12)
ALL = slice(12, 13)
SHORT, LONG = 512, 2048  # samples in the windows of the overall track and of the pitch classes
COMPRESSION = 1000.0  # of magnitudes relative to the loudest, inside the logarithm
LOWEST, HIGHEST = 110.0, 2000.0  # Hz of the pitch classes: below, neighbouring notes share a bin
AROUND = 25  # bins that are a bin's surroundings: 100 Hz to either side
SPREAD = 0.02  # seconds: standard deviation of what one onset becomes
LATE = 3  # values by which the long window shows an onset after the short one does
LOCAL = 1.0  # seconds of the running mean that is taken off, so that loud passages are not onsets
LATENCY = 0.004  # seconds by which a measured onset follows its note
SHORTEST = 6.0  # seconds that must overlap
APART = 0.15  # seconds from the best lag at which a rival begins
NEAR = 0.06  # seconds around the best lag within which the overall track decides
SURE = 0.25  # confidence below which a video is not believed to hold the song
DISTINCT = 0.02  # margin below which two places in the song fit alike


@dataclass(frozen=True)
class Alignment:
    """What was found.

    offset      seconds of the video at which the song's second 0 is heard; below 0 where that lies before its start.
    confidence  0..1: how far the song in its key fits better than in the best of eleven wrong ones, as a share of it.
    margin      0..1: how far the best place fits better than every other in the song, as a share of it.
    """

    offset: float
    confidence: float
    margin: float

    @property
    def doubt(self) -> str:
        """Why it is not to be used; empty where it is."""
        if self.confidence < SURE:
            return f"does not sound like the song (confidence {self.confidence:.2f}, needed {SURE})"
        if self.margin < DISTINCT:
            return f"the song repeats itself: {self.offset:.2f} s is one of several offsets (margin {self.margin:.3f})"
        return ""


def align(sound: Audio, onsets: np.ndarray, pitches: np.ndarray, weights: np.ndarray) -> Alignment | None:
    """Where notes at `onsets` [N] seconds with `pitches` [N] (MIDI) and `weights` [N] are heard in a sound at RATE.

    None where one of them is silent or shorter than SHORTEST.
    """
    heard = sound_onsets(sound.samples.mean(0))
    played = note_onsets(onsets, pitches, weights)
    if min(heard.shape[1], played.shape[1]) < SHORTEST / STEP or not heard.any() or not played.any():
        return None
    by_key = correlations(heard[CLASSES], played[CLASSES], keys=12)
    overall = correlations(heard[ALL], played[ALL])[0]
    best = int(by_key[0].argmax())
    confidence = 1 - _share(by_key[1:].max(), by_key[0, best])
    both = by_key[0] + overall
    around = slice(max(0, best - round(NEAR / STEP)), best + round(NEAR / STEP) + 1)
    rivals = both.copy()
    rivals[max(0, best - round(APART / STEP)) : best + round(APART / STEP) + 1] = 0.0
    tops = (_top(both, int(rivals.argmax()))[1], _top(both, around.start + int(both[around].argmax()))[1])
    margin = 1 - _share(*tops)
    lag = _top(overall, around.start + int(overall[around].argmax()))[0] - (played.shape[1] - 1)
    return Alignment(float(lag * STEP - LATENCY), confidence, margin)


def sound_onsets(mono: np.ndarray) -> np.ndarray:
    """[13, N] onset strength of samples at RATE, 100 a second: twelve pitch classes from C, then all together."""
    from scipy.ndimage import gaussian_filter1d, uniform_filter1d

    frames = max(1, -(-len(mono) // HOP))
    frequency = np.fft.rfftfreq(LONG, 1 / RATE)
    inside = (frequency >= LOWEST) & (frequency <= HIGHEST)
    classes = np.round(69 + 12 * np.log2(frequency[inside] / 440)).astype(int) % 12
    level = spectrum(mono, LONG, frames)
    level = np.maximum(level - uniform_filter1d(level, AROUND, axis=1), 0.0)[:, inside]
    rise = _rise(gaussian_filter1d(level, SPREAD / STEP, axis=0))
    out = np.zeros((13, frames))
    for k in range(12):
        out[k, : frames - LATE] = rise[LATE:, classes == k].sum(1)
    out[CLASSES] -= out[CLASSES].mean(0)
    out[ALL] = _rise(spectrum(mono, SHORT, frames)).sum(1)
    return sharpened(out, SPREAD)


def spectrum(mono: np.ndarray, window: int, frames: int) -> np.ndarray:
    """[frames, window / 2 + 1] compressed magnitudes, frame i centred on sample i x HOP."""
    padded = np.pad(mono.astype(np.float32), (window // 2, window + HOP))
    shape = np.hanning(window).astype(np.float32)
    out = np.empty((frames, window // 2 + 1), np.float32)
    for start in range(0, frames, 512):  # in pieces, for the sake of memory
        at = (np.arange(start, min(start + 512, frames)) * HOP)[:, None] + np.arange(window)
        out[start : start + 512] = np.abs(np.fft.rfft(padded[at] * shape, axis=1))
    return np.log1p(COMPRESSION * out / max(float(out.max()), 1e-9))


def note_onsets(onsets: np.ndarray, pitches: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[13, N] the same of notes, from second 0 to two seconds after the last onset."""
    frames = round((float(np.max(onsets, initial=0.0)) + 2.0) / STEP)
    out = np.zeros((13, frames))
    at = np.clip(np.round(np.asarray(onsets) / STEP).astype(int), 0, frames - 1)
    np.add.at(out, (np.asarray(pitches, int) % 12, at), weights)
    out[ALL] = np.sqrt(out[CLASSES].sum(0))
    classes = np.sqrt(out[CLASSES])
    out[CLASSES] = classes - classes.mean(0)
    return np.concatenate([sharpened(out[CLASSES], 1.5 * SPREAD), sharpened(out[ALL], SPREAD)])


def sharpened(tracks: np.ndarray, spread: float) -> np.ndarray:
    """Every onset spread over `spread` seconds, less the running mean, each track scaled to unit variance."""
    from scipy.ndimage import gaussian_filter1d, uniform_filter1d

    smooth = gaussian_filter1d(tracks, spread / STEP, axis=1)
    rest = smooth - uniform_filter1d(smooth, round(LOCAL / STEP), axis=1, mode="nearest")
    return rest / np.maximum(rest.std(1, keepdims=True), 1e-9)


def correlations(a: np.ndarray, b: np.ndarray, keys: int = 1) -> np.ndarray:
    """[keys, Na + Nb - 1] normalised correlation of tracks a [C, Na] with shifted tracks b [C, Nb].

    Row k: b moved up by k of 0 .. keys - 1 rows. Column i: b starts at a's sample i - (Nb - 1). Values are weighted by
    the root of the overlapping share, and 0 where the overlap is too short.
    """
    from scipy.fft import next_fast_len

    na, nb = a.shape[1], b.shape[1]
    lag = np.arange(-(nb - 1), na)
    first, last = np.maximum(0, lag), np.minimum(na, lag + nb)
    power_a, power_b = (np.concatenate([[0.0], np.cumsum((x**2).sum(0))]) for x in (a, b))
    power = (power_a[last] - power_a[first]) * (power_b[last - lag] - power_b[first - lag])
    share = (last - first) / min(na, nb)
    enough = (share >= 0.5) & (last - first >= SHORTEST / STEP)
    weight = enough * np.sqrt(share / np.maximum(power, 1e-9))
    size = next_fast_len(na + nb - 1)
    spectrum_a, spectrum_b = np.fft.rfft(a, size, axis=1), np.conj(np.fft.rfft(b, size, axis=1))
    out = np.empty((keys, len(lag)))
    for key in range(keys):
        product = np.fft.irfft((spectrum_a * np.roll(spectrum_b, key, axis=0)).sum(0), size)
        out[key] = weight * np.concatenate([product[size - (nb - 1) :], product[:na]])
    return out


def _rise(level: np.ndarray) -> np.ndarray:
    """What each column gained over the frame before, falls left out."""
    return np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0.0)


def _share(part: float, whole: float) -> float:
    """Part / whole in 0..1; 1 where there is no whole."""
    return float(np.clip(part / whole, 0.0, 1.0)) if whole > 0 else 1.0


def _top(values: np.ndarray, at: int) -> tuple[float, float]:
    """(position, height) of the top of the parabola through values[at] and its neighbours."""
    if not 0 < at < len(values) - 1:
        return float(at), float(values[at])
    left, middle, right = (float(v) for v in values[at - 1 : at + 2])
    bend = left - 2 * middle + right
    shift = float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0
    return at + shift, middle - 0.25 * (left - right) * shift
