"""Batches under load: the engines side by side, many rows whose stages do nothing, and kills at random moments.

    python -m tests.bench.batches engines [--videos 12] [--seconds 20] [--steps 24] [--rounds 1]
    python -m tests.bench.batches rows [--rows 10000]
    python -m tests.bench.batches kills [--kills 20] [--seed 0]
    python -m tests.bench.batches paper [--clips 1000000] [--gpu 2400] [--head RATE]

The videos are drawn. `engines`: wall time of the plain engine and of Ray on this machine, in turn, and whether the MIDI
is the same; start-up is the time of a batch of one clip of 1 s in 2 steps, and the ratio is of what is left without it.
`rows`: the most memory of this process and of Ray's store. Run both on an idle machine, with ray installed; the load
beside them is printed. `kills`: SIGKILL, SIGTERM and SIGINT in turn; fails where anything is lost, left behind or other
than undisturbed. `paper`: what a clip of a minute takes of a core by stage, measured here, and from that what one head
and nodes with a GPU would do with many such clips; `--gpu` is how many windows a GPU evaluates a second (2,400: one
H100, batches of 256), `--head` how many rows a second the head passes on (measured by `rows`).
"""

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from tests.batch.running import environment, finished, hidden, killed_batch, music_of, run_cli
from tests.networks import playing_network

from diffbgm import DiffBGM, hub
from diffbgm.batch import cluster
from diffbgm.batch.manifest import Row
from diffbgm.batch.outcomes import job_of
from diffbgm.batch.rows import Piece, compose_rows, finish_row, plan_row
from diffbgm.video.demo import draw_demo

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CORES = 16  # of a node with a GPU
HEAD = 20.0  # rows a second; see `rows`
ENGINES = {"plain": [], "ray": ["--ray", "local"]}  # options by name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("engines", "rows", "kills", "paper"))
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--gpu", type=float, default=2400.0)
    parser.add_argument("--head", type=float, default=HEAD)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as name:
        folder = Path(name)
        if args.what == "engines":
            compare(folder, args.videos, args.seconds, args.steps, args.rounds)
        elif args.what == "rows":
            pass_through(folder, args.rows)
        elif args.what == "paper":
            reckon(measure_minute(folder), args.clips, args.gpu, args.head)
        else:
            kill(draw(folder, 4, 1.0, 2), args.kills, random.Random(args.seed))


def compare(folder: Path, videos: int, seconds: float, steps: int, rounds: int) -> None:
    """Prints a table of the engines."""
    one, many = (draw(folder / name, *what) for name, what in {"1": (1, 1.0, 2), "n": (videos, seconds, steps)}.items())
    start: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    work: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    music: list[list[bytes]] = []
    for k in range(rounds):
        print(f"round {k + 1}: load beside it {os.getloadavg()[0]:.1f}", flush=True)
        for engine in ENGINES:
            start[engine].append(timed(one, folder / f"{engine}{k}-1", engine))
            work[engine].append(timed(many, folder / f"{engine}{k}", engine) - start[engine][-1])
            music.append([path.read_bytes() for path in sorted((folder / f"{engine}{k}").glob("*.mid"))])
    assert len(music[0]) == videos
    for engine in ENGINES:
        every = " ".join(f"{seconds:.1f}" for seconds in work[engine])
        print(f"{engine:6} start {statistics.median(start[engine]):6.1f} s, then {every} s")
    ratio = statistics.median(work["plain"]) / statistics.median(work["ray"])
    same = "the same MIDI" if all(each == music[0] for each in music) else "OTHER MIDI"
    print(f"throughput of ray / plain {ratio:.2f}, {videos} clips, {rounds} rounds, {os.cpu_count()} cores, {same}")
    timings = [json.loads(path.read_text())["timings"] for path in (folder / "ray0").glob("*.receipt.json")]
    means = (f"{stage} {statistics.mean(timing[stage] for timing in timings):.2f}" for stage in timings[0])
    print(f"mean seconds of a stage on Ray: {', '.join(means)}")


