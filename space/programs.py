"""What programs can call: /score and /health."""

from typing import Any

import gradio as gr
from gradio.events import api

from diffbgm import __version__
from diffbgm.errors import InputError
from space import gpu, work
from space.settings import PageSettings, from_tags


def health() -> dict[str, str]:
    """Whether the model is there."""
    return {"status": "ok", "version": __version__, "weights": gpu.model().origin.id}


def score(
    video: str,
    style: str = "",
    prompt: str = "",
    seed: float = -1,
    steps: float = 64,
    rhythm: float = 1.0,
    mood: float = 1.0,
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


SCORE_INPUTS = (
    "video", "style", "prompt", "seed", "steps", "rhythm", "mood", "energy", "shape", "keep_audio", "fade"
)  # fmt: skip


def add_api() -> None:
    """The endpoints for programs: /score and /health. Their widgets are never shown."""
    base = PageSettings()
    texts = {"style": "", "prompt": "", "shape": base.shape, "keep_audio": base.keep}
    numbers = {
        "seed": -1,
        "steps": base.steps,
        "rhythm": base.rhythm,
        "mood": base.mood,
        "energy": 0.0,
        "fade": base.fade,
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
            concurrency_id="compose",
            concurrency_limit=2,
        )
    api(health, api_name="health", queue=False)
