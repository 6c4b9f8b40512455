"""The GPU slot: what is asked for, and that everything that crosses over to ZeroGPU's worker can."""

import inspect
import pickle

import numpy as np
import pytest

from diffbgm import MusicPlan, make_plan
from diffbgm.options import ScoreOptions
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.types import Cut
from space import gpu


def plan_of(seconds: float) -> MusicPlan:
    return make_plan(drawn_features(seconds, [Cut(seconds / 3)]), ["calm"])


def test_a_slot_is_as_long_as_its_plan_needs() -> None:
    asked = ScoreOptions(seed=1, steps=24)
    short, long = (gpu.slot_seconds(plan_of(seconds), asked) for seconds in (10.0, 240.0))
    assert 10 <= short < long <= gpu.LONGEST_SLOT
    assert gpu.slot_seconds(plan_of(240.0), ScoreOptions(steps=48)) > long
    assert gpu.slot_seconds(plan_of(600.0), ScoreOptions(steps=96)) <= gpu.LONGEST_SLOT


def test_the_slot_is_asked_for_with_the_arguments_of_the_work() -> None:
    asked, done = (list(inspect.signature(f).parameters) for f in (gpu.slot_seconds, gpu.compose_roll))
    assert asked == done


@pytest.mark.usefixtures("model")
def test_what_crosses_over_can_be_pickled() -> None:
    plan = plan_of(10.0)
    asked = ScoreOptions(seed=3, steps=4, guidance=(1.5, 1.5))
    there = pickle.loads(pickle.dumps((plan, asked, None)))
    roll = gpu.compose_roll(*there)
    back = pickle.loads(pickle.dumps(roll))
    assert np.array_equal(back.cells, gpu.compose_roll(plan, asked).cells)


def test_with_spaces_the_function_is_its_own_outside_of_zerogpu() -> None:
    spaces = pytest.importorskip("spaces", reason="the slot needs spaces: pip install spaces")
    assert gpu.gpu is spaces.GPU
    assert not gpu.ZERO_GPU
    assert inspect.isfunction(gpu.compose_roll)
