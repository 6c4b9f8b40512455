"""The running demo, asked by programs: what it answers, what it refuses, and that visitors do not mix."""

import gc
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from tests.drawing import Drawn

from diffbgm.errors import InputError
from diffbgm.media import probe
from diffbgm.types import Audio

pytestmark = pytest.mark.filterwarnings("ignore")  # gradio's queue warns through pandas
KINDS = ("video", "midi", "wav", "mp3", "stems", "receipt")


def ask(address: str, clip: Path, folder: Path, **keywords: Any) -> dict[str, Any]:
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False, download_files=str(folder), analytics_enabled=False)
    answer = client.predict(video=handle_file(str(clip)), steps=4, api_name="/score", **keywords)
    return dict(zip(KINDS, answer, strict=True))


def test_a_program_gets_its_video_scored(server: str, clip: Drawn, tmp_path: Path) -> None:
    answer = ask(server, clip.path, tmp_path, style="calm,strings", seed=7)
    assert answer["receipt"]["seed"] == 7
    assert answer["receipt"]["style"] == ["calm", "strings"]
    assert probe(answer["video"]).duration == pytest.approx(clip.duration, abs=0.05)
    assert Path(answer["midi"]).read_bytes()[:4] == b"MThd"
    assert [Path(answer[k]).suffix for k in ("wav", "mp3", "stems")] == [".wav", ".mp3", ".zip"]


def test_eight_at_once_get_their_own_and_leave_nothing(
    server: str, clip: Drawn, silent_clip: Drawn, tmp_path: Path
) -> None:
    styles = ("calm", "happy", "sad", "epic", "tense", "dark", "hopeful", "playful")
    orders = [((clip, silent_clip)[i % 2], i, style) for i, style in enumerate(styles)]
    sounds = alive(Audio)

    def order(at: int) -> dict[str, Any]:
        drawn, seed, style = orders[at]
        return ask(server, drawn.path, tmp_path / str(at), seed=seed, style=style)

    with ThreadPoolExecutor(len(orders)) as pool:
        answers = list(pool.map(order, range(len(orders))))
    for (drawn, seed, style), answer in zip(orders, answers, strict=True):
        assert answer["receipt"]["seed"] == seed
        assert answer["receipt"]["style"] == [style]
        assert Path(answer["video"]).name == f"{drawn.path.stem}-scored.mp4"
    assert len({Path(a["midi"]).read_bytes() for a in answers}) == len(orders)
    assert alive(Audio) <= sounds, "the memory of a finished piece is free again"


def alive(kind: type) -> int:
    """How many values of a kind anybody still holds."""
    gc.collect()
    return sum(isinstance(value, kind) for value in gc.get_objects())


def test_nobody_can_look_through_the_files_of_others(server: str, files: Path) -> None:
    takes = files / "takes"
    assert list(takes.iterdir()), "others were here before"
    for folder in (files, takes, next(takes.iterdir())):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{server}gradio_api/file={quote(str(folder))}", timeout=20)
        assert refused.value.code in (403, 404)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [({"style": "clam"}, "calm"), ({"steps": 1000}, "steps"), ({"keep_audio": "loud"}, "replace, mix or duck")],
)
def test_mistakes_are_named(server: str, clip: Drawn, keywords: dict[str, Any], words: str) -> None:
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    client = Client(server, verbose=False, analytics_enabled=False)
    with pytest.raises(AppError, match=words):
        client.predict(video=handle_file(str(clip.path)), api_name="/score", **keywords)


