"""Guidance by the plan's curves: every bar is pulled to as many onsets, and as many sounding keys, as are asked of it.

The network is told the curves and follows them, but what it draws scatters about them, so that the bars of a piece
change more than songs do. Where the cells that it expects in a bar are too many or too few, all their logits move by
the logarithm of the ratio, which is what brings an expected count of rare events to another. No evaluation is added.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from diffbgm.types import STEPS_PER_BEAT, Curves

MOST = 1.0  # the most that is added to a logit, in nats, for a strength of 1
SUSTAINED = 1.5  # times the logarithm is added where keys go on sounding: they depend on one another
FEWEST = 0.5  # cells that are added to both sides of a ratio: a bar where hardly anything is asked is not silenced


class CurveTargets(NamedTuple):
    """What is asked of every bar; NaN where nothing is.

    Attributes:
        melody: [..., bars] onsets of the melody.
        accompaniment: [..., bars] onsets of the accompaniment.
        sounding: [..., bars] keys that sound, summed over the steps of the bar.
        steps: Of a bar.
    """

    melody: Tensor
    accompaniment: Tensor
    sounding: Tensor
    steps: int


def curve_targets(curves: Curves, beats_per_bar: int, length: int, device: torch.device) -> CurveTargets:
    """What a plan's curves [B] ask of the bars of a piece that is padded to `length` steps."""
    steps = beats_per_bar * STEPS_PER_BEAT

    def by_bar(name: str) -> Tensor:
        beats = torch.full((-(-length // steps) * beats_per_bar,), torch.nan)
        values = torch.tensor(getattr(curves, name))
        beats[: len(values)] = values
        return torch.nanmean(torch.unflatten(beats, 0, (-1, beats_per_bar)), 1).to(device)

    return targets_of(by_bar("density"), by_bar("melody"), by_bar("polyphony"), beats_per_bar)


def targets_of(density: Tensor, melody: Tensor, polyphony: Tensor, beats_per_bar: int) -> CurveTargets:
    """The targets for curves [..., bars] in the units of `types.Curves`."""
    steps = beats_per_bar * STEPS_PER_BEAT
    return CurveTargets(
        melody.clamp_min(0) * beats_per_bar, (density - melody).clamp_min(0) * beats_per_bar, polyphony * steps, steps
    )


def guide_to_curves(logits: Tensor, targets: CurveTargets, strength: float) -> Tensor:
    """Logits with those of every bar moved towards what is asked of it.

    Args:
        logits: [..., 4, T, 88].
        targets: Of the same bars; the last may reach past T.
        strength: 0 leaves all as it is; 1 moves by the whole ratio, by `MOST` nats at most.

    Returns:
        Logits of the same shape.
    """
    if strength <= 0:
        return logits
    length = logits.shape[-2]
    cells = torch.nn.functional.pad(torch.sigmoid(logits.float()).sum(-1), (0, -length % targets.steps))
    heard = torch.unflatten(cells, -1, (-1, targets.steps)).sum(-1)  # [..., 4, bars]
    melody, melody_on, accompaniment, accompaniment_on = torch.unbind(heard, -2)
    first = _nats(targets.melody, melody)
    second = _nats(targets.accompaniment, accompaniment)
    sustained = _nats(targets.sounding - melody - accompaniment, melody_on + accompaniment_on, SUSTAINED)
    moves = torch.stack([first, sustained, second, sustained], dim=-2) * strength
    by_step = moves.repeat_interleave(targets.steps, -1)[..., :length, None]
    return logits + by_step.to(logits)


def _nats(asked: Tensor, found: Tensor, share: float = 1.0) -> Tensor:
    """By how much logits move to bring an expected count to what is asked; 0 where nothing is."""
    ratio = (asked.clamp_min(0) + FEWEST) / (found + FEWEST)
    return (share * ratio.log()).clamp(-MOST, MOST).nan_to_num(0.0)
