"""Another style for some sections or bars of a plan, and which bars two plans differ in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from string import ascii_uppercase

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.planner.curves import section_texture
from diffbgm.planner.levels import POP909
from diffbgm.planner.styles import Style, combine_styles
from diffbgm.setting import checked, need_all
from diffbgm.types import CURVES, MusicPlan, Section

AFFECT = 0.6  # how far a section's affect moves to what a style asks for


@checked(plan=MusicPlan, styles=Mapping)
def restyle(plan: MusicPlan, styles: Mapping[int | range, str | Sequence[str]]) -> MusicPlan:
    """Return the plan with other tags in some places: mode, texture, density, polyphony, register and melody follow.

    Tempo, key, palette and everything elsewhere stay. A restyled section gets a label of its own, so that it no longer
    shares its music with sections that stay as they were.

    Args:
        plan: To change.
        styles: Tags such as "sad,sparse" by section (its number from 0) or by bars (a range from 0, step 1).

    Raises:
        PlanError: There is no such section or bar.
        StyleError: A tag is unknown, or two contradict each other.

    """
    need_all("the places", styles, (int, range))
    for where, tags in styles.items():
        if isinstance(where, range):
            plan = restyle_bars(plan, where, tags)
        elif -len(plan.sections) <= where < len(plan.sections):
            section = plan.sections[where]
            bar = plan.beats_per_bar
            plan = restyle_bars(plan, range(section.start_beat // bar, section.end_beat // bar), tags)
        else:
            raise PlanError(f"there is no section {where}; the plan has {len(plan.sections)}")
    return plan


def split_sections(plan: MusicPlan, edges: Sequence[int]) -> MusicPlan:
    """Return the plan with its sections parted at these bars as well."""
    beats = {bar * plan.beats_per_bar for bar in edges}
    sections: list[Section] = []
    for section in plan.sections:
        inside = sorted(
            {section.start_beat, section.end_beat, *(b for b in beats if section.start_beat < b < section.end_beat)}
        )
        sections += [replace(section, start_beat=a, end_beat=b) for a, b in pairwise(inside)]
    return replace(plan, sections=tuple(sections))


def restyle_bars(plan: MusicPlan, bars: range, tags: "str | Sequence[str] | Style") -> MusicPlan:
    """Return the plan with tags, or a style, in these bars; see `restyle`."""
    if not 0 <= bars.start < bars.stop <= plan.bars or bars.step != 1:
        raise PlanError(f"bars {bars.start} to {bars.stop} are no bars of the plan; it has {plan.bars}, from 0")
    style, before = tags if isinstance(tags, Style) else combine_styles(tags), combine_styles(plan.style)
    per_bar = plan.beats_per_bar
    first, end = bars.start * per_bar, bars.stop * per_bar
    plan = split_sections(plan, (bars.start, bars.stop))
    curves = {name: np.array(getattr(plan.curves, name)) for name in CURVES}
    for name in ("density", "polyphony", "register", "melody"):
        low, high = POP909[name][0], POP909[name][-1]
        moved = curves[name][first:end] + (getattr(style, name) - getattr(before, name)) * (high - low)
        silent = curves[name][first:end] == 0  # a melody that rests goes on resting
        curves[name][first:end] = np.where(silent, 0.0, np.clip(moved, low, high))
    plan = replace(plan, curves=replace(plan.curves, **curves))
    taken = {section.label for section in plan.sections}
    fresh: dict[str, str] = {}
    sections: list[Section] = []
    for section in plan.sections:
        if first <= section.start_beat < end:
            affect = {
                n: (1 - AFFECT) * getattr(section, n) + AFFECT * v
                for n in ("valence", "arousal")
                if (v := getattr(style, n)) is not None
            }
            if section.label not in fresh:
                fresh[section.label] = next((x for x in ascii_uppercase if x not in taken), section.label + "'")
                taken.add(fresh[section.label])
            section = replace(section, label=fresh[section.label], **affect)
            mode = {
                "major": 1.0,
                "minor": 0.0,
                None: section.texture.mode if section.texture.mode is not None else 0.5,
            }[style.mode]
            section = replace(section, texture=section_texture(section, plan.curves, style, mode))
        sections.append(section)
    why = f"bars {bars.start + 1} to {bars.stop}: style {style.name}"
    return replace(plan, sections=tuple(sections), why=(*plan.why, why))


@checked(old=MusicPlan, new=MusicPlan)
def changed_bars(old: MusicPlan, new: MusicPlan) -> tuple[int, ...]:
    """Return the bars, from 0, in which two plans of the same beats ask the composer for something else.

    Raises:
        PlanError: They differ in their number of beats, in metre or in key: then everything is to be composed anew.

    """
    if (old.beats, old.metre, old.key) != (new.beats, new.metre, new.key):
        raise PlanError("the plans differ in beats, metre or key; compose the whole piece anew")
    differs = np.zeros(old.beats, bool)
    for name in CURVES:
        differs |= getattr(old.curves, name) != getattr(new.curves, name)
    asked = [[_asked(plan, beat) for beat in range(plan.beats)] for plan in (old, new)]
    differs |= np.array([a != b for a, b in zip(*asked, strict=True)])
    per_bar = old.beats_per_bar
    return tuple(np.flatnonzero(differs.reshape(-1, per_bar).any(1)).tolist())


def _asked(plan: MusicPlan, beat: int) -> tuple[object, ...]:
    """What sections and chords ask for at a beat."""
    section = next(s for s in plan.sections if s.start_beat <= beat < s.end_beat)
    chord = next((c.symbol for c in plan.chords if c.start <= beat < c.end), None)
    return section.valence, section.arousal, section.texture, chord, plan.genre
