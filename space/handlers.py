"""One function per button. Each yields changes to the page as {name of a part: its new value or gr.update(...)}."""

import logging
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial, wraps
from typing import Any, TypeVar

import gradio as gr

from diffbgm import MusicPlan, PianoRoll
from diffbgm.errors import Cancelled, DiffBGMError, InputError
from diffbgm.media import as_time
from diffbgm.progress import Progress
from space import films, work
from space.limits import MOST_BYTES, PAGE
from space.line import CrowdError, Job, Line, Rules, Visitor
from space.notices import in_line, message, progress, welcome
from space.pictures import timeline
from space.running import in_steps, result_of
from space.settings import NEW_SEEDS, PageSettings, from_query, from_values, to_query
from space.work import Take, Watched

T = TypeVar("T")
Changes = dict[str, Any]
Answers = Generator[Changes, None, None]
Handler = Callable[..., Answers]
DOWNLOADS = ("video", "mp3", "wav", "midi", "stems", "markers", "picture", "receipt", "plan")
TAKES = 3
START = f"Choose a video or an example to begin. Up to {as_time(PAGE.seconds)} and {MOST_BYTES / 1e6:.0f} MB."
NO_STYLE = "Nothing chosen: the pictures decide."
BROKEN = "Something broke on this side; it is in the log. Please try again."
WATCHING = Line(Rules(running=2, waiting=16))
COMPOSING = Line(Rules(running=2, waiting=32))
PLACE_EVERY = 1.0  # seconds between two looks at the place in the line
PATIENCE = 10.0  # seconds that a cancel waits for the work to end
SETTLING = 0.3  # seconds in which what was sent to a page has surely come there
log = logging.getLogger("diffbgm.space")


