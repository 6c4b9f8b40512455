"""Batches on Ray: machines, actors and drivers that are lost in the middle, and machines that join; the same music."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.batch import gates
from tests.batch.running import command, environment, finished, hidden, write_csv

from diffbgm import DiffBGM
from diffbgm.batch import Outcome, score_batch, score_dataset
from diffbgm.batch import cluster as engine
from diffbgm.batch.manifest import read_manifest
from diffbgm.batch.outcomes import job_of
from diffbgm.batch.rows import Piece

ray = pytest.importorskip("ray")
Cluster = pytest.importorskip("ray.cluster_utils").Cluster

PATIENCE = 120.0  # seconds
ROWS = 12
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


@contextmanager
def running(manifest: Path, out: Path, weights: Path, **chosen: Any) -> Iterator["Future[tuple[Outcome, ...]]"]:
    """A batch in another thread, since machines come and go in the main one; the gate opens after the block."""
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(score_batch, manifest, out, weights=weights, ray="auto", **chosen)
        finally:
            (gates.gates_of(out) / "open").touch()


def at_gate(out: Path) -> list[tuple[str, int, int]]:
    """Row, worker and machine of whatever came to the gate."""
    names = (path.name.split("-") for path in gates.gates_of(out).glob("n*"))
    return [(row, int(worker), int(machine)) for row, worker, machine in names]


def raylet_of(node: Any) -> int:
    return node.all_processes["raylet"][0].process.pid


def test_a_machine_is_lost_and_another_joins(
    cluster: Any,
    many: Path,
    wanted: dict[str, bytes],
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(engine, "finish_row", gates.finish_at_gate)
    first = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    with running(many, out, weights) as batch:
        until(lambda: batch.done() or (len(finished(out)) == gates.FREE and on_machine(out, first)))
        lost = on_machine(out, first)
        cluster.remove_node(first, allow_graceful=False)
        second = cluster.add_node(num_cpus=1, object_store_memory=STORE)
        until(lambda: batch.done() or on_machine(out, second))
    outcomes = batch.result()
    assert lost
    assert on_machine(out, second), "the machine that joined did nothing"
    assert [outcome.error for outcome in outcomes] == [""] * ROWS
    assert midi_of(out) == wanted
    assert not hidden(out)
    cluster.remove_node(second, allow_graceful=False)
    until(lambda: sum(node["Alive"] for node in ray.nodes()) == 1)  # no actor of the next test starts on a lost machine


def on_machine(out: Path, node: Any) -> set[str]:
    """Rows that a machine has worked on."""
    return {row for row, _, machine in at_gate(out) if machine == raylet_of(node)}


def test_an_actor_is_killed(
    cluster: Any,
    many: Path,
    wanted: dict[str, bytes],
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(engine, "Composer", gates.ComposeAtGate)
    with running(many, out, weights, limit=6) as batch:
        until(lambda: batch.done() or len(at_gate(out)) > gates.FREE)
        came = at_gate(out)
        for worker in {worker for _, worker, _ in came}:
            with suppress(psutil.NoSuchProcess):  # it may have ended with its machine, which is as good
                psutil.Process(worker).kill()
    outcomes = batch.result()
    held = {row for row, _, _ in came}
    again = {row for row, worker, machine in at_gate(out) if row in held and (row, worker, machine) not in came}
    assert again, "no row was composed again"
    assert [outcome.error for outcome in outcomes] == [""] * 6 + ["not done"] * (ROWS - 6)
    assert midi_of(out).items() <= wanted.items()
    assert len(midi_of(out)) == 6


GATED = """import sys
from tests.batch import gates
from diffbgm.batch import cluster
from diffbgm.cli import main
cluster.finish_row = gates.finish_at_gate
sys.exit(main(sys.argv[1:]))"""


def test_a_driver_is_killed_and_the_next_does_what_is_missing(
    cluster: Any, many: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    line = [sys.executable, "-c", GATED, *command(many, out, weights)[2:], "--ray", "auto"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(line, cwd=root, env={**environment(), "RAY_ADDRESS": cluster.address}) as driver:
        until(lambda: driver.poll() is not None or len(finished(out)) == gates.FREE < len(at_gate(out)))
        driver.send_signal(signal.SIGKILL)
    until(lambda: not any(psutil.pid_exists(worker) for _, worker, _ in at_gate(out)))  # what it had begun ends with it
    done = finished(out)
    assert len(done) == gates.FREE
    outcomes = score_batch(many, out, weights=weights, ray="auto")
    assert [outcome.error for outcome in outcomes] == [""] * ROWS
    assert done.items() < finished(out).items()
    assert midi_of(out) == wanted
    assert not hidden(out)


def test_a_row_that_kills_its_process_costs_itself_only(
    cluster: Any, many: Path, weights: Path, tmp_path: Path
) -> None:
    model = DiffBGM.from_pretrained(weights, device="cpu")
    jobs = [job_of(row, many.parent, tmp_path, model.origin) for row in read_manifest(many)[:3]]
    pieces = [gates.Deadly(jobs[0], tmp_path, home=os.getpid()), *(Piece(job, tmp_path) for job in jobs[1:])]
    ended: list[Piece] = []
    engine.score_on_ray(pieces, model, "cpu", ended.append, lambda: None)
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
    cluster.add_node(num_cpus=1, object_store_memory=STORE)
    again = score_dataset(ray.data.from_items(rows[:1]), tmp_path, weights=weights, device="cpu").take_all()
    assert [row["bpm"] for row in again] == [good["bpm"]]
    assert finished(tmp_path)["a.result.json"] == then  # it was done
