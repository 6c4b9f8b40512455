"""How long `import diffbgm` and `diffbgm --help` take in a fresh process, beside a Python that does nothing.

    python tests/bench/start.py [--n 7]

The median of n runs each, taken in turn: wall seconds, and CPU seconds, which other work on the machine disturbs less.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

LINES = {
    "python -c pass": ["-c", "pass"],
    "import diffbgm": ["-c", "import diffbgm"],
    "diffbgm --help": ["-m", "diffbgm.cli", "--help"],
    "from diffbgm import analyze, make_plan": ["-c", "from diffbgm import analyze, make_plan"],
    "from diffbgm import DiffBGM": ["-c", "from diffbgm import DiffBGM"],
}
WANTED = {"import diffbgm": 0.3, "diffbgm --help": 0.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=7)
    args = parser.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in LINES}
    for turn in range(args.n + 1):
        for name, line in LINES.items():
            seconds = run(line)
            if turn:  # the first finds the files on disk
                taken[name].append(seconds)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, n = {args.n}, medians")
    for name, seconds in taken.items():
        wall, cpu = (statistics.median(column) for column in zip(*seconds, strict=True))
        wanted = f"  wanted below {WANTED[name]} s" if name in WANTED else ""
        print(f"{name:40} {wall:6.3f} s, CPU {cpu:6.3f} s{wanted}")


def run(line: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *line], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
