"""The values refuse nonsense where they are born, compare by content, and convert between beats and seconds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbgm.errors import PlanError
from diffbgm.types import (
    CURVES,
    Curves,
    Cut,
    Key,
    MusicPlan,
    Note,
    PianoRoll,
    Section,
    TempoMap,
    VideoFeatures,
)


def features(**changes):
    values = {
        "duration": 4.0,
        "frame_rate": 25.0,
        "width": 64,
        "height": 36,
        "has_audio": False,
        "cuts": (Cut(1.0), Cut(2.5)),
        "times": [0.0, 1.0, 2.0],
        "motion": [0.1, 0.2, 0.3],
        "colour": np.zeros((3, 3)),
        "affect": np.zeros((3, 2)),
    }
    return VideoFeatures(**{**values, **changes})


def curves(beats):
    return Curves(*np.ones((5, beats)))


def plan(**changes):
    values = {
        "duration": 4.0,
        "tempo": TempoMap.steady(120, 8),
        "key": Key(0),
        "sections": (Section(0, 4), Section(4, 8, "B")),
        "curves": curves(8),
    }
    return MusicPlan(**{**values, **changes})


def test_shots_tile_the_video():
    assert features().shots == ((0.0, 1.0), (1.0, 2.5), (2.5, 4.0))
    assert features(cuts=()).shots == ((0.0, 4.0),)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"duration": 0.0}, "duration must be positive"),
        ({"cuts": (Cut(2.0), Cut(1.0))}, "entry 1 is 1.000 s"),
        ({"cuts": (Cut(4.0),)}, "before 4.000 s"),
        ({"cuts": (Cut(0.0),)}, "after 0.000 s"),
        ({"motion": [0.1]}, "motion"),
        ({"colour": np.zeros((3, 2))}, "colour"),
        ({"affect": np.full((3, 2), np.nan)}, "not a finite number"),
        ({"times": [0.0, 0.0, 1.0]}, "rise"),
        ({"times": [], "motion": [], "colour": np.zeros((0, 3)), "affect": np.zeros((0, 2))}, "at least one"),
        ({"clip": np.zeros((1, 4))}, "come together"),
    ],
)
def test_features_that_do_not_hold_together_are_refused(changes, says):
    with pytest.raises(PlanError, match=says):
        features(**changes)


def test_arrays_are_frozen_copies():
    motion = np.array([0.1, 0.2, 0.3])
    value = features(motion=motion)
    motion[0] = 9
    assert value.motion[0] == np.float32(0.1)
    with pytest.raises(ValueError, match="read-only"):
        value.motion[0] = 1


def test_equality_looks_into_arrays():
    assert features() == features()
    assert features() != features(motion=[0.1, 0.2, 0.4])
    assert plan() == plan()
    assert plan() != plan(key=Key(1))
    assert TempoMap([0, 1]) != "tempo"


@given(
    st.lists(st.floats(0.2, 2.0), min_size=1, max_size=40),
    st.lists(st.floats(-3.0, 50.0), min_size=1, max_size=10),
)
def test_beats_and_seconds_are_inverse(lengths, beats):
    tempo = TempoMap(np.concatenate([[0.0], np.cumsum(lengths)]))
    again = tempo.beat_at(tempo.time_at(np.array(beats)))
    np.testing.assert_allclose(again, beats, atol=1e-6)
    assert tempo.time_at(tempo.beats) == tempo.edges[-1]
    np.testing.assert_allclose(tempo.bpm(), 60 / np.array(lengths), rtol=1e-6)


def test_the_tempo_map_goes_on_past_its_ends():
    tempo = TempoMap([0.0, 0.5, 1.5])
    assert tempo.time_at(-1) == -0.5
    assert tempo.time_at(3) == 2.5
    assert isinstance(tempo.time_at(1.5), float)


@pytest.mark.parametrize("edges", [[0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 0.5], [0.0, np.inf], [[0.0, 1.0]]])
def test_edges_must_rise(edges):
    with pytest.raises(PlanError):
        TempoMap(edges)


def test_the_offending_edge_is_named():
    with pytest.raises(PlanError, match=r"edge 2 is 0\.500 s after 1\.000 s"):
        TempoMap([0.0, 1.0, 0.5])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tempo": TempoMap.steady(120, 7)}, "whole bars"),
        ({"curves": curves(4)}, "cover 4 beats"),
        ({"sections": (Section(0, 4), Section(5, 8))}, "section 1 starts at beat 5"),
        ({"sections": (Section(0, 4),)}, "end at beat 4"),
    ],
)
def test_plans_that_do_not_hold_together_are_refused(changes, says):
    with pytest.raises(PlanError, match=says):
        plan(**changes)


def test_a_curve_can_be_replaced_by_a_few_points():
    changed = plan().with_curve("polyphony", [1.0, 8.0])
    np.testing.assert_allclose(changed.curves.polyphony, np.linspace(1, 8, 8))
    assert changed.curves.density is not None
    np.testing.assert_array_equal(changed.curves.density, plan().curves.density)
    with pytest.raises(PlanError, match=", ".join(CURVES)):
        plan().with_curve("loudness", [1.0])


def test_the_mood_of_a_section_can_be_replaced():
    whole = plan()
    changed = whole.with_texture(-1, mode=0.0, note_length=1.2, valence=-0.6)
    last = changed.sections[-1]
    assert (last.texture.mode, last.texture.note_length, last.valence) == (0.0, 1.2, -0.6)
    assert last.texture.accompaniment_register == whole.sections[-1].texture.accompaniment_register
    assert last.arousal == whole.sections[-1].arousal
    assert changed.sections[:-1] == whole.sections[:-1]
    assert changed.with_texture(-1, mode=None).sections[-1].texture.mode is None
    with pytest.raises(PlanError, match="no section 9"):
        whole.with_texture(9, mode=1.0)
    with pytest.raises(PlanError, match="no 'loudness'; there are mode"):
        whole.with_texture(0, loudness=1.0)
    with pytest.raises(PlanError, match="valence must lie"):
        whole.with_texture(0, valence=2.0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Key(12),
        lambda: Key(0, "lydian"),  # type: ignore[arg-type]  # that it is refused is the point
        lambda: Cut(1.0, 1.5),
        lambda: Section(4, 4),
        lambda: Section(0, 4, arousal=2.0),
        lambda: Note(1.0, 1.0, 60),
        lambda: Note(0.0, 1.0, 128),
        lambda: PianoRoll(np.zeros((4, 6, 88))),
        lambda: PianoRoll(np.full((4, 8, 88), 2)),
        lambda: PianoRoll(np.zeros((4, 8, 88)), np.full((2, 8, 88), 200)),
    ],
)
def test_nonsense_is_refused(build):
    with pytest.raises(PlanError):
        build()


def test_keys_have_names():
    assert str(Key(3, "minor")) == "Eb minor"
