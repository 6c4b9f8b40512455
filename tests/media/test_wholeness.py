"""Files of which a part is missing are taken as far as they go, and that is said."""

from pathlib import Path

import pytest
from tests.media.takes import draw_take

from diffbgm import media
from diffbgm.media.wholeness import missing_share


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.avi", "a.ts", "a.flv"])
def test_of_a_whole_file_nothing_is_missing(tmp_path: Path, name: str):
    path = draw_take(tmp_path / name)
    assert missing_share(path) == 0
    assert media.probe(path).notes == ()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_what_is_missing_is_said(tmp_path: Path, name: str):
    sound = {"codec": "libmp3lame" if name.endswith("avi") else "aac"}
    whole = draw_take(
        tmp_path / f"whole-{name}", sounds=(sound,), container={"movflags": "faststart"} if name == "a.mp4" else None
    )
    path = tmp_path / name
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    assert missing_share(path) == pytest.approx(0.4, abs=0.01)
    info = media.probe(path)
    assert any("the last 40% of the file are missing" in note for note in info.notes)
    assert 0.2 < info.duration < 1.6


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffAVI ",
        b"\x1aE\xdf\xa3",
        b"\x1aE\xdf\xa3\x00",
        b"\x1aE\xdf\xa3\x81\x00\x18S\x80g\x01\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x08ftyp\0\0\0\0",
        b"\0\0\0\x08ftyp\0\0\0\x01mdat",
        b"\0\0\0\0ftyp" + b"\0" * 40,
        b"\0\0\0\x08ftyp" + b"\xff" * 40,
        b"anything else",
    ],
)
def test_what_tells_of_no_more_is_whole(tmp_path: Path, data: bytes):
    (tmp_path / "a").write_bytes(data)
    assert missing_share(tmp_path / "a") == 0
