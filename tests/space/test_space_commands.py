"""What the page's script can ask for, with a real model (tiny, untrained) and without a browser."""

import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote
from urllib.request import Request, urlopen

import numpy as np
import pytest
from space.commands import COMMANDS, PROJECTS, commanded, look, turned
from space.jobs import COMPOSING, FULL
from space.line import Rules, Visitor
from space.projects import Project, Table
from space.settings import KNOBS, PageSettings
from space.sharing import find_shared
from space.work import Take, Watched
from tests.drawing import Drawn, draw_video
from tests.timelines import check_fcpxml, check_otio

from diffbgm.errors import Cancelled, InputError, PlanError, VideoError
from diffbgm.media import probe, read_audio
from space import films, gpu, jobs, samples, storage, work

pytestmark = pytest.mark.usefixtures("model")
QUICK = PageSettings(moods=("calm",), steps=4, seed=3)
PATIENCE = 120.0  # seconds


def do(op: str, project: str | None = None, settings: PageSettings = QUICK, **data: Any) -> str:
    """Gives a command; the id of its project."""
    asked = {"op": op, "visitor": "me", "project": project, "knobs": settings.values, **data}
    return commanded(asked, "192.0.2.1")["project"]


def ended(project: str) -> dict[str, Any]:
    """The project once nothing runs for it any more."""
    end = time.monotonic() + PATIENCE
    while (answer := look({"project": project}))["busy"]:
        assert time.monotonic() < end, answer["status"]
        time.sleep(0.05)
    return answer


def upload(drawn: Drawn, files: Path, name: str = "c" * 64) -> str:
    """The path of a video as the page's upload would have left it."""
    folder = files / name
    folder.mkdir(exist_ok=True)
    return str(shutil.copy(drawn.path, folder / drawn.path.name))


@pytest.fixture(scope="module")
def opened(clip: Drawn, files: Path, model: None) -> str:
    """A project whose first take came by itself."""
    project = do("open", path=upload(clip, files))
    assert ended(project)["status"]["words"].startswith("Take A is ready.")
    return project


def take_of(project: str, letter: str = "A") -> Take:
    return PROJECTS.find(project).take(letter)


def test_a_video_leads_to_a_plan_and_a_first_take(opened: str, clip: Drawn) -> None:
    page = ended(opened)
    assert page["film"]["name"] == clip.path.name
    assert page["film"]["sound"] in ("sound", "speech")
    assert len(page["plan"]["cuts"]) == len(clip.cuts)
    take = page["takes"][0]
    assert (take["letter"], take["seed"]) == ("A", 3)
    assert [role for role, _ in take["stems"]] == list(take["roles"])
    assert take["notes"], "four steps are enough for some notes"
    assert len(json.dumps(page)) < 120_000, "what is sent is small"


def test_the_stems_are_small_and_sum_to_the_music(opened: str) -> None:
    take = take_of(opened)
    heard = [read_audio(path) for path in take.played.stems.values()]
    exact = [read_audio(path) for path in take.played.exact.values()]
    assert sum(p.stat().st_size for p in take.played.stems.values()) < 20_000 * take.plan.duration * len(heard)
    for small, large in zip(heard, exact, strict=True):
        assert small is not None
        assert large is not None
        n = min(small.samples.shape[1], large.samples.shape[1])
        assert n > 0.98 * take.plan.duration * 48_000
        level = [float(np.sqrt(np.mean(x.samples[:, :n] ** 2))) for x in (small, large)]
        assert abs(20 * np.log10((level[0] + 1e-6) / (level[1] + 1e-6))) < 0.5


def test_three_takes_differ_and_none_replaces_another(opened: str) -> None:
    before = [t["letter"] for t in ended(opened)["takes"]]
    do("compose", opened, replace(QUICK, seed=None), count=3)
    takes = ended(opened)["takes"]
    assert [t["letter"] for t in takes][: len(before)] == before
    assert len({json.dumps(t["notes"]) for t in takes}) == len(takes) == len(before) + 3
    for take in takes[-3:]:  # they were composed together, each as alone
        made = take_of(opened, take["letter"])
        assert made.roll == gpu.compose_roll(made.plan, made.options)
    assert f"{takes[-3]['letter']} keeps closest to the plan" in ended(opened)["status"]["words"]


