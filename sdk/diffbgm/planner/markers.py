"""Markers for editors: every cut and section of a plan in seconds, and as a Final Cut Pro XML timeline."""

import os
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

from diffbgm.files import write_text
from diffbgm.types import BEATS_PER_BAR, MusicPlan

# Frames a second that cameras and editors mean when a container says 23.976, 29.97, 47.95, 59.94 or 119.88.
NTSC = (24, 30, 48, 60, 120)


def markers(plan: MusicPlan) -> tuple[tuple[float, str], ...]:
    """(seconds, text) of every section's start and every cut, in order of time."""
    out = []
    for section in plan.sections:
        first, last = section.start_beat // BEATS_PER_BAR + 1, section.end_beat // BEATS_PER_BAR
        out.append((plan.tempo.time_at(section.start_beat), f"section {section.label} (bars {first}-{last})"))
    for cut in plan.cuts:
        bar, beat = divmod(cut.beat, BEATS_PER_BAR)
        place = f"bar {int(bar) + 1} beat {beat + 1:g}"
        text = f"cut on {place}" if cut.snapped else f"cut {abs(cut.error) * 1e3:.0f} ms off {place}: {cut.reason}"
        out.append((cut.time, text))
    return tuple(sorted(out))


def frame_duration(frame_rate: float) -> Fraction:
    """Seconds of one frame as the fraction an editor expects: 29.97 -> 1001/30000, 25 -> 1/25, unknown (0) -> 1/25."""
    if not frame_rate > 0:
        return Fraction(1, 25)
    for rate in NTSC:
        if abs(frame_rate - rate * 1000 / 1001) < 0.004 * rate / 24:
            return Fraction(1001, rate * 1000)
    return 1 / Fraction(frame_rate).limit_denominator(100)


def to_fcpxml(
    plan: MusicPlan, *, frame_rate: float = 25.0, width: int = 1920, height: int = 1080, name: str = "diffbgm"
) -> str:
    """Final Cut Pro XML 1.9: a sequence as long as the piece holding one gap with a marker for each of `markers`.

    Times are rational and lie on frames, as the format demands; a marker sits on the frame that begins nearest to it.
    """
    frame = frame_duration(frame_rate)
    frames = max(1, round(plan.duration / frame))
    root = ElementTree.Element("fcpxml", version="1.9")
    resources = ElementTree.SubElement(root, "resources")
    ElementTree.SubElement(
        resources, "format", id="r1", frameDuration=_seconds(frame), width=str(width), height=str(height)
    )
    event = ElementTree.SubElement(ElementTree.SubElement(root, "library"), "event", name=name)
    project = ElementTree.SubElement(event, "project", name=name)
    length = _seconds(frames * frame)
    sequence = ElementTree.SubElement(project, "sequence", format="r1", duration=length, tcStart="0s", tcFormat="NDF")
    spine = ElementTree.SubElement(sequence, "spine")
    gap = ElementTree.SubElement(spine, "gap", name=name, offset="0s", start="0s", duration=length)
    for time, text in markers(plan):
        at = min(round(time / frame), frames - 1) * frame
        ElementTree.SubElement(gap, "marker", start=_seconds(at), duration=_seconds(frame), value=text)
    ElementTree.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
    return head + ElementTree.tostring(root, encoding="unicode") + "\n"


def _seconds(time: Fraction) -> str:
    return f"{time.numerator}s" if time.denominator == 1 else f"{time.numerator}/{time.denominator}s"


def write_fcpxml(
    plan: MusicPlan, path: str | os.PathLike[str], *, frame_rate: float = 25.0, width: int = 1920, height: int = 1080
) -> Path:
    """Write `to_fcpxml` to a file named after it; OutputError where that cannot be done, and then nothing is left
    behind."""
    target = Path(path)
    text = to_fcpxml(plan, frame_rate=frame_rate, width=width, height=height, name=target.stem)
    return write_text(target, text)
