"""Plans and features to JSON and back, exactly, and errors that name the field."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diffbgm.codec import from_json, from_plain, to_json, to_plain
from diffbgm.errors import PlanError
from diffbgm.options import ScoreOptions
from diffbgm.types import (
    Audio,
    Control,
    Curves,
    Cut,
    Key,
    MusicPlan,
    Note,
    PianoRoll,
    PlannedCut,
    Score,
    Section,
    TempoMap,
    Texture,
    Track,
    VideoFeatures,
)


def plan() -> MusicPlan:
    rng = np.random.default_rng(3)
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.4, 0.6, 8))])
    return MusicPlan(
        duration=float(edges[-1]),
        tempo=TempoMap(edges),
        key=Key(9, "minor"),
        sections=(
            Section(0, 4, "A", 1 / 3, -0.1, Texture(mode=0.0, accompaniment_register=60.5)),
            Section(4, 8, "B", texture=Texture(note_length=0.1 + 0.2)),
        ),
        curves=Curves(*rng.uniform(0, 5, (5, 8)).astype(np.float32)),
        cuts=(PlannedCut(1.04, 0.7, 2.0, 0.001, True), PlannedCut(2.2, 0.5, 4.5, -0.07, False, "too close")),
        style=("dark", "synth"),
        palette="synth",
        why=("because", "das Ü"),
    )


def features(clip: bool) -> VideoFeatures:
    rng = np.random.default_rng(4)
    return VideoFeatures(
        duration=10.01,
        frame_rate=30000 / 1001,
        width=640,
        height=360,
        has_audio=True,
        cuts=(Cut(1.001, 0.4), Cut(5.5, 1.0, "fade")),
        times=np.arange(20) * 0.5005,
        motion=rng.uniform(size=20),
        colour=rng.uniform(size=(20, 3)),
        affect=rng.uniform(-1, 1, (20, 2)),
        clip=rng.normal(size=(5, 16)) if clip else None,
        clip_times=np.arange(5) * 2.0 if clip else None,
        semantics="clip" if clip else "colour",
    )


@pytest.mark.parametrize("value", [plan(), features(True), features(False)], ids=["plan", "clip", "colour"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_value_comes_back_exactly(value, indent):
    again = from_json(type(value), to_json(value, indent=indent))
    assert again == value
    assert to_json(again) == to_json(value)


def test_scores_rolls_and_audio_come_back():
    score = Score(
        (Track("melody", 0, (Note(0.0, 0.5, 60), Note(0.5, 1.25, 64, 99)), (Control(0.0, 11, 90),), -0.5, -3.0),),
        TempoMap.steady(90, 4),
        ((0.0, "section A"),),
    )
    again = from_json(Score, to_json(score))
    assert again == score
    cells = (np.random.default_rng(0).random((4, 16, 88)) < 0.05).astype(np.uint8)
    roll = PianoRoll(cells, None)
    assert from_json(PianoRoll, to_json(roll)) == roll
    audio = Audio(np.random.default_rng(1).normal(size=(2, 50)).astype(np.float32), 44_100)
    assert from_json(Audio, to_json(audio)) == audio


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float32, 8, elements=st.floats(0, 100, width=32)),
    arrays(np.float64, 9, elements=st.floats(1e-3, 10, allow_subnormal=False)),
)
def test_every_float_keeps_all_its_bits(energy, lengths):
    tempo = TempoMap(np.cumsum(lengths))
    assert from_json(TempoMap, to_json(tempo)) == tempo
    curves = replace(plan().curves, polyphony=energy)
    assert from_json(Curves, to_json(curves)) == curves


def test_float32_is_written_as_short_as_it_is():
    text = to_json(Curves(*np.full((5, 2), 0.1, np.float32)))
    assert json.loads(text)["polyphony"] == [0.1, 0.1]


def test_fields_with_a_default_may_be_left_out():
    plain = to_plain(plan())
    for name in ("cuts", "style", "palette", "why"):
        del plain[name]
    assert from_plain(MusicPlan, plain).palette == "piano"


def changed(path: str, value: object) -> str:
    """The plan's JSON with one place replaced; path like "tempo.edges.3"."""
    plain = to_plain(plan())
    *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    place = plain
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("duration", "long", "MusicPlan.duration must be a number"),
        ("duration", True, "MusicPlan.duration must be a number"),
        ("tempo", [1, 2], "MusicPlan.tempo must be an object"),
        ("tempo.edges.3", "x", "MusicPlan.tempo.edges"),
        ("tempo.edges.3", 0.0, "edge 3"),
        ("tempo.edges", 5, "MusicPlan.tempo.edges must be a list"),
        ("key.tonic", 12, "tonic must be 0..11"),
        ("key.tonic", 1.5, "MusicPlan.key.tonic must be a whole number"),
        ("key.mode", "dorian", "MusicPlan.key.mode must be one of major, minor"),
        ("sections.1.label", 7, "MusicPlan.sections[1].label must be a text"),
        ("sections.1.valence", 3, "valence must lie between"),
        ("sections.0.texture.tempo", 3, "MusicPlan.sections[0].texture has no field 'tempo'"),
        ("curves.polyphony", [[1, 2], [3]], "MusicPlan.curves.polyphony"),
        ("curves.polyphony", [1, 2], "Curves"),
        ("cuts.0.snapped", 1, "MusicPlan.cuts[0].snapped must be true or false"),
        ("style", "dark", "MusicPlan.style must be a list"),
        ("volume", 11, "MusicPlan has no field 'volume'"),
    ],
)
def test_what_does_not_fit_is_named(path, value, says):
    with pytest.raises(PlanError) as error:
        from_json(MusicPlan, changed(path, value))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_field_and_broken_text_are_named():
    plain = to_plain(plan())
    del plain["key"]
    with pytest.raises(PlanError, match=r"MusicPlan\.key is missing"):
        from_plain(MusicPlan, plain)
    with pytest.raises(PlanError, match="not JSON"):
        from_json(MusicPlan, "{")
    with pytest.raises(PlanError, match="must be an object"):
        from_json(MusicPlan, "null")


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(PlanError, match="cannot be written"):
        to_plain(object())


def test_unions_come_back() -> None:
    for asked in (ScoreOptions(guidance=(2.5, 1.0)), ScoreOptions(guidance=2.0), ScoreOptions(hit=("2", "4 big"))):
        assert from_json(ScoreOptions, to_json(asked)) == asked
