"""What a brief asked of a film at certain pictures goes with these pictures into a new edit."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.planner.drawn import BRIGHT, DARK, draw_random

from diffbgm.brief import Brief, Moment, read_brief
from diffbgm.planner import make_plan, recut
from diffbgm.planner.retime import Edit

BRIEF = "calm piano, hit at 0:20, no music from 25 s to 28 s, no drums from 40 s to 44 s"


@pytest.fixture(scope="module")
def video():
    return draw_random(3.0, 5, (BRIGHT, DARK))


@pytest.fixture(scope="module")
def plan(video):
    return make_plan(video, brief=read_brief(BRIEF))


def shot_at(video, time):
    """(start, end) of the shot that is seen at a time."""
    edges = [0.0, *(cut.time for cut in video.cuts), video.duration]
    return next((a, b) for a, b in pairwise(edges) if a <= time < b)


def without(video, start, end):
    """The cuts and the duration once the pictures from `start` to `end` are taken out."""
    gone = end - start
    cuts = [c for c in video.cuts if c.time <= start]
    cuts += [replace(c, time=c.time - gone) for c in video.cuts if c.time > end]
    return cuts, video.duration - gone


def test_all_stays_in_the_same_edit(plan, video):
    again = recut(plan, video).plan
    assert [hit.time for hit in again.hits] == pytest.approx([hit.time for hit in plan.hits])
    assert np.ravel(again.rests) == pytest.approx(np.ravel(plan.rests))
    assert [who for who, _, _ in again.tacets] == [who for who, _, _ in plan.tacets]
    assert plan.hits
    assert plan.rests
    assert plan.tacets


def test_what_comes_after_pictures_that_are_gone_comes_earlier(plan, video):
    start, end = shot_at(video, 8.0)
    again = recut(plan, *without(video, start, end)).plan
    gone = end - start
    assert [hit.time for hit in again.hits] == pytest.approx([20.0 - gone], abs=0.01)
    assert np.ravel(again.rests) == pytest.approx([25.0 - gone, 28.0 - gone], abs=0.01)
    assert again.tacets[0][1:] == pytest.approx((40.0 - gone, 44.0 - gone), abs=0.01)
    assert abs(again.hits[0].error) <= 0.04
    assert again.hits[0].error == pytest.approx(again.hits[0].time - again.tempo.time_at(again.hits[0].beat))


def test_a_hit_goes_with_its_pictures_and_is_missed_aloud(plan, video):
    again = recut(plan, *without(video, *shot_at(video, 20.0))).plan
    assert again.hits == ()
    assert "1 of 1 hits had pictures" in again.why[-1]


def test_pictures_that_come_in_push_the_rest_back(plan, video):
    place = next(cut.time for cut in video.cuts if cut.time > 8.0)
    cuts = [replace(cut, time=cut.time + 7.3) if cut.time > place else cut for cut in video.cuts]
    again = recut(plan, cuts, video.duration + 7.3).plan
    assert [hit.time for hit in again.hits] == pytest.approx([27.3], abs=0.01)


def test_cuts_stay_asked_for(video):
    strong, weak = video.cuts[3], video.cuts[6]
    plan = make_plan(video, brief=Brief(must=(Moment(strong.time),), ignore=(Moment(weak.time),)))
    first = video.cuts[0].time
    again = recut(plan, *without(video, 0.0, first)).plan
    words = {round(cut.time, 3): cut.asked for cut in again.cuts if cut.asked}
    assert words == {round(strong.time - first, 3): "must", round(weak.time - first, 3): "ignore"}


def test_energy_keeps_its_shape_where_pictures_are_taken_out(video):
    plan = replace(make_plan(video), energy=((0.0, 0.0), (video.duration, 1.0)))
    start, end = shot_at(video, 20.0)
    again = recut(plan, *without(video, start, end)).plan
    times, levels = np.array(again.energy).T
    assert (np.diff(times) >= 0).all()
    assert times[-1] == pytest.approx(again.duration)
    late = np.array([30.0, 40.0])
    assert np.interp(late - (end - start), times, levels) == pytest.approx(late / video.duration, abs=0.01)


def test_a_stretch_that_is_stretched_stretches_its_times():
    edit = Edit.of(np.array([0.0, 30.0]), np.array([0.0, 20.0]))
    assert edit.time(10.0) == pytest.approx(15.0)
    assert edit.spans(5.0, 10.0) == ((7.5, 15.0),)
    assert edit.time(21.0) is None
