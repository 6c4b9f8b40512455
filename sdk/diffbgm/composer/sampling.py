"""The sampler: from noise to the logits of a piano roll, as plain functions of what the network predicts.

Cells are binary (x_0 = +-1). Each step predicts x_0, draws a roll from the prediction, and takes an ancestral step
towards it (DDPM, Ho et al. 2020; as DDIM with eta = 1, Song et al. 2021). Nothing here knows of plans or windows.
The cells of an hour take 35 MB: what is drawn is changed in place.
"""

import itertools
import math
from collections.abc import Callable, Generator
from typing import NamedTuple

import torch
from torch import Tensor

from diffbgm.composer.noise import signal_and_noise
from diffbgm.types import STEPS_PER_BAR

Denoise = Callable[[Tensor, float, Tensor | None], Tensor]
"""(x_t, noise level, last estimate of x_0 or None) -> logits of x_0 = +1, all of one shape."""
Noise = Callable[[], Tensor]
"""Fresh standard normal noise [..., T, P] at every call."""

SELF_CONDITIONING_FROM = 0.87  # the noise level from which on the network is shown its last estimate


class DenoiserInput(NamedTuple):
    """What the network is shown at one step.

    Attributes:
        x: x_t, [..., T, P].
        level: Its noise level.
        estimate: The last mean of x_0 in -1..1 (self-conditioning, Chen et al. 2023), or None.
    """

    x: Tensor
    level: float
    estimate: Tensor | None


def sampler(
    noise: Noise, levels: list[float], *, bar_correlation: float = 0.0, bar: int = STEPS_PER_BAR
) -> Generator[DenoiserInput, Tensor, Tensor]:
    """The sampler loop, for a caller who evaluates the network: yields its input, is sent the logits.

    A network that is shown its last estimate trusts it more at every step, and harmony grows plainer than in songs:
    above `SELF_CONDITIONING_FROM`, where harmony is settled, it is not shown.

    Args:
        noise: Standard normal noise of the shape of x; called for x_T, then for each draw and each step.
        levels: Noise levels, falling, as of `noise.noise_levels`; the network is evaluated at all but the last.
        bar_correlation: 0..1, see `draw_cells`.
        bar: Steps of a bar.

    Yields:
        What to show the network.

    Returns:
        The logits of x_0 at the last evaluation.
    """
    x, estimate = noise(), None
    for level, next_level in itertools.pairwise(levels):
        logits = yield DenoiserInput(x, level, estimate if level <= SELF_CONDITIONING_FROM else None)
        if next_level <= 0:
            return logits
        estimate = torch.tanh(logits / 2)
        x_0 = draw_cells(logits, noise, bar_correlation, bar)
        del logits
        x = ancestral_step(x, x_0, level, next_level, noise)
        del x_0
    return x


def sample(
    denoise: Denoise, noise: Noise, levels: list[float], *, bar_correlation: float = 0.0, bar: int = STEPS_PER_BAR
) -> Tensor:
    """The sampler loop with the network as a function; arguments and result as of `sampler`."""
    steps = sampler(noise, levels, bar_correlation=bar_correlation, bar=bar)
    try:
        shown = next(steps)
        while True:
            shown = steps.send(denoise(*shown))
    except StopIteration as end:
        return end.value


def ancestral_step(x: Tensor, x_0: Tensor, level: float, next_level: float, noise: Noise) -> Tensor:
    """A draw from q(x_next | x_t, x_0), the posterior of the forward process.

    DDPM (Ho et al. 2020, eq. 6-7); written as DDIM (Song et al. 2021, eq. 12) with eta = 1.

    Args:
        x: x_t at `level`.
        x_0: The roll to step towards, of the shape of `x`.
        level: Noise level of `x`.
        next_level: A lower one, above 0.
        noise: See `sampler`; called once.

    Returns:
        x at `next_level`.
    """
    a, s = signal_and_noise(level)
    b, r = signal_and_noise(next_level)
    sigma = (r / s) * math.sqrt(max(0.0, 1 - (a / b) ** 2))
    eps = (-a * x_0).add_(x).div_(s)
    mean = (b * x_0).add_(eps.mul_(math.sqrt(max(0.0, r * r - sigma * sigma))))
    del eps
    return (sigma * noise()).add_(mean)


def draw_cells(logits: Tensor, noise: Noise, bar_correlation: float = 0.0, bar: int = STEPS_PER_BAR) -> Tensor:
    """x_0 = +-1, each cell drawn with its predicted probability.

    q(x_s | x_t, x_0) is a Gaussian, q(x_s | x_t) is not: it spreads as x_0 is in doubt. A step towards the mean of x_0
    forgets that, and what is rare (a held note, a crossing voice) is lost a little at every step; a drawn x_0 keeps
    every cell's probability, whatever the length of the step.

    The network predicts single cells; in music whole bars go together. The uniforms that cells are drawn with are
    therefore correlated from bar to bar (a Gaussian copula): bars with like predictions become more alike, and each
    cell keeps its probability.

    Args:
        logits: [..., T, P] of x_0 = +1.
        noise: See `sampler`; called once, twice with a correlation.
        bar_correlation: 0..1, of the normal variates of a cell of every bar.
        bar: Steps of a bar.

    Returns:
        Cells of +1 and -1, of the shape of `logits`.
    """
    normals = noise()
    if bar_correlation > 0:
        normals = math.sqrt(1 - bar_correlation) * normals
        normals.add_(repeat_first_bar(noise(), bar).mul_(math.sqrt(bar_correlation)))
    uniforms = (normals / math.sqrt(2)).erf_().add_(1).mul_(0.5)
    return (uniforms < torch.sigmoid(logits)).to(logits).mul_(2).sub_(1)


def repeat_first_bar(x: Tensor, bar: int = STEPS_PER_BAR) -> Tensor:
    """[..., T, P] the first `bar` steps of `x` over and over."""
    return x[..., torch.arange(x.shape[-2], device=x.device) % bar, :]
