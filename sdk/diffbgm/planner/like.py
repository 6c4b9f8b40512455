"""A temp track: what of a recording can be measured becomes a brief; nothing of it is copied.

Tempo and metre from the autocorrelation of an onset envelope, the key from its pitch classes, energy from loudness over
time, density from onsets a second, brightness from the spectral centroid.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from diffbgm.brief import Brief, Moment, Reading, merge
from diffbgm.errors import OptionError, VideoError
from diffbgm.media import read_audio
from diffbgm.roll import find_key, turned_profiles
from diffbgm.types import Key

RATE, HOP, WINDOW, LONG = 22_050, 256, 1024, 8192  # samples a second; of frames; of the spectra of onsets and of keys
LONGEST, SHORTEST = 240.0, 3.0  # seconds that are heard; that are enough
TEMPI = np.exp(np.arange(np.log(50.0), np.log(190.0), 0.0025))  # beats per minute that are tried
USUAL, OCTAVES = 100.0, 0.9  # the tempo that people tap by themselves, and how far they go from it
CLEAR = 0.01  # by how much threes must stand out
POINTS = 16  # of the energy
BUSY, BRIGHT = (1.0, 8.0), (700.0, 3000.0)  # onsets a second, Hz of the centroid: levels 0 and 1
# How often each degree sounds in a key: Kostka & Payne's examples, counted by Temperley (2007).
MAJOR = np.array([0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400])
MINOR = np.array([0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330])
LOW, HIGH, BASS = (60.0, 260.0), (60.0, 2000.0), 0.5  # Hz of the bass and of all that tells a key; the bass's weight


def read_like(path: str | os.PathLike[str]) -> Brief:
    """The brief that a recording amounts to.

    Args:
        path: Of a sound file, or of a film with sound; its first four minutes are heard.

    Raises:
        OptionError: It cannot be read, is silent, or lasts less than three seconds.

    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise OptionError(f"like {name}: there is no such file; check the path")
    try:
        audio = read_audio(name, RATE, until=LONGEST)
    except VideoError as e:
        raise OptionError(f"like: {e}") from e
    if audio is None or audio.samples.shape[1] < SHORTEST * RATE:
        raise OptionError(f"like {name}: has less than {SHORTEST:g} s of sound; take a longer piece")
    return measure_like(np.asarray(audio.samples, np.float32).mean(0), Path(name).name)


def behind(brief: Brief, like: Brief) -> Brief:
    """The brief, and where it says nothing the temp track: its tempo where it lies in the range that the brief names.

    Where the brief wants the other mode without a tonic, the relative key is taken.
    """
    if brief.bpm and like.bpm and "bpm" not in brief.asked and brief.bpm[0] <= like.bpm[0] <= brief.bpm[1]:
        brief = replace(brief, bpm=like.bpm)
    if brief.tonic is None and like.tonic is not None and brief.mode not in (None, like.mode):
        like = replace(like, tonic=(like.tonic + (3 if brief.mode == "major" else 9)) % 12)
    return merge(brief, replace(like, mode=brief.mode or like.mode), "temp track")


def measure_like(sound: np.ndarray, name: str = "the temp track") -> Brief:
    """The brief that a sound [N] at RATE amounts to.

    Raises:
        OptionError: It is silent.

    """
    if not float(np.abs(sound).max()) > 1e-4:
        raise OptionError(f"like {name}: is silent; take another piece")
    magnitude = _spectra(sound, WINDOW, HOP)
    envelope = _onsets(magnitude)
    lags = _autocorrelation(envelope)
    bpm = measure_tempo(lags)
    metre = measure_metre(lags, bpm)
    key = measure_key(sound)
    levels = measure_energy(sound)
    peaks = (envelope[1:-1] > envelope[:-2]) & (envelope[1:-1] >= envelope[2:])
    onsets = (peaks & (envelope[1:-1] > 0.2 * np.quantile(envelope, 0.98))).sum() * RATE / len(sound)
    bins: int = magnitude.shape[1]
    hertz = np.arange(bins) * RATE / WINDOW
    centroid = float((magnitude @ hertz).sum() / max(float(magnitude.sum()), 1e-9))
    density, register = _level(onsets, BUSY), _level(centroid, BRIGHT)
    said = {
        "tempo": f"{bpm:.1f} beats per minute",
        "metre": metre,
        "key": str(key),
        "energy": f"from {levels.min():.2f} to {levels.max():.2f}",
        "density": f"{onsets:.1f} onsets a second ({density:.2f})",
        "brightness": f"centroid at {centroid:.0f} Hz ({register:.2f})",
    }
    return Brief(
        bpm=(bpm, bpm),
        tonic=key.tonic,
        mode=key.mode,
        metre=metre,
        energy=tuple(
            (Moment(float(i), "share"), float(v)) for i, v in zip(np.linspace(0, 1, POINTS), levels, strict=True)
        ),
        density=density,
        register=register,
        readings=tuple(Reading(name, f"{what} {value}", "like") for what, value in said.items()),
    )