def timed(films: Path, out: Path, engine: str) -> float:
    """Seconds of a batch with the bundled weights."""
    line = [sys.executable, "-m", "diffbgm.cli", "batch", str(films / "clips.csv"), "-o", str(out), *ENGINES[engine]]
    began = time.monotonic()
    subprocess.run(line, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


class Idle(cluster.Composer):
    """An actor that composes nothing."""

    def __call__(self, batch: Any) -> Any:
        yield {"piece": list(batch["piece"])}


def nothing(piece: Piece) -> Piece:
    """A stage."""
    return piece


def pass_through(folder: Path, rows: int) -> None:
    """Sends rows through the pipeline."""
    import ray
    from ray._private.internal_api import memory_summary

    os.environ.update(environment())
    cluster.plan_row = cluster.finish_row = nothing
    cluster.Composer = Idle
    model = DiffBGM.from_pretrained(hub.save_weights(playing_network(), folder / "weights"), device="cpu")
    jobs = [job_of(Row(video=f"{k}.mp4", name=str(k), seed=k), folder, folder, model.origin) for k in range(rows)]
    pieces = [Piece(job, folder) for job in jobs]
    done: list[str] = []
    memory: list[tuple[int, int, float]] = []

    def watch() -> None:
        while not ended.wait(2.0):
            used = re.search(r"Plasma memory usage ([\d.]+) MiB", memory_summary(stats_only=True))
            memory.append((len(done), psutil.Process().memory_info().rss, float(used[1]) if used else 0.0))

    with cluster.connected("local"):
        before, began, ended = psutil.Process().memory_info().rss, time.monotonic(), threading.Event()
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            cluster.score_on_ray(pieces, model, "cpu", lambda piece: done.append(piece.job.row.name), lambda: None)
        finally:
            ended.set()
            thread.join()
        seconds = time.monotonic() - began
        assert ray.is_initialized()
    assert len(set(done)) == rows
    print(f"{rows} rows in {seconds:.0f} s; this process {before >> 20} MiB before it")
    for count, rss, store in memory[:: max(1, len(memory) // 10)]:
        print(f"{count:7} done: this process {rss >> 20:6} MiB, store {store:7.1f} MiB")
    print(f"most: this process {max(m[1] for m in memory) >> 20} MiB, store {max(m[2] for m in memory):.1f} MiB")


@dataclass(frozen=True)
class Minute:
    """What a clip of a minute takes.

    Attributes:
        seconds: Of one core, by stage.
        evaluations: How often the network looks at a window.
    """

    seconds: dict[str, float]
    evaluations: int


def measure_minute(folder: Path) -> Minute:
    """Scores a drawn minute with one thread, after a short film that warms up."""
    torch.set_num_threads(1)
    model = DiffBGM.from_pretrained(device="cpu")
    measure_film(model, folder, "short", 8.0)
    return measure_film(model, folder, "minute", 60.0)


def measure_film(model: DiffBGM, folder: Path, name: str, length: float) -> Minute:
    """Draws and scores a film of `length` seconds."""
    draw_demo(folder / f"{name}.mp4", length)
    job = job_of(Row(video=f"{name}.mp4", name=name, seed=1), folder, folder / f"{name}-scored", model.origin)
    job.out.mkdir()
    seconds: dict[str, float] = {}
    seen: list[int] = []
    handle = model.model.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    piece = timed_stage(seconds, "decode, analyse, plan", plan_row, Piece(job, job.out))
    planned = iter([piece])
    composing = compose_rows(model.model, model.dtype, lambda wait: next(planned, None))
    piece = timed_stage(seconds, "compose", next, composing)
    handle.remove()
    piece = timed_stage(seconds, "arrange, synthesise, mux", finish_row, piece)
    assert not piece.error, piece.error
    return Minute(seconds, sum(seen))


def timed_stage(seconds: dict[str, float], name: str, stage: Callable[[Any], Piece], value: Any) -> Piece:
    """A stage's piece; its seconds of processor time, programs that it started included."""
    before = sum(os.times()[:4])
    piece = stage(value)
    seconds[name] = sum(os.times()[:4]) - before
    return piece


def reckon(minute: Minute, clips: int, gpu: float, head: float) -> None:
    """Prints what a head and nodes would do with many clips of a minute, and which stage bounds it."""
    print("| stage of a clip of 60 s | seconds of a core | on a GPU |\n| --- | --- | --- |")
    for stage, seconds in minute.seconds.items():
        print(f"| {stage} | {seconds:.1f} | {f'{minute.evaluations / gpu:.2f} s' if stage == 'compose' else ''} |")
    beside = sum(seconds for stage, seconds in minute.seconds.items() if stage != "compose")
    rates = {  # clips a second of a node, or of the head
        "its cores": CORES / beside, "its GPU": gpu / minute.evaluations, "the head": head,
    }  # fmt: skip
    print(
        f"\nA clip takes {minute.evaluations} evaluations of a window. A node with a GPU and {CORES} cores does "
        f"{rates['its cores']:.2f} clips a second on its cores, {rates['its GPU']:.2f} on its GPU, which wants "
        f"{rates['its GPU'] * beside:.0f} cores; the head passes on {head:.0f}.\n"
    )
    print(f"| nodes | clips a second | {clips:,} clips | bound by |\n| --- | --- | --- | --- |")
    for nodes in (1, 4, 16, 64, 256):
        rate, bound = min((rate if name == "the head" else nodes * rate, name) for name, rate in rates.items())
        print(f"| {nodes} | {rate:.1f} | {clips / rate / 3600:.1f} h | {bound} |")


def draw(folder: Path, videos: int, seconds: float, steps: int) -> Path:
    """A folder with videos and clips.csv over them."""
    folder.mkdir(exist_ok=True)
    lines = ["video,steps"]
    for i in range(videos):
        draw_demo(folder / f"{i}.mp4", seconds + 0.2 * i)
        lines.append(f"{i}.mp4,{steps}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder


def kill(folder: Path, kills: int, rng: random.Random) -> None:
    """Kills batches with a tiny network until `kills` of them hit; a batch that ends is begun anew."""
    model = playing_network()
    weights = hub.save_weights(model, folder / "weights")
    manifest, temporary = folder / "clips.csv", folder / "temporary"
    temporary.mkdir()
    began = time.monotonic()
    assert run_cli(manifest, folder / "whole", weights).returncode == 0
    length, wanted = time.monotonic() - began, music_of(folder / "whole")
    hits, out, batches = dict.fromkeys(SIGNALS, 0), folder / "out0", 0
    while sum(hits.values()) < kills:
        how = SIGNALS[sum(hits.values()) % len(SIGNALS)]
        done = finished(out) if out.exists() else {}
        hits[how] += killed_batch(manifest, out, weights, how, rng.uniform(0.0, 0.4 * length), temporary)
        assert set(done.items()) <= set(finished(out).items()), "a finished row was done again"
        if len(finished(out)) == len(wanted) // 2:  # all rows: let it write its table, and begin another
            assert run_cli(manifest, out, weights).returncode == 0
            assert music_of(out) == wanted, "other files than undisturbed"
            assert not hidden(out), hidden(out)
            batches += 1
            out = folder / f"out{batches}"
    if out.exists():
        batches += 1
        assert run_cli(manifest, out, weights).returncode == 0
        assert music_of(out) == wanted, "other files than undisturbed"
        assert not hidden(out), hidden(out)
    print(f"{', '.join(f'{count} x {how.name}' for how, count in hits.items())} in {batches} batches: nothing lost")


if __name__ == "__main__":
    main()
