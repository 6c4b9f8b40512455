"""The page in a real browser: needs playwright and Chromium (Debian's will do), and is skipped without them.

AXE_CORE, an environment variable with the path of axe-core's axe.min.js, adds the check of contrast and labels.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from space.handlers import COMPOSING
from space.line import Visitor
from tests.drawing import Drawn

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need Chromium"),
    pytest.mark.filterwarnings("ignore"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 90_000  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, server: str) -> Iterator[Callable[..., Any]]:
    """`visit(query, size)`: a new visitor's page. At the end: nothing was asked of another machine, nothing broke."""
    strange: list[str] = []
    contexts = []

    def open_page(query: str = "", size: dict[str, int] = DESK, **options: Any) -> Any:
        context = browser.new_context(viewport=size, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: None if r.url.startswith((server, "data:", "blob:")) else strange.append(r.url))
        page.on("pageerror", lambda e: strange.append(str(e)))
        page.goto(server + query)
        page.wait_for_selector("#compose")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strange


def upload(page: Any, path: Path) -> None:
    page.set_input_files("#video input[type=file]", str(path))


def compose(page: Any) -> None:
    page.click("#compose:not([disabled])")
    page.wait_for_selector("#status .good:has-text('Done')")
    page.wait_for_selector("#after video")


def test_from_an_example_to_every_download(visit: Callable[..., Any]) -> None:
    page = visit("?steps=4&seed=9&moods=calm")
    playwright.expect(page.get_by_label("calm", exact=True)).to_be_checked(timeout=PATIENCE)
    page.get_by_role("button", name="Neon ride").click()
    page.wait_for_selector(".bgm-still")
    assert "beats per minute" in page.inner_text(".bgm-facts")
    compose(page)
    assert "Seed 9" in page.inner_text("#status")
    page.evaluate("async () => { const v = document.querySelector('#after video'); v.muted = true; await v.play(); }")
    page.wait_for_function("document.querySelector('#after video').currentTime > 0.4")
    page.wait_for_function("document.querySelector('.bgm-lanes').style.getPropertyValue('--at') !== ''")
    page.get_by_label("Before", exact=True).check()
    page.wait_for_function("document.querySelector('#before video').currentTime > 0.3")
    assert page.locator("#before video").is_visible()
    assert not page.locator("#after video").is_visible()
    page.get_by_label("After", exact=True).check()
    names = set()
    for kind in ("video", "mp3", "wav", "midi", "stems", "receipt", "picture", "markers", "plan"):
        with page.expect_download() as download:
            page.click(f"#get-{kind}")
        assert Path(download.value.path()).stat().st_size > 100
        names.add("".join(Path(download.value.suggested_filename).suffixes[-1:]))
    assert names == {".mp4", ".mp3", ".wav", ".mid", ".zip", ".json", ".png", ".fcpxml"}
    page.click("#same-seed")
    page.wait_for_selector("#cancel")
    page.wait_for_selector("#status .good:has-text('Seed 9')")


def stopped(page: Any) -> None:
    """The page says that it stopped, still says so when all that was under way has come, and can be used."""
    page.wait_for_selector("#status:has-text('Stopped.')")
    page.wait_for_timeout(700)
    assert "Stopped." in page.inner_text("#status")
    assert page.locator("#cancel").count() == 0 or page.locator("#cancel").is_hidden()
    assert page.locator("#compose").is_visible()


