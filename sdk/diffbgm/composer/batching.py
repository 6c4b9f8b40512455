"""Windows to batches of the network and back: what a piece asks for at one step, and the prediction for it.

How sums are rounded depends on a batch's shape (compare 3 windows at once with 4), but, the shape being the same, not
on which other windows are in it or where each stands (batch invariance; `is_batch_invariant` tries it). So that a piece
comes out bit for bit the same whatever it is composed with, batches that are shared all have the same number of
windows, the last one filled up; and where sharing gains nothing, as on a CPU, every piece has batches of its own, and
no window is computed in vain.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from diffbgm import threads
from diffbgm.composer.condition import DYNAMIC_WIDTH, MAX_SECTIONS, SEMANTIC_WIDTH, Condition
from diffbgm.composer.denoiser import Denoiser
from diffbgm.composer.precision import precision
from diffbgm.types import PITCHES, STEPS_PER_BEAT

GPU_BATCH = 32  # windows per batch on a GPU, which wants many
CPU_BATCH = 8  # the most windows per batch where pieces do not share: a CPU is hardly faster with more

Item = TypeVar("Item")


@dataclass(frozen=True)
class DenoiseRequest:
    """What a piece needs predicted at one step of the sampler.

    Attributes:
        x: x_t [4, T, 88] of the whole padded piece.
        level: Its noise level.
        estimate: The last estimate of x_0 [4, T, 88], or None.
        starts: [W] first beats of the windows.
        variants: The conditions of these W windows, one `Condition` per variant that guidance needs.
    """

    x: Tensor
    level: float
    estimate: Tensor | None
    starts: Sequence[int]
    variants: Sequence[Condition]

    @property
    def width(self) -> int:
        """Steps of a window."""
        return self.variants[0].section.shape[1] * STEPS_PER_BEAT

    @property
    def evaluations(self) -> int:
        """How often the network looks at a window."""
        return len(self.starts) * len(self.variants)


@dataclass(frozen=True)
class Prediction:
    """The answer to a request.

    Attributes:
        logits: [W, 4, t, 88] of x_0 = +1, one tensor per variant.
        velocity: [W, 2, t, 88] in 0..1, of the first variant.
    """

    logits: Sequence[Tensor]
    velocity: Tensor


class Window(NamedTuple):
    """One evaluation: window `number` of `request` under one of its variants."""

    request: DenoiseRequest
    condition: Condition
    number: int


def shared_batch_size(model: Denoiser, batch_size: int | None = None) -> int | None:
    """Windows per batch that pieces share: `batch_size`, or what suits the model's device.

    Returns:
        None where pieces do not share batches: on a CPU, unless a size is given.
    """
    return batch_size or (None if next(model.parameters()).device.type == "cpu" else GPU_BATCH)


def predict(
    model: Denoiser,
    requests: Sequence[DenoiseRequest],
    batch_size: int | None = None,
    dtype: torch.dtype | None = None,
) -> list[Prediction]:
    """Evaluates the network for all requests; to be called in inference mode.

    Args:
        model: The denoiser.
        requests: Of one or several pieces.
        batch_size: Windows per batch, shared between the requests; None: see `shared_batch_size`.
        dtype: See `precision.compute_dtype`.

    Returns:
        One prediction per request, in their order.

    Raises:
        ForkedProcessError: this process was forked from one that had used the model; see `threads.refuse_after_fork`.
    """
    threads.refuse_after_fork()
    windows = [Window(r, c, n) for r in requests for c in r.variants for n in range(len(r.starts))]
    edges = [0, *itertools.accumulate(request.evaluations for request in requests)]
    size = shared_batch_size(model, batch_size)
    if size is None:
        batches = [part for a, b in itertools.pairwise(edges) for part in split_evenly(list(range(a, b)))]
    else:  # windows of one width share batches
        widths = sorted({request.width for request in requests})
        alike = [[i for i, window in enumerate(windows) if window.request.width == width] for width in widths]
        batches = [part for own in alike for part in split_by(own, size)]
    logits: dict[int, Tensor] = {}
    velocity: dict[int, Tensor] = {}
    with precision(model, dtype):
        for part in batches:
            filling = part[:1] * ((size or 0) - len(part))
            out = model(*make_batch([windows[i] for i in (*part, *filling)]))
            logits |= zip(part, out.logits, strict=False)
            velocity |= zip(part, out.velocity, strict=False)
    predictions: list[Prediction] = []
    for request, first in zip(requests, edges, strict=False):
        count = len(request.starts)
        starts = range(first, first + request.evaluations, count)
        per_variant = [torch.stack([logits[i] for i in range(a, a + count)]) for a in starts]
        predictions.append(Prediction(per_variant, torch.stack([velocity[i] for i in range(first, first + count)])))
    return predictions


def split_by(items: list[Item], size: int) -> list[list[Item]]:
    """`size` items each, the rest in the last."""
    return [items[i : i + size] for i in range(0, len(items), size)]


def split_evenly(items: list[Item]) -> list[list[Item]]:
    """As few parts of at most `CPU_BATCH` items as there can be, nearly equal; their number alone decides."""
    count = math.ceil(len(items) / CPU_BATCH)
    edges = [len(items) * i // count for i in range(count + 1)]
    return [items[a:b] for a, b in itertools.pairwise(edges)]


def make_batch(windows: Sequence[Window]) -> tuple[Tensor, Tensor, Condition, Tensor]:
    """The network's arguments: x [B, 4, t, 88], noise levels [B], their condition, estimates of x_0 [B, 4, t, 88]."""
    width = windows[0].request.width
    x: list[Tensor] = []
    estimate: list[Tensor] = []
    for request, _, number in windows:
        start = request.starts[number] * STEPS_PER_BEAT
        at = slice(start, start + width)
        x.append(request.x[:, at])
        estimate.append(torch.zeros_like(x[-1]) if request.estimate is None else request.estimate[:, at])
    t = torch.tensor([request.level for request, _, _ in windows], device=x[0].device)
    condition = {
        field.name: torch.stack([getattr(condition, field.name)[number] for _, condition, number in windows])
        for field in fields(Condition)
    }
    return torch.stack(x), t, Condition(**condition), torch.stack(estimate)


