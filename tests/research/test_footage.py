"""What is said of music videos' pictures: affect that spreads, and levels inside a video, on made-up ones."""

import numpy as np
import pytest

from diffbgm.planner.director import Footage
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.research.datasets.stretches import SPAN, cut_stretches
from diffbgm.research.evaluation.footage import correlation_interval, inside_table, moving_affect, spread_table


def made_up(n: int, told: float, seed: int = 0) -> list[MusicVideo]:
    """Videos of eight stretches whose loudness follows their motion by `told`, and whose density follows nothing; the
    level of a whole video is another matter."""
    rng = np.random.default_rng(seed)
    videos = []
    for i in range(n):
        motion = np.repeat(rng.uniform(0.1, 0.9, 8), SPAN)
        loudness = rng.normal(5, 3) + told * motion + np.repeat(rng.normal(0, 0.3, 8), SPAN)
        density = np.repeat(rng.normal(0, 1, 8), SPAN)
        footage = Footage(motion, np.arange(8 * SPAN) % 5, rng.dirichlet(np.ones(6), 8 * SPAN))
        videos.append(MusicVideo(f"{i}", footage, density, loudness, False, np.zeros(len(density), int)))
    return videos


def test_what_follows_the_pictures_inside_a_video_is_found():
    rows = {(row[0], row[1]): row for row in inside_table(made_up(60, 2.0), 0).rows}
    assert rows["motion", "loudness"][2] > 0.7
    assert abs(rows["motion", "density"][2]) < 0.2
    low, high = map(float, rows["motion", "loudness"][3].split(" to "))
    assert low < rows["motion", "loudness"][2] < high


def test_stretches_are_centred_and_leave_out_the_ends():
    found = cut_stretches(made_up(3, 1.0))
    assert found.inputs.shape == (3 * 6, 3)
    for number in range(3):
        assert found.levels[found.owner == number].mean(0) == pytest.approx(0, abs=1e-9)
        assert found.inputs[found.owner == number].mean(0) == pytest.approx(0, abs=1e-9)
    assert cut_stretches(()).inputs.shape == (0, 3)


def test_the_interval_holds_what_is_known():
    rng = np.random.default_rng(1)
    owner = np.repeat(np.arange(100), 6)
    x = rng.normal(size=600)
    y = x + rng.normal(size=600)
    low, high = correlation_interval(x, y, owner, 0)
    assert low < np.corrcoef(x, y)[0, 1] < high
    assert 0.05 < high - low < 0.15  # four times the standard error (1 - r^2) / sqrt(n)


def test_affect_of_motion_and_cuts_alone():
    (video,) = made_up(1, 0.0)
    still = Footage(video.footage.motion, np.zeros(8 * SPAN))
    quick = MusicVideo("q", still, video.density, video.loudness, False, video.chord)
    assert (moving_affect(video)[:, 0] == 0).all()
    assert (moving_affect(quick)[:, 1] > moving_affect(video)[:, 1]).all()


def test_spread_table():
    from diffbgm.research.evaluation.semantics import drawn_video

    table = spread_table(made_up(5, 1.0), {"a.mp4": drawn_video(0, 0)})
    assert [(row[0].split(",")[0], row[1]) for row in table.rows] == [
        ("MuVi-Sync", "valence"),
        ("MuVi-Sync", "arousal"),
        ("MuVi-Sync", "arousal"),
        ("a.mp4", "valence"),
        ("a.mp4", "arousal"),
    ]
    for row in table.rows:
        assert list(row[3:]) == sorted(row[3:])
    assert "n = 5 music videos" in table.note
    assert "no music videos" in spread_table((), {"a.mp4": drawn_video(0, 0)}).note
