"""Pages that need no script: a form, a page that looks again by itself, and videos that others may watch."""

import html
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from diffbgm.errors import DiffBGMError
from space import commands, storage
from space.child import Order
from space.jobs import COMPOSING, Told, start
from space.limits import MOST_BYTES
from space.line import Visitor
from space.projects import Project, Status
from space.settings import PageSettings, from_tags
from space.sharing import find_shared
from space.sheet import address_of, plan_sheet, take_sheet
from space.uploads import App, Message, Receive, Send
from space.work import Wish, make_take, new_seed, plan_music, watch, write_file

PIECE = 1 << 20  # bytes
FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Diff-BGM: music for your video</title>{head}
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}}
video{{width:100%}}</style>
<h1>Music for your video</h1>{body}</html>"""
FORM = """<p>Your cuts fall on the beat, and the last note on the last frame. Up to 10 minutes and {mb} MB.</p>
<form method="post" enctype="multipart/form-data"><p><label>Video <input type="file" name="video" accept="video/*"
required></label></p><p><label>In your own words <input name="text" maxlength="300" size="40"></label></p>
<p><button>Make music for it</button></p></form>"""
GONE = "<p>This link is not here any more; links live a day.</p>"
UNSEEN = {"X-Robots-Tag": "noindex", "Cache-Control": "private, no-store"}
WAY = b'<head><noscript><meta http-equiv="refresh" content="0; url=plain"></noscript>'


class PlainWay:
    """ASGI middleware: browsers without script are sent from the page to /plain.

    gradio puts what it is given for the head into the page by script, which is too late.
    """

    def __init__(self, app: App) -> None:
        """`app`: what makes the page."""
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request; the answer to GET / gets a line more in its head."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in ("", "/"):
            await self.app(scope, receive, send)
            return
        begun: list[Message] = []
        body = bytearray()

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = bytes(body).replace(b"<head>", WAY, 1)
            headers = [(name, value) for name, value in begun[0]["headers"] if name != b"content-length"]
            await send({**begun[0], "headers": [*headers, (b"content-length", str(len(page)).encode())]})
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, held)


def routes() -> list[Route]:
    """GET and POST /plain, GET /plain/ID, GET /watch/ID and /watch/ID/video."""
    return [
        Route("/plain", plain, methods=["GET", "POST"]),
        Route("/plain/{id}", result),
        Route("/watch/{id}", watch_shared),
        Route("/watch/{id}/video", send_shared),
    ]


async def plain(request: Request) -> Response:
    """The form; what was sent with it starts a project."""
    if request.method == "GET":
        return page(FORM.format(mb=MOST_BYTES // 10**6))
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            sent = form.get("video")
            if sent is None or isinstance(sent, str) or not sent.filename:
                return page("<p>Choose a video first.</p>" + FORM.format(mb=MOST_BYTES // 10**6), status=400)
            folder = storage.make_folder()
            path = folder / (Path(sent.filename).name[-80:] or "video")
            with path.open("wb") as file:
                while piece := await sent.read(PIECE):
                    file.write(piece)
            settings = from_tags("", text=str(form.get("text") or "")[:300])
        address = request.client.host if request.client else ""
        project = commands.PROJECTS.add(Project(path, folder))
        score(project, Visitor(f"at {address}", address), settings)
    except DiffBGMError as e:
        return page(f"<p>{html.escape(str(e))}</p>", status=400)
    return RedirectResponse(f"plain/{project.id}", 303)


def score(project: Project, visitor: Visitor, settings: PageSettings) -> None:
    """Starts the whole way from the video to its scored version."""

    def task(told: Told) -> Status:
        watched = watch(project.path, lambda f, stage: told(0.2 * f, stage))
        keep = "duck" if watched.sound == "speech" else "replace"
        wish = Wish(plan_music(watched, settings), replace(settings, keep=keep), new_seed())
        project.show(watched=watched, plan=plan_sheet(wish.plan))
        take = make_take(watched, wish, lambda f, stage: told(0.2 + 0.7 * f, stage))
        take = project.add(take, take_sheet)
        order = Order("video", dict.fromkeys(take.played.exact, 0.0), keep, f"{watched.name}-scored")
        path = write_file(take, order, lambda f, stage: told(0.9 + 0.1 * f, stage))
        project.show(made=(address_of(path), 1))
        return Status("good", "Your video is ready.")

    start(project, visitor, COMPOSING, "watch", task)


async def result(request: Request) -> Response:
    """How far a project is, or its scored video."""
    answer = commands.look({"project": request.path_params["id"]})
    if "error" in answer:
        return page(f"<p>{html.escape(answer['error'])}</p>", status=404)
    status = answer["status"]
    words = f"<p>{html.escape(status['words'])}"
    if answer["busy"]:
        share = f" ({100 * status['share']:.0f} %)</p><p>This page looks again every three seconds.</p>"
        return page(words + share, head='<meta http-equiv="refresh" content="3">')
    if answer["made"]:
        url = html.escape("../" + answer["made"][0])
        return page(f'{words}</p><video controls src="{url}"></video><p><a download href="{url}">Download</a></p>')
    return page(words + "</p>")


async def watch_shared(request: Request) -> Response:
    """A video that its maker shares."""
    name = request.path_params["id"]
    found = find_shared(name)
    if found is None:
        return page(GONE, status=404)
    video, ends = found
    until = datetime.fromtimestamp(ends, timezone.utc).strftime("%d %B %Y, %H:%M UTC")
    body = (
        f'<h2>{html.escape(video.stem)}</h2><video controls src="{name}/video"></video>'
        f"<p>A video with music that Diff-BGM composed for it. This link works until {until}.</p>"
    )
    answer = page(body, head='<meta name="robots" content="noindex">')
    answer.headers.update(UNSEEN)
    return answer


async def send_shared(request: Request) -> Response:
    """The file of a video that its maker shares."""
    found = find_shared(request.path_params["id"])
    return page(GONE, status=404) if found is None else FileResponse(found[0], headers=UNSEEN)


def page(body: str, head: str = "", status: int = 200) -> Response:
    """A page."""
    return HTMLResponse(FRAME.format(head=head, body=body), status)
