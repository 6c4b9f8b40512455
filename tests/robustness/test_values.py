"""Wrong kinds in every field of every value that people may make by hand: refused by name, in one line, or taken."""

import inspect
import json
import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.music import make_plan, make_roll
from tests.robustness.test_misuse import MANY, SEED, answer, wrong_values

from diffbgm import Guidance, ScoreOptions, media
from diffbgm.arrange import arrange
from diffbgm.brief import read_brief
from diffbgm.brief.model import Hit, Moment, Reading, Scene, Span, Tacet
from diffbgm.codec import to_plain
from diffbgm.composer.config import Config
from diffbgm.errors import InputError, PlanError
from diffbgm.hub import Origin
from diffbgm.options import ComposeOptions
from diffbgm.planner.form import Form
from diffbgm.planner.prompt import Understood
from diffbgm.planner.recut import Recut
from diffbgm.planner.styles import STYLES
from diffbgm.planner.tempo import TempoFit
from diffbgm.project import Project
from diffbgm.result import Take
from diffbgm.types import (
    Audio,
    ChordSymbol,
    Control,
    Cut,
    Instrumentation,
    Note,
    PlannedChord,
    PlannedCut,
    PlannedHit,
    PlannedScene,
    Texture,
    VideoFeatures,
)

ROOMS = ("types", "brief", "options")  # whose public dataclasses are all tried; of other rooms those of `VALUES`

LEXICON = "diffbgm.brief.lexicon"  # whose values are rows of the package's own tables


def values() -> Iterator[Any]:
    """One of each."""
    plan, roll = make_plan(8), make_roll(8)
    score = arrange(roll, plan)
    features = VideoFeatures(
        3.0, 24.0, 64, 36, False, (Cut(1.0),), np.r_[0.5, 1.5], np.zeros(2), np.zeros((2, 3)), np.zeros((2, 2))
    )
    span = Span(Moment(1.0), Moment(0.0, "end"))
    yield from (plan, plan.tempo, plan.key, plan.curves, plan.sections[0], Texture(0.5), Instrumentation(("harp",)))
    yield from (PlannedCut(1.0, 0.5, 2.0, 0.0, True), PlannedHit(1.0, 0.5, 2.0, 0.0), PlannedScene(0, 4, "piano"))
    yield from (PlannedChord(0, 4, "Am"), ChordSymbol(0, (0, 4, 7), 0), features, features.cuts[0], features.reference)
    yield from (roll, score, score.tracks[0], score.tracks[0].notes[0], Control(0.0, 7, 100))
    yield Audio(np.zeros((2, 8), np.float32), 48_000)
    yield from (span, span.start, Hit(Moment(1.0)), Reading("piano", "instrument piano"), read_brief("sad piano"))
    yield Tacet("drums", span)
    yield from (Scene(span, read_brief("rock")), Guidance(), ComposeOptions(), ScoreOptions(), media.Limits())
    yield from (Form(plan.sections, (0.0,)), Recut(plan, (0, 1)), STYLES["calm"], TempoFit(plan.tempo, ()))
    yield from (Understood((), STYLES["calm"]), Origin("tiny", "0.5", "0" * 64), Config.tiny(), Take(1, roll))
    yield Project(plan, roll, ScoreOptions(), {}, (), "clip.mp4")


VALUES = {type(value).__name__: value for value in values()}


def test_every_public_value_of_the_rooms_is_tried() -> None:
    for room in ROOMS:
        package = import_module(f"diffbgm.{room}")
        for name, kind in inspect.getmembers(package, inspect.isclass):
            if is_dataclass(kind) and kind.__module__.startswith(f"diffbgm.{room}") and kind.__module__ != LEXICON:
                assert name in VALUES, f"{room}.{name}"


def make_plain(value: Any, field: str, wrong: Any) -> None:
    """Makes a value with one field changed; what is taken can be written as JSON."""
    made = replace(value, **{field: wrong})
    if type(made).__module__.startswith("diffbgm.types"):
        json.dumps(to_plain(made), allow_nan=False)


@pytest.mark.parametrize("name", VALUES)
def test_a_field_of_another_kind_is_refused_by_name(name: str, tmp_path: Path) -> None:
    value, drawn = VALUES[name], random.Random(f"{SEED}/{name}")
    answers = {
        f"{name}({field.name}={what})": answer(
            partial(make_plain, value, field.name, wrong_values(tmp_path)[what]), InputError
        )
        for field in fields(value)
        for what in drawn.sample(sorted(wrong_values(tmp_path)), MANY)
    }
    assert {tried: said for tried, said in answers.items() if said not in ("refused", "taken")} == {}
    assert "refused" in answers.values()


def test_what_is_refused_is_named() -> None:
    with pytest.raises(PlanError, match=r"Note\.start must be a finite number, got 'x'"):
        Note("x", 1.0, 60)  # type: ignore[arg-type]  # that it is refused is the point
    with pytest.raises(PlanError, match=r"MusicPlan\.sections must be a list: a Section, got \(1,\)"):
        replace(VALUES["MusicPlan"], sections=(1,))
    with pytest.raises(PlanError, match=r"VideoFeatures\.motion must be an array of numbers"):
        replace(VALUES["VideoFeatures"], motion="ab")
    with pytest.raises(PlanError, match=r"PianoRoll\.cells must be an array of whole numbers from 0 to 255"):
        replace(VALUES["PianoRoll"], cells=VALUES["PianoRoll"].cells.astype(int) - 1)
    with pytest.raises(InputError, match=r"Moment\.since must be one of start, end, share, got 'now'"):
        Moment(1.0, "now")  # type: ignore[arg-type]


def test_numpy_numbers_and_lists_are_taken_as_meant() -> None:
    assert Note(np.float32(0.5), np.float64(1), np.int64(60)) == Note(0.5, 1.0, 60)
    assert VALUES["MusicPlan"] == replace(VALUES["MusicPlan"], sections=list(VALUES["MusicPlan"].sections))
