"""Statistics that all figures share: correlations, the area under the ROC curve, percentile intervals."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError

LEVELS = (0.025, 0.975)  # of a 95 % interval


def interval(samples: ArrayLike, axis: int = 0) -> Any:
    """(low, high) of the 95 % percentile interval of bootstrap samples [draws, ...]; floats for samples [draws]."""
    low, high = np.quantile(np.asarray(samples, np.float64), LEVELS, axis=axis)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)


def resampled_groups(groups: ArrayLike, rng: np.random.Generator, draws: int) -> list[np.ndarray]:
    """Rows for a bootstrap over groups (songs, videos): as many groups as there are, drawn with replacement.

    Args:
        groups: [n] the group of every row.
        rng: Where the draws come from.
        draws: How many resamples.

    Returns:
        `draws` arrays of row numbers, with all rows of each drawn group.
    """
    given = np.asarray(groups)
    ids = np.unique(given)
    rows_of = [np.flatnonzero(given == i) for i in ids]
    return [np.concatenate([rows_of[k] for k in rng.integers(0, len(ids), len(ids))]) for _ in range(draws)]


def pearson(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson's correlation of two arrays of one shape; 0 where either does not vary."""
    x, y = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if x.shape != y.shape:
        raise InputError(f"pearson: both sides must have one shape, got {x.shape} and {y.shape}")
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norm if norm > 1e-12 else 0.0


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where either does not vary."""
    from scipy.stats import rankdata

    return pearson(rankdata(np.asarray(a).ravel()), rankdata(np.asarray(b).ravel()))


def rank_auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve: P(score of a positive > score of a negative), ties count half (Mann & Whitney 1947)."""
    from scipy.stats import rankdata

    ranks, y = rankdata(np.asarray(scores, np.float64)), np.asarray(labels, bool)
    positives, negatives = int(y.sum()), int((~y).sum())
    if positives == 0 or negatives == 0:
        raise InputError(f"rank_auc: needs both classes, got {positives} positive and {negatives} negative labels")
    return float((ranks[y].sum() - positives * (positives + 1) / 2) / (positives * negatives))
