"""The listening test: its files, a scripted rater in a real browser (skipped without Chromium), and its statistics."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.drawing import draw_video

from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.errors import InputError
from diffbgm.hub import Origin
from diffbgm.media import read_audio
from diffbgm.pipeline import DiffBGM
from diffbgm.render import measure_loudness
from diffbgm.research.evaluation.listening import (
    OTHER,
    OURS,
    POINTS,
    RANDOM,
    UNTRAINED,
    ListeningTest,
    make_forms,
    systems_by_token,
    token,
    write_test,
)
from diffbgm.research.evaluation.listening_results import report_results

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
FOUR = (OURS, OTHER, UNTRAINED, RANDOM)


@pytest.fixture(scope="module")
def test(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    torch.manual_seed(0)
    network = Denoiser(Config.tiny()).eval().requires_grad_(False)
    network.head.bias[:4] = -1.0
    network.head.weight += 0.3 * torch.randn(network.head.weight.shape)
    videos = tmp_path_factory.mktemp("videos")
    draw_video(videos / "a.mp4", sound=True)
    draw_video(videos / "b.mp4", (2.0,))
    model = DiffBGM(network, Origin("tiny", "0", "0" * 64))
    return write_test(model, videos, tmp_path_factory.mktemp("out") / "test", forms=3, steps=4)


def described(test: ListeningTest) -> dict[str, Any]:
    return json.loads((test.folder / "test.js").read_text().removeprefix("const TEST = ").rstrip(";\n"))


def test_the_folder_holds_every_stimulus_at_one_level_under_a_blind_name(test: ListeningTest) -> None:
    assert test.systems == FOUR
    text = "".join(p.read_text() for p in test.folder.glob("*.*"))
    assert not any(system in text for system in FOUR)
    levels = {}
    for path in (test.folder / "media").iterdir():
        sound = read_audio(path)
        assert sound is not None
        levels[path.stem] = measure_loudness(sound.samples, sound.rate)
    assert set(levels) == {token(test.id, clip, system) for clip in test.clips for system in FOUR}
    heard = [level for level in levels.values() if np.isfinite(level)]
    assert len(heard) >= 6
    assert max(heard) - min(heard) < 0.5


def test_orders_are_balanced_and_repeat_with_the_seed() -> None:
    forms = make_forms("t", ("a", "b", "c"), FOUR, 5, 1)
    assert forms == make_forms("t", ("a", "b", "c"), FOUR, 5, 1)
    assert forms != make_forms("t", ("a", "b", "c"), FOUR, 5, 2)
    assert len(forms) == 6
    left = Counter(
        systems_by_token("t", trial["clip"])[trial["stimuli"][0]]
        for form in forms for trial in form if trial["kind"] == "pair"
    )  # fmt: skip
    assert left[OURS] == 27 == sum(left.values()) - left[OURS]
    for form in forms:
        assert [t["kind"] for t in form] == ["pair"] * 9 + ["scale"] * 3
        assert all(len(t["stimuli"]) == 4 for t in form[9:])


def test_one_video_is_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_video(tmp_path / "a.mp4")
    assert main(["evaluate", "listening", "--videos", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "two or more" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def answers(folder: Path, likes: float, raters: int, seed: int) -> list[Path]:
    """Files as the page saves them, of raters who like ours with a probability."""
    rng = random.Random(seed)
    clips = ("a.mp4", "b.mp4", "c.mp4")
    paths = []
    for rater in range(raters):
        given = []
        for trial in make_forms("t", clips, FOUR, 8, 0)[rater % 8]:
            ours = token("t", trial["clip"], OURS)
            other = [s for s in trial["stimuli"] if s != ours]
            if trial["kind"] == "pair":
                given.append({**trial, "chosen": ours if rng.random() < likes else other[0]})
            else:
                values = [min(5, rng.randint(1, 4) + (2 if s == ours and likes > 0.5 else 0)) for s in trial["stimuli"]]
                given.append({**trial, "ratings": {"fit": values, "music": values}})
        result = {"test": "t", "rater": f"r{rater}", "finished": "2026-01-01", "answers": given}
        paths.append(folder / f"{rater}.json")
        paths[-1].write_text(json.dumps(result))
    return paths


def table(report: Any, title: str) -> dict[str, dict[str, Any]]:
    found = next(t for t in report.tables if t.title.startswith(title))
    key = 1 if title == "Scales" else 0
    return {row[key]: dict(zip(found.columns, row, strict=True)) for row in found.rows}


def test_a_preference_is_found_and_a_coin_is_not(tmp_path: Path) -> None:
    fond = report_results(answers(tmp_path, 0.85, 8, 1))
    pairs = table(fond, "Pairs")
    assert pairs["all anchors"]["n"] == 72
    assert pairs["all anchors"]["p"] < 0.01
    assert pairs["all anchors"]["chosen"] > 0.7
    assert pairs["left one, of either"]["p"] > 0.05
    scales = table(fond, "Scales")
    assert scales[OURS]["mean of 1..5"] > scales[UNTRAINED]["mean of 1..5"] + 0.5
    agree = table(fond, "Do raters")
    assert agree["fits the film"]["p"] < 0.01
    coin = report_results(answers(tmp_path, 0.5, 8, 1))
    assert table(coin, "Pairs")["all anchors"]["p"] > 0.05
    assert table(coin, "Do raters")["fits the film"]["Kendall's W"] < agree["fits the film"]["Kendall's W"]
    assert table(coin, "Do raters")["fits the film"]["p"] > 0.05


def test_results_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"rater": "me"}')
    with pytest.raises(InputError, match=r"x\.json: not the results"):
        report_results([tmp_path / "x.json"])
    with pytest.raises(InputError, match="0 files"):
        report_results([])


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_raters_in_a_browser(test: ListeningTest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One who always likes ours, and a coin, go through the page by keyboard; only the first is found."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        for taste in ("fond", "coin"):
            saved = []
            for rater in range(2):
                context = browser.new_context(accept_downloads=True, viewport={"width": 900, "height": 900})
                page, broken = context.new_page(), []
                page.set_default_timeout(20_000)
                page.on("pageerror", lambda e, broken=broken: broken.append(str(e)))
                page.on("request", lambda r, broken=broken: None if r.url.startswith(("file:", "blob:")) else
                        broken.append(r.url))  # fmt: skip
                page.goto((test.folder / "index.html").as_uri() + f"?form={rater + 1}")
                saved.append(go_through(page, test, f"{taste}{rater}", taste, random.Random(rater), tmp_path))
                assert not broken
                context.close()
            assert main(["evaluate", "listening", "--read", *map(str, saved), "--json"]) == 0
            tables = json.loads(capsys.readouterr().out)["tables"]
            pairs = {row[0]: row for row in tables[0]["rows"]}
            assert pairs["all anchors"][1] == 12
            p_value = pairs["all anchors"][5]
            assert p_value < 0.01 if taste == "fond" else p_value > 0.05
        browser.close()


def go_through(page: Any, test: ListeningTest, name: str, taste: str, rng: random.Random, folder: Path) -> Path:
    page.fill("#rater", name)
    page.keyboard.press("Tab")
    page.click("#next")
    trials = described(test)["forms"][int(name[-1])]
    for number, trial in enumerate(trials):
        page.wait_for_function(f"document.querySelector('h1').textContent.startsWith('{number + 1} of')")
        assert page.evaluate("document.activeElement.tagName") == "H1"
        assert page.is_disabled("#next")
        ours = trial["stimuli"].index(token(test.id, trial["clip"], OURS))
        if trial["kind"] == "pair":
            choice = ours if taste == "fond" else rng.randrange(2)
            page.focus("input[name=pair][value='0']")
            page.keyboard.press("Space" if choice == 0 else "ArrowRight")
        else:
            for key in ("fit", "music"):
                for i in range(len(trial["stimuli"])):
                    value = (5 if i == ours else 2) if taste == "fond" else rng.randint(1, len(POINTS))
                    page.check(f"input[name={key}-{i}][value='{value}']")
        assert page.is_disabled("#next")  # nothing was played yet
        page.focus("h1")
        for i in range(len(trial["stimuli"])):
            page.keyboard.press(str(i + 1))
            page.wait_for_function(f"heard.has({i})")
        if number in (0, len(trials) - 1):
            page.screenshot(path=folder / f"{trial['kind']}.png", full_page=True)
        page.keyboard.press("Enter")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(folder / f"{name}.json")
    return folder / f"{name}.json"
