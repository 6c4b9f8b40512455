"""Valence and arousal: asked of plans all over the plane, and heard in what comes of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbgm.metrics.report import Table, verdict

VALENCE_BAR, AROUSAL_BAR = 0.5, 0.8
DRAWS = 1000  # of the bootstrap


def points_of(n: int, seed: int) -> np.ndarray:
    """[n, 2] valence and arousal over the plane: a Latin square, so that both axes are evenly covered."""
    order = np.random.default_rng([seed, 5]).permutation(n)
    return -0.95 + 1.9 * (np.stack([np.arange(n), order], axis=1) + 0.5) / max(n, 1)


def plane_table(asked: np.ndarray, heard: np.ndarray, names: Sequence[str], how: str, seed: int) -> Table:
    """Rank correlations of what was `asked` [n, 2] and `heard` [n, 2], with bootstrap intervals."""
    from scipy.stats import spearmanr

    rows = []
    rng = np.random.default_rng([seed, 6])
    for k, (axis, bar) in enumerate((("valence", VALENCE_BAR), ("arousal", AROUSAL_BAR))):
        rho = _rank_r(spearmanr, asked[:, k], heard[:, k])
        drawn = (rng.integers(len(asked), size=len(asked)) for _ in range(DRAWS))
        low, high = np.quantile([_rank_r(spearmanr, asked[i, k], heard[i, k]) for i in drawn], (0.025, 0.975))
        across = _rank_r(spearmanr, asked[:, k], heard[:, 1 - k])
        rows.append((axis, names[k], rho, f"{low:.2f} to {high:.2f}", across, bar, verdict(rho >= bar)))
    columns = ("asked", "measured", "rank r", "95 %", "r with the other axis", "bar", "")
    note = f"n = {len(asked)} plans over the plane, seed {seed}; chance is 0; intervals by bootstrap over plans"
    return Table(f"Valence and arousal, {how}", columns, tuple(rows), note)


def _rank_r(spearmanr: Callable[..., Any], a: np.ndarray, b: np.ndarray) -> float:
    return 0.0 if np.ptp(b) == 0 or np.ptp(a) == 0 else float(spearmanr(a, b)[0])
