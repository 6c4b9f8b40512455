"""Options are one value: declared once, checked once, in every result and receipt, and enough to make a take again."""

import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.drawing import Drawn

from diffbgm import DiffBGM, ScoreOptions, recut
from diffbgm.batch.manifest import COLUMNS
from diffbgm.cli import make_parser
from diffbgm.codec import to_json
from diffbgm.errors import InputError, OptionError, OutputError, PlanError, WeightsError
from diffbgm.files import write_json
from diffbgm.media import probe
from diffbgm.options import FEW_TAKES, SETTINGS, Changes, ComposeOptions, Guidance, parse_option, with_changes
from diffbgm.planner import read_plan
from diffbgm.receipt import make_receipt
from diffbgm.result import Result
from diffbgm.setting import markdown_table
from diffbgm.stages import options_of

ROOT = Path(__file__).parents[1]
ASKED = ScoreOptions(
    style=("calm", "strings"), prompt="rain", semantics="colour", seed=5, steps=2, guidance=(2.0, 1.0),
    bar_correlation=0.6, section_coupling=0.2, mode_guidance=1.0, fade=0.3,
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> DiffBGM:
    return DiffBGM.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def result(model: DiffBGM, movie: Path) -> Result:
    return model.score(movie, ASKED)


# --- the declaration -----------------------------------------------------------------------------------------------


def test_one_declaration_serves_everybody(tmp_path: Path) -> None:
    cues = tmp_path / "cues.csv"
    cues.write_text("time,text\n4,hit\n")
    names = [f.name for f in fields(ScoreOptions)]
    assert list(SETTINGS) == names == list(Changes.__annotations__)
    assert set(names) < set(COLUMNS)
    flags = [f"--{name.replace('_', '-')}=" for name in names]
    knobs = ["90-100", "A minor", "3/4", "samba", "Am F", "harp", "drums", "oboe", "bass=tuba", "0:.2 9:1", "-0.5,0.2",
             "0:04 big", "8-12", "1.5", "2.5", "0-9 rock", str(cues), "song.mp3", "tune.mid", "fade"]  # fmt: skip
    values = [
        "calm",
        "rain",
        *knobs,
        "rock",
        "clip",
        "7",
        "8",
        "4",
        "2,1",
        "0.1",
        "0.2",
        "0.3",
        "0.4",
        "duck",
        "-14",
        "1",
    ]
    args = make_parser().parse_args(
        ["score", "x.mp4", *(flag + value for flag, value in zip(flags, values, strict=True))]
    )
    asked = {name: getattr(args, name) for name in names}
    assert asked == {name: parse_option(name, value) for name, value in zip(names, values, strict=True)}
    assert asked["guidance"] == Guidance(2.0, 1.0)
    assert markdown_table(SETTINGS) in (ROOT / "sdk" / "README.md").read_text(encoding="utf-8")


def test_the_defaults_are_the_composers() -> None:
    assert options_of(ScoreOptions(), 3) == ComposeOptions(seed=3)
    everything = with_changes(None, dict.fromkeys(SETTINGS))  # None is the default of each
    assert everything == ScoreOptions()
    composing = [name for name, setting in SETTINGS.items() if setting.stage == "compose"]
    other = {name: 2 if s.low else 0 if s.default != 0 else 1 for name, s in SETTINGS.items() if name in composing}
    asked = {options_of(with_changes(None, {name: value}), 3) for name, value in other.items()}
    assert len(asked | {ComposeOptions(seed=3)}) == len(composing) + 1  # each of them reaches the composer


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("seed", np.int64(7), 7),
        ("seed", 7.0, 7),
        ("seed", 2**63 - 1, 2**63 - 1),
        ("steps", np.float32(12), 12),
        ("guidance", np.float64(1.5), 1.5),
        ("guidance", [2, np.float32(0.5)], Guidance(2.0, 0.5)),
        ("guidance", np.array([2.0, 0.5]), Guidance(2.0, 0.5)),
        ("guidance", Guidance(1, 2, 0, 3), Guidance(1.0, 2.0, 0.0, 3.0)),
        ("fade", 2, 2.0),
        ("style", ["calm", "piano"], "calm,piano"),
        ("style", None, ""),
        ("prompt", None, ""),
    ],
)
def test_values_are_taken_as_they_are_meant(name: str, value: Any, meant: Any) -> None:
    got = getattr(with_changes(None, {name: value}), name)
    assert got == meant
    assert type(got) is type(meant)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("seed", -1, "whole number from 0 to 2^63 - 1, got -1"),
        ("seed", 2**63, "2^63"),
        ("seed", True, "got True"),
        ("seed", 1.5, "got 1.5"),
        ("seed", "7", "got '7'"),
        ("steps", 0, "from 1 to 1000, got 0"),
        ("steps", math.inf, "got inf"),
        ("steps", 10**400, "got 1000"),
        ("guidance", math.nan, "from 0 to 10, got nan"),
        ("guidance", (1, 11), "from 0 to 10, got 11"),
        ("guidance", (1, 2, 3), "pair"),
        ("guidance", [None, None], "guidance must be a number from 0 to 10, got None"),
        ("guidance", "2", "got '2'"),
        ("section_coupling", 1.1, "from 0 to 1"),
        ("mode_guidance", -1, "from 0 to 4"),
        ("bar_correlation", np.nan, "from 0 to 1"),
        ("loudness", "loud", "one of youtube, spotify"),
        ("loudness", -50, "from -40 to -8 (LUFS)"),
        ("loudness", math.nan, "got nan"),
        ("fade", math.nan, "from 0 to 600, got nan"),
        ("style", 3, "got 3"),
        ("style", ["calm", 3], "got 3 in it"),
        ("prompt", b"x", "text, got b'x'"),
        ("semantics", "clips", "auto, colour, clip"),
        ("keep_audio", ["mix"], "replace, mix, duck"),
        ("sede", 3, "did you mean seed?"),
    ],
)
def test_what_is_no_value_of_an_option_is_refused_by_name(name: str, value: Any, words: str) -> None:
    with pytest.raises(OptionError) as refused:
        with_changes(None, {name: value})
    assert words in str(refused.value)
    assert name in str(refused.value)
    assert len(str(refused.value)) < 200


