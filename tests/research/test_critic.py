"""The critic's trees are those that were fitted, its file reads back, and what is none is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from diffbgm.critic.features import FEATURES, look_at
from diffbgm.critic.model import load_critic, save_critic
from diffbgm.errors import WeightsError
from diffbgm.research.metrics.statistics import rank_auc
from diffbgm.research.training.critic import RATE, SHARE, TREES, fit_rows
from diffbgm.research.training.own_music import odds_of


def rows(seed: int, n: int, shift: float) -> np.ndarray:
    """[n, 12] features, some of which are on a grid, as shares of counts are."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, 12))
    drawn[:, :4] = np.round(drawn[:, :4] * 3) / 7
    drawn[:, 5] += shift * (drawn[:, 6] > 0)  # a difference that no linear model finds
    return drawn


def test_trees_in_numpy_say_what_the_library_says() -> None:
    composed, songs = rows(0, 90, 0.0), rows(1, 60, 2.0)
    critic = fit_rows(composed, songs, seed=3)
    boosted = GradientBoostingClassifier(
        n_estimators=TREES, learning_rate=RATE, subsample=SHARE, max_features="sqrt", random_state=3
    ).fit(np.concatenate([composed, songs]), np.repeat([0, 1], [90, 60]))
    new = rows(2, 200, 1.0)
    np.testing.assert_allclose(critic.log_odds(new), boosted.decision_function(new), atol=1e-9)


def test_the_file_of_a_critic_reads_back(tmp_path: Path) -> None:
    critic, new = fit_rows(rows(0, 60, 0.0), rows(1, 60, 2.0)), rows(2, 100, 1.0)
    save_critic(critic, tmp_path / "c.json", {"n": 60})
    np.testing.assert_allclose(load_critic(tmp_path / "c.json").log_odds(new), critic.log_odds(new), atol=1e-4)
    assert json.loads((tmp_path / "c.json").read_text())["card"] == {"n": 60}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1}, {"bias": "x"}, {"value": []}, {"feature": {}},
        {"feature": FEATURES}, {"left": 0}, {"right": 10**6}, {"roots": -1}, {"threshold": "x"},
    ],
)  # fmt: skip
def test_files_that_are_no_critics_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    save_critic(fit_rows(rows(0, 60, 0.0), rows(1, 60, 2.0)), tmp_path / "c.json", {})
    plain = json.loads((tmp_path / "c.json").read_text())
    (name, value), *_ = change.items()
    if isinstance(plain[name], list) and not isinstance(value, list | dict):
        plain[name][0] = value  # of the first node, or tree
    else:
        plain[name] = value
    (tmp_path / "c.json").write_text(json.dumps(plain))
    with pytest.raises(WeightsError, match=r"c\.json: (cannot be read as a critic|is a critic of format 1)"):
        load_critic(tmp_path / "c.json")


def test_takes_are_parted_by_critics_that_did_not_see_them() -> None:
    """Where takes do not differ from people's windows, no odds tell them apart; where they do, the odds say so."""
    people = rows(1, 100, 2.0)
    for shift, low, high in ((2.0, 0.35, 0.65), (0.0, 0.7, 1.0)):
        takes = np.stack([rows(10 + i, 100, shift) for i in range(2)])
        odds = odds_of(np.concatenate([takes, people[None]]), people)  # the last take is people's own
        auc = rank_auc(odds[[0, 2]].ravel(), np.repeat([0, 1], 100))
        assert low < auc < high, (shift, auc)


def test_a_window_has_so_many_features() -> None:
    assert look_at(np.zeros((4, 128, 88), np.uint8)).shape == (FEATURES,)
