"""Changing one thing of a take: bars, levels, the film's own sound, the take itself; and projects of it."""

import json
import math
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.drawing import Drawn, draw_video

from diffbgm import DiffBGM, load_project, save_project
from diffbgm.arrange.splice import splice_scores
from diffbgm.composer.keeping import Keep, merge_keeps
from diffbgm.errors import InputError, OptionError, PlanError
from diffbgm.options import ScoreOptions
from diffbgm.planner.restyle import changed_bars, restyle
from diffbgm.project import LARGEST, pack_tracks
from diffbgm.render.splice import CROSS, RING
from diffbgm.result import Result
from diffbgm.types import Note, Score, TempoMap, Track

STEPS = 4


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw_video(tmp_path_factory.mktemp("studio") / "film.mp4", (7.0, 6.0, 7.0), sound=True)


@pytest.fixture(scope="module")
def model() -> DiffBGM:
    return DiffBGM.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def result(model: DiffBGM, film: Drawn) -> Result:
    return model.score(film.path, seed=1, steps=STEPS, takes=2)


def peak_db(difference: np.ndarray) -> float:
    return 20 * math.log10(float(np.abs(difference).max()) + 1e-12)


def test_players_of_one_instrument_stay_apart() -> None:
    def score(pitches: tuple[int, ...]) -> Score:
        tracks = [
            Track("pad", 48, tuple(Note(b, b + 1.0, p) for b in range(8)), gain=-k) for k, p in enumerate(pitches)
        ]
        return Score(tuple(tracks), TempoMap.steady(90.0, 8))

    opened = np.arange(8) >= 4
    both = splice_scores(score((60, 64)), score((72, 76, 79)), opened)
    heard = [[note.pitch for note in track.notes] for track in both.tracks]
    assert heard == [[60] * 4 + [72] * 4, [64] * 4 + [76] * 4, [79] * 4]
    assert [track.gain for track in both.tracks] == [0, -1, -2]


def test_a_piece_that_is_cut_off_stays_so_when_it_is_mixed_again(model: DiffBGM, film: Drawn) -> None:
    cut = model.score(film.path, seed=1, steps=STEPS, ending="cut", loudness="youtube")
    assert cut.receipt["loudness_lufs"] == pytest.approx(-14, abs=0.3)
    changed, other = list(cut.stems)[:2]
    late = slice(-round(0.25 * cut.audio.rate), -round(0.05 * cut.audio.rate))  # where a fade of 0.8 s is nearly over
    before, after = (np.abs(r.stems[other].samples[:, late]).max() for r in (cut, cut.remix({changed: -6.0})))
    assert after > 0.5 * before > 0
    whole = model.retake(cut, range(cut.plan.bars), seed=2)
    assert whole.receipt["loudness_lufs"] == pytest.approx(-14, abs=0.5)


def test_other_bars_stay_note_by_note_and_sample_by_sample(model: DiffBGM, result: Result) -> None:
    bars = range(2, 4)
    seen: list[int] = []
    handle = model.model.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    again = model.retake(result, bars, seed=7)
    handle.remove()
    assert sum(seen) == STEPS  # one window a step
    inside = np.zeros(result.roll.steps, bool)
    inside[16 * 2 : 16 * 4] = True
    assert result.roll.velocity is not None
    assert again.roll.velocity is not None
    assert np.array_equal(again.roll.cells[:, ~inside], result.roll.cells[:, ~inside])
    assert np.array_equal(again.roll.velocity[:, ~inside], result.roll.velocity[:, ~inside])
    assert not np.array_equal(again.roll.cells[:, inside], result.roll.cells[:, inside])
    begin, end = (result.plan.tempo.time_at(4 * bar) for bar in (2, 4))
    rate = result.audio.rate
    before, after = round((begin - CROSS) * rate), round((end + RING) * rate)
    pairs = [(result.audio, again.audio), (result.music, again.music)]
    pairs += [(result.stems[name], again.stems[name]) for name in result.stems]
    for old, new in pairs:
        assert np.array_equal(old.samples[:, :before], new.samples[:, :before])
        assert np.array_equal(old.samples[:, after:], new.samples[:, after:])
    assert not np.array_equal(result.music.samples[:, before:after], again.music.samples[:, before:after])
    assert peak_db(sum(s.samples for s in again.stems.values()) - again.music.samples) < -60
    assert np.abs(again.music.samples).max() <= 10 ** (-1 / 20) + 1e-3
    kept = [[n for t in r.score.tracks for n in t.notes if not 8 <= n.start < 16] for r in (result, again)]
    before_notes, after_notes = ({(n.start, n.pitch, n.velocity) for n in notes} for notes in kept)
    assert before_notes == after_notes
    assert again.receipt["retakes"][0]["bars"] == [3, 4]


