"""Drum parts from the plan: patterns by level, fills into louder sections, cymbals on strong cuts."""

# The libraries are typed in part only.
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffbgm.arrange.sections import SectionSpan, section_at, section_index
from diffbgm.types import STEPS_PER_BEAT, MusicPlan, Note

# Which sixteenths of a bar of 4/4 a bar of each metre plays: oom-pah-pah, a backbeat in the middle of 6/8, half a bar.
PLACES: Mapping[str, Sequence[int]] = {
    "4/4": range(16),
    "3/4": (*range(8), *range(4, 8)),
    "6/8": (0, 1, 2, 3, 2, 3, 4, 5, 6, 7, 6, 7),
    "2/4": range(8),
}

# General MIDI drum keys.
KICK, STICK, SNARE, CLOSED, PEDAL_HAT, OPEN, LOW_TOM, MID_TOM, HIGH_TOM = 36, 37, 38, 42, 44, 46, 45, 47, 50
CRASH, RIDE, TAMBOURINE, CRASH_2, CONCERT_KICK, SHAKER, CLAP, RIDE_BELL = 49, 51, 54, 57, 35, 70, 39, 53

STRONG = 0.5  # strength from which a cut gets a cymbal
CRASH_REST = 6.0  # beats between two crashes; strong cuts nearer than that get the smaller accent
LIGHT, FULL = 0.5, 0.75  # levels up to which the light and the middle pattern play

Line = Mapping[int, str]  # drum key -> 16 characters a bar: '.' rest, '1'..'9' a stroke, louder with the digit


@dataclass(frozen=True)
class DrumStyle:
    """A style of drumming.

    Attributes:
        patterns: A light, a middle and a full bar.
        fill: The last beat before a louder section.
        crash: Keys for strong moments.
        accent: Keys for lesser ones.

    """

    patterns: tuple[Line, Line, Line]
    fill: Line
    crash: tuple[int, ...]
    accent: tuple[int, ...]


DRUM_STYLES: Mapping[str, DrumStyle] = {
    "pop": DrumStyle(
        (
            {KICK: "7.......6.......", STICK: "....5.......5...", CLOSED: "4.2.4.2.4.2.4.2."},
            {KICK: "8.......7.6.....", SNARE: "....7.......7...", CLOSED: "5.3.5.3.5.3.5.3."},
            {KICK: "9..5....8.6...4.", SNARE: "....9.......9..2", CLOSED: "6.4.6.4.6.4.6...", OPEN: "..............5."},
        ),
        {SNARE: "5678", HIGH_TOM: "6...", LOW_TOM: "..68"}, (CRASH, KICK), (KICK, OPEN),
    ),
    "lo-fi": DrumStyle(
        (
            {KICK: "6.........4.....", STICK: "....4.......4...", CLOSED: "3...3...3...3..."},
            {KICK: "7......3..5.....", STICK: "....6.......6...", CLOSED: "4.2.4.2.4.2.4.23"},
            {KICK: "7......4..6....3", SNARE: "....6.......6...", CLOSED: "5.3.5.34.5.35.34"},
        ),
        {STICK: "4.56", KICK: "..5."}, (RIDE_BELL, KICK), (RIDE, KICK),
    ),
    "electronic": DrumStyle(
        (
            {KICK: "7.......7.......", CLOSED: "..4...4...4...4."},
            {KICK: "8...7...8...7...", CLOSED: "..5...5...5...5.", CLAP: "....5.......5..."},
            {KICK: "9...8...9...8...", CLOSED: "3.623.623.623.62", CLAP: "....7.......7...", OPEN: "..4...4...4...4."},
        ),
        {SNARE: "4567", KICK: "7.7."}, (CRASH, KICK), (KICK, CLAP),
    ),
    "shaker": DrumStyle(
        (
            {SHAKER: "5.3.4.3.5.3.4.3."},
            {SHAKER: "5.345.345.345.34", KICK: "4.......4......."},
            {SHAKER: "6.456.456.456.45", KICK: "6.......6.4.....", TAMBOURINE: "....6.......6..."},
        ),
        {SHAKER: "5678", KICK: "..5."}, (CRASH_2, KICK), (TAMBOURINE, KICK),
    ),
    "orchestral": DrumStyle(
        (
            {CONCERT_KICK: "5..............."},
            {CONCERT_KICK: "7.......5.......", SNARE: "............2.23"},
            {CONCERT_KICK: "9.....5.7.......", SNARE: "4...4.443...4.44", LOW_TOM: "8.......6...6..."},
        ),
        {SNARE: "3579", LOW_TOM: "..68"}, (CRASH, CONCERT_KICK), (CONCERT_KICK, LOW_TOM),
    ),
}  # fmt: skip


