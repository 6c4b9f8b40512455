"""Work that reports while it runs and stops when nobody waits for it any more."""

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from diffbgm.errors import Cancelled
from diffbgm.progress import Progress

T = TypeVar("T")
EVERY = 0.3  # seconds between two reports
LOOK = 0.05  # seconds between two looks at whether the work shall stop


@dataclass(frozen=True)
class Report:
    """How far the work is (0 to 1), what it does, for how many seconds it has run, and how many are likely left."""

    fraction: float
    message: str
    seconds: float
    left: float | None = None


def in_steps(
    work: Callable[[Progress], T], every: float = EVERY, stopped: threading.Event | None = None
) -> Generator[Report, None, T]:
    """Runs `work(progress)` in a thread of its own, yields a report every so often, returns what it returns.

    Closing the generator, or setting `stopped`, makes the next call of `progress` raise Cancelled, so the work ends at
    its next report; nobody waits for that, because whoever closes may be the server's event loop.

    Args:
        work: What to do; it is given the callback to report to.
        every: Seconds between two reports.
        stopped: Set by somebody else to stop the work.

    Yields:
        How far the work is.

    Returns:
        What `work` returns.

    Raises:
        Cancelled: `stopped` was set, at the latest `LOOK` seconds ago; also when the work had ended by then.
        BaseException: Errors of the work come out here.
    """
    closed = stopped or threading.Event()
    latest = [(0.0, "")]
    outcome: queue.Queue[tuple[T] | BaseException] = queue.Queue()  # what it returns, or what it raised

    def tell(fraction: float, message: str) -> None:
        if closed.is_set() or abandoned.is_set():
            raise Cancelled("stopped")
        latest[0] = (fraction, message)

    def run() -> None:
        try:
            outcome.put((work(tell),))
        except BaseException as e:  # handed over to whoever waits
            outcome.put(e)

    abandoned = threading.Event()
    began = due = time.monotonic()
    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="diffbgm-work").start()
    try:
        while True:
            try:
                done = outcome.get(timeout=min(LOOK, every))
            except queue.Empty:
                done = None
            if closed.is_set():
                raise Cancelled("stopped")
            if done is None:
                if (now := time.monotonic()) < due + every:
                    continue
                due = now
                fraction, message = latest[0]
                seconds = now - began
                left = seconds * (1 - fraction) / fraction if fraction > 0.05 and seconds > 1 else None
                yield Report(fraction, message, seconds, left)
            elif isinstance(done, BaseException):
                raise done
            else:
                return done[0]
    finally:
        abandoned.set()


def result_of(steps: Generator[Report, None, T]) -> T:
    """What the work returns, without its reports."""
    returned: list[T] = []

    def run() -> Generator[Report, None, None]:
        returned.append((yield from steps))

    for _ in run():
        pass
    return returned[0]