def test_errors_are_value_errors_too(movie: Path, model: DiffBGM) -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(WeightsError, InputError)
    with pytest.raises(OptionError, match="options must be a ScoreOptions, got 'calm'"):
        model.score(movie, "calm")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="device 'gpu' cannot be used here"):
        DiffBGM.from_pretrained(device="gpu")


# --- takes ---------------------------------------------------------------------------------------------------------


def test_a_take_can_be_made_again_from_its_receipt(model: DiffBGM, movie: Path, result: Result, tmp_path: Path) -> None:
    file = result.save(tmp_path / "take.json")
    options = ScoreOptions.from_receipt(file)
    assert options == result.options == ASKED == ScoreOptions.from_receipt(result.receipt)
    again = model.score(movie, options)
    assert again.midi == result.midi
    assert again.audio.samples.tobytes() == result.audio.samples.tobytes()
    others: tuple[dict[str, Any], ...] = ({"fade": 0.9}, {"guidance": 9.0})
    for other in others:  # they matter
        changed = model.score(movie, options, features=result.features, **other)
        assert changed.midi != result.midi or changed.audio.samples.tobytes() != result.audio.samples.tobytes(), other


@pytest.mark.parametrize(
    ("options", "seconds", "takes"),
    [({}, 30.0, 5), ({}, 120.0, 5), ({}, 121.0, 1), ({"seed": 0}, 30.0, 1), ({"takes": 1}, 30.0, 1),
     ({"seed": 3, "takes": 8}, 600.0, 8)],
)  # fmt: skip
def test_how_many_takes_a_film_gets(options: dict[str, Any], seconds: float, takes: int) -> None:
    assert ScoreOptions(**options).takes_for(seconds) == takes


def test_without_a_seed_the_best_of_a_few_takes_is_played(model: DiffBGM, movie: Path, result: Result) -> None:
    best = model.score(movie, steps=4, features=result.features)
    seeds = sorted(take.seed for take in best.takes)
    assert seeds == [*range(seeds[0], seeds[0] + FEW_TAKES)]
    assert best.seed == max(best.takes, key=lambda take: take.score).seed
    assert [take["seed"] for take in best.receipt["takes"]] == [take.seed for take in best.takes]


def test_the_seed_that_was_drawn_is_in_the_options(model: DiffBGM, movie: Path, result: Result) -> None:
    drawn = model.score(movie, steps=4, features=result.features)
    assert drawn.options.seed == drawn.seed == drawn.receipt["seed"]
    assert model.score(movie, drawn.options, features=result.features).midi == drawn.midi
    assert drawn.receipt["given"] == ["features"]


def test_receipts_that_are_none_are_refused(tmp_path: Path) -> None:
    for text, words in (("[]", "no options"), ("{}", "no options"), ("{", "no JSON"), ("[" * 5000, "no JSON")):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(OptionError, match=words):
            ScoreOptions.from_receipt(tmp_path / "r.json")
    with pytest.raises(OptionError, match="No such file"):
        ScoreOptions.from_receipt(tmp_path / "none.json")
    with pytest.raises(OptionError, match="from 1 to 1000, got -3"):
        ScoreOptions.from_receipt({"options": {"steps": -3}})
    with pytest.raises(OptionError, match="guidance must hold"):
        ScoreOptions.from_receipt({"options": {"guidance": {"pitch": 3}}})


