"""Attention over beats: rotary positions, and the section mask of Diff-BGM's segment-aware cross-attention."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffbgm.composer.windowed import WindowLinear, WindowNorm

Turn = tuple[Tensor, Tensor]
"""Cosine and sine [L, D / 2] or [B, 1, L, D / 2] of the angles that positions are turned by."""


def turn_of(position: Tensor, width: int) -> Turn:
    """The angles of rotary embeddings of `width` at positions [B, L] or [L], in beats; made once for many layers."""
    half = width // 2
    rate = 256.0 ** (-torch.arange(half, device=position.device, dtype=torch.float32) / half)
    angle = position[..., None].float() * rate  # [(B,) L, half]
    if angle.ndim == 3:
        angle = angle[:, None]
    return angle.cos(), angle.sin()


def rotate(x: Tensor, turn: Turn) -> Tensor:
    """Rotary position embedding (Su et al. 2021) of x [B, H, L, D]."""
    cos, sin = (part.to(x.dtype) for part in turn)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def segment_mask(query_section: Tensor, key_section: Tensor) -> Tensor:
    """[B, Q, K] True where a query [B, Q] and a key [B, K] share a section; keys numbered -1 are seen by nobody."""
    return (query_section[:, :, None] == key_section[:, None, :]) & (key_section[:, None, :] >= 0)


class Attention(nn.Module):
    """Multi-head attention with key normalisation; queries from `width`, keys and values from `width`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = WindowLinear(width, width, bias=False)
        self.key_value = WindowLinear(width, 2 * width, bias=False)
        self.out = WindowLinear(width, width)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)

    def forward(
        self, x: Tensor, context: Tensor, x_turn: Turn, context_turn: Turn, bias: Tensor | None = None
    ) -> Tensor:
        """Attends from x [B, Q, d] to context [B, K, d]; `bias` [B, Q, K] is added to the scores (-inf hides a key)."""
        split = (self.heads, -1)
        q = self.query(x).unflatten(-1, split).transpose(1, 2)  # [B, H, Q, d/H]
        k, v = self.key_value(context).chunk(2, dim=-1)
        k, v = (part.unflatten(-1, split).transpose(1, 2) for part in (k, v))
        q, k = rotate(self.query_norm(q.float()), x_turn), rotate(self.key_norm(k.float()), context_turn)
        mask = None if bias is None else bias[:, None].to(q.dtype)
        h = F.scaled_dot_product_attention(q, k, v.to(q.dtype), attn_mask=mask)
        return self.out(h.transpose(1, 2).flatten(2))


class Recall(nn.Module):
    """Brings feature maps from other beats: attention whose weights come of the tokens, whose values are the maps.

    A phrase that comes back is a copy, note for note, which one token a beat is too narrow to carry; here the tokens
    only say which beat to look at. Each head starts with a liking for one lag (1, 2 or 4 bars, or a beat, both ways),
    and the whole starts at zero, so that it may be added to a trained network.
    """

    LAGS = (-4, 4, -8, 8, -16, 16, -1, 1)  # beats

    def __init__(self, width: int, channels: int, heads: int, beats: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * max(4, channels // heads)
        self.query_key = WindowLinear(width, 2 * heads * 32, bias=False)
        self.query_norm, self.key_norm = nn.RMSNorm(32), nn.RMSNorm(32)
        self.norm = WindowNorm(4, channels)
        self.value, self.out = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)
        lag = torch.zeros(heads, 2 * beats - 1)
        for head in range(heads):
            lag[head, beats - 1 + self.LAGS[head % len(self.LAGS)]] = 3.0
        self.lag = nn.Parameter(lag)

    def forward(self, h: Tensor, tokens: Tensor, at: Tensor) -> Tensor:
        """The maps h [B, C, T, P] with what other beats bring to them.

        T is a multiple of the L beats; tokens [B, L, d] lie at `at` [L], four to a bar of any metre. Both convolutions
        of one cell are products, the first with its rows as columns, so that the maps need not be moved about.
        """
        (batch, _, steps, pitches), beats = h.shape, len(at)
        weight, bias = of_one_cell(self.value, batch)
        v = torch.baddbmm(bias[:, None], weight, cells_of(self.norm(h)).transpose(1, 2))
        v = v.view(batch, self.heads, -1, beats, steps // beats * pitches)  # [B, H, C, L, s P]
        moved = (self.weights(tokens, at).to(v.dtype)[:, :, None] @ v).flatten(3).flatten(1, 2)  # [B, H C, T P]
        weight, bias = of_one_cell(self.out, batch)
        brought = torch.baddbmm(cells_of(h) + bias.to(h), moved.transpose(1, 2), weight.transpose(1, 2))
        return cast("Tensor", brought.unflatten(1, (steps, pitches))).permute(0, 3, 1, 2)  # channels last, as h is

    def weights(self, tokens: Tensor, at: Tensor) -> Tensor:
        """[B, H, L, L] how much each beat takes from every other; rows sum to 1."""
        q, k = self.query_key(tokens).unflatten(-1, (2 * self.heads, -1)).transpose(1, 2).chunk(2, dim=1)
        turn = turn_of(at, q.shape[-1])
        q, k = rotate(self.query_norm(q.float()), turn), rotate(self.key_norm(k.float()), turn)  # [B, H, L, 32]
        apart = (at[None, :] - at[:, None]).float().round().long()  # in quarters of a bar
        lag = self.lag[:, apart + self.lag.shape[1] // 2]  # [H, L, L]
        return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + lag).softmax(-1)


def cells_of(h: Tensor) -> Tensor:
    """[B, T P, C] the cells of maps [B, C, T, P]; a view where channels come last."""
    return h.permute(0, 2, 3, 1).flatten(1, 2)


def of_one_cell(convolution: nn.Conv2d, batch: int) -> tuple[Tensor, Tensor]:
    """Weight [batch, out, in] and bias [out] of a convolution that sees one cell at a time."""
    return convolution.weight.flatten(1).expand(batch, -1, -1), cast("Tensor", convolution.bias)
