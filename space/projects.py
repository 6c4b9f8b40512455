"""The table of projects: a film, its takes and what is being done for it. It is the only state of the page's server.

A project is reached by its id alone, which nobody can guess. It outlives the page that shows it: who comes back with
the id finds the takes, or the job that still runs.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diffbgm.errors import Cancelled, InputError
from space.line import Job
from space.storage import KEPT
from space.work import Take, Watched

MOST = 400  # projects; the one that was not asked for longest goes first
MOST_TAKES = 24  # of a project; the oldest goes first
MISSING = "This project is no longer here: projects are deleted after a day. Choose the video again."


@dataclass(frozen=True)
class Status:
    """What stands in the status line.

    Attributes:
        kind: note, good, bad, line (it waits) or busy.
        words: For people.
        stage: Of the work, such as "compose".
        share: 0..1, how much of the job is done.
    """

    kind: str
    words: str
    stage: str = ""
    share: float = 0.0


@dataclass(eq=False)
class Project:
    """A film on the page. What changes of it changes under its lock; `content` counts changes beside the status.

    Attributes:
        path: The video as it was sent.
        folder: Its own files: pictures, the proxy.
        watched: What the pictures say, once they were looked at.
        plan: As JSON for the page, of the knobs as they were last.
        proxy: A copy that browsers can show, where the page asked for one.
        takes: By their letter, in the order in which they were made.
        status: The status line.
        job: Its place in a line.
        busy: Whether something runs or waits for it; `stopping`: whether that was asked to end;
            `handover`: whether the next job follows at once.
        seen: When a page last asked for it, by the monotonic clock.
        made: A file that was asked for, which the page fetches once: its address and a number that counts.
    """

    path: Path
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    watched: Watched | None = None
    plan: dict[str, Any] | None = None
    proxy: Path | None = None
    takes: OrderedDict[str, Take] = field(default_factory=OrderedDict[str, Take])
    status: Status = Status("note", "")
    job: Job | None = None
    busy: bool = False
    handover: bool = False
    stopping: bool = False
    seen: float = field(default_factory=time.monotonic)
    made: tuple[str, int] | None = None
    content: int = 0
    letters: int = 0
    born: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, status: Status) -> None:
        """Another status, unless the job was asked to end: then the last word is how it ended."""
        with self.lock:
            if not self.stopping:
                self.status = status

    def show(self, **values: Any) -> None:
        """Sets attributes that the page draws; it gets them with its next look."""
        with self.lock:
            for name, value in values.items():
                setattr(self, name, value)
            self.content += 1

    def add(self, take: Take, draw: Callable[[Take], Mapping[str, Any]]) -> Take:
        """The take under the next letter, at the end of the list; Cancelled where the job was asked to end."""
        with self.lock:
            if self.stopping:
                raise Cancelled("stopped")
            take = replace(take, letter=letter_of(self.letters))
            take = replace(take, sheet=draw(take))
            self.letters += 1
            self.takes[take.letter] = take
            while len(self.takes) > MOST_TAKES:
                self.takes.popitem(last=False)
            self.content += 1
        return take

    def take(self, letter: object) -> Take:
        """The take of a letter; InputError where there is none."""
        found = self.takes.get(str(letter))
        if found is None:
            raise InputError("This take is no longer here: make another one.")
        return found

    def looked_at(self) -> Watched:
        """What the pictures say; InputError before they were looked at."""
        if self.watched is None:
            raise InputError("Choose a video first.")
        return self.watched


class Table:
    """Projects by id."""

    def __init__(self, most: int = MOST) -> None:
        """An empty table of at most `most` projects."""
        self.most = most
        self._lock = threading.Lock()
        self._projects: OrderedDict[str, Project] = OrderedDict()

    def add(self, project: Project) -> Project:
        """Puts a project in; what is a day old, or one too many, goes."""
        with self._lock:
            self._projects[project.id] = project
            old = time.monotonic() - KEPT
            for id in [id for id, p in self._projects.items() if p.born < old and not p.busy]:
                del self._projects[id]
            while len(self._projects) > self.most:
                self._projects.popitem(last=False)
        return project

    def find(self, id: object) -> Project:
        """The project of an id, which counts as seen; InputError where there is none."""
        with self._lock:
            project = self._projects.get(str(id))
            if project is None:
                raise InputError(MISSING)
            self._projects.move_to_end(project.id)
        project.seen = time.monotonic()
        return project


def letter_of(number: int) -> str:
    """A, B, ... Z, A2, B2, ..."""
    round_, index = divmod(number, 26)
    return chr(65 + index) + (str(round_ + 1) if round_ else "")
