"""Valence and arousal: asked of plans all over the plane, and heard in what comes of them."""

from collections.abc import Sequence

import numpy as np

from diffbgm.research.metrics.report import Table
from diffbgm.research.metrics.statistics import interval

DRAWS = 1000  # of the bootstrap


def points_of(n: int, seed: int) -> np.ndarray:
    """[n, 2] valence and arousal over the plane: a Latin square, so that both axes are evenly covered."""
    order = np.random.default_rng([seed, 5]).permutation(n)
    return -0.95 + 1.9 * (np.stack([np.arange(n), order], axis=1) + 0.5) / max(n, 1)


def plane_table(asked: np.ndarray, heard: np.ndarray, names: Sequence[str], how: str, seed: int) -> Table:
    """Rank correlations of what was `asked` [n, 2] and `heard` [n, 2], with bootstrap intervals."""
    rows = []
    rng = np.random.default_rng([seed, 6])
    drawn = np.concatenate([np.arange(len(asked))[None], rng.integers(len(asked), size=(DRAWS, len(asked)))])
    for k, axis in enumerate(("valence", "arousal")):
        rhos = rank_r(asked[drawn, k], heard[drawn, k])
        low, high = interval(rhos[1:])
        across = rank_r(asked[None, :, k], heard[None, :, 1 - k])[0]
        rows.append((axis, names[k], rhos[0], f"{low:.2f} to {high:.2f}", across))
    columns = ("asked", "measured", "rank r", "95 %", "r with the other axis")
    note = f"n = {len(asked)} plans over the plane, seed {seed}; chance is 0; intervals by bootstrap over plans"
    return Table(f"Valence and arousal, {how}", columns, tuple(rows), note)


def rank_r(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[m] Spearman's rank correlation of the rows of a and b, each [m, n]; 0 where one does not vary."""
    from scipy.stats import rankdata

    a, b = (rankdata(x, axis=1) - (x.shape[1] + 1) / 2 for x in (a, b))
    norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(norm > 0, (a * b).sum(1) / np.maximum(norm, 1e-12), 0.0)
