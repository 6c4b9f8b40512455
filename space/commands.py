"""What the page's script asks of the server: `look` at a project, and `command` something. Both answer at once.

A command that takes long starts a job; the page sees in `look` how it goes. Everything comes from strangers: whatever
is wrong with it becomes one sentence in the answer.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast, get_args

import gradio as gr
import numpy as np

from diffbgm.errors import DiffBGMError, InputError
from diffbgm.options import KeepAudio
from diffbgm.progress import part_of, silent
from diffbgm.setting import real, whole
from space import films, samples, storage, work
from space.child import KINDS, Order
from space.jobs import COMPOSING, WATCHING, Told, start, stop
from space.line import Visitor
from space.projects import Project, Status, Table
from space.settings import LONGEST_TEXT, PageSettings, from_values, to_query
from space.sharing import share
from space.sheet import address_of, plan_sheet, project_sheet, take_sheet
from space.words import BROKEN, chip_of

Answer = dict[str, Any]
Data = Mapping[str, Any]
PROJECTS = Table()
LINK = "link"  # a kind of export
MOST_AT_ONCE = 3  # takes of one command
LET_PASS = 0.1  # seconds between two looks whether the first take is there
LOUDEST, QUIETEST = 6.0, -60.0  # dB of a fader
COPY = "Your browser cannot show this format, so it plays a small copy; downloads are whole."
DRAFT = " It is a quick draft: refining keeps its plan and writes the notes anew, in full quality."
WAYS = {"other": "", "sadder": "sad", "brighter": "happy", "fewer": "sparse", "more": "driving"}  # to style tags
NO_STYLE = "Nothing chosen: the pictures decide."
log = logging.getLogger("diffbgm.space")


@dataclass(frozen=True)
class Asked:
    """A command: who asks, for which project, with what."""

    visitor: Visitor
    project: Project
    data: Data

    @property
    def settings(self) -> PageSettings:
        """What is asked for with it."""
        return settings_from(self.data)


def look(data: Data) -> Answer:
    """How a project is: its status, and all of it where `version` is not the latest that changed more than that."""
    return answered(lambda: looked(data))


def looked(data: Data) -> Answer:
    """As `look`; raises InputError."""
    project = PROJECTS.find(data.get("project"))
    with project.lock:
        answer: Answer = {"status": asdict(project.status), "busy": project.busy, "content": project.content}
        if data.get("content") != project.content:
            answer |= project_sheet(project)
    return answer


def command(data: Data, request: gr.Request) -> Answer:
    """Carries out `data["op"]`, a key of `COMMANDS`; the answer has `error` where that does not go."""
    return answered(lambda: commanded(data, address_from(request)))


def commanded(data: Data, address: str) -> Answer:
    """As `command`; raises InputError."""
    op = str(data.get("op"))
    if op not in COMMANDS:
        raise InputError(f"There is no command {op[:40]!r}.")
    visitor = Visitor(str(data.get("visitor") or f"at {address}")[:64], address)
    if op in ("open", "example"):
        path = storage.uploaded(data.get("path")) if op == "open" else films.example(data.get("index"))
        project = PROJECTS.add(Project(path, storage.make_folder()))
    else:
        project = PROJECTS.find(data.get("project"))
    return {"project": project.id, **(COMMANDS[op](Asked(visitor, project, data)) or {})}


def answered(question: Callable[[], Answer]) -> Answer:
    """The answer, or what is wrong in one sentence."""
    try:
        return question()
    except InputError as e:
        return {"error": str(e)}
    except DiffBGMError as e:
        log.exception("failed")
        return {"error": f"This did not work: {e}"}
    except Exception:
        log.exception("failed")
        return {"error": BROKEN}


def address_from(request: gr.Request) -> str:
    """The machine that a request comes from."""
    client = getattr(request, "client", None)
    return str(client.host) if client else ""


def turned(data: Data) -> Answer:
    """A knob was turned: what the words were understood as, what the tags do, the link; an unheard plan follows."""

    def read() -> Answer:
        settings = settings_from(data)
        brief = work.read_brief(settings)
        chips = [chip_of(r) for r in brief.readings if r.source == "text"]
        answer: Answer = {"chips": chips, "unread": list(brief.unread), "conflicts": list(brief.conflicts)}
        if data.get("project"):
            project = PROJECTS.find(data["project"])
            if project.watched is not None and not project.takes and not project.busy:
                project.show(plan=plan_sheet(work.plan_music(project.watched, settings)))
        return {
            **answer,
            "note": work.explain_tags(settings) or (NO_STYLE if settings == PageSettings(keep=settings.keep) else ""),
            "query": to_query(settings),
        }

    return answered(read)


def settings_from(data: Data) -> PageSettings:
    """The knobs as the page sent them, with the choice for the video's own sound; InputError for what is none."""
    knobs = data.get("knobs")
    if knobs is not None and (
        not isinstance(knobs, list) or len(cast("list[Any]", knobs)) != len(PageSettings().values)
    ):
        raise InputError("knobs must be a value for every knob.")
    try:
        settings = from_values(cast("list[Any]", knobs)) if knobs else PageSettings()
    except (TypeError, ValueError, AttributeError) as e:
        raise InputError(f"A knob has a value of the wrong kind ({e}).") from e
    return replace(settings, keep=keep_of(data.get("keep", settings.keep)))


