"""Processes that work beside this one, for what needs no model: `Workers.call(function, *arguments)`.

Unlike `ProcessPoolExecutor` they do not import the caller's main module, and one that dies (a codec that crashes, no
memory left) fails what it was doing and nothing else. A worker ends when the process that started it is gone.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

from diffbgm.errors import DiffBGMError

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
START = "import sys; sys.path[:] = [*filter(None, sys.path), {!r}]; from diffbgm.batch.workers import serve; serve()"


class WorkerError(Exception):
    """What a call failed of, in one line."""


class Stopped(Exception):
    """The work was broken off."""


class Workers:
    """At most `count` processes with the given environment, started when they are first needed."""

    def __init__(self, count: int, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="diffbgm")
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._stopped = False
        self._all: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._stopped = True
            for process in self._all:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            process.communicate()  # closes its tasks, which ends it

    def submit(self, job: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Runs `job` in a thread of this process; as many at once as there are workers, so that it can `call` one."""
        return self._threads.submit(job, *arguments)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a module's function, in a worker.

        Raises WorkerError where it fails or its process dies, Stopped where the `with` block was left by an exception.
        """
        if self._stopped:
            raise Stopped
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, (function, arguments))
            well, answer = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as e:
            if self._stopped:
                raise Stopped from e
            raise WorkerError(f"the process that worked on it died (exit code {process.wait()})") from e
        self._idle.put(process)
        if not well:
            raise WorkerError(answer)
        return answer

    def _start(self) -> "subprocess.Popen[bytes]":
        line = [sys.executable, "-c", START.format(str(ROOT))]
        process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment)
        self._all.append(process)
        return process


def serve() -> None:
    """A worker's life: one task after the other from standard input, answers to standard output, until the input ends.

    Whoever else reads or writes there, such as a library that prints, gets nothing and standard error instead.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    while True:
        try:
            function, arguments = pickle.load(tasks)
        except EOFError:
            return
        try:
            answer = True, function(*arguments)
        except Exception as e:
            answer = False, explain(e)
        try:
            send(answers, answer)
        except BrokenPipeError:
            return


def send(pipe: IO[bytes], value: object) -> None:
    pipe.write(pickle.dumps(value))  # whole before the first byte is sent: what cannot be pickled leaves no half
    pipe.flush()


def explain(e: Exception) -> str:
    """An exception in one line, with its kind where it is none of ours."""
    text = " ".join(str(e).split())
    return text if isinstance(e, DiffBGMError | WorkerError) else f"{type(e).__name__}: {text}"
