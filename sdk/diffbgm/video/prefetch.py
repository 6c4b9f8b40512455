"""Run an iterator ahead in a thread of its own: pictures are decoded while earlier ones are analysed."""

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
POLL = 0.1  # seconds after which a full queue checks whether the consumer has left


def prefetch(items: Generator[T, None, None], depth: int = 8) -> Generator[T, None, None]:
    """The same items in the same order, at most `depth` of them waiting.

    An exception of `items` is raised here. Leaving early closes `items` and ends the thread before it returns.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(depth)
    left = threading.Event()

    def put(item: T | None, error: BaseException | None, last: bool) -> None:
        while not left.is_set() and not _offered(waiting, (item, error, last)):
            continue

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                put(item, None, False)
                if left.is_set():
                    break
            items.close()
        except BaseException as e:  # whatever it is, it belongs to the caller
            error = e
        put(None, error, True)

    worker = threading.Thread(target=work, name="diffbgm-prefetch", daemon=True)
    worker.start()
    try:
        while True:
            item, error, last = waiting.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]  # None only where `last` or an error is set
    finally:
        left.set()
        worker.join()


def _offered(waiting: queue.Queue[T], entry: T) -> bool:
    """Whether there was room for an entry within POLL seconds."""
    try:
        waiting.put(entry, timeout=POLL)
    except queue.Full:
        return False
    return True
