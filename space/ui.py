"""The page: gradio's widgets for the knobs, and beside them the studio, an element that `studio.js` draws."""

import json
from pathlib import Path
from typing import Any, cast

import gradio as gr
from starlette.middleware import Middleware

from diffbgm.band import ROLES, players
from space import commands, films, storage
from space.knobs import more_knobs, style_knobs
from space.limits import MOST_BYTES, PAGE
from space.plain import PlainWay, routes
from space.processes import warm_up
from space.programs import add_api
from space.settings import EXPERT, KNOBS, LINKED, from_query
from space.theme import make_theme
from space.uploads import UploadGuard
from space.widgets import Page, serve_videos_as_they_are

HERE = Path(__file__).parent
THREADS = 96
START = "customElements.whenDefined('bgm-studio').then(() => element.querySelector('bgm-studio').start(server));"
TURNED = "(...knobs) => { window.diffbgm.turned(knobs); }"
Parts = dict[str, Any]


def build() -> gr.Blocks:
    """The whole page, wired. Draws the example films and starts helping processes in the background."""
    storage.folder()  # before gradio asks where files lie
    serve_videos_as_they_are()
    with Page(title="Diff-BGM: music for your video", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=8, min_width=320, elem_id="stage"):
                gr.HTML(
                    html_template="<bgm-studio></bgm-studio>", js_on_load=START, elem_id="studio",
                    server_functions=[commands.look, commands.command, commands.turned],
                )  # fmt: skip
            with gr.Column(scale=4, min_width=300, elem_id="knobs"):
                knobs = lay_out_knobs()
        gr.HTML("<div id='studio-lower'></div>", js_on_load=None, elem_id="lower")
        with gr.Accordion("How it works, your files, and use from a program", open=False, elem_id="about"):
            gr.Markdown(text("about.md"))
        wire([knobs[name] for name in (*KNOBS, *EXPERT)])
        add_api()
    films.draw_ahead(then=warm_up)
    storage.keep_swept()
    # The lines of `jobs` say who runs and who waits; no request goes past them.
    return page.queue(max_size=64, default_concurrency_limit=None, api_open=False)


def launch_options() -> dict[str, Any]:
    """For `launch`: looks, limits, nothing that asks another machine."""
    return {
        "theme": make_theme(),
        "css_paths": [HERE / "style.css"],
        "head": head(),
        "max_file_size": MOST_BYTES,
        "max_threads": THREADS,
        "enable_monitoring": False,
        "app_kwargs": {"middleware": [Middleware(UploadGuard), Middleware(PlainWay)], "routes": routes()},
        "allowed_paths": [str(films.folder())],
        "favicon_path": str(HERE / "icon.svg"),
        "footer_links": ["api"],
        "run_history": False,
        "ssr_mode": False,
        "show_error": True,  # our own errors are sentences; gradio's say which input it could not take
    }


def head() -> str:
    """The script, and what it has to know."""
    known = {
        "steps": KNOBS.index("steps"),
        "asked": {name: len(KNOBS) + EXPERT.index(name) for name in ("must", "ignore", "rest", "energy", "scene")},
        "linked": [*LINKED, *EXPERT],
        "players": {role: [p.name for p in players().values() if role in p.roles] for role in ROLES},
        "bytes": MOST_BYTES,
        "seconds": PAGE.seconds,
        "examples": [
            {"title": e.title, "caption": e.caption, "poster": films.to_uri(e.poster)} for e in films.examples()
        ],
    }
    return f"<script>window.diffbgm = {json.dumps(known)};</script><script>{text('studio.js')}</script>"


def text(name: str) -> str:
    """A file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def lay_out_knobs() -> Parts:
    """Lays out the knobs; returns the widgets by name."""
    parts: Parts = {}
    gr.Markdown("## Make it yours\nAll of this is optional.", elem_classes="head")
    parts |= style_knobs()
    with gr.Accordion("More", open=False, elem_id="more"):
        parts |= more_knobs()
    return parts


def wire(knobs: list[Any]) -> None:
    """Tells the script whenever a knob was turned, and sets the knobs as the address says."""
    private: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    on = cast("Any", gr).on  # gradio leaves the type of its validator open
    on([knob.change for knob in knobs], None, knobs, None, js=TURNED, trigger_mode="always_last", **private)
    on(None, read_address, None, knobs, **private).then(None, knobs, None, js=TURNED, **private)


def read_address(request: gr.Request) -> list[Any]:
    """The knobs as the address of the page says."""
    return from_query(dict(cast("Any", request).query_params)).values  # Starlette's, or a dict
