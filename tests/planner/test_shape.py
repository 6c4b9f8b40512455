"""How the energy of a plan is moved: within what people play, the closing chord untouched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbgm.errors import PlanError
from diffbgm.planner.levels import POP909, density_at
from diffbgm.planner.shape import FOLLOW, SHAPES, level_of, shape_energy
from diffbgm.types import Curves, Key, MusicPlan, Section, TempoMap


def plan_of(bars: int = 16, bpm: float = 100.0) -> MusicPlan:
    beats = 4 * bars
    level = np.repeat(0.5 + 0.3 * np.sin(np.linspace(0, 6, bars)), 4)
    curves = Curves(
        polyphony=np.interp(level, (0, 0.25, 0.5, 0.75, 1), POP909["polyphony"]),
        density=density_at(level, bpm),
        register=np.full(beats, 60.0),
        melody=np.ones(beats),
        repetition=np.zeros(beats),
    )
    tempo = TempoMap.steady(bpm, beats)
    return MusicPlan(float(tempo.edges[-1]), tempo, Key(0), (Section(0, beats),), curves)


def test_energy_left_alone_leaves_the_plan_alone() -> None:
    plan = plan_of()
    assert shape_energy(plan, 0.0, FOLLOW) is plan


@given(st.floats(-1, 1), st.sampled_from(list(SHAPES)))
def test_energy_stays_within_what_people_play(level: float, shape: str) -> None:
    plan = shape_energy(plan_of(), level, shape)
    low, high = POP909["polyphony"][0], POP909["polyphony"][-1]
    assert low - 1e-4 <= plan.curves.polyphony.min() <= plan.curves.polyphony.max() <= high + 1e-4
    assert np.array_equal(plan.curves.polyphony[-4:], plan_of().curves.polyphony[-4:])


def test_the_energy_knobs_do_what_they_say() -> None:
    plan = plan_of()
    for name in ("polyphony", "density"):
        more = getattr(shape_energy(plan, 0.5, FOLLOW).curves, name)[:-4]
        less = getattr(shape_energy(plan, -0.5, FOLLOW).curves, name)[:-4]
        assert less.mean() < getattr(plan.curves, name)[:-4].mean() < more.mean()
        rise = getattr(shape_energy(plan, 0.0, "rise").curves, name)[:-4] - getattr(plan.curves, name)[:-4]
        fall = getattr(shape_energy(plan, 0.0, "fall").curves, name)[:-4] - getattr(plan.curves, name)[:-4]
        assert rise[:8].mean() < 0 < rise[-8:].mean()
        assert fall[-8:].mean() < 0 < fall[:8].mean()
        steady = getattr(shape_energy(plan, 0.0, "steady").curves, name)[:-4]
        assert steady.std() < 0.5 * getattr(plan.curves, name)[:-4].std()
    section = shape_energy(plan, 0.5, FOLLOW).sections[0]
    assert section.texture.density == pytest.approx(float(shape_energy(plan, 0.5, FOLLOW).curves.density.mean()))


@pytest.mark.parametrize(
    ("level", "shape", "words"), [(1.5, FOLLOW, "1.5"), (float("nan"), FOLLOW, "nan"), (0, "zig", "zig")]
)
def test_what_is_no_energy_is_refused(level: float, shape: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        shape_energy(plan_of(), level, shape)


def test_levels_are_the_quantiles_of_pop909() -> None:
    assert level_of("polyphony", np.array(POP909["polyphony"])) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
