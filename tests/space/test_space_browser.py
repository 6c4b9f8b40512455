"""The page in a real browser: needs playwright and Chromium (Debian's will do), and is skipped without them.

AXE_CORE, an environment variable with the path of axe-core's axe.min.js, adds the check of contrast and labels.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from space.jobs import COMPOSING
from space.line import Visitor
from space.settings import EXPERT, KNOBS
from tests.drawing import Drawn

from diffbgm.media import probe, read_audio

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need Chromium"),
    pytest.mark.filterwarnings("ignore"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
FLAGS += ["--autoplay-policy=no-user-gesture-required"]
SMALL = """() => [...document.querySelectorAll('button, a, input, select, summary, label, textarea')]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('footer'))
    .map((e) => [e, e.getBoundingClientRect()]).filter(([, b]) => b.width > 1 && Math.min(b.width, b.height) < 43.5)
    .map(([e, b]) => `${e.tagName} ${e.className} ${e.textContent.trim()} ${b.width} x ${b.height}`)"""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 120_000  # milliseconds
STUDIO = "window.diffbgm.studio"


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
        if options.get("java_script_enabled", True):
            page.wait_for_function(f"window.diffbgm?.studio && {STUDIO}.server && {STUDIO}.knobs")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strange


def bring(page: Any, path: Path) -> None:
    page.set_input_files("#pick", str(path))


def takes(page: Any, count: int) -> None:
    """Waits until there are so many takes, and nothing runs."""
    page.wait_for_function(f"{STUDIO}.data.takes.length === {count} && !{STUDIO}.busy")


def words(page: Any) -> str:
    return page.inner_text(".bgm-words")


def knob(name: str) -> str:
    """Where the script has the value of a knob under More."""
    return f"{STUDIO}.knobs[{len(KNOBS) + EXPERT.index(name)}]"


def get(page: Any, expression: str) -> Any:
    """A value of the studio."""
    return page.evaluate(f"{STUDIO}.{expression}")


def test_drop_listen_download(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=9&moods=calm")
    weights: list[int] = []
    page.on("response", lambda r: weights.append(int(r.headers.get("content-length", 0))))
    bring(page, clip.path)  # the first click
    page.wait_for_selector(".bgm-still, .still", state="attached")
    page.wait_for_selector(".bgm-voice")  # asked before the music is there
    takes(page, 1)  # it came by itself
    assert words(page).startswith("Take A is ready.")
    assert "seed 9" in page.inner_text(".bgm-takes")
    assert not any("wasm" in name for name in page.evaluate("performance.getEntries().map((e) => e.name)"))
    with page.expect_download() as download:
        page.click("[data-kind=video]")  # the second one
    assert download.value.suggested_filename == f"{clip.path.stem}-scored.mp4"
    assert probe(download.value.path()).has_audio
    assert sum(weights) < 3_000_000, "the page with a take is light"


def test_playing_mixing_and_what_is_downloaded(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=9")
    bring(page, clip.path)
    takes(page, 1)
    page.get_by_label("Music only").check()
    assert get(page, "busy") is False, "that needs no composing"
    assert page.locator(".bgm-big").is_visible()
    page.locator("body").press("Space")
    page.wait_for_function(f"{STUDIO}.sound.playing && {STUDIO}.video.currentTime > 0.2")
    assert abs(get(page, "sound.drift")) < 0.12
    roles = get(page, "take.stems.map(([role]) => role)")
    page.get_by_role("button", name="Mute Melody").click()
    page.wait_for_function(f"{STUDIO}.sound.playing.faders.melody.gain.value < 0.01")
    page.locator("[data-fader=chords]").fill("-6")
    page.wait_for_function(f"Math.abs({STUDIO}.sound.playing.faders.chords.gain.value - 10 ** (-6 / 20)) < 0.01")
    page.locator("body").press("Space")
    assert get(page, "video.paused")
    level = page.evaluate(f"""async () => {{ const s = {STUDIO}; const b = await s.sound.offline(s.take, s.mix, 4);
        const power = (c) => c.reduce((sum, x) => sum + x * x, 0) / c.length;
        return 10 * Math.log10((power(b.getChannelData(0)) + power(b.getChannelData(1))) / 2 + 1e-12); }}""")
    with page.expect_download() as download:
        page.click(".bgm-out summary")
        page.click("[data-kind=wav]")
    sound = read_audio(download.value.path())
    assert sound is not None
    exported = 10 * np.log10(np.mean(sound.samples[:, : 4 * 48_000] ** 2) + 1e-12)
    assert len(roles) > 1
    assert exported > -70, "something is heard"
    assert level == pytest.approx(exported, abs=0.5)
    page.locator("body").press("Control+z")
    assert get(page, "mix.chords?.db ?? 0") == 0
    page.locator("body").press("Control+Shift+z")
    assert get(page, "mix.chords.db") == -6


def test_takes_side_by_side_and_other_notes_in_some_bars(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4")
    bring(page, clip.path)
    takes(page, 1)
    bars = get(page, "plan.bars.length - 1")
    page.fill("[name=last]", str(bars))
    page.fill("[name=first]", str(bars))
    page.fill("[name=words]", "dark, dreamy")
    page.click("[data-do=retake]")
    takes(page, 2)
    moods = [get(page, f"data.takes[{i}].plan.sections.at(-1)[3]") for i in (0, 1)]
    assert moods[1] < moods[0], "darker, as the words say"
    start = get(page, f"plan.bars[{bars - 1}]")
    before = f"data.takes[{{}}].notes.filter((n) => n[0] + n[1] <= {start}).length"
    assert get(page, before.format(0)) == get(page, before.format(1))
    assert get(page, "view.take") == "B"
    page.locator("body").press("Space")
    page.wait_for_function(f"{STUDIO}.sound.playing")
    page.locator("body").press("1")
    page.wait_for_function(f"{STUDIO}.view.take === 'A' && {STUDIO}.sound.playing")
    assert not get(page, "video.paused"), "the film goes on"
    page.get_by_label("Original", exact=True).check()
    page.wait_for_function(f"!{STUDIO}.sound.playing && {STUDIO}.sound.voice.gain.value > 0.9")
    page.locator("body").press("Control+z")
    assert get(page, "view.take") == "B"


def test_of_three_takes_the_best_is_chosen(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    takes(page, 1)
    page.click("[data-do=three]:visible")
    takes(page, 4)
    assert words(page) == "3 takes are ready: compare them. B keeps closest to the plan."
    assert get(page, "view.take") == "B"


def stopped(page: Any) -> None:
    """The page says that it stopped, still says so when all that was under way has come, and can be used."""
    page.wait_for_selector(".bgm-words:has-text('Stopped.')")
    page.wait_for_timeout(700)
    assert words(page).startswith("Stopped.")
    assert page.locator("[data-do=cancel]").is_hidden()
    assert page.locator("[data-do=compose]").is_visible()


def test_a_cancel_stays_whenever_it_comes(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=96&seed=1")  # so long that no take is ready before it is stopped
    bring(page, clip.path)
    takes(page, 1)
    for moment in (0, 30, 60, 100, 150, 200, 300, 400, 500, 600):  # milliseconds after the click
        page.click("[data-do=compose]:visible")
        page.wait_for_selector("[data-do=cancel]:visible")
        page.wait_for_timeout(moment)
        if page.locator("[data-do=cancel]").is_visible():
            page.locator("[data-do=cancel]").dispatch_event("click")  # where the pointer is, however the page moves
            stopped(page)


def test_reload_in_mid_run_back_and_after_the_end(visit: Callable[..., Any], clip: Drawn, server: str) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    page.wait_for_function(f"{STUDIO}.project && {STUDIO}.busy")
    page.reload()
    page.wait_for_function(f"window.diffbgm?.studio && {STUDIO}.data.film")
    takes(page, 1)
    page.wait_for_function(f"{STUDIO}.video.readyState >= 1")
    page.get_by_role("button", name="Mute Melody").click()
    page.goto(f"{server}plain")
    page.go_back()
    page.wait_for_function(f"window.diffbgm?.studio && {STUDIO}.data.takes.length === 1")
    assert page.locator(".lane.notes").count() == 1
    assert get(page, "mix.melody.mute"), "the mixer as well"
    page.get_by_role("button", name="New video").click()
    assert page.locator(".bgm-drop").is_visible()


def test_a_dropped_line_is_taken_up_again(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    page.wait_for_selector(".bgm-lanes")
    page.context.set_offline(True)
    page.wait_for_selector(".bgm-words:has-text('The line to the server dropped')")
    page.context.set_offline(False)
    takes(page, 1)


def test_who_waits_is_told_the_place_and_can_cancel(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    with COMPOSING.enter(Visitor("first")), COMPOSING.enter(Visitor("second")):
        bring(page, clip.path)
        page.wait_for_selector(".bgm-words:has-text('You are next in the line')")
        assert re.search(r"starts in about \d+", words(page))
        page.click("[data-do=cancel]")
        stopped(page)


def test_what_no_browser_shows_is_played_as_a_small_copy(visit: Callable[..., Any], draw: Callable[..., Drawn]) -> None:
    drawn = draw("film.avi", [1.0, 1.0], codec="mpeg4")
    page = visit("?steps=4&seed=1")
    bring(page, drawn.path)
    takes(page, 1)
    page.wait_for_function(f"{STUDIO}.video.readyState >= 1")
    assert get(page, "data.film.proxy")


def test_what_cannot_be_used_is_said(visit: Callable[..., Any], draw: Callable[..., Drawn], tmp_path: Path) -> None:
    wrong = tmp_path / "holiday.mp4"
    wrong.write_text("no video\n" * 200)
    long = draw("long.mp4", [660.0], size=(32, 18), rate=0.1)
    page = visit()
    for path, sentence in ((wrong, "holiday.mp4: is text, not a video"), (long.path, "11 minutes long")):
        bring(page, path)
        page.wait_for_selector(f".bgm-status[data-kind=bad]:has-text('{sentence}')")
        assert page.locator(".bgm-drop").is_visible(), "the way is free for another one"


def test_two_visitors_do_not_mix(visit: Callable[..., Any], clip: Drawn, silent_clip: Drawn) -> None:
    pages = [visit("?steps=4&seed=1&palette=strings"), visit("?steps=4&seed=2&palette=guitar")]
    for page, drawn in zip(pages, (clip, silent_clip), strict=True):
        bring(page, drawn.path)
    for page, expected in zip(pages, (("seed 1", "Violin"), ("seed 2", "Guitar")), strict=True):
        takes(page, 1)
        assert expected[0] in page.inner_text(".bgm-takes")
        assert expected[1] in page.inner_text(".bgm-facts")


def test_a_phone_shows_everything_without_sideways_scrolling(
    visit: Callable[..., Any], clip: Drawn, tmp_path: Path
) -> None:
    page = visit("?steps=4&seed=1", PHONE)
    long = tmp_path / f"{'a-long-name-' * 8}.mp4"
    shutil.copy(clip.path, long)
    bring(page, long)
    takes(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.mouse.wheel(0, 3000)
    box = page.locator(".bgm-play").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    assert 0 < box["y"] <= PHONE["height"] - box["height"], "the transport is at hand"


def test_a_finger_draws_energy_types_a_chord_and_moves_a_fader(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1", {"width": 360, "height": 780}, has_touch=True)
    assert page.evaluate("matchMedia('(pointer: coarse)').matches")
    bring(page, clip.path)
    takes(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not page.evaluate(SMALL), "a finger hits what is 44 pixels wide and high"
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *at: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    energy = page.locator(".energy .track")
    energy.scroll_into_view_if_needed()
    box = energy.bounding_box()
    assert box is not None
    left, top = max(box["x"], 0.0), box["y"]
    touch("touchStart", (left + 20, top + 60))
    for i in range(12):
        touch("touchMove", (left + 20 + 20 * i, top + 60 - 4 * i))
    touch("touchEnd")
    page.wait_for_function(f"{STUDIO}.knobs.some((knob) => /^0\\.0:0\\.\\d\\d .*:[01]\\.\\d\\d$/.test(knob))")
    fader = page.locator("[data-fader]").first
    fader.tap(position={"x": 12, "y": 22})
    page.wait_for_function(f"{STUDIO}.mix[{STUDIO}.take.stems[0][0]]?.db < -20")
    chord = page.locator("button.part[data-do=chord]").nth(1)
    start = float(chord.get_attribute("data-start") or "nan")
    chord.tap()
    page.locator(".bgm-chord").fill("F#m7")
    page.locator(".bgm-chord").press("Enter")
    takes(page, 2)
    assert any(f"F#m7 from {start:.2f}" in reason for reason in get(page, "plan.why"))


def test_the_keyboard_alone_will_do(visit: Callable[..., Any]) -> None:
    page = visit("?steps=4")
    page.get_by_role("button", name="Neon ride").focus()
    page.keyboard.press("Enter")
    takes(page, 1)
    page.locator(".bgm-play").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"{STUDIO}.sound.playing")
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function(f"Math.abs({STUDIO}.video.currentTime - {STUDIO}.plan.bars[1]) < 0.05")
    page.locator("[data-fader]").first.focus()
    page.keyboard.press("ArrowLeft")
    assert get(page, "take.stems.map(([role]) => window.diffbgm.studio.mix[role]?.db)[0]") == -0.5
    page.get_by_label("bars").focus()
    page.keyboard.type("1")
    page.get_by_role("button", name="Change these bars").focus()
    page.keyboard.press("Enter")
    takes(page, 2)


def test_a_link_brings_the_knobs(visit: Callable[..., Any]) -> None:
    page = visit("?moods=sad&tempo=slow")
    playwright.expect(page.get_by_label("sad", exact=True)).to_be_checked(timeout=PATIENCE)
    page.get_by_label("tense", exact=True).check()
    page.wait_for_function("document.querySelector('.bgm-link')?.dataset.link.includes('tense')")
    assert re.search(r"\?moods=sad%2Ctense&tempo=slow$", page.get_attribute(".bgm-link", "data-link"))


def test_words_are_shown_as_chips_that_go(visit: Callable[..., Any]) -> None:
    page = visit("?text=sad+piano%2C+no+drums")
    page.wait_for_selector(".bgm-chips li")
    count = page.locator(".bgm-chips li").count()
    page.locator(".bgm-chips button").first.click()
    page.wait_for_function(f"document.querySelectorAll('.bgm-chips li').length < {count}")


def test_headings_are_in_order(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    takes(page, 1)
    levels = page.evaluate("""[...document.querySelectorAll('h1, h2, h3, h4')].filter((h) => h.checkVisibility())
        .map((h) => Number(h.tagName[1]))""")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_without_script_a_video_is_scored_all_the_same(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("", java_script_enabled=False)
    page.wait_for_selector("form")
    page.set_input_files("[name=video]", str(clip.path))
    page.click("form button")
    end = time.monotonic() + PATIENCE / 1000
    while not page.locator("video").count():
        assert time.monotonic() < end, page.inner_text("body")
        page.wait_for_timeout(500)
    with page.expect_download() as download:
        page.click("a[download]")
    assert probe(download.value.path()).duration == pytest.approx(clip.duration, abs=0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Callable[..., Any], clip: Drawn, scheme: str) -> None:
    axe = os.environ.get("AXE_CORE")
    if not axe:
        pytest.skip("set AXE_CORE to axe-core's axe.min.js")
    page = visit("?steps=4&seed=1&text=sad+piano", color_scheme=scheme)
    page.locator("#more button").first.click()
    bring(page, clip.path)
    takes(page, 1)
    page.add_script_tag(path=axe)
    found = page.evaluate("async () => (await axe.run()).violations")
    serious = [
        f"{v['id']}: {n['target']} {n.get('failureSummary', '')}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for n in v["nodes"]
    ]
    assert not serious, "\n".join(serious)


def test_cuts_bars_and_the_energy_are_asked_for_on_the_time_line(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    takes(page, 1)
    page.wait_for_selector(".still", state="attached")
    cut = page.locator(".cut").first
    time_of_cut = float(cut.get_attribute("data-time") or "nan")
    for must, ignore, kind in ((1, 0, "must"), (0, 1, "ignore"), (0, 0, "met|gone")):
        cut.click(force=True)
        for name, wanted in (("must", must), ("ignore", ignore)):
            page.wait_for_function(f"{knob(name)} === '{f'{time_of_cut:.2f}' if wanted else ''}'")
        assert re.fullmatch(f"cut ({kind})", cut.get_attribute("class") or "")
    page.fill("[name=first]", "1")
    page.fill("[name=last]", "1")
    page.get_by_role("button", name="Rest here").click()
    page.wait_for_function(f"{STUDIO}.knobs.some((knob) => /^0\\.00-\\d/.test(knob))")
    box = page.locator(".energy .track").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] - 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 2, steps=30)
    page.mouse.up()
    page.wait_for_function(f"{STUDIO}.knobs.some((knob) => /^0\\.0:0\\.\\d\\d .*:[01]\\.\\d\\d$/.test(knob))")
    page.click("[data-do=compose]:visible")
    takes(page, 2)
    assert any("energy" in reason for reason in get(page, "plan.why"))


def test_the_second_half_of_the_mood_is_drawn_down(visit: Callable[..., Any], draw: Callable[..., Drawn]) -> None:
    page = visit("?steps=4&seed=1&key=C+major")
    bring(page, draw("scenes.mp4", (8, 8), rate=6, sound=True).path)
    takes(page, 1)
    page.locator(".mood .track").scroll_into_view_if_needed()
    box = page.locator(".mood .track").bounding_box()
    assert box is not None
    for share in (0.55, 0.75, 0.98):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] - 3)
        if share == 0.55:
            page.mouse.down()
    page.mouse.up()
    scene = knob("scene")
    page.wait_for_function(f"/^\\d+\\.\\d+-16.* sad$/.test({scene})")
    start = float(page.evaluate(scene).split("-")[0])
    assert start in [pytest.approx(bar, abs=0.01) for bar in get(page, "plan.bars")], "it begins with a bar"
    assert 6 < start < 11
    page.click("[data-do=compose]:visible")
    takes(page, 2)
    sections = get(page, "plan.sections")
    early, late = ([s for s in sections if (s[0] > start - 0.5) is after] for after in (False, True))
    assert max(s[3] for s in late) < min(s[3] for s in early) - 0.3
    assert any("scene 'sad'" in reason for reason in get(page, "plan.why"))


def test_a_part_is_given_to_another_player_in_the_mixer(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1&palette=folk")
    bring(page, clip.path)
    takes(page, 1)
    before = get(page, "take.notes")
    page.get_by_label("Who plays Chords").select_option("harp")
    takes(page, 2)
    assert get(page, "take.players.chords") == "Orchestral Harp"
    assert get(page, "take.notes") == before
    assert page.get_by_label("Who plays Chords").input_value() == "", "the list is at who plays"


def test_another_chord_is_typed_and_a_border_is_dragged_on_the_time_line(
    visit: Callable[..., Any], draw: Callable[..., Drawn]
) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, draw("scenes.mp4", (8, 8), rate=6, sound=True).path)
    takes(page, 1)
    chord = page.locator("button.part[data-do=chord]").first
    assert "Click" in (chord.get_attribute("title") or "")
    chord.click()
    page.locator(".bgm-chord").fill("Ebmaj")
    page.locator(".bgm-chord").press("Escape")
    assert page.locator(".bgm-chord").count() == 0, "Escape leaves all as it was"
    chord.click()
    typed, wrong = page.locator(".bgm-chord"), page.get_by_role("alert")
    typed.fill("H7")
    typed.press("Enter")
    playwright.expect(wrong).to_have_text("H7 is no chord; try Am, F7, C/E.")
    assert typed.get_attribute("aria-invalid") == "true"
    assert typed.evaluate("input => document.activeElement === input"), "it can be mended at once"
    place, words_at = typed.bounding_box(), wrong.bounding_box()
    assert place is not None
    assert words_at is not None
    assert abs(words_at["y"] - place["y"] - place["height"]) < 12, "it is said at its place"
    typed.press_sequentially("x")
    assert wrong.count() == 0, "a new letter is a new try"
    typed.press("Escape")
    chord.click()
    page.locator(".bgm-chord").fill("F#m7")
    page.locator(".bgm-chord").press("Enter")
    takes(page, 2)
    assert any("F#m7 from 0.00" in reason for reason in get(page, "plan.why"))
    border = page.locator(".border").first
    bars, sections = get(page, "plan.bars"), get(page, "plan.sections")
    bar = bars.index(sections[1][0])
    aim = bar - 1 if bar > 1 else bar + 1
    track, box = page.locator(".energy .track").bounding_box(), border.bounding_box()
    assert track is not None
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * bars[aim] / get(page, "plan.duration"), box["y"] + 9, steps=20)
    page.mouse.up()
    takes(page, 3)
    assert get(page, "plan.sections[1][0]") == bars[aim]


def test_a_link_is_shown_and_another_visitor_watches(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    takes(page, 1)
    page.click("summary:has-text('More files')")
    page.click("[data-kind=link]")
    page.wait_for_selector(".bgm-watch a")
    address = page.get_attribute(".bgm-watch a", "href")
    other = page.context.browser.new_context().new_page()
    other.goto(address)
    other.wait_for_function("document.querySelector('video').readyState > 0")
    assert other.evaluate("document.querySelector('video').duration") == pytest.approx(clip.duration, abs=0.1)
    assert "This link works until" in other.inner_text("body")
    other.context.close()
    page.get_by_role("button", name="New video").click()
    assert page.locator(".bgm-watch").evaluate("link => link.hidden"), "it belongs to the video before"


def test_what_is_asked_of_all_cuts_is_taken_back_for_one(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1&ignore=all")
    bring(page, clip.path)
    takes(page, 1)
    page.wait_for_selector(".cut", state="attached")
    cut = page.locator(".cut").first
    time_of_cut = f"{float(cut.get_attribute('data-time') or 'nan'):.2f}"
    assert {mark.get_attribute("class") for mark in page.locator(".cut").all()} == {"cut ignore"}
    for wanted, kind in ((time_of_cut, "must"), ("", "ignore"), (time_of_cut, "must")):
        cut.click(force=True)
        page.wait_for_function(f"{knob('must')} === '{wanted}'")
        assert cut.get_attribute("class") == f"cut {kind}"
        assert page.evaluate(knob("ignore")) == "all", "the others stay"


def test_a_wrong_file_leaves_the_takes_and_a_new_start_can_be_taken_back(
    visit: Callable[..., Any], clip: Drawn, tmp_path: Path
) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    takes(page, 1)
    (tmp_path / "notes.txt").write_text("no film")
    bring(page, tmp_path / "notes.txt")
    page.wait_for_function(
        f"{STUDIO}.data.takes.length === 1 && document.querySelector('.bgm-words').innerText.includes('notes.txt')"
    )
    assert page.locator(".bgm-takes").is_visible()
    page.get_by_role("button", name="New video").click()
    page.wait_for_function(f"!{STUDIO}.project")
    page.get_by_role("button", name=f"Back to {clip.path.name}").click()
    takes(page, 1)
    assert get(page, "take.letter") == "A"
    assert not page.locator("[data-do=back]").is_visible()


def test_settings_outlive_loading_the_page_again(visit: Callable[..., Any]) -> None:
    page = visit("?lang=en")
    page.fill("#text textarea, #text input", "sad piano, drums come in at 0:08")
    page.wait_for_selector(".bgm-chips li")
    page.wait_for_function("location.search.includes('text=sad')")
    assert "lang=en" in page.url, "what is not ours stays"
    page.reload()
    page.wait_for_function("window.diffbgm?.studio?.knobs?.some((knob) => knob === 'sad piano, drums come in at 0:08')")
    assert "drums from 8 s" in page.inner_text(".bgm-chips")


def test_a_chip_goes_with_its_clause_and_the_menu_with_escape(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    page.fill("#text textarea, #text input", "sad piano, drums come in at 0:08")
    page.get_by_role("button", name="Remove drums").first.click()
    page.wait_for_function(f"{STUDIO}.knobs.some((knob) => knob === 'sad piano')")
    bring(page, clip.path)
    takes(page, 1)
    menu = page.locator(".bgm-out details")
    for leave in (lambda: page.keyboard.press("Escape"), lambda: page.mouse.click(5, 5)):
        page.get_by_text("More files").click()
        assert menu.get_attribute("open") is not None
        leave()
        page.wait_for_function("!document.querySelector('.bgm-out details').open")
    page.fill("[name=first]", "1")
    page.fill("[name=last]", "1")
    assert page.locator(".bgm-selected").is_visible()
    page.locator(".bgm-lower h2").first.click()
    page.keyboard.press("Escape")
    assert not page.locator(".bgm-selected").is_visible()


def test_a_setting_that_no_take_has_yet_is_said(visit: Callable[..., Any], clip: Drawn) -> None:
    page = visit("?steps=4&seed=1")
    bring(page, clip.path)
    takes(page, 1)
    page.get_by_label("calm", exact=True).check()
    page.wait_for_selector(".bgm-words:has-text('the next take will have them')")
    page.click("[data-do=compose]:visible")
    takes(page, 2)
    assert "next take" not in words(page)


def test_what_is_wrong_with_a_field_is_said_there(visit: Callable[..., Any]) -> None:
    page = visit()
    page.click("#more button")
    for name, text, said in (
        ("must", "soon", "Cuts on the beat must be the time of a cut"),
        ("chords", "H7", "chord 'H7'"),
    ):
        page.fill(f"#knob-{name} textarea, #knob-{name} input", text)
        page.wait_for_selector(f"#knob-{name} .bgm-blame")
        assert said in page.inner_text(f"#knob-{name} .bgm-blame")
        page.fill(f"#knob-{name} textarea, #knob-{name} input", "")
        page.wait_for_selector(".bgm-blame", state="detached")
