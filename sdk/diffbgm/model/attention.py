"""Attention over beats: rotary positions, and the segment mask of Diff-BGM's segment-aware cross-attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def rotate(x: Tensor, position: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021) of x [B, H, L, D] at positions [B, L] or [L], in beats."""
    half = x.shape[-1] // 2
    rate = 256.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = position[..., None].float() * rate  # [(B,) L, half]
    if angle.ndim == 3:
        angle = angle[:, None]
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def segment_mask(query_segment: Tensor, key_segment: Tensor) -> Tensor:
    """[B, Q, K] True where a query [B, Q] and a key [B, K] share a segment; keys numbered -1 are seen by nobody."""
    return (query_segment[:, :, None] == key_segment[:, None, :]) & (key_segment[:, None, :] >= 0)


class Attention(nn.Module):
    """Multi-head attention with key normalisation; queries from `width`, keys and values from `width`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)

    def forward(
        self, x: Tensor, context: Tensor, x_at: Tensor, context_at: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """x [B, Q, d] asks context [B, K, d]; `bias` [B, Q, K] is added to the scores (-inf hides a key)."""
        split = (self.heads, -1)
        q = self.query(x).unflatten(-1, split).transpose(1, 2)  # [B, H, Q, d/H]
        k, v = self.key_value(context).chunk(2, dim=-1)
        k, v = (part.unflatten(-1, split).transpose(1, 2) for part in (k, v))
        q, k = rotate(self.query_norm(q), x_at), rotate(self.key_norm(k), context_at)
        mask = None if bias is None else bias[:, None].to(q.dtype)
        h = F.scaled_dot_product_attention(q, k, v.to(q.dtype), attn_mask=mask)
        return self.out(h.transpose(1, 2).flatten(2))
