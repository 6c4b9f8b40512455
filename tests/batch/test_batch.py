"""Batches: the manifest, sharing out, failures a row, and taking up again after processes were killed."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import psutil
import pytest
import torch
from accelerate import PartialState
from hypothesis import given
from hypothesis import strategies as st
from tests.drawing import draw_video

from diffbgm import DiffBGM, hub
from diffbgm.batch import Row, read_manifest, score_batch, share
from diffbgm.batch.processes import worker_environment
from diffbgm.batch.workers import WorkerError, Workers
from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.errors import DataError, InputError
from diffbgm.options import settings_of

CLIPS = 5
SMALL = str(resources.files("pretty_midi") / "TimGM6mb.sf2")  # a soundfont that is quick to load


@pytest.fixture(autouse=True)
def small_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFBGM_SOUNDFONT", SMALL)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = Denoiser(Config.tiny())
    assert model.head.bias is not None
    model.head.bias.data[:4] = -3.0
    return hub.save_weights(model, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with short clips and clips.csv over them."""
    folder = tmp_path_factory.mktemp("films")
    for i in range(CLIPS):
        draw_video(folder / f"{i}.mp4", (0.8 + 0.2 * i, 1.0))
    write_csv(folder / "clips.csv", [{"video": f"{i}.mp4", "style": "calm", "steps": 2} for i in range(CLIPS)])
    return folder


@pytest.fixture(scope="module")
def undisturbed(films: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch done by one process in one go."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert run_cli(films / "clips.csv", out, weights).returncode == 0
    return out


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def command(manifest: Path, out: Path, weights: Path) -> list[str]:
    return ["-m", "diffbgm.cli", "batch", *map(str, (manifest, "-o", out, "--weights", weights))]


def environment() -> dict[str, str]:
    """The same number of threads for every process, so that sums are rounded alike."""
    alone = {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **alone, "DIFFBGM_SOUNDFONT": SMALL}


def run_cli(manifest: Path, out: Path, weights: Path) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, *command(manifest, out, weights)]
    return subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def midi_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.mid"))}


