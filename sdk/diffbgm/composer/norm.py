"""Group norm whose rounding does not depend on how many windows share a batch."""

# The libraries are typed in part only.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import torch
from torch import Tensor, nn


class WindowNorm(nn.GroupNorm):
    """Group norm; on a CPU, where nothing is trained, of each window by itself.

    torch splits a batch among its threads. Where their number does not divide that of the windows, a border lies
    within a window, whose sums are then rounded otherwise than alone.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Maps [B, C, T, P] to its like."""
        if input.device.type != "cpu" or torch.is_grad_enabled() or len(input) == 1:
            return super().forward(input)
        return torch.cat([super(WindowNorm, self).forward(window) for window in input.split(1)])
