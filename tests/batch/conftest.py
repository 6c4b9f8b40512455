"""Fixtures for the tests of batches: a tiny network, a folder of short clips, and the batch of them done in one go."""

from pathlib import Path

import pytest
from tests.batch.running import SMALL, run_cli, write_csv
from tests.drawing import draw_video
from tests.networks import playing_network

from diffbgm import hub

CLIPS = 4


@pytest.fixture(autouse=True)
def small_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFBGM_SOUNDFONT", SMALL)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = playing_network()
    return hub.save_weights(model, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with short clips and clips.csv over them."""
    folder = tmp_path_factory.mktemp("films")
    for i in range(CLIPS):
        draw_video(folder / f"{i}.mp4", (0.8 + 0.2 * i, 1.0))
    write_csv(folder / "clips.csv", [{"video": f"{i}.mp4", "style": "calm", "steps": 2} for i in range(CLIPS)])
    return folder


@pytest.fixture(scope="session")
def undisturbed(films: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch done by one process in one go."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert run_cli(films / "clips.csv", out, weights).returncode == 0
    return out
