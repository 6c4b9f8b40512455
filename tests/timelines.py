"""Timelines reopened beside the files they name: what every one that is written must hold.

check_otio(path, plan, names)       an OpenTimelineIO file: tracks, ranges as the files decode, markers
check_fcpxml(path, plan, names)     the same of Final Cut Pro XML
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import av
import pytest

from diffbgm.planner import markers
from diffbgm.types import MusicPlan


def decoded_length(path: Path) -> tuple[int, Fraction]:
    """Pictures of a film, or samples of sound, that decode, and how many there are a second."""
    with av.open(str(path)) as file:
        if file.streams.video:
            rate = file.streams.video[0].average_rate
            assert rate is not None
            return sum(1 for _ in file.decode(video=0)), Fraction(rate)
        return sum(frame.samples for frame in file.decode(audio=0)), Fraction(file.streams.audio[0].rate)


def file_of(url: str, folder: Path) -> Path:
    """The file that a clip names, by an address or relative to the timeline."""
    path = folder / unquote(urlsplit(url).path)
    assert path.is_file(), f"the timeline names {url}, which is not there"
    return path


def check_otio(path: Path, plan: MusicPlan, names: Sequence[str]) -> None:
    """A film, a mix and stems, each as long as its file decodes, with every cut and section on its frame."""
    otio = pytest.importorskip("opentimelineio")
    tracks = list(otio.adapters.read_from_file(str(path)).tracks)
    assert [track.name for track in tracks] == list(names)
    assert [track.kind for track in tracks] == ["Video", *["Audio"] * (len(names) - 1)]
    for track in tracks:
        (clip,) = track
        length, rate = decoded_length(file_of(clip.media_reference.target_url, path.parent))
        for span in (clip.source_range, clip.media_reference.available_range):
            assert span.start_time.value == 0
            assert span.duration.value == length, track.name
            assert span.duration.rate == pytest.approx(float(rate), rel=1e-6)
    (film,) = tracks[0]
    found = [(marker.name, marker.marked_range) for marker in film.markers]
    assert [name for name, _ in found] == [text for _, text in markers(plan)]
    last = film.source_range.duration.value - 1
    for (_, span), (time, _) in zip(found, markers(plan), strict=True):
        assert 0 <= span.start_time.value <= last
        assert abs(span.start_time.value - min(time * span.start_time.rate, last)) <= 0.5 + 1e-6
        assert span.duration.value == 1


def check_fcpxml(path: Path, plan: MusicPlan, names: Sequence[str]) -> None:
    """The same clips in the same order; sounds as long as they decode, the film within a frame of the timeline."""
    root = ElementTree.parse(path).getroot()
    frame = Fraction(root.find("resources/format").get("frameDuration")[:-1])
    assets = {asset.get("id"): asset for asset in root.findall("resources/asset")}
    film = root.find(".//spine/asset-clip")
    clips = [film, *film.findall("asset-clip")]
    assert [clip.get("name") for clip in clips[1:]] == list(names[1:])
    for clip in clips:
        asset = assets[clip.get("ref")]
        length, rate = decoded_length(file_of(asset.find("media-rep").get("src"), path.parent))
        said = Fraction(asset.get("duration")[:-1])
        if clip is film:
            assert abs(said - length / rate) <= frame / 2
        else:
            assert said == length / rate
        assert Fraction(clip.get("duration")[:-1]) <= said + frame
    found = film.findall("marker")
    assert [marker.get("value") for marker in found] == [text for _, text in markers(plan)]
    for marker in found:
        assert 0 <= Fraction(marker.get("start")[:-1]) < Fraction(film.get("duration")[:-1])
