"""Markers and the timeline an editor reads."""

from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from tests.planner.drawn import BRIGHT, DARK, draw_random

from diffbgm.errors import OutputError
from diffbgm.planner import make_plan, markers, to_fcpxml, write_fcpxml
from diffbgm.planner.markers import frame_duration


@pytest.fixture(scope="module")
def plan():
    return make_plan(draw_random(2.0, 1, (BRIGHT, DARK)))


def seconds(text):
    assert text.endswith("s")
    return Fraction(text[:-1])


def test_every_cut_and_section_has_a_marker(plan):
    found = markers(plan)
    assert len(found) == len(plan.cuts) + len(plan.sections)
    assert [time for time, _ in found] == sorted(time for time, _ in found)
    texts = [text for _, text in found]
    assert sum(text.startswith("section") for text in texts) == len(plan.sections)
    assert sum(" ms off " in text for text in texts) == sum(not cut.snapped for cut in plan.cuts)


@pytest.mark.parametrize("rate", [24, 25, 30000 / 1001, 60000 / 1001, 23.976, 29.97, 50, 12.5])
def test_the_timeline_is_valid_and_on_frames(plan, rate):
    root = ElementTree.fromstring(to_fcpxml(plan, frame_rate=rate, name="A & B <1>").split("\n", 2)[2])
    assert (root.tag, root.get("version")) == ("fcpxml", "1.9")
    frame = seconds(root.find("resources/format").get("frameDuration"))
    assert float(1 / frame) == pytest.approx(25 if rate == 12.5 else rate, abs=0.005)
    sequence = root.find("library/event/project/sequence")
    assert sequence.get("format") == root.find("resources/format").get("id")
    length = seconds(sequence.get("duration"))
    assert abs(float(length) - plan.duration) <= float(frame) / 2 + 1e-9
    found = root.findall(".//gap/marker")
    assert len(found) == len(markers(plan))
    for marker, (time, text) in zip(found, markers(plan), strict=True):
        start = seconds(marker.get("start"))
        assert (start / frame).denominator == 1
        assert 0 <= start < length
        assert abs(float(start) - time) <= float(frame) + 1e-9
        assert marker.get("value") == text


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


@pytest.mark.parametrize("name", ["a\x01b", "caf\udce9", "tab\there", "\uffff", "\U0001f3ac"])
def test_any_name_gives_well_formed_xml_and_nothing_else_stays(plan, tmp_path, name):
    section = replace(plan.sections[0], label="A\x02")
    path = write_fcpxml(replace(plan, sections=(section, *plan.sections[1:])), tmp_path / f"{name}.fcpxml")
    root = ElementTree.fromstring(path.read_bytes())
    shown = name.replace("\x01", "?").replace("\udce9", "?").replace("\uffff", "?")
    assert root.find("library/event").get("name") == shown
    assert root.find(".//gap/marker").get("value").startswith("section A? (bars 1-")
    assert list(tmp_path.iterdir()) == [path]


def test_writing_leaves_the_file_or_nothing(plan, tmp_path):
    path = write_fcpxml(plan, tmp_path / "film.fcpxml", frame_rate=25)
    assert path.read_text(encoding="utf-8") == to_fcpxml(plan, name="film")
    assert [p.name for p in tmp_path.iterdir()] == ["film.fcpxml"]
    with pytest.raises(OutputError, match=r"folder .* does not exist"):
        write_fcpxml(plan, tmp_path / "nowhere" / "film.fcpxml")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError):
        write_fcpxml(plan, tmp_path / "taken")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.fcpxml", "taken"]
