"""Commands killed at random moments by SIGKILL, SIGTERM and SIGINT: what must hold after each is asserted.

    python -m tests.bench.kills [--n 20] [--seed 0] [--only score]

Prints a line per kill, and a table; an assertion that fails ends it.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tests.robustness.kills import draw_jobs, torment


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20, help="kills per command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands whose name holds this")
    args = parser.parse_args()
    counts: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        jobs = [job for job in draw_jobs(Path(folder, "inputs")) if args.only in job.name]
        for job in jobs:
            kills = torment(job, Path(folder, job.name.replace(" ", "-")), args.n, args.seed, tell=print)
            counts.update((kill.job, kill.how, "at work" if kill.at_work else "done") for kill in kills)
    print("\n| command | signal | at work | done already |\n|---|---|---|---|")
    for name, how in dict.fromkeys((name, how) for name, how, _ in counts):
        print(f"| {name} | {how} | {counts[name, how, 'at work']} | {counts[name, how, 'done']} |")
    print(f"\n{sum(counts.values())} kills, seed {args.seed}: nothing lost, nothing left")


if __name__ == "__main__":
    main()
