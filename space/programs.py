"""What programs can call: /score and /health."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.context import LocalContext

from diffbgm import __version__
from diffbgm.errors import DiffBGMError, InputError
from diffbgm.options import KeepAudio
from space import child, gpu, work
from space.jobs import COMPOSING, PLACE_EVERY
from space.line import Job, Visitor
from space.settings import PageSettings, from_tags
from space.widgets import refusal
from space.words import BROKEN, place_words, stage_words

WATCHING = 0.2  # of the progress
BASE = PageSettings()
log = logging.getLogger("diffbgm.space")


def health() -> dict[str, str]:
    """Whether the model is there."""
    return {"status": "ok", "version": __version__, "weights": gpu.model().origin.id}


def visitor_of(request: gr.Request) -> Visitor:
    """Who asks: an open page or client; who has no session is known by the address alone."""
    client = getattr(request, "client", None)
    address = str(client.host) if client else ""
    session = request.session_hash or ""
    if not session or session == LocalContext.event_id.get(None):  # gradio calls an event without one after itself
        session = f"at {address}"
    return Visitor(session, address)


def score(
    request: gr.Request,
    video: str,
    style: str = "",
    prompt: str = "",
    seed: float | None = -1,
    steps: float | None = BASE.steps,
    rhythm: float | None = BASE.rhythm,
    mood: float | None = BASE.mood,
    energy: float | None = BASE.level,
    shape: str = BASE.shape,
    keep_audio: KeepAudio = BASE.keep,
    fade: float | None = BASE.fade,
    progress: Any = gr.Progress(),  # noqa: B008 (gradio looks for it here)
) -> tuple[str, str, str, str, str, dict[str, Any]]:
    """Score a video: the scored video, MIDI, WAV, MP3, a zip of stems, and the receipt.

    style: tags such as "calm,piano"; prompt: free text; seed: -1 draws a new one; steps: quality; rhythm, mood:
    guidance; energy: -1 to 1; shape: how the energy runs; keep_audio: replace, mix or duck; fade: seconds.
    """
    try:
        if not video:
            raise InputError("a video is needed: video=handle_file('clip.mp4')")
        texts = {"text": prompt, "shape": shape, "keep": keep_audio}
        numbers = {"rhythm": rhythm, "mood": mood, "level": energy, "steps": steps, "fade": fade, "seed": seed}
        settings = settings_of(style, texts, numbers)
        with COMPOSING.enter(visitor_of(request)) as job:
            take = _scored(job, video, settings, progress)
    except InputError as e:
        raise refusal(str(e)) from e
    except DiffBGMError as e:
        log.exception("failed")
        raise gr.Error(f"this did not work: {e}", title="This did not work", print_exception=False) from e
    except Exception as e:
        log.exception("failed")
        raise gr.Error(BROKEN, title="Something broke", print_exception=False) from e
    video_out, midi, wav, mp3, stems = (str(take.files[k]) for k in ("video", "midi", "wav", "mp3", "stems"))
    return video_out, midi, wav, mp3, stems, dict(take.receipt)


def settings_of(
    style: str | None, texts: Mapping[str, str | None], numbers: Mapping[str, float | None]
) -> PageSettings:
    """The settings that a program asks for; None is the default, a seed of -1 none. InputError for other kinds."""
    for name, value in {"style": style, **texts}.items():
        if value is not None and not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"{name} must be text, got {value!r}")
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"{name} must be a number, got {value!r}")
    given = {name: value for name, value in {**texts, **numbers}.items() if value is not None}
    if given.get("seed") == -1:
        del given["seed"]
    return from_tags(style or "", **given)


def _scored(job: Job, video: str, settings: PageSettings, progress: Any) -> child.Finished:
    """Waits for its turn, then makes the take, and says how far it is."""
    while not job.ready:
        progress(0.0, desc=place_words(*job.place()))
        job.wait(PLACE_EVERY)
    watched = work.watch(Path(video), lambda fraction, stage: progress(WATCHING * fraction, desc=stage_words(stage)))
    seed = settings.seed if settings.seed is not None else work.new_seed()
    wish = work.Wish(work.plan_music(watched, settings), settings, seed)
    return work.score(watched, wish, lambda f, stage: progress(WATCHING + (1 - WATCHING) * f, desc=stage_words(stage)))


SCORE_INPUTS = (
    "video", "style", "prompt", "seed", "steps", "rhythm", "mood", "energy", "shape", "keep_audio", "fade"
)  # fmt: skip


def add_api() -> None:
    """The endpoints for programs: /score and /health. Their widgets are never shown."""
    texts = {"style": "", "prompt": "", "shape": BASE.shape, "keep_audio": BASE.keep}
    numbers = {
        "seed": -1,
        "steps": BASE.steps,
        "rhythm": BASE.rhythm,
        "mood": BASE.mood,
        "energy": BASE.level,
        "fade": BASE.fade,
    }
    with gr.Group(visible=False):
        inputs: dict[str, Any] = {"video": gr.Video(label="video")}
        inputs |= {name: gr.Textbox(value, label=name) for name, value in texts.items()}
        inputs |= {name: gr.Number(value, label=name) for name, value in numbers.items()}
        outputs = [gr.Video(label="video"), *(gr.File(label=name) for name in ("midi", "wav", "mp3", "stems"))]
        go = gr.Button("score")
        go.click(
            score,
            [inputs[name] for name in SCORE_INPUTS],
            [*outputs, gr.JSON(label="receipt")],
            api_name="score",
            concurrency_limit=None,  # `COMPOSING` says how many
        )
    cast("Any", gr).api(health, api_name="health", queue=False)
