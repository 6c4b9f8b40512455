"""The windows of a long piece: where they lie at each step of the sampler, and how their predictions are averaged.

Overlapping windows that are denoised together and averaged after every evaluation are MultiDiffusion (Bar-Tal et al.
2023); here they move from step to step, so that no bar line is where windows meet for long.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from diffbgm.types import BEATS_PER_BAR, STEPS_PER_BEAT


def padded_beats(beats: int, window: int) -> int:
    """Beats of a piece with the silence that its last window may reach into."""
    return beats + window // 2 if beats > window else window


def window_starts(beats: int, window: int, turn: int = 0, bar: int = BEATS_PER_BAR) -> list[int]:
    """Where the windows of a piece begin at one step of the sampler.

    One lies at the start; the others move on by a bar with every step, and lie a bar less than a window apart; the last
    reaches up to half a window past the end, as in training.

    Args:
        beats: Of the piece.
        window: Beats of a window, a multiple of a bar.
        turn: Number of the step, from 0; the windows are most at 0.
        bar: Beats of a bar.

    Returns:
        First beats, rising.
    """
    room, stride = max(0, beats - window), max(bar, window - bar)
    if not room:
        return [0]
    first = bar + bar * turn % stride
    inner = range(first, room, stride)
    over = (inner[-1] + stride if inner else first) - room  # beats of the last window past the end
    return [0, *inner, room + (over if over <= window // 2 else over - window // 2)]


def average_windows(values: Tensor, starts: Sequence[int], length: int) -> Tensor:
    """Predictions of windows -> those of the piece: a mean with triangular weights, so that windows fade into another.

    Args:
        values: [W, C, t, 88] for W windows of t steps.
        starts: [W] first beats.
        length: Steps of the padded piece.

    Returns:
        [C, length, 88]; 0 where no window reaches.
    """
    width = values.shape[-2]
    ramp = torch.minimum(torch.arange(1, width + 1), torch.arange(width, 0, -1)).to(values)[:, None]
    total = values.new_zeros(values.shape[1], length, values.shape[-1])
    weight = values.new_zeros(length, 1)
    for value, start in zip(values, starts, strict=True):
        at = slice(start * STEPS_PER_BEAT, start * STEPS_PER_BEAT + width)
        total[:, at] += ramp * value
        weight[at] += ramp
    return total.div_(weight.clamp_(min=1))
