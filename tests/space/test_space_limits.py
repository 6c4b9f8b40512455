"""What the page takes: refused from the header, each in one sentence with the figure and the limit."""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from space.limits import PAGE, Header, check, check_work, read_header, shown_name
from tests.drawing import Drawn

from diffbgm import media
from diffbgm.errors import VideoError
from space import child


def test_a_header_is_read_without_decoding(clip: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(media, "frames", decode)
    header = read_header(clip.path)
    assert isinstance(header, Header)
    assert (header.width, header.height) == (160, 90)
    assert header.seconds == pytest.approx(4.0, abs=0.1)
    assert header.sound_seconds == pytest.approx(4.0, abs=0.1)


def test_large_pictures_are_refused_before_the_file_is_walked(clip: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("space.limits.probe", lambda *_, **__: pytest.fail("the file was walked"))
    with pytest.raises(VideoError, match=r"clip\.mp4: 160 x 90 pixels; this page takes up to 8192 x 4320\. Export"):
        check(clip.path, replace(PAGE, pixels=160 * 90 - 1))


def test_many_pictures_are_refused_before_they_are_watched(clip: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "analyze", lambda *_, **__: pytest.fail("it was watched"))
    with pytest.raises(VideoError, match=r"100 pictures of 160 x 90 pixels; this page takes up to 90 of that size"):
        child.look(lambda stage, fraction: None, clip.path, replace(PAGE, total_pixels=90 * 160 * 90))


def test_4k_at_240_per_second_is_more_than_the_page_takes_and_ten_minutes_of_full_hd_are_not() -> None:
    with pytest.raises(VideoError, match="4800 pictures of 3840 x 2160 pixels; this page takes up to 4500"):
        check_work(Path("still.mp4"), 20 * 240, 3840, 2160)
    check_work(Path("fine.mp4"), 600 * 30, 1920, 1080)


@pytest.mark.parametrize(
    ("shots", "rate", "words"),
    [([660.0], 0.1, "is 11 minutes long; this page takes up to 10 minutes. Cut it"), ([0.2], 25, "is 0.2 s long; a")],
)
def test_length_is_refused_in_plain_words(
    draw: Callable[..., Drawn], shots: list[float], rate: float, words: str
) -> None:
    drawn = draw("film.mp4", shots, size=(32, 18), rate=rate)
    with pytest.raises(VideoError, match=re.escape(f"film.mp4: {words}")):
        check(drawn.path)


def test_long_sound_is_refused_only_beyond_its_own_limit(clip: Drawn) -> None:
    check(clip.path, replace(PAGE, sound_seconds=5.0))
    with pytest.raises(VideoError, match="its sound is 4 s long; this page takes up to 3 s"):
        check(clip.path, replace(PAGE, sound_seconds=3.0))


def test_what_has_no_header_is_for_the_sdk_to_refuse(tmp_path: Path) -> None:
    text = tmp_path / "page.mp4"
    text.write_text("#EXTM3U\n#EXTINF:5,\n/etc/hostname.ts\n")
    assert read_header(text) is None
    with pytest.raises(VideoError, match=r"page\.mp4"):
        check(text)


def test_names_are_without_folders_and_not_too_long() -> None:
    assert shown_name(Path("/secret/place/clip.mp4")) == "clip.mp4"
    assert len(shown_name(Path("x" * 200 + ".mp4"))) == 60


def test_sound_that_goes_on_after_the_pictures_is_no_length_of_the_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"  # which does not say how long each stream is
    with av.open(str(path), "w") as sink:
        film, sound = (
            sink.add_stream("libx264", rate=10, options={"preset": "ultrafast"}),
            sink.add_stream("pcm_s16le", rate=8000, layout="mono"),
        )
        film.width, film.height, film.pix_fmt = 64, 36, "yuv420p"
        for i in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 10 * i, np.uint8), format="rgb24")
            sink.mux(film.encode(picture))
        sink.mux(film.encode(None))
        for i in range(70):
            piece = av.AudioFrame.from_ndarray(np.zeros((1, 80_000), np.int16), format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = 8000, 80_000 * i, Fraction(1, 8000)
            sink.mux(sound.encode(piece))
    check(path)
