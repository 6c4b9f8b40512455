"""A plan and a model -> a piano roll. Overlapping windows of eight bars are denoised together as one piece.

`compose` makes one piece; `composing` is the same for whoever asks the network himself, so that the windows of several
pieces share a batch (`ensemble.compose_many`).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.composer.batching import Answer, Ask, ask_network, combine, versions
from diffbgm.composer.sampling import lean, noise_levels, sampling
from diffbgm.errors import PlanError
from diffbgm.options import ComposeOptions, Guidance
from diffbgm.roll import key_shift, notes_to_roll, roll_to_notes, transpose
from diffbgm.types import BEATS_PER_BAR, CURVES, PITCHES, STEPS_PER_BEAT, TEXTURE, MusicPlan, PianoRoll

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from diffbgm.composer import Denoiser
    from diffbgm.composer.condition import Condition

MEAN_VELOCITY = (92, 76)  # melody, accompaniment; the model tells how far a note is from them
SURE = 12.0  # logit of a cell that is not to change


@dataclass(frozen=True)
class Keep:
    """Music that is not to change: `roll` (in the plan's key) where `steps` [T] is True."""

    roll: PianoRoll
    steps: np.ndarray


def compose(
    model: "Denoiser",
    plan: MusicPlan,
    options: ComposeOptions | None = None,
    *,
    keep: Keep | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> PianoRoll:
    """The roll [4, 4 B, 88] of a plan of B beats, in the plan's key, with velocities.

    The same model, plan, options and machine give the same roll. Raises PlanError where `keep` does not fit the plan.
    """
    import torch

    options = options or ComposeOptions()
    piece = composing(model, plan, options, keep=keep, on_progress=on_progress)
    try:
        with torch.inference_mode():
            ask = next(piece)
            while True:
                ask = piece.send(ask_network(model, [ask], options.chunk, options.dtype)[0])
    except StopIteration as end:
        return end.value


def composing(
    model: "Denoiser",
    plan: MusicPlan,
    options: ComposeOptions,
    *,
    keep: Keep | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> Generator[Ask, Answer, PianoRoll]:
    """`compose` step by step: yields what to ask the network, is sent the answer, returns the roll. Nothing is computed
    by the network here; to be driven in inference mode."""
    import torch

    device = next(model.parameters()).device
    steps = plan.beats * STEPS_PER_BEAT
    reach = plan.beats + model.beats // 2 if plan.beats > model.beats else model.beats
    padded = reach * STEPS_PER_BEAT
    conditions: dict[tuple[int, ...], list[Condition]] = {}
    hold = held_logits(keep, plan, padded, device)
    generator = torch.Generator().manual_seed(options.seed)
    source = torch.as_tensor(shared_steps(plan, padded)).to(device)
    wishes = mode_wishes(plan, device)

    def noise() -> "Tensor":
        return torch.randn(4, padded, PITCHES, generator=generator).to(device)[:, source]

    def done(step: int) -> None:
        if on_progress:
            on_progress(step / options.steps, f"composing, step {step} of {options.steps}")

    sampler = sampling(noise, noise_levels(options.steps), **options.manner(), on_step=done)
    shown, turn = next(sampler), 0
    while True:
        starts = window_starts(plan.beats, model.beats, turn)
        if (key := tuple(starts)) not in conditions:
            conditions[key] = versions(condition_of(plan, starts, model).to(device), options.guidance)
        answer = yield Ask(*shown, [start * STEPS_PER_BEAT for start in starts], conditions[key])
        logits, loud = overlap(options.guidance, answer, starts, padded)
        logits = lean(tie(logits, source, options.tie), wishes, options.lean)
        try:
            shown, turn = sampler.send(torch.where(hold.isnan(), logits, hold)), turn + 1
        except StopIteration as end:
            cells = (end.value[:, :steps] > 0).to(torch.uint8).cpu().numpy()
            roll = finish(cells, loud[:, :steps].float().cpu().numpy(), plan)
            return roll if keep is None else keep_exactly(roll, keep)


def window_starts(beats: int, window: int, turn: int = 0) -> list[int]:
    """First beats of the windows at the `turn`-th noise level: one at the start, the others a bar further every time, a
    bar less than a window apart, the last up to half a window past the end, as in training. So no bar line is where
    windows meet for long. They are most at turn 0."""
    room, stride = max(0, beats - window), max(BEATS_PER_BAR, window - BEATS_PER_BAR)
    if not room:
        return [0]
    first = BEATS_PER_BAR + BEATS_PER_BAR * turn % stride
    inner = range(first, room, stride)
    over = (inner[-1] + stride if inner else first) - room  # beats of the last window past the end
    return [0, *inner, room + (over if over <= window // 2 else over - window // 2)]


def condition_of(plan: MusicPlan, starts: list[int], model: "Denoiser") -> "Condition":
    """The plan's tokens for every window, in the key where the model works (C major, A minor)."""
    from diffbgm.composer.condition import Condition, SectionCondition, heard_affect, window_tokens

    shift = key_shift(plan.key)
    curves = {name: getattr(plan.curves, name).astype(np.float64) for name in CURVES}
    curves["register"] = curves["register"] + shift
    bpm = plan.tempo.bpm()
    sections: list[SectionCondition] = []
    for section in plan.sections:
        texture: dict[str, float | None] = {name: getattr(section.texture, name) for name in TEXTURE}
        if texture["accompaniment_register"] is not None:
            texture["accompaniment_register"] += shift
        texture |= {name: heard_affect(name, getattr(section, name)) for name in ("valence", "arousal")}
        texture["tempo"] = float(bpm[section.start_beat : section.end_beat].mean())
        sections.append(SectionCondition(section.start_beat, section.end_beat, texture))
    return Condition.stack(
        [window_tokens(curves, sections, plan.beats, s, model.beats, model.config.clip_width) for s in starts],
        model.config,
    )


def overlap(guidance: Guidance, answer: Answer, starts: list[int], padded: int) -> "tuple[Tensor, Tensor]":
    """Guided logits [4, T, 88] and velocities [2, T, 88] of a piece: windows averaged with triangular weights."""
    import torch

    logits, velocity = combine(guidance, answer.logits), answer.velocity
    width = logits.shape[-2]
    ramp = torch.minimum(torch.arange(1, width + 1), torch.arange(width, 0, -1)).to(logits)[:, None]
    total, loud = logits.new_zeros(4, padded, PITCHES), logits.new_zeros(2, padded, PITCHES)
    weight = logits.new_zeros(padded, 1)
    for i, start in enumerate(starts):
        at = slice(start * STEPS_PER_BEAT, start * STEPS_PER_BEAT + width)
        total[:, at] += ramp * logits[i]
        loud[:, at] += ramp * velocity[i]
        weight[at] += ramp
    weight.clamp_(min=1)  # where no window reaches, past the end
    return total / weight, loud / weight


def shared_steps(plan: MusicPlan, padded: int) -> np.ndarray:
    """[T] where each step's noise comes from: itself, or the same place in the first section that has its label."""
    source = np.arange(padded)
    first: dict[str, tuple[int, int]] = {}
    for section in plan.sections:
        start, end = section.start_beat * STEPS_PER_BEAT, section.end_beat * STEPS_PER_BEAT
        if section.label in first:
            begin, stop = first[section.label]
            length = min(end - start, stop - begin)
            source[start : start + length] = np.arange(begin, begin + length)
        else:
            first[section.label] = (start, end)
    return source


def tie(logits: "Tensor", source: "Tensor", strength: float) -> "Tensor":
    """Logits [4, T, 88] pulled towards the mean over all steps that share their noise."""
    import torch

    if strength <= 0:
        return logits
    # On a GPU index_add_ adds in whatever order it likes; the CPU gives the same sum every time.
    total = torch.zeros_like(logits, device="cpu").index_add_(1, source.cpu(), logits.cpu()).to(logits.device)
    count = torch.bincount(source, minlength=len(source)).clamp_min(1)[:, None]
    return logits + strength * ((total / count)[:, source] - logits)


def mode_wishes(plan: MusicPlan, device: "torch.device") -> "list[tuple[Tensor, bool]]":
    """(steps, whether they are to be major) for the sections that ask for one mode or the other."""
    import torch

    wishes: list[tuple[Tensor, bool]] = []
    for major in (True, False):
        asked = [
            torch.arange(s.start_beat * STEPS_PER_BEAT, s.end_beat * STEPS_PER_BEAT)
            for s in plan.sections
            if s.texture.mode is not None and s.texture.mode != 0.5 and (s.texture.mode > 0.5) == major
        ]
        if asked:
            wishes.append((torch.cat(asked).to(device), major))
    return wishes


def held_logits(keep: Keep | None, plan: MusicPlan, padded: int, device: "torch.device") -> "Tensor":
    """[4, padded, 88] sure logits where music is kept and past the end, where all is silent; NaN elsewhere."""
    import torch

    steps = plan.beats * STEPS_PER_BEAT
    out = np.full((4, padded, PITCHES), np.nan, np.float32)
    out[:, steps:] = -SURE
    if keep is None:
        return torch.as_tensor(out).to(device)
    if keep.roll.steps != steps or keep.steps.shape != (steps,):
        raise PlanError(f"the music to keep has {keep.roll.steps} steps, the plan {steps}; recut it first")
    cells = transpose(keep.roll, key_shift(plan.key)).cells
    mask = np.flatnonzero(keep.steps)
    out[:, mask] = np.where(cells[:, mask] > 0, SURE, -SURE)
    return torch.as_tensor(out).to(device)


def finish(cells: np.ndarray, loud: np.ndarray, plan: MusicPlan) -> PianoRoll:
    """Cells as sampled and velocities (0..1) -> a clean roll in the plan's key: every sustain belongs to an onset."""
    mean = np.array(MEAN_VELOCITY, np.float32)[:, None, None]
    velocity = np.minimum(np.maximum(np.round(mean + 64 * (2 * loud - 1)), 1), 127) * cells[0::2]
    melody, accompaniment = roll_to_notes(PianoRoll(cells, velocity.astype(np.uint8)))
    return transpose(notes_to_roll(melody, accompaniment, plan.beats), -key_shift(plan.key))


def keep_exactly(roll: PianoRoll, keep: Keep) -> PianoRoll:
    """The kept steps bit for bit as they were."""
    cells, velocity = np.array(roll.cells), np.array(roll.velocity)
    cells[:, keep.steps] = keep.roll.cells[:, keep.steps]
    if keep.roll.velocity is not None:
        velocity[:, keep.steps] = keep.roll.velocity[:, keep.steps]
    return replace(roll, cells=cells, velocity=velocity)


def bars_to_steps(bars: "list[int] | range", total_bars: int) -> np.ndarray:
    """[T] True in the given bars."""
    steps = np.zeros(total_bars * BEATS_PER_BAR * STEPS_PER_BEAT, bool)
    for bar in bars:
        steps[bar * BEATS_PER_BAR * STEPS_PER_BEAT : (bar + 1) * BEATS_PER_BAR * STEPS_PER_BEAT] = True
    return steps
