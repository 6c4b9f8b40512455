"""One function a button. Each yields changes to the page as {name of a part: its new value or gr.update(...)}."""

import logging
import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from diffbgm import MusicPlan, PianoRoll
from diffbgm.errors import Cancelled, DiffBGMError, InputError
from space import films, work
from space.notices import message, progress, welcome
from space.pictures import timeline
from space.running import OnProgress, in_steps
from space.settings import NEW_SEEDS, PageSettings, from_query, from_values, to_query
from space.work import Take, Watched

T = TypeVar("T")
Changes = dict[str, Any]
DOWNLOADS = ("video", "mp3", "wav", "midi", "stems", "markers", "picture", "receipt", "plan")
TAKES = 3
START = "Choose a video or an example to begin. Up to 10 minutes and 200 MB."
NO_STYLE = "Nothing chosen: the pictures decide."
log = logging.getLogger("diffbgm.space")


def guarded(handler: Callable[..., Iterator[Changes]]) -> Callable[..., Iterator[Changes]]:
    """Errors become a message on the page; what is not the visitor's to mend is logged."""

    @wraps(handler)
    def run(*inputs: Any) -> Iterator[Changes]:
        try:
            yield from handler(*inputs)
        except Cancelled:
            yield {**idle(), "status": message("Stopped.")}
        except InputError as e:
            yield {**idle(), "status": message(str(e), "bad")}
        except DiffBGMError as e:
            log.exception("failed")
            yield {**idle(), "status": message(f"This did not work: {e}", "bad")}
        except Exception:
            log.exception("failed")
            yield {
                **idle(),
                "status": message("Something broke on this side; it is in the log. Please try again.", "bad"),
            }

    return run


def busy() -> Changes:
    """Buttons while something runs."""
    return {"compose": gr.update(visible=False), "cancel": gr.update(visible=True), "again": gr.update(visible=False)}


def idle() -> Changes:
    return {"compose": gr.update(visible=True), "cancel": gr.update(visible=False), "again": gr.update(visible=True)}


def reported(job: Callable[[OnProgress], T], stage_at: Callable[[float], str]) -> Generator[Changes, None, T]:
    """Runs a job, showing how far it is; gives what it returns."""
    with closing(in_steps(job)) as steps:
        while True:
            try:
                report = next(steps)
            except StopIteration as done:
                return done.value
            yield {"status": progress(stage_at(report.fraction), report)}


# --- before composing ----------------------------------------------------------------------------------------------


def pick_example(index: int) -> str:
    """The file of an example; drawn now, should it not be there yet."""
    return str(films.examples()[index].path())


@guarded
def watch(path: str | None, *knobs: Any) -> Iterator[Changes]:
    """A video came or went: look at it, show the plan, then its pictures."""
    gone: Changes = {
        "watched": None, "take": None, "takes": [],
        "result": gr.update(visible=False), "takes_box": gr.update(visible=False),
    }  # fmt: skip
    nothing: Changes = {**idle(), "plan": welcome(), "compose": gr.update(interactive=False, visible=True)}
    if not path:
        yield {**gone, **nothing, "status": message(START)}
        return
    yield {**gone, **busy(), "plan": "", "status": progress("watch"), "compose": gr.update(visible=False)}
    try:
        watched = yield from reported(lambda tell: work.watch(path, tell), lambda fraction: "watch")
    except InputError as e:  # the way is free for another video
        yield {**nothing, "video": None, "status": message(str(e), "bad")}
        return
    plan = work.plan_music(watched, from_values(knobs))
    yield {
        **idle(),
        "watched": watched,
        "plan": timeline(watched, plan),
        "status": message(
            "Here is the plan. Compose when you like it, or change the style: the plan follows at once.", "good"
        ),
        "compose": gr.update(interactive=True, visible=True),
    }
    watched = work.with_pictures(watched)
    yield {"watched": watched, "plan": timeline(watched, plan)}


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


def waiting() -> Changes:
    """At once after a click, while others are served."""
    return {**busy(), "wanted": True, "status": progress("compose", note="waiting for a free place")}


def chosen(watched: Watched | None) -> Watched:
    if watched is None:
        raise InputError("choose a video first")
    return watched


def one_take(
    watched: Watched, plan: MusicPlan, settings: PageSettings, seed: int | None = None, roll: PianoRoll | None = None
) -> Iterator[Changes]:
    """Composes one take and shows it."""
    yield {**busy(), "status": progress("compose"), "takes_box": gr.update(visible=False)}
    take = yield from reported(
        lambda tell: work.make_take(watched, plan, settings, tell, seed=seed, roll=roll),
        work.course_of(plan, settings.steps, roll).stage_at,
    )
    yield {**idle(), **shown(take)}


