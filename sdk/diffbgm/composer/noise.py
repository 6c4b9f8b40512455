"""The noise schedule: noise level t runs from 1 (noise) to 0 (music), x_t = a x_0 + s eps on a quarter of a circle.

a = cos(pi t / 2), s = sin(pi t / 2), so that a^2 + s^2 = 1 (variance preserving): the cosine schedule of Nichol &
Dhariwal 2021 (eq. 17) without its offset. t is continuous: training draws any, the sampler visits `noise_levels`.
"""

import math
from typing import overload

import numpy as np
import torch
from torch import Tensor

# Levels of the sampler, and the share of its steps when it reaches each. It starts from pure noise below 1, where there
# is no signal to divide by; at the last the network is evaluated once more.
LEVELS = (0.999, 0.5, 0.25)
SHARES = (0.0, 5 / 6, 1.0)


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
    """The levels that a sampler with `steps` evaluations visits: steps + 1 of them, falling.

    Five steps in six go to the upper half of the noise, where notes take their places: the validation losses in the
    model card fall there by 10 nats per sixteenth, below by 2. Steps of equal entropy instead of equal noise are what
    Dieleman et al. 2022 learn as time warping. From `LEVELS[-1]` the noise falls to 0 at once: below it hardly a cell
    is in doubt.
    """
    return [*np.interp(np.linspace(0, 1, steps), SHARES, LEVELS).tolist(), 0.0]
