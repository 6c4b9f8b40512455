"""Recordings of others as a baseline: which are taken, how long and how loud."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.networks import playing_network

from diffbgm.cli import main
from diffbgm.errors import DataError
from diffbgm.hub import save_weights
from diffbgm.media import write_audio
from diffbgm.render import measure_loudness
from diffbgm.research.evaluation.recordings import LOUDNESS, read_recordings
from diffbgm.research.metrics.sound import character
from diffbgm.types import Audio

RATE = 48_000


def noise(seconds: float, level: float, seed: int = 0) -> Audio:
    samples = level * np.random.default_rng(seed).normal(size=(2, round(seconds * RATE)))
    return Audio(np.clip(samples, -1, 1).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings that are long enough, one that is short, one that is silent, and one that is damaged."""
    folder = tmp_path_factory.mktemp("music") / "free"
    (folder / "deeper").mkdir(parents=True)
    for number, level in enumerate((0.01, 0.05, 0.2)):
        write_audio(noise(34.0, level, number), folder / "deeper" / f"{number}.flac")
    write_audio(noise(10.0, 0.1), folder / "short.wav")
    write_audio(noise(34.0, 0.0), folder / "silent.wav")
    (folder / "damaged.mp3").write_bytes(b"no music")
    (folder / "notes.txt").write_text("no music either")
    return folder


def test_excerpts_are_as_long_and_as_loud_as_asked(folder: Path) -> None:
    found = list(read_recordings([folder], n=9, seconds=30.0))
    assert [r.group for r in found] == ["free"] * 3
    for recording in found:
        assert recording.sound.duration == 30.0
        assert measure_loudness(recording.sound.samples, RATE) == pytest.approx(LOUDNESS, abs=0.05)
    assert len(list(read_recordings([folder], n=2, seconds=30.0))) == 2
    with pytest.raises(DataError, match="no sound file of 60 s or more"):
        list(read_recordings([folder], n=2, seconds=60.0))


def test_the_sound_of_recordings_stands_beside_ours(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = save_weights(playing_network(-1.0, 0.3), tmp_path / "weights")
    line = ["evaluate", "sound", "--weights", str(weights), "--n", "1", "--palettes", "1", "--steps", "1", "--json"]
    assert main([*line, "--beside", str(folder)]) == 0
    *_, last = json.loads(capsys.readouterr().out)["tables"][1]["rows"]
    assert last[:4] == ["any", "recordings: free", 1, None]
    (only,) = read_recordings([folder], n=1, seconds=30.0)
    assert last[4] == pytest.approx(character(only.sound).bright)
