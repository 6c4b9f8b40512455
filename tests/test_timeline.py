"""Timelines that editors open: clips as long as their files, markers on frames."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.planner.drawn import BRIGHT, DARK, draw_random

from diffbgm import timeline
from diffbgm.errors import OutputError
from diffbgm.planner import make_plan, markers
from diffbgm.timeline import Clip, to_fcpxml, write_fcpxml, write_otio

SOUNDS = (Clip("mix", Path("/a/f.wav"), 480_123, 48000), Clip("bass", Path("/a/f.bass.wav"), 480_123, 48000, False))


@pytest.fixture(scope="module")
def plan():
    return make_plan(draw_random(2.0, 1, (BRIGHT, DARK)))


def film(rate=25.0):
    return Clip("film", Path("/a/my film.mp4"), 1870, rate)


def seconds(text):
    assert text.endswith("s")
    return Fraction(text[:-1])


@pytest.mark.parametrize("rate", [24, 25, 30000 / 1001, 60000 / 1001, 23.976, 29.97, 50, 12.5])
def test_the_timeline_is_valid_and_on_frames(plan, rate):
    root = ElementTree.fromstring(
        to_fcpxml(plan, film(rate), SOUNDS, width=640, height=360, name="A & B <1>").split("\n", 2)[2]
    )
    assert (root.tag, root.get("version")) == ("fcpxml", "1.9")
    frame = seconds(root.find("resources/format").get("frameDuration"))
    assert float(1 / frame) == pytest.approx(25 if rate == 12.5 else rate, abs=0.005)
    sequence = root.find("library/event/project/sequence")
    assert sequence.get("format") == root.find("resources/format").get("id")
    length = seconds(sequence.get("duration"))
    assert abs(float(length) - plan.duration) <= float(frame) / 2 + 1e-9
    found = root.findall(".//spine/asset-clip/marker")
    assert len(found) == len(markers(plan))
    for marker, (time, text) in zip(found, markers(plan), strict=True):
        start = seconds(marker.get("start"))
        assert (start / frame).denominator == 1
        assert 0 <= start < length
        assert abs(float(start) - time) <= float(frame) + 1e-9
        assert marker.get("value") == text


def test_every_file_is_a_clip_and_stems_are_off_beside_the_mix(plan):
    root = ElementTree.fromstring(to_fcpxml(plan, film(), SOUNDS, width=640, height=360).split("\n", 2)[2])
    assets = root.findall("resources/asset")
    assert [a.find("media-rep").get("src") for a in assets] == [
        "file:///a/my%20film.mp4", "file:///a/f.wav", "file:///a/f.bass.wav",
    ]  # fmt: skip
    assert [seconds(a.get("duration")) for a in assets[1:]] == [Fraction(480_123, 48000)] * 2
    clips = root.findall(".//spine/asset-clip/asset-clip")
    assert [(c.get("ref"), c.get("lane"), c.get("enabled")) for c in clips] == [("r3", "-1", None), ("r4", "-2", "0")]


def test_an_otio_file_comes_back_with_every_clip_and_marker(plan, tmp_path):
    otio = pytest.importorskip("opentimelineio")
    path = write_otio(plan, tmp_path / "film.otio", film(), SOUNDS)
    back = otio.adapters.read_from_file(str(path))
    assert [(t.name, t.kind, t.enabled) for t in back.tracks] == [
        ("film", "Video", True), ("mix", "Audio", True), ("bass", "Audio", False),
    ]  # fmt: skip
    for track, clip in zip(back.tracks, (film(), *SOUNDS), strict=True):
        (found,) = track
        assert found.media_reference.target_url == clip.url
        assert (found.source_range.duration.value, found.source_range.duration.rate) == (clip.length, clip.rate)
    found = [(m.marked_range.start_time.to_seconds(), m.name) for m in back.tracks[0][0].markers]
    assert [name for _, name in found] == [text for _, text in markers(plan)]
    for (at, _), (time, _) in zip(found, markers(plan), strict=True):
        assert abs(at - min(time, 1869 / 25)) <= 0.5 / 25 + 1e-9


def test_without_opentimelineio_one_is_told_how_to_get_it(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(timeline, "find_spec", lambda name: None)
    with pytest.raises(OutputError, match=r"pip install 'diffbgm\[editors\]'"):
        write_otio(plan, tmp_path / "film.otio", film(), ())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a\x01b", "caf\udce9", "tab\there", "\uffff", "\U0001f3ac"])
def test_any_name_gives_well_formed_xml_and_nothing_else_stays(plan, tmp_path, name):
    section = replace(plan.sections[0], label="A\x02")
    path = write_fcpxml(replace(plan, sections=(section, *plan.sections[1:])), tmp_path / f"{name}.fcpxml", film())
    root = ElementTree.fromstring(path.read_bytes())
    shown = name.replace("\x01", "?").replace("\udce9", "?").replace("\uffff", "?")
    assert root.find("library/event").get("name") == shown
    assert root.find(".//spine/asset-clip/marker").get("value").startswith("section A? (bars 1-")
    assert list(tmp_path.iterdir()) == [path]


def test_writing_leaves_the_file_or_nothing(plan, tmp_path):
    path = write_fcpxml(plan, tmp_path / "film.fcpxml", film())
    assert path.read_text(encoding="utf-8") == to_fcpxml(plan, film(), width=1920, height=1080, name="film")
    assert [p.name for p in tmp_path.iterdir()] == ["film.fcpxml"]
    with pytest.raises(OutputError, match=r"folder .* does not exist"):
        write_fcpxml(plan, tmp_path / "nowhere" / "film.fcpxml", film())
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError):
        write_fcpxml(plan, tmp_path / "taken", film())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.fcpxml", "taken"]
