"""The ruler for cuts and beats, on cases done by hand."""

import numpy as np
import pytest

from diffbgm.errors import PlanError
from diffbgm.research.metrics.sync import (
    cut_hits,
    fixed_tempo,
    onset_hits,
    pool_hits,
    random_cuts,
    strong_cuts,
    tempo_limits,
)
from diffbgm.types import TempoMap

TEMPO = TempoMap.steady(60, 8)  # a beat a second


def test_hits_by_hand():
    times = [0.97, 1.5, 2.3, 4.041, 5.53]
    hits = cut_hits(times, [1.0, 0.1, 0.1, 0.9, 0.1], TEMPO)
    assert hits.n == 5
    assert hits.hit == pytest.approx(3 / 5)  # .97, 1.5, 5.53 (30 ms off)
    assert hits.n_strong == 2
    assert hits.strong_on_beat == pytest.approx(1 / 2)  # 4.041 is 41 ms off
    assert hits.chance == pytest.approx(0.08 / 0.5)
    assert hits.strong_chance == pytest.approx(0.08)
    assert hits.mean_error_ms == pytest.approx((30 + 0 + 30) / 3)
    assert cut_hits(times, np.ones(5), TEMPO, grid="beat").hit == pytest.approx(1 / 5)
    assert cut_hits(times, np.ones(5), TEMPO, grid="downbeat", tolerance=0.05).hit == pytest.approx(1 / 5)


def test_chance_is_what_random_cuts_hit():
    times = np.random.default_rng(0).uniform(0, 8, 20_000)
    hits = cut_hits(times, np.ones(20_000), TEMPO)
    assert hits.hit == pytest.approx(hits.chance, abs=0.01)


def test_no_cuts_and_wrong_questions():
    assert np.isnan(cut_hits([], [], TEMPO).hit)
    with pytest.raises(PlanError, match="downbeat, beat, half"):
        cut_hits([1.0], [1.0], TEMPO, grid="third")
    with pytest.raises(PlanError, match="1 times but 2 strengths"):
        cut_hits([1.0], [1.0, 1.0], TEMPO)


def test_strong_is_the_top_third():
    assert strong_cuts(np.array([0.1, 0.9, 0.5, 0.8, 0.2, 0.3])).tolist() == [False, True, False, True, False, False]
    assert strong_cuts(np.array([0.1])).tolist() == [True]


def test_pooling_counts_cuts_not_videos():
    one = cut_hits([1.0], [1.0], TEMPO)
    three = cut_hits([1.25, 2.25, 3.25], [1.0, 0.5, 0.4], TEMPO)
    pooled = pool_hits([one, three, cut_hits([], [], TEMPO)])
    assert pooled.n == 4
    assert pooled.hit == pytest.approx(0.25)
    assert pooled.strong_on_beat == pytest.approx(0.5)


def test_limits_and_the_steady_baseline():
    tempo = TempoMap([0.0, 1.0, 2.1, 3.0])
    drift, step = tempo_limits(tempo)
    assert drift == pytest.approx(1 / 0.9 - 1)
    assert step == pytest.approx(1.1 / 0.9 - 1)
    assert tempo_limits(fixed_tempo(tempo)) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert tempo_limits(TempoMap([0.0, 1.0])) == (0.0, 0.0)


def test_onsets_near_cuts():
    assert onset_hits([1.0, 2.0, 3.0], [3.039, 0.97, 2.2]) == pytest.approx(2 / 3)
    assert onset_hits([1.0], []) == 0.0
    assert np.isnan(onset_hits([], [1.0]))


def test_random_cuts_are_as_promised():
    lengths = []
    for seed in range(20):
        duration, cuts = random_cuts(3.0, seed)
        assert 60 <= duration <= 120
        times = np.array([0.0, *(cut.time for cut in cuts), duration])
        assert np.diff(times).min() >= 0.4 - 0.04 - 1e-9
        lengths.extend(np.diff(times[:-1]))
    assert np.mean(lengths) == pytest.approx(3.0, rel=0.1)
    assert random_cuts(3.0, 1) == random_cuts(3.0, 1)
    assert random_cuts(3.0, 1) != random_cuts(3.0, 2)