def in_turn(line: Line, stage: str, stopped: Callable[[], Changes]) -> Callable[[Handler], Handler]:
    """The handler waits in a line for its turn, ends when it is asked to, and its errors become messages on the page.

    Args:
        line: Where to wait.
        stage: What stands on the page as the step that is waited for.
        stopped: The page after a stop; nobody else writes to it then, so it stays.

    Returns:
        A decorator for a handler (job, inputs...), which becomes one of (visitor, inputs...). What is not the visitor's
        to mend is logged.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def run(visitor: Visitor, *inputs: Any) -> Answers:
            try:
                with line.enter(visitor) as job:
                    try:
                        yield busy()
                        while not job.ready:
                            yield {"status": in_line(stage, *job.place())}
                            job.wait(PLACE_EVERY)
                        check(job)
                        yield from handler(job, *inputs)
                    except Cancelled:
                        if not job.quiet:
                            job.confirmed = True
                            yield stopped()
            except CrowdError as e:  # what else this page does goes on
                yield {"status": message(str(e), "bad")}
            except InputError as e:
                yield {**idle(), "status": message(str(e), "bad")}
            except DiffBGMError as e:
                log.exception("failed")
                yield {**idle(), "status": message(f"This did not work: {e}", "bad")}
            except Exception:
                log.exception("failed")
                yield {**idle(), "status": message(BROKEN, "bad")}

        return run

    return decorate


def check(job: Job) -> None:
    """Cancelled where the job was asked to end."""
    if job.stopped.is_set():
        raise Cancelled("stopped")


def busy() -> Changes:
    """Buttons while something runs."""
    return {"compose": gr.update(visible=False), "cancel": gr.update(visible=True), "again": gr.update(visible=False)}


def idle() -> Changes:
    """Buttons while nothing runs."""
    return {"compose": gr.update(visible=True), "cancel": gr.update(visible=False), "again": gr.update(visible=True)}


def unwatched() -> Changes:
    """The page while there is no video."""
    return {
        "watched": None, "take": None, "takes": [], "plan": welcome(), "cancel": gr.update(visible=False),
        "compose": gr.update(interactive=False, visible=True),
        "result": gr.update(visible=False), "takes_box": gr.update(visible=False),
    }  # fmt: skip


def watching_stopped() -> Changes:
    """The page after a cancel while the video was looked at."""
    return {**unwatched(), "video": None, "status": message(f"Stopped. {START}")}


def composing_stopped() -> Changes:
    """The page after a cancel while music was made."""
    return {**idle(), "status": message("Stopped. Your settings are as they were.")}


def reported(job: Job, task: Callable[[Progress], T], stage: str, before: str = "") -> Generator[Changes, None, T]:
    """Runs a task that tells its stages, showing how far it is; gives what it returns. Cancelled once `job` stops."""
    with closing(in_steps(task, stopped=job.stopped)) as steps:
        while True:
            try:
                report = next(steps)
            except StopIteration as done:
                return done.value
            job.left = report.left
            yield {"status": progress(report.message or stage, report, before)}


# --- before composing ----------------------------------------------------------------------------------------------


def pick_example(index: int) -> str:
    """The file of an example; drawn now, should it not be there yet."""
    return str(films.examples()[index].path())


def watch(visitor: Visitor, path: str | None, *knobs: Any) -> Answers:
    """A video came or went: what was done with the one before ends, and the new one is looked at."""
    for line in (WATCHING, COMPOSING):
        for job in line.stop(visitor.session, quiet=True):
            job.over.wait(PATIENCE)
    if path:
        yield from look(visitor, path, *knobs)
    else:
        yield {**unwatched(), "status": message(START)}


@in_turn(WATCHING, "watch", watching_stopped)
def look(job: Job, path: str, *knobs: Any) -> Answers:
    """Looks at a video, shows the plan, then its pictures."""
    yield {**unwatched(), **busy(), "plan": "", "status": progress("watch")}
    try:
        watched = yield from reported(job, lambda told: work.watch(path, told), "watch")
    except InputError as e:  # the way is free for another video
        yield {**unwatched(), "video": None, "status": message(str(e), "bad")}
        return
    plan = work.plan_music(watched, from_values(knobs))
    check(job)
    yield {
        **idle(),
        "watched": watched,
        "plan": timeline(watched, plan),
        "status": message(
            "Here is the plan. Compose when you like it, or change the style: the plan follows at once.", "good"
        ),
        "compose": gr.update(interactive=True, visible=True),
    }
    try:
        watched = result_of(in_steps(partial(with_stills, watched), stopped=job.stopped))
    except Cancelled:  # of what is composed meanwhile; the plan stays
        return
    composing = COMPOSING.has(job.visitor)  # then the take is drawn where the plan stands
    yield {"watched": watched} if composing else {"watched": watched, "plan": timeline(watched, plan)}


def replan(watched: Watched | None, take: Take | None, *knobs: Any) -> Changes:
    """A knob was turned: say what the tags do, and draw the plan it leads to."""
    try:
        settings = from_values(knobs)
        words = work.explain_tags(settings) or NO_STYLE
        if watched is None:
            return {"tags_note": words}
        plan = work.plan_music(watched, settings)
    except InputError as e:
        return {"tags_note": f"⚠ {e}"}
    title = "The plan" if take is None else "Plan for the next take: compose to hear it"
    return {"tags_note": words, "plan": timeline(watched, plan, title=title)}


# --- composing -----------------------------------------------------------------------------------------------------


def one_take(
    job: Job,
    watched: Watched,
    plan: MusicPlan,
    settings: PageSettings,
    seed: int | None = None,
    roll: PianoRoll | None = None,
) -> Answers:
    """Composes one take and shows it."""
    yield {"status": progress("compose"), "takes_box": gr.update(visible=False)}
    take = yield from reported(
        job, lambda told: work.make_take(watched, plan, settings, told, seed=seed, roll=roll), "compose"
    )
    if not watched.stills:  # it was composed before they were there
        take = replace(take, watched=result_of(in_steps(partial(with_stills, watched), stopped=job.stopped)))
    done = {**idle(), **shown(take)}
    check(job)
    yield done


def with_stills(watched: Watched, told: Progress) -> Watched:
    """The same with its pictures, where it has some that can be shown."""
    try:
        return work.with_pictures(watched, told)
    except InputError as e:
        log.info("no pictures of %s: %s", watched.name, e)
        return watched


def shown(take: Take) -> Changes:
    """The page with a take on it."""
    cuts = take.receipt["cuts"]
    hits = round(take.receipt["cut_hit_rate"] * len(cuts)) if cuts else 0
    met = (
        f"{'all' if hits == len(cuts) else f'{hits} of'} {len(cuts)} cuts fall on a beat and " if len(cuts) > 1 else ""
    )
    words = f"Done: {met}the music ends with the picture. Seed {take.seed}."
    silent = "" if take.watched.features.has_audio else "Your video has no sound of its own."
    picture = timeline(take.watched, take.plan, roll=take.roll, peaks=take.peaks, seed=take.seed, title="This take")
    return {
        "take": take,
        "result": gr.update(visible=True),
        "after": str(take.files["video"]),
        "before": str(take.watched.path),
        "switch": gr.update(value="After", info=silent),
        "plan": picture,
        "status": message(words, "good"),
        **{f"get_{kind}": gr.update(value=str(take.files[kind])) for kind in DOWNLOADS},
    }


def of_video(watched: Watched | None) -> Watched:
    """The video that was looked at; InputError where there is none."""
    if watched is None:
        raise InputError("Choose a video first.")
    return watched


def of_take(take: Take | None) -> Take:
    """The take at hand; InputError where there is none."""
    if take is None:
        raise InputError("Compose a take first.")
    return take


@in_turn(COMPOSING, "compose", composing_stopped)
def compose(job: Job, watched: Watched | None, *knobs: Any) -> Answers:
    """Compose, with the seed of the knob or a new one."""
    watched, settings = of_video(watched), from_values(knobs)
    yield from one_take(job, watched, work.plan_music(watched, settings), settings)


@in_turn(COMPOSING, "compose", composing_stopped)
def new_take(job: Job, watched: Watched | None, *knobs: Any) -> Answers:
    """The same settings with a new seed, whatever the knob says."""
    watched, settings = of_video(watched), from_values(knobs)
    yield from one_take(job, watched, work.plan_music(watched, settings), settings, secrets.randbelow(NEW_SEEDS))


@in_turn(COMPOSING, "compose", composing_stopped)
def same_seed(job: Job, take: Take | None, *knobs: Any) -> Answers:
    """The seed of the take at hand with the knobs as they are now."""
    settings, take = from_values(knobs), of_take(take)
    yield from one_take(job, take.watched, work.plan_music(take.watched, settings), settings, take.seed)


@in_turn(COMPOSING, "compose", composing_stopped)
def restyle(job: Job, take: Take | None, *knobs: Any) -> Answers:
    """Another style on the plan of the take at hand; the same notes where only the instruments differ."""
    settings, take = from_values(knobs), of_take(take)
    plan, roll = work.restyle(take, settings)
    yield from one_take(job, take.watched, plan, settings, take.seed, roll)


@in_turn(COMPOSING, "compose", composing_stopped)
def three_takes(job: Job, watched: Watched | None, *knobs: Any) -> Answers:
    """Three seeds side by side, each shown as soon as it is there; the first becomes the take at hand."""
    watched, settings = of_video(watched), from_values(knobs)
    plan = work.plan_music(watched, settings)
    takes: list[Take] = []
    empty = {f"take_{i}": None for i in range(TAKES)}
    yield {**empty, "status": progress("compose"), "takes_box": gr.update(visible=True), "takes": []}
    for i, seed in enumerate(secrets.SystemRandom().sample(range(NEW_SEEDS), TAKES)):

        def task(told: Progress, seed: int = seed, i: int = i) -> Take:
            def tell(fraction: float, stage: str) -> None:
                told((i + fraction) / TAKES, stage)

            return work.make_take(watched, plan, settings, tell, seed=seed)

        takes.append((yield from reported(job, task, "compose", f"Take {i + 1} of {TAKES} · ")))
        check(job)
        yield {f"take_{i}": str(takes[-1].files["video"]), "takes": list(takes)}
    yield {**shown(takes[0]), **idle(), "status": message("Three takes: play each, then use the one you like.", "good")}


def use_take(takes: Sequence[Take], index: int) -> Changes:
    """One of the three becomes the take at hand."""
    if index >= len(takes):
        return {"status": message("This take is not there yet.")}
    return shown(takes[index])


def stop(visitor: Visitor, watched: Watched | None) -> Changes:
    """Cancels the visitor's running and waiting work.

    The work itself tells the page that it stopped, after all else that it told; this one answers only where the work
    was over by then, and comes after what it told last.
    """
    jobs = [job for line in (WATCHING, COMPOSING) for job in line.stop(visitor.session)]
    for job in jobs:
        job.over.wait(PATIENCE)
    if not any(job.confirmed for job in jobs):
        time.sleep(SETTLING)
        if not any(line.has(visitor) for line in (WATCHING, COMPOSING)):
            return {**composing_stopped(), "compose": gr.update(visible=True, interactive=watched is not None)}
    return {"cancel": gr.skip()}


# --- links --------------------------------------------------------------------------------------------


def link(address: str, *knobs: Any) -> str:
    """The page's address with these settings in it."""
    query = to_query(from_values(knobs))
    return f"{address.split('?')[0]}?{query}" if query else address.split("?")[0]


def knobs_from(query: dict[str, str]) -> list[Any]:
    """A value for every knob, from the address the page was opened with, and what the chosen style does."""
    settings = from_query(query)
    return [*settings.values, explained(settings)]


def explained(settings: PageSettings) -> str:
    """What the chosen style does, in words."""
    try:
        return work.explain_tags(settings) or NO_STYLE
    except InputError as e:
        return f"⚠ {e}"
