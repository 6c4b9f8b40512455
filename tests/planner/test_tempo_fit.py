"""Cuts onto beats: limits always hold, the ends are exact, planted tempi are found, far cuts change nothing near."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.errors import PlanError
from diffbgm.planner.tempo import fit_tempo, pace_to_bpm, unit_choices
from diffbgm.research.metrics.sync import cut_hits, fixed_tempo, random_cuts, tempo_limits
from diffbgm.types import SYNC_TOLERANCE, Cut, TempoMap

cut_lists = st.tuples(
    st.floats(8.0, 60.0),
    st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.0, 1.0), st.sampled_from(["cut", "fade"])), max_size=40),
)


def cuts_of(duration, drawn):
    shares = {round(share, 4): (strength, kind) for share, strength, kind in drawn}
    return [Cut(share * duration, strength, kind) for share, (strength, kind) in sorted(shares.items())]


@settings(max_examples=60, deadline=None)
@given(cut_lists, st.sampled_from([(0.08, 0.03), (0.05, 0.02), (0.03, 0.015)]))
def test_the_limits_hold_and_the_ends_are_exact(drawn, limits):
    duration, rows = drawn
    max_drift, max_step = limits
    cuts = cuts_of(duration, rows)
    fit = fit_tempo(duration, cuts, max_drift=max_drift, max_step=max_step)
    edges = fit.tempo.edges
    assert edges[0] == 0.0
    assert edges[-1] == duration
    assert fit.tempo.beats % 4 == 0
    assert 60 - 1e-9 <= fit.base_bpm <= 140 + 1e-9
    drift, step = tempo_limits(fit.tempo)
    assert drift <= max_drift + 1e-9
    assert step <= max_step + 1e-9
    assert [cut.time for cut in fit.cuts] == [cut.time for cut in cuts]
    for cut in fit.cuts:
        assert cut.error == pytest.approx(cut.time - fit.tempo.time_at(cut.beat))
        assert cut.snapped == (abs(cut.error) <= SYNC_TOLERANCE)
        assert bool(cut.reason) != cut.snapped


@pytest.mark.parametrize("bpm", [66.0, 84.0, 100.0, 120.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_planted_tempo_is_found(bpm, seed):
    rng = np.random.default_rng(seed)
    beats = 64
    duration = beats * 60 / bpm
    chosen = np.sort(rng.choice(np.arange(1, 2 * beats), 40, replace=False)) / 2  # halves of a beat
    cuts = [Cut(float(b * 60 / bpm), 1.0 if b % 1 == 0 else 0.3) for b in chosen]
    fit = fit_tempo(duration, cuts, bpm_range=(max(60.0, bpm / 1.4), min(140.0, bpm * 1.4)))
    assert fit.base_bpm == pytest.approx(bpm)
    assert all(cut.snapped for cut in fit.cuts)
    assert max(abs(cut.error) for cut in fit.cuts) < 0.01


def test_a_planted_drift_is_followed():
    lengths = 0.5 * (1 + 0.06 * np.sin(np.arange(128) / 12))
    planted = TempoMap(np.concatenate([[0.0], np.cumsum(lengths)]))
    cuts = [Cut(float(planted.time_at(b))) for b in range(4, 128, 4)]
    fit = fit_tempo(float(planted.edges[-1]), cuts, bars=32)
    assert all(cut.snapped for cut in fit.cuts)
    assert sum(cut.beat % 4 == 0 for cut in fit.cuts) >= 30
    steady = fixed_tempo(planted)
    assert cut_hits([c.time for c in cuts], np.ones(len(cuts)), steady).hit < 0.7


def test_a_far_cut_changes_nothing_near():
    duration, cuts = 120.0, [Cut(t, 0.8) for t in (2.31, 5.02, 8.9, 13.37, 17.7)]
    near = fit_tempo(duration, cuts, bars=50)
    both = fit_tempo(duration, [*cuts, Cut(111.13, 0.8)], bars=50)
    assert all(cut.snapped for cut in both.cuts)
    assert [cut.beat for cut in near.cuts] == [cut.beat for cut in both.cuts[:-1]]
    early = near.tempo.edges < 20
    np.testing.assert_allclose(near.tempo.edges[early], both.tempo.edges[: early.sum()], atol=0.01)


def test_strong_cuts_win_over_weak_ones():
    # Two cuts a third of a beat apart can't both be met: the strong one is, whichever comes first.
    for first, second in ((1.0, 0.2), (0.2, 1.0)):
        cuts = [Cut(10.0, first), Cut(10.12, second)]
        fit = fit_tempo(30.0, cuts, bpm_range=(90, 110))
        strong = max(fit.cuts, key=lambda cut: cut.strength)
        weak = min(fit.cuts, key=lambda cut: cut.strength)
        assert strong.snapped
        assert strong.beat % 1 == 0
        assert not weak.snapped
        assert "which is kept" in weak.reason


def test_a_strong_cut_lands_on_a_downbeat_where_it_can():
    cuts = [Cut(t, s) for t, s in ((6.1, 0.3), (11.9, 1.0), (19.0, 0.3), (26.3, 1.0), (33.0, 0.3))]
    fit = fit_tempo(45.0, cuts)
    assert [cut.beat % 4 for cut in fit.cuts if cut.strength == 1.0] == [0, 0]


def test_reasons_name_the_limit():
    cuts = [Cut(10.0, 1.0), Cut(10.62, 0.2), Cut(10.9, 1.0)]
    fit = fit_tempo(30.0, cuts, bars=10)
    reasons = [cut.reason for cut in fit.cuts if not cut.snapped]
    assert reasons
    assert all("bpm" in reason or "beat to beat" in reason or "kept" in reason for reason in reasons)


@pytest.mark.parametrize("duration", [0.04, 0.5, 1.0, 1.7, 2.0, 3.9, 5.0, 7.3, 9.99])
def test_short_videos_get_a_proper_short_piece(duration):
    cuts = [Cut(duration / 3), Cut(duration / 2)] if duration > 1 else []
    fit = fit_tempo(duration, cuts)
    assert fit.tempo.beats >= 4
    assert fit.tempo.beats % 4 == 0
    assert fit.tempo.edges[-1] == max(duration, 0.8)  # a bar at 300 beats per minute
    if duration >= 4 * 60 / 140:
        assert 60 <= fit.base_bpm <= 140


def test_a_narrow_range_is_left_only_as_far_as_whole_bars_demand():
    assert unit_choices(60.0, 60, 80, 70, 4) == [15, 16, 17, 18, 19, 20]
    assert unit_choices(5.0, 60, 80, 70, 4) == [2]  # one bar at 48 or two at 96 bpm: the second is nearer in ratio
    assert unit_choices(0.04, 60, 140, 90, 4) == [1]
    assert len(unit_choices(3600.0, 60, 140, 90, 4)) <= 16


def test_faster_cutting_prefers_faster_music():
    def pace(mean):
        duration, cuts = random_cuts(mean, 0)
        return pace_to_bpm(duration, cuts)

    assert pace(1.5) > pace(3.0) > pace(6.0)


def test_without_room_to_move_the_tempo_is_steady():
    fit = fit_tempo(30.0, [Cut(7.77), Cut(12.34)], max_drift=0.0)
    assert tempo_limits(fit.tempo)[0] < 1e-9


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": 0.0},
        {"bpm_range": (120.0, 60.0)},
        {"max_drift": 0.6},
        {"max_step": -0.1},
        {"bars": 0},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(PlanError):
        fit_tempo(**{"duration": 10.0, "cuts": [], **wrong})