def post(address: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Status and answer of a request with JSON."""
    request = Request(f"{address}gradio_api/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refused:
        return refused.code, json.load(refused)


def outcome(server: str, event: str) -> tuple[str, Any]:
    """How an event ends: "complete" or "error", with its data."""
    with urlopen(f"{server}gradio_api/call/score/{event}", timeout=60) as stream:
        words = stream.read().decode().strip().split("\n\n")[-1]
    kind, data = (line.split(": ", 1)[1] for line in words.splitlines())
    return kind, json.loads(data)


REST = ["", "", -1, 4, 1, 1, 0, "rise", "replace", 1]  # what `score` takes beside a video


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "score takes 11 inputs, got 0"),
        ([None, *REST], "a video is needed: video=handle_file('clip.mp4')"),
        (["clip.mp4", *REST], "The 'meta' field must be explicitly provided"),
        ([{"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}, *REST], "was not uploaded by a user"),
    ],
)
def test_errors_of_the_api_say_what_is_wrong(server: str, data: list[Any], words: str) -> None:
    status, answer = post(server, "call/score", {"data": data})
    assert status == 200
    kind, error = outcome(server, answer["event_id"])
    assert kind == "error"
    assert words in error["error"]
    assert "\n" not in error["error"]


@pytest.mark.parametrize(
    ("texts", "numbers", "words"),
    [
        ({"text": 5}, {}, "text must be text, got 5"),
        ({}, {"steps": "abc"}, "steps must be a number, got 'abc'"),
        ({}, {"steps": float("nan")}, "steps must lie between 4 and 96, got nan"),
        ({}, {"seed": 0.5}, "seed must be a whole number, got 0.5"),
        ({"keep": "loud"}, {}, "replace, mix or duck, got 'loud'"),
    ],
)
def test_settings_of_another_kind_are_named(texts: dict[str, Any], numbers: dict[str, Any], words: str) -> None:
    from space.programs import settings_of

    with pytest.raises(InputError, match=re.escape(words)):
        settings_of("", texts, numbers)


def test_nothing_skips_the_line(server: str) -> None:
    for path in ("run/score", "api/score", "run/predict"):
        status, answer = post(server, path, {"data": [None] * 11, "fn_index": None if "score" in path else 0})
        assert status in (404, 500), path
        assert "output" not in answer


def test_who_has_no_session_is_known_by_the_address(server: str, clip: Drawn) -> None:
    import httpx
    from space.jobs import COMPOSING
    from space.line import Visitor

    with clip.path.open("rb") as file:
        path = httpx.post(f"{server}gradio_api/upload", files={"files": file}, timeout=60).json()[0]
    video = {"path": path, "meta": {"_type": "gradio.FileData"}}
    nobody = Visitor("at 127.0.0.1", "127.0.0.1")
    with COMPOSING.enter(nobody), COMPOSING.enter(nobody), COMPOSING.enter(nobody):
        _, answer = post(server, "call/score", {"data": [video, *REST]})
        kind, error = outcome(server, answer["event_id"])
    assert kind == "error"
    assert "You have 3 pieces running or waiting" in error["error"]


def test_the_monitoring_is_closed(server: str) -> None:
    for path in ("monitoring", "monitoring/summary", "monitoring/key"):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{server}{path}", timeout=20)
        assert refused.value.code == 403


def test_what_is_no_video_is_refused(server: str, tmp_path: Path) -> None:
    from gradio_client.exceptions import AppError

    wrong = tmp_path / "wrong.mp4"
    wrong.write_text("no video\n" * 100)
    with pytest.raises(AppError, match=r"wrong\.mp4"):
        ask(server, wrong, tmp_path)


def test_it_says_that_it_is_well(server: str) -> None:
    request = Request(
        f"{server}gradio_api/run/health", b'{"data": []}', {"Content-Type": "application/json"}, method="POST"
    )
    with urlopen(request, timeout=20) as answer:
        assert json.load(answer)["data"][0]["status"] == "ok"


def test_the_endpoints_are_named(server: str) -> None:
    with urlopen(f"{server}gradio_api/info", timeout=20) as answer:
        endpoints = json.load(answer)["named_endpoints"]
    assert set(endpoints) == {"/score", "/health"}
    names = [p["parameter_name"] for p in endpoints["/score"]["parameters"]]
    assert names[:4] == ["video", "style", "prompt", "seed"]
    assert [p["parameter_name"] for p in endpoints["/score"]["parameters"] if not p["parameter_has_default"]] == [
        "video"
    ]


def test_files_elsewhere_are_out_of_reach(server: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for path in (secret, Path(__file__)):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{server}gradio_api/file={quote(str(path))}", timeout=20)
        assert refused.value.code in (403, 404)


def test_the_page_asks_no_other_machine(server: str) -> None:
    with urlopen(server, timeout=20) as answer:
        page = answer.read().decode()
    for tag in ("<script", "<link"):
        for part in page.split(tag)[1:]:
            head = part.split(">", 1)[0]
            assert "http" not in head or "127.0.0.1" in head, head


def test_the_readme_names_what_there_is(server: str) -> None:
    root = Path(__file__).resolve().parents[2] / "space"
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("---\n")
    front = dict(line.split(": ", 1) for line in readme.split("---")[1].strip().splitlines() if ": " in line)
    assert front["sdk"] == "gradio"
    assert front["app_file"] == "app.py"
    assert len(front["short_description"]) <= 60
    with urlopen(f"{server}gradio_api/info", timeout=20) as answer:
        parameters = json.load(answer)["named_endpoints"]["/score"]["parameters"]
    missing = [p["parameter_name"] for p in parameters if f"`{p['parameter_name']}`" not in readme]
    assert missing in ([], ["video"])
