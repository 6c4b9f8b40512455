"""Progress of long work: a callback that hears a fraction from 0 to 1 and what is being done.

An exception that the callback raises stops the work and reaches the caller; this is how work is cancelled.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

Progress = Callable[[float, str], None]


def silent(fraction: float, message: str) -> None:
    """A callback for callers that do not listen."""


def part_of(progress: Progress | None, start: float, end: float) -> Progress:
    """A callback for a part of the work: its 0 to 1 is `start` to `end` of the whole."""
    if progress is None:
        return silent

    def report(fraction: float, message: str) -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), message)

    return report


def together(progress: Progress, count: int) -> list[Progress]:
    """Callbacks for parts that go on side by side: the whole is as far as they are on the average."""
    done = [0.0] * count

    def part(number: int) -> Progress:
        def report(fraction: float, message: str) -> None:
            done[number] = fraction
            progress(sum(done) / count, message)

        return report

    return [part(number) for number in range(count)]


class Clock:
    """Seconds per stage of the work, and one progress from 0 to 1 over all of them."""

    def __init__(self, progress: Progress | None = None, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(seconds or {})
        self._progress = progress

    @contextmanager
    def stage(self, name: str, start: float, end: float) -> Generator[Progress]:
        """Times a stage that takes the progress from `start` to `end`; yields the stage's own callback."""
        began = time.monotonic()
        report = part_of(self._progress, start, end)
        report(0.0, name)
        yield report
        self.seconds[name] = time.monotonic() - began
