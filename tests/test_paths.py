"""No path that is read is ever written, nobody else's file is replaced, and every name that a disk can hold works."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from diffbgm.cli import main
from diffbgm.errors import InputError, OutputError
from diffbgm.files import TEMPORARY, write_text
from diffbgm.media import probe
from diffbgm.midi import read_midi
from diffbgm.paths import check_targets, companion, is_ours, local_path, output_path

FAST = ("--steps", "4", "--semantics", "colour", "--seed", "1")


@pytest.fixture
def desk(tmp_path: Path, movie: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with `clip.mp4` in it; nothing half-written may stay there."""
    shutil.copyfile(movie, tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(TEMPORARY)]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The line that a command refuses its arguments with, exit code 2."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        code = stopped.code
    error = capsys.readouterr().err
    assert code == 2, error
    assert error.startswith("diffbgm: ")
    assert len(error.splitlines()) == 1, error
    return error


def scored(*arguments: object) -> None:
    assert main(["score", *map(str, arguments), *FAST]) == 0


# --- what people write ---------------------------------------------------------------------------------------------


def test_a_video_whose_name_is_no_unicode_is_scored_with_all_its_files(desk: Path) -> None:
    (desk / "clip.mp4").rename(desk / "caf\udce9.mp4")
    scored("caf\udce9.mp4", "--musicxml", "--keep-audio", "mix")
    assert probe(desk / "caf\udce9-scored.mp4").shown_duration > 0
    with av.open(str(desk / "caf\udce9-scored.mp4")) as film:
        assert film.metadata["title"] == "caf?"
    assert "<work-title>caf?</work-title>" in (desk / "caf\udce9-scored.musicxml").read_text(encoding="utf-8")


def test_a_local_file_is_a_local_file(desk: Path) -> None:
    names = {
        "clip.mp4": "clip.mp4",
        "Talk: part 1.mp4": "Talk: part 1.mp4",
        "file:clip.mp4": "clip.mp4",
        "file:///a/b%20c%C3%A9.mp4": "/a/b cé.mp4",
        "file://localhost/a/%25.mp4": "/a/%.mp4",
        "FILE:/a/caf%E9.mp4": "/a/caf\udce9.mp4",
        "100%20.mp4": "100%20.mp4",
        "C:\\x.mp4": "C:\\x.mp4",
    }
    for text, path in names.items():
        assert local_path(text) == Path(path), text
    (desk / "file:clip.mp4").touch()
    assert local_path("file:clip.mp4") == Path("file:clip.mp4")  # what has this very name comes first
    for text, words in (("https://a.org/x.mp4", "download it first"), ("file://nas/x.mp4", "machine nas")):
        with pytest.raises(InputError, match=words):
            local_path(text)


def test_a_folder_as_the_target_gets_a_file_of_the_videos_name(desk: Path) -> None:
    (desk / "res").mkdir()
    for text in ("res", "res/", f"{desk}/res"):
        assert output_path(text, Path("a/clip.webm"), ".mp4") == Path(text) / "clip-scored.mp4"
    assert output_path(None, Path("a/clip.webm"), ".mkv") == Path("a/clip-scored.mkv")
    assert output_path("new/", Path("clip.mp4"), ".mp4") == Path("new/clip-scored.mp4")
    assert output_path("new", Path("clip.mp4"), ".mp4") == Path("new")


def test_scoring_into_a_folder_through_a_link_and_from_a_url(desk: Path) -> None:
    (desk / "res").mkdir()
    (desk / "disk").mkdir()
    (desk / "disk" / "real.mp4").touch()
    (desk / "link.mp4").symlink_to("disk/real.mp4")
    scored(f"file://{desk}/clip.mp4", "-o", "res/")
    assert {path.name for path in (desk / "res").iterdir()} == {
        "clip-scored.mp4", "clip-scored.mid", "clip-scored.receipt.json",
    }  # fmt: skip
    scored("clip.mp4", "-o", "link.mp4")
    assert (desk / "link.mp4").is_symlink()
    assert probe(desk / "disk" / "real.mp4").duration == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize(
    "name",
    ["Talk: x", "50%d off\n100%", "caf\udce9", "a" * 243, "🎬" * 60],
    ids=["colon", "percent", "bytes", "long", "emoji"],
)
def test_names_that_a_disk_can_hold_work_for_every_file(desk: Path, name: str) -> None:
    scored("clip.mp4", "-o", f"{name}.mp4", "--plot")
    video = desk / f"{name}.mp4"
    receipt = companion(video, ".receipt.json")
    assert probe(video).duration == pytest.approx(4.0, abs=0.05)
    assert read_midi(companion(video, ".mid")).tracks
    told = json.loads(receipt.read_text(encoding="utf-8"))
    assert set(told["files"]) == {video.name, companion(video, ".mid").name, companion(video, ".png").name}
    assert all(is_ours(path, receipt) for path in (video, receipt, *map(desk.joinpath, told["files"])))


