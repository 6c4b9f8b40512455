"""The model, and the only function that needs a GPU: on ZeroGPU it takes a slot as long as its plan needs."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from diffbgm import DiffBGM, MusicPlan, PianoRoll
from diffbgm.composer.keeping import Keep
from diffbgm.composer.windows import window_starts
from diffbgm.options import ScoreOptions
from diffbgm.progress import Progress
from diffbgm.result import Take
from diffbgm.stages import options_of

F = TypeVar("F", bound=Callable[..., Any])


def _no_slot(**_: Any) -> Callable[[F], F]:
    """Outside of ZeroGPU a function is itself."""
    return lambda function: function


gpu = import_module("spaces").GPU if find_spec("spaces") else _no_slot
ZERO_GPU = bool(os.environ.get("SPACES_ZERO_GPU"))
WEIGHTS = "DIFFBGM_WEIGHTS"  # environment variable: a folder or a Hub id, instead of the bundled weights
LONGEST_SLOT = 120  # seconds


@cache
def model() -> DiffBGM:
    """The one model of this process; loaded once, before the first visitor comes."""
    return DiffBGM.from_pretrained(os.environ.get(WEIGHTS) or None)


def on_cpu() -> bool:
    """Whether the model composes on the CPU."""
    return next(model().model.parameters()).device.type == "cpu"


def windows_of(plan: MusicPlan) -> int:
    """How many windows of eight bars the model composes for a plan, at most."""
    return len(window_starts(plan.beats, 8 * plan.unit, bar=plan.unit))


def slot_seconds(
    plan: MusicPlan, settings: ScoreOptions, progress: Progress | None = None, keep: Keep | None = None
) -> int:
    """How long a GPU slot is asked for: ten seconds to wake up, and a hundredth for every window and step."""
    windows = windows_of(plan) * (settings.takes or 1)
    return min(LONGEST_SLOT, round(10 + 0.01 * windows * options_of(settings, 0).steps))


@gpu(duration=slot_seconds)
def compose_roll(
    plan: MusicPlan, settings: ScoreOptions, progress: Progress | None = None, keep: Keep | None = None
) -> PianoRoll:
    """The piano roll for a plan; what is to be kept of another one stays.

    On ZeroGPU this runs in another process, where `progress` cannot follow: leave it None.
    """
    return model().compose(plan, settings, keep=keep, on_progress=progress)


@gpu(duration=slot_seconds)
def compose_takes(plan: MusicPlan, settings: ScoreOptions, progress: Progress | None = None) -> tuple[Take, ...]:
    """As `compose_roll`, `settings.takes` of them together, the best first."""
    return model().compose_takes(plan, settings, on_progress=progress)
