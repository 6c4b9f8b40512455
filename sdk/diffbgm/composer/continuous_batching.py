"""Several pieces composed at once: at every step of the sampler their windows share the network's batches.

Pieces join and leave between steps, as requests do in the continuous batching of language models (Yu et al. 2022).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from diffbgm.composer.batching import (
    CPU_BATCH,
    DenoiseRequest,
    Prediction,
    is_batch_invariant,
    predict,
    shared_batch_size,
)
from diffbgm.composer.compose import PieceSteps, compose_steps
from diffbgm.composer.denoiser import Denoiser
from diffbgm.composer.precision import with_cast_weights
from diffbgm.options import ComposeOptions
from diffbgm.types import MusicPlan, PianoRoll

K = TypeVar("K")


@dataclass(frozen=True)
class ComposeJob(Generic[K]):
    """What is to be composed; `key` is whatever the caller knows it by; `on_progress` hears how far it is."""

    key: K
    plan: MusicPlan
    options: ComposeOptions
    on_progress: Callable[[float, str], None] | None = None


@dataclass(frozen=True)
class ActivePiece(Generic[K]):
    """A piece in the making, and what it needs predicted next."""

    key: K
    steps: PieceSteps
    request: DenoiseRequest


def compose_many(
    model: Denoiser,
    take: Callable[[bool], ComposeJob[K] | None],
    *,
    batch_size: int | None = None,
    dtype: torch.dtype | None = None,
) -> Iterator[tuple[K, PianoRoll | Exception]]:
    """Composes pieces as they come.

    As many are composed at once as fill a batch. Each comes out as `compose` makes it alone with the same `batch_size`,
    bit for bit; where the hardware does not allow that, one is composed after the other.

    Args:
        model: The denoiser.
        take: `take(wait)` hands out the next piece: None when there are no more, or, unless `wait`, when none is ready
            yet.
        batch_size: Windows per batch; None: what suits the device, see `batching.shared_batch_size`. That of the
            pieces' own options does not count here, nor does their `dtype`.
        dtype: See `precision.compute_dtype`.

    Yields:
        Key and roll of every piece, as they are finished; an exception instead of the roll where one could not be made.
    """
    size = shared_batch_size(model, batch_size)
    wanted = (size or 2 * CPU_BATCH) if is_batch_invariant(model, size, dtype) else 1
    model = with_cast_weights(model, dtype)
    active: list[ActivePiece[K]] = []
    while True:
        while not active or sum(piece.request.evaluations for piece in active) < wanted:
            if (job := take(not active)) is None:
                break
            steps = compose_steps(model, job.plan, job.options, on_progress=job.on_progress)
            request = begin(steps)
            if isinstance(request, Exception):
                yield job.key, request
            else:
                active.append(ActivePiece(job.key, steps, request))
        if not active:
            return
        active, ended = advance(model, active, size, dtype)
        yield from ended


def advance(
    model: Denoiser, active: list[ActivePiece[K]], batch_size: int | None, dtype: torch.dtype | None
) -> tuple[list[ActivePiece[K]], list[tuple[K, PianoRoll | Exception]]]:
    """One step of every piece: those that go on, and those that ended."""
    with torch.inference_mode():
        try:
            predictions = predict(model, [piece.request for piece in active], batch_size, dtype)
        except Exception as e:  # such as out of memory: whoever shared the batch is lost, those to come are not
            return [], [(piece.key, e) for piece in active]
        still: list[ActivePiece[K]] = []
        ended: list[tuple[K, PianoRoll | Exception]] = []
        for piece, prediction in zip(active, predictions, strict=True):
            after = resume(piece.steps, prediction)
            if isinstance(after, DenoiseRequest):
                still.append(ActivePiece(piece.key, piece.steps, after))
            else:
                ended.append((piece.key, after))
        return still, ended


def begin(steps: PieceSteps) -> DenoiseRequest | Exception:
    """A piece's first request, or why there is none."""
    try:
        with torch.inference_mode():
            return next(steps)
    except Exception as e:
        return e


def resume(steps: PieceSteps, prediction: Prediction) -> DenoiseRequest | PianoRoll | Exception:
    """What a piece makes of a prediction: the next request, its roll, or an exception."""
    try:
        return steps.send(prediction)
    except StopIteration as end:
        return end.value
    except Exception as e:
        return e
