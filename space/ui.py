"""The page: its parts and what calls what. What happens then is in `handlers`."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from space import films, handlers, storage
from space.knobs import more_knobs, style_knobs
from space.limits import MOST_BYTES
from space.notices import example_cards, message, welcome
from space.processes import warm_up
from space.programs import add_api, visitor_of
from space.settings import PageSettings
from space.theme import make_theme
from space.uploads import UploadGuard
from space.widgets import Page, serve_videos_as_they_are

HERE = Path(__file__).parent
THREADS = 96  # one for each who waits in a line, and those that work
DOWNLOADS = {
    "video": "Download the video", "mp3": "MP3\nits sound", "wav": "WAV\nits sound, full quality",
    "midi": "MIDI\nthe notes, to edit", "stems": "Stems\nevery instrument", "markers": "Markers\nfor your editor",
    "picture": "Picture\nthe chart below", "receipt": "Receipt\nhow well it fits", "plan": "Plan\nto edit and reuse",
}  # fmt: skip
AGAIN = {
    "new_take": "Another take\nnew notes, same settings",
    "three_takes": "Three takes\nto choose from",
    "same_seed": "Same seed again\nhear what a changed setting does",
    "restyle": "New style\nkeeps tempo, cuts and key",
}  # the second line says what a button does
PICK = """element.addEventListener("click", (event) => {
    const card = event.target.closest("button");
    if (card) trigger("select", { index: Number(card.dataset.index) });
});"""  # a card was clicked: gradio's own event, with the number of the card
Parts = dict[str, Any]


def build() -> gr.Blocks:
    """The whole page, wired. Draws the example films and starts helping processes in the background."""
    storage.folder()  # before gradio asks where files lie
    serve_videos_as_they_are()
    with Page(title="Diff-BGM: music for your video", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        parts: Parts = {"watched": gr.State(), "take": gr.State(), "takes": gr.State([])}
        gr.Markdown(text("intro.md"), elem_id="intro")
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=5, min_width=320, elem_id="left"):
                parts |= lay_out_input()
            with gr.Column(scale=7, min_width=320, elem_id="right"):
                parts |= lay_out_output()
        with gr.Accordion("How it works, your files, and use from a program", open=False):
            gr.Markdown(text("about.md"))
        wire(parts)
        add_api()
    films.draw_ahead(then=warm_up)
    storage.keep_swept()
    # The lines of `handlers` say who runs and who waits; no request goes past them.
    return page.queue(max_size=64, default_concurrency_limit=None, api_open=False)


def launch_options() -> dict[str, Any]:
    """For `launch`: looks, limits, nothing that asks another machine."""
    return {
        "theme": make_theme(),
        "css_paths": [HERE / "style.css"],
        "head": f"<script>{text('page.js')}</script>",
        "max_file_size": MOST_BYTES,
        "max_threads": THREADS,
        "enable_monitoring": False,
        "app_kwargs": {"middleware": [Middleware(UploadGuard)]},
        "favicon_path": str(HERE / "icon.svg"),
        "footer_links": ["api"],
        "run_history": False,
        "ssr_mode": False,
        "show_error": True,  # our own errors are sentences; gradio's say which input it could not take
    }


def text(name: str) -> str:
    """The contents of a file that lies beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


# --- layout --------------------------------------------------------------------------------------------------------


def lay_out_input() -> Parts:
    """Lays out the left column: video, examples, settings and link; returns the parts by name."""
    parts: Parts = {}
    parts["video"] = gr.Video(label="Your video", sources=["upload"], elem_id="video", buttons=[])
    parts["examples"] = gr.HTML(example_cards(films.examples()), js_on_load=PICK, elem_id="examples")
    with gr.Accordion("Style", open=True, elem_id="style"):
        parts |= style_knobs()
        parts["tags_note"] = gr.Markdown(handlers.NO_STYLE, elem_id="tags-note")
    with gr.Accordion("More settings", open=False, elem_id="more"):
        parts |= more_knobs()
    with gr.Accordion("Share these settings", open=False, elem_id="share"), gr.Row():
        parts["link"] = gr.Textbox(
            label="Link", info="Opens this page with the knobs as they are now.", interactive=False, buttons=["copy"],
            scale=4, elem_id="link",
        )  # fmt: skip
        parts["make_link"] = gr.Button("Make link", scale=1, min_width=110)
    parts["address"] = gr.Textbox(visible=False)
    return parts


