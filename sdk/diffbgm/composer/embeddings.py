"""What the network may be told besides the two streams: names (genre, corpus, metre), the metre's bars, the harmony.

All of it begins at zero and is zero where it is unknown, so that it may be added to a trained network, and a network
that is told nothing of it answers as if it were not there.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffbgm.composer.condition import HARMONY_WIDTH
from diffbgm.composer.windowed import WindowLinear
from diffbgm.types import BEATS_PER_BAR, LOWEST_PITCH, STEPS_PER_BAR, STEPS_PER_BEAT

CHORD = slice(HARMONY_WIDTH - 25, HARMONY_WIDTH - 13)
BASS = slice(HARMONY_WIDTH - 13, HARMONY_WIDTH - 1)


class Names(nn.Module):
    """One name of `count`, to the noise embedding (so to every block) and to every beat; 0 is unknown and adds 0."""

    def __init__(self, count: int, noise_width: int, width: int) -> None:
        super().__init__()
        self.to_noise = zero_table(count, noise_width)
        self.to_beats = zero_table(count, width)

    def forward(self, number: Tensor) -> tuple[Tensor, Tensor]:
        """What the name of `number` [B] adds to the noise embedding [B, n] and to every beat [B, 1, d]."""
        return self.to_noise(number), self.to_beats(number)[:, None]


class Metre(nn.Module):
    """Places in the bar by metre: those of 4/4, and what each metre adds to them.

    A bar of twelve sixteenths takes the places of a bar of sixteen that sound alike: in 3/4 the first three beats, in
    6/8 the first and second half, six sixteenths each.
    """

    LIKE: ClassVar = {"3/4": tuple(range(12)), "6/8": (*range(6), *range(8, 14))}

    def __init__(self, metres: tuple[str, ...], channels: int, width: int) -> None:
        super().__init__()
        self.channels, self.width = channels, width
        self.in_steps = zero_table(len(metres), STEPS_PER_BAR * channels)
        self.in_beats = zero_table(len(metres), BEATS_PER_BAR * width)
        self.like = [self.LIKE.get(metre, self.LIKE["3/4"]) for metre in ("", *metres)]  # by the metre's number

    def steps(self, common: Tensor, metre: Tensor, length: int) -> Tensor:
        """[B, C, length, 1] embeddings of the places in a bar of `length` sixteenths.

        `common` [1, C, 16, 1] holds those of 4/4; `metre` [B] is the metre's number, 0 if unknown.
        """
        added = self.in_steps(metre).unflatten(1, (self.channels, STEPS_PER_BAR))[..., :length, None]
        if length == STEPS_PER_BAR:
            return common + added
        like = torch.tensor(self.like, device=metre.device)[metre, :length]
        like = like[:, None, :, None].expand(-1, self.channels, -1, -1)
        return common.expand(len(metre), -1, -1, -1).gather(2, like) + added

    def beats(self, common: Tensor, metre: Tensor, length: int) -> Tensor:
        """[B, L, d] embeddings of the beats of bars of `length` beats; `common` [L of 4/4, d] is 4/4's."""
        bars = torch.unflatten(common, 0, (-1, BEATS_PER_BAR))[:, :length]  # [bars, length, d]
        added = self.in_beats(metre).unflatten(1, (BEATS_PER_BAR, self.width))[:, None, :length]  # [B, 1, length, d]
        return (bars + added).flatten(1, 2)


class Harmony(nn.Module):
    """Chords, scale share and harshness (`condition.harmony_tokens`) to the beats, and chords to the pitches they name.

    Without biases: what is all zeros adds nothing.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.by_beat = nn.Sequential(
            WindowLinear(HARMONY_WIDTH, width, bias=False), nn.SiLU(), WindowLinear(width, width, bias=False)
        )
        self.pitch = WindowLinear(3, channels, bias=False)
        for layer in (self.by_beat[2], self.pitch):
            nn.init.zeros_(layer.weight)  # pyright: ignore[reportArgumentType]

    def by_pitch(self, harmony: Tensor, pitches: int) -> Tensor:
        """[B, C, T, pitches] what the chords in `harmony` [B, L, HARMONY_WIDTH] add to the maps.

        It is learned from three flags per pitch: it is in the chord, it is the bass, there is a chord.
        """
        classes = (torch.arange(pitches, device=harmony.device) + LOWEST_PITCH) % 12
        known = harmony[..., -1:].expand(-1, -1, pitches)
        told = torch.stack([harmony[..., CHORD][..., classes], harmony[..., BASS][..., classes], known], dim=-1)
        return F.silu(self.pitch(told)).permute(0, 3, 1, 2).repeat_interleave(STEPS_PER_BEAT, dim=2)


def zero_table(count: int, width: int) -> nn.Embedding:
    """[count + 1, width] zeros; row 0, the unknown, stays so."""
    table = nn.Embedding(count + 1, width, padding_idx=0)
    nn.init.zeros_(table.weight)
    return table
