"""Processes that work beside this one, for what needs no model: `Workers.call(function, *arguments)`.

Unlike `ProcessPoolExecutor` they do not import the caller's main module, and one that dies (a codec that crashes, no
memory left) fails what it was doing and nothing else. A worker whose input ends, because it is no longer needed or the
process that started it is gone, breaks off what it does and cleans up; soon after, it and what it started are killed.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from diffbgm.errors import DiffBGMError

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
START = "import sys; sys.path[:] = [*filter(None, sys.path), {!r}]; from diffbgm.batch.workers import serve; serve()"
GRACE = 5.0  # seconds that a worker has to clean up


class WorkerError(Exception):
    """What a call failed of, in one line."""


class StoppedError(Exception):
    """The work was broken off."""


class Workers:
    """At most `count` processes with the given environment, started when they are first needed."""

    def __init__(self, count: int, environment: Mapping[str, str]) -> None:
        """Starts nothing yet."""
        self.count = count
        self.environment = dict(environment)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="diffbgm")
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._stopped = False
        self._all: list[subprocess.Popen[bytes]] = []
        self._starting = threading.Lock()

    def __enter__(self) -> "Workers":
        """Nothing to do."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Ends the workers, where an exception leaves the block in the middle of what they do."""
        if kind is None:
            self._threads.shutdown()
        with self._starting:
            self._stopped = True
        for process in self._all:
            close(process.stdin)
        until = time.monotonic() + GRACE
        for process in self._all:
            end(process, until - time.monotonic())
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            close(process.stdout)

    def submit(self, job: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Runs `job` in a thread of this process; as many at once as there are workers, so that it can `call` one."""
        return self._threads.submit(job, *arguments)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a module's function, in a worker.

        Raises:
            WorkerError: It fails, or its process dies.
            StoppedError: The `with` block was left by an exception.
        """
        task = pickle.dumps((function, arguments))
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, task)
            well, answer = pickle.loads(receive(process.stdout))
        except Exception as e:
            if self._stopped:
                raise StoppedError from e
            end(process, 0)
            raise WorkerError(
                f"the process that worked on it died ({fate(process.returncode)}); "
                "the file may be damaged, or there was not enough memory"
            ) from e
        self._idle.put(process)
        if not well:
            raise WorkerError(answer)
        return answer

    def _start(self) -> "subprocess.Popen[bytes]":
        line = [sys.executable, "-c", START.format(str(ROOT))]
        pipe = subprocess.PIPE
        with self._starting:
            if self._stopped:
                raise StoppedError
            # A session of its own: a terminal's Ctrl-C is for this process alone, and `end` reaches all it started.
            process = subprocess.Popen(line, stdin=pipe, stdout=pipe, env=self.environment, start_new_session=True)
            self._all.append(process)
        return process


def close(pipe: IO[bytes] | None) -> None:
    """Closes this end, whether or not somebody is at the other."""
    with suppress(OSError):
        if pipe is not None:
            pipe.close()


def end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Waits until a worker has ended; after some seconds it and all it started are killed."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, seconds))
    kill_group(process.pid)
    process.kill()
    process.wait()


def kill_group(leader: int) -> None:
    """Kills what is left of a worker's session."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def fate(code: int) -> str:
    """How a process ended."""
    known = -code in {number.value for number in signal.Signals}
    return f"signal {signal.Signals(-code).name}" if known else f"exit code {code}"


def serve() -> None:
    """A worker's life: one task after the other from standard input, answers to standard output, until the input ends.

    Whoever else reads or writes there, such as a library that prints, gets nothing and standard error instead.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(tasks, inbox), daemon=True).start()
    while task := inbox.get():
        try:
            function, arguments = pickle.loads(task)
            answer = pickle.dumps((True, function(*arguments)))
        except Exception as e:
            answer = pickle.dumps((False, explain(e)))
        try:
            send(answers, answer)
        except BrokenPipeError:
            return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # was idle: there is nothing to break off


def listen(tasks: IO[bytes], inbox: "queue.SimpleQueue[bytes]") -> None:
    """Hands tasks to the main thread; at their end, breaks off what it does, and ends the process if it does not."""
    with suppress(EOFError, OSError):
        while True:
            inbox.put(receive(tasks))
    inbox.put(b"")
    if sys.platform == "win32":
        import _thread

        _thread.interrupt_main(signal.SIGTERM)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)  # wakes it where it waits, too
    time.sleep(GRACE)
    kill_group(os.getpid())
    os._exit(1)


def send(pipe: IO[bytes], data: bytes) -> None:
    """Writes a message with its length before it."""
    pipe.write(len(data).to_bytes(8, "little"))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """The next message; EOFError where the other end is closed, or closes in the middle of it."""
    size = pipe.read(8)
    data = pipe.read(int.from_bytes(size, "little"))
    if len(size) < 8 or len(data) < int.from_bytes(size, "little"):
        raise EOFError
    return data


def explain(e: Exception) -> str:
    """An exception in one line, with its kind where it is none of ours."""
    text = " ".join(str(e).split())
    if isinstance(e, MemoryError):
        return f"there was not enough memory ({text or 'MemoryError'})"
    return text if isinstance(e, DiffBGMError | WorkerError) else f"{type(e).__name__}: {text}"
