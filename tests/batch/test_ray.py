"""Batches on Ray: machines, actors and drivers that are lost in the middle, and machines that join; the same music."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.batch.running import command, environment, finished, hidden, write_csv

from diffbgm import DiffBGM
from diffbgm.batch import score_batch, score_dataset
from diffbgm.batch.cluster import score_on_ray
from diffbgm.batch.manifest import read_manifest
from diffbgm.batch.outcomes import job_of
from diffbgm.batch.rows import Piece

ray = pytest.importorskip("ray")
Cluster = pytest.importorskip("ray.cluster_utils").Cluster

PATIENCE = 120.0  # seconds
ROWS = 40  # so that a batch outlasts the coming and going of machines
STORE = 80 << 20  # bytes of memory for a machine's objects


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one machine with one core, and Ray connected to it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():  # which its machines inherit
            patch.setenv(name, value)
        head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, connect=True, head_node_args=head)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture(scope="module")
def many(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows: list[dict[str, object]] = [
        {"video": films / f"{k % 4}.mp4", "name": f"n{k}", "style": "calm", "steps": 4} for k in range(ROWS)
    ]
    return write_csv(tmp_path_factory.mktemp("many") / "clips.csv", rows)


@pytest.fixture(scope="module")
def wanted(many: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The MIDI by the plain engine."""
    out = tmp_path_factory.mktemp("plain")
    assert subprocess.run([sys.executable, *command(many, out, weights)], env=environment(), check=True)
    return midi_of(out)


def midi_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.mid"))}


def until(true: Callable[[], Any]) -> Any:
    began = time.monotonic()
    while not (value := true()):
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.05)
    return value


def busy(node: Any, what: str = "ray::Map") -> list[psutil.Process]:
    """The processes of a machine that work on a stage."""
    raylets = [psutil.Process(info.process.pid) for info in node.all_processes["raylet"]]
    return [child for raylet in raylets for child in raylet.children() if name_of(child).startswith(what)]


def name_of(process: psutil.Process) -> str:
    with suppress(psutil.Error, IndexError):
        return process.cmdline()[0]
    return ""


def meanwhile(do: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


def test_a_machine_is_lost_and_another_joins(
    cluster: Any, many: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path
) -> None:
    first = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    worked = []

    def exchange() -> None:
        until(lambda: len(finished(tmp_path)) >= 2 and busy(first))
        cluster.remove_node(first, allow_graceful=False)
        second = cluster.add_node(num_cpus=1, object_store_memory=STORE)
        worked.append(second)
        worked.extend(until(lambda: busy(second)))

    thread = meanwhile(exchange)
    outcomes = score_batch(many, tmp_path, weights=weights, ray="auto")
    thread.join(timeout=10)
    assert [outcome.error for outcome in outcomes] == [""] * ROWS
    assert midi_of(tmp_path) == wanted
    assert not hidden(tmp_path)
    assert len(worked) > 1, "the machine that joined did nothing"
    cluster.remove_node(worked[0], allow_graceful=False)


def test_an_actor_is_killed(cluster: Any, many: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path) -> None:
    killed = []

    def kill() -> None:
        actors = until(lambda: finished(tmp_path) and busy(cluster.head_node, "ray::MapWorker"))
        for actor in actors:
            actor.kill()
            killed.append(actor)

    thread = meanwhile(kill)
    outcomes = score_batch(many, tmp_path, weights=weights, ray="auto", limit=6)
    thread.join(timeout=10)
    assert killed
    assert [outcome.error for outcome in outcomes] == [""] * 6 + ["not done"] * 6
    assert midi_of(tmp_path).items() < wanted.items()


def test_a_driver_is_killed_and_the_next_does_what_is_missing(
    cluster: Any, many: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path
) -> None:
    line = [sys.executable, *command(many, tmp_path, weights), "--ray", "auto", "--limit", "6"]
    with subprocess.Popen(line, env={**environment(), "RAY_ADDRESS": cluster.address}) as driver:
        until(lambda: len(finished(tmp_path)) >= 2)
        driver.send_signal(signal.SIGKILL)
    until(lambda: not busy(cluster.head_node))  # what it had begun ends with it
    done = finished(tmp_path)
    assert 2 <= len(done) < 6
    outcomes = score_batch(many, tmp_path, weights=weights, ray="auto", limit=6 - len(done))
    assert sum(not outcome.error for outcome in outcomes) == 6
    assert done.items() <= finished(tmp_path).items()
    assert midi_of(tmp_path).items() < wanted.items()
    assert not hidden(tmp_path)


@dataclass(frozen=True)
class Deadly(Piece):
    """A row whose file kills the process that opens it."""

    home: int = 0

    @property
    def ended(self) -> bool:
        if not self.error and os.getpid() != self.home:
            os._exit(7)
        return bool(self.error)


def test_a_row_that_kills_its_process_costs_itself_only(
    cluster: Any, many: Path, weights: Path, tmp_path: Path
) -> None:
    model = DiffBGM.from_pretrained(weights, device="cpu")
    jobs = [job_of(row, many.parent, tmp_path, model.origin) for row in read_manifest(many)[:3]]
    pieces = [Deadly(jobs[0], tmp_path, home=os.getpid()), *(Piece(job, tmp_path) for job in jobs[1:])]
    ended: list[Piece] = []
    score_on_ray(pieces, model, "cpu", ended.append, lambda: None)
    errors = {piece.job.row.name: piece.error for piece in ended}
    assert errors.keys() == {"n0", "n1", "n2"}
    assert "died (exit code 7)" in errors["n0"]
    assert json.loads((tmp_path / "n0.result.json").read_text())["error"] == errors["n0"]
    assert errors["n1"] == errors["n2"] == ""


def test_a_dataset_of_rows_gives_one_of_outcomes(cluster: Any, films: Path, weights: Path, tmp_path: Path) -> None:
    rows = [{"video": str(films / "0.mp4"), "name": "a", "steps": 4}, {"video": "missing.mp4"}, {"video": ""}]
    table = {row["video"]: row for row in score_dataset(rows, tmp_path, weights=weights, device="cpu").take_all()}
    good, missing, empty = (table[row["video"]] for row in rows)
    assert (good["status"], good["midi"], good["error"]) == ("done", "a.mid", "")
    assert missing["status"] == "failed"
    assert "there is no such file" in missing["error"]
    assert empty["error"] == "row: video is empty"
    then = finished(tmp_path)["a.result.json"]
    again = score_dataset(ray.data.from_items(rows[:1]), tmp_path, weights=weights, device="cpu").take_all()
    assert [row["bpm"] for row in again] == [good["bpm"]]
    assert finished(tmp_path)["a.result.json"] == then  # it was done
