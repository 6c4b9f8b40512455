"""Cuts that must lie on a beat, and cuts that are ignored."""

from dataclasses import replace

import pytest
from tests.planner.drawn import PLAIN, draw_features

from diffbgm.brief import read_asked
from diffbgm.codec import from_json, to_json
from diffbgm.errors import OptionError, PlanError
from diffbgm.options import ScoreOptions
from diffbgm.planner import make_plan
from diffbgm.stages import plan_music
from diffbgm.types import Cut, MusicPlan

TIMES = (1.0, 1.37, 2.9, 4.46, 4.61, 6.2, 7.77, 9.1, 9.23, 11.4, 12.9, 14.05, 15.6, 17.31, 18.0, 19.2)
VIDEO = draw_features(21.0, [Cut(time, 0.3 + 0.6 * (i % 3 == 0)) for i, time in enumerate(TIMES)], (PLAIN,))


def plan(**asked: str) -> MusicPlan:
    return make_plan(VIDEO, brief=read_asked(asked))


def test_every_cut_that_was_let_go_can_be_had() -> None:
    gone = [cut for cut in plan().cuts if not cut.snapped]
    assert len(gone) >= 2, "a film whose cuts are met anyway shows nothing"
    for cut in gone:
        fit = plan(must=f"{cut.time:.2f}")
        met = {c.time: c for c in fit.cuts}[cut.time]
        assert (met.asked, met.snapped, met.reason) == ("must", True, "")
        assert abs(met.error) <= 0.04
        assert fit.duration == VIDEO.duration


def test_ignored_cuts_count_as_none_and_stay_known() -> None:
    gone = TIMES[1::2]
    fit = plan(ignore="; ".join(map(str, gone)))
    assert tuple(c.time for c in fit.cuts) == TIMES
    assert {c.time for c in fit.cuts if c.asked == "ignore"} == set(gone)
    assert all(c.reason == "ignored, as asked" and not c.snapped for c in fit.cuts if c.asked)
    bare = make_plan(replace(VIDEO, cuts=VIDEO.cuts[::2]))
    assert fit.tempo == bare.tempo
    assert fit.sections == bare.sections
    assert fit.video == plan().video, "it is the same video"
    assert from_json(MusicPlan, to_json(fit)) == fit


def test_ignoring_all_is_as_no_cuts() -> None:
    fit = plan(ignore=", ".join(map(str, TIMES)))
    assert fit.tempo == make_plan(replace(VIDEO, cuts=())).tempo


def test_two_that_no_tempo_can_meet_are_told() -> None:
    video = replace(VIDEO, cuts=(Cut(10.0, 0.9), Cut(10.1, 0.9)))
    fit = make_plan(video, brief=read_asked({"must": "10; 10.1"}))
    assert sum(c.snapped for c in fit.cuts) == 1
    assert any("must lie on a beat, but" in line for line in fit.why)


def test_the_options_say_it_and_lists_will_do() -> None:
    made = plan_music(VIDEO, ScoreOptions(must=["2.9", "0:06.2"], ignore=["1.37"]))
    assert {c.time: c.asked for c in made.cuts if c.asked} == {1.37: "ignore", 2.9: "must", 6.2: "must"}


@pytest.mark.parametrize("text", ["soon", "3-4", "2.9 big"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="must must be the time of a cut"):
        ScoreOptions(must=text)


def test_a_time_without_a_cut_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanError, match=r"ignore: no cut lies at 5.30 s; the nearest is at 4.61 s"):
        plan(ignore="5.3")
    with pytest.raises(PlanError, match="the video has none"):
        make_plan(replace(VIDEO, cuts=()), brief=read_asked({"must": "3"}))


def test_all_cuts_are_met_or_ignored_at_one_word() -> None:
    assert plan(ignore="all").tempo == make_plan(replace(VIDEO, cuts=())).tempo
    assert {c.asked for c in plan(ignore="all").cuts} == {"ignore"}
    free, asked = plan(), plan(must="all")
    assert {c.asked for c in asked.cuts} == {"must"}
    assert sum(c.snapped for c in asked.cuts) >= sum(c.snapped for c in free.cuts)
    missed = sum("must lie on a beat, but" in line for line in asked.why)
    assert missed == sum(not c.snapped for c in asked.cuts)
    assert not any(c.asked for c in make_plan(replace(VIDEO, cuts=()), brief=read_asked({"must": "all"})).cuts)


def test_a_cut_with_a_time_is_no_longer_one_of_all() -> None:
    words = {c.time: c.asked for c in plan(ignore="2.9; ALL", must="9.1").cuts}
    assert words == dict.fromkeys(TIMES, "ignore") | {9.1: "must"}


def test_a_text_says_it_of_all_cuts() -> None:
    fit = make_plan(VIDEO, prompt="calm ambient that ignores the cuts")
    assert {c.asked for c in fit.cuts} == {"ignore"}
    assert {c.asked for c in make_plan(VIDEO, prompt="a hit on every cut").cuts} == {"must"}


def test_the_tempo_is_drawn_to_the_cut_and_not_to_the_time_that_was_told() -> None:
    gone = next(cut for cut in plan().cuts if not cut.snapped)
    assert plan(must=f"{gone.time + 0.03:.2f}").tempo == plan(must=f"{gone.time:.2f}").tempo


def test_what_lies_after_the_end_is_said_and_moves_nothing() -> None:
    with pytest.raises(PlanError, match=r"must: 99 s lies after the end of the video, at 21\.00 s"):
        plan(must="99")
    late = plan(hit="5; 99")
    assert late.tempo == plan(hit="5").tempo
    assert [hit.time for hit in late.hits] == [5.0]
    assert "hit at 99 s: left out, the video ends at 21.00 s" in late.why
