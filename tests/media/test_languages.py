"""The languages of tracks come back equal from every container to every other."""

import struct
from pathlib import Path
from typing import Any

import av
import pytest
from tests.media.film import MILLISECONDS, beep, film, packet

from diffbgm import media

# Some that the Macintosh has a number for, some that it has none for; German and Icelandic by both names of ISO 639-2.
NAMES = ("eng", "ger", "deu", "isl", "ice", "jpn", "gsw", "swa", "mul", "und")
MACINTOSH = {0: "eng", 2: "ger", 11: "jpn", 15: "ice"}


def languages(path: Path) -> list[str | None]:
    """Of the pictures, and of the sound and the subtitles behind the scored sound."""
    with av.open(str(path)) as container:
        tags = [
            s.metadata.get("language", "und") for s in container.streams if s.type in ("video", "audio", "subtitle")
        ]
        return [tags[0], *tags[2:]]


def draw(path: Path, name: str, codec: str) -> Path:
    """A film whose pictures, second sound track and subtitles are in one language."""

    def words(out: Any) -> list[Any]:
        text = out.add_mux_stream("subrip" if path.suffix == ".mkv" else "mov_text", time_base=MILLISECONDS)
        text.metadata["language"] = name
        line = b"Hello" if path.suffix == ".mkv" else struct.pack(">H", 5) + b"Hello"
        return [packet(text, line, 0.0, 0.1)]

    sounds = ({}, {"codec": codec, "tags": {"language": name}, "default": False})
    tags = {"language": name}
    return film(path, sounds=sounds, picture_tags=tags, more=words, times=[0.0, 0.04], size=(64, 32))


def write_codes(path: Path, code: int) -> Path:
    """Writes a number into the language field of every track of an MP4 or MOV."""
    data, at = bytearray(path.read_bytes()), 0
    while (at := data.find(b"mdhd", at + 1)) > 0:
        struct.pack_into(">H", data, at + 24, code)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", [".mp4", ".mkv"])
def test_languages_of_iso_639(tmp_path: Path, source: str, name: str):
    made = draw(tmp_path / f"film{source}", name, "aac")
    assert languages(made) == 3 * [name]
    for suffix in (".mp4", ".mov", ".mkv"):
        media.mux(made, beep(0.1), tmp_path / f"out{suffix}")
        assert languages(tmp_path / f"out{suffix}") == 3 * [name]


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])  # the second needs FFmpeg's QuickTime muxer
@pytest.mark.parametrize("name", NAMES)
def test_languages_of_quicktime_in_three_letters(tmp_path: Path, name: str, codec: str):
    letters = [ord(letter) - 0x60 for letter in name]
    made = write_codes(draw(tmp_path / "film.mov", name, codec), letters[0] << 10 | letters[1] << 5 | letters[2])
    assert languages(made) == 3 * [name]
    media.mux(made, beep(0.1), tmp_path / "out.mov")
    assert languages(tmp_path / "out.mov") == 3 * [name]


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize("code", list(MACINTOSH))
def test_languages_of_quicktime_by_number(tmp_path: Path, code: int, codec: str):
    made = write_codes(draw(tmp_path / "film.mov", "eng", codec), code)
    assert languages(made) == 3 * [MACINTOSH[code]]
    media.mux(made, beep(0.1), tmp_path / "out.mov")
    assert languages(tmp_path / "out.mov") == 3 * [MACINTOSH[code]]


def test_a_track_without_packets_moves_no_language(tmp_path: Path):
    """FFmpeg leaves it out, but keeps its number free."""

    def empty(out: Any) -> list[Any]:
        silent = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        silent.metadata["language"], silent.disposition = "swa", 0
        return []

    sounds = ({}, {"codec": "pcm_s16le", "tags": {"language": "gsw"}, "default": False})
    made = film(tmp_path / "film.mkv", sounds=sounds, more=empty, times=[0.0, 0.04])
    media.mux(made, beep(0.1), tmp_path / "out.mov")
    assert languages(tmp_path / "out.mov") == ["und", "gsw"]


@pytest.mark.parametrize("name", ["e g", "a-b", "e$g", "e1g"])
def test_what_is_no_language_is_left_out(tmp_path: Path, name: str):
    """A flipped bit made a letter a space, which has no five bits in a QuickTime file."""
    made = draw(tmp_path / "film.mkv", name, "aac")
    for suffix in (".mp4", ".mov"):
        media.mux(made, beep(0.1), tmp_path / f"out{suffix}")
        assert languages(tmp_path / f"out{suffix}") == 3 * ["und"]