def is_batch_invariant(model: Denoiser, batch_size: int | None = None, dtype: torch.dtype | None = None) -> bool:
    """Whether what is predicted for a window is the same bit for bit whatever else is in the batch, and in which place.

    It is tried with random windows on this hardware. Where it is not so, pieces must not share batches. Arguments as
    of `predict`.
    """
    size = shared_batch_size(model, batch_size) or 1
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    requests: list[DenoiseRequest] = []
    for number in range(2 * size):
        x = torch.randn(4, model.beats * STEPS_PER_BEAT, PITCHES, generator=generator)
        condition = Condition(
            dynamic=torch.randn(1, model.beats, DYNAMIC_WIDTH, generator=generator),
            semantic=torch.randn(1, MAX_SECTIONS, SEMANTIC_WIDTH + model.config.clip_width, generator=generator),
            section=torch.zeros(1, model.beats, dtype=torch.long),
            section_at=torch.full((1, MAX_SECTIONS), model.beats / 2),
            has_dynamic=torch.ones(1, dtype=torch.bool),
            has_semantic=torch.ones(1, dtype=torch.bool),
        )
        level = (number + 1) / (2 * size + 1)
        requests.append(DenoiseRequest(x.to(device), level, x.tanh().to(device), [0], [condition.to(device)]))
    with torch.inference_mode():
        first = predict(model, requests, batch_size, dtype)
        shuffled = [*range(1, 2 * size, 2), *range(0, 2 * size, 2)]
        again = predict(model, [requests[i] for i in shuffled], batch_size, dtype)
    return all(torch.equal(first[i].logits[0], one.logits[0]) for i, one in zip(shuffled, again, strict=True))