def finished(out: Path) -> dict[str, int]:
    """The results so far, and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*.result.json")}


class Launched:
    """A batch on two processes by torchrun, to be killed."""

    def __init__(self, manifest: Path, out: Path, weights: Path) -> None:
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
        line = [sys.executable, *launcher, *command(manifest, out, weights)]
        self.process = subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ranks(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [p for p in children if "diffbgm.cli" in p.cmdline()]

    def wait_for(self, there: Callable[[], bool]) -> None:
        until = time.monotonic() + 240
        while not there():
            assert self.process.poll() is None, self.end()[1]
            assert time.monotonic() < until, "the batch does not get on"
            time.sleep(0.02)

    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [p for p in children if any("diffbgm.batch.workers" in word for word in p.cmdline())]

    def kill_one(self) -> list[psutil.Process]:
        """SIGKILL for a rank; the workers that were there."""
        workers = self.workers()
        self.ranks()[-1].kill()
        return workers

    def kill_all(self) -> list[psutil.Process]:
        workers = self.workers()
        everybody = [psutil.Process(self.process.pid), *self.ranks()]
        for process in everybody:
            process.suspend()  # so that nobody has time to notice that another is gone
        for process in everybody:
            process.kill()
        return workers

    def end(self) -> tuple[int, str]:
        text = self.process.communicate(timeout=300)[0].decode()
        return self.process.returncode, text


def test_two_processes_that_are_killed_twice_give_the_same_files(
    films: Path, weights: Path, undisturbed: Path, tmp_path: Path
) -> None:
    manifest, out = films / "clips.csv", tmp_path / "out"
    first = Launched(manifest, out, weights)
    first.wait_for(lambda: len(finished(out)) >= 1)
    workers = first.kill_one()
    assert first.end()[0] != 0
    after_one = finished(out)
    assert 1 <= len(after_one) < CLIPS

    second = Launched(manifest, out, weights)
    second.wait_for(lambda: len(finished(out)) > len(after_one))
    workers += second.kill_all()
    second.end()
    after_all = finished(out)
    assert set(after_one.items()) <= set(after_all.items())  # nothing finished was done again

    code, text = Launched(manifest, out, weights).end()
    assert code == 0, text
    assert set(after_all.items()) <= set(finished(out).items())
    assert len(finished(out)) == CLIPS
    assert midi_of(out) == midi_of(undisturbed)
    assert (out / "results.csv").read_text() == (undisturbed / "results.csv").read_text()
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in undisturbed.iterdir())
    assert workers
    assert not psutil.wait_procs(workers, timeout=60)[1]  # none outlives whom it worked for


def test_what_is_done_is_not_done_again_and_what_changed_is(
    films: Path, weights: Path, undisturbed: Path, tmp_path: Path
) -> None:
    import shutil

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
        {"video": str(films / "0.mp4"), "style": ["calm"], "steps": 1, "seed": 7, "name": "good"},
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

    with pytest.raises(TimeoutError, match="0 of 5 done"):
        score_batch(films / "clips.csv", tmp_path, weights=weights, device="cpu", on_progress=stop)
    assert not finished(tmp_path)  # and nobody took the fall for it
    with pytest.raises(InputError, match="at least 1"):
        score_batch(films / "clips.csv", tmp_path, weights=weights, device="cpu", workers=0)


def test_a_worker_that_dies_fails_one_call(capfd: pytest.CaptureFixture[str]) -> None:
    with Workers(1, os.environ) as pool:
        with pytest.raises(WorkerError, match="exit code 7"):
            pool.call(os._exit, 7)
        assert pool.call(int, "5") == 5
        with pytest.raises(WorkerError, match="ValueError: invalid literal"):
            pool.call(int, "five")
        assert pool.call(print, "what a library says") is None  # is kept out of the answers
        assert pool.submit(pool.call, os.getppid).result() == os.getpid()
    assert "what a library says" in capfd.readouterr().err


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


def test_names_and_seeds_come_from_the_video(tmp_path: Path) -> None:
    rows = read_manifest(
        write_csv(tmp_path / "m.csv", [{"video": v} for v in ("x/a.mp4", "y/a.mov", "A.mp4", "b.mp4")])
    )
    assert [row.name for row in rows] == ["a", "a-2", "A-3", "b"]
    assert len({row.seed for row in rows}) == 4
    (alone,) = read_manifest(write_csv(tmp_path / "m.csv", [{"video": "b.mp4", "steps": " 3", "guidance": "2"}]))
    assert alone == Row("b.mp4", "b", seed=rows[3].seed, steps=3, guidance=2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video,sede\na.mp4,1\n", "row 1: no column is called 'sede'"),
        ("video,seed\na.mp4,1\nb.mp4,one\n", "row 2: seed must be a number, got 'one'"),
        ("video,keep_audio\na.mp4,loud\n", "replace, mix, duck"),
        ("video,semantics\na.mp4,magic\n", "auto, colour, clip"),
        ("video,name\na.mp4,../a\n", "plain file name"),
        ("video,name\na.mp4,x\nb.mp4,X\n", "the same name"),
        ("style\ncalm\n", "video is empty"),
        ("video\n", "has no rows"),
        ("", "has no rows"),
    ],
)
def test_mistakes_in_a_manifest_are_named_before_the_work(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        read_manifest(tmp_path / "m.csv")


def test_other_manifests_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"video": "a.mp4"}\n[1]\n')
    with pytest.raises(DataError, match="line 2: must be an object"):
        read_manifest(tmp_path / "m.jsonl")
    with pytest.raises(DataError, match=r"\.csv or \.jsonl"):
        read_manifest(tmp_path / "m.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv")


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
