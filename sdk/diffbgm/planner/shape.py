"""How the energy of a plan runs over the piece: `shape_energy` moves polyphony and note density together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.planner.levels import POP909, density_at, level_to_value
from diffbgm.types import MusicPlan

FOLLOW: Final = "follow the pictures"
SHAPES: Final[Mapping[str, str]] = {
    FOLLOW: "energy rises and falls with the pictures",
    "rise": "quieter at first, fullest at the end",
    "fall": "fullest at first, quieter to the end",
    "arc": "builds up to two thirds, then lets go",
    "steady": "the same all the way: good under speech",
}
TILT: Final = 0.35  # how far a shape moves the level at its ends; 1 is the whole range of human-made music
REACH: Final = 0.4  # how far `level` moves it at -1 and 1
FLATTENED: Final = 0.2  # what "steady" leaves of the distance from the mean


def shape_energy(plan: MusicPlan, level: float = 0.0, shape: str = FOLLOW) -> MusicPlan:
    """The plan with its polyphony and note density moved; the closing chord (the last bar) stays.

    Both curves are moved as levels (0 to 1: the 5 % to the 95 % quantile of POP909, see `levels`), so that nothing
    leaves the range of human-made music. The plan's `why` says what was asked for.

    Args:
        plan: The plan to change.
        level: -1 (thinner and calmer) to 1 (fuller and busier); 0 leaves the mean where it is.
        shape: A key of `SHAPES`.

    Returns:
        A new plan; `plan` itself at level 0 and "follow the pictures".

    Raises:
        PlanError: `level` is out of range, or `shape` is none of `SHAPES`.
    """
    if not -1 <= level <= 1:
        raise PlanError(f"level must lie between -1 and 1, got {level:g}")
    if shape not in SHAPES:
        raise PlanError(f"shape must be one of {', '.join(SHAPES)}, got {shape!r}")
    if level == 0 and shape == FOLLOW:
        return plan
    scale = density_scale(plan)
    polyphony = _moved(plan.curves.polyphony, "polyphony", level, shape, plan.last_bar)
    density = scale * _moved(plan.curves.density / scale, "density", level, shape, plan.last_bar)
    plan = plan.with_curve("polyphony", polyphony).with_curve("density", density)
    sections = [
        replace(s, texture=replace(s.texture, density=float(plan.curves.density[s.start_beat : s.end_beat].mean())))
        for s in plan.sections
    ]
    wish = f"energy: {SHAPES[shape]}" + (f", {'more' if level > 0 else 'less'} of it ({level:+.1f})" if level else "")
    return replace(plan, sections=tuple(sections), why=(*plan.why, wish))


def level_of(name: str, curve: np.ndarray) -> np.ndarray:
    """A curve [B] as levels 0 to 1; the inverse of `levels.level_to_value`."""
    return np.interp(curve, POP909[name], (0.0, 0.25, 0.5, 0.75, 1.0))


def density_scale(plan: MusicPlan) -> float:
    """What the plan's tempo does to the density that a level stands for: faster music has fewer notes per beat."""
    return float(density_at(0.5, 60 * plan.beats / plan.duration) / level_to_value("density", 0.5))


def _moved(curve: np.ndarray, name: str, level: float, shape: str, last_bar: int) -> np.ndarray:
    """[B] a curve with its level moved, in the unit of the curve."""
    asked = level_of(name, curve)
    at = np.linspace(0.0, 1.0, len(curve))
    if shape == "steady":
        asked = asked.mean() + FLATTENED * (asked - asked.mean())
    tilt = {
        "rise": 2 * at - 1,
        "fall": 1 - 2 * at,
        "arc": np.interp(at, (0.0, 0.66, 1.0), (-1.0, 1.0, -0.6)),
    }.get(shape, np.zeros_like(at))
    moved = level_to_value(name, asked + TILT * tilt + REACH * level)
    moved[last_bar:] = curve[last_bar:]
    return moved