def test_a_cancel_stays_whenever_it_comes(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=24&seed=1")
    upload(page, clip.path)
    for moment in (0, 30, 80, 150, 300, 450, 700, 1000, 1400, 1900):  # milliseconds after the click
        page.click("#compose:not([disabled])")
        page.wait_for_selector("#cancel")
        page.wait_for_timeout(moment)
        if page.locator("#cancel").is_visible():
            page.locator("#cancel").dispatch_event("click")  # where the pointer is, however the page moves
            stopped(page)


def test_a_cancel_while_it_looks_gives_the_way_free(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    page.get_by_role("button", name="Earth at night").click()
    page.wait_for_selector("#cancel")
    page.click("#cancel")
    stopped(page)
    assert page.locator("#compose").is_disabled()
    upload(page, clip.path)
    page.wait_for_selector("#compose:not([disabled])")


def test_who_waits_is_told_the_place_and_can_cancel(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    upload(page, clip.path)
    page.wait_for_selector("#compose:not([disabled])")
    with COMPOSING.enter(Visitor("first")), COMPOSING.enter(Visitor("second")):
        page.click("#compose")
        page.wait_for_selector("#status:has-text('You are next in the line')")
        assert re.search(r"starts in about \d+", page.inner_text("#status"))
        page.click("#cancel")
        stopped(page)


def test_what_no_browser_shows_is_served_as_it_is(visit: Callable[..., Any], draw: Callable[..., Drawn]) -> None:
    drawn = draw("film.avi", [1.0, 1.0], codec="mpeg4")
    page = visit("?steps=4&seed=1")
    upload(page, drawn.path)
    compose(page)
    page.wait_for_selector("#before.unplayable video", state="attached")
    assert page.get_attribute("#before video", "src").endswith("film.avi")
    assert page.locator("#plan .bgm-still").count() >= 2


def test_what_cannot_be_used_is_said(visit: Callable[..., Any], draw: Callable[..., Drawn], tmp_path: Path) -> None:
    wrong = tmp_path / "holiday.mp4"
    wrong.write_text("no video\n" * 200)
    long = draw("long.mp4", [660.0], size=(32, 18), rate=0.1)
    for path, words in ((wrong, "not a video"), (long.path, "11 minutes long")):
        page = visit()
        upload(page, path)
        alert = page.wait_for_selector("#status [role=alert]")
        assert words in alert.inner_text()
        assert page.locator("#compose").is_disabled()
        page.wait_for_selector("#video input[type=file]", state="attached")


def test_two_visitors_do_not_mix(visit: Callable[..., Any], clip: Drawn, silent_clip: Drawn) -> None:
    pages = [visit("?steps=4&seed=1&palette=strings"), visit("?steps=4&seed=2&palette=guitar")]
    for page, drawn in zip(pages, (clip, silent_clip), strict=True):
        upload(page, drawn.path)
        page.click("#compose:not([disabled])")
    for page, words in zip(pages, (("Seed 1.", "strings"), ("Seed 2.", "guitar")), strict=True):
        page.wait_for_selector(f"#status:has-text('{words[0]}')")
        assert words[1] in page.inner_text(".bgm-facts")


def test_a_phone_shows_everything_without_sideways_scrolling(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1", PHONE)
    upload(page, clip.path)
    page.wait_for_selector(".bgm-still")
    box = page.locator("#compose").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"], "the button is at hand"
    compose(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_keyboard_alone_will_do(visit: Callable[..., Any]) -> None:
    page = visit("?steps=4")
    page.get_by_role("button", name="Neon ride").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#compose:not([disabled])")
    page.focus("#compose")
    page.keyboard.press("Enter")
    page.wait_for_selector("#after video")
    page.get_by_label("After", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_selector("#before video", state="visible")


def test_a_link_brings_the_knobs(visit: Callable[..., Any]) -> None:
    page = visit("?moods=sad&tempo=slow")
    playwright.expect(page.get_by_label("sad", exact=True)).to_be_checked(timeout=PATIENCE)
    page.get_by_label("tense", exact=True).check()
    page.get_by_text("Share these settings").click()
    page.get_by_role("button", name="Make link").click()
    page.wait_for_function("document.querySelector('#link textarea, #link input').value.includes('moods')")
    link = page.locator("#link textarea, #link input").first.input_value()
    assert re.search(r"moods=sad%2Ctense&tempo=slow$", link)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Callable[..., Any], clip: Drawn, scheme: str) -> None:
    axe = os.environ.get("AXE_CORE")
    if not axe:
        pytest.skip("set AXE_CORE to axe-core's axe.min.js")
    page = visit("?steps=4&seed=1", color_scheme=scheme)
    upload(page, clip.path)
    page.get_by_text("More settings").click()
    page.get_by_text("Share these settings").click()
    compose(page)
    page.add_script_tag(path=axe)
    found = page.evaluate("async () => (await axe.run()).violations")
    serious = [
        f"{v['id']}: {n['target']} {n.get('failureSummary', '')}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for n in v["nodes"]
    ]
    assert not serious, "\n".join(serious)
