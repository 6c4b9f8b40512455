"""Trained networks as one: the mean of their weights.

Weights of runs that began at one point lie in one basin, and their mean is often better than either (model soups,
Wortsman et al. 2022). What training on something changed can be added in any share, or taken away (task arithmetic,
Ilharco et al. 2023).
"""

from collections.abc import Sequence

import torch

from diffbgm.composer.denoiser import Denoiser
from diffbgm.errors import WeightsError
from diffbgm.research.training.widen import grown


@torch.no_grad()
def average(first: Denoiser, others: Sequence[Denoiser], shares: Sequence[float]) -> Denoiser:
    """The network whose weights are those of `first` plus `shares` of what parts each of `others` from it.

    With one other it lies between the two or, with a share below 0, away from the other (see `own_music`). Conditions
    that only the others were told of (genre, corpus, metre, harmony) are taken from the first of them as they are.

    Raises:
        WeightsError: They differ in anything else, there is no other, or not a share within -2..1 for each.

    """
    if not others or len(shares) != len(others):
        raise WeightsError(
            f"{len(others)} weights beside the first and {len(shares)} shares of them; give two weights or more, and "
            "with --share a number for each but the first"
        )
    config = others[0].config
    if any(other.config != config for other in others) or grown(first, config).config != config:
        raise WeightsError(f"the weights to average differ in shape: {[n.config for n in (first, *others)]}")
    if not all(-2 <= share <= 1 for share in shares):
        raise WeightsError(f"the shares of the other weights must lie between -2 and 1, got {list(shares)}")
    mean, own = Denoiser(config), first.state_dict()
    states = [other.state_dict() for other in others]
    mean.load_state_dict({name: moved(own.get(name), [s[name] for s in states], shares) for name in states[0]})
    return mean.eval().requires_grad_(False)


def moved(start: torch.Tensor | None, ends: Sequence[torch.Tensor], shares: Sequence[float]) -> torch.Tensor:
    """`start` moved by shares of the way to each of `ends`; the first of these where there is no start."""
    if start is None:
        return ends[0]
    return start + sum(
        (share * (end - start) for end, share in zip(ends, shares, strict=True)), torch.zeros_like(start)
    )
