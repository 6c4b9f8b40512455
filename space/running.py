"""Work that reports while it runs and stops when nobody waits for it any more."""

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from diffbgm.errors import Cancelled

T = TypeVar("T")
OnProgress = Callable[[float, str], None]
EVERY = 0.3  # seconds between two reports


@dataclass(frozen=True)
class Report:
    """How far the work is (0..1), what it does, for how many seconds it has run, and how many are likely left."""

    fraction: float
    message: str
    seconds: float
    left: float | None = None


def in_steps(work: Callable[[OnProgress], T], every: float = EVERY) -> Generator[Report, None, T]:
    """Run `work(on_progress)` in a thread of its own, yield a report every so often, return what it returns.

    Closing the generator makes the next call of `on_progress` raise Cancelled, so the work ends at its next report;
    nobody waits for that, because whoever closes may be the server's event loop. Errors of the work come out here.
    """
    stopped = threading.Event()
    latest = [(0.0, "")]
    outcome: queue.Queue[tuple[bool, T | BaseException]] = queue.Queue()

    def tell(fraction: float, message: str) -> None:
        if stopped.is_set():
            raise Cancelled("stopped")
        latest[0] = (fraction, message)

    def run() -> None:
        try:
            outcome.put((True, work(tell)))
        except BaseException as e:  # handed over to whoever waits
            outcome.put((False, e))

    began = time.monotonic()
    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="diffbgm-work").start()
    try:
        while True:
            try:
                fine, value = outcome.get(timeout=every)
            except queue.Empty:
                seconds = time.monotonic() - began
                fraction, message = latest[0]
                left = seconds * (1 - fraction) / fraction if fraction > 0.05 and seconds > 1 else None
                yield Report(fraction, message, seconds, left)
                continue
            if fine:
                return value  # type: ignore[return-value]  # the flag says which of the two it is
            raise value  # type: ignore[misc]
    finally:
        stopped.set()
