"""Markers, and the frames that editors count in."""

from fractions import Fraction

import pytest
from tests.planner.drawn import BRIGHT, DARK, draw_random

from diffbgm.planner import make_plan, markers
from diffbgm.planner.markers import frame_duration


@pytest.fixture(scope="module")
def plan():
    return make_plan(draw_random(2.0, 1, (BRIGHT, DARK)))


def test_every_cut_and_section_has_a_marker(plan):
    found = markers(plan)
    assert len(found) == len(plan.cuts) + len(plan.sections)
    assert [time for time, _ in found] == sorted(time for time, _ in found)
    texts = [text for _, text in found]
    assert sum(text.startswith("section") for text in texts) == len(plan.sections)
    assert sum(" ms off " in text for text in texts) == sum(not cut.snapped for cut in plan.cuts)


def test_frame_durations_editors_know():
    assert frame_duration(29.97) == Fraction(1001, 30000)
    assert frame_duration(24000 / 1001) == Fraction(1001, 24000)
    assert frame_duration(24.0) == Fraction(1, 24)
    assert frame_duration(60.0) == Fraction(1, 60)
    assert frame_duration(0.0) == Fraction(1, 25)


@pytest.mark.parametrize(
    ("rate", "fps"),
    [
        (4.9, 24000 / 1001),  # joined or uneven clocks: the nearest
        (1181 / 71, 24000 / 1001),
        (26.3, 25),
        (54.5, 50),
        (240.0, 120),
        (15.0, 30),  # half, a third of one
        (10.0, 30),
        (12.0, 24),
        (14.985, 30000 / 1001),
        (float("nan"), 25),
        (float("inf"), 25),
    ],
)
def test_a_rate_that_no_editor_knows_becomes_one_that_they_do(rate, fps):
    assert float(1 / frame_duration(rate)) == pytest.approx(fps, rel=1e-9)