# --- commands ------------------------------------------------------------------------------------------------------


def open_film(asked: Asked) -> None:
    """Looks at a video, then composes a first take by itself; the pictures of the time line follow."""
    project, settings = asked.project, asked.settings

    def task(told: Told) -> Status:
        watched = work.watch(project.path, told)
        project.show(watched=watched, plan=plan_sheet(work.plan_music(watched, settings)))
        if asked.data.get("playable") is False:
            project.show(proxy=work.make_proxy(watched, project.folder, told))
        return Status("good", "Here is the plan.")

    def then() -> None:
        compose(asked, draft=True)
        threading.Thread(target=illustrate, args=(project,), daemon=True, name="diffbgm-pictures").start()

    start(project, asked.visitor, WATCHING, "watch", task, then)


def open_example(asked: Asked) -> None:
    """As `open_film`; where the example was scored before, its music is there at once."""
    sample = samples.find(asked.data.get("index"), asked.settings)
    if sample is None:
        return open_film(asked)
    asked.project.show(watched=sample.watched, plan=plan_sheet(sample.take.plan))
    take = asked.project.add(sample.take, take_sheet)
    asked.project.say(Status("good", f"Take {take.letter} is ready."))
    return None


def illustrate(project: Project) -> None:
    """Adds the pictures of a film; they are a help, no more, and leave the cores to the first take."""
    while project.busy:
        time.sleep(LET_PASS)
    try:
        project.show(watched=work.with_pictures(project.looked_at(), project.folder, silent))
    except DiffBGMError as e:
        log.info("no pictures of %s: %s", project.path.name, e)


def compose(asked: Asked, *, draft: bool = False) -> None:
    """Another take, or several, with the knobs as they are; a draft takes fewer steps."""
    project, settings = asked.project, asked.settings
    count = whole_of(asked.data, "count", 1, MOST_AT_ONCE, 1)
    if draft:
        settings = replace(settings, steps=min(settings.steps, work.DRAFT_STEPS))
    watched = project.looked_at()
    plan = work.plan_music(watched, settings)
    known = {take.seed for take in project.takes.values()}
    seed = work.new_seed() if settings.seed is None or settings.seed in known else settings.seed
    make(asked, work.Wish(plan, settings, seed), count)


def refine(asked: Asked) -> None:
    """The same seed and plan as a take, with the quality of the knobs."""
    take = asked.project.take(asked.data.get("take"))
    settings = replace(take.settings, steps=asked.settings.steps)
    make(asked, work.Wish(take.plan, settings, take.seed))


def retake(asked: Asked) -> None:
    """Other notes in some bars of a take: in a way of `WAYS`, and as `words` say."""
    take = asked.project.take(asked.data.get("take"))
    bars = take.plan.bars
    first, last = whole_of(asked.data, "first", 1, bars, 1), whole_of(asked.data, "last", 1, bars, bars)
    way = str(asked.data.get("way", "other"))
    if way not in WAYS:
        raise InputError(f"way must be {', '.join(WAYS)}, got {way[:20]!r}.")
    words = str(asked.data.get("words", "")).strip()
    if len(words) > LONGEST_TEXT:
        raise InputError(f"The words have {len(words)} characters; use at most {LONGEST_TEXT}.")
    tags = work.tags_in(words, WAYS[way]) if words else WAYS[way]
    make(asked, work.other_bars(take, first, last, work.new_seed(), tags))


def chord(asked: Asked) -> None:
    """Another chord in a place of a take."""
    take, data = asked.project.take(asked.data.get("take")), asked.data
    start, end = (real(data.get(name)) for name in ("start", "end"))
    if start is None or end is None:
        raise InputError("start and end must be seconds.")
    make(asked, work.other_chord(take, start, end, str(data.get("symbol", "")).strip(), work.new_seed()))


def border(asked: Asked) -> None:
    """A section of a take begins at another bar."""
    take = asked.project.take(asked.data.get("take"))
    section = whole_of(asked.data, "section", 1, max(1, len(take.plan.sections) - 1), 1)
    bar = whole_of(asked.data, "bar", 0, take.plan.bars, 0)
    make(asked, work.other_border(take, section, bar, work.new_seed()))


def rearrange(asked: Asked) -> None:
    """The notes of a take for other instruments: those of the knobs, or one `player` in one `role`."""
    take, role = asked.project.take(asked.data.get("take")), asked.data.get("role")
    if role is None:
        return make(asked, work.other_band(take, asked.settings))
    return make(asked, work.other_player(take, str(role), str(asked.data.get("player", ""))))


