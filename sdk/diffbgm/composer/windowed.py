"""Layers that round a window alike however many windows share a batch.

On a CPU how sums are rounded depends on a batch's shape: torch splits a batch among its threads, and on some processors
products of more rows, or convolutions of few channels, take other paths. Where nothing is trained, these layers
therefore try each shape of batch once, on random numbers; where windows come out otherwise than alone, each is computed
by itself.
"""

import copy
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn

ROWS = 8  # of what has a row per window only, such as noise levels: they come in multiples of it

_tried: dict[Hashable, bool] = {}  # what `rounds_alike` found


class ByWindow(nn.Module):
    """A layer of one argument [B, ...] that sees windows together where this makes no difference, else one by one.

    Attributes:
        kind: What decides how it rounds, besides types and shapes; "" until it is first asked.
    """

    kind: str = ""

    def forward(self, input: Tensor) -> Tensor:
        """Maps [B, ...] to [B, ...]; what has a row per window only, `ROWS` rows at once."""
        size = ROWS if input.ndim == 2 else 1
        together = input.device.type != "cpu" or torch.is_grad_enabled()
        if together or len(input) <= size or rounds_alike(self, input, size):
            return super().forward(input)
        return apart(super().forward, input, size)


class WindowNorm(ByWindow, nn.GroupNorm):
    """Group norm."""


class WindowLinear(ByWindow, nn.Linear):
    """Linear layer."""


class WindowConv(ByWindow, nn.Conv2d):
    """Convolution."""


class WindowConvTranspose(ByWindow, nn.ConvTranspose2d):  # pyright: ignore[reportIncompatibleMethodOverride]
    """Transposed convolution; nobody asks it for an output size."""


def apart(forward: Callable[[Tensor], Tensor], batch: Tensor, size: int) -> Tensor:
    """What a layer makes of a batch [B, ...], `size` rows at a time."""
    return torch.cat([forward(part) for part in torch.split(batch, size)])


def rounds_alike(layer: ByWindow, batch: Tensor, size: int) -> bool:
    """Whether a layer on this processor rounds a batch of such shape as it rounds `size` rows at a time.

    Tried once for each shape, on random numbers with random weights: trained or not, zeros are rounded alike anywhere.
    """
    autocast = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    layer.kind = layer.kind or f"{type(layer).__name__}({layer.extra_repr()})"
    types = (batch.dtype, layer.weight.dtype, autocast)
    key = (layer.kind, types, batch.shape, batch.stride(), size, torch.get_num_threads())
    if key not in _tried:
        generator = torch.Generator().manual_seed(0)

        def draw(like: Tensor) -> Tensor:
            return torch.empty_like(like).normal_(generator=generator)

        drawn: Any = copy.deepcopy(layer)
        for name, parameter in layer.named_parameters():
            setattr(drawn, name, nn.Parameter(draw(parameter), requires_grad=False))
        whole: Any = super(ByWindow, drawn)
        forward, rows = whole.forward, draw(batch)
        _tried[key] = torch.equal(forward(rows), apart(forward, rows, size))
    return _tried[key]
