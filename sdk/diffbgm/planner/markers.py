"""Markers for editors: every cut and section of a plan in seconds, and the frames that editors count in."""

import re
from fractions import Fraction

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


def xml_text(text: str) -> str:
    """Return a text with a question mark for what XML cannot hold (control characters, names that are no Unicode)."""
    return NO_XML.sub("?", text)


def frame_time(time: Fraction) -> str:
    """Return seconds as Final Cut Pro XML writes them: 5s, 1001/30000s."""
    return f"{time.numerator}s" if time.denominator == 1 else f"{time.numerator}/{time.denominator}s"
