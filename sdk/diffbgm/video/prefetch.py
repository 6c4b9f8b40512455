"""Run an iterator ahead in a thread of its own: pictures are decoded while earlier ones are analysed."""

import queue
import threading
from collections.abc import Generator
from typing import TypeVar, cast

T = TypeVar("T")
POLL = 0.1  # seconds after which a full queue checks whether the consumer has left


def prefetch(items: Generator[T, None, None], depth: int = 8) -> Generator[T, None, None]:
    """The same items in the same order, at most `depth` of them waiting; the thread begins at once.

    An exception of `items` is raised where they are taken. Leaving early closes `items` and ends the thread before it
    returns.
    """
    ahead = _ahead(items, depth)
    next(ahead)  # the thread runs, and `close` ends it though nothing was taken
    return cast("Generator[T, None, None]", ahead)


def _ahead(items: Generator[T, None, None], depth: int) -> Generator[T | None, None, None]:
    """None once the thread runs, then the items."""
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
        yield None
        while True:
            item, error, last = waiting.get()
            if error is not None:
                raise error
            if last:
                return
            yield item
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
