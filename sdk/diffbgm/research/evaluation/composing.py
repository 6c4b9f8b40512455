"""Many short pieces composed together: their windows share batches, and plans that ask the same are composed once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diffbgm.codec import to_json
from diffbgm.composer.continuous_batching import ComposeJob, compose_many
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, silent
from diffbgm.types import MusicPlan, PianoRoll

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

TOGETHER = 16  # windows in a batch: pieces of one or two windows alone would cost half as much again


def compose_together(
    model: "Denoiser",
    plans: Sequence[MusicPlan],
    seeds: Sequence[int],
    options: ComposeOptions,
    on_progress: Progress | None = None,
) -> list[PianoRoll]:
    """The roll of every plan in its own key, by the seed beside it (`options.seed` is not used)."""
    progress = on_progress or silent
    asked = [(seed, to_json(bare(plan))) for plan, seed in zip(plans, seeds, strict=True)]
    first = dict(reversed(list(zip(asked, plans, strict=True))))
    waiting = (ComposeJob(key, plan, replace(options, seed=key[0])) for key, plan in first.items())
    rolls: dict[tuple[int, str], PianoRoll] = {}
    batch_size = options.batch_size or TOGETHER
    made = compose_many(model, lambda wait: next(waiting, None), batch_size=batch_size, dtype=options.dtype)
    for key, roll in made:
        if isinstance(roll, Exception):
            raise roll
        rolls[key] = roll
        progress(len(rolls) / len(first), f"composed {len(rolls)} of {len(first)} pieces")
    return [rolls[key] for key in asked]


def bare(plan: MusicPlan) -> MusicPlan:
    """The plan without what the composer does not see."""
    return replace(plan, style=(), palette="", why=(), cuts=())
