"""Asking the network about windows: guidance, and batches that several pieces share.

How sums are rounded depends on a batch's shape (compare 3 windows at once with 4), but, the shape being the same, not
on which other windows are in it or where each stands. So that a piece comes out bit for bit the same whatever it is
composed with, batches that are shared all have the same number of windows, the last one filled up; and where sharing
gains nothing, as on a CPU, every piece has batches of its own, and no window is computed in vain.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from diffbgm.composer.device import has_fast_bf16
from diffbgm.composer.sampling import guide
from diffbgm.options import Guidance

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from diffbgm.composer import Denoiser
    from diffbgm.composer.condition import Condition

ELSEWHERE = 32  # windows a batch on a GPU, which wants many
OWN = 8  # windows a batch at most where pieces do not share: a CPU is hardly faster with more


Row = TypeVar("Row")


@dataclass(frozen=True)
class Ask:
    """What a piece asks at one noise level: of x_t [4, T, 88] (and the last estimate of x_0) the windows that begin at
    the steps `starts` [W], once for every version of their condition (see `versions`)."""

    x: "Tensor"
    level: float
    estimate: "Tensor | None"
    starts: Sequence[int]
    told: "Sequence[Condition]"

    @property
    def rows(self) -> int:
        """Windows that the network has to look at."""
        return len(self.starts) * len(self.told)


@dataclass(frozen=True)
class Answer:
    """`logits` [W, 4, 128, 88] for every version, `velocity` [W, 2, 128, 88] for the first."""

    logits: "Sequence[Tensor]"
    velocity: "Tensor"


def versions(condition: "Condition", guidance: Guidance) -> "list[Condition]":
    """The conditions under which guidance wants the network's opinion: in full; without any; without the semantic
    stream, where the two weights differ."""
    if guidance.rhythm == guidance.mood == 1:
        return [condition]
    told = [condition, condition.without(dynamic=True, semantic=True)]
    return told if guidance.rhythm == guidance.mood else [*told, condition.without(semantic=True)]


def combine(guidance: Guidance, logits: "Sequence[Tensor]") -> "Tensor":
    """Guided logits from those of `versions`."""
    if len(logits) == 1:
        return logits[0]
    return guide(guidance, logits[1], logits[2] if len(logits) == 3 else None, logits[0])


def guided(
    model: "Denoiser",
    x: "Tensor",
    level: float,
    condition: "Condition",
    estimate: "Tensor | None",
    guidance: Guidance,
) -> "tuple[Tensor, Tensor]":
    """Guided logits and the velocities of windows [B, 4, 128, 88]; one, two or three evaluations."""
    t = x.new_full((len(x),), level)
    outs = [model(x, t, told, estimate) for told in versions(condition, guidance)]
    return combine(guidance, [out.logits for out in outs]), outs[0].velocity


def batch_size(model: "Denoiser", chunk: int | None = None) -> int | None:
    """Windows in a batch that pieces share: `chunk`, or what suits the model's device; None where they do not share."""
    return chunk or (None if next(model.parameters()).device.type == "cpu" else ELSEWHERE)


def precision(model: "Denoiser", dtype: "torch.dtype | None" = None) -> "torch.autocast":
    """Computing in `dtype`; None: in bfloat16 where the hardware is fast at it, else in float32."""
    import torch

    device = next(model.parameters()).device.type
    dtype = dtype or (torch.bfloat16 if has_fast_bf16(device) else torch.float32)
    return torch.autocast(device, dtype, enabled=dtype != torch.float32)


