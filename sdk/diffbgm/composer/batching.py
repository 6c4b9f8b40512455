"""Windows to batches of the network and back: what a piece asks for at one step, and the prediction for it.

A piece comes out bit for bit the same whatever it is composed with (batch invariance; `is_batch_invariant` tries it on
the hardware at hand). On a GPU how sums are rounded depends on a batch's shape (compare 3 windows at once with 4), but,
the shape being the same, not on which other windows are in it or where each stands; so batches that are shared all have
the same number of windows, the last one filled up. On a CPU the network rounds a window alike in batches of any size
(`windowed`), and no window is computed in vain.
"""

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from diffbgm import threads
from diffbgm.composer.condition import DYNAMIC_WIDTH, MAX_SECTIONS, SEMANTIC_WIDTH, Condition
from diffbgm.composer.denoiser import Denoiser, Estimate
from diffbgm.composer.precision import compute_dtype, precision
from diffbgm.composer.workers import side_by_side, workers
from diffbgm.types import PITCHES, STEPS_PER_BEAT

GPU_BATCH = 32  # windows per batch on a GPU, which wants many
CPU_BATCH = 8  # the most windows per batch on a CPU, which is hardly faster with more, and takes memory for them

_tried: "WeakKeyDictionary[Denoiser, dict[Hashable, bool]]" = WeakKeyDictionary()  # what `is_batch_invariant` found


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

    def to(self, device: torch.device) -> "DenoiseRequest":
        """The same on a device."""
        x, estimate = self.x.to(device), None if self.estimate is None else self.estimate.to(device)
        return replace(self, x=x, estimate=estimate, variants=[one.to(device) for one in self.variants])

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
        logits: [W, 4, t, 88] of x_0 = +1, one tensor per variant; who has read them may clear the list.
        velocity: [W, 2, t, 88] in 0..1, of the first variant.
    """

    logits: list[Tensor]
    velocity: Tensor


class Window(NamedTuple):
    """One evaluation: window `number` of `request` under one of its variants."""

    request: DenoiseRequest
    condition: Condition
    number: int


def shared_batch_size(model: Denoiser, batch_size: int | None = None) -> int | None:
    """Windows that every batch has: `batch_size`, or what suits the model's device.

    Returns:
        None where batches are as large as they come, up to `CPU_BATCH`: on a CPU, unless a size is given.
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
    at_once = workers()
    batches: list[list[int]] = []
    for width in sorted({request.width for request in requests}):  # windows of one width share batches
        alike = [i for i, window in enumerate(windows) if window.request.width == width]
        batches += split_evenly(alike, at_once) if size is None else split_by(alike, size)
    logits: dict[int, Tensor] = {}
    velocity: dict[int, Tensor] = {}

    def evaluate(part: list[int]) -> Estimate:
        filling = part[:1] * ((size or 0) - len(part))
        with torch.inference_mode(), precision(model, dtype):  # each thread has its own modes
            return model(*make_batch([windows[i] for i in (*part, *filling)]))

    estimates = side_by_side(evaluate, batches, at_once) if size is None else [evaluate(part) for part in batches]
    for part, out in zip(batches, estimates, strict=True):
        logits |= zip(part, out.logits, strict=False)
        velocity |= zip(part, out.velocity, strict=False)
    predictions: list[Prediction] = []
    for request, first in zip(requests, edges, strict=False):
        count = len(request.starts)
        starts = range(first, first + request.evaluations, count)
        per_variant = [torch.stack([logits[i] for i in range(a, a + count)]) for a in starts]
        predictions.append(Prediction(per_variant, torch.stack([velocity[i] for i in range(first, first + count)])))
    return predictions


def split_by(items: list[int], size: int) -> list[list[int]]:
    """`size` items each, the rest in the last."""
    return [items[i : i + size] for i in range(0, len(items), size)]


def split_evenly(items: list[int], at_once: int = 1) -> list[list[int]]:
    """As few parts of at most `CPU_BATCH` items as keep `at_once` workers equally busy; the parts are nearly equal."""
    count = min(len(items), at_once * math.ceil(len(items) / (CPU_BATCH * at_once)))
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

    It is tried with random windows on this hardware, once for a model, its device, the number of threads, and the
    arguments, which are as of `predict`. Where it is not so, pieces must not share batches.
    """
    size = shared_batch_size(model, batch_size)
    key = (next(model.parameters()).device, torch.get_num_threads(), size, compute_dtype(model, dtype))
    known = _tried.setdefault(model, {})
    if key not in known:
        known[key] = _try_batch_invariance(model, size, dtype)
    return known[key]


def _try_batch_invariance(model: Denoiser, size: int | None, dtype: torch.dtype | None) -> bool:
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    alone = (1,) * 2 * size if size else (1, 2, 3, 5)  # windows of the requests
    requests = [
        random_request(model, windows, (number + 1) / (len(alone) + 1), generator).to(device)
        for number, windows in enumerate(alone)
    ]
    with torch.inference_mode():
        if size is None:
            first = [predict(model, [request], dtype=dtype)[0] for request in requests]
        else:
            first = predict(model, requests, size, dtype)
        shuffled = [*range(1, len(alone), 2), *range(0, len(alone), 2)]
        again = predict(model, [requests[i] for i in shuffled], size, dtype)
    pairs = [(first[i], one) for i, one in zip(shuffled, again, strict=True)]
    return all(torch.equal(a.logits[0], b.logits[0]) and torch.equal(a.velocity, b.velocity) for a, b in pairs)


def random_request(model: Denoiser, windows: int, level: float, generator: torch.Generator) -> DenoiseRequest:
    """So many windows of noise, one beside the other, under conditions of noise."""
    beats = model.beats
    x = torch.randn(4, windows * beats * STEPS_PER_BEAT, PITCHES, generator=generator)
    condition = Condition(
        dynamic=torch.randn(windows, beats, DYNAMIC_WIDTH, generator=generator),
        semantic=torch.randn(windows, MAX_SECTIONS, SEMANTIC_WIDTH + model.config.clip_width, generator=generator),
        section=torch.zeros(windows, beats, dtype=torch.long),
        section_at=torch.full((windows, MAX_SECTIONS), beats / 2),
        has_dynamic=torch.ones(windows, dtype=torch.bool),
        has_semantic=torch.ones(windows, dtype=torch.bool),
    )
    return DenoiseRequest(x, level, x.tanh(), range(0, windows * beats, beats), [condition])