def velocity_of(digit: str) -> int:
    """Return the velocity of a pattern's digit."""
    return 22 + 10 * int(digit)


def drum_part(style: DrumStyle, plan: MusicPlan, sections: Sequence[SectionSpan], plays: Sequence[bool]) -> list[Note]:
    """Play patterns, fills and accents; the final bar has its downbeat only and rings.

    A section's level picks the pattern; every fourth bar of a full section and the last bar before a louder section end
    in a fill. A section that starts loud, and every snapped cut of strength `STRONG` or more, gets the crash; crashes
    keep `CRASH_REST` beats apart, other cuts of that kind get the smaller accent.

    Args:
        style: The patterns, of a bar of 4/4; other metres play parts of it, see `PLACES`.
        plan: Of the piece.
        sections: Of the piece.
        plays: Whether there are drums in each section.

    """
    last_bar, per_bar = plan.last_bar, plan.beats_per_bar
    strokes: dict[tuple[float, int], int] = {}

    def strike(beat: float, key: int, velocity: float) -> None:
        at = (float(beat), key)
        strokes[at] = max(strokes.get(at, 0), int(np.clip(velocity, 1, 122)))

    def play(pattern: Line, places: Sequence[int], start: float, end: float, loudness: float) -> None:
        for key, line in pattern.items():
            for step, place in enumerate(places):
                beat = start + step / STEPS_PER_BEAT
                if line[place] != "." and beat < end:
                    strike(beat, key, velocity_of(line[place]) * loudness)

    for index, (section, on) in enumerate(zip(sections, plays, strict=True)):
        if not on:
            continue
        pattern = style.patterns[int(section.level > LIGHT) + int(section.level > FULL)]
        after = sections[index + 1].level if index + 1 < len(sections) and plays[index + 1] else 0.0
        for bar in range(section.start, min(section.end, last_bar), per_bar):
            end = bar + per_bar
            fourth = (end - section.start) % (4 * plan.unit) == 0
            fill = (end >= section.end and after > section.level) or (section.level > FULL and fourth)
            play(pattern, PLACES[plan.metre], bar, min(section.end, end - fill), 0.85 + 0.25 * section.level)
            if fill:
                play(style.fill, range(STEPS_PER_BEAT), end - 1, end, 0.8 + 0.25 * section.level)
    rested = -np.inf
    for beat, strength in sorted(_moments(plan, sections, plays).items()):
        loud = 42 + 42 * strength + 26 * section_at(sections, beat).level
        crash = beat - rested >= CRASH_REST
        rested = beat if crash else rested
        for i, key in enumerate(style.crash if crash else style.accent):
            strike(beat, key, loud - 8 * i)
    return sorted(
        Note(beat, beat + 0.25, key, velocity) for (beat, key), velocity in strokes.items() if beat < plan.beats
    )


def _moments(plan: MusicPlan, sections: Sequence[SectionSpan], plays: Sequence[bool]) -> dict[float, float]:
    """Beats that get a cymbal and how strong: snapped strong cuts, loud section starts and the final downbeat."""
    strong = [(float(c.beat), c.strength) for c in plan.cuts if c.snapped and c.strength >= STRONG and c.beat >= 0]
    loud = [(s, on) for s, on in zip(sections, plays, strict=True) if on and s.level > LIGHT and s.start > 0]
    strong += [(float(section.start), section.level) for section, _ in loud]
    if plays[section_index(sections, plan.last_bar)]:
        strong.append((float(plan.last_bar), 0.6))
    moments: dict[float, float] = {}
    for beat, strength in strong:
        moments[beat] = max(moments.get(beat, 0.0), strength)
    return moments
