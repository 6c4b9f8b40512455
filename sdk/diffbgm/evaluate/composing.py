"""Many short pieces composed together: their windows share the batches, and plans that ask the same are composed once.

The pieces are laid end to end as one long roll whose windows, noise and ties keep inside each piece.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.codec import to_json
from diffbgm.compose import (
    ComposeOptions,
    condition_of,
    denoise_windows,
    finish,
    mode_wishes,
    shared_steps,
    tie,
    window_starts,
)
from diffbgm.sampling import lean, noise_levels, sample
from diffbgm.types import PITCHES, STEPS_PER_BEAT, MusicPlan, PianoRoll

if TYPE_CHECKING:
    from torch import Tensor

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

    from diffbgm.device import make_accelerator
    from diffbgm.model.condition import Condition

    device = next(model.parameters()).device
    accelerator = make_accelerator(device.type)
    each = [window_starts(plan.beats, model.beats) for plan in plans]
    lengths = [(starts[-1] + model.beats) * STEPS_PER_BEAT for starts in each]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    starts = [int(o) // STEPS_PER_BEAT + s for o, mine in zip(offsets[:-1], each, strict=True) for s in mine]
    conditions = [condition_of(plan, mine, model) for plan, mine in zip(plans, each, strict=True)]
    condition = Condition(*(torch.cat([getattr(c, f.name) for c in conditions]) for f in fields(Condition))).to(device)
    source = np.concatenate(
        [o + shared_steps(plan, n) for o, plan, n in zip(offsets[:-1], plans, lengths, strict=True)]
    )
    source = torch.from_numpy(source).to(device)
    wishes = [wish for o, plan in zip(offsets[:-1], plans, strict=True) for wish in mode_wishes(plan, device, int(o))]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    velocity = torch.zeros(2, int(offsets[-1]), PITCHES, device=device)

    def noise() -> "Tensor":
        drawn = [torch.randn(4, n, PITCHES, generator=g) for n, g in zip(lengths, generators, strict=True)]
        return torch.cat(drawn, dim=1).to(device)[:, source]

    def denoise(x: "Tensor", level: float, estimate: "Tensor | None") -> "Tensor":
        logits, loud = denoise_windows(model, condition, starts, x, level, estimate, options, accelerator)
        velocity.copy_(loud)
        return lean(tie(logits, source, options.tie), wishes, options.lean)

    with torch.inference_mode():
        logits = sample(denoise, noise, noise_levels(options.steps), eta=options.eta)
        cells = (logits > 0).to(torch.uint8).cpu().numpy()
        loud = velocity.float().cpu().numpy()
    spans = [slice(int(o), int(o) + plan.beats * STEPS_PER_BEAT) for o, plan in zip(offsets[:-1], plans, strict=True)]
    return [finish(cells[:, span], loud[:, span], plan) for span, plan in zip(spans, plans, strict=True)]
