"""The running demo, asked by programs: what it answers, what it refuses, and that visitors do not mix."""

import gc
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from tests.drawing import Drawn

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
