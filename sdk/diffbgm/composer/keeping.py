"""Music that stays while the rest is composed again: what is fixed, what is open, and which windows that takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from diffbgm.composer.guidance import ModeTarget
from diffbgm.composer.windows import window_starts
from diffbgm.errors import PlanError
from diffbgm.roll import key_shift, notes_to_roll, transpose
from diffbgm.setting import need, need_all
from diffbgm.types import PITCHES, STEPS_PER_BEAT, MusicPlan, PianoRoll

SURE_LOGIT = 12.0  # of a cell that is not to change


@dataclass(frozen=True)
class Keep:
    """Music that is not to change: `roll` (in the plan's key) where `steps` [T] is True."""

    roll: PianoRoll
    steps: np.ndarray


def merge_keeps(keep: "Keep | Sequence[Keep] | None", plan: MusicPlan) -> Keep | None:
    """One `Keep` for several, such as bars of different takes; where two keep the same step, the later one counts.

    Raises:
        PlanError: One of them has not as many steps as the plan, or together they leave nothing open.
    """
    need("keep", () if keep is None else keep, (Keep, Sequence))
    keeps = [keep] if isinstance(keep, Keep) else list(keep or ())
    need_all("keep", keeps, Keep)
    steps = plan.beats * STEPS_PER_BEAT
    for one in keeps:
        if one.roll.steps != steps:
            raise PlanError(f"the music to keep has {one.roll.steps} steps, the plan {steps}; recut it first")
        if np.shape(one.steps) != (steps,):
            raise PlanError(
                f"Keep.steps must be [{steps}], one for each step of the plan, got {list(np.shape(one.steps))}"
            )
    if not keeps:
        return None
    kept, merged = keeps[0].steps.astype(bool), keeps[0].roll
    for one in keeps[1:]:
        merged, kept = keep_exactly(merged, one), kept | one.steps
    if kept.all():
        raise PlanError("the music to keep leaves no bar open: there is nothing to compose")
    return Keep(merged, kept)


def open_steps(keep: Keep | None, plan: MusicPlan, length: int) -> np.ndarray:
    """[length] True where a step of the piece is to be composed, of a piece padded to `length` steps."""
    out = np.arange(length) < plan.beats * STEPS_PER_BEAT
    if keep is not None:
        out[: len(keep.steps)] &= ~keep.steps
    return out


def open_window_starts(free: np.ndarray, plan: MusicPlan, window: int, turn: int) -> list[int]:
    """`window_starts` over the stretch of the piece that holds all open steps, with a bar before and after it.

    Windows in which nothing is open are left out, so that a few bars cost a few windows however long the piece is.

    Args:
        free: [T] of `open_steps`.
        plan: Of the piece.
        window: Beats of a window.
        turn: Number of the step, from 0.

    Returns:
        First beats, rising; of the whole piece where nothing is kept.
    """
    steps = np.flatnonzero(free)
    bar, beats = plan.unit, plan.beats
    first, last = (int(steps[i]) // (bar * STEPS_PER_BEAT) for i in (0, -1))
    start, end = max(0, first - 1) * bar, min(beats, (last + 2) * bar)
    if (missing := window - (end - start)) > 0:
        start = max(0, min(start - missing // 2 // bar * bar, beats - window))
        end = min(beats, start + window)
    starts = [start + at for at in window_starts(end - start, window, turn, bar)]
    return [at for at in starts if free[at * STEPS_PER_BEAT : (at + window) * STEPS_PER_BEAT].any()]


def untie(source: np.ndarray | None, free: np.ndarray) -> np.ndarray | None:
    """`sections.noise_source` among open steps only, so that what is kept does not pull what returns of it.

    Args:
        source: [length] which step each step takes its noise from, or None.
        free: [length] of `open_steps`.

    Returns:
        [length] the same, each kept step by itself and each group led by its first open step; None where nothing
        returns any more.
    """
    if source is None:
        return None
    own = np.arange(len(source))
    leader = np.full(len(source), len(source))
    np.minimum.at(leader, source[free], own[free])
    tied = np.where(free, leader[source], own)
    return None if np.array_equal(tied, own) else tied


def open_targets(targets: Sequence[ModeTarget], free: np.ndarray) -> list[ModeTarget]:
    """The targets of the mode, weighed over open steps only."""
    opened = torch.as_tensor(free)
    weighed = [target._replace(steps=target.steps[opened.to(target.steps.device)[target.steps]]) for target in targets]
    return [target for target in weighed if len(target.steps)]


def held_cells(keep: Keep | None, plan: MusicPlan, length: int) -> np.ndarray:
    """[4, length, 88] int8 of what is not composed: 1 a cell that is struck or sounds, -1 one that does not, 0 open.

    Held are the music that is kept, the plan's tune (and no other melody up to its end; what is kept counts more), and
    the silence past the end.
    """
    held = np.zeros((4, length, PITCHES), np.int8)
    held[:, plan.beats * STEPS_PER_BEAT :] = -1
    if (tune := tune_roll(plan)) is not None:
        end = min(plan.tune_end, plan.beats) * STEPS_PER_BEAT
        held[:2, :end] = signs(transpose(tune, key_shift(plan.key)).cells[:2, :end])
    if keep is not None:
        kept = np.flatnonzero(keep.steps)
        held[:, kept] = signs(transpose(keep.roll, key_shift(plan.key)).cells[:, kept])
    return held


def signs(cells: np.ndarray) -> np.ndarray:
    """Cells 1 and 0 as 1 and -1."""
    return np.where(cells > 0, 1, -1).astype(np.int8)


def tune_roll(plan: MusicPlan) -> PianoRoll | None:
    """The plan's tune as melody, in its key; None where none is given."""
    return notes_to_roll(plan.tune, (), plan.beats) if plan.tune else None


def hold(logits: Tensor, held: Tensor) -> Tensor:
    """Logits [4, T, 88] with those of held cells made sure; see `held_cells`."""
    return torch.where(held == 0, logits, held.to(logits) * SURE_LOGIT)


def same_tune(source: np.ndarray | None, plan: MusicPlan) -> np.ndarray | None:
    """`sections.noise_source` without the steps whose bar of the tune is another where they take their noise from."""
    if source is None or (tune := tune_roll(plan)) is None:
        return source
    width, own = plan.beats_per_bar * STEPS_PER_BEAT, np.arange(len(source))
    bars = np.zeros((-(-len(source) // width), width, 2 * PITCHES), np.uint8)
    bars.reshape(-1, 2 * PITCHES)[: tune.steps] = tune.cells[:2].transpose(1, 0, 2).reshape(tune.steps, -1)
    known: dict[bytes, int] = {}
    number = np.array([known.setdefault(bar.tobytes(), len(known)) for bar in bars])
    return np.where(number[own // width] == number[source // width], source, own)


def keep_tune(roll: PianoRoll, keep: Keep | None, plan: MusicPlan) -> PianoRoll:
    """The tune bit for bit up to its end, with its velocities; what is kept counts more."""
    if (tune := tune_roll(plan)) is None:
        return roll
    end = plan.tune_end * STEPS_PER_BEAT
    steps = np.arange(roll.steps) < end
    if keep is not None:
        steps &= ~keep.steps
    cells, velocity = np.array(roll.cells), np.array(roll.velocity)
    cells[:2, steps] = tune.cells[:2, steps]
    if tune.velocity is not None:
        velocity[0, steps] = tune.velocity[0, steps]
    held = np.cumsum(cells[0, end:], axis=0) == 0  # from the tune's last note on
    cells[1, end:][held] = 0
    return replace(roll, cells=cells, velocity=velocity)


def keep_exactly(roll: PianoRoll, keep: Keep) -> PianoRoll:
    """The kept steps bit for bit as they were."""
    cells, velocity = np.array(roll.cells), np.array(roll.velocity)
    cells[:, keep.steps] = keep.roll.cells[:, keep.steps]
    if keep.roll.velocity is not None:
        velocity[:, keep.steps] = keep.roll.velocity[:, keep.steps]
    return replace(roll, cells=cells, velocity=velocity)