@pytest.mark.parametrize("way", ["other", "sadder"])
def test_another_take_of_some_bars_keeps_the_others_bit_by_bit(opened: str, way: str) -> None:
    old = take_of(opened)
    bars = old.plan.bars
    do("retake", opened, take="A", first=bars, last=bars, way=way)
    assert ended(opened)["status"]["kind"] == "good"
    new = take_of(opened, ended(opened)["takes"][-1]["letter"])
    step = old.roll.cells.shape[1] // bars * (bars - 1)
    assert (new.roll.cells[:, :step] == old.roll.cells[:, :step]).all()
    assert (new.roll.cells[:, step:] != old.roll.cells[:, step:]).any()
    sample = int(48_000 * (old.plan.tempo.edges[-1] / bars * (bars - 1) * 0.8))
    for role in old.played.exact:  # the sound around them as well
        before, after = read_audio(old.played.exact[role]), read_audio(new.played.exact[role])
        assert before is not None
        assert after is not None
        assert np.array_equal(before.samples[:, :sample], after.samples[:, :sample])


def test_some_bars_are_made_anew_as_words_say(opened: str) -> None:
    old = take_of(opened)
    bars = old.plan.bars
    do("retake", opened, take="A", first=bars, last=bars, words="ein trauriger Schluss")
    assert latest(opened).plan.sections[-1].valence < old.plan.sections[-1].valence - 0.1
    for words, said in (("xyzzy", "no mood, genre or motion was found"), ("x" * 301, "use at most 300")):
        with pytest.raises(InputError, match=said):
            do("retake", opened, take="A", first=bars, last=bars, words=words)


def latest(project: str) -> Take:
    """The take that came last, once nothing runs any more."""
    page = ended(project)
    assert page["status"]["kind"] == "good", page["status"]
    return take_of(project, page["takes"][-1]["letter"])


def cells_of_bars(take: Take, first: int, last: int) -> np.ndarray:
    """The cells of bars `first` to `last` (from 0, the last not among them)."""
    steps = take.roll.cells.shape[1] // take.plan.bars
    return take.roll.cells[:, first * steps : last * steps]


def test_another_chord_is_set_in_its_place_and_its_bars_are_composed_again(opened: str) -> None:
    old = take_of(opened)
    bar = old.plan.bars // 2
    start, end = (float(old.plan.tempo.time_at((bar + i) * old.plan.beats_per_bar)) for i in (0, 1))
    do("chord", opened, take="A", start=start, end=end, symbol=" F#m7 ")
    new = latest(opened)
    beats = range(bar * old.plan.beats_per_bar, (bar + 1) * old.plan.beats_per_bar)
    for beat in range(old.plan.beats):
        symbols = [[c.symbol for c in take.plan.chords if c.start <= beat < c.end] for take in (old, new)]
        assert symbols[1] == (["F#m7"] if beat in beats else symbols[0])
    assert any("F#m7" in reason for reason in new.plan.why)
    for first, last in ((0, bar), (bar + 1, old.plan.bars)):
        assert np.array_equal(cells_of_bars(new, first, last), cells_of_bars(old, first, last))
    assert not np.array_equal(cells_of_bars(new, bar, bar + 1), cells_of_bars(old, bar, bar + 1))


