"""Drum parts from the plan: grooves by level, fills into louder sections, cymbals on strong cuts."""

from collections.abc import Sequence

import numpy as np

from diffbgm.arrange.sections import SectionSpan, section_at, section_index
from diffbgm.band.grooves import Groove, Performance, performances, strokes
from diffbgm.types import MusicPlan, Note

STRONG = 0.5  # strength from which a cut gets a cymbal
CRASH_REST = 6.0  # beats between two crashes; strong cuts nearer than that get the smaller accent
LIGHT, FULL = 0.5, 0.75  # levels up to which the light and the middle pattern play
FILL_FIRST = 8  # bars in a row after which a section of a recorded groove has a fill of its own
NEAR_TEMPO = 1.35  # ratio of tempi up to which a recording is played as it is


class _Kit:
    """Strokes by (beat, key), the louder one where two meet."""

    def __init__(self) -> None:
        self.velocity: dict[tuple[float, int], int] = {}

    def strike(self, beat: float, key: int, velocity: float) -> None:
        at = (float(beat), key)
        self.velocity[at] = max(self.velocity.get(at, 0), int(np.clip(velocity, 1, 122)))

    def play(self, notes: Sequence[Note], offset: float, start: float, end: float, loudness: float) -> None:
        """Play notes from beat `offset` on, those that fall within `start`..`end`."""
        for note in notes:
            if start <= offset + note.start < end:
                self.strike(offset + note.start, note.pitch, note.velocity * loudness)


def drum_part(groove: Groove, plan: MusicPlan, sections: Sequence[SectionSpan], plays: Sequence[bool]) -> list[Note]:
    """Play a groove, fills and accents; the last bar has its downbeat only and rings.

    A section's level picks how much is played; every fourth bar of a full section and the last bar before a louder
    section end in a fill. A section that starts loud, and every snapped cut of strength `STRONG` or more, gets the
    crash; crashes keep `CRASH_REST` beats apart, other cuts of that kind get the smaller accent.

    Args:
        groove: What is played.
        plan: Its metre and cuts are followed.
        sections: Of the piece.
        plays: Whether there are drums in each section.

    """
    kit = _Kit()
    take = find_take(groove, plan)
    for index, (section, on) in enumerate(zip(sections, plays, strict=True)):
        if not on:
            continue
        after = sections[index + 1].level if index + 1 < len(sections) and plays[index + 1] else 0.0
        if take is not None:
            _play_take(kit, take, plan, section, after)
        else:
            _play_table(kit, groove, plan, section, after)
    rested = -np.inf
    for beat, strength in sorted(_moments(plan, sections, plays).items()):
        loud = 42 + 42 * strength + 26 * section_at(sections, beat).level
        crash = beat - rested >= CRASH_REST
        rested = beat if crash else rested
        for i, key in enumerate(groove.crash if crash else groove.accent):
            kit.strike(beat, key, loud - 8 * i)
    return sorted(
        Note(beat, beat + 0.25, key, velocity) for (beat, key), velocity in kit.velocity.items() if beat < plan.beats
    )


def find_take(groove: Groove, plan: MusicPlan) -> Performance | None:
    """Return the recording that suits the plan, the same for the same plan; None where its tables are to be played.

    Of the three nearest in tempo the piece's length chooses one, so that two films do not sound alike.
    """
    bpm = plan.tempo.mean_bpm
    takes = [
        take
        for take in (performances(groove.played, plan.metre) if groove.played else ())
        if max(take.bpm / bpm, bpm / take.bpm) <= NEAR_TEMPO
    ]
    takes.sort(key=lambda take: abs(np.log(take.bpm / bpm)))
    return takes[plan.beats % min(3, len(takes))] if takes else None


def _play_take(kit: _Kit, take: Performance, plan: MusicPlan, section: SectionSpan, after: float) -> None:
    """Loops of one performance, as loud as the section's level asks, one of two that are nearly so after the other."""
    per_bar = plan.beats_per_bar
    end = min(section.end, plan.last_bar)
    nearest = round(section.level * (len(take.loops) - 1))
    pair = sorted({nearest, max(0, nearest - 1)}, reverse=True)
    loudness = 0.8 + 0.3 * section.level
    width = per_bar * take.bars
    for number, start in enumerate(range(section.start, end, width)):
        kit.play(take.loops[pair[number % len(pair)]], start, section.start, min(end, start + width), loudness)
    if not take.fills:
        return
    bars = range(section.start, end, per_bar)
    for number, bar in enumerate(bars):
        last = bar + per_bar >= section.end
        if (last and after > section.level) or (
            not last and section.level > LIGHT and number % FILL_FIRST == FILL_FIRST - 1
        ):
            fill = take.fills[(plan.beats + number) % len(take.fills)]
            begin = bar + per_bar / 2  # the second half of the bar
            kit.velocity = {at: v for at, v in kit.velocity.items() if not begin - 0.1 <= at[0] < bar + per_bar - 0.1}
            kit.play(fill, bar, begin - 0.1, min(end, bar + per_bar), loudness)


def _play_table(kit: _Kit, groove: Groove, plan: MusicPlan, section: SectionSpan, after: float) -> None:
    per_bar = plan.beats_per_bar
    pattern = strokes(groove.patterns[plan.metre][int(section.level > LIGHT) + int(section.level > FULL)])
    end_fill = strokes(groove.fill)
    for bar in range(section.start, min(section.end, plan.last_bar), per_bar):
        ends = bar + per_bar >= section.end
        fourth = (bar - section.start) // per_bar % 4 == 3
        fill = (ends and after > section.level) or (section.level > FULL and fourth)
        kit.play(pattern, bar, bar, min(section.end, bar + per_bar - fill), 0.85 + 0.25 * section.level)
        if fill:
            kit.play(end_fill, bar + per_bar - 1, bar, bar + per_bar, 0.8 + 0.25 * section.level)


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
