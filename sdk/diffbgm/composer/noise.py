"""The noise schedule: noise level t runs from 1 (noise) to 0 (music), x_t = a x_0 + s eps on a quarter of a circle.

a = cos(pi t / 2), s = sin(pi t / 2), so that a^2 + s^2 = 1 (variance preserving): the cosine schedule of Nichol &
Dhariwal 2021 (eq. 17) without its offset. t is continuous: training draws any, the sampler visits `noise_levels`.
"""

import math
from typing import overload

import torch
from torch import Tensor

FIRST_LEVEL = 0.999  # where the sampler starts from pure noise: at 1 there is no signal to divide by
LAST_LEVEL = 0.25  # the last at which the network is evaluated


@overload
def signal_and_noise(t: float) -> tuple[float, float]: ...
@overload
def signal_and_noise(t: Tensor) -> tuple[Tensor, Tensor]: ...
def signal_and_noise(t: float | Tensor) -> tuple[float, float] | tuple[Tensor, Tensor]:
    """The factors a, s of x_t = a x_0 + s eps.

    Args:
        t: Noise level in 0..1; a number, or a tensor of any shape.

    Returns:
        a (of the signal) and s (of the noise), of the kind and shape of `t`.
    """
    if isinstance(t, Tensor):
        return torch.cos(t * (math.pi / 2)), torch.sin(t * (math.pi / 2))
    return math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)


def noise_levels(steps: int) -> list[float]:
    """The levels that a sampler with `steps` evaluations visits: steps + 1 of them.

    They fall evenly from `FIRST_LEVEL` to `LAST_LEVEL`, then to 0 at once: below `LAST_LEVEL` hardly a cell is in
    doubt, and the steps serve better where notes take their places.
    """
    fall = FIRST_LEVEL - LAST_LEVEL
    return [FIRST_LEVEL - fall * i / max(steps - 1, 1) for i in range(steps)] + [0.0]
