"""Processes beside this one, for the stages that need no model.

Each is a pool of one by loky, which does not import the caller's main module; so one that dies (a codec that crashes,
no memory left) fails what it was doing and nothing else.
"""

import os
import queue
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from loky import ProcessPoolExecutor

T = TypeVar("T")
# A process that grew too large is replaced while a call waits, which is as it should be.
warnings.filterwarnings("ignore", "A worker was restarted while some jobs", UserWarning, "loky")


class WorkerError(Exception):
    """The process that did a call died."""


class Pool:
    """At most `count` processes with the given environment, started when they are first needed."""

    def __init__(self, count: int, environment: Mapping[str, str]) -> None:
        """Starts nothing yet."""
        self.count = count
        self._environment = dict(environment)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="diffbgm")
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(count):
            self._idle.put(None)
        self._all: list[Any] = []
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> "Pool":
        """Nothing to do."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Ends the processes: at once where an exception leaves the block, else when all is done."""
        if kind is None:
            self._threads.shutdown()
        with self._lock:
            self._stopped = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.shutdown(kill_workers=True)
        self._threads.shutdown()

    def submit(self, job: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Runs `job` in a thread of this process; as many at once as there are processes, so that it can `call` one."""
        return self._threads.submit(job, *arguments)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a module's function, in a process.

        Raises:
            WorkerError: Its process dies.
            Exception: What the function raises.
        """
        process = self._idle.get()
        try:
            process = process or self._start()
            answer = process.submit(function, *arguments)
            process.submit(nothing)  # loky replaces a process that grew too large, and watches the new one from here on
            return answer.result()
        except BrokenExecutor as e:
            process.shutdown(kill_workers=True)
            process = None
            how = re.search(r"\{(\w+)\((-?\d+)\)", str(e))
            code = f"exit code {how[2]}" if how and how[1] == "EXIT" else f"signal {how[1]}" if how else "killed"
            raise WorkerError(
                f"the process that worked on it died ({code}); the file may be damaged, or there was not enough memory"
            ) from e
        finally:
            self._idle.put(process)

    def _start(self) -> Any:
        with self._lock:
            if self._stopped:
                raise WorkerError("the batch was stopped")
            self._all.append(ProcessPoolExecutor(1, initializer=begin, initargs=(os.getpid(),), env=self._environment))
            return self._all[-1]

    @property
    def stopped(self) -> bool:
        """Whether the block was left by an exception: what fails now, fails for that."""
        return self._stopped


def nothing() -> None:
    """Does nothing: a second call has loky's thread look again which processes it has to watch."""


def begin(parent: int) -> None:
    """Sets a worker apart: the terminal's signals are not for it, nor are this process's input and output.

    What a library prints goes to standard error. When the process that started it is gone, it and all it started end.
    """
    if sys.platform != "win32":
        os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: int) -> None:
    """Waits until the parent has ended, and kills this process's session."""
    while os.getppid() == parent:
        time.sleep(0.2)
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
