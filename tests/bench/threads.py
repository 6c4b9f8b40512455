"""Composing beside others: with two busy neighbours, and two jobs at once, against the same on an idle machine.

    python -m tests.bench.threads --compose STEPS JOBS      one take, in this process; its seconds

Every take is composed in a fresh process that calls `threads.behave` as the command line does. The first, idle row with
spinning threads is what torch does by default.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

NEIGHBOURS = 2
PATIENCE = 120.0  # seconds after which a take is given up
FILM = 30.0  # seconds
BARS = {"busy": 2.5, "two jobs": 2.2}  # the most against idle


@dataclass(frozen=True)
class Beside:
    """Medians over the rounds, in seconds; infinite where a take took longer than `PATIENCE`."""

    idle: float
    busy: float
    two_jobs: float
    idle_spinning: float
    busy_spinning: float

    @property
    def rows(self) -> list[tuple[str, float, float | None]]:
        """What, its time against idle, the bar."""
        return [
            ("idle", 1.0, None),
            ("idle, threads spinning", self.idle_spinning / self.idle, None),
            (f"{NEIGHBOURS} busy neighbours", self.busy / self.idle, BARS["busy"]),
            (f"{NEIGHBOURS} busy neighbours, threads spinning", self.busy_spinning / self.idle, None),
            ("two jobs at once, a share of the cores each", self.two_jobs / self.idle, BARS["two jobs"]),
        ]


def measure(steps: int = 64, rounds: int = 3) -> Beside:
    """All rows in turn, `rounds` times."""
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for policy, suffix in (("PASSIVE", ""), ("ACTIVE", "_spinning")):
            taken.setdefault(f"idle{suffix}", []).append(compose_beside(steps, policy))
            with neighbours(NEIGHBOURS):
                taken.setdefault(f"busy{suffix}", []).append(compose_beside(steps, policy))
        taken.setdefault("two_jobs", []).append(compose_beside(steps, "PASSIVE", jobs=2))
    return Beside(**{name: statistics.median(seconds) for name, seconds in taken.items()})


def compose_beside(steps: int, policy: str, jobs: int = 1) -> float:
    """Seconds of the slowest of `jobs` takes that are composed at once."""
    line = [sys.executable, "-m", "tests.bench.threads", "--compose", str(steps), str(jobs)]
    kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment = {**kept, "OMP_WAIT_POLICY": policy}
    running = [subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(jobs)]
    try:
        return max(float(process.communicate(timeout=PATIENCE)[0].splitlines()[-1]) for process in running)
    except subprocess.TimeoutExpired:
        return float("inf")
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes beside that want a core each."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compose", nargs=2, type=int, metavar=("STEPS", "JOBS"), required=True)
    steps, jobs = parser.parse_args().compose
    from diffbgm import threads

    threads.behave(jobs)
    from diffbgm import DiffBGM
    from diffbgm.planner import make_plan
    from diffbgm.research.evaluation.sync import drawn_features

    model = DiffBGM.from_pretrained(device="cpu")
    plan = make_plan(drawn_features(FILM, []))
    model.compose(plan, seed=0, steps=2)
    began = time.perf_counter()
    model.compose(plan, seed=0, steps=steps)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