def lay_out_output() -> Parts:
    """Lays out the right column: buttons, status, takes, result; returns the parts by name."""
    parts: Parts = {}
    with gr.Row(elem_id="act"):
        parts["compose"] = gr.Button(
            "Compose music", variant="primary", size="lg", interactive=False, elem_id="compose"
        )
        parts["cancel"] = gr.Button("Cancel", variant="stop", size="lg", visible=False, elem_id="cancel")
    parts["status"] = gr.HTML(message(handlers.START), elem_id="status")
    with gr.Column(visible=False, elem_id="takes") as parts["takes_box"], gr.Row():
        for i in range(handlers.TAKES):
            with gr.Column(min_width=180):
                parts[f"take_{i}"] = gr.Video(label=f"Take {i + 1}", interactive=False, buttons=[], height=170)
                parts[f"use_{i}"] = gr.Button(f"Use take {i + 1}", size="sm")
    with gr.Column(visible=False, elem_id="result") as parts["result"]:
        parts["switch"] = gr.Radio(["After", "Before"], value="After", label="Listen", elem_id="switch")
        parts["after"] = gr.Video(label="With music", interactive=False, buttons=[], elem_id="after")
        parts["before"] = gr.Video(label="As it came", interactive=False, buttons=[], elem_id="before")
        with gr.Row(elem_id="downloads"):
            for kind, label in DOWNLOADS.items():
                main = kind == "video"
                parts[f"get_{kind}"] = gr.DownloadButton(
                    label, size="lg" if main else "sm", variant="primary" if main else "secondary",
                    min_width=110, elem_id=f"get-{kind}", elem_classes=[] if main else "two-lines",
                )  # fmt: skip
        with gr.Column(elem_id="again") as parts["again"]:
            gr.Markdown("#### Not quite right?", elem_classes="head")
            with gr.Row():
                for name, label in AGAIN.items():
                    parts[name] = gr.Button(
                        label, size="sm", min_width=150, elem_id=name.replace("_", "-"), elem_classes="two-lines"
                    )
    parts["plan"] = gr.HTML(welcome(), elem_id="plan")
    return parts


# --- wiring --------------------------------------------------------------------------------------------------------


def wire(parts: Parts) -> None:
    """Connects widgets to handlers."""
    knobs = [parts[f.name] for f in fields(PageSettings)]
    watched, take, takes, video = parts["watched"], parts["take"], parts["takes"], parts["video"]
    shown = [parts[name] for name in OUTPUTS]
    private: dict[str, Any] = {"api_visibility": "private"}
    work: dict[str, Any] = {**private, "show_progress": "hidden"}

    def changing(handler: Callable[..., Any]) -> Callable[..., Any]:
        return on_parts(handler, parts)

    looking: dict[str, Any] = {**work, "trigger_mode": "multiple"}  # a new video, or none, ends the look at the old one
    uploaded = gr.on([video.upload, video.clear], changing(handlers.watch), [video, *knobs], shown, **looking)
    picked = parts["examples"].select(pick, None, video, **work)
    looked = picked.then(changing(handlers.watch), [video, *knobs], shown, **looking)
    to_status: dict[str, Any] = {"fn": None, "js": "() => { window.diffbgm.toStatus() }", **private}
    for seen in (uploaded, looked):
        seen.then(**to_status)
    for name in ("compose", "new_take", "three_takes", "same_seed", "restyle"):
        given = take if name in ("same_seed", "restyle") else watched
        parts[name].click(**to_status)
        run = parts[name].click(changing(getattr(handlers, name)), [given, *knobs], shown, **work)
        run.then(**to_status)
    parts["cancel"].click(changing(handlers.stop), watched, shown, queue=False, **work)
    for i in range(handlers.TAKES):
        number = gr.State(i)
        parts[f"use_{i}"].click(changing(handlers.use_take), [takes, number], shown, **work)

    turned = [parts[name].input for name in ("moods", "palette", "tempo", "motion", "shape")]
    turned += [parts["level"].release, parts["text"].blur, parts["text"].submit]
    gr.on(
        turned, changing(handlers.replan), [watched, take, *knobs], [parts["plan"], parts["tags_note"]],
        trigger_mode="always_last", **work,
    )  # fmt: skip
    parts["switch"].change(None, parts["switch"], None, js="(which) => { window.diffbgm.swap(which) }", **private)
    parts["make_link"].click(
        handlers.link,
        [parts["address"], *knobs],
        parts["link"],
        js="(_, ...rest) => [location.href, ...rest]",
        **private,
    )
    gr.on(None, read_address, None, [*knobs, parts["tags_note"]], **work)


OUTPUTS = (
    "video", "watched", "take", "takes", "status", "plan", "compose", "cancel", "again", "result",
    "takes_box", "switch", "after", "before",
    *(f"get_{kind}" for kind in handlers.DOWNLOADS), *(f"take_{i}" for i in range(handlers.TAKES)),
)  # fmt: skip


def on_parts(handler: Callable[..., Any], parts: Parts) -> Callable[..., Any]:
    """The handler with the names in its changes turned into the widgets that gradio wants, told whose page it is."""
    if handler in PLAIN:
        return lambda *inputs: {parts[name]: value for name, value in handler(*inputs).items()}
    if handler is handlers.stop:

        def stop(request: gr.Request, *inputs: Any) -> dict[Any, Any]:
            return {parts[name]: value for name, value in handler(visitor_of(request), *inputs).items()}

        return stop

    def run(request: gr.Request, *inputs: Any) -> Iterator[dict[Any, Any]]:
        for changes in handler(visitor_of(request), *inputs):
            yield {parts[name]: value for name, value in changes.items()}

    return run


PLAIN = (handlers.replan, handlers.use_take)  # give one answer, whoever asks; the others go on and on


def pick(event: gr.EventData) -> str:
    """The path of the example film whose card was clicked."""
    return handlers.pick_example(int(event.index))


def read_address(request: gr.Request) -> list[Any]:
    """The knobs as the address of the page says."""
    return handlers.knobs_from(dict(request.query_params))
