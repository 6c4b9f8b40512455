"""Batches: sharing out, failures per row, and taking up again after processes were killed."""

import json
import shutil
from pathlib import Path

import psutil
import pytest
import torch
from accelerate import PartialState
from hypothesis import given
from hypothesis import strategies as st
from tests.batch.conftest import CLIPS
from tests.batch.running import Launched, finished, music_of, write_csv

from diffbgm import DiffBGM
from diffbgm.batch import read_manifest, score_batch, share
from diffbgm.batch.processes import worker_environment
from diffbgm.cli import main
from diffbgm.errors import InputError
from diffbgm.options import settings_of


def test_two_processes_of_which_one_is_killed_give_the_same_files(
    films: Path, weights: Path, undisturbed: Path, tmp_path: Path
) -> None:
    manifest, out = films / "clips.csv", tmp_path / "out"
    first = Launched(manifest, out, weights)
    first.wait_for(lambda: len(finished(out)) >= 1)
    workers = first.kill_one()
    assert first.end()[0] != 0
    after_one = finished(out)
    assert 1 <= len(after_one) < CLIPS

    code, text = Launched(manifest, out, weights).end()
    assert code == 0, text
    assert set(after_one.items()) <= set(finished(out).items())  # nothing finished was done again
    assert music_of(out) == music_of(undisturbed)
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in undisturbed.iterdir())
    assert workers
    assert not psutil.wait_procs(workers, timeout=60)[1]  # none outlives whom it worked for


def test_what_is_done_is_not_done_again_and_what_changed_is(
    films: Path, weights: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before = finished(out)
    (out / "1.mid").unlink()
    rows = [{"video": str(films / "0.mp4"), "style": "calm", "steps": 2, "seed": ""}]
    assert len(score_batch(films / "clips.csv", out, weights=weights, device="cpu")) == CLIPS
    after = finished(out)
    assert {name for name in after if after[name] != before[name]} == {"1.result.json"}
    row = read_manifest(films / "clips.csv")[1]
    alone = DiffBGM.from_pretrained(weights, device="cpu").score(films / row.video, **settings_of(row))
    assert (out / "1.mid").read_bytes() == alone.midi
    outcome = score_batch(write_csv(tmp_path / "other.csv", rows), out, weights=weights, device="cpu")[0]
    assert finished(out)["0.result.json"] != before["0.result.json"]  # the manifest names another path
    assert outcome.receipt
    assert outcome.receipt["seed"] == json.loads((undisturbed / "0.receipt.json").read_text())["seed"]


def test_a_row_that_fails_leaves_the_others_alone(
    films: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    rows = [
        {"video": "missing.mp4"},
        {"video": "text.mp4"},
        {"video": str(films / "0.mp4"), "style": "clam", "name": "odd"},
        {"video": str(films / "0.mp4"), "style": ["calm"], "steps": 4, "seed": 7, "name": "good"},
    ]
    manifest = tmp_path / "clips.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out"
    assert main(["batch", str(manifest), "-o", str(out), "--weights", str(weights), "--device", "cpu"]) == 1
    error = capsys.readouterr().err
    assert "3 of 4 rows failed" in error
    results = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [r["status"] for r in results] == ["failed", "failed", "failed", "done"]
    assert "missing.mp4" in results[0]["error"]
    assert "calm" in results[2]["error"]
    assert results[3]["scored"] == "good.mp4"
    assert results[3]["seed"] == 7
    assert {p.name for p in out.iterdir() if p.name.startswith("good")} == {
        "good.mp4", "good.mid", "good.receipt.json", "good.result.json",
    }  # fmt: skip
    assert not list(out.glob(".*"))
    rows = [rows[3]]
    manifest.write_text(json.dumps(rows[0]) + "\n")
    assert main(["batch", str(manifest), "-o", str(out), "--weights", str(weights), "--device", "cpu"]) == 0


def test_what_the_progress_raises_ends_the_batch(films: Path, weights: Path, tmp_path: Path) -> None:
    def stop(fraction: float, message: str) -> None:
        raise TimeoutError(message)

    with pytest.raises(TimeoutError, match="0 of 4 done"):
        score_batch(films / "clips.csv", tmp_path, weights=weights, device="cpu", on_progress=stop)
    assert not finished(tmp_path)  # and nobody took the fall for it
    with pytest.raises(InputError, match="at least 1"):
        score_batch(films / "clips.csv", tmp_path, weights=weights, device="cpu", workers=0)


def test_a_worker_is_nobodys_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert worker_environment(torch.device("cuda", 1))["CUDA_VISIBLE_DEVICES"] == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    environment = worker_environment(torch.device("cuda", 1))
    assert environment["CUDA_VISIBLE_DEVICES"] == "6"
    assert not {"LOCAL_RANK", "WORLD_SIZE"} & set(environment)
    assert worker_environment(torch.device("cpu"))["ACCELERATE_USE_CPU"] == "1"


def test_processes_that_cannot_talk_are_refused(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PartialState(cpu=True)  # joined alone, as on hardware that accelerate has no backend for
    monkeypatch.setenv("WORLD_SIZE", "2")
    manifest = write_csv(tmp_path / "m.csv", [{"video": "a.mp4"}])
    with pytest.raises(InputError, match="--device cpu"):
        score_batch(manifest, tmp_path / "out", weights=weights)
    assert not (tmp_path / "out").exists()


@given(st.lists(st.integers(0, 1000), max_size=40), st.integers(1, 9))
def test_shares_hold_every_item_once_and_are_even(sizes: list[int], processes: int) -> None:
    shares = share(sizes, processes)
    assert len(shares) == processes
    assert sorted(i for s in shares for i in s) == list(range(len(sizes)))
    loads = [sum(sizes[i] for i in s) for s in shares]
    assert max(loads) - min(loads) <= max(sizes, default=0)
    assert all(s == sorted(s) for s in shares)
