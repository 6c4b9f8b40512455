"""Parts of a batch side by side on a CPU: threads that each evaluate some windows with one of torch's own threads.

Where torch splits every operation among its threads they wait for one another several hundred times per evaluation.
Threads that have windows of their own wait once, and because no sum is split the music does not depend on how many
there are. As many work as torch has threads (OMP_NUM_THREADS, `torch.set_num_threads`).
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from diffbgm import threads

Item = TypeVar("Item")
Result = TypeVar("Result")

_pools: dict[int, ThreadPoolExecutor] = {}  # by the number of their threads
_lock = threading.Lock()


def workers() -> int:
    """How many parts are evaluated side by side for whoever calls."""
    return max(threads.parts(), torch.get_num_threads())


def side_by_side(do: Callable[[Item], Result], items: Sequence[Item], count: int) -> list[Result]:
    """`do` of every item, in their order, `count` of them at once, each with one of torch's threads."""
    if torch.get_num_threads() == 1 and min(count, len(items)) <= 1:
        return [do(item) for item in items]
    return list(_pool(count).map(do, items))


def _pool(count: int) -> ThreadPoolExecutor:
    """So many threads, kept for the next time."""
    with _lock:
        if count not in _pools:
            _pools[count] = _started(count)
        return _pools[count]


def _started(count: int) -> ThreadPoolExecutor:
    """Threads that have each told torch to use no others; the thread that calls keeps its own number.

    A thread takes over the number of whoever set it last when it first asks, and later no more: so it asks, then sets.
    """
    before, ready = torch.get_num_threads(), threading.Barrier(count)
    pool = ThreadPoolExecutor(count, thread_name_prefix="diffbgm-windows")

    def begin(_: int) -> None:
        torch.get_num_threads()
        torch.set_num_threads(1)
        ready.wait()

    list(pool.map(begin, range(count)))
    torch.set_num_threads(before)
    return pool


def _after_fork() -> None:
    """The threads of the parent are not in its child."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
