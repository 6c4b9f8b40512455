"""Fixtures for everybody's tests.

    draw            a function: `draw("name.mp4", (1.5, 2.0), ...)` -> `Drawn` (path, cuts, fades, duration);
                    see `tests.drawing.draw_video` for all it can do. Files lie in the test's own tmp_path.
    clip            a `Drawn` of 4 s, 160x90, 25 pictures a second, cuts at 1.4 and 2.6 s, with sound.
    silent_clip     the same without a sound track.
    set_threads     a function: `set_threads(n)` for torch, undone after the test: sums that are split otherwise are
                    rounded otherwise.
    shared          the folder of shared material beside the repository; skips the test where there is none.

The building blocks (scenes, picture times, rotation, a tone) are in `tests/drawing.py`.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tests.drawing import Drawn, draw_video
from tests.research.datasets.conftest import TRAINING, VALIDATION, write_song

# Files of tests run side by side: in workers and other processes that start from here, torch's threads must not spin
# while they wait for one another.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell that starts the tests in the background has them ignore SIGINT, and with them all processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Drawn]:
    """`draw(name, shots, ...)`: see `draw_video`."""
    return lambda name, *args, **options: draw_video(tmp_path / name, *args, **options)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw_video(tmp_path_factory.mktemp("clip") / "clip.mp4", sound=True)


@pytest.fixture(scope="session")
def silent_clip(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw_video(tmp_path_factory.mktemp("clip") / "silent.mp4")


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def shared() -> Path:
    folder = Path(__file__).resolve().parents[1] / "../shared"
    if not folder.is_dir():
        pytest.skip("needs the shared material beside the repository")
    return folder


@pytest.fixture(scope="session")
def movie(clip: Drawn) -> Path:
    """The path of `clip`."""
    return clip.path


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two made-up songs to train on, and those to validate with."""
    folder = tmp_path_factory.mktemp("songs")
    for seed, song_id in enumerate(TRAINING[:2] + VALIDATION):
        write_song(folder, song_id, seed)
    return folder
