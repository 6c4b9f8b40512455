"""What the pictures look like bar by bar: the feature tracks averaged between times."""

from dataclasses import dataclass

import numpy as np

from diffbgm.types import VideoFeatures


@dataclass(frozen=True, eq=False)
class BarFeatures:
    """Means over n stretches of time.

    Attributes:
        motion: [n].
        colour: [n, 3].
        affect: [n, 2] valence and arousal.
        clip: [n, D] or None.

    """

    motion: np.ndarray
    colour: np.ndarray
    affect: np.ndarray
    clip: np.ndarray | None


def bar_features(features: VideoFeatures, edges: np.ndarray) -> BarFeatures:
    """Return means between neighbouring `edges` [n + 1] in seconds; see `mean_between`."""
    tracks = np.concatenate([features.motion[:, None], features.colour, features.affect], axis=1)
    means = mean_between(features.times, tracks, edges)
    clip = None
    if features.clip is not None and features.clip_times is not None and len(features.clip_times):
        clip = mean_between(features.clip_times, features.clip, edges)
    return BarFeatures(means[:, 0], means[:, 1:4], np.clip(means[:, 4:6], -1, 1), clip)


def samples_between(times: np.ndarray, edges: np.ndarray) -> list[slice]:
    """Return n slices of the samples at rising `times` [N] that lie in each [edges[i], edges[i + 1]), in seconds.

    A stretch without a sample takes the one that is nearest to its middle.
    """
    first, last = (np.searchsorted(times, part, side="left") for part in (edges[:-1], edges[1:]))
    middle = (edges[:-1] + edges[1:]) / 2
    right = np.clip(np.searchsorted(times, middle), 0, len(times) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(times[left] - middle) <= np.abs(times[right] - middle), left, right)
    return [slice(a, b) if b > a else slice(k, k + 1) for a, b, k in np.stack([first, last, nearest], 1).tolist()]


def mean_between(times: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return [n, D] means of values [N, D], sampled at rising times [N], over each of `samples_between`."""
    values = np.asarray(values, np.float64)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    spans = samples_between(times, edges)
    first, last = np.array([span.start for span in spans]), np.array([span.stop for span in spans])
    means = (sums[last] - sums[first]) / (last - first)[:, None]
    alone = last - first == 1  # exactly, whatever the sums are rounded to
    means[alone] = values[first[alone]]
    return means
