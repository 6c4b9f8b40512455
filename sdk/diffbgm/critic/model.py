"""The fitted part of the critic: boosted trees on `features`, in numpy; its file lies beside the weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.critic.features import FEATURES, windows_of
from diffbgm.errors import WeightsError
from diffbgm.files import bundled_file, write_json

FILE = "critic.json"
FORMAT = 2
NODES = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, eq=False)
class Critic:
    """Tells songs from composed music by boosted decision trees (Friedman 2001), one laid out below the other.

    Attributes:
        roots: [t] the first node of each tree; M nodes in all.
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
        """[n] that windows with features [n, F] are a song's."""
        rows = rows.astype(np.float32)
        at = np.tile(self.roots, (len(rows), 1))  # [n, t]
        which = np.arange(len(rows))[:, None]
        while (inner := self.feature[at] >= 0).any():
            lower = rows[which, np.maximum(self.feature[at], 0)] <= self.threshold[at]
            at = np.where(inner, np.where(lower, self.left[at], self.right[at]), at)
        return self.bias + self.value[at].sum(1)

    def judge(self, cells: np.ndarray) -> float:
        """Log odds that cells [4, T, 88] in C major or A minor are a song's, the mean over windows of eight bars."""
        return float(self.log_odds(windows_of(cells)).mean())


def load_critic(path: Path | str) -> Critic:
    """Return the critic in a file; WeightsError for one that is damaged or of another format."""
    try:
        plain: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        kind = plain.get("format")
        critic = read_critic(plain) if kind == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as e:
        raise WeightsError(f"{path}: cannot be read as a critic ({e}); fit it again or leave it out") from e
    if critic is None:
        raise WeightsError(f"{path}: is a critic of format {kind}, not {FORMAT}; fit it again or leave it out")
    return critic


def read_critic(plain: Mapping[str, Any]) -> Critic:
    """A critic from JSON values.

    Raises:
        ValueError: A node leads back, out of the trees, or to a feature that there is not.
    """
    kinds = {"threshold": np.float32, "value": np.float64}
    nodes = {name: np.array(plain[name], kinds.get(name, np.int64)) for name in NODES}
    critic = Critic(np.array(plain["roots"], np.int64), **nodes, bias=float(plain["bias"]))
    count, inner = len(critic.feature), critic.feature >= 0
    here = np.arange(count)
    forward = all((here < way)[inner].all() and (way < count).all() for way in (critic.left, critic.right))
    alike = all(array.shape == (count,) for array in nodes.values())
    rooted = ((critic.roots >= 0) & (critic.roots < count)).all()
    if not (alike and forward and rooted and (critic.feature < FEATURES).all()):
        raise ValueError("its trees hang together wrongly")
    return critic


def save_critic(critic: Critic, path: Path | str, card: Mapping[str, Any]) -> None:
    """Write the critic with what was measured of it."""
    rows = {name: short(getattr(critic, name)) for name in ("roots", *NODES)}
    write_json(path, {"format": FORMAT, "card": dict(card), "bias": critic.bias, **rows}, indent=None)


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
