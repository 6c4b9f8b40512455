"""Any system's MIDI files against videos, retrieval on made-up music videos, and everything in one report."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.drawing import Drawn
from tests.research.datasets.conftest import TRAINING, VALIDATION, write_song
from tests.research.metrics.test_retrieval import OPTIONS, made_up

from diffbgm import DiffBGM
from diffbgm.cli import main
from diffbgm.composer import Config
from diffbgm.errors import DataError
from diffbgm.midi import write_midi
from diffbgm.research.evaluation.all_parts import KINDS, combine, threads_each
from diffbgm.research.evaluation.plots import plots_for
from diffbgm.research.evaluation.retrieval import TRUTH, HeldOut, compose_for, features_of, retrieval_report
from diffbgm.research.evaluation.systems import evaluate_systems, untrained
from diffbgm.research.evaluation.video import evaluate_video
from diffbgm.research.metrics.affect_by_bar import listen
from diffbgm.research.metrics.files import read_piece
from diffbgm.research.metrics.html import to_html
from diffbgm.research.metrics.tonal import gps, pche
from diffbgm.research.training.retrieval import SECONDS, cut_footage, hear_all, heard_in, train_retrieval
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note, Score, TempoMap, Track


@pytest.fixture(scope="module")
def tiny() -> DiffBGM:
    return untrained(Config.tiny(), 0)


def piece(edges: list[float], seed: int) -> Score:
    """A note on every beat of a tempo map, of another scale for every seed."""
    rng = np.random.default_rng(seed)
    notes = tuple(Note(b, b + 1, 60 + int(rng.choice([0, 2, 4, 5, 7, 9, 11]))) for b in range(len(edges) - 1))
    return Score((Track("melody", 0, notes),), TempoMap(np.array(edges)))


def test_metrics_of_a_midi_file_are_those_of_its_roll(tmp_path: Path) -> None:
    melody = tuple(Note(b / 2, b / 2 + 0.5, 60 + b % 7) for b in range(40))
    chords = tuple(Note(b, b + 1, 48 + b % 5) for b in range(20))
    drums = (Note(0, 1, 36),)
    tracks = (Track("melody", 0, melody), Track("chords", 0, chords), Track("percussion", 0, drums))
    write_midi(Score(tracks, TempoMap.steady(100, 20)), tmp_path / "a.mid")
    read = read_piece(tmp_path / "a.mid")
    roll = notes_to_roll(melody, chords, 20)
    assert read.cells.shape == (4, 80, 88)
    assert (read.cells == roll.cells).all()
    assert (pche(read.cells), gps(read.cells)) == (pche(roll.cells), gps(roll.cells))
    assert read.end == pytest.approx(12.0, abs=1e-3)
    write_midi(Score(tracks[2:], TempoMap.steady(100, 20)), tmp_path / "b.mid")
    with pytest.raises(DataError, match=r"b\.mid"):
        read_piece(tmp_path / "b.mid")


def test_music_that_meets_its_cuts_beats_music_of_other_videos(draw: Callable[..., Drawn], tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for i, shots in enumerate(((1.32, 1.12, 1.64), (0.88, 2.04, 1.16), (1.72, 0.96, 1.4))):
        drawn = draw(f"videos/{i}.mp4", shots, seed=i)
        assert len(drawn.cuts) == 2
        inner = [0.0, *drawn.cuts, drawn.duration]
        edges = [float(t) for a, b in pairwise(inner) for t in np.linspace(a, b, 5)[:-1]]
        write_midi(piece([*edges, drawn.duration], i), tmp_path / f"{i}-scored.mid")
    report = evaluate_video(tmp_path, tmp_path / "videos", semantics="colour")
    rows = report.data["measures"]
    these, _, others, chance, n = rows["cuts within 40 ms of a half beat"]
    assert (these, n) == (1.0, 6)
    assert others < 1.0
    assert chance < 0.9
    assert rows["cuts with an onset within 40 ms"][0] == 1.0
    assert rows["end of the music and of the video, s apart"][0] < 0.05
    assert len(report.tables[1].rows) == 3
    page = to_html(report, plots_for("video", report))
    assert page.count("<svg") == 2


def test_what_does_not_pair_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "videos").mkdir()
    common = ["evaluate", "video", "--midi", str(tmp_path), "--videos", str(tmp_path / "videos")]
    assert main(common) == 2
    assert "name them alike" in capsys.readouterr().err
    for name in "ab":
        (tmp_path / "videos" / f"{name}.mp4").touch()
    (tmp_path / "a.mid").touch()
    assert main(common) == 2
    assert "b.mp4" in capsys.readouterr().err


def test_composed_music_is_ranked_beside_truth_and_baselines(tiny: DiffBGM) -> None:
    videos = made_up(110, coupled=True)
    kept = videos[45:]
    held = HeldOut(
        ids=tuple(v.id for v in kept),
        footage=tuple(cut_footage(v.footage, 0) for v in kept),
        true=tuple(heard_in(v, 0) for v in kept),
        elsewhere=tuple(heard_in(v, 20) for v in kept),
        towers=train_retrieval(videos[:45], options=OPTIONS),
        director=None,
        trained_on=45,
        options=OPTIONS,
    )
    few = HeldOut(**{**vars(held), "footage": held.footage[:2], "ids": held.ids[:2]})
    scores = compose_for(tiny, few, seed=0, steps=2, on_progress=lambda fraction, message: None)
    heard = [listen(score, SECONDS) for score in scores]
    assert all(h.density.sum() > SECONDS for h in heard)
    rng = np.random.default_rng(0)
    noise = hear_all([heard[i % 2].excerpt(int(rng.integers(20)), 40) for i in range(len(kept))])
    truth = hear_all(held.true)
    assert noise.tracks.shape[2] != truth.tracks.shape[2]
    report = retrieval_report(held, {TRUTH: truth, "copies": truth}, seed=0)
    found = report.data["videos"]
    assert found[TRUTH] == found["copies"]
    assert found[TRUTH]["precision"]["5"] > found["music of other videos"]["precision"]["5"] + 0.1
    assert report.data["music"]["copies"]["precision"]["5"] == 1.0  # every piece finds itself
    assert len(plots_for("retrieval", report)) == 2


def test_stored_tracks_look_like_a_video() -> None:
    footage = cut_footage(made_up(1, coupled=True)[0].footage, 0)
    features = features_of(footage)
    assert features.duration == SECONDS
    assert [c.time for c in features.cuts] == [t for t in range(1, SECONDS) if footage.since_cut[t] == 0]
    assert features.clip is not None
    assert len(features.clip) == SECONDS // 2


def test_systems_stand_side_by_side(tiny: DiffBGM, tmp_path: Path) -> None:
    from diffbgm.options import ComposeOptions

    for seed, song_id in enumerate(VALIDATION):
        write_song(tmp_path, song_id, seed, bars=20)
    other = untrained(Config.tiny(), 1)
    assert any(not torch.equal(a, b) for a, b in zip(tiny.model.parameters(), other.model.parameters(), strict=True))
    report = evaluate_systems(tiny.model, other.model, tmp_path, n=20, options=ComposeOptions(steps=3))
    systems = report.data["systems"]
    assert len(systems) == 4
    real, dealt = systems["real songs"], systems["this model, dealt to other plans"]
    assert real["overlapping area, pitch"] == 1.0
    assert real["mode asked and heard"] >= 0.8  # a scene may ask for what most of it is, a window be the rest
    assert dealt["PCHE over 8 bars, bits"] == pytest.approx(systems["this model"]["PCHE over 8 bars, bits"])
    assert real["two-sample AUC"] < systems["this model"]["two-sample AUC"]


def test_all_of_it_is_one_report_and_one_card(
    tiny: DiffBGM, tmp_path: Path, capsys: pytest.CaptureFixture[str], set_threads: Callable[[int], None]
) -> None:
    set_threads(threads_each(2))  # as the two workers below
    tiny.save_pretrained(tmp_path / "weights")
    for seed, song_id in enumerate(TRAINING[:1] + VALIDATION):
        write_song(tmp_path / "data" / "POP909", song_id, seed, bars=20)
    files = [
        "--json-file",
        str(tmp_path / "all.json"),
        "--html",
        str(tmp_path / "all.html"),
        "--card",
        str(tmp_path / "weights"),
    ]
    common = ["--quick", "--steps", "3", "--weights", str(tmp_path / "weights"), "--data", str(tmp_path / "data")]
    assert main(["evaluate", "all", *common, *files]) == 0
    assert "MuVi-Sync is not in the data folder" in capsys.readouterr().out
    kinds = {"systems", "model", "sync", "semantics", "sound", "published"}
    assert set(json.loads((tmp_path / "all.json").read_text())["data"]) == kinds
    assert set(json.loads((tmp_path / "weights" / "metrics.json").read_text())) == kinds
    page = (tmp_path / "all.html").read_text()
    assert page.count("<svg") >= 6
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    apart = tmp_path / "apart.json"
    assert main(["evaluate", "all", *common, "--workers", "2", "--json-file", str(apart)]) == 0
    assert json.loads(apart.read_text()) == json.loads((tmp_path / "all.json").read_text())


def test_what_is_left_out_is_said() -> None:
    report = combine({}, 3)
    why = dict(report.tables[0].rows)
    assert list(why) == list(KINDS)
    assert why["model"] == "POP909 is not in the data folder"
    assert why["pieces"] == "POP909 is not in the data folder, or --quick"
    assert why["judges"] == "no Python is named for them"
