"""The builder on drawn videos in which a song is heard from a known second on.

With POP909 at hand there are twelve, with real songs; without it four, with songs made here.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.research.datasets.films import Film, draw_film, unpack_songs, write_tune

from diffbgm.cli import main
from diffbgm.errors import DataError
from diffbgm.research.datasets import bgm909
from diffbgm.research.datasets.bgm909.build import BuildOptions, build
from diffbgm.research.datasets.bgm909.store import read_arrays, video_path
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.video import analyze

SHARED = Path(__file__).resolve().parents[3] / "../shared/data/POP909.zip"
# Song -> second from which it is heard (0: from its start, after some silence). Pop songs repeat themselves note by
# note; these stretches come once.
REAL = {"001": 0, "004": 60.3, "012": 10.7, "025": 0, "050": 10.3, "100": 0, "150": 0, "232": 30.2, "300": 20.4}
REAL |= {"400": 50.6, "531": 0, "700": 10.9}
MADE = {"001": 0, "002": 7.4, "003": 21.9, "007": 0}  # 007 is a validation song
WRONG, BROKEN, STRANGER = "of 012 (wrong).mp4", "012-broken.mp4", "holiday.mp4"


@dataclass(frozen=True)
class Stage:
    pop909: Path
    videos: Path
    films: list[Film]
    out: Path
    manifest: dict[str, Any]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Films, a video with another song's music, one cut off within its header, one that names no song; built once."""
    folder = tmp_path_factory.mktemp("stage")
    pop909, videos = folder / "POP909", folder / "videos"
    videos.mkdir()
    starts = REAL if SHARED.is_file() else MADE
    songs = list(starts)
    if starts is REAL:
        unpack_songs(SHARED, pop909, songs)
    else:
        for seed, song in enumerate(MADE):
            write_tune(pop909, song, seed)
    films = []
    for i, song in enumerate(songs):
        lead = 0.0 if starts[song] else 1.3 + 0.37 * i
        films.append(draw_film(pop909, song, videos / f"{song} film.mp4", starts[song], lead, 20.0, seed=i))
    wrong = videos / WRONG.replace("012", songs[2])
    shutil.copy(films[0].path, videos / "x")
    (videos / "x").rename(wrong)
    broken = videos / BROKEN.replace("012", songs[2])
    broken.write_bytes(films[1].path.read_bytes()[:2000])
    shutil.copy(films[0].path, videos / STRANGER)
    out = folder / "out"
    manifest = build(pop909, videos, out, options=BuildOptions(processes=1))
    return Stage(pop909, videos, films, out, manifest)