def test_an_edited_plan_opens_the_bars_it_changes(model: DiffBGM, result: Result) -> None:
    plan = restyle(result.plan, {range(2, 4): "sad,sparse"})
    assert changed_bars(result.plan, plan) == (2, 3)
    assert float(plan.curves.density[8:16].mean()) < float(result.plan.curves.density[8:16].mean())
    again = model.retake(result, plan=plan, seed=3)
    assert again.receipt["retakes"][0]["bars"] == [3, 4]
    with pytest.raises(PlanError, match="bar 2, which is to stay"):
        model.retake(result, range(0, 1), plan=plan)
    with pytest.raises(PlanError, match="bars must lie in"):
        model.retake(result, [99])


def test_a_restyled_section_is_free_of_its_twin(result: Result) -> None:
    last = len(result.plan.sections) - 1
    plan = restyle(result.plan, {last: "sad"})
    assert plan.sections[-1].label not in {s.label for s in plan.sections[:-1]}
    assert plan.sections[-1].texture.mode == 0.0
    with pytest.raises(PlanError, match="no section 99"):
        restyle(result.plan, {99: "sad"})


def test_a_remix_with_no_gains_nulls(result: Result) -> None:
    assert result.sound is not None
    for gains in ({}, dict.fromkeys(result.stems, 0.0)):
        assert peak_db(result.remix(gains).audio.samples - result.audio.samples) < -90
    nearly = result.remix({next(iter(result.stems)): 1e-6})
    assert peak_db(nearly.audio.samples - result.audio.samples) < -35  # by way of the whole computation


def test_a_muted_stem_is_gone_and_the_loudness_stays(result: Result) -> None:
    name = "chords"
    quiet = result.remix({name: -math.inf})
    assert not quiet.stems[name].samples.any()
    assert quiet.receipt["loudness_lufs"] == pytest.approx(result.receipt["loudness_lufs"], abs=0.3)
    assert quiet.receipt["true_peak_dbtp"] <= -0.99
    assert quiet.receipt["gains"] == {name: None}
    back = quiet.remix({name: 0.0})
    assert peak_db(back.audio.samples - result.audio.samples) < -90
    with pytest.raises(OptionError, match="no stem is called 'harp'"):
        result.remix({"harp": 1.0})
    with pytest.raises(OptionError, match="gain of chords"):
        result.remix({"chords": math.nan})


def test_fade_and_loudness_are_mixed_anew(result: Result) -> None:
    longer = result.remix(fade=4.0, loudness=-20.0)
    assert longer.receipt["loudness_lufs"] == pytest.approx(-20, abs=0.3)
    rate = result.audio.rate
    power = [np.square(r.audio.samples) for r in (longer, result)]
    assert power[0][:, -rate:].mean() / power[0].mean() < power[1][:, -rate:].mean() / power[1].mean()
    assert longer.options.fade == 4.0
    again = longer.remix(fade=result.options.fade or 0.8, loudness=result.receipt["loudness_lufs"])
    assert peak_db(again.audio.samples - result.audio.samples) < -30


def test_the_films_own_sound_alone_takes_seconds(result: Result) -> None:
    began = time.process_time()
    mixed = result.remix(keep_audio="mix")
    assert time.process_time() - began < 3
    assert mixed.music is result.music
    assert not np.array_equal(mixed.audio.samples, result.audio.samples)
    assert mixed.receipt["keep_audio"] == "mix"
    assert np.array_equal(mixed.remix(keep_audio="replace").audio.samples, result.audio.samples)


