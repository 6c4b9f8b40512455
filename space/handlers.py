"""One function a button. Each yields changes to the page as {name of a part: its new value or gr.update(...)}."""

import logging
import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from diffbgm import MusicPlan, PianoRoll, __version__
from diffbgm.errors import Cancelled, DiffBGMError, InputError
from space import films, gpu, work
from space.pictures import clock, message, progress, timeline
from space.running import OnProgress, in_steps
from space.settings import MOST_SEED, Settings, from_query, from_tags, from_values, to_query
from space.work import Take, Watched

T = TypeVar("T")
Changes = dict[str, Any]
DOWNLOADS = ("video", "mp3", "wav", "midi", "stems", "receipt", "picture", "markers")
TAKES = 3
START = "Choose a video (up to 10 minutes and 200 MB) or an example: its plan appears here within seconds."
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
        "watched": None, "take": None, "takes": [], "plan": "",
        "result": gr.update(visible=False), "takes_box": gr.update(visible=False),
    }  # fmt: skip
    can_compose = gr.update(interactive=True, visible=True)
    if not path:
        yield {**gone, **idle(), "status": message(START), "compose": gr.update(interactive=False, visible=True)}
        return
    yield {**gone, **busy(), "status": progress("watch"), "compose": gr.update(interactive=False, visible=False)}
    watched = yield from reported(lambda tell: work.watch(path, tell), lambda fraction: "watch")
    plan = work.plan_music(watched, from_values(knobs))
    ready = message("Here is the plan. Compose when you like it, or turn a knob: the plan follows at once.", "good")
    yield {
        **idle(),
        "watched": watched,
        "plan": timeline(watched.features, plan),
        "status": ready,
        "compose": can_compose,
    }
    watched = replace(watched, stills=films.stills(watched.path, watched.features))
    yield {"watched": watched, "plan": timeline(watched.features, plan, watched.stills)}


def replan(watched: Watched | None, take: Take | None, *knobs: Any) -> Changes:
    """A knob was turned: say what the tags do, and draw the plan it leads to."""
    try:
        settings = from_values(knobs)
        words = work.explain_tags(settings) or "No tags: the pictures decide."
        if watched is None:
            return {"tags_note": words}
        plan = work.plan_music(watched, settings)
    except InputError as e:
        return {"tags_note": f"⚠ {e}"}
    title = "The plan" if take is None else "Plan for the next take: compose to hear it"
    return {"tags_note": words, "plan": timeline(watched.features, plan, watched.stills, title=title)}


# --- composing -----------------------------------------------------------------------------------------------------


def stage_at(fraction: float) -> str:
    return "compose" if fraction < work.COMPOSED else "play" if fraction < work.SCORED else "write"


def waiting() -> Changes:
    """At once after a click, while others are served."""
    return {**busy(), "wanted": True, "status": progress("compose", note="waiting for a free place")}


def chosen(watched: Watched | None) -> Watched:
    if watched is None:
        raise InputError("choose a video first")
    return watched


def one_take(
    watched: Watched, plan: MusicPlan, settings: Settings, seed: int | None = None, roll: PianoRoll | None = None
) -> Iterator[Changes]:
    """Composes one take and shows it."""
    yield {**busy(), "status": progress("compose"), "takes_box": gr.update(visible=False)}
    take = yield from reported(
        lambda tell: work.make_take(watched, plan, settings, tell, seed=seed, roll=roll), stage_at
    )
    yield {**idle(), **shown(take)}


def shown(take: Take) -> Changes:
    """The page with a take on it."""
    receipt = take.receipt
    cuts = receipt["cuts"]
    hits = f", {round(receipt['cut_hit_rate'] * len(cuts))} of {len(cuts)} cuts on a beat" if cuts else ""
    seconds = sum(receipt["timings"].values())
    words = f"Done: {clock(receipt['duration'])} of music in {seconds:.0f} s{hits}. Seed {take.seed}."
    picture = timeline(
        take.watched.features, take.plan, take.watched.stills,
        roll=take.roll, peaks=take.peaks, seed=take.seed, title="This take",
    )  # fmt: skip
    return {
        "take": take,
        "result": gr.update(visible=True),
        "after": str(take.files["video"]),
        "before": str(take.watched.path),
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
    yield from one_take(watched, work.plan_music(watched, settings), settings, secrets.randbelow(MOST_SEED))


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
    seeds = secrets.SystemRandom().sample(range(MOST_SEED), TAKES)
    takes: list[Take] = []
    empty = {f"take_{i}": None for i in range(TAKES)}
    yield {**busy(), **empty, "status": progress("compose"), "takes_box": gr.update(visible=True), "takes": []}
    for i, seed in enumerate(seeds):

        def job(tell: OnProgress, seed: int = seed, i: int = i) -> Take:
            def told(fraction: float, words: str) -> None:
                tell((i + fraction) / TAKES, f"take {i + 1} of {TAKES}: {words}")

            return work.make_take(watched, plan, settings, told, seed=seed)

        takes.append((yield from reported(job, lambda fraction: stage_at(fraction * TAKES % 1))))
        label = f"Take {i + 1}, seed {seed}"
        yield {f"take_{i}": gr.update(value=str(takes[-1].files["video"]), label=label), "takes": list(takes)}
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


# --- links and programs --------------------------------------------------------------------------------------------


def link(address: str, *knobs: Any) -> str:
    """The page's address with these settings in it."""
    query = to_query(from_values(knobs))
    return f"{address.split('?')[0]}?{query}" if query else address.split("?")[0]


def knobs_from(query: dict[str, str]) -> list[Any]:
    """A value for every knob, from the address the page was opened with."""
    return from_query(query).values


def health() -> dict[str, str]:
    """Whether the model is there."""
    return {"status": "ok", "version": __version__, "weights": gpu.model().origin.id}


def score(
    video: str,
    style: str = "",
    prompt: str = "",
    seed: float = -1,
    steps: float = 24,
    rhythm: float = 1.5,
    mood: float = 1.5,
    energy: float = 0.0,
    shape: str = "follow the pictures",
    keep_audio: str = "replace",
    fade: float = 0.8,
    progress: Any = gr.Progress(),  # noqa: B008 (gradio looks for it here)
) -> tuple[str, str, str, str, str, dict[str, Any]]:
    """Score a video: the scored video, MIDI, WAV, MP3, a zip of stems, and the receipt.

    style: tags such as "calm,piano"; prompt: free text; seed: -1 draws a new one; steps: quality; rhythm, mood:
    guidance; energy: -1 to 1; shape: how the energy runs; keep_audio: replace, mix or duck; fade: seconds.
    """
    try:
        if not video:
            raise InputError("a video is needed: video=handle_file('clip.mp4')")
        settings = from_tags(
            style, text=prompt, seed=None if seed < 0 else int(seed), steps=int(steps), rhythm=rhythm, mood=mood,
            level=energy, shape=shape, keep=keep_audio, fade=fade,
        )  # fmt: skip
        watched = work.watch(video, lambda fraction, words: progress(0.2 * fraction, desc=words))
        plan = work.plan_music(watched, settings)
        take = work.make_take(watched, plan, settings, lambda f, words: progress(0.2 + 0.8 * f, desc=words))
    except InputError as e:
        raise gr.Error(str(e), title="This cannot be used", print_exception=False) from e
    video_out, midi, wav, mp3, stems = (str(take.files[k]) for k in ("video", "midi", "wav", "mp3", "stems"))
    return video_out, midi, wav, mp3, stems, dict(take.receipt)