def shown(take: Take) -> Changes:
    """The page with a take on it."""
    cuts = take.receipt["cuts"]
    hits = round(take.receipt["cut_hit_rate"] * len(cuts)) if cuts else 0
    met = (
        f"{'all' if hits == len(cuts) else f'{hits} of'} {len(cuts)} cuts fall on a beat and " if len(cuts) > 1 else ""
    )
    words = f"Done: {met}the music ends with the picture. Seed {take.seed}."
    silent = "" if take.watched.features.has_audio else " (it has no sound)"
    picture = timeline(take.watched, take.plan, roll=take.roll, peaks=take.peaks, seed=take.seed, title="This take")
    return {
        "take": take,
        "result": gr.update(visible=True),
        "after": str(take.files["video"]),
        "before": gr.update(value=str(take.watched.path), label=f"As it came{silent}"),
        "switch": "After",
        "plan": picture,
        "status": message(words, "good"),
        **{f"get_{kind}": gr.update(value=str(take.files[kind])) for kind in DOWNLOADS},
    }


@guarded
def compose(watched: Watched | None, *knobs: Any) -> Iterator[Changes]:
    """Compose, with the seed of the knob or a new one."""
    watched, settings = chosen(watched), from_values(knobs)
    yield from one_take(watched, work.plan_music(watched, settings), settings)


@guarded
def new_take(watched: Watched | None, *knobs: Any) -> Iterator[Changes]:
    """The same settings with a new seed, whatever the knob says."""
    watched, settings = chosen(watched), from_values(knobs)
    yield from one_take(watched, work.plan_music(watched, settings), settings, secrets.randbelow(NEW_SEEDS))


@guarded
def same_seed(take: Take | None, *knobs: Any) -> Iterator[Changes]:
    """The seed of the take at hand with the knobs as they are now."""
    settings = from_values(knobs)
    if take is None:
        raise InputError("compose a take first")
    yield from one_take(take.watched, work.plan_music(take.watched, settings), settings, take.seed)


@guarded
def restyle(take: Take | None, *knobs: Any) -> Iterator[Changes]:
    """Another style on the plan of the take at hand; the same notes where only the instruments differ."""
    settings = from_values(knobs)
    if take is None:
        raise InputError("compose a take first")
    plan, roll = work.restyle(take, settings)
    yield from one_take(take.watched, plan, settings, take.seed, roll)


@guarded
def three_takes(watched: Watched | None, *knobs: Any) -> Iterator[Changes]:
    """Three seeds side by side, each shown as soon as it is there; the first becomes the take at hand."""
    watched, settings = chosen(watched), from_values(knobs)
    plan = work.plan_music(watched, settings)
    seeds = secrets.SystemRandom().sample(range(NEW_SEEDS), TAKES)
    course = work.course_of(plan, settings.steps)
    takes: list[Take] = []
    empty = {f"take_{i}": None for i in range(TAKES)}
    yield {**busy(), **empty, "status": progress("compose"), "takes_box": gr.update(visible=True), "takes": []}
    for i, seed in enumerate(seeds):

        def job(tell: OnProgress, seed: int = seed, i: int = i) -> Take:
            def told(fraction: float, words: str) -> None:
                tell((i + fraction) / TAKES, f"take {i + 1} of {TAKES}: {words}")

            return work.make_take(watched, plan, settings, told, seed=seed)

        takes.append((yield from reported(job, lambda fraction: course.stage_at(fraction * TAKES % 1))))
        yield {f"take_{i}": str(takes[-1].files["video"]), "takes": list(takes)}
    yield {**shown(takes[0]), **idle(), "status": message("Three takes: play each, then use the one you like.", "good")}


def use_take(takes: list[Take], index: int) -> Changes:
    """One of the three becomes the take at hand."""
    if index >= len(takes):
        return {"status": message("This take is not there yet.")}
    return shown(takes[index])


def stop(watched: Watched | None) -> Changes:
    """After a cancel: the page as it was before."""
    words = "Stopped. Your settings are as they were." if watched else f"Stopped. {START}"
    return {
        **idle(),
        "wanted": False,
        "status": message(words),
        "compose": gr.update(visible=True, interactive=watched is not None),
    }


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
