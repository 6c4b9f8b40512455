"""Bars that stay while others are composed again: what is evaluated, and what pulls what."""

from dataclasses import replace

import numpy as np
import pytest
from tests.music import make_plan, make_roll

from diffbgm.composer import Denoiser
from diffbgm.composer.compose import compose
from diffbgm.composer.keeping import Keep, merge_keeps, open_window_starts, untie
from diffbgm.composer.sections import noise_source
from diffbgm.composer.windows import window_starts
from diffbgm.errors import PlanError
from diffbgm.options import ComposeOptions
from diffbgm.types import Key

FAST = ComposeOptions(seed=3, steps=4)


def opened(bars: range, total: int) -> np.ndarray:
    """[T] True outside `bars`."""
    steps = np.ones(16 * total, bool)
    steps[16 * bars.start : 16 * bars.stop] = False
    return steps


def test_a_few_bars_cost_a_few_windows(model: Denoiser) -> None:
    """Four of forty bars: one window a step, where the whole piece takes six."""
    plan = make_plan(40)
    seen: list[int] = []
    handle = model.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    whole = compose(model, plan, FAST)
    everything = sum(seen)
    seen.clear()
    compose(model, plan, replace(FAST, seed=4), keep=Keep(whole, opened(range(20, 24), 40)))
    handle.remove()
    assert sum(seen) == FAST.steps
    assert everything >= 6 * FAST.steps


@pytest.mark.parametrize("bars", [range(0, 1), range(0, 4), range(3, 20), range(36, 40), range(39, 40), range(0, 40)])
def test_every_open_step_is_in_a_window(bars: range) -> None:
    plan = make_plan(40)
    free = ~opened(bars, 40)
    for turn in range(9):
        starts = open_window_starts(free, plan, 32, turn)
        covered = np.zeros(4 * (160 + 16), bool)
        for start in starts:
            assert 0 <= start <= 160 + 16 - 32
            covered[4 * start : 4 * (start + 32)] = True
        assert covered[: len(free)][free].all()
    if len(bars) == 40:
        assert starts == window_starts(160, 32, 8)


def test_bars_of_several_takes_are_kept(model: Denoiser) -> None:
    plan = make_plan(12, key=Key(2))
    one, other = compose(model, plan, FAST), compose(model, plan, replace(FAST, seed=8))
    first, last = ~opened(range(0, 3), 12), ~opened(range(9, 12), 12)
    third = compose(model, plan, replace(FAST, seed=9), keep=[Keep(one, first), Keep(other, last)])
    assert np.array_equal(third.cells[:, first], one.cells[:, first])
    assert np.array_equal(third.cells[:, last], other.cells[:, last])
    assert third.velocity is not None
    assert other.velocity is not None
    assert np.array_equal(third.velocity[:, last], other.velocity[:, last])
    middle = ~first & ~last
    assert not np.array_equal(third.cells[:, middle], one.cells[:, middle])


def test_a_later_keep_counts_more_and_nothing_open_is_refused() -> None:
    plan = make_plan(4)
    silent = replace(make_roll(4), cells=np.zeros((4, 64, 88), np.uint8), velocity=None)
    some = ~opened(range(1, 2), 4)
    merged = merge_keeps([Keep(make_roll(4), ~opened(range(0, 2), 4)), Keep(silent, some)], plan)
    assert merged is not None
    assert not merged.roll.cells[:, some].any()
    assert merged.steps.sum() == 32
    with pytest.raises(PlanError, match="nothing to compose"):
        merge_keeps(Keep(make_roll(4), np.ones(64, bool)), plan)


def test_a_locked_section_does_not_pull_its_twin(model: Denoiser) -> None:
    """A B A with the first A kept: whatever is kept there, the other A comes out the same."""
    plan = make_plan(24, cuts=(8, 16))
    source = noise_source(plan, 24 * 16 + 64)
    assert source is not None
    assert untie(source, np.arange(len(source)) >= 16 * 16) is None
    tied = untie(source, np.ones(len(source), bool))
    assert tied is not None
    assert np.array_equal(tied, source)
    kept = opened(range(16, 24), 24)
    rolls = []
    for played in (make_roll(24), compose(model, plan, replace(FAST, seed=5))):
        # the bars that the open ones' windows see are the same in both, the first A is another
        mixed = np.array(make_roll(24).cells)
        mixed[:, : 8 * 16] = played.cells[:, : 8 * 16]
        rolls.append(compose(model, plan, FAST, keep=Keep(replace(make_roll(24), cells=mixed, velocity=None), kept)))
    assert not np.array_equal(rolls[0].cells[:, kept], rolls[1].cells[:, kept])
    assert np.array_equal(rolls[0].cells[:, ~kept], rolls[1].cells[:, ~kept])
