"""A batch on two processes beside the same batch on one: wall time and its ratio, and whether the MIDI is the same.

    python tests/bench/batches.py [--videos 6] [--seconds 10] [--steps 24] [--processes 2]

The videos are drawn. Every process has one thread, so that the ratio says what a second process is worth; on GPUs
start it with ACCELERATE_USE_CPU=0. Run it on an idle machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from diffbgm.video.demo import draw_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as name:
        folder = Path(name)
        lines = ["video,steps"]
        for i in range(args.videos):
            draw_demo(folder / f"{i}.mp4", args.seconds + i)
            lines.append(f"{i}.mp4,{args.steps}")
        (folder / "clips.csv").write_text("\n".join(lines) + "\n")
        seconds, music = [], []
        for processes in (1, args.processes):
            began = time.monotonic()
            run(folder, processes)
            seconds.append(time.monotonic() - began)
            music.append([path.read_bytes() for path in sorted((folder / f"out{processes}").glob("*.mid"))])
            print(f"{processes} process(es)  {seconds[-1]:7.1f} s for {args.videos} videos, start included")
        same = "the same MIDI" if music[0] == music[1] else "OTHER MIDI"
        print(f"ratio {seconds[0] / seconds[1]:.2f} on {os.cpu_count()} cores, {same}")


def run(folder: Path, processes: int) -> None:
    """One batch by `torchrun`; also for one process, so that both have the same start."""
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    line += ["-m", "diffbgm.cli", "batch", str(folder / "clips.csv"), "-o", str(folder / f"out{processes}")]
    settings = {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", **os.environ}
    subprocess.run(line, env=settings, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
