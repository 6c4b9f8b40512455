"""A new edit keeps its notes, and bars come or go where pictures did."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.planner.drawn import BRIGHT, DARK, draw_features, draw_random

from diffbgm.errors import PlanError
from diffbgm.planner import apply_bar_map, make_plan, recut
from diffbgm.planner.recut import map_bars
from diffbgm.research.metrics.sync import random_cuts, tempo_limits
from diffbgm.roll import notes_to_roll, roll_to_notes
from diffbgm.types import Note, PianoRoll


@pytest.fixture(scope="module")
def video():
    return draw_random(3.0, 5, (BRIGHT, DARK))


@pytest.fixture(scope="module")
def plan(video):
    return make_plan(video)


def without(cuts, start, end):
    """The cuts after the pictures between start and end are taken out."""
    length = end - start
    return [c for c in cuts if c.time <= start] + [replace(c, time=c.time - length) for c in cuts if c.time > end]


def test_the_same_edit_changes_nothing(plan, video):
    again = recut(plan, video)
    assert again.bars == tuple(range(len(again.bars)))
    assert again.plan.sections == plan.sections
    assert again.plan.curves == plan.curves
    assert again.plan.bars == plan.bars


def test_moved_cuts_keep_every_note_and_get_a_new_tempo(plan, video):
    moved = [replace(cut, time=cut.time + 0.1) for cut in video.cuts]
    again = recut(plan, moved)
    assert again.bars == tuple(range(len(again.bars)))
    assert again.plan.tempo != plan.tempo
    assert np.mean([cut.snapped for cut in again.plan.cuts]) >= 0.9


def test_a_slightly_longer_edit_keeps_every_note(plan, video):
    again = recut(plan, video.cuts, video.duration * 1.03)
    assert again.bars == tuple(range(len(again.bars)))
    assert again.plan.duration == video.duration * 1.03
    assert again.plan.tempo.edges[-1] == again.plan.duration


def test_bars_go_where_the_pictures_went(plan, video):
    start, end = video.cuts[8].time, video.cuts[14].time
    again = recut(plan, without(video.cuts, start, end), video.duration - (end - start))
    gone = sorted(set(range(plan.bars)) - set(again.bars))
    assert len(gone) == plan.bars - again.plan.bars > 0
    assert gone == list(range(gone[0], gone[-1] + 1))
    from_bar, to_bar = plan.tempo.beat_at([start, end]) / 4
    assert from_bar - 1 <= gone[0]
    assert gone[-1] <= to_bar + 1
    assert "removed" in again.plan.why[-1]


def test_bars_come_where_pictures_came(plan, video):
    place = video.cuts[10].time
    longer = [replace(c, time=c.time + 20.0) if c.time > place else c for c in video.cuts]
    again = recut(plan, longer, video.duration + 20.0)
    assert again.plan.bars > plan.bars
    assert set(again.bars) == set(range(plan.bars))
    jump = next(i for i in range(1, len(again.bars)) if again.bars[i] != again.bars[i - 1] + 1)
    assert abs(again.plan.tempo.time_at(jump * 4) - place) < 20.0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.1, 1.7, 3.0])
def test_any_length_gives_a_whole_plan(plan, video, share):
    duration = video.duration * share
    cuts = [cut for cut in video.cuts if cut.time < duration - 0.1]
    again = recut(plan, cuts, duration)
    assert again.plan.tempo.edges[-1] == duration
    assert len(again.bars) == again.plan.bars
    assert again.bars[-1] == plan.bars - 1  # the ending stays the ending
    drift, step = tempo_limits(again.plan.tempo)
    assert drift <= 0.08 + 1e-9
    assert step <= 0.03 + 1e-9
    old, new = 60 * plan.beats / plan.duration, 60 * again.plan.beats / duration
    assert abs(new / old - 1) < 0.051


def test_a_plan_can_be_recut_to_almost_nothing(plan):
    again = recut(plan, [], 0.5)
    assert again.plan.bars == 1
    with pytest.raises(PlanError, match="duration"):
        recut(plan, [], -1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1000))
def test_bar_maps_are_in_range_and_end_with_the_ending(new, old, seed):
    places = np.sort(np.random.default_rng(seed).uniform(-1, old, new))
    bars = map_bars(places, old)
    assert len(bars) == new
    assert all(0 <= bar < old for bar in bars)
    assert bars[-1] == old - 1


def test_a_bar_map_moves_notes():
    notes = [Note(4.0 * bar, 4.0 * bar + 2.0, 60 + bar) for bar in range(4)]
    roll = notes_to_roll(notes, [Note(3.0, 6.0, 40)], 16)
    moved = apply_bar_map(roll, [0, 2, 3])
    melody, accompaniment = roll_to_notes(moved)
    assert [(n.start, n.pitch) for n in melody] == [(0.0, 60), (4.0, 62), (8.0, 63)]
    assert accompaniment == [Note(3.0, 4.0, 40)]  # held over a bar line that is gone: it stops there
    assert apply_bar_map(roll, range(4)) == roll
    with pytest.raises(PlanError, match=r"0\.\.3, got 4"):
        apply_bar_map(roll, [0, 4])


def test_nothing_held_leaks_into_a_bar_it_does_not_belong_to():
    cells = np.zeros((4, 48, 88), np.uint8)
    cells[2, 12, 30] = 1
    cells[3, 13:20, 30] = 1  # a note of bar 0 held into bar 1
    cells[2, 44, 30] = 1
    cells[3, 45:48, 30] = 1  # and one at the end of bar 2
    moved = apply_bar_map(PianoRoll(cells), [2, 1, 0])
    assert moved.cells[3, 16:20].sum() == 0
    assert [n.start for n in roll_to_notes(moved)[1]] == [3.0, 11.0]


def test_recut_accepts_features_of_another_video(plan):
    duration, cuts = random_cuts(4.0, 9)
    other = draw_features(duration, cuts, (DARK, BRIGHT))
    assert recut(plan, other).plan.duration == duration
