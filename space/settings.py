"""What a visitor can turn: one frozen value, to and from a link, and what the energy knobs do to a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_args
from urllib.parse import urlencode

import numpy as np

from diffbgm import STYLES
from diffbgm.errors import InputError, StyleError
from diffbgm.options import KeepAudio
from diffbgm.planner import combine_styles
from diffbgm.planner.levels import POP909, density_at, level_to_value
from diffbgm.planner.styles import GROUPS
from diffbgm.types import BEATS_PER_BAR, MusicPlan

ANY = "auto"
SHAPES = {
    "follow the pictures": "energy rises and falls with the pictures",
    "rise": "quieter at first, fullest at the end",
    "fall": "fullest at first, quieter to the end",
    "arc": "builds up to two thirds, then lets go",
    "steady": "the same all the way: good under speech",
}
FOLLOW = "follow the pictures"
TILT = 0.35  # how far a shape moves the level at its ends; 1 is the whole range of human-made music
REACH = 0.4  # how far the level knob moves it at its ends
LIMITS = {"rhythm": (0.0, 4.0), "mood": (0.0, 4.0), "level": (-1.0, 1.0), "steps": (4, 96), "fade": (0.0, 8.0)}
MOST_SEED = 2**31 - 1
NEW_SEEDS = 1_000_000  # new ones are drawn below: easy to read out and to type
LONGEST_TEXT = 300  # characters of free text


@dataclass(frozen=True)
class PageSettings:
    """Every knob with its default; the names are those in a link.

    moods, motion, palette, tempo   style tags of `diffbgm.STYLES` by group ("auto": none).
    text            free text. rhythm, mood: guidance of the two streams.
    level, shape    energy: -1 (less) .. 1 (more), and how it runs over the piece.
    seed            None draws a new one for every take. steps: of the sampler.
    keep, fade      what becomes of the video's own sound; seconds of the final fade.
    """

    moods: tuple[str, ...] = ()
    motion: str = ANY
    palette: str = ANY
    tempo: str = ANY
    text: str = ""
    rhythm: float = 1.0
    mood: float = 1.0
    level: float = 0.0
    shape: str = FOLLOW
    seed: int | None = None
    steps: int = 64
    keep: KeepAudio = "replace"
    fade: float = 0.8

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "moods", tuple(self.moods or ()))
        put(self, "text", (self.text or "").strip())
        for name in ("motion", "palette", "tempo"):
            put(self, name, getattr(self, name) or ANY)
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} must lie between {low:g} and {high:g}, got {value:g}")
        if len(self.text) > LONGEST_TEXT:
            raise InputError(f"the text has {len(self.text)} characters; use at most {LONGEST_TEXT}")
        if self.seed is not None and not 0 <= self.seed <= MOST_SEED:
            raise InputError(f"seed must lie between 0 and {MOST_SEED}, got {self.seed}")
        if self.shape not in SHAPES:
            raise InputError(f"shape must be one of {', '.join(SHAPES)}, got {self.shape!r}")
        if self.keep not in get_args(KeepAudio):
            raise InputError(f"keep must be replace, mix or duck, got {self.keep!r}")
        put(self, "steps", int(self.steps))

    @property
    def tags(self) -> tuple[str, ...]:
        """All style tags, as the planner takes them."""
        return (*self.moods, *(tag for tag in (self.motion, self.palette, self.tempo) if tag != ANY))

    @property
    def values(self) -> list[Any]:
        """One value a widget, in the order of the fields."""
        return [list(self.moods) if f.name == "moods" else getattr(self, f.name) for f in fields(self)]


def from_values(values: "list[Any] | tuple[Any, ...]") -> PageSettings:
    """PageSettings from the widgets, in the order of the fields; an emptied one is at its default."""
    names = [f.name for f in fields(PageSettings)]
    given = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    if "seed" in given:
        given["seed"] = int(given["seed"])
    return PageSettings(**given)


def to_query(settings: PageSettings) -> str:
    """The settings that differ from the defaults as "moods=calm,sad&steps=48"; empty when none does."""
    changed = {}
    for f in fields(settings):
        value = getattr(settings, f.name)
        if value != f.default:
            changed[f.name] = ",".join(value) if isinstance(value, tuple) else value
    return urlencode(changed)


def from_query(query: Mapping[str, str]) -> PageSettings:
    """PageSettings from a link. A link may be old or mistyped: what cannot be used is passed over."""
    settings = PageSettings()
    for f in fields(PageSettings):
        if f.name in query:
            try:
                settings = replace(settings, **{f.name: _parsed(f.name, query[f.name])})
            except (ValueError, InputError):
                continue
    return settings


def _parsed(name: str, text: str) -> Any:
    if name == "moods":
        return tuple(tag for tag in text.split(",") if tag in tags_of("mood"))
    if name in ("motion", "palette", "tempo"):
        return text if text in tags_of(name) else ANY
    if name in ("seed", "steps"):
        return int(text)
    return float(text) if name in LIMITS else text


def tags_of(group: str) -> list[str]:
    return [name for name, style in STYLES.items() if style.group == group]


def shape_energy(plan: MusicPlan, level: float, shape: str) -> MusicPlan:
    """The plan with its energy and density moved; unchanged at level 0 and "follow the pictures".

    Both curves are moved as levels (0 to 1: the range of human-made music), so that nothing leaves that range. The
    closing chord (the last bar) stays.
    """
    if level == 0 and shape == FOLLOW:
        return plan
    scale = density_scale(plan)
    polyphony = _moved(plan.curves.polyphony, "polyphony", level, shape)
    density = scale * _moved(plan.curves.density / scale, "density", level, shape)
    plan = plan.with_curve("polyphony", polyphony).with_curve("density", density)
    sections = [
        replace(s, texture=replace(s.texture, density=float(plan.curves.density[s.start_beat : s.end_beat].mean())))
        for s in plan.sections
    ]
    wish = f"energy: {SHAPES[shape]}" + (f", {'more' if level > 0 else 'less'} of it ({level:+.1f})" if level else "")
    return replace(plan, sections=tuple(sections), why=(*plan.why, wish))


def _moved(curve: np.ndarray, name: str, level: float, shape: str) -> np.ndarray:
    """[B] a curve with its level moved."""
    asked = level_of(name, curve)
    at = np.linspace(0.0, 1.0, len(curve))
    if shape == "steady":
        asked = asked.mean() + 0.2 * (asked - asked.mean())
    tilt = {
        "rise": 2 * at - 1,
        "fall": 1 - 2 * at,
        "arc": np.interp(at, (0.0, 0.66, 1.0), (-1.0, 1.0, -0.6)),
    }.get(shape, np.zeros_like(at))
    moved = level_to_value(name, asked + TILT * tilt + REACH * level)
    moved[-BEATS_PER_BAR:] = curve[-BEATS_PER_BAR:]
    return moved


def level_of(name: str, curve: np.ndarray) -> np.ndarray:
    """A curve as levels 0..1, the range of human-made music; the inverse of the planner's `level_to_value`."""
    return np.interp(curve, POP909[name], (0.0, 0.25, 0.5, 0.75, 1.0))


def density_scale(plan: MusicPlan) -> float:
    """What the tempo does to the density that a level stands for: faster music has fewer notes to the beat."""
    return float(density_at(0.5, 60 * plan.beats / plan.duration) / level_to_value("density", 0.5))


def from_tags(tags: "str | list[str]", **others: Any) -> PageSettings:
    """PageSettings from style tags as the command line takes them; StyleError for unknown or clashing ones."""
    names = combine_styles(tags).name.split(", ") if tags else []
    by_group = {group: [n for n in names if n and STYLES[n].group == group] for group in GROUPS}
    motions = by_group["motion"]
    if len(motions) > 1:
        raise StyleError(f"style tags {motions[0]!r} and {motions[1]!r} are both about motion: choose one of them")
    single = {group: by_group[group][0] for group in ("motion", "palette", "tempo") if by_group[group]}
    return PageSettings(moods=tuple(by_group["mood"]), **single, **others)
