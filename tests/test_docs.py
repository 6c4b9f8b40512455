"""What the READMEs tell people to type is run: every Python block, and every `diffbgm` command of the shell blocks.

The weights are tiny and the videos drawn. Commands that only a launcher or a data set makes sense of are parsed, so
that their options exist; a line that is neither run nor parsed nor known to be somebody else's fails the test.
"""

import contextlib
import csv
import io
import re
import shlex
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from tests.drawing import draw_video
from tests.hub_server import TOKEN, Hub
from tests.networks import playing_network
from tests.research.datasets.films import write_tune

from diffbgm import hub
from diffbgm.cli import main, make_parser
from diffbgm.media import write_audio
from diffbgm.midi import write_midi
from diffbgm.research.datasets.bgm909.build import BuildOptions, build
from diffbgm.types import Audio, Note, Score, TempoMap, Track

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PARSED = ("train", "average", "evaluate", "director", "dataset")  # need a data set, and time
ALONE = BuildOptions(processes=1)
OTHERS = ("python3 -m venv", ".venv/bin/python", "pip install", "apt install")


def blocks(file: str) -> list[tuple[str, str]]:
    """(language, text) of every fenced block."""
    return BLOCK.findall((ROOT / file).read_text(encoding="utf-8"))


def click_track(seconds: float, rate: int = 22050) -> Audio:
    """120 beats per minute."""
    time = np.arange(int(seconds * rate)) / rate
    click = (0.5 * np.sin(2 * np.pi * 440 * time) * np.exp(-20 * (time % 0.5))).astype(np.float32)
    return Audio(np.stack([click, click]), rate)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with the files the READMEs speak of, tiny weights, and a Hub that has owner/weights."""
    draw_video(tmp_path / "clip.mp4", (1.4, 1.2, 1.4), sound=True)
    draw_video(tmp_path / "recut.mp4", (1.2, 1.2, 1.4))
    draw_video(tmp_path / "film.mp4", (7.0, 7.0, 8.0))
    (tmp_path / "film.srt").write_text("1\n00:00:02,000 --> 00:00:05,000\nOnce upon a time\n")
    write_audio(click_track(20.0), tmp_path / "song.mp3")
    notes = tuple(Note(beat, beat + 1, pitch, 80) for beat, pitch in enumerate((67, 64, 60, 62)))
    write_midi(Score((Track("melody", 0, notes),), TempoMap.steady(120, 4)), tmp_path / "tune.mid")
    (tmp_path / "videos.csv").write_text("video,style,seed\nclip.mp4,calm,1\n")
    model = playing_network()
    weights = hub.save_weights(model, tmp_path / "my-weights")
    write_tune(tmp_path / "POP909", "001", 0, bars=4, bpm=240)
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "001.mp4").symlink_to(tmp_path / "clip.mp4")
    (tmp_path / "pairs.csv").write_text("song,video,offset\n001,001.mp4,-0.2\n")
    build(tmp_path / "POP909", tmp_path / "films", tmp_path / "bgm909", pairs=tmp_path / "pairs.csv", options=ALONE)
    for name in ("app.py", "space", "sdk", "LICENSE"):  # push-space asks for a checkout
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFBGM_SOUNDFONT", str(resources.files("pretty_midi") / "TimGM6mb.sf2"))  # quick to load
    monkeypatch.setattr("diffbgm.hub.bundled_folder", lambda: weights)
    with Hub() as remote:
        remote.commit("owner/weights", {name: (weights / name).read_bytes() for name in (hub.CONFIG, hub.WEIGHTS)})
        monkeypatch.setattr(constants, "ENDPOINT", remote.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", remote.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield tmp_path


@pytest.mark.parametrize("file", ["README.md", "sdk/README.md"])
def test_what_the_readme_says_works(file: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": file}
    ran = 0
    for language, text in blocks(file):
        if language == "csv":
            (desk / "clips.csv").write_text(text)
            assert all((desk / row["video"]).is_file() for row in csv.DictReader(io.StringIO(text)))
        elif language == "python":
            exec(compile(text, file, "exec"), names)
            ran += 1
        elif language == "sh":
            ran += sum(run_line(line) for line in text.splitlines())
        else:
            pytest.fail(f"{file}: nobody runs blocks of {language}")
    assert ran > 5
    capsys.readouterr()


def run_line(line: str) -> bool:
    """Runs one line of a shell block, or parses it; whether it was run."""
    words = shlex.split(line, comments=True)
    if not words or line.startswith(OTHERS):
        return False
    target = words[words.index(">") + 1] if ">" in words else None
    words = words[: words.index(">")] if target else words
    assert words[0] == "diffbgm", f"neither run nor known: {line}"
    if words[1] in PARSED or "--ray" in words:
        make_parser().parse_args(words[1:])
        return False
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            code = main(words[1:])
        except SystemExit as stopped:  # --help
            code = stopped.code
    assert code == 0, line
    if target:
        Path(target).write_text(printed.getvalue())
    return True
