"""Layers that round a window alike however many windows share a batch.

On a CPU how sums are rounded depends on a batch's shape: torch splits a batch among its threads, and matrix products of
more rows are blocked otherwise, on some processors. Where nothing is trained, these layers therefore see each window by
itself there.
"""

import torch
from torch import Tensor, nn

LONG = 512  # terms of a sum; in bfloat16 shorter ones are rounded alike in products of any number of rows
ROWS = 8  # of what has a row per window only, such as noise levels: they come in multiples of it


class WindowNorm(nn.GroupNorm):
    """Group norm of each window by itself."""

    def forward(self, input: Tensor) -> Tensor:
        """Maps [B, C, T, P] to its like."""
        if _together(input):
            return super().forward(input)
        return torch.cat([super(WindowNorm, self).forward(window) for window in torch.split(input, 1)])


class WindowLinear(nn.Linear):
    """Linear layer of each window by itself; of what has a row per window, of `ROWS` windows at once."""

    def forward(self, input: Tensor) -> Tensor:
        """Maps [B, ..., in] to [B, ..., out]."""
        size = ROWS if input.ndim == 2 else 1
        rounds_alike = self.in_features < LONG and torch.is_autocast_enabled("cpu")
        if _together(input) or len(input) <= size or rounds_alike:
            return super().forward(input)
        return torch.cat([super(WindowLinear, self).forward(window) for window in torch.split(input, size)])


def _together(input: Tensor) -> bool:
    """Whether a layer sees all windows at once."""
    return input.device.type != "cpu" or torch.is_grad_enabled() or len(input) == 1
