"""Several pieces composed at once: at every step their windows share the network's batches."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from diffbgm.composer.batching import Answer, Ask, ask_network, batch_size, company_matters
from diffbgm.composer.compose import composing
from diffbgm.options import ComposeOptions
from diffbgm.types import MusicPlan, PianoRoll

if TYPE_CHECKING:
    import torch

    from diffbgm.composer import Denoiser

K = TypeVar("K")


@dataclass(frozen=True)
class ComposeJob(Generic[K]):
    """What is to be composed; `key` is whatever the caller knows it by."""

    key: K
    plan: MusicPlan
    options: ComposeOptions


@dataclass
class Going(Generic[K]):
    """A piece in the making, and what it asks next."""

    key: K
    steps: Generator[Ask, Answer, PianoRoll]
    ask: Ask


def compose_many(
    model: "Denoiser",
    take: "Callable[[bool], ComposeJob[K] | None]",
    *,
    chunk: int | None = None,
    dtype: "torch.dtype | None" = None,
) -> Iterator[tuple[K, PianoRoll | Exception]]:
    """Key and roll of every piece, as they are finished; an exception instead of the roll where one could not be made.

    `take(wait)` hands out the next piece: None when there are no more, or, unless `wait`, when none is ready yet. As
    many are composed at once as fill a batch of `chunk` windows (None: what suits the device, see
    `network.batch_size`). Each comes out as `compose` makes it alone, bit for bit; where the hardware does not allow
    that, or sharing gains nothing, one is composed after the other.
    `chunk` and `dtype` as in `ComposeOptions`, whose own do not count here.
    """
    size = batch_size(model, chunk)
    most = 1 if size is None or company_matters(model, size, dtype) else size
    going: list[Going[K]] = []
    while True:
        while not going or sum(piece.ask.rows for piece in going) < most:
            if (piece := take(not going)) is None:
                break
            steps = composing(model, piece.plan, piece.options)
            try:
                going.append(Going(piece.key, steps, first_ask(steps)))
            except Exception as e:
                yield piece.key, e
        if not going:
            return
        going, ended = advance(model, going, size, dtype)
        yield from ended


def first_ask(steps: Generator[Ask, Answer, PianoRoll]) -> Ask:
    import torch

    with torch.inference_mode():
        return next(steps)


def advance(
    model: "Denoiser", going: list[Going[K]], size: int | None, dtype: "torch.dtype | None"
) -> tuple[list[Going[K]], list[tuple[K, PianoRoll | Exception]]]:
    """One step of every piece: those that go on, and those that ended."""
    import torch

    with torch.inference_mode():
        try:
            answers = ask_network(model, [piece.ask for piece in going], size, dtype)
        except Exception as e:  # such as out of memory: whoever shared the batch is lost, those to come are not
            return [], [(piece.key, e) for piece in going]
        still: list[Going[K]] = []
        ended: list[tuple[K, PianoRoll | Exception]] = []
        for piece, answer in zip(going, answers, strict=True):
            after = told(piece.steps, answer)
            if isinstance(after, Ask):
                still.append(Going(piece.key, piece.steps, after))
            else:
                ended.append((piece.key, after))
        return still, ended


def told(steps: Generator[Ask, Answer, PianoRoll], answer: Answer) -> Ask | PianoRoll | Exception:
    """What a piece makes of an answer: the next question, its roll, or an exception."""
    try:
        return steps.send(answer)
    except StopIteration as end:
        return end.value
    except Exception as e:
        return e
