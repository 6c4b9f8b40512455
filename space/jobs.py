"""One job for a project: it waits in a line, works, and leaves its last word in the project's status.

A job is no page's: a reload finds it running. When no page has asked for the project for LONELY seconds, it stops.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable

from diffbgm.errors import Cancelled, DiffBGMError, InputError
from space.line import FullError, Job, Line, Rules, Visitor
from space.projects import Project, Status
from space.words import BROKEN, about, place_words, stage_words

Told = Callable[[float, str], None]  # hears how much of the job is done, 0 to 1, and the stage
Task = Callable[[Told], Status]
WATCHING = Line(Rules(running=2, waiting=16))
COMPOSING = Line(Rules(running=2, waiting=32))
PLACE_EVERY = 1.0  # seconds between two looks at the place in the line
RETRY_EVERY = 4.0  # seconds between two tries to get into a full line
LONELY = 90.0  # seconds without a page after which a job stops
FULL = "All places in the line are taken. This page tries again by itself."
STOPPED = "Stopped. Everything is as it was."
LATE = "Stopped. What was done by then is kept."
SURE = 0.05, 1.5  # share done and seconds passed from which the time left can be told
log = logging.getLogger("diffbgm.space")


def start(
    project: Project,
    visitor: Visitor,
    line: Line,
    stage: str,
    task: Task,
    then: Callable[[], None] | None = None,
) -> None:
    """Runs a task in a thread of its own, once its turn has come.

    Args:
        project: Whose status tells how it goes.
        visitor: Who asked.
        line: Where to wait.
        stage: What is waited for.
        task: Does the work and returns the last word; what it reports to raises Cancelled once the job was stopped.
        then: What follows where it went well.

    Raises:
        InputError: The project has a job already.
    """
    with project.lock:
        if project.busy and not project.handover:
            raise InputError("Something runs for this video already: wait until it is done, or cancel it.")
        project.stopping = project.stopping and project.handover
        project.busy, project.handover = True, False
    project.say(Status("busy", stage_words(stage), stage))

    def run() -> None:
        last = _said(lambda: _run(project, visitor, line, stage, task))
        if then is not None and last.kind == "good" and not project.stopping:
            project.handover = True
            follow = then

            def go_on() -> Status:
                follow()
                return last

            last = _said(go_on)
            if not project.handover:  # the next job has begun
                return
        with project.lock:
            if project.stopping and last.kind == "good":
                last = Status("note", LATE)
            project.status, project.job, project.busy, project.handover = last, None, False, False

    copy = contextvars.copy_context()  # a hosted GPU asks there who the visitor is
    threading.Thread(target=copy.run, args=(run,), daemon=True, name="diffbgm-job").start()


def _said(work: Callable[[], Status]) -> Status:
    """What work says at its end, or what went wrong."""
    try:
        return work()
    except Cancelled:
        return Status("note", STOPPED)
    except InputError as e:
        return Status("bad", str(e))
    except DiffBGMError as e:
        log.exception("failed")
        return Status("bad", f"This did not work: {e}")
    except Exception:
        log.exception("failed")
        return Status("bad", BROKEN)


def stop(project: Project) -> None:
    """Asks the project's job to end; the status says so once it has."""
    with project.lock:
        project.stopping = project.busy
        job = project.job
    if job is not None:
        job.stop()


def _run(project: Project, visitor: Visitor, line: Line, stage: str, task: Task) -> Status:
    with _enter(project, visitor, line, stage) as job:
        project.job = job
        while not job.ready:
            project.say(Status("line", place_words(*job.place()), stage))
            job.wait(PLACE_EVERY)
            _check(project)
        began = time.monotonic()

        def told(share: float, at: str) -> None:
            _check(project)
            seconds = time.monotonic() - began
            sure = share > SURE[0] and seconds > SURE[1]
            job.left = seconds * (1 - share) / share if sure else None
            words = stage_words(at) + (f" · {about(job.left)} left" if job.left is not None else "")
            project.say(Status("busy", words, at, share))

        told(0.0, stage)
        return task(told)


def _enter(project: Project, visitor: Visitor, line: Line, stage: str) -> Job:
    """A place in the line; where it is full, it is tried again until there is one."""
    while True:
        try:
            return line.enter(visitor)
        except FullError:
            project.say(Status("line", FULL, stage))
        end = time.monotonic() + RETRY_EVERY
        while time.monotonic() < end:
            _check(project)
            time.sleep(0.1)


def _check(project: Project) -> None:
    """Cancelled where the job was stopped, or no page asks for the project any more."""
    if project.stopping or time.monotonic() - project.seen > LONELY:
        raise Cancelled("stopped")
