"""What the pictures look like bar by bar: the feature tracks averaged between times."""

from dataclasses import dataclass

import numpy as np

from diffbgm.types import VideoFeatures


@dataclass(frozen=True, eq=False)
class BarFeatures:
    """Means over n stretches of time: motion [n], colour [n, 3], affect [n, 2] (valence, arousal), clip [n, D] or
    None."""

    motion: np.ndarray
    colour: np.ndarray
    affect: np.ndarray
    clip: np.ndarray | None


def bar_features(features: VideoFeatures, edges: np.ndarray) -> BarFeatures:
    """Means between neighbouring `edges` [n + 1] in seconds; a stretch without a sample takes the nearest one."""
    tracks = np.concatenate([features.motion[:, None], features.colour, features.affect], axis=1)
    means = mean_between(features.times, tracks, edges)
    clip = None
    if features.clip is not None and features.clip_times is not None and len(features.clip_times):
        clip = mean_between(features.clip_times, features.clip, edges)
    return BarFeatures(means[:, 0], means[:, 1:4], np.clip(means[:, 4:6], -1, 1), clip)


def mean_between(times: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """[n, D] means of values [N, D], sampled at rising times [N], over each [edges[i], edges[i + 1])."""
    values = np.asarray(values, np.float64)
    first = np.searchsorted(times, edges[:-1], side="left")
    last = np.searchsorted(times, edges[1:], side="left")
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    means = (sums[last] - sums[first]) / np.maximum(last - first, 1)[:, None]
    empty = last <= first
    if empty.any():
        middle = (edges[:-1] + edges[1:])[empty] / 2
        right = np.clip(np.searchsorted(times, middle), 0, len(times) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(np.abs(times[left] - middle) <= np.abs(times[right] - middle), left, right)
        means[empty] = values[nearest]
    return means
