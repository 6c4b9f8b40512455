"""PageSettings: links there and back, what a link may not break, and the energy knobs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from space.settings import (
    ANY,
    FOLLOW,
    SHAPES,
    PageSettings,
    from_query,
    from_tags,
    from_values,
    shape_energy,
    tags_of,
    to_query,
)

from diffbgm.errors import InputError, StyleError
from diffbgm.planner.levels import POP909, density_at
from diffbgm.types import Curves, Key, MusicPlan, Section, TempoMap

tenths = st.integers(0, 40).map(lambda n: n / 10)
settings = st.builds(
    PageSettings,
    moods=st.lists(st.sampled_from(tags_of("mood")), unique=True).map(tuple),
    motion=st.sampled_from([ANY, *tags_of("motion")]),
    palette=st.sampled_from([ANY, *tags_of("palette")]),
    tempo=st.sampled_from([ANY, *tags_of("tempo")]),
    text=st.text(max_size=40),
    rhythm=tenths,
    mood=tenths,
    level=st.integers(-10, 10).map(lambda n: n / 10),
    shape=st.sampled_from(list(SHAPES)),
    seed=st.none() | st.integers(0, 2**31 - 1),
    steps=st.integers(4, 96),
    keep=st.sampled_from(["replace", "mix", "duck"]),
    fade=tenths,
)


@given(settings)
def test_a_link_holds_every_knob(given_settings: PageSettings) -> None:
    from urllib.parse import parse_qsl

    query = dict(parse_qsl(to_query(given_settings), keep_blank_values=True))
    assert from_query(query) == given_settings
    assert from_values(given_settings.values) == given_settings


def test_the_defaults_need_no_link() -> None:
    assert to_query(PageSettings()) == ""


@given(st.dictionaries(st.sampled_from([*PageSettings.__dataclass_fields__, "x"]), st.text(max_size=12)))
def test_a_mistyped_link_still_opens(query: dict[str, str]) -> None:
    assert isinstance(from_query(query), PageSettings)


@pytest.mark.parametrize(
    "wrong", [{"steps": 1000}, {"fade": -1}, {"seed": -5}, {"keep": "loud"}, {"shape": "zigzag"}, {"text": "x" * 301}]
)
def test_values_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        PageSettings(**wrong)


def test_tags_find_their_group() -> None:
    assert from_tags("piano, calm,slow") == PageSettings(moods=("calm",), palette="piano", tempo="slow")
    with pytest.raises(StyleError, match="calm"):
        from_tags("calm,tense")
    with pytest.raises(StyleError, match="motion"):
        from_tags("flowing,driving")


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
