"""The denoiser of one window: x_t [B, 4, 128, 88] and the plan's tokens -> logits of x_0 and velocities.

A convolutional U-Net shares what it learns over all pitches and steps; its bottleneck is one token a beat, where a
transformer carries harmony, form and conditions. The network only learns the prior: for x_0 = +-1 and
x_t = a x_0 + s eps the posterior logit is `prior + 2 a x_t / s^2`, and the second term is added in closed form.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffbgm.composer.attention import Attention, Recall, Turn, segment_mask, turn_of
from diffbgm.composer.condition import DYNAMIC_WIDTH, SEMANTIC_WIDTH, TOKENS, Condition
from diffbgm.composer.config import Config
from diffbgm.composer.embeddings import Harmony, Metre, Names
from diffbgm.composer.noise import signal_and_noise
from diffbgm.composer.windowed import ROWS, WindowConv, WindowConvTranspose, WindowLinear, WindowNorm
from diffbgm.types import BEATS_PER_BAR, PITCHES, STEPS_PER_BAR

PADDED = 96  # pitches inside the network, so that they halve three times
LIKELIHOOD_LIMIT = 60.0  # ceiling of 2 a / s^2, where the noise vanishes
VOICES = 2


@dataclass(frozen=True)
class Estimate:
    """What the network believes of x_0: `logits` [B, 4, T, 88] of the cell being 1, `velocity` [B, 2, T, 88] 0..1."""

    logits: Tensor
    velocity: Tensor


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions around a residual path, scaled and shifted by the noise level."""

    def __init__(self, channels: int, noise_width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = WindowNorm(4, channels), WindowNorm(4, channels)
        self.conv1 = WindowConv(channels, channels, 3, padding=1)
        self.conv2 = WindowConv(channels, channels, 3, padding=1)
        self.noise = WindowLinear(noise_width, 2 * channels)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Maps x [B, C, T, P] to maps of the same shape; `noise` [B or more, n] is the embedding of the noise level."""
        scale, shift = self.noise(noise)[: len(x), :, None, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(torch.addcmul(shift.to(h), self.norm2(h), 1 + scale.to(h))))
        return x + h


class BeatBlock(nn.Module):
    """Self-attention over beats, segment-aware cross-attention to the plan, and an MLP, steered by the noise level."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.width
        self.self_attention = Attention(d, config.heads)
        self.cross_attention = Attention(d, config.heads)
        self.mlp = nn.Sequential(WindowLinear(d, 4 * d), nn.GELU(approximate="tanh"), WindowLinear(4 * d, d))
        self.dropout = nn.Dropout(0.0)  # of what is added to the beats; training sets how much
        self.modulation = WindowLinear(config.noise_width, 9 * d)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        for i in (2, 5, 8):  # the residual gates start half open, so that gradients flow from the first step
            nn.init.constant_(self.modulation.bias[i * d : (i + 1) * d], 0.5)

    def forward(self, h: Tensor, noise: Tensor, plan: Tensor, turn: Turn, plan_turn: Turn, bias: Tensor) -> Tensor:
        """Maps beats h [B, L, d] to [B, L, d]; plan [B, K, d]; where both lie as turns; bias [B, L, K]."""
        m = self.modulation(noise)[: len(h), None].chunk(9, dim=-1)
        x = normed(h, m[0], m[1])
        h = h + m[2] * self.dropout(self.self_attention(x, x, turn, turn))
        h = h + m[5] * self.dropout(self.cross_attention(normed(h, m[3], m[4]), plan, turn, plan_turn, bias))
        return h + m[8] * self.dropout(self.mlp(normed(h, m[6], m[7])))


def normed(h: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Layer norm of h [..., d] over d, then times 1 + `scale` and plus `shift`, which broadcast to h."""
    return F.layer_norm(h, h.shape[-1:]) * (1 + scale) + shift


class Denoiser(nn.Module):
    """See the module. `Denoiser(config)` is everything needed to rebuild it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        c, d, n = config.channels, config.width, config.noise_width
        self.beats = config.bars * BEATS_PER_BAR
        self.noise_embedding = nn.Sequential(WindowLinear(n, n), nn.SiLU(), WindowLinear(n, n), nn.SiLU())
        self.stem = WindowConv(8, c[0], (3, 5), padding=(1, 2))  # x_t and the last estimate of x_0
        self.pitch_embedding = nn.Parameter(torch.randn(1, c[0], 1, PADDED) * 0.1)
        self.step_embedding = nn.Parameter(torch.randn(1, c[0], STEPS_PER_BAR, 1) * 0.1)
        self.encoder = nn.ModuleList(ConvBlock(width, n) for width in c)
        strides = ((2, 2), (2, 2), (1, 2))
        pairs = list(zip(c[:-1], c[1:], strides, strict=True))
        self.down = nn.ModuleList(WindowConv(a, b, s, stride=s) for a, b, s in pairs)
        self.up = nn.ModuleList(WindowConvTranspose(b, a, s, stride=s) for a, b, s in reversed(pairs))
        self.decoder = nn.ModuleList(ConvBlock(a, n) for a, _, _ in reversed(pairs))
        flat = c[3] * PADDED // 8
        self.to_beats, self.from_beats = WindowLinear(flat, d), WindowLinear(d, flat)
        self.beat_embedding = nn.Parameter(torch.randn(self.beats, d) * 0.02)
        self.dynamic = nn.Sequential(WindowLinear(DYNAMIC_WIDTH, d), nn.SiLU(), WindowLinear(d, d))
        self.semantic = nn.Sequential(
            WindowLinear(SEMANTIC_WIDTH + config.clip_width, d), nn.SiLU(), WindowLinear(d, d)
        )
        self.null = nn.Parameter(torch.randn(1, 1, d) * 0.02)  # always visible to every beat
        self.no_stream = nn.Parameter(torch.zeros(2, d))  # what a beat is told of a stream that was dropped
        self.selector = WindowLinear(n, 2 * (config.depth + 1))
        nn.init.zeros_(self.selector.weight)
        nn.init.constant_(self.selector.bias, 2.0)
        self.blocks = nn.ModuleList(BeatBlock(config) for _ in range(config.depth))
        self.recall = nn.ModuleList(Recall(d, a, config.recall, self.beats) for a in c[1::-1] if config.recall)
        self.names = nn.ModuleDict(
            {
                kind: Names(len(known), n, d)
                for kind, known in zip(TOKENS, (config.genres, config.corpora, config.metres), strict=True)
                if known
            }
        )
        self.metre = Metre(config.metres, c[0], d) if config.metres else None
        self.harmony = Harmony(c[0], d) if config.harmony else None
        self.head_norm = WindowNorm(4, c[0])
        self.head = WindowConv(c[0], 4 + VOICES, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        marginals = torch.tensor([-4.0] * 4 + [0.0] * VOICES)  # of a sparse roll, to start with
        self.head.bias = nn.Parameter(marginals)

    def forward(self, x: Tensor, t: Tensor, condition: Condition, estimate: Tensor | None = None) -> Estimate:
        """Estimates x_0 from x [B, 4, T, 88] at noise t [B].

        `estimate` [B, 4, T, 88] is the last mean of x_0 in -1..1 (self-conditioning), or None.
        """
        fill = -len(t) % ROWS
        noise = self.noise_embedding(noise_features(F.pad(t, (0, fill)), self.config.noise_width))  # [B or more, n]
        for kind, names in self.names.items():
            noise = noise + F.pad(names(getattr(condition, kind))[0].to(noise), (0, 0, 0, fill))
        h = torch.cat([x, torch.zeros_like(x) if estimate is None else estimate], dim=1)
        h = F.pad(h, (0, PADDED - PITCHES)).contiguous(memory_format=torch.channels_last)
        # In the precision of autocast, which the maps keep: they are large, and moving them costs most.
        h = self.stem(h)
        h = h + self.place(h.shape[2], condition).to(h)
        if self.harmony is not None and (self.training or condition.harmony.any()):
            h = h + self.harmony.by_pitch(condition.harmony, PADDED).to(h)
        skips: list[Tensor] = []
        for block, down in zip(self.encoder, self.down, strict=False):
            h = block(h, noise)
            skips.append(h)
            h = down(h)
        h = self.encoder[-1](h, noise)
        tokens = self.through_beats(h, t, noise, condition)  # [B, L, d]
        h = h + self.from_beats(tokens).unflatten(-1, (h.shape[1], h.shape[3])).transpose(1, 2)
        at = self.places(tokens.shape[1], h.device)
        recall = [None] * (len(self.up) - len(self.recall)) + list(self.recall)
        for block, up, bring in zip(self.decoder, self.up, recall, strict=True):
            h = up(h) + skips.pop()
            if bring is not None:
                h = bring(h, tokens, at)
            h = block(h, noise)
        out = self.head(F.silu(self.head_norm(h)))[..., :PITCHES].float()
        a, s = signal_and_noise(t.float())
        likelihood = (2 * a / s.square().clamp_min(1e-12)).clamp_max(LIKELIHOOD_LIMIT)
        logits = out[:, :4] + likelihood[:, None, None, None] * x.float()
        return Estimate(logits, out[:, 4:].sigmoid())

    def place(self, steps: int, condition: Condition) -> Tensor:
        """[1 or B, C, steps, PADDED] embeddings of where each cell lies: its pitch and its place in the bar."""
        length = steps // self.config.bars
        if self.metre is None:
            in_bar = self.step_embedding[:, :, :length]
        else:
            in_bar = self.metre.steps(self.step_embedding, condition.metre, length)
        return self.pitch_embedding + in_bar.repeat(1, 1, steps // in_bar.shape[2], 1)

    def places(self, beats: int, device: torch.device) -> Tensor:
        """[L] where beats lie, four to a bar whatever the metre, so that a bar is always as far away."""
        at = torch.arange(beats, device=device)
        return at if beats == self.beats else at * (self.beats / beats)

    def through_beats(self, h: Tensor, t: Tensor, noise: Tensor, condition: Condition) -> Tensor:
        """The bottleneck [B, C, L, 12] through the beat transformer: [B, L, d]."""
        batch, _, beats, _ = h.shape
        tokens = self.to_beats(h.transpose(1, 2).flatten(2))  # [B, L, d]
        length = beats // self.config.bars
        if self.metre is None:
            tokens = tokens + torch.unflatten(self.beat_embedding, 0, (-1, BEATS_PER_BAR))[:, :length].flatten(0, 1)
        else:
            tokens = tokens + self.metre.beats(self.beat_embedding, condition.metre, length)
        for kind, names in self.names.items():
            tokens = tokens + names(getattr(condition, kind))[1].to(tokens)
        if self.harmony is not None:
            tokens = tokens + self.harmony.by_beat(condition.harmony).to(tokens)
        dynamic, semantic = self.dynamic(condition.dynamic), self.semantic(condition.semantic)
        plan = torch.cat([dynamic, semantic, self.null.expand(batch, -1, -1).to(dynamic.dtype)], dim=1)
        at = self.places(beats, h.device)
        section_at = condition.section_at * (self.beats / beats)
        plan_at = torch.cat([at.expand(batch, -1), section_at, section_at.new_zeros(batch, 1)], 1)
        head = self.config.width // self.config.heads
        turn, plan_turn = turn_of(at, head), turn_of(plan_at, head)
        visible = self.visible(condition)  # [B, L, K - 1]
        gates = self.gates(t, noise)  # [B, depth + 1, 2] log of 0..1
        per_key = (beats, semantic.shape[1])
        spread = torch.cat([gates[..., i : i + 1].expand(-1, -1, n) for i, n in enumerate(per_key)], dim=-1)
        hidden = torch.zeros_like(visible, dtype=torch.float32).masked_fill(~visible, -torch.inf)

        own = condition.section.clamp_min(0)[..., None].expand(-1, -1, semantic.shape[-1])
        for stream, (told, keep) in enumerate(
            ((dynamic, condition.has_dynamic), (semantic.gather(1, own), condition.has_semantic))
        ):
            missing = self.no_stream[stream].to(told.dtype)
            gate = gates[:, -1, stream].exp()[:, None, None].to(told.dtype)
            tokens = tokens + torch.where(keep[:, None, None], gate * told + (1 - gate) * missing, missing)
        for i, block in enumerate(self.blocks):
            bias = F.pad(hidden + spread[:, i, None], (0, 1))  # the null token is never hidden
            tokens = block(tokens, noise, plan, turn, plan_turn, bias)
        return tokens

    def visible(self, condition: Condition) -> Tensor:
        """[B, L, L + S] which dynamic and semantic tokens each beat may see."""
        section = condition.section  # [B, L]
        count = condition.semantic.shape[1]
        numbers = torch.arange(count, device=section.device).expand(len(section), -1)
        keys = torch.cat([section, torch.where(numbers <= section.max(1, keepdim=True).values, numbers, -1)], dim=1)
        if self.config.segment_mask:
            mask = segment_mask(section, keys)
        else:
            mask = (keys >= 0)[:, None].expand(-1, section.shape[1], -1)
        beats = section.shape[1]
        kept = [condition.has_dynamic[:, None].expand(-1, beats), condition.has_semantic[:, None].expand(-1, count)]
        return mask & torch.cat(kept, dim=1)[:, None]

    def gates(self, t: Tensor, noise: Tensor) -> Tensor:
        """[B, depth + 1, 2] log of how far each stream (dynamic, semantic) is let in; the last row is the input's."""
        if self.config.selector == "paper":
            semantic = (t > 0.2).float()
            gate = torch.stack([1 - semantic, semantic], dim=-1).log().clamp_min(-1e4)
            return gate[:, None].expand(-1, self.config.depth + 1, -1)
        return torch.unflatten(F.logsigmoid(self.selector(noise)[: len(t)].float()), -1, (-1, 2))


def noise_features(t: Tensor, width: int) -> Tensor:
    """[B, width] sines and cosines of the noise level at geometrically spaced rates."""
    rate = torch.exp(torch.linspace(0, math.log(200.0), width // 2, device=t.device))
    angle = t.float()[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
