"""Energy that rises or falls at times: "crescendo from 0:05 to 0:12", "fade in over four seconds", "climax at 0:15"."""

from collections.abc import Sequence
from dataclasses import replace

from diffbgm.brief.model import Moment, Span
from diffbgm.brief.phrases import Phrase
from diffbgm.brief.tacets import END, START

Points = tuple[tuple[Moment, float], ...]

RISE, FALL = (
    (0.4, 0.85),
    (0.69, 0.36),
)  # where swells begin and end: not so far out that the rest of the film is set off
FAINT, USUAL = 0.08, 0.6  # before a fade in and after it
SWELLING = 4.0  # seconds of a swell of which only the end is told
CLIMAX, SHARE = 2.0, 0.1  # seconds, or the share of the film, that a climax lasts
PEAK, LOW = 0.92, 0.2
BEFORE_CLIMAX = 0.25


def direction_of(phrases: Sequence[Phrase]) -> str:
    """Return "rise", "fall", another shape, or "" where the phrases tell of none."""
    return next((m.value for p in phrases if (m := p.has("arc")) is not None), "")


def swell(phrases: Sequence[Phrase], spans: Sequence[Span], moments: Sequence[Moment], length: float | None) -> Points:
    """Return the energy of a clause that rises or falls in a stretch or to a moment, or fades over some seconds."""
    direction = direction_of(phrases)
    if direction == "peak" and moments:
        return climax(moments[0], PEAK)
    if direction == "dip" and spans:
        return (spans[0].start, LOW), (spans[0].end, LOW)  # "breakdown from 0:10 to 0:14"
    if direction == "dip" and moments:
        return (moments[0], LOW), (moments[0].later(SWELLING), LOW)
    if direction not in ("rise", "fall"):
        return ()
    if spans and direction == "rise" and spans[0].start == START and any(p.text.startswith("fad") for p in phrases):
        return (START, FAINT), (spans[0].end, USUAL)
    if spans:
        levels = RISE if direction == "rise" else FALL
        return (spans[0].start, levels[0]), (spans[0].end, levels[1])
    if moments:
        levels = RISE if direction == "rise" else FALL
        since = moments[0] if len(moments) > 1 else replace(moments[0], value=max(0.0, moments[0].value - SWELLING))
        return (since, levels[0]), (moments[-1], levels[1])
    if length is None:
        return ()
    if direction == "rise" and any(p.has("enter") for p in phrases):
        return (START, FAINT), (Moment(length), USUAL)
    if direction == "fall" and any(p.has("ending") for p in phrases):
        return (Moment(length, "end"), USUAL), (END, FAINT)
    return ()


def climax(at: Moment, level: float) -> Points:
    """Return the energy that rises from the start to a climax."""
    later = {"start": at.value + CLIMAX, "end": max(0.0, at.value - CLIMAX), "share": min(1.0, at.value + SHARE)}
    return (START, BEFORE_CLIMAX), (at, level), (replace(at, value=later[at.since]), level)
