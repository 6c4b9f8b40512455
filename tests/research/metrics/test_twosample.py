"""The two-sample test on sets whose difference is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.errors import InputError
from diffbgm.research.metrics.statistics import rank_auc
from diffbgm.research.metrics.twosample import effects, real_against_real, two_sample

pytest.importorskip("sklearn")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=25))
def test_rank_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    positives = [s for s, y in rows if y]
    negatives = [s for s, y in rows if not y]
    if not positives or not negatives:
        with pytest.raises(InputError, match="both classes"):
            rank_auc([s for s, _ in rows], [y for _, y in rows])
        return
    wins = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positives for n in negatives]
    assert rank_auc([s for s, _ in rows], [y for _, y in rows]) == pytest.approx(np.mean(wins))


def test_same_distribution_cannot_be_told_and_a_shift_can() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(80, 4)), rng.normal(size=(80, 4))
    same = two_sample(a, b, seed=1, folds=3)
    assert 0.35 < same.auc < 0.65
    assert same.low < 0.5 < same.high
    b[:, 2] += 1.5
    moved = two_sample(a, b, seed=1, folds=3)
    assert moved.auc > 0.7
    assert int(np.argmax(moved.importance)) == 2
    assert moved.low < moved.auc < moved.high
    assert two_sample(a, b, seed=1, folds=3) == moved  # seeded


def test_groups_keep_a_pair_from_betraying_itself() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 6))
    twins = real + rng.normal(scale=1e-3, size=real.shape)
    pairs = np.arange(60)
    assert two_sample(twins, real, folds=3).auc < 0.25  # a twin in training pulls the other to the wrong side
    assert 0.35 < two_sample(twins, real, groups=(pairs, pairs), folds=3).auc < 0.65


def test_baseline_of_one_set_is_near_a_half() -> None:
    x = np.random.default_rng(3).normal(size=(160, 5))
    baseline = real_against_real(x, seed=0, folds=3, draws=1)
    assert 0.35 < baseline.auc < 0.65
    assert baseline.n == (80, 80)
    grouped = real_against_real(x, groups=np.repeat(np.arange(40), 4), seed=0, folds=2, draws=1)
    assert sum(grouped.n) == 160


def test_effects_are_sorted_and_signed() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
    a[:, 1] -= 2.0
    a[:, 2], b[:, 2] = 1.0, 0.0  # nothing varies, yet they differ
    rows = effects(("quiet", "low", "fixed"), a, b)
    assert [row.name for row in rows] == ["fixed", "low", "quiet"]
    assert rows[0].d == np.inf
    assert rows[1].d == pytest.approx(-2.0, abs=0.2)
    assert rows[1].auc < 0.15


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="at least 10 samples"):
        two_sample(np.zeros((5, 2)), np.zeros((50, 2)))
    with pytest.raises(InputError, match=r"\[n, D\]"):
        two_sample(np.zeros((50, 2)), np.zeros((50, 3)))
    with pytest.raises(InputError, match="groups"):
        two_sample(np.zeros((50, 2)), np.zeros((50, 2)), groups=(np.zeros(50), np.zeros(50)))
