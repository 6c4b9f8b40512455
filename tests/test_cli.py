import json
import subprocess
import sys
from pathlib import Path

import av
import pytest

from diffbgm.cli import main
from diffbgm.codec import from_json
from diffbgm.types import MusicPlan, VideoFeatures


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "diffbgm.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; from diffbgm.cli import make_parser; make_parser().format_help();"
        "print([m for m in ('torch', 'gradio', 'transformers', 'scenedetect', 'numpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert run("--help").returncode == 0


def test_scoring_writes_video_midi_and_receipt(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.mp4"
    done = run("score", movie, "-o", out, "--seed", 1, "--steps", 2, "--json", "--stems", "--format", "mp3", "--plot")
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt == json.loads((tmp_path / "scored.receipt.json").read_text())
    names = {p.name for p in tmp_path.iterdir()}
    assert {"scored.mp4", "scored.mid", "scored.receipt.json", "scored.mp3", "scored.png", "scored.melody.wav"} <= names


def test_analysis_and_plan_are_json_that_reads_back(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(movie)]) == 0
    from_json(VideoFeatures, capsys.readouterr().out)
    assert main(["plan", str(movie), "--style", "calm", "--plot", str(tmp_path / "p.png")]) == 0
    plan = from_json(MusicPlan, capsys.readouterr().out)
    assert plan.style == ("calm",)
    assert (tmp_path / "p.png").stat().st_size > 1000


LATE = (
    *("torch", "accelerate", "safetensors", "cv2", "scenedetect", "scipy", "mido", "pretty_midi", "pyloudnorm"),
    *("matplotlib", "transformers", "huggingface_hub", "httpx2", "PIL", "opentimelineio", "pyarrow", "sklearn"),
)


def test_nothing_heavy_is_loaded_before_pictures_are_decoded(movie: Path, tmp_path: Path) -> None:
    code = f"""
import os, sys
from diffbgm import cli, media

def frames(*_, **__):
    print([m for m in {LATE!r} if m in sys.modules], flush=True)
    os._exit(0)

media.frames = frames
cli.main(["score", {str(movie)!r}, "-o", {str(tmp_path / "scored.mp4")!r}])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_analysis_and_plan_run_without_torch(movie: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"from diffbgm import analyze, make_plan; make_plan(analyze({str(movie)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def broken_inputs(folder: Path, movie: Path, sound: Path) -> dict[str, Path]:
    files = {"missing": folder / "missing.mp4", "empty": folder / "empty.mp4", "text": folder / "text.mp4"}
    files["truncated"] = folder / "truncated.mp4"
    files["folder"] = folder
    files["sound"] = sound
    files["empty"].touch()
    files["text"].write_text("this is no video\n" * 100)
    files["truncated"].write_bytes(movie.read_bytes()[:2000])
    return files


def test_files_that_are_no_videos_are_refused_in_one_line(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    from diffbgm.media import write_audio
    from diffbgm.types import Audio

    sound = tmp_path / "sound.wav"
    write_audio(Audio(np.zeros((1, 4800), np.float32), 48000), sound)
    before = sorted(tmp_path.iterdir())
    files = broken_inputs(tmp_path, movie, sound)
    for kind, file in files.items():
        assert main(["score", str(file), "-o", str(tmp_path / "out.mp4")]) == 2, kind
        error = capsys.readouterr().err
        assert len(error.strip().splitlines()) == 1, kind
        assert error.startswith("diffbgm: "), kind
    left = set(tmp_path.iterdir()) - set(before) - set(files.values())
    assert not left


def test_targets_and_tags_are_checked_before_the_work(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        (["-o", str(tmp_path / "no" / "out.mp4")], "folder"),
        (["-o", str(tmp_path / "out.gif")], ".mp4"),
        (["-o", str(movie)], "itself"),
        (["-o", str(tmp_path / "out.mp4"), "--style", "clam"], "calm"),
        (["-o", str(tmp_path / "out.mp4"), "--plan", str(tmp_path / "none.json")], "none.json"),
    ):
        assert main(["score", str(movie), *arguments]) == 2
        assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_bad_usage_exits_with_two() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["score"])
    assert stopped.value.code == 2


def test_the_demo_refuses_a_style_before_its_film_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("diffbgm.video.demo.draw_demo", lambda path: pytest.fail("drawn"))
    assert main(["demo", "--style", "nonsense", "-o", str(tmp_path)]) == 2
    assert "unknown style tag 'nonsense'" in capsys.readouterr().err


def test_the_demo_meets_the_cuts_of_its_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-o", str(tmp_path), "--steps", "4", "--seed", "1"]) == 0
    assert "100% of 7 cuts on beats" in capsys.readouterr().out
    receipt = json.loads((tmp_path / "diffbgm-demo-scored.receipt.json").read_text())
    assert receipt["cut_hit_rate"] == 1
    with av.open(str(tmp_path / "diffbgm-demo-scored.mp4")) as film:
        assert float(film.duration or 0) / 1e6 == pytest.approx(20, abs=0.05)
        assert film.streams.audio
