"""Several takes of a clip against one: `diffbgm score --takes N`, each in a fresh process, in turn."""

import statistics
import tempfile
from pathlib import Path

from tests.bench.lengths import draw_film
from tests.bench.start import run

FILM = 30.0  # seconds
MANY = 8


def measure(steps: int = 64, many: int = MANY, rounds: int = 3) -> float:
    """Median seconds of `many` takes over those of one."""
    taken: dict[int, list[float]] = {1: [], many: []}
    with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as folder:
        film = draw_film(FILM, Path(folder))
        for _ in range(rounds):
            for count, seconds in taken.items():
                line = ["-m", "diffbgm.cli", "score", str(film), "--takes", str(count), "--steps", str(steps)]
                seconds.append(run([*line, "--seed", "1", "--overwrite"])[0])
    return statistics.median(taken[many]) / statistics.median(taken[1])