def make(asked: Asked, wish: work.Wish, count: int = 1) -> None:
    """Makes a take, or several that are composed together; each is on the page as soon as it can be heard."""
    project = asked.project
    watched = project.looked_at()

    def task(told: Told) -> Status:
        wishes, composed = [wish], 0.0
        if count > 1:
            composed = work.course_of(wish.plan, wish.settings.steps).at("compose", 1.0)
            wishes = work.compose_together(wish, count, part_of(told, 0.0, composed))
        edges = np.linspace(composed, 1.0, count + 1)
        takes = [
            project.add(work.make_take(watched, one, part_of(told, *edges[i : i + 2])), take_sheet)
            for i, one in enumerate(wishes)
        ]
        draft = DRAFT if wish.settings.steps < asked.settings.steps and len(project.takes) == count else ""
        if count == 1:
            return Status("good", f"Take {takes[0].letter} is ready.{draft}")
        return Status("good", f"{count} takes are ready: compare them. {takes[0].letter} keeps closest to the plan.")

    start(project, asked.visitor, COMPOSING, "compose", task)


def export(asked: Asked) -> None:
    """Writes a file of a take, mixed as the page plays it; `made` then says where it is.

    The kind "link" is the video, and an address where others may watch it for a day.
    """
    project, data = asked.project, asked.data
    take, kind = project.take(data.get("take")), str(data.get("kind"))
    shared = kind == LINK
    kind = "video" if shared else kind
    if kind not in KINDS:
        raise InputError(f"There is no file of kind {kind[:20]!r}.")
    order = Order(kind, gains_of(data.get("gains")), keep_of(data.get("keep")), f"{take.watched.name}-scored")

    def task(told: Told) -> Status:
        path = work.write_file(take, order, lambda f, stage: told(f, stage))
        number = (project.made[1] if project.made else 0) + 1
        project.show(made=(share(path) if shared else address_of(path), number))
        return Status("good", "Your link is ready: it works for a day." if shared else "Your file is ready.")

    start(project, asked.visitor, COMPOSING, "write", task)


def restore(asked: Asked) -> None:
    """Adds the take of a project file to the video that it belongs to."""
    project = asked.project
    watched, file = project.looked_at(), storage.uploaded(asked.data.get("path"))

    def task(told: Told) -> Status:
        wish = work.open_project(watched, file, told)
        take = project.add(work.make_take(watched, wish, told), take_sheet)
        return Status("good", f"The project is take {take.letter}.")

    start(project, asked.visitor, COMPOSING, "render", task)


def proxy(asked: Asked) -> None:
    """A copy of the video for a browser that cannot show it; made once."""
    project = asked.project
    watched = project.looked_at()
    if project.proxy is None:

        def task(told: Told) -> Status:
            project.show(proxy=work.make_proxy(watched, project.folder, told))
            return Status("good", COPY)

        start(project, asked.visitor, WATCHING, "proxy", task)


def cancel(asked: Asked) -> None:
    """Ends what runs for the project."""
    stop(asked.project)


COMMANDS: Mapping[str, Callable[[Asked], Answer | None]] = {
    "open": open_film, "example": open_example, "compose": compose, "refine": refine, "retake": retake,
    "chord": chord, "border": border, "rearrange": rearrange,
    "restore": restore, "export": export, "proxy": proxy, "cancel": cancel,
}  # fmt: skip


# --- what strangers send -------------------------------------------------------------------------------------------


def whole_of(data: Data, name: str, low: int, high: int, default: int) -> int:
    """A whole number within bounds; InputError for anything else."""
    value = data.get(name, default)
    number = whole(value)
    if number is None or not low <= number <= high:
        raise InputError(f"{name} must be a whole number from {low} to {high}, got {str(value)[:20]!r}.")
    return number


def keep_of(value: object) -> KeepAudio:
    """What becomes of the video's own sound."""
    for word in get_args(KeepAudio):
        if value == word:
            return word
    raise InputError(f"keep must be {', '.join(get_args(KeepAudio))}, got {str(value)[:20]!r}.")


def gains_of(value: object) -> dict[str, float]:
    """DB by role, within what a fader can do."""
    given = cast("Mapping[object, object]", value)
    if not isinstance(value, Mapping) or len(given) > len(KINDS) + 8:
        raise InputError("gains must be decibels by role, such as {'melody': -3}.")
    gains: dict[str, float] = {}
    for role, gain in given.items():
        number = real(gain)
        if number is None or not QUIETEST <= number <= LOUDEST:
            raise InputError(f"gains must lie between {QUIETEST:g} and {LOUDEST:g} dB, got {str(gain)[:20]!r}.")
        gains[str(role)[:20]] = number
    return gains
