"""Sections and how much happens in them: which part plays when."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffbgm.arrange.palettes import Palette, Part
from diffbgm.types import MusicPlan

LONGEST = 8  # bars; a longer section is worked out in steps of this


@dataclass(frozen=True)
class SectionSpan:
    """Beats `start` to `end` of a section; `level` 0..1: how much the plan asks for, absolutely and in this piece."""

    start: int
    end: int
    level: float


def find_sections(plan: MusicPlan) -> list[SectionSpan]:
    """Return the plan's sections with their levels, long ones in pieces of eight bars."""
    spans: list[tuple[int, int, float]] = []
    for section in plan.sections:
        parts = max(1, round(section.beats / (LONGEST * plan.unit)))
        edges = np.linspace(section.start_beat, section.end_beat, parts + 1) / plan.unit
        edges = (np.round(edges) * plan.unit).astype(int)
        edges[0], edges[-1] = section.start_beat, section.end_beat
        spans += [(a, b, section.arousal) for a, b in pairwise(edges.tolist()) if b > a]
    polyphony, density = plan.curves.polyphony, plan.curves.density
    asked = np.array(
        [
            0.4 * np.clip((polyphony[a:b].mean() - 2) / 5, 0, 1)
            + 0.3 * np.clip((density[a:b].mean() - 1) / 8, 0, 1)
            + 0.3 * (arousal + 1) / 2
            for a, b, arousal in spans
        ]
    )
    spread = float(np.ptp(asked))
    relative = (asked - asked.min()) / spread if spread > 0.05 else np.full(len(asked), 0.5)
    levels = 0.75 * asked + 0.25 * relative
    return [SectionSpan(a, b, float(level)) for (a, b, _), level in zip(spans, levels, strict=True)]


def part_entries(palette: Palette, sections: Sequence[SectionSpan]) -> dict[Part, list[bool]]:
    """Decide for every part whether it plays in each section.

    A part plays where the level reaches its threshold; a piece of three sections or more opens without its loudest
    parts unless it opens loud. A part that would never play enters in the loudest section, so that no instrument is
    idle.
    """
    out: dict[Part, list[bool]] = {}
    for part in palette.players:
        plays = [section.level >= part.enter for section in sections]
        if len(sections) >= 3 and part.enter > 0 and sections[0].level < part.enter + 0.25:
            plays[0] = False
        if not any(plays):
            plays[int(np.argmax([section.level for section in sections]))] = True
        out[part] = plays
    return out


def section_index(sections: Sequence[SectionSpan], beat: float) -> int:
    """Return which section is around a beat; the outer ones reach beyond the piece."""
    return max(0, bisect_right(sections, beat, key=lambda section: section.start) - 1)


def section_at(sections: Sequence[SectionSpan], beat: float) -> SectionSpan:
    """Return the section around a beat."""
    return sections[section_index(sections, beat)]