def test_names_that_are_too_long_are_refused_in_a_line(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.rename("clip.mp4", "y" * 246 + ".mp4")
    error = refused(capsys, "score", "y" * 246 + ".mp4")
    assert "257 bytes" in error
    assert "give a shorter one with -o" in error
    assert len(error) < 200
    assert companion(Path("é" * 125 + ".mp4"), ".receipt.json").name == "é" * 121 + ".receipt.json"


def test_a_dash_in_front_is_hinted_at(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.rename("clip.mp4", "-clip.mp4")
    for arguments in (["--", "-clip.mp4", "--steps", "2"], ["-clip.mp4"]):
        assert "is written ./-clip.mp4" in refused(capsys, "score", *arguments)
    assert main(["plan", "./-clip.mp4", "--semantics", "colour"]) == 0


# --- what is never written -----------------------------------------------------------------------------------------


def test_what_is_read_is_never_written(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (desk / "clip.mp4").read_bytes()
    (desk / "link.mp4").symlink_to("clip.mp4")
    (desk / "hard.mp4").hardlink_to("clip.mp4")
    (desk / "out.mid").symlink_to("clip.mp4")
    (desk / "out.png").symlink_to("clip.mp4")
    for arguments in (
        ["score", "clip.mp4", "-o", "clip.mp4"],
        ["score", "clip.mp4", "-o", "link.mp4"],
        ["score", "link.mp4", "-o", "hard.mp4"],
        ["score", "clip.mp4", "-o", "./res/../clip.mp4"],
        ["score", "clip.mp4", "-o", "out.mp4"],
        ["plan", "clip.mp4", "--plot", "out.png"],
    ):
        (desk / "res").mkdir(exist_ok=True)
        assert "what is read is never written" in refused(capsys, *arguments, "--overwrite")
    assert ".png" in refused(capsys, "plan", "clip.mp4", "--plot", "clip.mp4")
    assert (desk / "clip.mp4").read_bytes() == before
    plan = desk / "new.receipt.json"  # a plan under the name of the receipt
    plan.write_text("{}")
    assert "never written" in refused(capsys, "score", "clip.mp4", "-o", "new.mp4", "--plan", plan, "--overwrite")
    assert plan.read_text() == "{}"


def test_files_of_other_people_are_only_replaced_when_asked(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "film.mid").write_text("the user's own")
    assert "film.mid: is there already" in refused(capsys, "score", "clip.mp4", "-o", "film.mp4")
    assert not (desk / "film.mp4").exists()
    (desk / "film.mid").unlink()
    scored("clip.mp4", "-o", "film.mp4")
    scored("clip.mp4", "-o", "film.mp4")  # what an earlier run wrote is its own
    (desk / "film.wav").write_text("the user's own")
    assert "film.wav: is there" in refused(capsys, "score", "clip.mp4", "-o", "film.mp4", "--format", "wav")
    assert "film.melody.wav" not in os.listdir(desk)
    with open(desk / "film.mid", "ab") as midi:  # edited since
        midi.write(b"\0")
    edited = (desk / "film.mid").read_bytes()
    assert "film.mid: is there already" in refused(capsys, "score", "clip.mp4", "-o", "film.mp4")
    assert (desk / "film.mid").read_bytes() == edited
    scored("clip.mp4", "-o", "film.mp4", "--format", "wav", "--overwrite")
    assert read_midi(desk / "film.mid").tracks
    assert (desk / "film.wav").stat().st_size > 100_000


def test_a_picture_is_replaced_where_we_drew_it(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "theirs.png").write_bytes(b"\x89PNG\r\n\x1a\n a holiday picture")
    assert "theirs.png: is there already" in refused(capsys, "plan", "clip.mp4", "--plot", "theirs.png")
    for _ in range(2):
        assert main(["plan", "clip.mp4", "--semantics", "colour", "--plot", "ours.png"]) == 0
    assert is_ours(desk / "ours.png", None)
    assert not is_ours(desk / "theirs.png", None)


def test_targets_are_checked_by_kind(desk: Path) -> None:
    (desk / "folder.mid").mkdir()
    os.mkfifo(desk / "pipe.mid")
    (desk / "a.mp4").symlink_to("b.mp4")
    cases: dict[str, list[Path]] = {
        "is a folder": [desk / "folder.mid"],
        "no ordinary file": [desk / "pipe.mid"],
        "does not exist; create it": [desk / "none" / "x.mid"],
        "which is written too": [desk / "a.mp4", desk / "b.mp4"],
        "300 bytes": [desk / ("x" * 300)],
        "zero byte": [desk / "a\0b.mid"],
    }
    for words, outputs in cases.items():
        with pytest.raises(OutputError, match=words):
            check_targets([desk / "clip.mp4"], outputs)
    with pytest.raises(OutputError, match=r"takes about 1,000,000,000 MB, and the disk has [\d,]+ MB left"):
        check_targets([], [desk / "x.mp4"], room=10**15)
    check_targets([desk / "clip.mp4"], [desk / "x.mp4"], room=1)


def test_text_that_is_no_unicode_leaves_nothing_behind(desk: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(desk / "x.txt", "caf\udce9")
    assert {path.name for path in desk.iterdir()} == {"clip.mp4"}


# --- printing ------------------------------------------------------------------------------------------------------


def run(command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A shell line with `diffbgm` in it."""
    line = command.replace("diffbgm", f"{sys.executable} -m diffbgm.cli")
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_output_that_cannot_be_printed_is_a_line_at_most(desk: Path) -> None:
    full = run("diffbgm styles > /dev/full")
    assert (full.returncode, full.stderr) == (2, "diffbgm: standard output: No space left on device\n")
    closed = run("diffbgm styles | head -1; echo ${PIPESTATUS[0]}")
    assert closed.stderr == ""
    assert closed.stdout.startswith("calm")
    assert run("diffbgm analyze none.mp4 2>&-; echo $?").stdout == "2\n"
    assert run("diffbgm analyze none.mp4 2>/dev/full; echo $?").stdout == "2\n"
    assert run("diffbgm styles >&-").returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_letters_that_the_terminal_lacks_are_printed_with_escapes(
    desk: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding=encoding, errors="strict"))
    scored("clip.mp4", "-o", "caf\udce9 é.mp4")
    accent = b"\\xe9" if encoding == "ascii" else "é".encode()
    assert printed.getvalue().splitlines()[1] == b"caf\\udce9 " + accent + b".mp4"
