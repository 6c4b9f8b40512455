"""Sections that return: those with one label start from the same noise and are coupled while they emerge."""

import numpy as np
import torch
from torch import Tensor

from diffbgm.types import STEPS_PER_BEAT, MusicPlan


def noise_source(plan: MusicPlan, length: int) -> np.ndarray | None:
    """Which step each step of a piece takes its noise from.

    Args:
        plan: Its sections' labels count.
        length: Steps of the padded piece.

    Returns:
        [length] indices: the step itself, or the same place in the first section with its label; None where no label
        comes twice and every step has noise of its own.
    """
    own: np.ndarray = np.arange(length)
    source = np.array(own)
    first: dict[str, tuple[int, int]] = {}
    for section in plan.sections:
        start, end = section.start_beat * STEPS_PER_BEAT, section.end_beat * STEPS_PER_BEAT
        if section.label in first:
            begin, stop = first[section.label]
            shared = min(end - start, stop - begin)
            source[start : start + shared] = np.arange(begin, begin + shared)
        else:
            first[section.label] = (start, end)
    return None if np.array_equal(source, own) else source


def same_harmony(source: np.ndarray | None, plan: MusicPlan) -> np.ndarray | None:
    """`noise_source` without the steps where the plan asks for another chord than where they take their noise from."""
    if source is None or not plan.chords:
        return source
    asked = np.full(len(source), "", object)
    for chord in plan.chords:
        asked[chord.start * STEPS_PER_BEAT : chord.end * STEPS_PER_BEAT] = chord.symbol
    return np.where(asked == asked[source], source, np.arange(len(source)))


def couple_sections(logits: Tensor, source: Tensor | None, strength: float) -> Tensor:
    """Logits pulled towards their mean over all steps that share their noise.

    Args:
        logits: [4, T, 88].
        source: [T] as of `noise_source`.
        strength: 0 leaves them as they are, 1 makes them equal.

    Returns:
        Logits [4, T, 88].
    """
    if strength <= 0 or source is None:
        return logits
    # On a GPU the order in which index_add_ adds, and so its rounding, changes from call to call; on a CPU it does not.
    total = torch.zeros_like(logits, device="cpu").index_add_(1, source.cpu(), logits.cpu()).to(logits.device)
    count = torch.bincount(source, minlength=len(source)).clamp_min(1)[:, None]
    return total.div_(count)[:, source].sub_(logits).mul_(strength).add_(logits)
