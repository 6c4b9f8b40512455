"""How long `import diffbgm`, `diffbgm --help` and the way to a film's first picture take in a fresh process.

    python -m tests.bench.start [--n 7]

The median of n runs each, taken in turn: wall seconds, and CPU seconds, which other work on the machine disturbs less.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.drawing import draw_video

# `diffbgm score`, up to the first decoded picture.
FIRST_PICTURE = """
import os, sys
from diffbgm import cli, media
frames = media.frames
def first(*args, **options):
    next(frames(*args, **options))
    os._exit(0)
media.frames = first
cli.main(["score", sys.argv[1], "-o", sys.argv[1] + "-scored.mp4"])
sys.exit(1)
"""
PICTURE = "diffbgm score, to the first picture"
LINES = {
    "python -c pass": ["-c", "pass"],
    "import diffbgm": ["-c", "import diffbgm"],
    "diffbgm --help": ["-m", "diffbgm.cli", "--help"],
    "from diffbgm import analyze, make_plan": ["-c", "from diffbgm import analyze, make_plan"],
    "from diffbgm import DiffBGM": ["-c", "from diffbgm import DiffBGM"],
}
WANTED = {"import diffbgm": 0.3, "diffbgm --help": 0.5, PICTURE: 1.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=7)
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, n = {args.n}, medians")
    for name, (wall, cpu) in measure(args.n).items():
        wanted = f"  wanted below {WANTED[name]} s" if name in WANTED else ""
        print(f"{name:40} {wall:6.3f} s, CPU {cpu:6.3f} s{wanted}")


def measure(n: int = 7) -> dict[str, tuple[float, float]]:
    """Median wall and CPU seconds of each line."""
    taken: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as folder:
        film = Path(folder) / "film.mp4"
        draw_video(film, (2.0, 2.0), size=(854, 480))
        lines = {**LINES, PICTURE: ["-c", FIRST_PICTURE, str(film)]}
        for turn in range(n + 1):
            for name, line in lines.items():
                seconds = run(line)
                if turn:  # the first finds the files on disk
                    taken.setdefault(name, []).append(seconds)
    return {name: (statistics.median(w for w, _ in s), statistics.median(c for _, c in s)) for name, s in taken.items()}


def run(line: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *line], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
