"""A slice of `python -m tests.bench.films`: as long as players show it, the same pictures, flash and tone together."""

from pathlib import Path

import pytest
from tests.bench.films import KINDS, try_film

SLICE = (
    "H.264 B-frames ts, AC-3",
    "H.264 B-frames avi, MP3",
    "H.264 mp4 in fragments",
    "H.264 B-frames, no edit list",
    "VP9 alpha webm",
    "MPEG-2 mpg",
    "MJPEG odd size",
    "apng",
    "variable rate mkv",
    "turned and mirrored mp4",
    "starts before 0 mp4",
    "pictures 0.2 s late mp4",
    "gap in the sound mp4",
    "gap in the pictures mkv",
    "pictures end early mkv",
    "5.1 mp4",
    "empty tracks mp4",
)


@pytest.mark.parametrize("name", SLICE)
def test_a_film_comes_through(name: str, tmp_path: Path) -> None:
    row = try_film(name, tmp_path)
    assert row.wrong == ()
    assert row.pictures in ("copied", "re-encoded")


def test_there_are_more_than_forty_kinds() -> None:
    assert len(KINDS) > 40
