"""The planner: what is composed for a video, from `make_plan(features, style)`.

`recut` keeps the notes of a plan for a new edit, `read_plan` reads a plan from a file.
"""

from diffbgm.planner.check import check_plan, check_plan_fits, read_plan
from diffbgm.planner.markers import markers
from diffbgm.planner.plan import make_plan
from diffbgm.planner.prompt import Understood, understand
from diffbgm.planner.recut import Recut, apply_bar_map, recut
from diffbgm.planner.styles import PALETTES, STYLES, Style, combine_styles, parse_style
from diffbgm.planner.tempo import TempoFit, fit_tempo

__all__ = [
    "PALETTES",
    "STYLES",
    "Recut",
    "Style",
    "TempoFit",
    "Understood",
    "apply_bar_map",
    "check_plan",
    "check_plan_fits",
    "combine_styles",
    "fit_tempo",
    "make_plan",
    "markers",
    "parse_style",
    "read_plan",
    "recut",
    "understand",
]
