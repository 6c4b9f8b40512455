"""The fitted part of the critic: a logistic regression on `features`, in numpy; its file lies beside the weights."""

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
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Critic:
    """Tells songs from composed music.

    Attributes:
        mean: [F] of the features.
        scale: [F] their standard deviations.
        weights: [F] of the standardised features.
        bias: Added to them.

    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float

    def judge(self, cells: np.ndarray) -> float:
        """Log odds that cells [4, T, 88] in C major or A minor are a song's, the mean over windows of eight bars."""
        return float(((windows_of(cells) - self.mean) / self.scale @ self.weights + self.bias).mean())


def load_critic(path: Path | str) -> Critic:
    """Return the critic in a file; WeightsError for one that is damaged or of another format."""
    try:
        plain: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        arrays = {name: np.array(plain[name], np.float64) for name in ("mean", "scale", "weights")}
        critic = Critic(**arrays, bias=float(plain["bias"]))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise WeightsError(f"{path}: cannot be read as a critic ({e}); fit it again or leave it out") from e
    if plain.get("format") != FORMAT or len({a.shape for a in arrays.values()}) > 1 or not (critic.scale > 0).all():
        raise WeightsError(f"{path}: no critic of format {FORMAT}; fit it again or leave it out")
    return critic


def save_critic(critic: Critic, path: Path | str, card: Mapping[str, Any]) -> None:
    """Write the critic with what was measured of it."""
    rows = {name: [float(f"{x:.6g}") for x in getattr(critic, name)] for name in ("mean", "scale", "weights")}
    write_json(path, {"format": FORMAT, "card": dict(card), "bias": critic.bias, **rows}, indent=0)


@cache
def bundled_critic() -> Critic | None:
    """Return the critic that comes with the package, or None where it was left out."""
    file = bundled_file(FILE)
    return None if file is None else load_critic(file)
