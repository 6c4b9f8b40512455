"""Batches under load: two processes beside one (`ratio`), and kills at random moments (`kills`).

    python -m tests.bench.batches ratio [--videos 6] [--seconds 10] [--steps 24] [--processes 2]
    python -m tests.bench.batches kills [--kills 20] [--seed 0]

The videos are drawn. `ratio`: wall time, and whether the MIDI is the same; every process has one thread, so that the
ratio says what a second process is worth; on GPUs start it with ACCELERATE_USE_CPU=0. Run it on an idle machine.
`kills`: SIGKILL, SIGTERM and SIGINT in turn; fails where anything is lost, left behind or other than undisturbed.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.batch.running import finished, hidden, killed_batch, music_of, run_cli
from tests.networks import playing_network

from diffbgm import hub
from diffbgm.video.demo import draw_demo

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ratio", "kills"))
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as name:
        folder = Path(name)
        if args.what == "ratio":
            compare(draw(folder, args.videos, args.seconds, args.steps), args.processes)
        else:
            kill(draw(folder, 4, 1.0, 2), args.kills, random.Random(args.seed))


def draw(folder: Path, videos: int, seconds: float, steps: int) -> Path:
    """A folder with videos and clips.csv over them."""
    lines = ["video,steps"]
    for i in range(videos):
        draw_demo(folder / f"{i}.mp4", seconds + (i if seconds > 2 else 0.2 * i))
        lines.append(f"{i}.mp4,{steps}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder


def compare(folder: Path, processes: int) -> None:
    """One process beside several."""
    seconds, music = [], []
    for count in (1, processes):
        began = time.monotonic()
        launch(folder, count)
        seconds.append(time.monotonic() - began)
        music.append([path.read_bytes() for path in sorted((folder / f"out{count}").glob("*.mid"))])
        print(f"{count} process(es)  {seconds[-1]:7.1f} s for {len(music[-1])} videos, start included")
    same = "the same MIDI" if music[0] == music[1] else "OTHER MIDI"
    print(f"ratio {seconds[0] / seconds[1]:.2f} on {os.cpu_count()} cores, {same}")


def launch(folder: Path, processes: int) -> None:
    """One batch by `torchrun`; also for one process, so that both have the same start."""
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    line += ["-m", "diffbgm.cli", "batch", str(folder / "clips.csv"), "-o", str(folder / f"out{processes}")]
    settings = {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", **os.environ}
    subprocess.run(line, env=settings, check=True, stdout=subprocess.DEVNULL)


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