def measure_tempo(lags: np.ndarray) -> float:
    """Beats per minute: whose multiples the envelope comes back at, weighed by how usual the tempo is."""
    beats = 60.0 * RATE / HOP / TEMPI
    multiples = np.array([1, 2, 3, 4, 6, 8])
    at = np.outer(beats, multiples)
    found = np.where(at < len(lags) - 1, np.interp(at, np.arange(len(lags)), lags), 0.0)
    halves = np.interp(beats / 2, np.arange(len(lags)), lags)
    clear = found.mean(1) + 0.25 * halves
    usual = np.exp(-0.5 * (np.log2(TEMPI / USUAL) / OCTAVES) ** 2)
    best = int((np.maximum(clear, 0.0) * usual).argmax())
    near = slice(max(0, best - 12), best + 13)  # the tempo itself from the long multiples, which tell it finely
    long = found[near, 2:].sum(1)
    return float(TEMPI[near][int(long.argmax())])


def measure_metre(lags: np.ndarray, bpm: float) -> str:
    """3/4 where what happens comes back after whole threes of beats, against other numbers, more than after fours."""
    beat = 60.0 * RATE / HOP / bpm

    def back(*beats: int) -> float:
        return float(np.interp(np.array(beats) * beat, np.arange(len(lags)), lags, right=0.0).mean())

    three, four = back(3, 6, 9) - back(4, 5, 7, 8), back(4, 8) - back(3, 5, 6, 7)
    return "3/4" if three > max(four, CLEAR) else "4/4"


def measure_key(sound: np.ndarray) -> Key:
    """The key of what sounds."""
    magnitude = _spectra(sound, LONG, LONG // 4).sum(0)
    hertz: np.ndarray = np.arange(len(magnitude)) * RATE / LONG

    def classes(low: float, high: float) -> np.ndarray:
        inside = (hertz > low) & (hertz < high)
        pitch = 69 + 12 * np.log2(hertz[inside] / 440)
        sharp = np.exp(-0.5 * ((pitch - np.round(pitch)) / 0.2) ** 2)
        share = np.bincount(np.round(pitch).astype(int) % 12, magnitude[inside] * sharp, minlength=12)
        return share / max(float(share.sum()), 1e-9)

    weight = classes(*HIGH) + BASS * classes(*LOW)
    return find_key(weight, turned_profiles(MAJOR, MINOR))


def measure_energy(sound: np.ndarray) -> np.ndarray:
    """[POINTS] levels 0..1 over the piece, from its loudness; near 0.5 throughout where that hardly changes."""
    parts = np.array_split(sound, POINTS)
    decibel = 20 * np.log10([float(np.sqrt(np.mean(part.astype(np.float64) ** 2))) + 1e-4 for part in parts])
    smooth = np.convolve(np.pad(decibel, 1, "edge"), [0.25, 0.5, 0.25], "valid")
    return np.clip(0.55 + (smooth - np.median(smooth)) / 24, 0.05, 1.0)


def _spectra(sound: np.ndarray, window: int, hop: int) -> np.ndarray:
    """[frames, window / 2 + 1] magnitudes."""
    padded = np.pad(sound, (window // 2, window))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1)).astype(np.float32)


def _onsets(magnitude: np.ndarray) -> np.ndarray:
    """[frames] how much louder bands became from one frame to the next, less its mean over a second."""
    last: int = magnitude.shape[1] - 1
    edges = np.unique(np.geomspace(2, last, 33).astype(int))
    bands = np.log1p(100 * np.add.reduceat(magnitude, edges[:-1], axis=1) / (magnitude.max() + 1e-9))
    flux = np.maximum(np.diff(bands, axis=0, prepend=bands[:1]), 0).sum(1)
    second = RATE // HOP
    return np.maximum(flux - np.convolve(flux, np.ones(second) / second, "same"), 0)


def _autocorrelation(envelope: np.ndarray) -> np.ndarray:
    """[lags] of the envelope, 1 at lag 0, up to twelve seconds or half the piece."""
    centred = envelope - envelope.mean()
    size = 1 << int(np.ceil(np.log2(2 * len(centred))))
    whole = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)[: min(len(centred) // 2, 12 * RATE // HOP)]
    overlap = len(centred) - np.arange(len(whole))
    out = whole / overlap
    return out / max(float(out[0]), 1e-9)


def _level(value: float, ends: tuple[float, float]) -> float:
    """Where a value lies between two ends, in octaves, 0..1."""
    low, high = np.log2(ends)
    return float(np.clip((np.log2(max(value, 1e-3)) - low) / (high - low), 0.0, 1.0))