def test_takes_are_ranked_and_each_is_what_its_seed_gives(model: DiffBGM, result: Result) -> None:
    assert {take.seed for take in result.takes} == {1, 2}
    assert result.takes[0].score >= result.takes[1].score
    assert result.seed == result.takes[0].seed
    assert result.roll == result.takes[0].roll
    assert all(take.line for take in result.takes)
    other = model.use(result, 1)
    assert other.roll == result.takes[1].roll
    assert other.takes == result.takes
    assert model.compose(result.plan, seed=result.takes[1].seed, steps=STEPS) == result.takes[1].roll
    with pytest.raises(OptionError, match="no take 5"):
        model.use(result, 5)


def test_a_project_comes_back(model: DiffBGM, result: Result, film: Drawn, tmp_path: Path) -> None:
    soft = result.remix({"chords": -6.0})
    path = save_project(soft, tmp_path / "take.project.json")
    assert path.stat().st_size <= LARGEST
    assert str(film.path.parent) not in path.read_text()
    project = load_project(path, film.path)
    assert project.roll == result.roll
    assert project.plan == result.plan
    assert project.options == soft.options
    assert project.gains == {"chords": -6.0}
    assert [(t.seed, t.line, t.roll) for t in project.takes] == [(t.seed, t.line, t.roll) for t in result.takes]
    again = model.restore(project)
    assert again.midi == result.midi
    assert again.takes[0].seed == result.seed
    other = draw_video(tmp_path / "other.mp4", (2.0, 2.0))
    with pytest.raises(PlanError, match="recut"):
        load_project(path, other.path)
    with pytest.raises(InputError, match=r"needs its video, film\.mp4"):
        model.restore(load_project(path))


def test_a_project_of_a_retake_comes_back_as_it_was(
    model: DiffBGM, result: Result, film: Drawn, tmp_path: Path
) -> None:
    """The bars that were kept are arranged as by the first seed, those made anew as by the second."""
    again = model.retake(result, [0], seed=99)
    path = save_project(again, tmp_path / "again.project.json")
    back = model.restore(load_project(path, film.path))
    assert back.midi == again.midi
    assert back.receipt["retakes"] == json.loads(json.dumps(again.receipt["retakes"]))
    twice = save_project(back, tmp_path / "twice.project.json")
    assert model.restore(load_project(twice, film.path)).midi == again.midi
    third = model.retake(back, [1], seed=98)
    kept = [{(n.start, n.end, n.pitch, n.velocity) for t in r.score.tracks for n in t.notes if n.start >= 8}
            for r in (result, third)]  # fmt: skip
    assert kept[0] == kept[1]


def test_what_a_take_was_remixed_to_stays(model: DiffBGM, result: Result, film: Drawn, tmp_path: Path) -> None:
    mixed = result.remix({"chords": -12.0}, loudness=-20.0, fade=2.0)
    assert mixed.options.loudness == "-20"
    assert mixed.remix({"melody": -3.0}).receipt["loudness_lufs"] == pytest.approx(-20, abs=0.3)
    again = model.retake(mixed, [0], seed=5)
    rate, end = mixed.audio.rate, mixed.plan.tempo.time_at(4)
    after = round((end + RING) * rate)
    pairs = [(mixed.music, again.music), (mixed.audio, again.audio)]
    pairs += [(mixed.stems[name], again.stems[name]) for name in mixed.stems]
    for old, new in pairs:
        assert np.array_equal(old.samples[:, after:], new.samples[:, after:])
    assert again.gains == mixed.gains
    assert not np.array_equal(mixed.music.samples, again.music.samples)
    path = save_project(mixed, tmp_path / "mixed.project.json")
    back = model.restore(load_project(path, film.path))
    for other in (back, model.use(mixed, 1), model.recut(mixed, film.path)):
        assert other.receipt["loudness_lufs"] == pytest.approx(-20, abs=0.4)
        assert other.gains["chords"] == -12.0


def test_bars_of_numpy_can_be_saved(model: DiffBGM, result: Result, tmp_path: Path) -> None:
    model.retake(result, [np.int64(0)], seed=2).save(tmp_path / "receipt.json")  # type: ignore[list-item]
    assert json.loads((tmp_path / "receipt.json").read_text())["retakes"][0]["bars"] == [1]