def test_receipts_are_json_whatever_was_measured(result: Result, tmp_path: Path) -> None:
    sound = {"loudness_lufs": -math.inf, "true_peak_dbtp": math.nan}
    receipt = make_receipt(
        result.plan, result.audio, options=ASKED, model={}, sound=sound, scene=(), timings={"look": 1.0}
    )
    path = write_json(tmp_path / "r.json", receipt)
    assert json.loads(path.read_text(), parse_constant=pytest.fail)["loudness_lufs"] is None
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "n.json", {"x": math.nan})
    assert not (tmp_path / "n.json").exists()
    broken = write_json(tmp_path / "b.json", {"caf\udce9.mp4": "é"})  # a name that is no UTF-8
    assert json.loads(broken.read_text(encoding="utf-8")) == {"caf\udce9.mp4": "é"}


def test_a_new_edit_keeps_every_option(model: DiffBGM, result: Result) -> None:
    again = model.recut(result, result.features.cuts)
    assert again.options == result.options
    assert again.receipt["guidance"] == asdict(Guidance(2.0, 1.0))
    assert again.audio.samples.tobytes() == result.audio.samples.tobytes()  # its fade of 0.3 s, not of 0.8 s


# --- plans ---------------------------------------------------------------------------------------------------------


def test_a_plan_and_what_shapes_one_do_not_go_together(model: DiffBGM, movie: Path, result: Result) -> None:
    shaping: tuple[dict[str, Any], ...] = ({"style": "calm"}, {"prompt": "rain"})
    for asked in shaping:
        with pytest.raises(OptionError, match=f"{next(iter(asked))} shapes a plan"):
            model.score(movie, plan=result.plan, **asked)
        with pytest.raises(OptionError, match="not for composing"):
            model.compose(result.plan, **asked)
    again = model.score(movie, result.options, plan=result.plan, features=result.features)
    assert again.midi == result.midi
    assert again.receipt["given"] == ["features", "plan"]


def test_a_plan_may_be_a_file_and_is_checked_before_anything_is_composed(
    model: DiffBGM, movie: Path, result: Result, tmp_path: Path
) -> None:
    stages: list[str] = []
    path = tmp_path / "p.json"
    path.write_text("\ufeff" + to_json(result.plan), encoding="utf-8")
    assert read_plan(path) == result.plan
    assert model.score(movie, plan=path, seed=5, steps=2, features=result.features).plan == result.plan
    cases: dict[bytes, str] = {
        to_json(replace(result.plan, palette="kazoo")).encode(): "no palette is called 'kazoo'; there are piano",
        '{"why": ["caf\xe9"]}'.encode("latin-1"): "p.json: MusicPlan: byte 13 is no utf-8",
        b"[" * 5000: "p.json: MusicPlan: this is not JSON: its brackets are nested too deeply",
        b'{"duration": NaN}': "p.json",
        b'{"duration": 1e400}': "p.json",
        b"": "p.json: MusicPlan: this is not JSON",
        b"[]": "p.json: MusicPlan must be an object",
    }
    for content, words in cases.items():
        path.write_bytes(content)
        with pytest.raises(PlanError) as refused:
            model.score(movie, plan=path, on_progress=lambda f, message: stages.append(message))
        assert words in str(refused.value)
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        model.score(movie, plan=tmp_path / "none.json")
    assert "compose" not in stages
    with pytest.raises(OptionError, match="MusicPlan or the path of one, not dict"):
        model.score(movie, plan={})  # type: ignore[arg-type]


def test_a_plan_of_another_length_is_refused_with_both(
    model: DiffBGM, result: Result, draw: Callable[..., Drawn]
) -> None:
    longer = draw("longer.mp4", (2.0, 2.0, 2.4)).path
    with pytest.raises(PlanError, match=r"lasts 4\.00 s, this video 6\.40 s.*recut"):
        model.score(longer, plan=result.plan, semantics="colour", steps=4)
    features = model.recut(result, longer).features
    assert recut(result.plan, features).plan.duration == pytest.approx(probe(longer).duration)


# --- results -------------------------------------------------------------------------------------------------------


def test_a_deep_copy_of_a_result_made_from_bytes_keeps_its_video(
    model: DiffBGM, movie: Path, result: Result, tmp_path: Path
) -> None:
    scored = model.score(movie.read_bytes(), plan=result.plan, roll=result.roll, features=result.features)
    twin, folder = copy.deepcopy(scored), scored.source.parent
    del scored
    assert twin.save(tmp_path / "twin.mp4").stat().st_size > 1000
    del twin
    assert not folder.exists()


def test_a_result_never_replaces_its_own_video(model: DiffBGM, movie: Path, result: Result, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(movie.read_bytes())
    (tmp_path / "link.mp4").symlink_to(video)
    (tmp_path / "hard.mov").hardlink_to(video)
    mine = replace(result, source=video)
    for name in ("clip.mp4", "link.mp4", "hard.mov"):
        with pytest.raises(OutputError, match="is the video that was scored"):
            mine.save(tmp_path / name)
    assert video.read_bytes() == movie.read_bytes()


def test_guidance_checks_its_own_weights() -> None:
    with pytest.raises(OptionError, match="rescale must be a number from 0 to 1, got 2"):
        Guidance(1, 1, 2)