def digest(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def name_of(film: Film) -> str:
    return film.path.name.replace(" ", "_")


def test_every_song_is_found_within_50_ms(stage: Stage) -> None:
    data = bgm909.load(stage.out)
    pairs = {p.video: p for p in (*data.pairs("train"), *data.pairs("validation"))}
    assert set(pairs) == {name_of(film) for film in stage.films}
    for film in stage.films:
        pair = pairs[name_of(film)]
        assert pair.song == film.song
        assert pair.offset == pytest.approx(film.offset, abs=0.05), film
        assert pair.confidence is not None
        assert pair.confidence > 0.25


def test_what_cannot_be_used_is_named_and_leaves_the_others_whole(stage: Stage) -> None:
    why = {left["video"]: left["why"] for left in stage.manifest["left_out"]}
    wrong, broken = (next(v for v in why if part in v) for part in ("wrong", "broken"))
    assert "does not sound like the song" in why[wrong]
    assert "not a video that can be read" in why[broken]
    assert "no song's number" in why[STRANGER]
    assert len(why) == 3
    assert stage.manifest["counts"]["pairs"].get("train", 0) + stage.manifest["counts"]["pairs"].get(
        "validation", 0
    ) == len(stage.films)


def test_songs_and_videos_come_back_as_they_were(stage: Stage) -> None:
    data = bgm909.load(stage.out)
    film = stage.films[1]
    song = next(s for s in read_songs(stage.pop909) if s.id == film.song)
    assert data.song(film.song).song == song
    seen = data.video(name_of(film))
    assert seen.features == analyze(film.path, semantics="colour")
    pair = next(p for p in (*data.pairs("train"), *data.pairs("validation")) if p.song == film.song)
    edges = song.times[::4] + pair.offset
    assert edges[pair.start_bar] >= 0
    assert edges[pair.end_bar] <= seen.features.duration
    assert pair.start_bar == 0 or edges[pair.start_bar - 1] < 0


def test_the_tables_say_what_the_files_say(stage: Stage) -> None:
    data = bgm909.load(stage.out)
    shots = data.table("shots")
    for film in stage.films:
        rows = [row for row in shots if row["video"] == name_of(film)]
        assert [(row["start"], row["end"]) for row in rows] == list(data.video(name_of(film)).features.shots)
        assert all(row["caption"] == "" for row in rows)
    beats = [row["time"] for row in data.table("beats") if row["song"] == stage.films[0].song]
    assert beats == data.song(stage.films[0].song).song.times[:-1].tolist()
    card = (stage.out / "README.md").read_text()
    assert "config_name: pairs" in card
    assert "POP909" in card
    assert not [p for p in stage.out.rglob("*") if p.suffix in (".mp4", ".wav")]
    arrays, _ = read_arrays(video_path(stage.out, name_of(stage.films[0])))
    assert all(f"`{name}`" in card for name in arrays)


def test_the_manifest_holds_the_digest_of_every_file(stage: Stage) -> None:
    from diffbgm.hub.weights import file_sha256

    files = {p.relative_to(stage.out).as_posix(): p for p in stage.out.rglob("*") if p.is_file()}
    del files["manifest.json"]
    assert stage.manifest["files"] == {name: file_sha256(path) for name, path in files.items()}


def test_a_killed_build_goes_on_and_ends_the_same(stage: Stage, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "diffbgm.cli", "dataset", "build", "--pop909", str(stage.pop909)]
    line += ["--videos", str(stage.videos), "-o", str(tmp_path / "out"), "--processes", "2"]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while len(list((tmp_path / "out" / "videos").glob("[!.]*"))) < 2:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < limit
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not psutil.wait_procs(workers, timeout=60)[1], "workers outlive the build"
    assert not (tmp_path / "out" / "manifest.json").exists()
    whole = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "videos").glob("[!.]*")}
    build(stage.pop909, stage.videos, tmp_path / "out", options=BuildOptions(processes=1))
    assert digest(tmp_path / "out") == digest(stage.out)
    assert all(p.stat().st_mtime_ns == at for p, at in whole.items())  # what was finished was not made again


def test_a_table_gives_song_and_offset(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = stage.films[1].song
    table = tmp_path / "pairs.csv"
    table.write_text(f"song,video,offset\n{int(song)},{STRANGER},-3.25\n{stage.films[0].song},none.mp4,\n")
    line = ["dataset", "build", "--pop909", str(stage.pop909), "--videos", str(stage.videos), "--pairs", str(table)]
    assert main([*line, "-o", str(tmp_path / "out"), "--processes", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 pairs" in said
    assert "none.mp4: there is no such file" in said
    data = bgm909.load(tmp_path / "out")
    (pair,) = (*data.pairs("train"), *data.pairs("validation"))
    assert (pair.song, pair.video, pair.offset, pair.confidence) == (song, STRANGER, -3.25, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("song,video\n999,a.mp4\n", "no song '999'"),
        ("song,film\n001,a.mp4\n", "no column is called 'film'"),
        ("song,video,offset\n001,a.mp4,soon\n", "must be seconds"),
        ("song,video\n001,a.mp4\n001,a.mp4\n", "two pairs"),
    ],
)
def test_tables_that_make_no_sense_are_refused(stage: Stage, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        build(stage.pop909, stage.videos, tmp_path / "out", pairs=tmp_path / "pairs.csv")


def test_no_pair_at_all_is_an_error(stage: Stage, tmp_path: Path) -> None:
    shutil.copy(stage.videos / STRANGER, tmp_path / STRANGER)
    with pytest.raises(DataError, match="not one pair"):
        build(stage.pop909, tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match="no BGM909"):
        bgm909.load(tmp_path / "out")


def test_other_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(DataError, match="format 99"):
        bgm909.load(tmp_path)
