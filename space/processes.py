"""The page's side of the processes that open what a stranger sent: `ask(task, ...)`."""

import logging
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache
from pathlib import Path
from typing import TypeVar

from diffbgm.batch.pool import Pool, WorkerError
from diffbgm.batch.processes import worker_environment
from diffbgm.errors import Cancelled, DiffBGMError, VideoError
from space import child, gpu
from space.limits import shown_name

T = TypeVar("T")
log = logging.getLogger("diffbgm.space")
COUNT = 4  # processes: two that look at videos and two that put music under them
POLL = 0.1  # seconds


@cache
def workers() -> Pool:
    """The processes; each starts when it is first needed, and ends when this one does."""
    root = str(Path(__file__).resolve().parents[1])
    environment = worker_environment(next(gpu.model().model.parameters()).device)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return Pool(COUNT, environment)


def ask(task: Callable[..., T], video: Path, told: child.Told, seconds: float, *arguments: object) -> T:
    """Runs a task of `child` on a video in another process.

    Args:
        task: What to do; it is called with a callback for its progress, the video and the arguments.
        video: A file that a stranger sent.
        told: Hears the stage and how much of it is done; what it raises ends the task.
        seconds: How long the task may take.
        arguments: All that the task needs besides.

    Returns:
        What the task returns.

    Raises:
        VideoError: The video cannot be used, or reading it ended the process; without the server's folders in it.
        DiffBGMError: The task failed for another reason.
    """
    handle, name = tempfile.mkstemp(prefix="diffbgm-")
    os.close(handle)
    try:
        answer = workers().submit(workers().call, child.serve, task, name, seconds, video, *arguments)
        kind, value = _followed(answer, Path(name), told)
    except WorkerError as e:
        log.warning("%s: %s", video.name[:200], e)
        raise VideoError(f"{shown_name(video)}: it broke the program that reads it; export it again") from e
    finally:
        Path(name).unlink(missing_ok=True)  # which stops the task, should it still run
    if kind == "done":
        return value
    if kind == "stopped":
        raise Cancelled("stopped")
    words = str(value).replace(str(video), shown_name(video))
    if kind == "refused":
        raise VideoError(words if shown_name(video) in words else f"{shown_name(video)}: {words}")
    raise DiffBGMError(words)


def _followed(answer: "Future[child.Answer]", progress: Path, told: child.Told) -> child.Answer:
    """Waits for an answer, and tells what is written into `progress` meanwhile."""
    while not wait([answer], timeout=POLL).done:
        stage, _, fraction = progress.read_text(encoding="utf-8").partition("\n")[0].partition(" ")
        if fraction:
            told(stage, float(fraction))
    return answer.result()


def warm_up() -> None:
    """Starts two processes and has them load what they need."""
    both = [workers().submit(workers().call, child.serve, child.warm, os.devnull, 60.0) for _ in range(2)]
    wait(both)