def ask_network(
    model: "Denoiser", asks: Sequence[Ask], chunk: int | None = None, dtype: "torch.dtype | None" = None
) -> list[Answer]:
    """An answer to each; see `batch_size`, `precision`."""
    import torch

    rows = [[(ask, told, w) for told in ask.told for w in range(len(ask.starts))] for ask in asks]
    size = batch_size(model, chunk)
    shared = [row for own in rows for row in own]
    batches = itertools.chain.from_iterable(map(split_evenly, rows)) if size is None else split_by(shared, size)
    logits: list[Tensor] = []
    velocity: list[Tensor] = []
    for some in batches:
        with precision(model, dtype):
            out = model(*batch([*some, *some[:1] * ((size or 0) - len(some))], model))
        logits += out.logits[: len(some)].unbind()
        velocity += out.velocity[: len(some)].unbind()
    answers: list[Answer] = []
    at = 0
    for ask in asks:
        width = len(ask.starts)
        parts = [torch.stack(logits[at + v * width : at + (v + 1) * width]) for v in range(len(ask.told))]
        answers.append(Answer(parts, torch.stack(velocity[at : at + width])))
        at += ask.rows
    return answers


def split_by(rows: list[Row], size: int) -> list[list[Row]]:
    """`size` rows each, the rest in the last."""
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def split_evenly(rows: list[Row]) -> list[list[Row]]:
    """As few parts of at most `OWN` rows as there can be, nearly equal; how many they are decides alone."""
    count = math.ceil(len(rows) / OWN)
    edges = [len(rows) * i // count for i in range(count + 1)]
    return [rows[a:b] for a, b in itertools.pairwise(edges)]


def batch(
    rows: "Sequence[tuple[Ask, Condition, int]]", model: "Denoiser"
) -> "tuple[Tensor, Tensor, Condition, Tensor]":
    """The network's arguments for windows (ask, version, number)."""
    import torch

    from diffbgm.composer.condition import Condition
    from diffbgm.types import STEPS_PER_BEAT

    width = model.beats * STEPS_PER_BEAT
    spans = [slice(ask.starts[w], ask.starts[w] + width) for ask, _, w in rows]
    x = torch.stack([ask.x[:, at] for (ask, _, _), at in zip(rows, spans, strict=True)])
    guess = [
        torch.zeros_like(ask.x[:, at]) if ask.estimate is None else ask.estimate[:, at]
        for (ask, _, _), at in zip(rows, spans, strict=True)
    ]
    t = torch.tensor([ask.level for ask, _, _ in rows], device=x.device)
    told = {f.name: torch.stack([getattr(told, f.name)[w] for _, told, w in rows]) for f in fields(Condition)}
    return x, t, Condition(**told), torch.stack(guess)


def company_matters(model: "Denoiser", chunk: int | None = None, dtype: "torch.dtype | None" = None) -> bool:
    """Whether this hardware rounds what the network says of a window differently in other company or another place of
    a batch of `batch_size`; tried on random windows. Then pieces must not share batches."""
    import torch

    from diffbgm.composer.condition import DYNAMIC_WIDTH, MAX_SECTIONS, SEMANTIC_WIDTH, Condition
    from diffbgm.types import PITCHES, STEPS_PER_BEAT

    size, device = batch_size(model, chunk) or 1, next(model.parameters()).device
    draw = torch.Generator().manual_seed(0)
    asks: list[Ask] = []
    for number in range(2 * size):
        x = torch.randn(4, model.beats * STEPS_PER_BEAT, PITCHES, generator=draw)
        condition = Condition(
            dynamic=torch.randn(1, model.beats, DYNAMIC_WIDTH, generator=draw),
            semantic=torch.randn(1, MAX_SECTIONS, SEMANTIC_WIDTH + model.config.clip_width, generator=draw),
            section=torch.zeros(1, model.beats, dtype=torch.long),
            section_at=torch.full((1, MAX_SECTIONS), model.beats / 2),
            has_dynamic=torch.ones(1, dtype=torch.bool),
            has_semantic=torch.ones(1, dtype=torch.bool),
        )
        level = (number + 1) / (2 * size + 1)
        asks.append(Ask(x.to(device), level, x.tanh().to(device), [0], [condition.to(device)]))
    with torch.inference_mode():
        orders = [asks, asks[1::2] + asks[0::2]]
        said = [dict(zip(map(id, order), ask_network(model, order, chunk, dtype), strict=True)) for order in orders]
    return not all(torch.equal(said[0][id(ask)].logits[0], said[1][id(ask)].logits[0]) for ask in asks)
