"""Many short pieces composed together: their windows share batches, and plans that ask the same are composed once."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diffbgm.codec import to_json
from diffbgm.compose import ComposeOptions, composing, window_starts
from diffbgm.network import Answer, Ask, ask_network
from diffbgm.types import MusicPlan, PianoRoll

if TYPE_CHECKING:
    from diffbgm.model import Denoiser

TOGETHER = 32  # windows in memory at once

OnProgress = Callable[[float, str], None]


def compose_together(
    model: "Denoiser",
    plans: Sequence[MusicPlan],
    seeds: Sequence[int],
    options: ComposeOptions,
    on_progress: OnProgress | None = None,
) -> list[PianoRoll]:
    """The roll of every plan in its own key, by the seed beside it (`options.seed` is not used)."""
    tell = on_progress or (lambda fraction, message: None)
    asked = [(seed, to_json(bare(plan))) for plan, seed in zip(plans, seeds, strict=True)]
    first = {key: i for i, key in reversed(list(enumerate(asked)))}
    order = sorted(first.values(), key=lambda i: plans[i].beats)
    rolls: dict[int, PianoRoll] = {}
    while order:
        part = [order.pop(0)]
        count = len(window_starts(plans[part[0]].beats, model.beats))
        while order and count + (more := len(window_starts(plans[order[0]].beats, model.beats))) <= TOGETHER:
            part.append(order.pop(0))
            count += more
        made = _compose(model, [plans[i] for i in part], [seeds[i] for i in part], options)
        rolls |= dict(zip(part, made, strict=True))
        tell(len(rolls) / len(first), f"composed {len(rolls)} of {len(first)} pieces")
    return [rolls[first[key]] for key in asked]


def bare(plan: MusicPlan) -> MusicPlan:
    """The plan without what the composer does not see."""
    return replace(plan, style=(), palette="", why=(), cuts=())


def _compose(
    model: "Denoiser", plans: Sequence[MusicPlan], seeds: Sequence[int], options: ComposeOptions
) -> list[PianoRoll]:
    import torch

    going = [composing(model, plan, replace(options, seed=s)) for plan, s in zip(plans, seeds, strict=True)]
    with torch.inference_mode():
        asks = [next(piece) for piece in going]
        while True:  # all have as many steps, so all end together
            answers = ask_network(model, asks, options.chunk, options.dtype)
            said = [reply(piece, answer) for piece, answer in zip(going, answers, strict=True)]
            if rolls := [s for s in said if isinstance(s, PianoRoll)]:
                return rolls
            asks = [s for s in said if isinstance(s, Ask)]


def reply(piece: Generator[Ask, Answer, PianoRoll], answer: Answer) -> Ask | PianoRoll:
    """What a piece asks next, or what has become of it."""
    try:
        return piece.send(answer)
    except StopIteration as end:
        return end.value
