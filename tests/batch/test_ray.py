"""Batches on Ray: machines, actors and drivers that are lost in the middle, and machines that join; the same music.

Nothing here depends on how fast the machine is: what is waited for is certain to come, by the number of places alone,
and `PATIENCE` only ends a test that would wait for ever.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
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

PATIENCE = 900.0  # seconds
ROWS = 12
STORE = 80 << 20  # bytes of memory for a machine's objects
UNHURRIED = {  # Ray takes a slow machine for a lost one otherwise; one that is killed says so at once, by its socket
    "RAY_health_check_timeout_ms": "300000",
    "RAY_health_check_period_ms": "1000",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_GCS_SERVER_REQUEST_TIMEOUT_SECONDS": "300",
    "RAY_memory_monitor_refresh_ms": "0",  # kills workers where other programs fill the memory
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one machine with one core, and Ray connected to it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment(), **UNHURRIED}.items():  # which its machines inherit
            patch.setenv(name, value)
        head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False, "wait": False}
        cluster = Cluster(initialize_head=True, connect=True, head_node_args=head)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@contextmanager
def machine(cluster: Any, **resources: int) -> Iterator[Any]:
    """A machine with one core that joins the cluster; after the block it is lost, and Ray knows."""

    def is_alive() -> bool:
        return any(other["Alive"] for other in ray.nodes() if other["NodeID"] == node.node_id)

    node = cluster.add_node(wait=False, num_cpus=1, object_store_memory=STORE, **resources)
    try:
        until(is_alive)
        yield node
    finally:
        if node in cluster.worker_nodes:
            cluster.remove_node(node, allow_graceful=False)
        until(lambda: not is_alive())


@contextmanager
def half_a_core() -> Iterator[None]:
    """Half a core of the only machine is taken: one task fits beside, or one actor, and others need another machine."""
    holder = ray.remote(num_cpus=0.5)(gates.Holder).remote()
    ray.get(holder.here.remote())
    try:
        yield
    finally:
        ray.kill(holder)


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
    with half_a_core(), ExitStack() as machines:
        first = machines.enter_context(machine(cluster))
        with running(many, out, weights) as batch:
            until(lambda: batch.done() or (len(finished(out)) == gates.FREE and on_machine(out, first)))
            lost = on_machine(out, first)
            cluster.remove_node(first, allow_graceful=False)
            second = machines.enter_context(machine(cluster))
            until(lambda: batch.done() or on_machine(out, second))
            joined = on_machine(out, second)
    assert lost
    assert joined, "the machine that joined did nothing"
    assert [outcome.error for outcome in batch.result()] == [""] * ROWS
    assert midi_of(out) == wanted
    assert not hidden(out)


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
    limit = (gates.FREE + 1) * engine.CPU_ROWS - 2
    with running(many, out, weights, limit=limit) as batch:
        until(lambda: batch.done() or len(at_gate(out)) > gates.FREE)
        came = at_gate(out)
        for worker in {worker for _, worker, _ in came}:
            with suppress(psutil.NoSuchProcess):  # it may have ended by itself, which is as good
                psutil.Process(worker).kill()
    held = {row for row, _, _ in came}
    again = {row for row, worker, machine in at_gate(out) if row in held and (row, worker, machine) not in came}
    assert again, "no row was composed again"
    assert [outcome.error for outcome in batch.result()] == [""] * limit + ["not done"] * (ROWS - limit)
    assert midi_of(out).items() <= wanted.items()
    assert len(midi_of(out)) == limit


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
        workers = [psutil.Process(worker) for _, worker, _ in at_gate(out) if psutil.pid_exists(worker)]
        driver.kill()
    assert workers
    assert not psutil.wait_procs(workers, timeout=PATIENCE)[1], "what it had begun does not end with it"
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
    with machine(cluster):  # Ray splits a dataset in a whole core, beside the actor's share of one
        again = score_dataset(ray.data.from_items(rows[:1]), tmp_path, weights=weights, device="cpu").take_all()
    assert [row["bpm"] for row in again] == [good["bpm"]]
    assert finished(tmp_path)["a.result.json"] == then  # it was done


def test_an_actor_is_placed_on_a_gpu_and_composes_rows_together(
    cluster: Any, many: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "Composer", gates.ComposeAndTell)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")  # or the machine could not claim a GPU
    model = DiffBGM.from_pretrained(weights, device="cpu")
    jobs = [job_of(row, many.parent, tmp_path / "out", model.origin) for row in read_manifest(many)[:3]]
    (tmp_path / "out").mkdir()
    ended: list[Piece] = []
    with machine(cluster, num_gpus=1) as node:
        engine.score_on_ray([Piece(job) for job in jobs], model, None, ended.append, lambda: None)
    assert [piece.error for piece in ended] == [""] * 3
    (told,) = gates.gates_of(tmp_path / "out").glob("3-rows-*")
    assert told.name == f"3-rows-on-gpu-0-of-{node.node_id}"
