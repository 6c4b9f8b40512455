"""Damaged inputs in large numbers: each goes to a child under a watchdog, and its outcome into a table."""

import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.robustness.drawn import Seed, draw_seeds
from tests.robustness.mutate import mutated

HANG = 20.0  # seconds
MEMORY = 3e9  # bytes
ROOT = Path(__file__).parents[2]
OUTCOMES = ("taken", "refused", "untyped", "crash", "hang", "memory")
BAD = OUTCOMES[2:]


@dataclass
class Table:
    """Outcomes by kind of input, and what went wrong: (input, how it was damaged, what was said)."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    bad: list[tuple[str, str, str]] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        kinds = sorted({kind for kind, _ in self.counts})
        rows = [[kind, *(str(self.counts[kind, outcome]) for outcome in OUTCOMES)] for kind in kinds]
        rows.append(["all", *(str(sum(self.counts[kind, outcome] for kind in kinds)) for outcome in OUTCOMES)])
        head = ["input", *OUTCOMES]
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Child:
    """The process that reads; started again where an input ended it."""

    def __init__(self, home: Path) -> None:
        self._home, self._process = home, None

    def ask(self, kind: str, path: Path) -> tuple[str, str]:
        """The outcome of one input; a child that crashes, hangs or swells is ended and its death is the outcome."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps([kind, str(path)]).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._ended("crash", f"exit code {process.wait()}")
        watched, until = psutil.Process(process.pid), time.monotonic() + HANG
        while not select.select([process.stdout], [], [], 0.05)[0]:
            if time.monotonic() > until:
                return self._ended("hang", f"more than {HANG:g} s")
            try:
                used = watched.memory_info().rss
            except psutil.NoSuchProcess:
                used = 0
            if used > MEMORY:
                return self._ended("memory", f"{used / 1e9:.1f} GB")
        line = process.stdout.readline()
        if not line:
            return self._ended("crash", f"exit code {process.wait()}")
        outcome, said = json.loads(line)
        return outcome, said

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _ended(self, outcome: str, said: str) -> tuple[str, str]:
        self.close()
        return outcome, said

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            path = os.pathsep.join([str(ROOT), str(ROOT / "sdk"), *filter(None, [os.environ.get("PYTHONPATH")])])
            alone = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.robustness.child", str(self._home)],
                cwd=ROOT, env={**os.environ, **alone}, bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._process


def campaign(
    n: int,
    seed: int = 0,
    *,
    only: str = "",
    keep: Path | None = None,
    on_bad: Callable[[str, str, str], None] = lambda name, how, said: None,
) -> Table:
    """Damages `n` inputs, every kind in its turn (`only` those whose kind or name holds this); `keep` gets bad ones."""
    table = Table()
    with tempfile.TemporaryDirectory(prefix="diffbgm-robustness-") as folder:
        home, place = Path(folder, "home"), Path(folder, "place")
        home.mkdir()
        seeds = [s for s in draw_seeds(home) if only in s.kind or only in s.name]
        (home / "piece.mid").write_bytes(next((s.data for s in seeds if s.name == "piece.mid"), b""))
        child = Child(home)
        for number in range(n):
            source = seeds[number % len(seeds)]
            data, how = mutated(source.data, random.Random(f"{seed}/{number}"), text=source.text)
            path = place / str(number) / source.name
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
            began = time.monotonic()
            outcome, said = child.ask(source.kind, path)
            table.slowest = max(table.slowest, time.monotonic() - began)
            table.counts[_label(source), outcome] += 1
            if outcome in BAD:
                name = f"{seed}-{number}-{source.name}"
                table.bad.append((name, how, f"{outcome}: {said}"))
                on_bad(*table.bad[-1])
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / name).write_bytes(data)
            _empty(path.parent)
        child.close()
    return table


def _label(source: Seed) -> str:
    return f"{source.kind} {Path(source.name).suffix}" if source.kind == "video" else source.kind


def _empty(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
