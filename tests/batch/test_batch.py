"""Batches: which rows are done, failures per row, and what is done again."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.batch.conftest import CLIPS
from tests.batch.running import finished, music_of, read_csv, write_csv

from diffbgm import DiffBGM
from diffbgm.batch import read_manifest, score_batch
from diffbgm.batch.processes import worker_environment
from diffbgm.cli import main
from diffbgm.errors import InputError
from diffbgm.options import settings_of


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


def test_a_worker_sees_the_device_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert worker_environment(torch.device("cuda", 1))["CUDA_VISIBLE_DEVICES"] == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert worker_environment(torch.device("cuda", 1))["CUDA_VISIBLE_DEVICES"] == "6"
    assert worker_environment(torch.device("cpu"))["ACCELERATE_USE_CPU"] == "1"


def test_launchers_of_processes_are_refused(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    manifest = write_csv(tmp_path / "m.csv", [{"video": "a.mp4"}])
    with pytest.raises(InputError, match="--ray or --shard"):
        score_batch(manifest, tmp_path / "out", weights=weights)
    assert not (tmp_path / "out").exists()


def test_parts_limits_and_retries_choose_rows(
    films: Path, weights: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    manifest, out, told = films / "clips.csv", tmp_path / "out", []

    def run(**chosen: Any) -> list[str]:
        outcomes = score_batch(
            manifest, out, weights=weights, device="cpu", on_progress=lambda _, text: told.append(text), **chosen
        )
        return [outcome.error for outcome in outcomes]

    assert run(shard=(2, 2), limit=1) == ["", "not done"]
    assert set(finished(out)) == {"1.result.json"}
    assert [row["status"] for row in read_csv(out / "results-2-of-2.csv")] == ["done", "waiting"]
    assert told[0] == "0 of 1 done"
    assert re.fullmatch(r"1 of 1 done, [0-9.]+ a minute, 0 min left", told[-1])
    record = json.loads((out / "1.result.json").read_text())
    (out / "1.result.json").write_text(json.dumps({**record, "error": "no luck"}))
    assert run(limit=1) == ["", "no luck", "not done", "not done"]
    assert run(retry_failed=True) == ["", "", "not done", "not done"]
    assert run() == [""] * CLIPS
    music, wanted = music_of(out), music_of(undisturbed)
    assert {name: data for name, data in music.items() if name in wanted} == wanted
    for bad in ({"limit": 0}, {"shard": (3, 2)}, {"shard": (0, 2)}):
        with pytest.raises(InputError):
            run(**bad)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"manifest": 3}, "manifest must be"),
        ({"out": 3}, "out must be"),
        ({"workers": "x"}, "workers must be a whole number, got 'x'"),
        ({"limit": 1.5}, "limit must be a whole number"),
        ({"shard": 2}, "shard must be"),
        ({"overwrite": "yes"}, "overwrite must be true or false"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    usual: dict[str, Any] = {"manifest": tmp_path / "m.csv", "out": tmp_path / "out"}
    with pytest.raises(InputError, match=said):
        score_batch(**{**usual, **given})
    assert not (tmp_path / "out").exists()
