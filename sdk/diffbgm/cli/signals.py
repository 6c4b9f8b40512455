"""SIGTERM and SIGHUP stop a command as Ctrl-C does: what is half-written is removed, and child processes end."""

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

QUIET = 2.0  # seconds after a signal during which further ones do not disturb the clearing up


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command; `code` is the exit code that goes with it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


class Stop:
    """What signals have come; a signal's exception can be lost in a callback, so that long work asks here as well."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._at = -QUIET

    def __call__(self, number: int, frame: Any) -> None:
        """The signals' handler."""
        now = time.monotonic()
        if now - self._at >= QUIET:
            self.number, self._at = number, now
            raise Interrupted(number)

    def check(self) -> None:
        """Raises Interrupted where a signal has come."""
        if self.number is not None:
            raise Interrupted(self.number)


@contextmanager
def stoppable() -> Generator[Stop]:
    """Signals that end a process raise `Interrupted` inside; how they were handled before comes back at the end."""
    stop = Stop()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                before[number] = signal.signal(number, stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
