"""The waiting line: who runs now, who is next, and for how long that may take.

A job enters the line and waits until it runs. Jobs start in the order in which they came, except that a visitor has one
running at a time; so nobody with three jobs keeps others waiting.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean

from diffbgm.errors import InputError

GUESS = 30.0  # seconds of a job, while none has ended yet


class CrowdError(InputError):
    """There is no place left in the line for this visitor."""


class FullError(CrowdError):
    """There is no place left for anybody; there will be one, later."""


@dataclass(frozen=True)
class Visitor:
    """Whose a job is: `session` is one open page or client, `address` the machine that it comes from."""

    session: str
    address: str = ""


@dataclass(frozen=True)
class Rules:
    """How many jobs there may be.

    Attributes:
        running: At once, of all visitors; each visitor has one.
        waiting: Of all visitors.
        own_waiting: Of one visitor.
        per_address: Running and waiting, of all visitors from one address.
    """

    running: int = 2
    waiting: int = 32
    own_waiting: int = 2
    per_address: int = 12


class Job:
    """One visitor's place in a line. `left`: seconds that the running job is thought to need, where that is known."""

    def __init__(self, line: "Line", visitor: Visitor) -> None:
        """A job that waits; made by `Line.enter`."""
        self.visitor = visitor
        self.stopped = threading.Event()
        self.left: float | None = None
        self.began: float | None = None
        self._line = line
        self._turn = threading.Event()

    def __enter__(self) -> "Job":
        """Holds the place until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the line."""
        self._line.leave(self)

    @property
    def running(self) -> bool:
        """Whether it is this job's turn."""
        return self.began is not None

    def start(self) -> None:
        """Its turn has come."""
        self.began = time.monotonic()
        self._turn.set()

    def stop(self) -> None:
        """Asks it to end."""
        self.stopped.set()
        self._turn.set()

    @property
    def ready(self) -> bool:
        """Whether it waits no more: it is its turn, or it was stopped."""
        return self._turn.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits for its turn or for `stop`; whether one of them came."""
        return self._turn.wait(seconds)

    def place(self) -> tuple[int, float]:
        """Its number among those that wait (1 is next; 0: it runs), and about how many seconds until its turn."""
        return self._line.place(self)


class Line:
    """Jobs in the order in which they came, running ones first."""

    def __init__(self, rules: Rules | None = None) -> None:
        """An empty line."""
        self.rules = rules or Rules()
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._seconds: deque[float] = deque(maxlen=8)  # of the latest jobs

    def enter(self, visitor: Visitor) -> Job:
        """A place at the end of the line, to be used in a `with` block; CrowdError where there is none."""
        with self._lock:
            own = [job for job in self._jobs if job.visitor.session == visitor.session]
            near = [job for job in self._jobs if visitor.address and job.visitor.address == visitor.address]
            waiting = sum(not job.running for job in self._jobs)
            if len(own) > self.rules.own_waiting:
                raise CrowdError(
                    f"You have {len(own)} pieces running or waiting, which is the most for one visitor: "
                    "wait until one is done, or cancel one."
                )
            if len(near) >= self.rules.per_address:
                raise CrowdError(
                    f"{len(near)} pieces from your network are running or waiting: wait until one of them is done."
                )
            if waiting >= self.rules.waiting:
                raise FullError(f"{waiting} others are waiting already: come back in a few minutes.")
            job = Job(self, visitor)
            self._jobs.append(job)
            self._advance()
        return job

    def leave(self, job: Job) -> None:
        """Gives the place back."""
        with self._lock:
            if job in self._jobs:
                self._jobs.remove(job)
                if job.began is not None and not job.stopped.is_set():
                    self._seconds.append(time.monotonic() - job.began)
            self._advance()

    def place(self, job: Job) -> tuple[int, float]:
        """As `Job.place`."""
        with self._lock:
            if job.running or job not in self._jobs:
                return 0, 0.0
            usual = mean(self._seconds) if self._seconds else GUESS
            now = time.monotonic()
            free = [self._left(other, usual, now) for other in self._jobs if other.running]
            free += [0.0] * (self.rules.running - len(free))
            heapq.heapify(free)
            waiting = [other for other in self._jobs if not other.running]
            before = waiting.index(job)
            for _ in range(before):
                heapq.heapreplace(free, free[0] + usual)
            return before + 1, free[0]

    @staticmethod
    def _left(job: Job, usual: float, now: float) -> float:
        if job.left is not None:
            return job.left
        return max(1.0, usual - (now - (job.began or now)))

    def _advance(self) -> None:
        """Starts whoever may run."""
        for job in self._jobs:
            running = [other for other in self._jobs if other.running]
            if len(running) >= self.rules.running:
                return
            if not job.running and not _has_one(running, job.visitor):
                job.start()


def _has_one(jobs: Iterable[Job], visitor: Visitor) -> bool:
    return any(job.visitor.session == visitor.session for job in jobs)
