"""The handlers with a real model (tiny, untrained), without a browser."""

import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from space.line import Visitor
from space.pictures import timeline
from space.settings import PageSettings
from space.work import Take, Watched
from tests.drawing import Drawn

from diffbgm.errors import Cancelled, VideoError
from diffbgm.media import probe
from space import films, handlers, storage, work

pytestmark = pytest.mark.usefixtures("model")
QUICK = PageSettings(moods=("calm",), steps=4, seed=3)
ME = Visitor("me", "192.0.2.1")


def last(changes: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Everything the page was told, later words winning."""
    page: dict[str, Any] = {}
    for change in changes:
        page |= change
    return page


def quiet(fraction: float, words: str) -> None:
    pass


@pytest.fixture(scope="module")
def watched(clip: Drawn) -> Watched:
    return last(handlers.watch(ME, str(clip.path), *QUICK.values))["watched"]


@pytest.fixture(scope="module")
def take(watched: Watched) -> Take:
    return last(handlers.compose(ME, watched, *QUICK.values))["take"]


def test_a_video_leads_to_a_plan_with_its_shots(clip: Drawn) -> None:
    pages = list(handlers.watch(ME, str(clip.path), *PageSettings().values))
    first_plan = next(p for p in pages if "bgm-lanes" in p.get("plan", ""))
    assert first_plan["compose"]["interactive"]
    page = last(iter(pages))
    assert page["plan"].count("bgm-still") >= 3
    assert page["plan"].count('class="bgm-cut') == len(clip.cuts)
    assert {s.start for s in page["watched"].stills} >= {0.0}
    assert page["take"] is None


def test_no_video_no_composing() -> None:
    page = last(handlers.watch(ME, None, *PageSettings().values))
    assert not page["compose"]["interactive"]
    assert "choose a video" in last(handlers.compose(ME, None, *PageSettings().values))["status"].lower()


def test_what_is_no_video_is_said_without_the_servers_folders(tmp_path: Path) -> None:
    wrong = tmp_path / "holiday.mp4"
    wrong.write_text("no video at all\n" * 50)
    status = last(handlers.watch(ME, str(wrong), *PageSettings().values))["status"]
    assert 'role="alert"' in status
    assert "holiday.mp4" in status
    assert str(tmp_path) not in status


def test_a_video_that_is_too_long_is_refused_before_it_is_watched(draw: Callable[..., Drawn]) -> None:
    long = draw("long.mp4", [660.0], size=(32, 18), rate=0.1)
    began: list[str] = []
    with pytest.raises(VideoError, match=re.escape("long.mp4: is 11 minutes long; this page takes up to 10 minutes")):
        work.watch(str(long.path), lambda f, words: began.append(words))
    assert not began


def test_a_take_brings_every_file(take: Take, clip: Drawn) -> None:
    assert set(take.files) >= set(handlers.DOWNLOADS)
    assert all(path.stat().st_size > 100 for path in take.files.values())
    assert probe(take.files["video"]).duration == pytest.approx(clip.duration, abs=0.05)
    assert probe(take.files["video"]).has_audio
    receipt = json.loads(take.files["receipt"].read_text())
    assert receipt["seed"] == 3
    assert receipt["steps"] == 4
    assert receipt["timings"]["compose"] > 0
    with zipfile.ZipFile(take.files["stems"]) as pack:
        assert all(name.endswith(".wav") for name in pack.namelist())
        assert pack.namelist()
    page = handlers.shown(take)
    assert all(f"get_{kind}" in page for kind in handlers.DOWNLOADS)
    assert 'class="sound"' in page["plan"]


def test_the_same_seed_gives_the_same_music_and_a_new_take_another(watched: Watched, take: Take) -> None:
    again = last(handlers.same_seed(ME, take, *replace(QUICK, seed=None).values))["take"]
    assert again.seed == take.seed
    assert again.files["midi"].read_bytes() == take.files["midi"].read_bytes()
    other = last(handlers.new_take(ME, watched, *QUICK.values))["take"]
    assert other.seed != take.seed
    assert other.files["midi"].read_bytes() != take.files["midi"].read_bytes()


def test_other_instruments_keep_the_notes(take: Take) -> None:
    other = last(handlers.restyle(ME, take, *replace(QUICK, palette="strings").values))["take"]
    assert other.roll is take.roll
    assert other.plan.palette == "strings"
    assert other.receipt["palette"] == "strings"


def test_another_style_keeps_tempo_and_cuts(take: Take) -> None:
    plan, roll = work.restyle(take, replace(QUICK, moods=("mysterious",)))
    assert roll is None
    assert plan.beats == take.plan.beats
    assert np.allclose(plan.tempo.edges, take.plan.tempo.edges, atol=0.02)
    assert plan.style == ("mysterious",)


def test_three_takes_differ_and_one_can_be_used(watched: Watched) -> None:
    pages = list(handlers.three_takes(ME, watched, *QUICK.values))
    takes = last(iter(pages))["takes"]
    assert len({t.seed for t in takes}) == handlers.TAKES
    shown = [i for i, page in enumerate(pages) if any(f"take_{k}" in page and page.get("takes") for k in range(3))]
    assert len(shown) == handlers.TAKES, "each is shown as soon as it is there"
    assert handlers.use_take(takes, 2)["take"] is takes[2]
    assert "status" in handlers.use_take([], 0)


def test_a_turned_knob_moves_the_plan(watched: Watched) -> None:
    slow, fast = (handlers.replan(watched, None, *PageSettings(tempo=t).values) for t in ("slow", "fast"))
    assert slow["plan"] != fast["plan"]
    assert "60 to 80" in slow["tags_note"]
    clash = handlers.replan(watched, None, *PageSettings(moods=("calm", "tense")).values)
    assert "contradict" in clash["tags_note"]
    assert "plan" not in clash


def test_what_people_write_is_escaped(watched: Watched) -> None:
    settings = PageSettings(text="sad <script>alert(1)</script> rain")
    page = handlers.replan(watched, None, *settings.values)
    assert "<script" not in page["plan"]


@pytest.mark.parametrize("at", [0.1, 0.6, 0.9])
def test_stopping_at_any_stage_leaves_nothing(watched: Watched, files: Path, at: float) -> None:
    before = set((files / "takes").glob("*"))

    def stop(fraction: float, words: str) -> None:
        if fraction >= at:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        work.make_take(watched, work.plan_music(watched, QUICK), QUICK, stop)
    assert set((files / "takes").glob("*")) <= before


@pytest.mark.parametrize("moment", range(20))
def test_a_cancel_is_the_last_word_whenever_it_comes(watched: Watched, files: Path, moment: int) -> None:
    visitor = Visitor(f"canceller {moment}")
    before = set((files / "takes").glob("*"))
    page: list[dict[str, Any]] = []
    answer: Future[dict[str, Any]] = Future()
    with ThreadPoolExecutor(1) as pool:
        for n, change in enumerate(handlers.compose(visitor, watched, *QUICK.values)):
            page.append(change)
            if n == moment % 4:  # from the first word to the middle of the work
                time.sleep(0.03 * (moment // 4))
                answer = pool.submit(handlers.stop, visitor, watched)
                while not handlers.COMPOSING.stop(visitor.session):
                    time.sleep(0.01)
        told = answer.result(timeout=20)
    if "status" in told:  # the work was over: the cancel speaks last
        page.append(told)
    assert "Stopped." in page[-1]["status"]
    assert page[-1]["compose"]["visible"]
    assert not page[-1]["cancel"]["visible"]
    assert not any("take" in change for change in page)
    assert not handlers.COMPOSING.has(visitor)
    time.sleep(0.2)
    assert set((files / "takes").glob("*")) <= before or moment % 4 == 3


def test_a_cancel_after_the_end_still_leaves_a_usable_page(watched: Watched) -> None:
    page = handlers.stop(Visitor("late"), watched)
    assert "Stopped." in page["status"]
    assert page["compose"] == {"visible": True, "interactive": True, "__type__": "update"}


def test_a_new_video_ends_the_look_at_the_old_one_without_a_word(clip: Drawn, silent_clip: Drawn) -> None:
    visitor = Visitor("hasty")
    old = handlers.watch(visitor, str(clip.path), *QUICK.values)
    next(old)
    with ThreadPoolExecutor(1) as pool:
        new = pool.submit(lambda: last(handlers.watch(visitor, str(silent_clip.path), *QUICK.values)))
        said = [change["status"] for change in old if "status" in change]
        page = new.result(timeout=60)
    assert not any("Stopped" in status or "plan" in status for status in said)
    assert page["watched"].path == silent_clip.path


def test_who_waits_is_told_where_in_the_line(watched: Watched) -> None:
    line = handlers.COMPOSING
    with line.enter(Visitor("first")), line.enter(Visitor("second")):
        waiting = handlers.compose(ME, watched, *QUICK.values)
        next(waiting)
        assert "You are next in the line · yours starts in about" in next(waiting)["status"]
        waiting.close()
    assert not line.has(ME)


def test_a_fourth_piece_of_one_visitor_is_refused_and_nothing_else_changes(watched: Watched) -> None:
    line = handlers.COMPOSING
    with line.enter(ME), line.enter(ME), line.enter(ME):
        page = last(handlers.compose(ME, watched, *QUICK.values))
    assert list(page) == ["status"]
    assert "You have 3 pieces running or waiting" in page["status"]


def test_a_full_disk_is_said(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FLOOR", 10**18)
    page = last(handlers.compose(ME, watched, *QUICK.values))
    assert "the disk of this page is nearly full" in page["status"]


def test_folders_go_after_a_day(files: Path) -> None:
    with storage.new_folder() as old, storage.new_folder() as young:
        pass
    past = time.time() - storage.KEPT - 60
    os.utime(old, (past, past))
    with storage.new_folder():
        pass
    assert not old.exists()
    assert young.exists()
    assert young.stat().st_mode & 0o077 == 0


def test_links() -> None:
    assert handlers.link("http://x/?old=1", *PageSettings().values) == "http://x/"
    address = handlers.link("http://x/", *PageSettings(moods=("sad",), seed=5).values)
    assert address == "http://x/?moods=sad&seed=5"
    *values, words = handlers.knobs_from({"moods": "sad", "seed": "5"})
    assert values == PageSettings(moods=("sad",), seed=5).values
    assert words.startswith("**sad** ")


def test_there_are_examples_and_some_have_cuts() -> None:
    examples = films.examples()
    assert len(examples) >= 3
    assert all(e.poster.ndim == 3 for e in examples)
    packaged = [e for e in examples if "cuts" not in e.caption]
    assert packaged
    assert all(e.path().is_file() for e in packaged)
    assert any("cuts" in e.caption for e in examples)


def test_many_cuts_make_few_pictures(draw: Callable[..., Drawn]) -> None:
    from diffbgm.video import analyze

    drawn = draw("many.mp4", [0.5] * 40, size=(64, 36))
    features = analyze(drawn.path)
    slots = films.slots_of(features)
    assert len(slots) <= 2 * films.MOST_PICTURES
    assert slots[0][0] == 0.0
    assert slots[-1][1] == features.duration
    watched = work.with_pictures(Watched(drawn.path, "many", features), quiet)
    assert len(watched.stills) == len(slots)
    picture = timeline(watched, work.plan_music(watched, PageSettings()))
    assert len(picture) < 400_000
