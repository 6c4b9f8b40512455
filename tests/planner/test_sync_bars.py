"""The bars of cut fitting, held by whole plans over 40 made-up videos for each pace of cutting."""

import pytest
from tests.planner.drawn import draw_random

from diffbgm.planner import make_plan
from diffbgm.research.metrics.sync import cut_hits, fixed_tempo, pool_hits, tempo_limits

VIDEOS = 40


@pytest.mark.parametrize(("mean_shot", "bar"), [(1.5, 0.85), (3.0, 0.95), (6.0, 0.95)])
def test_cuts_land_on_beats(mean_shot, bar):
    fitted, steady = [], []
    for seed in range(VIDEOS):
        video = draw_random(mean_shot, seed)
        plan = make_plan(video)
        assert plan.tempo.edges[-1] == video.duration
        assert 60 <= 60 * plan.beats / plan.duration <= 140
        drift, step = tempo_limits(plan.tempo)
        assert drift <= 0.08 + 1e-9
        assert step <= 0.03 + 1e-9
        times, strengths = [cut.time for cut in video.cuts], [cut.strength for cut in video.cuts]
        fitted.append(cut_hits(times, strengths, plan.tempo))
        steady.append(cut_hits(times, strengths, fixed_tempo(plan.tempo)))
        assert sum(cut.snapped for cut in plan.cuts) == round(fitted[-1].hit * fitted[-1].n)
    found, baseline = pool_hits(fitted), pool_hits(steady)
    assert found.hit >= bar
    assert found.strong_on_beat >= 0.90
    # The ruler itself: a tempo that doesn't look at the cuts meets about as many as chance says.
    assert abs(baseline.hit - baseline.chance) < 0.08
    assert abs(baseline.strong_on_beat - baseline.strong_chance) < 0.08