def test_hostile_projects_are_refused(result: Result, tmp_path: Path) -> None:
    import base64
    import zlib

    path = save_project(result, tmp_path / "a.project.json")
    plain = json.loads(path.read_text())
    far = Track("pad", 48, (Note(0.0, 1e9, 60),))
    bomb = base64.b64encode(zlib.compress(bytes(64_000_000), 9)).decode()
    wrong = [
        "",
        "[" * 100_000,
        "[]",
        json.dumps({**plain, "version": 99}),
        json.dumps({**plain, "video": "/etc/passwd"}),
        json.dumps({**plain, "roll": {"cells": bomb}}),
        json.dumps({**plain, "roll": {"cells": "?"}}),
        json.dumps({**plain, "roll": {"cells": plain["roll"]["cells"], "velocity": bomb}}),
        json.dumps({**plain, "gains": {"chords": 1e9}}),
        *(json.dumps({**plain, "tracks": tracks}) for tracks in (7, "?", bomb, pack_tracks([far]))),
        json.dumps({**plain, "takes": [plain["takes"][0]] * 99}),
        json.dumps({**plain, "takes": [{"seed": -1}]}),
        json.dumps({**plain, "options": {"steps": 10**9}}),
        json.dumps({**plain, "plan": {**plain["plan"], "palette": "kazoo"}}),
        path.read_text() + " " * LARGEST,
    ]
    for number, text in enumerate(wrong):
        file = tmp_path / f"{number}.json"
        file.write_text(text)
        with pytest.raises(InputError, match=str(number)):
            load_project(file)
    with pytest.raises(InputError, match="cannot be read"):
        load_project(tmp_path / "missing.json")


def test_a_take_with_the_films_own_sound_can_be_retaken(model: DiffBGM, result: Result) -> None:
    mixed = result.remix(keep_audio="mix")
    again = model.retake(mixed, [0], seed=5, style="calm")
    after = round((result.plan.tempo.time_at(4) + RING) * mixed.audio.rate)
    assert np.array_equal(mixed.audio.samples[:, after:], again.audio.samples[:, after:])
    assert not np.array_equal(mixed.audio.samples[:, :after], again.audio.samples[:, :after])
    assert replace(again.options, seed=0) == replace(mixed.options, seed=0)


def test_the_command_line_keeps_takes_and_retakes_a_project(film: Drawn, tmp_path: Path) -> None:
    from diffbgm.cli import main

    video = tmp_path / "film.mp4"
    video.write_bytes(film.path.read_bytes())
    out = tmp_path / "a.mp4"
    fast = ["--steps", str(STEPS), "--seed", "1", "--takes", "2"]
    assert main(["score", str(video), "-o", str(out), *fast, "--keep-takes", "--project"]) == 0
    assert (tmp_path / "a.take2.mp4").stat().st_size > 1000
    project = load_project(tmp_path / "a.project.json")
    retake = ["retake", str(tmp_path / "a.project.json"), "--bars"]
    assert main([*retake, "3-4", "--seed", "9", "-o", str(tmp_path / "b.mp4")]) == 0
    after = load_project(tmp_path / "b.project.json", video)
    same = np.ones(project.roll.steps, bool)
    same[32:64] = False
    assert np.array_equal(after.roll.cells[:, same], project.roll.cells[:, same])
    assert after.roll != project.roll
    assert main([*retake, "3-99", "-o", str(tmp_path / "c.mp4")]) == 2


def test_what_is_asked_wrongly_is_said_by_name(result: Result) -> None:
    with pytest.raises(PlanError, match=r"Curves\.density: a curve has one point at least"):
        result.plan.with_curve("density", [])
    with pytest.raises(OptionError, match="receipt must be"):
        ScoreOptions.from_receipt(3)  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=rf"Keep\.steps must be \[{result.roll.steps}\], .* got \[3\]"):
        merge_keeps(Keep(result.roll, np.ones(3, bool)), result.plan)


def test_what_a_scene_says_that_is_not_understood_is_in_the_receipt(model: DiffBGM, film: Drawn) -> None:
    made = model.score(film.path, seed=1, steps=2, scene="0-6 xyzzy blargh", prompt="piano, frobnicate")
    assert made.receipt["unread"] == ["frobnicate", "xyzzy", "blargh"]


def test_a_receipt_says_that_it_is_not_all_that_its_take_was_made_from(model: DiffBGM, result: Result) -> None:
    again = model.retake(result, [0], seed=9)
    with pytest.warns(RuntimeWarning, match="its take was made from a roll that was handed in"):
        ScoreOptions.from_receipt(again.receipt)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ScoreOptions.from_receipt(result.receipt)
