"""The fitted part of the critic: logistic regression and boosted trees on `features`, in numpy, beside the weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.critic.features import windows_of
from diffbgm.errors import WeightsError
from diffbgm.files import bundled_file, write_json

FILE = "critic.json"
FORMAT = 2
LINEAR = ("mean", "scale", "weights")
TREE = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted decision trees (Friedman 2001), laid out one below the other; M nodes in all.

    Attributes:
        roots: [t] the first node of each tree.
        feature: [M] the feature that a node compares; -1 in a leaf.
        threshold: [M] float32; a row whose feature is at most that goes left.
        left: [M] the next node there; in a leaf the node itself.
        right: [M] the next node else.
        value: [M] what a leaf adds to the log odds.
        bias: Added to them.

    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    bias: float

    def log_odds(self, rows: np.ndarray) -> np.ndarray:
        """[n] of rows [n, F]."""
        rows = rows.astype(np.float32)
        at = np.tile(self.roots, (len(rows), 1))  # [n, t]
        which = np.arange(len(rows))[:, None]
        while (inner := self.feature[at] >= 0).any():
            lower = rows[which, np.maximum(self.feature[at], 0)] <= self.threshold[at]
            at = np.where(inner, np.where(lower, self.left[at], self.right[at]), at)
        return self.bias + self.value[at].sum(1)


@dataclass(frozen=True, eq=False)
class Critic:
    """Tells songs from composed music: the mean of what a linear model and trees say.

    Attributes:
        mean: [F] of the features.
        scale: [F] their standard deviations.
        weights: [F] of the standardised features.
        bias: Added to them.
        trees: On the features as they are.

    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float
    trees: Trees

    def log_odds(self, rows: np.ndarray) -> np.ndarray:
        """[n] that windows with features [n, F] are a song's."""
        linear = (rows - self.mean) / self.scale @ self.weights + self.bias
        return (linear + self.trees.log_odds(rows)) / 2

    def judge(self, cells: np.ndarray) -> float:
        """Log odds that cells [4, T, 88] in C major or A minor are a song's, the mean over windows of eight bars."""
        return float(self.log_odds(windows_of(cells)).mean())


def load_critic(path: Path | str) -> Critic:
    """Return the critic in a file; WeightsError for one that is damaged or of another format."""
    try:
        plain: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        if plain.get("format") != FORMAT:
            raise WeightsError(f"{path}: no critic of format {FORMAT}; fit it again or leave it out")
        arrays = {name: np.array(plain[name], np.float64) for name in LINEAR}
        trees = read_trees(plain["trees"], len(arrays["mean"]))
        critic = Critic(**arrays, bias=float(plain["bias"]), trees=trees)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        if isinstance(e, WeightsError):
            raise
        raise WeightsError(f"{path}: cannot be read as a critic ({e}); fit it again or leave it out") from e
    if len({a.shape for a in arrays.values()}) > 1 or not (critic.scale > 0).all():
        raise WeightsError(f"{path}: cannot be read as a critic; fit it again or leave it out")
    return critic


def read_trees(plain: Mapping[str, Any], features: int) -> Trees:
    """Trees from JSON values.

    Raises:
        ValueError: A node leads back, out of the trees, or to a feature that there is not.
    """
    kinds = {"threshold": np.float32, "value": np.float64}
    nodes = {name: np.array(plain[name], kinds.get(name, np.int64)) for name in TREE}
    trees = Trees(np.array(plain["roots"], np.int64), **nodes, bias=float(plain["bias"]))
    count, inner = len(trees.feature), trees.feature >= 0
    here = np.arange(count)
    forward = all((here < way)[inner].all() and (way < count).all() for way in (trees.left, trees.right))
    alike = all(array.shape == (count,) for array in nodes.values())
    if not (
        alike and forward and (trees.feature < features).all() and ((trees.roots >= 0) & (trees.roots < count)).all()
    ):
        raise ValueError("its trees hang together wrongly")
    return trees


def save_critic(critic: Critic, path: Path | str, card: Mapping[str, Any]) -> None:
    """Write the critic with what was measured of it."""
    trees = critic.trees
    plain = {name: short(getattr(trees, name)) for name in ("roots", *TREE)} | {"bias": trees.bias}
    rows = {name: short(getattr(critic, name)) for name in LINEAR}
    write_json(path, {"format": FORMAT, "card": dict(card), "bias": critic.bias, **rows, "trees": plain}, indent=None)


def short(values: np.ndarray) -> list[float]:
    """Whole numbers as they are, float32 so that they read back the same, others to six digits."""
    if values.dtype.kind == "i":
        return values.tolist()
    return [float(f"{x:.9g}" if values.dtype == np.float32 else f"{x:.6g}") for x in values]


@cache
def bundled_critic() -> Critic | None:
    """Return the critic that comes with the package, or None where it was left out."""
    file = bundled_file(FILE)
    return None if file is None else load_critic(file)
