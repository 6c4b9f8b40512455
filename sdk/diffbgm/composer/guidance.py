"""Guidance: how strictly the plan's streams are followed, and a pull towards the mode that a section asks for.

Classifier-free guidance (Ho & Salimans 2022) with a weight for each of the two condition streams of Diff-BGM (Li et al.
2024): the dynamic one (a token per beat) and the semantic one (a token per section).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from diffbgm.composer.condition import Condition
from diffbgm.options import Guidance
from diffbgm.roll import pull_to_mode
from diffbgm.types import STEPS_PER_BEAT, MusicPlan


def condition_variants(condition: Condition, guidance: Guidance) -> list[Condition]:
    """The conditions that guidance needs a prediction for.

    Returns:
        The full condition; unless both weights are 1, the one without any stream; and where the weights differ, the one
        without the semantic stream. So one, two or three evaluations of the network per window and step.
    """
    if guidance.dynamic == guidance.semantic == 1:
        return [condition]
    variants = [condition, condition.without(dynamic=True, semantic=True)]
    return variants if guidance.dynamic == guidance.semantic else [*variants, condition.without(semantic=True)]


def guide(guidance: Guidance, logits: Sequence[Tensor]) -> Tensor:
    """Logits with each stream's pull scaled: null + dynamic (dynamic only - null) + semantic (full - dynamic only).

    The likelihood of x_t is the same in all variants, so only the priors are moved. `Guidance.rescale` brings the
    result back to the mean and standard deviation over each window and kind of cell that it has without guidance (Lin
    et al. 2024, eq. 15-16, there for images).

    Args:
        guidance: The weights.
        logits: One tensor [..., T, 88] per condition of `condition_variants`, in its order.

    Returns:
        Guided logits [..., T, 88].
    """
    full = logits[0]
    if len(logits) == 1:
        return full
    null = logits[1]
    if len(logits) == 2:
        guided = null + guidance.semantic * (full - null)
    else:
        dynamic_only = logits[2]
        guided = null + guidance.dynamic * (dynamic_only - null) + guidance.semantic * (full - dynamic_only)
    if not guidance.rescale:
        return guided
    over = (-2, -1)  # steps and pitches
    ratio = full.std(over, keepdim=True) / guided.std(over, keepdim=True).clamp_min(1e-6)
    rescaled = full.mean(over, keepdim=True) + ratio * (guided - guided.mean(over, keepdim=True))
    return guided + guidance.rescale * (rescaled - guided)


class ModeTarget(NamedTuple):
    """The mode asked for: `steps` [n] indices of the steps that are weighed together, `major` or minor."""

    steps: Tensor
    major: bool


def mode_targets(plan: MusicPlan, device: torch.device) -> list[ModeTarget]:
    """What the sections of a plan ask for: at most one target for major and one for minor, each with all its steps."""
    targets: list[ModeTarget] = []
    for major in (True, False):
        steps = [
            torch.arange(s.start_beat * STEPS_PER_BEAT, s.end_beat * STEPS_PER_BEAT)
            for s in plan.sections
            if s.texture.mode is not None and s.texture.mode != 0.5 and (s.texture.mode > 0.5) == major
        ]
        if steps:
            targets.append(ModeTarget(torch.cat(steps).to(device), major))
    return targets


def guide_to_mode(logits: Tensor, targets: Sequence[ModeTarget], strength: float) -> Tensor:
    """Logits pulled towards the modes asked for, where the pitch classes expected there do not sound plainly like it.

    Music that is in its mode already is left alone; see `roll.pull_to_mode`.

    Args:
        logits: [4, T, 88] of music in C major or A minor.
        targets: See `ModeTarget`.
        strength: The most that is added to a logit, in nats; 0 leaves all as it is.

    Returns:
        Logits [4, T, 88].
    """
    if strength <= 0 or not targets:
        return logits
    guided = logits.clone()
    for steps, major in targets:
        expected = torch.sigmoid(logits[:, steps].float()).sum((0, 1)).cpu().numpy()  # [88] cells of each pitch
        guided[:, steps] += torch.as_tensor(strength * pull_to_mode(expected, major)).to(logits)
    return guided
