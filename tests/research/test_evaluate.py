"""The evaluation commands end to end, small: what they print is checked where the metrics are (tests/metrics)."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.bench.acceptance import checks_of
from tests.networks import playing_network
from tests.research.datasets.conftest import TRAINING, VALIDATION, write_song

import diffbgm
from diffbgm.cli import main
from diffbgm.composer import Config
from diffbgm.errors import DataError
from diffbgm.files import file_sha256
from diffbgm.hub import load_weights, save_weights
from diffbgm.options import ComposeOptions, Guidance
from diffbgm.research.compose_windows import mode_asked, mode_targets_of, sample_windows
from diffbgm.research.datasets.pop909 import is_validation, read_songs
from diffbgm.research.datasets.windows import prepare
from diffbgm.research.evaluation.ablations import VARIANTS, evaluate_ablations
from diffbgm.research.evaluation.card import add_to_card
from diffbgm.research.evaluation.model import draw, evaluate_model
from diffbgm.research.evaluation.pieces import evaluate_pieces, plan_of, roll_of
from diffbgm.research.evaluation.sweep import evaluate_sweep
from diffbgm.research.evaluation.sync import evaluate_sync
from diffbgm.research.metrics.report import Provenance, Report, Table
from diffbgm.research.training.train import TrainOptions
from diffbgm.roll import measure_curves

VALIDATION_SIX = [i for i in (f"{n:03d}" for n in range(1, 900)) if is_validation(i)][:6]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = playing_network(-2.0, 0.3)
    return save_weights(model, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    for seed, song_id in enumerate(TRAINING[:2] + VALIDATION):
        write_song(folder, song_id, seed, bars=20)
    return folder


def test_the_model_is_measured_on_songs_it_never_saw(weights: Path, songs: Path, tmp_path: Path) -> None:
    options = ComposeOptions(seed=1, steps=2)
    report = evaluate_model(load_weights(weights), songs, n=20, options=options, save=tmp_path)
    assert report.data["songs"] == VALIDATION
    assert report.data["n"] == 20
    assert all(math.isfinite(v) for v in report.data["bce"].values())
    with np.load(tmp_path / "windows.npz") as file:
        assert file["generated"].shape == file["reference"].shape == (20, 4, 128, 88)
        assert file["generated"].dtype == np.uint8
        assert file["reference"].any()
    again = evaluate_model(load_weights(weights), songs, n=20, options=options)
    assert again.data["measures"] == report.data["measures"]


def test_songs_can_be_named(weights: Path, songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = [
        "evaluate",
        "model",
        "--data",
        str(songs),
        "--weights",
        str(weights),
        "--n",
        "20",
        "--steps",
        "1",
        "--json",
    ]
    assert main([*common, "--songs", TRAINING[0]]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["songs"] == [TRAINING[0]]
    assert main([*common, "--songs", "999"]) == 2
    assert "999" in capsys.readouterr().err


def test_a_data_set_without_validation_songs_is_refused(weights: Path, tmp_path: Path) -> None:
    write_song(tmp_path, TRAINING[0], 0)
    with pytest.raises(DataError, match="--songs"):
        evaluate_model(load_weights(weights), tmp_path, n=20)


def test_synchrony_beats_chance_and_a_fixed_tempo() -> None:
    report = evaluate_sync(n=2, seed=5)
    for name, found in report.data.items():
        ours = found["ours"]
        assert ours["hit"] > max(0.8, ours["chance"] + 0.2, found["fixed tempo"]["hit"]), name
        assert found["drift"] <= 0.08 + 1e-9
        assert found["step"] <= 0.03 + 1e-9


def test_sound_is_measured(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--weights", str(weights), "--n", "1", "--palettes", "1", "--steps", "1", "--json"]
    assert main(["evaluate", "sound", *arguments]) == 0
    (piece,) = json.loads(capsys.readouterr().out)["data"]["pieces"]
    assert piece["loudness"] == pytest.approx(-16, abs=1)
    assert piece["null"] < -60
    assert abs(piece["length_error_ms"]) < 1


def test_figures_go_into_the_card_with_the_weights_they_were_made_with(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(weights, folder)
    digest = file_sha256(folder / "model.safetensors")
    table = Table("Cuts", ("videos", "hit"), (("a", 0.9871),), "n = 1")
    report = Report("Synchrony", 3, (table,), {"a": 1.5}, Provenance(digest, {"steps": 8}))
    card = add_to_card({"sync": report}, folder).read_text()
    assert card.startswith("---\n")
    assert "license: apache-2.0" in card
    assert "does not say what the weights were trained on" in card
    assert "| Synchrony | `diffbgm evaluate sync --compose`, seed 3 | these weights" in card
    assert "sampler: steps 8" in card
    assert "| a | 0.987 |" in (folder / "EVALUATION.md").read_text()
    assert json.loads((folder / "metrics.json").read_text())["sync"]["data"] == {"a": 1.5}
    other = Report("Sound", 3, (), {}, Provenance("0" * 64, {}))
    unknown = Report("Semantics", 3, (), {})
    card = add_to_card({"sound": other, "semantics": unknown}, folder).read_text()
    assert set(json.loads((folder / "metrics.json").read_text())) == {"sync", "sound", "semantics"}
    assert "OTHER weights (000000000000)" in card
    assert "does not name" in card


def test_the_card_of_these_weights_names_their_data_and_figures(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(weights, folder)
    row = {"source": "A corpus", "pieces": 12, "licence": "CC0-1.0", "attribution": "Somebody"}
    (folder / "loss.json").write_text(json.dumps({"name": "Mine", "data": [row]}))
    assert main(["evaluate", "card", str(folder)]) == 0
    text = (folder / "README.md").read_text()
    assert "# Mine: weights for diffbgm" in text
    assert "| A corpus | 12 | CC0-1.0 | Somebody |" in text
    assert "have not been evaluated" in text
    (folder / "metrics.json").write_text("[1]")
    assert main(["evaluate", "card", str(folder)]) == 2
    assert main(["evaluate", "card", str(tmp_path)]) == 2


def test_an_evaluation_says_what_it_was_made_with(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--weights", str(weights), "--n", "1", "--palettes", "1", "--steps", "1", "--json"]
    assert main(["evaluate", "sound", *arguments]) == 0
    made_with = json.loads(capsys.readouterr().out)["made_with"]
    assert made_with["weights"] == file_sha256(weights / "model.safetensors")
    assert made_with["sampler"]["steps"] == 1
    assert made_with["version"] == diffbgm.__version__


def test_the_release_is_held_against_thresholds() -> None:
    metrics = json.loads((Path(__file__).parents[2] / "weights_card" / "metrics.json").read_text())
    checks = checks_of(metrics)
    assert {check.part for check in checks} == {"model", "sync", "sound"}
    metrics["sound"]["data"]["pieces"][0]["loudness"] = -20.0
    assert not all(check.passed for check in checks_of(metrics) if check.part == "sound")


def test_a_sweep_compares_guidances_and_steps_with_the_default(weights: Path, songs: Path) -> None:
    model = load_weights(weights)
    usual = ComposeOptions(steps=3)
    report = evaluate_sweep(model, songs, n=10, options=usual, guidances=[Guidance(1, 1)], steps=[1, 9])
    by_guidance, by_steps = report.tables
    columns = by_guidance.columns
    assert [row[0] for row in by_guidance.rows][-1] == "the songs"
    assert (1, 1) in {row[:2] for row in by_guidance.rows}
    assert [row[0] for row in by_steps.rows] == [1, 3, 9, "the songs"]
    assert {row[columns.index("cost")] for row in by_guidance.rows if row[-1] == 1.0} == {1.0}
    assert all(0.5 <= row[columns.index("AUC")] <= 1 for row in by_guidance.rows)


def test_long_pieces_are_measured_at_their_seams(weights: Path, tmp_path: Path) -> None:
    for seed in range(6):
        write_song(tmp_path, VALIDATION_SIX[seed], seed, bars=26)
    report = evaluate_pieces(load_weights(weights), tmp_path, options=ComposeOptions(steps=1))
    seams, velocity = report.tables
    assert report.data["n"] == 6
    assert all(0 < row[1] <= 1 for row in seams.rows)
    by_name = {row[0]: row[1:] for row in velocity.rows}
    assert by_name["one velocity"][0] == 0.0
    assert by_name["rules"][1] > 0


def test_the_plan_of_a_song_asks_for_what_the_song_plays(songs: Path) -> None:
    piece = prepare(read_songs(songs)[0])
    plan, roll = plan_of(piece, 4, 12), roll_of(piece, 4, 12)
    assert plan.bars == roll.steps // 16 == 12
    assert [(s.start_beat, s.end_beat, s.label) for s in plan.sections] == [(0, 16, "B"), (16, 48, "A")]
    assert np.allclose(plan.curves.density, measure_curves(piece.roll.cells).density[16:64])


def test_ablations_are_trained_from_one_seed_and_compared_under_one_noise(songs: Path, tmp_path: Path) -> None:
    options = TrainOptions(steps=6, batch=2, warmup=1, learning_rate=0.02, validate_every=6, validation_windows=2)
    variants = [VARIANTS[0], VARIANTS[0], *VARIANTS[2:4]]
    assert [v.name for v in variants[2:]] == ["dynamic stream only", "semantic stream only"]
    twice = replace(variants[1], name="the same again")
    report = evaluate_ablations(
        songs, tmp_path, n=4, config=Config.tiny(), options=options, variants=[variants[0], twice, *variants[2:]]
    )
    rows = {row[0]: row[1:] for row in report.tables[0].rows}
    assert [cell.split(" ")[0] for cell in rows["the same again"][:4]] == list(rows["full"][:4])
    assert all("(+0.000 [+0.000, +0.000])" in cell for cell in rows["the same again"][:4])
    assert all("(+0.000 [+0.000, +0.000])" not in cell for cell in rows["dynamic stream only"][2:4])
    kept = (tmp_path / "full" / "loss.json").read_text()
    evaluate_ablations(songs, tmp_path, n=4, config=Config.tiny(), options=options, variants=variants[:1])
    assert (tmp_path / "full" / "loss.json").read_text() == kept  # a finished run is not trained again


def test_the_pull_to_the_mode_moves_windows_as_it_moves_pieces(weights: Path, songs: Path) -> None:
    windows, _, _ = draw([prepare(s) for s in read_songs(songs) if is_validation(s.id)], 4, 0)
    model = load_weights(weights)
    free, pulled = (
        sample_windows(model, windows, ComposeOptions(steps=2, mode_guidance=lean), lambda f, m: None)
        for lean in (0.0, 4.0)
    )
    assert (free != pulled).any()
    for window in windows:
        wishes = mode_targets_of(window)
        steps = np.concatenate([at.numpy() for at, _ in wishes])
        assert len(np.unique(steps)) == len(steps)
        for at, major in wishes:
            assert ((mode_asked(window)[at.numpy() // 4] > 0) == major).all()
