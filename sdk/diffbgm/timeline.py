"""A finished timeline for editors: the film, the mix and every stem as clips on tracks of their own, with markers.

OpenTimelineIO files are written through `opentimelineio` (the extra `editors`). Final Cut Pro XML is written here: the
adapter that is kept for it (otio-fcpx-xml-adapter 1.0) leaves out the size of the pictures and gives markers no length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from diffbgm.errors import OutputError
from diffbgm.files import StrPath, replacing, write_text
from diffbgm.planner.markers import frame_duration, frame_time, markers, xml_text
from diffbgm.types import MusicPlan

FCPXML = "1.9"


@dataclass(frozen=True)
class Clip:
    """A file on a track of its own.

    Attributes:
        name: Of the track.
        path: The file.
        length: Frames of the film, or samples of sound.
        rate: Of them, a second.
        enabled: Whether it is seen or heard; stems are not, beside the mix.

    """

    name: str
    path: Path
    length: int
    rate: float
    enabled: bool = True

    @property
    def url(self) -> str:
        """The file as editors name it."""
        return self.path.resolve().as_uri()


def check_otio(path: StrPath) -> None:
    """Raise OutputError where opentimelineio, which writes `path`, is not installed."""
    if find_spec("opentimelineio") is None:
        raise OutputError(f"{path}: needs opentimelineio; pip install 'diffbgm[editors]'")


def write_otio(plan: MusicPlan, path: StrPath, film: Clip, sounds: Sequence[Clip]) -> Path:
    """Write an OpenTimelineIO file, whole or not at all.

    Args:
        plan: Whose cuts and sections become markers on the film.
        path: The file, .otio.
        film: The pictures.
        sounds: The mix and the stems.

    Raises:
        OutputError: opentimelineio is not installed, or the file cannot be written.

    """
    check_otio(path)
    import opentimelineio as otio

    schema, time = otio.schema, otio.opentime

    def span(start: float, length: float, rate: float) -> Any:
        return time.TimeRange(time.RationalTime(start, rate), time.RationalTime(length, rate))

    timeline = schema.Timeline(xml_text(Path(path).stem))
    for clip in (film, *sounds):
        whole = span(0, clip.length, clip.rate)
        media = schema.ExternalReference(target_url=clip.url, available_range=whole)
        kind = schema.TrackKind.Video if clip is film else schema.TrackKind.Audio
        track = schema.Track(clip.name, kind=kind)
        track.enabled = clip.enabled
        track.append(schema.Clip(xml_text(clip.path.name), media_reference=media, source_range=whole))
        timeline.tracks.append(track)
    for at, text in markers(plan):
        frame = min(round(at * film.rate), film.length - 1)
        colour = schema.MarkerColor.GREEN if text.startswith("section") else schema.MarkerColor.RED
        marker = schema.Marker(text, marked_range=span(frame, 1, film.rate), color=colour)
        timeline.tracks[0][0].markers.append(marker)
    with replacing(path) as temporary:
        temporary.write_text(timeline.to_json_string(indent=1), encoding="utf-8")
    return Path(path)


def write_fcpxml(
    plan: MusicPlan, path: StrPath, film: Clip, sounds: Sequence[Clip] = (), *, width: int = 1920, height: int = 1080
) -> Path:
    """Write `to_fcpxml` to a file named after it, whole or not at all; OutputError where that cannot be done."""
    text = to_fcpxml(plan, film, sounds, width=width, height=height, name=Path(path).stem)
    return write_text(path, text)


def to_fcpxml(
    plan: MusicPlan, film: Clip, sounds: Sequence[Clip] = (), *, width: int, height: int, name: str = "diffbgm"
) -> str:
    """Return Final Cut Pro XML: the film in the storyline with all `markers`, the sounds connected under it.

    Times of the storyline are rational and lie on frames, as the format demands; a marker sits on the frame that begins
    nearest to it. What XML cannot hold (control characters, names that are no Unicode) becomes a question mark.
    """
    frame = frame_duration(film.rate)
    frames = max(1, round(plan.duration / frame))
    name, length = xml_text(name), frame_time(frames * frame)
    root = ElementTree.Element("fcpxml", version=FCPXML)
    resources = ElementTree.SubElement(root, "resources")
    shape = {"id": "r1", "frameDuration": frame_time(frame), "width": str(width), "height": str(height)}
    ElementTree.SubElement(resources, "format", shape)
    for number, clip in enumerate((film, *sounds), 2):
        _asset(resources, f"r{number}", clip, length if clip is film else "")
    event = ElementTree.SubElement(ElementTree.SubElement(root, "library"), "event", name=name)
    project = ElementTree.SubElement(event, "project", name=name)
    sequence = ElementTree.SubElement(project, "sequence", format="r1", duration=length, tcStart="0s", tcFormat="NDF")
    spine = ElementTree.SubElement(sequence, "spine")
    whole = {"offset": "0s", "start": "0s", "duration": length}
    main = ElementTree.SubElement(spine, "asset-clip", {"ref": "r2", "name": xml_text(film.path.name), **whole})
    for lane, clip in enumerate(sounds, 1):
        under = {"ref": f"r{lane + 2}", "lane": str(-lane), "name": xml_text(clip.name), "audioRole": "music", **whole}
        ElementTree.SubElement(main, "asset-clip", under if clip.enabled else {**under, "enabled": "0"})
    for time, text in markers(plan):
        at = min(round(time / frame), frames - 1) * frame
        ElementTree.SubElement(main, "marker", start=frame_time(at), duration=frame_time(frame), value=xml_text(text))
    ElementTree.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
    return head + ElementTree.tostring(root, encoding="unicode") + "\n"


def _asset(resources: ElementTree.Element, number: str, clip: Clip, length: str) -> None:
    """Declare a file: its length on frames for the film (`length`), in samples for sound."""
    sound = {"hasAudio": "1", "audioSources": "1", "audioChannels": "2", "audioRate": str(round(clip.rate))}
    about = {"hasVideo": "1", "format": "r1"} if length else sound
    duration = length or frame_time(Fraction(clip.length, round(clip.rate)))
    asset = {"id": number, "name": xml_text(clip.path.name), "start": "0s", "duration": duration, **about}
    ElementTree.SubElement(ElementTree.SubElement(resources, "asset", asset), "media-rep", kind="original-media",
                           src=clip.url)  # fmt: skip
