"""Two trained networks as one: the mean of their weights.

Weights of runs that began at one point lie in one basin, and their mean is often better than either (model soups,
Wortsman et al. 2022).
"""

import torch

from diffbgm.composer.denoiser import Denoiser
from diffbgm.errors import WeightsError
from diffbgm.research.training.widen import grown


@torch.no_grad()
def average(first: Denoiser, second: Denoiser, share: float = 0.5) -> Denoiser:
    """The network whose weights are `1 - share` of `first` and `share` of `second`.

    It lies between them or, with `share` below 0, away from the second (see `train_own`). Conditions that only the
    second was told of (genre, corpus, metre, harmony) are taken from it as they are.

    Raises:
        WeightsError: They differ in anything else, or the share lies outside -2..1.

    """
    if grown(first, second.config).config != second.config:
        raise WeightsError(f"the weights to average differ in shape: {first.config} and {second.config}")
    if not -2 <= share <= 1:
        raise WeightsError(f"the share of the second weights must lie between -2 and 1, got {share}")
    mean = Denoiser(second.config)
    own = first.state_dict()
    mean.load_state_dict(
        {name: torch.lerp(own[name], t, share) if name in own else t for name, t in second.state_dict().items()}
    )
    return mean.eval().requires_grad_(False)
