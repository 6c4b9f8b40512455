"""Threads that behave beside others: how they wait, how many they are, and what becomes of them after a fork.

**Waiting.** OpenMP's threads spin by default while they wait for one another. As soon as something else wants the
cores (a browser, another visitor of the page, a training run), those who spin keep away those who would have work, and
composing takes ten times as long. With `OMP_WAIT_POLICY=PASSIVE` they sleep. OpenMP reads this once, when torch is
loaded. So the command line, the page and the workers of a batch set it first thing; importing diffbgm changes nobody's
environment, and programs that use the SDK call `behave()` themselves:

    from diffbgm import threads

    threads.behave()  # before anything imports torch
    from diffbgm import DiffBGM

**How many.** As many as there are cores that this process may use (its affinity, and its cgroup's quota, which torch
does not know), divided by the number of jobs that share them by design. What OMP_NUM_THREADS or
`torch.set_num_threads` say is left alone.

**Beside one another.** The composer gives every thread windows of its own (`composer.workers`), so that no sum is split
among threads and their number changes no bit of the music. A server that gives each of its jobs a share of the cores
leaves cores idle while one job runs: after `spread(parts)` the windows of a batch are evaluated in so many parts at
least.

**After a fork** a process has lost the threads that OpenMP believes it has, and waits for them for ever:
`refuse_after_fork` says so instead.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from diffbgm.errors import ForkedProcessError

T = TypeVar("T")

WAIT, COUNT = "OMP_WAIT_POLICY", "OMP_NUM_THREADS"
CGROUP = Path("/sys/fs/cgroup")

_spread = [1]  # what `spread` set
_at_work = threading.local()  # `within`: this thread does a part of what `at_once` was asked for
_used = threading.local()  # `pid`: the process in which this thread used the model


def behave(jobs: int = 1) -> bool:
    """Has the threads of this process, and of those that it starts, wait asleep; what is set already stays.

    Args:
        jobs: How many jobs share the cores at once: each has its share of threads.

    Returns:
        Whether that was in time: False where torch is loaded already, and only processes started later profit.
    """
    os.environ.update(environment(jobs))
    return "torch" not in sys.modules


def environment(jobs: int = 1, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a process needs which does one of `jobs` jobs at once, without those that `base` sets.

    Args:
        jobs: How many jobs share the cores.
        base: The environment so far (None: this process's).

    Returns:
        OMP_WAIT_POLICY, and OMP_NUM_THREADS where a share is smaller than what torch would take.
    """
    base = os.environ if base is None else base
    wanted = {WAIT: "PASSIVE"}
    if (count := share(jobs)) < affinity():
        wanted[COUNT] = str(count)
    return {name: value for name, value in wanted.items() if name not in base}


def spread(parts: int) -> None:
    """From now on this process evaluates the windows of a batch in `parts` parts at once or more, on a CPU."""
    _spread[0] = max(1, parts)


def parts() -> int:
    """In how many parts at once, at least, the windows of a batch are evaluated."""
    return _spread[0]


def share(jobs: int = 1) -> int:
    """Threads for each of `jobs` jobs that share the cores, at least one."""
    return max(1, cores() // max(1, jobs))


def cores() -> int:
    """Cores that this process may use: those of its affinity, no more than its cgroup's quota of processor time."""
    return max(1, int(min(affinity(), quota())))


def at_once(do: Callable[..., T], *arguments: Iterable[Any]) -> list[T]:
    """What `do` returns for each of the arguments, as `map` hands them over; as many calls at once as there are cores.

    For work that lets go of the interpreter's lock, as numpy's and scipy's does. Called from within such work, it does
    one after the other: the cores are busy.
    """
    if getattr(_at_work, "within", False):
        return list(map(do, *arguments))
    with ThreadPoolExecutor(cores(), initializer=lambda: setattr(_at_work, "within", True)) as pool:
        return list(pool.map(do, *arguments))


def affinity() -> int:
    """Cores that the scheduler may put this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota(root: Path = CGROUP) -> float:
    """Processor seconds per second that this process's control group allows (cgroups 2 and 1); infinite without one."""
    try:
        allowed, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            allowed = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return float("inf")
    try:
        limit = int(allowed) / int(period)
    except (ValueError, ZeroDivisionError):  # "max"
        return float("inf")
    return limit if limit > 0 else float("inf")


def refuse_after_fork() -> None:
    """To be called before this thread uses the model.

    Raises:
        ForkedProcessError: the thread used it before this process was forked, and torch would wait for ever.
    """
    import torch

    pid = os.getpid()
    before = getattr(_used, "pid", pid)
    if before == pid:
        _used.pid = pid
    elif torch.get_num_threads() > 1:
        raise ForkedProcessError(
            f"this process was forked from process {before} after that had used the model, and has lost its threads; "
            "start processes with multiprocessing's 'spawn', or call torch.set_num_threads(1) in the new one first"
        )
