"""Guidance by the plan's curves: bars come to as many notes as are asked of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.music import make_plan

from diffbgm.composer import Config, Denoiser
from diffbgm.composer.compose import compose
from diffbgm.composer.curves import FEWEST, MOST, SUSTAINED, CurveTargets, curve_targets, guide_to_curves, targets_of
from diffbgm.options import ComposeOptions
from diffbgm.roll import measure_curves
from diffbgm.types import CURVES, Curves

CPU = torch.device("cpu")


def targets(melody: list[float], accompaniment: list[float], sounding: list[float], steps: int = 16) -> CurveTargets:
    return CurveTargets(torch.tensor(melody), torch.tensor(accompaniment), torch.tensor(sounding), steps)


def logits_of(counts: list[list[float]], steps: int = 16) -> torch.Tensor:
    """[4, bars * steps, 88] of which every kind of cell expects so many cells in every bar."""
    share = torch.tensor(counts) / (steps * 88)
    return share.logit().repeat_interleave(steps, 1)[..., None].expand(-1, -1, 88).clone()


def expected(logits: torch.Tensor, steps: int = 16) -> torch.Tensor:
    return torch.sigmoid(logits).sum(-1).unflatten(-1, (-1, steps)).sum(-1)


def test_onsets_come_to_what_is_asked_bar_by_bar() -> None:
    logits = logits_of([[4.0, 4.0, 4.0], [20.0, 20.0, 20.0], [10.0, 10.0, 10.0], [30.0, 30.0, 30.0]])
    asked = targets([4.0, 6.0, float("nan")], [10.0, 14.0, 7.0], [64.0, 70.0, float("nan")])
    guided = guide_to_curves(logits, asked, 1.0)
    found = expected(guided)
    assert torch.allclose(guided[:, :16], logits[:, :16], atol=1e-4)  # asked and found agree: 4 + 10 + 20 + 30 = 64
    assert found[0].tolist() == pytest.approx([4.0, 6.0, 4.0], rel=0.05)
    assert found[2].tolist() == pytest.approx([10.0, 14.0, 7.0], rel=0.05)
    assert torch.equal(guided[[0, 1, 3], 32:], logits[[0, 1, 3], 32:])  # what is not asked moves nothing
    sustained = (70 - 4 - 10 + FEWEST) / (50 + FEWEST)
    assert (found[1, 1] + found[3, 1]).item() == pytest.approx(50 * sustained**SUSTAINED, rel=0.02)


def test_no_logit_moves_further_than_said_and_none_without_strength() -> None:
    logits = logits_of([[40.0], [20.0], [0.1], [30.0]])
    asked = targets([0.0], [60.0], [400.0])
    for strength in (0.5, 1.0, 2.0):
        moved = guide_to_curves(logits, asked, strength) - logits
        assert moved[0].max().item() == pytest.approx(-MOST * strength)
        assert moved[2].min().item() == pytest.approx(MOST * strength)
    assert guide_to_curves(logits, asked, 0.0) is logits


def test_windows_go_together_as_they_go_alone_and_a_last_bar_may_be_cut() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 40, 88, generator=generator) - 4
    asked = [targets([3.0, 5.0, 1.0], [9.0, 2.0, 4.0], [50.0, 60.0, 20.0]) for _ in range(3)]
    stacked = CurveTargets(
        *(torch.stack([getattr(one, name) for one in asked]) for name in CurveTargets._fields[:3]), 16
    )
    together = guide_to_curves(logits, stacked, 1.0)
    assert together.shape == logits.shape
    for alone, one, target in zip(together, logits, asked, strict=True):
        assert torch.allclose(alone, guide_to_curves(one, target, 1.0), atol=1e-6)


@pytest.mark.parametrize("beats_per_bar", [3, 4])
def test_what_a_roll_measures_is_what_its_bars_are_asked_for(beats_per_bar: int) -> None:
    rng = np.random.default_rng(beats_per_bar)
    bars, steps = 5, 4 * beats_per_bar
    cells = (rng.random((4, bars * steps, 88)) < 0.03).astype(np.uint8)
    cells[1::2] &= 1 - cells[0::2]  # a cell is struck or goes on
    curves = measure_curves(cells, beats_per_bar)
    asked = curve_targets(curves, beats_per_bar, bars * steps + 2 * steps, CPU)
    found = cells.sum(-1).reshape(4, bars, steps).sum(-1)
    assert asked.steps == steps
    assert asked.melody[:bars].tolist() == pytest.approx(found[0].tolist(), rel=1e-5)
    assert asked.accompaniment[:bars].tolist() == pytest.approx(found[2].tolist(), rel=1e-5)
    both = np.clip(cells[0::2] + cells[1::2], 0, 1).sum((0, 2)).reshape(bars, steps).sum(-1)
    assert asked.sounding[:bars].tolist() == pytest.approx(both.tolist(), rel=1e-5)
    assert all(torch.isnan(part[bars:]).all() for part in asked[:3])
    sure = torch.from_numpy(np.where(cells > 0, 12.0, -12.0)).float()
    padded = torch.nn.functional.pad(sure, (0, 0, 0, 2 * steps), value=-12.0)
    assert (guide_to_curves(padded, asked, 1.0) - padded).abs().max() < 0.02  # music as asked stays as it is


def test_more_melody_than_notes_asks_for_no_accompaniment() -> None:
    asked = targets_of(torch.tensor([2.0]), torch.tensor([3.0]), torch.tensor([1.0]), 4)
    assert (asked.melody.item(), asked.accompaniment.item(), asked.sounding.item()) == (12.0, 0.0, 16.0)


def test_a_piece_follows_its_curves_more_closely() -> None:
    model = Denoiser(Config.tiny()).eval().requires_grad_(False)
    plan = make_plan(16)
    busy = np.where(np.arange(plan.beats) < plan.beats // 2, 2.0, 40.0).astype(np.float32)
    values = {name: getattr(plan.curves, name) for name in CURVES}
    plan = replace(plan, curves=Curves(**{**values, "density": busy, "melody": busy / 2}))

    def onsets(strength: float) -> list[int]:
        cells = compose(model, plan, ComposeOptions(steps=6, curve_guidance=strength)).cells[0::2]
        return [int(half.sum()) for half in np.split(cells, 2, axis=1)]

    free, held = onsets(0.0), onsets(2.0)
    assert held[1] / held[0] > 1.5 * free[1] / free[0]