@pytest.fixture(scope="module")
def longer(files: Path, model: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project of a film with two scenes that are sections."""
    drawn = draw_video(tmp_path_factory.mktemp("longer") / "scenes.mp4", (8, 8), rate=6, sound=True)
    project = do("open", path=upload(drawn, files, "e" * 64))
    assert len(latest(project).plan.sections) > 1
    return project


def test_a_section_begins_at_another_bar(longer: str) -> None:
    old = take_of(longer)
    per_bar, sections = old.plan.beats_per_bar, old.plan.sections
    bar = sections[1].start_beat // per_bar
    aim = bar - 1 if bar > 1 else bar + 1
    do("border", longer, take="A", section=1, bar=aim)
    new = latest(longer)
    assert new.plan.sections[0].end_beat == new.plan.sections[1].start_beat == aim * per_bar
    assert [s.label for s in new.plan.sections] == [s.label for s in sections]
    low, high = sorted((bar, aim))
    for first, last in ((0, low), (high, old.plan.bars)):
        assert np.array_equal(cells_of_bars(new, first, last), cells_of_bars(old, first, last))


@pytest.mark.parametrize(
    ("op", "data", "words"),
    [
        ("chord", {"start": 0.0, "end": 1.5, "symbol": "H9x"}, "H9x is no chord; try Am, F7, C/E."),
        ("chord", {"start": 0.0, "end": 1.5, "symbol": "Am7 and so on for ever"}, "Am7 and so on fo… is no chord"),
        ("chord", {"start": 1.0, "end": 1.0, "symbol": "C"}, "no chord from 1.00 to 1.00 s"),
        ("chord", {"start": "soon", "end": 1.0, "symbol": "C"}, "must be seconds"),
        ("chord", {"start": float("nan"), "end": 1.0, "symbol": "C"}, "must be seconds"),
        ("border", {"section": 1, "bar": 1}, "Section 1 has no beginning that could be moved"),
    ],
)
def test_what_no_plan_can_hold_is_said_at_once(opened: str, op: str, data: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        do(op, opened, take="A", **data)


def test_a_section_keeps_a_bar(longer: str) -> None:
    plan = take_of(longer).plan
    for bar in (0, plan.sections[1].start_beat // plan.beats_per_bar, plan.bars):
        with pytest.raises(InputError, match="keep a bar at least"):
            do("border", longer, take="A", section=1, bar=bar)


def test_other_instruments_keep_the_notes(opened: str) -> None:
    do("rearrange", opened, replace(QUICK, palette="strings"), take="A")
    letter = ended(opened)["takes"][-1]["letter"]
    assert take_of(opened, letter).roll is take_of(opened).roll
    assert take_of(opened, letter).plan.palette == "strings"


def test_other_instruments_are_others_where_no_band_is_chosen(opened: str) -> None:
    do("rearrange", opened, take="A")
    letter = ended(opened)["takes"][-1]["letter"]
    assert take_of(opened, letter).roll is take_of(opened).roll
    assert take_of(opened, letter).plan.palette != take_of(opened).plan.palette
    with pytest.raises(InputError, match="plays it already: choose another one under Band"):
        do("rearrange", opened, replace(QUICK, palette=take_of(opened, letter).plan.palette), take=letter)


def test_one_part_is_given_to_another_player(opened: str) -> None:
    do("compose", opened, replace(QUICK, palette="folk"))
    before = ended(opened)["takes"][-1]
    do("rearrange", opened, take=before["letter"], role="chords", player="harp")
    after = ended(opened)["takes"][-1]
    assert after["players"] == {**before["players"], "chords": "Orchestral Harp"}
    assert after["notes"] == before["notes"]
    with pytest.raises(InputError, match="flute cannot play the bass, but melody"):
        do("rearrange", opened, take="A", role="bass", player="flute")
    with pytest.raises(PlanError, match=r"no instrument is called .tubba.; did you mean .*tuba"):
        do("rearrange", opened, take="A", role="bass", player="tubba")


def test_refining_keeps_seed_and_plan(opened: str) -> None:
    do("refine", opened, replace(QUICK, steps=6), take="A")
    letter = ended(opened)["takes"][-1]["letter"]
    assert take_of(opened, letter).seed == take_of(opened).seed
    assert take_of(opened, letter).plan is take_of(opened).plan
    assert take_of(opened, letter).settings.steps == 6


def exported(project: str, kind: str, **data: Any) -> Path:
    """The file that a command made."""
    take = take_of(project)
    gains = data.pop("gains", dict.fromkeys(take.played.exact, 0.0))
    do("export", project, take="A", kind=kind, gains=gains, **data)
    answer = ended(project)
    assert answer["status"]["kind"] == "good", answer["status"]
    return Path(answer["made"][0].split("file=", 1)[1])


@pytest.mark.parametrize(
    "kind", ["video", "mp3", "wav", "midi", "score", "editor", "picture", "receipt", "plan", "stems", "project"]
)
def test_every_file_can_be_had(opened: str, clip: Drawn, kind: str, tmp_path: Path) -> None:
    path = exported(opened, kind, keep="replace")
    assert path.stat().st_size > 100
    assert path.name.startswith(f"{clip.path.stem}-scored.")
    if kind == "video":
        assert probe(path).duration == pytest.approx(clip.duration, abs=0.05)
        assert probe(path).has_audio
    if kind == "stems":
        assert len(zipfile.ZipFile(path).namelist()) == len(take_of(opened).played.exact)
    if kind == "editor":
        archive = zipfile.ZipFile(path)
        timeline = archive.read(next(name for name in archive.namelist() if name.endswith(".fcpxml"))).decode()
        named = {unquote(name) for name in re.findall(r'src="([^"]+)"', timeline)}
        assert named <= {clip.path.name, *archive.namelist()}, "no path of this machine"
        assert len(named) > 2
        archive.extractall(tmp_path)
        shutil.copy(clip.path, tmp_path)  # as somebody lays their film beside what they unpacked
        take = take_of(opened)
        for suffix, check in ((".fcpxml", check_fcpxml), (".otio", check_otio)):
            check(next(tmp_path.glob(f"*{suffix}")), take.plan, ["film", "mix", *take.played.exact])


def test_a_link_shows_one_video_for_a_day(opened: str, server: str) -> None:
    video = exported(opened, "video", keep="replace")
    do("export", opened, take="A", kind="link", gains=dict.fromkeys(take_of(opened).played.exact, 0.0), keep="replace")
    answer = ended(opened)
    assert answer["status"]["words"] == "Your link is ready: it works for a day."
    address = server + answer["made"][0]
    with urlopen(address) as shown:
        words = shown.read().decode()
        assert "noindex" in shown.headers["X-Robots-Tag"]
    assert f"<h2>{video.stem}</h2>" in words
    assert re.search(r"works until \d\d \w+ \d{4}, \d\d:\d\d UTC", words)
    with urlopen(f"{address}/video") as sent:
        assert sent.read() == video.read_bytes()
    with urlopen(Request(f"{address}/video", headers={"Range": "bytes=4-7"})) as part:
        assert (part.status, part.read()) == (206, b"ftyp")
    name = address.rpartition("/")[2]
    found = find_shared(name)
    assert found is not None
    assert find_shared(name, now=found[1] - 1) == found
    assert find_shared(name, now=found[1]) is None
    os.utime(found[0].parent, (0, 0))  # long ago
    for gone in (
        address,
        f"{address}/video",
        f"{server}watch/{'0' * 32}",
        f"{server}watch/..%2Ftakes",
        f"{server}watch/takes",
    ):
        with pytest.raises(HTTPError) as refused:
            urlopen(gone)
        assert refused.value.code == 404
    storage.sweep()
    assert not found[0].parent.exists()
    assert video.exists()


def test_what_is_exported_is_the_mix(opened: str) -> None:
    roles = list(take_of(opened).played.exact)
    loud = read_audio(exported(opened, "wav", keep="replace", gains={roles[0]: 0.0}))
    quiet = read_audio(exported(opened, "wav", keep="replace", gains={roles[0]: -12.0}))
    stem = read_audio(take_of(opened).played.exact[roles[0]])
    none = read_audio(exported(opened, "wav", keep="replace", gains={}))
    assert loud is not None
    assert quiet is not None
    assert stem is not None
    assert none is not None
    assert np.abs(loud.samples - stem.samples[:, : loud.samples.shape[1]]).max() < 2e-4
    assert np.abs(quiet.samples - loud.samples * 10 ** (-12 / 20)).max() < 2e-4
    assert not none.samples.any()


def test_a_project_brings_back_notes_and_mix(opened: str, files: Path) -> None:
    role = next(iter(take_of(opened).played.exact))
    project = exported(opened, "project", keep="replace", gains={role: -6.0})
    sent = upload(Drawn(project, (), (), 1.0), files, "d" * 64)
    do("restore", opened, path=sent)
    page = ended(opened)
    assert page["status"]["kind"] == "good", page["status"]
    again = take_of(opened, page["takes"][-1]["letter"])
    assert (again.roll.cells == take_of(opened).roll.cells).all()
    assert page["takes"][-1]["gains"][role] == -6.0
    assert all(gain < -100 for other, gain in page["takes"][-1]["gains"].items() if other != role)
    foreign = json.loads(Path(sent).read_text())
    Path(sent).write_text(json.dumps(foreign | {"options": foreign["options"] | {"like": "/etc/hostname"}}))
    do("restore", opened, path=sent)
    assert ended(opened)["status"]["kind"] == "good"
    assert not take_of(opened, look({"project": opened})["takes"][-1]["letter"]).options.like, "files are the server's"
    Path(sent).write_text("{}")
    do("restore", opened, path=sent)
    assert "no project of diffbgm" in ended(opened)["status"]["words"]


def test_the_films_own_sound_is_kept_where_it_is_asked_for(opened: str, clip: Drawn) -> None:
    own = read_audio(clip.path)
    with_own = read_audio(exported(opened, "wav", keep="mix", gains={}))
    assert own is not None
    assert with_own is not None
    n = min(own.samples.shape[1], with_own.samples.shape[1])
    assert np.abs(own.samples[:, :n] - with_own.samples[:, :n]).max() < 1e-3


@pytest.mark.parametrize("moment", range(10))
def test_a_cancel_is_the_last_word_whenever_it_comes(opened: str, files: Path, moment: int) -> None:
    before = (set((files / "takes").glob("*")), len(PROJECTS.find(opened).takes))
    do("compose", opened, replace(QUICK, steps=48))  # not done before it is stopped
    time.sleep(0.05 * moment)
    do("cancel", opened)
    answer = ended(opened)
    assert answer["status"]["words"].startswith("Stopped.")
    time.sleep(0.3)
    assert look({"project": opened})["status"]["words"].startswith("Stopped.")
    after = (set((files / "takes").glob("*")), len(PROJECTS.find(opened).takes))
    assert after == before


def test_a_job_nobody_listens_to_stops(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LONELY", 0.3)
    project = PROJECTS.find(opened)
    do("compose", opened, replace(QUICK, steps=60), count=3)
    end = time.monotonic() + 30
    while project.busy:  # looked at from here, not through `look`
        assert time.monotonic() < end
        time.sleep(0.05)
    assert project.status.words == jobs.STOPPED


def test_who_waits_is_told_the_place(opened: str) -> None:
    with COMPOSING.enter(Visitor("first")), COMPOSING.enter(Visitor("second")):
        do("compose", opened)
        until(opened, "You are next in the line · yours starts in about")
        do("cancel", opened)
    assert ended(opened)["status"]["words"] == jobs.STOPPED


def test_a_full_line_is_tried_again_by_itself(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COMPOSING, "rules", Rules(running=1, waiting=1))
    monkeypatch.setattr(jobs, "RETRY_EVERY", 0.2)
    count = len(PROJECTS.find(opened).takes)
    with COMPOSING.enter(Visitor("somebody else")), COMPOSING.enter(Visitor("who waits")):
        do("compose", opened)
        until(opened, FULL)
        assert turned({"knobs": QUICK.values, "project": opened})["note"].startswith("**calm**"), "light work goes on"
    ended(opened)
    assert len(PROJECTS.find(opened).takes) == count + 1


def until(project: str, words: str) -> None:
    end = time.monotonic() + 30
    while words not in look({"project": project})["status"]["words"]:
        assert time.monotonic() < end, look({"project": project})["status"]
        time.sleep(0.05)


def test_a_fourth_piece_of_one_visitor_is_refused(opened: str) -> None:
    me = Visitor("me", "192.0.2.1")
    with COMPOSING.enter(me), COMPOSING.enter(me), COMPOSING.enter(me):
        do("compose", opened)
        assert "You have 3 pieces running or waiting" in ended(opened)["status"]["words"]


def test_a_second_job_for_a_project_is_refused(opened: str) -> None:
    with COMPOSING.enter(Visitor("first")), COMPOSING.enter(Visitor("second")):
        do("compose", opened)
        with pytest.raises(InputError, match="Something runs for this video already"):
            do("compose", opened)
        do("cancel", opened)
    ended(opened)


def test_a_film_that_no_browser_shows_gets_a_small_copy_once(files: Path, draw: Callable[..., Drawn]) -> None:
    drawn = draw("film.avi", [1.0, 1.0], codec="mpeg4")
    project = do("open", path=upload(drawn, files, "a" * 64), playable=False)
    page = ended(project)
    assert page["film"]["proxy"]
    path = Path(page["film"]["url"].split("file=", 1)[1])
    assert (path.name, probe(path).duration) == ("proxy.mp4", pytest.approx(2.0, abs=0.1))
    do("proxy", project)
    assert not look({"project": project})["busy"]


def test_what_is_no_video_is_said_without_the_servers_folders(files: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "holiday.mp4"
    wrong.write_text("no video at all\n" * 50)
    status = ended(do("open", path=upload(Drawn(wrong, (), (), 1.0), files, "b" * 64)))["status"]
    assert status["kind"] == "bad"
    assert "holiday.mp4" in status["words"]
    assert str(files) not in status["words"]


def test_only_uploads_are_opened(opened: str, files: Path, clip: Drawn) -> None:
    secret = take_of(opened).played.exact["melody"]
    for path in ("/etc/hostname", str(clip.path), str(secret), str(files / ("c" * 64) / ".." / "x"), None, 5):
        with pytest.raises(InputError, match="upload"):
            do("open", path=path)


@pytest.mark.parametrize(
    ("op", "data", "words"),
    [
        ("fly", {}, "no command 'fly'"),
        ("retake", {"take": "A", "first": 0}, "first must be a whole number from 1 to"),
        ("retake", {"take": "A", "first": "x"}, "first must be a whole number"),
        ("retake", {"take": "A", "way": "x"}, "way must be other, sadder"),
        ("compose", {"count": 99}, "count must be a whole number from 1 to 3"),
        ("compose", {"knobs": [1, 2]}, "knobs must be a value for every knob"),
        ("compose", {"keep": "loud"}, "keep must be replace, mix, duck"),
        ("export", {"take": "Z", "kind": "video"}, "This take is no longer here"),
        ("export", {"take": "A", "kind": "exe"}, "no file of kind 'exe'"),
        ("export", {"take": "A", "kind": "wav", "gains": {"melody": 99}}, "gains must lie between -60 and 6 dB"),
        ("export", {"take": "A", "kind": "wav", "gains": [1]}, "gains must be decibels by role"),
        ("example", {"index": "../x"}, "no such example"),
    ],
)
def test_what_strangers_send_is_refused_in_a_sentence(opened: str, op: str, data: Any, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        do(op, opened, **data)


def test_a_project_is_reached_by_its_id_alone(opened: str) -> None:
    assert len(opened) >= 22
    assert "no longer here" in look({"project": "guess"})["error"]
    assert "no longer here" in look({})["error"]
    for op in set(COMMANDS) - {"open", "example"}:
        with pytest.raises(InputError, match="no longer here"):
            do(op, "guess", take="A", path="x", index=0)


def test_the_table_has_an_end(tmp_path: Path) -> None:
    table = Table(most=2)
    projects = [table.add(Project(tmp_path, tmp_path)) for _ in range(3)]
    with pytest.raises(InputError):
        table.find(projects[0].id)
    assert table.find(projects[2].id) is projects[2]


def test_an_example_that_was_scored_has_its_music_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(samples.SAMPLES, 1, samples.make(1, QUICK))
    answer = look({"project": do("example", settings=PageSettings(), index=1)})
    assert not answer["busy"]
    assert [take["letter"] for take in answer["takes"]] == ["A"]
    assert answer["film"]["stills"]
    assert samples.find(1, QUICK) is None, "knobs that were turned want music of their own"
    next(iter(samples.SAMPLES[1].take.played.stems.values())).unlink()
    assert samples.find(1, PageSettings()) is None, "its files went"


def test_a_turned_knob_is_told() -> None:
    settings = PageSettings(moods=("sad",), text="piano, no drums", seed=5)
    answer = turned({"knobs": settings.values})
    assert answer["note"].startswith("**sad** ")
    assert answer["query"] == "moods=sad&text=piano%2C+no+drums&seed=5"
    assert ("drums", "", "no drums") in answer["chips"]
    assert "contradict" in turned({"knobs": PageSettings(moods=("calm", "tense")).values})["error"]
    odd = PageSettings().values
    odd[KNOBS.index("moods")] = 7
    assert "wrong kind" in turned({"knobs": odd})["error"]


def test_a_video_that_is_too_long_is_refused_before_it_is_watched(draw: Callable[..., Drawn]) -> None:
    long = draw("long.mp4", [660.0], size=(32, 18), rate=0.1)
    began: list[str] = []
    with pytest.raises(VideoError, match=re.escape("long.mp4: is 11 minutes long; this page takes up to 10 minutes")):
        work.watch(long.path, lambda f, words: began.append(words))
    assert not began


@pytest.mark.parametrize("at", [0.1, 0.3, 0.5])
def test_stopping_at_any_stage_leaves_nothing(opened: str, files: Path, at: float) -> None:
    before = set((files / "takes").glob("*"))

    def stop(fraction: float, words: str) -> None:
        if fraction >= at:
            raise Cancelled("stopped")

    watched = PROJECTS.find(opened).looked_at()
    with pytest.raises(Cancelled):
        work.make_take(watched, work.Wish(work.plan_music(watched, QUICK), QUICK, 3), stop)
    assert set((files / "takes").glob("*")) <= before


def test_a_full_disk_is_said(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FLOOR", 10**18)
    do("compose", opened)
    assert "the disk of this page is nearly full" in ended(opened)["status"]["words"]


def test_folders_go_after_a_day(files: Path) -> None:
    old, young = storage.make_folder(), storage.make_folder()
    past = time.time() - storage.KEPT - 60
    os.utime(old, (past, past))
    storage.sweep()
    assert not old.exists()
    assert young.exists()
    assert young.stat().st_mode & 0o077 == 0


def test_there_are_examples_and_some_have_cuts() -> None:
    examples = films.examples()
    assert len(examples) >= 3
    assert all(e.poster.ndim == 3 for e in examples)
    assert any("cuts" in e.caption for e in examples)
    packaged = [i for i, e in enumerate(examples) if "cuts" not in e.caption]
    assert all(films.example(i).is_file() for i in packaged)


def test_many_cuts_make_few_pictures(draw: Callable[..., Drawn], tmp_path: Path) -> None:
    from diffbgm.video import analyze

    drawn = draw("many.mp4", [0.5] * 40, size=(64, 36))
    features = analyze(drawn.path)
    slots = films.slots_of(features)
    assert len(slots) <= 2 * films.MOST_PICTURES
    assert slots[0][0] == 0.0
    assert slots[-1][1] == features.duration
    watched = work.with_pictures(Watched(drawn.path, "many", features), tmp_path, lambda *_: None)
    assert len(watched.stills) == len(slots)
    assert sum(s.path.stat().st_size for s in watched.stills) < 400_000
