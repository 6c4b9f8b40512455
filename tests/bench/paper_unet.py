"""A U-Net of the size that Diff-BGM (Li et al., CVPR 2024) published, with random weights, to measure what it costs.

Built from its hyperparameters alone: rolls [2, 128, 128] of onsets and sustains, 64 channels, multipliers 1, 2, 4, 4,
two residual blocks a level, transformers with self- and cross-attention at levels 2 and 3 of 4 heads over conditions of
width 512, in the usual arrangement of latent diffusion (Rombach et al., CVPR 2022). 1000 steps, two evaluations each.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEPS, EVALUATIONS = 1000, 2
CHANNELS, MULTIPLIERS, BLOCKS, ATTENDED, HEADS, CONDITION = 64, (1, 2, 4, 4), 2, (2, 3), 4, 512
SHAPE = (2, 128, 128)  # of one window of eight bars
TOKENS = 8  # of the condition: one a bar


class Residual(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, inside), nn.GroupNorm(32, outside)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.time = nn.Linear(4 * CHANNELS, outside)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor, time: Tensor, told: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Attend(nn.Module):
    def __init__(self, width: int, other: int) -> None:
        super().__init__()
        self.q = nn.Linear(width, width, bias=False)
        self.k, self.v = nn.Linear(other, width, bias=False), nn.Linear(other, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        q, k, v = (m.unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.q(x), self.k(y), self.v(y)))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, width)
        self.inside, self.outside = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own, self.cross = Attend(width, width), Attend(width, CONDITION)
        self.up, self.down = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, time: Tensor, told: Tensor) -> Tensor:
        h = self.inside(self.norm(x)).flatten(2).transpose(1, 2)
        y = self.norms[0](h)
        h = h + self.own(y, y)
        h = h + self.cross(self.norms[1](h), told)
        value, gate = self.up(self.norms[2](h)).chunk(2, -1)
        h = h + self.down(value * F.gelu(gate))
        return x + self.outside(h.transpose(1, 2).unflatten(2, x.shape[2:]))


class Down(nn.Conv2d):
    def forward(self, x: Tensor, time: Tensor, told: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class Up(nn.Conv2d):
    def forward(self, x: Tensor, time: Tensor, told: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(F.interpolate(x, scale_factor=2.0))


class PaperUNet(nn.Module):
    """x [B, 2, 128, 128], t [B], conditions [B, TOKENS, 512] -> noise [B, 2, 128, 128]."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(CHANNELS, 4 * CHANNELS), nn.SiLU(), nn.Linear(4 * CHANNELS, 4 * CHANNELS))
        self.stem = nn.Conv2d(SHAPE[0], CHANNELS, 3, padding=1)
        width, widths = CHANNELS, [CHANNELS]
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level, multiplier in enumerate(MULTIPLIERS):
            for _ in range(BLOCKS):
                layers: list[nn.Module] = [Residual(width, CHANNELS * multiplier)]
                width = CHANNELS * multiplier
                layers += [Transformer(width)] if level in ATTENDED else []
                self.encoder.append(nn.ModuleList(layers))
                widths.append(width)
            if level < len(MULTIPLIERS) - 1:
                self.encoder.append(nn.ModuleList([Down(width, width, 3, stride=2, padding=1)]))
                widths.append(width)
        self.middle = nn.ModuleList([Residual(width, width), Transformer(width), Residual(width, width)])
        for level, multiplier in reversed(list(enumerate(MULTIPLIERS))):
            for block in range(BLOCKS + 1):
                layers = [Residual(width + widths.pop(), CHANNELS * multiplier)]
                width = CHANNELS * multiplier
                layers += [Transformer(width)] if level in ATTENDED else []
                layers += [Up(width, width, 3, padding=1)] if level and block == BLOCKS else []
                self.decoder.append(nn.ModuleList(layers))
        self.norm, self.head = nn.GroupNorm(32, width), nn.Conv2d(width, SHAPE[0], 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, told: Tensor) -> Tensor:
        rate = torch.exp(-math.log(10_000) * torch.arange(CHANNELS // 2) / (CHANNELS // 2))
        angle = t.float()[:, None] * rate
        time = self.time(torch.cat([angle.cos(), angle.sin()], -1))
        h = self.stem(x)
        skips = [h]
        for layers in self.encoder:
            for layer in layers:  # type: ignore[attr-defined]
                h = layer(h, time, told)
            skips.append(h)
        for layer in self.middle:
            h = layer(h, time, told)
        for layers in self.decoder:
            h = torch.cat([h, skips.pop()], 1)
            for layer in layers:  # type: ignore[attr-defined]
                h = layer(h, time, told)
        return self.head(F.silu(self.norm(h)))
