"""Markers for editors: every cut and section of a plan in seconds, and as a Final Cut Pro XML timeline."""

import os
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

from diffbgm.files import write_text
from diffbgm.types import MusicPlan

# Seconds per frame of the timelines that editors offer: 23.976, 24, 25, 29.97, 30, 47.95, 48, 50, 59.94, 60, 100,
# 119.88 and 120 frames per second.
FRAME_DURATIONS = (
    *(Fraction(1001, 1000 * rate) for rate in (24, 30, 48, 60, 120)),
    *(Fraction(1, rate) for rate in (24, 25, 30, 48, 50, 60, 100, 120)),
)
MULTIPLES = (1, 2, 3, 4, 5, 6)  # frames of the timeline that one frame of a slower video may last
SAME_RATE = 0.0004  # relative: 23.976 and 24 differ by 0.001
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


def markers(plan: MusicPlan) -> tuple[tuple[float, str], ...]:
    """(seconds, text) of every section's start and every cut, in order of time."""
    out: list[tuple[float, str]] = []
    per_bar = plan.beats_per_bar
    for section in plan.sections:
        first, last = section.start_beat // per_bar + 1, section.end_beat // per_bar
        out.append((plan.tempo.time_at(section.start_beat), f"section {section.label} (bars {first}-{last})"))
    for cut in plan.cuts:
        bar, beat = divmod(cut.beat, per_bar)
        place = f"bar {int(bar) + 1} beat {beat + 1:g}"
        text = f"cut on {place}" if cut.snapped else f"cut {abs(cut.error) * 1e3:.0f} ms off {place}: {cut.reason}"
        out.append((cut.time, text))
    return tuple(sorted(out))


def frame_duration(frame_rate: float) -> Fraction:
    """Seconds per frame of the timeline for a video of `frame_rate` frames per second (0: unknown, taken for 25).

    The video's own rate where editors offer it; for slower videos one that is a multiple of theirs (12.5: 25);
    else the nearest that editors offer (4.9: 23.976).
    """
    if not 0 < frame_rate < float("inf"):
        return Fraction(1, 25)
    for multiple in MULTIPLES:
        for frame in FRAME_DURATIONS:
            if abs(multiple * frame_rate * float(frame) - 1) < SAME_RATE:
                return frame
    return min(FRAME_DURATIONS, key=lambda frame: abs(float(1 / frame) - frame_rate))


def to_fcpxml(
    plan: MusicPlan, *, frame_rate: float = 25.0, width: int = 1920, height: int = 1080, name: str = "diffbgm"
) -> str:
    """Return Final Cut Pro XML 1.9: a sequence as long as the piece, with one gap that holds all `markers`.

    Times are rational and lie on frames, as the format demands; a marker sits on the frame that begins nearest to it.
    What XML cannot hold (control characters, names that are no Unicode) becomes a question mark.
    """
    frame = frame_duration(frame_rate)
    frames = max(1, round(plan.duration / frame))
    name, length = _xml_text(name), _seconds(frames * frame)
    root = ElementTree.Element("fcpxml", version="1.9")
    shape = {"id": "r1", "frameDuration": _seconds(frame), "width": str(width), "height": str(height)}
    ElementTree.SubElement(ElementTree.SubElement(root, "resources"), "format", shape)
    event = ElementTree.SubElement(ElementTree.SubElement(root, "library"), "event", name=name)
    project = ElementTree.SubElement(event, "project", name=name)
    sequence = ElementTree.SubElement(project, "sequence", format="r1", duration=length, tcStart="0s", tcFormat="NDF")
    spine = ElementTree.SubElement(sequence, "spine")
    gap = ElementTree.SubElement(spine, "gap", name=name, offset="0s", start="0s", duration=length)
    for time, text in markers(plan):
        at = min(round(time / frame), frames - 1) * frame
        ElementTree.SubElement(gap, "marker", start=_seconds(at), duration=_seconds(frame), value=_xml_text(text))
    ElementTree.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
    return head + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml_text(text: str) -> str:
    return NO_XML.sub("?", text)


def _seconds(time: Fraction) -> str:
    return f"{time.numerator}s" if time.denominator == 1 else f"{time.numerator}/{time.denominator}s"


def write_fcpxml(
    plan: MusicPlan, path: str | os.PathLike[str], *, frame_rate: float = 25.0, width: int = 1920, height: int = 1080
) -> Path:
    """Write `to_fcpxml` to a file named after it, whole or not at all; OutputError where that cannot be done."""
    text = to_fcpxml(plan, frame_rate=frame_rate, width=width, height=height, name=Path(path).stem)
    return write_text(path, text)
