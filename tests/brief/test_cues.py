"""Cue sheets in every format come to the same hits, rests, scenes and speech; damaged ones are refused in one line."""

from pathlib import Path

import pytest

from diffbgm.brief import read_asked
from diffbgm.errors import OptionError

SHEETS = {
    "a.csv": "time,end,kind,text\n4.5,,hit,big\n0:08,0:12,rest,\n14,18,,calm piano\n20,24,speech,hello\n",
    "b.csv": "In;Out;Name\n4.5;;hit big\n8;12;rest\n14;18;calm piano\n20;24;dialogue: hello\n",
    "c.json": '[{"time": 4.5, "text": "HIT big"}, {"in": 8, "out": 12, "kind": "rest"},'
    ' {"start": "0:14", "end": "0:18", "note": "scene: calm piano"}, {"start": 20, "end": 24, "kind": "speech"}]',
    "d.json": '\ufeff{"cues": [{"time": "4.5 s", "kind": "hit", "text": "big"},'
    ' {"time": 8, "end": 12, "text": "silence"},'
    ' {"time": 14, "end": 18, "text": "calm piano"}, {"time": "00:00:20,000", "end": 24, "kind": "dialogue"}]}',
    "e.edl": "TITLE: x\nFCM: NON-DROP FRAME\n"
    "001  AX  V  C  01:00:00:00 01:00:30:00 01:00:00:00 01:00:30:00\n* LOC: 01:00:04:12 RED hit big\n"
    "002  001 V  C  01:00:08:00 01:00:08:01 01:00:08:00 01:00:08:01\n |C:ResolveColorBlue |M:rest |D:96\n"
    "003  001 V  C  01:00:14:00 01:00:14:01 01:00:14:00 01:00:14:01\n |C:ResolveColorBlue |M:calm piano |D:96\n"
    "004  001 V  C  01:00:20:00 01:00:20:01 01:00:20:00 01:00:20:23\n |C:ResolveColorBlue |M:speech |D:96\n",
    "f.fcpxml": '<fcpxml version="1.9"><library><event><project><sequence tcStart="3600s"><spine>'
    '<asset-clip offset="3600s" start="10s" duration="10s"><marker start="14.5s" duration="1/24s" value="hit big"/>'
    '<marker start="432/24s" duration="96/24s" value="rest"/></asset-clip>'
    '<asset-clip offset="3610s" start="0s" duration="20s"><marker start="4s" duration="4s" value="calm piano"/>'
    '<marker start="10s" duration="4s" value="speech" note="hello"/></asset-clip>'
    "</spine></sequence></project></event></library></fcpxml>",
}


def read(path: Path) -> tuple[list[tuple[float, float]], ...]:
    brief = read_asked({"cues": str(path)})
    hits = [(hit.at.seconds(30.0), hit.size) for hit in brief.hits]
    spans = [[span.seconds(30.0) for span in some] for some in (brief.rests, brief.talks)]
    return hits, *spans, [(*scene.span.seconds(30.0), scene.text) for scene in brief.scenes]  # pyright: ignore


@pytest.mark.parametrize("name", SHEETS)
def test_every_format_says_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(SHEETS[name], encoding="utf-8")
    assert read(path) == ([(4.5, 1.0)], [(8, 12)], [(20, 24)], [(14, 18, "calm piano")])


def test_subtitles_are_speech(tmp_path: Path) -> None:
    path = tmp_path / "s.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:04,500\n<i>Good morning.</i>\n\n2\n00:00:06,000 --> 00:00:07,000\n[♪]\n")
    assert read(path)[2] == [(1.0, 4.5)]
    path = tmp_path / "s.vtt"
    path.write_text("WEBVTT\n\n00:01.000 --> 00:04.500 align:start\nGood morning.\n")
    assert read(path)[2] == [(1.0, 4.5)]


def test_markers_of_a_timeline_are_read(tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio")
    timeline, rate = otio.schema.Timeline(), 25
    span = otio.opentime.TimeRange
    clips = [
        otio.schema.Clip(
            source_range=span(otio.opentime.RationalTime(250, rate), otio.opentime.RationalTime(250, rate))
        )
        for _ in range(2)
    ]
    track = otio.schema.Track(children=clips)
    timeline.tracks.append(track)
    at = otio.opentime.RationalTime
    clips[1].markers.append(otio.schema.Marker("hit big", span(at(300, rate), at(1, rate))))
    timeline.tracks.markers.append(otio.schema.Marker("rest", span(at(25, rate), at(50, rate))))
    path = tmp_path / "t.otio"
    otio.adapters.write_to_file(timeline, str(path))
    assert read(path)[:2] == ([(12.0, 1.0)], [(1.0, 3.0)])


def test_scenes_without_an_end_last_until_the_next(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("time,kind,text\n0,scene,calm piano\n12,scene,rock\n")
    assert [scene[:2] for scene in read(path)[3]] == [(0, 12), (12, 30)]


def test_options_and_sheets_add_up(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("time,text\n4,hit\n")
    assert [h.at.value for h in read_asked({"cues": str(path), "hit": "9"}).hits] == [9.0, 4.0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "time,text\nsoon,hit\n", "row 2: 'soon' is no time"),
        ("x.csv", "text\nhit\n", "row 2 has no time"),
        ("x.csv", "time,end\n9,4\n", "ends at 4 before"),
        ("x.csv", "time,kind\n9,waltz\n", "kind 'waltz'"),
        ("x.csv", "time,kind\n9,rest\n", "rest without an end"),
        ("x.csv", "", "no cue"),
        ("x.csv", 'time,text\n4,"hit\n', "no table"),
        ("x.json", "{", "no JSON"),
        ("x.json", "3", "a list of objects"),
        ("x.json", "[" * 100_000, "nested"),
        ("x.edl", "hello", "no time code"),
        ("x.fcpxml", "<fcpxml><sequence>", "mend that"),
        ("x.fcpxml", '<fcpxml><sequence><spine><marker start="a"/></spine></sequence></fcpxml>', "start 'a'"),
        ("x.fcpxml", "<!DOCTYPE a [<!ENTITY b 'c'>]><fcpxml/>", "entities"),
        ("x.srt", "1\n0:01 -> x --> y\nhi\n", "line 2 has no times"),
        ("x.otio", "{}", "no timeline"),
        ("x.txt", "4 hit", "must be one of"),
    ],
)
def test_a_damaged_sheet_is_refused_in_a_line(name: str, text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError) as error:
        read_asked({"cues": str(path)})
    assert said in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.srt"
    path.write_bytes(b"\x80\x81\x82")
    with pytest.raises(OptionError, match="UTF-8"):
        read_asked({"cues": str(path)})
    with pytest.raises(OptionError, match="check the path"):
        read_asked({"cues": str(tmp_path / "none.csv")})
