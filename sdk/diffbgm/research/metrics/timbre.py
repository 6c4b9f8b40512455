"""What an ensemble sounds like, as numbers, and whether they tell ensembles apart.

Spectral centroid, bandwidth, roll-off, flatness and mel cepstra (Davis & Mermelstein 1980) of frames of 43 ms; mean and
spread of each over a stretch of sound.
"""

# The libraries are typed in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from functools import cache

import numpy as np

from diffbgm.types import Audio

FRAME = 2048  # samples
MELS, CEPSTRA = 40, 20
LOWEST, HIGHEST = 40.0, 16000.0  # Hz of the mel bands
ROLLED = 0.85  # share of the power below the roll-off
QUIET = 1e-4  # of the loudest frame's power: what is softer is no sound of the ensemble


def timbre(audio: Audio) -> np.ndarray:
    """[2 (4 + CEPSTRA)] means, then standard deviations, of the descriptors of sound that is not silent."""
    mono = audio.samples.astype(np.float64).mean(0)
    starts = np.arange(0, max(1, len(mono) - FRAME + 1), FRAME)
    frames = np.stack([np.pad(mono[s : s + FRAME], (0, max(0, FRAME - len(mono[s:])))) for s in starts])
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2
    total = power.sum(1)
    power = power[total > QUIET * total.max()]
    described = describe(power, audio.rate)
    return np.concatenate([described.mean(0), described.std(0)])


def describe(power: np.ndarray, rate: int) -> np.ndarray:
    """[frames, 4 + CEPSTRA] centroid, bandwidth and roll-off in octaves of 1 kHz, flatness in dB, cepstra."""
    from scipy.fft import dct

    frequency = np.fft.rfftfreq(FRAME, 1 / rate)
    share = power / power.sum(1, keepdims=True)
    centroid = share @ frequency
    bandwidth = np.sqrt(np.maximum((share * (frequency - centroid[:, None]) ** 2).sum(1), 1.0))
    rolled = frequency[(np.cumsum(share, 1) >= ROLLED).argmax(1)]
    flatness = 10 * (np.log10(power + 1e-12).mean(1) - np.log10(power.mean(1) + 1e-12))
    mel = 10 * np.log10(power @ mel_filters(rate).T + 1e-10)
    octaves = np.log2(np.maximum(np.stack([centroid, bandwidth, rolled], 1), 20.0) / 1000)
    return np.concatenate([octaves, flatness[:, None], np.asarray(dct(mel, norm="ortho"))[:, :CEPSTRA]], axis=1)


@cache
def mel_filters(rate: int) -> np.ndarray:
    """[MELS, FRAME / 2 + 1] triangles on the mel scale."""
    low, high = (2595 * float(np.log10(1 + f / 700)) for f in (LOWEST, min(HIGHEST, rate / 2)))
    mels = np.linspace(low, high, MELS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    frequency = np.fft.rfftfreq(FRAME, 1 / rate)
    rising = (frequency - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequency) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0.0, None)


def name_by_sound(rows: np.ndarray, names: Sequence[str], groups: Sequence[int]) -> list[str]:
    """Return the name that a classifier gives each row, fitted to all rows of other groups.

    Linear discriminant analysis with a shrunken covariance (Ledoit & Wolf 2004).

    Args:
        rows: [n, D] descriptors.
        names: n of what is to be told.
        groups: n; rows of one group, such as one piece's, are never on both sides.

    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    judge = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    return list(cross_val_predict(judge, rows, np.asarray(names), groups=groups, cv=LeaveOneGroupOut()))
