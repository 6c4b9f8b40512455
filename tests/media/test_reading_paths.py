"""Local files are local files, whatever their names; what is no film is refused in a sentence that is true of it."""

import os
import shutil
import struct
import threading
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest
from av.stream import Disposition
from tests.media.takes import draw_take, patch

from diffbgm import media
from diffbgm.errors import InputError, VideoError
from diffbgm.media.limits import as_time


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_take(tmp_path_factory.mktemp("take") / "take.mp4")


def refused(path: str | os.PathLike[str]) -> str:
    """What every reader says, on one line."""
    said = set()
    for read in (media.probe, media.read_audio, lambda p: list(media.frames(p))):
        with pytest.raises(VideoError) as caught:
            read(path)
        said.add(str(caught.value))
    assert len(said) == 1
    (line,) = said
    assert line.isprintable()
    return line


NAMES = (
    "Talk: part 1.mp4",
    "-clip.mp4",
    "%d%03d.mp4",
    "a\nb.mp4",
    "http:x.mp4",
    "x" * 250,
    "#?[1].mp4",
    "caf\udce9.mp4",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_only_names(take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    shutil.copy(take, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / name):
        assert media.probe(path).frames == 40
        sound = media.read_audio(path)
        assert sound is not None
        assert sound.duration == pytest.approx(1.6, abs=0.05)


def test_file_urls_are_read_as_file_managers_drop_them(take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "Förster 100%.mp4"
    shutil.copy(take, path)
    monkeypatch.chdir(tmp_path)
    url = f"file://{quote(str(path))}"
    for text in (url, Path(url), f"file:{path}", f"file:{path.name}", f"file://localhost{quote(str(path))}"):
        assert media.local_file(text).samefile(path)
        assert media.probe(text).frames == 40
    literal = tmp_path / "file:clip.mp4"
    shutil.copy(take, literal)
    assert media.local_file("file:clip.mp4").samefile(literal)


def test_what_is_no_file_is_called_what_it_is(tmp_path: Path):
    assert "is an address; download it" in refused("https://example.org/clip.mp4")
    assert "is an address; download it" in refused(Path("https://example.org/clip.mp4"))
    assert "no such file" in refused(tmp_path / "none.mp4")
    assert "no such file" in refused("file:///none.mp4")
    assert "is a folder" in refused(tmp_path)
    assert "no path that can be opened" in refused(tmp_path / ("y" * 300 + ".mp4"))
    assert "no path that can be opened" in refused("a\0b.mp4")
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in refused(tmp_path / "pipe")
    (tmp_path / "empty.mp4").touch()
    assert "is empty" in refused(tmp_path / "empty.mp4")


def webp(kind: bytes) -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(10) + kind
    return b"RIFF" + struct.pack("<I", len(body)) + body


STILLS = {
    "png": b"\x89PNG\r\n\x1a\n" + bytes(60),
    "jpg": b"\xff\xd8\xff\xe0" + bytes(60),
    "webp": webp(b"VP8 " + struct.pack("<I", 4) + bytes(4)),
}


def test_pictures_and_texts_are_refused_by_what_they_are(take: Path, tmp_path: Path):
    for suffix, data in STILLS.items():
        (tmp_path / f"a.{suffix}").write_bytes(data)
        assert "is a still picture" in refused(tmp_path / f"a.{suffix}")
    (tmp_path / "moving.webp").write_bytes(webp(b"ANIM" + struct.pack("<I", 6) + bytes(6)))
    assert "animated WebP" in refused(tmp_path / "moving.webp")
    texts = {
        "there.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{take}\n#EXT-X-ENDLIST\n",
        "nowhere.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n/etc/none.ts\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile '{take}'\n",
        "page.mp4": "<html>Füße</html>",
        "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
    }
    said = set()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        said.add(refused(tmp_path / name).replace(name, ""))
    assert len(said) == 1  # one sentence for all, so that a list tells nothing about the files it names
    assert "is text, not a video" in said.pop()


def test_a_playlist_opens_no_other_file(tmp_path: Path):
    """Whatever container it calls itself: the named pipe would be opened, and its writer wake up."""
    os.mkfifo(tmp_path / "segment.ts")
    opened = threading.Event()

    def wait() -> None:
        with open(tmp_path / "segment.ts", "wb"):
            opened.set()

    threading.Thread(target=wait, daemon=True).start()
    lines = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{tmp_path / 'segment.ts'}\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.mp4").write_text(lines)
    refused(tmp_path / "list.mp4")
    assert not opened.wait(0.1)
    with open(os.open(tmp_path / "segment.ts", os.O_RDONLY | os.O_NONBLOCK), "rb"):
        assert opened.wait(5)  # the trap works


def test_protected_films_and_unknown_codecs_are_named(tmp_path: Path):
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb"}
    bought = draw_take(tmp_path / "drm.mp4", container={**key, "encryption_kid": "a7e61c373e219033c21091fa607bf3b8"})
    assert "is protected (DRM)" in refused(bought)
    unknown = patch(draw_take(tmp_path / "zzz.mp4"), b"avc1", 0, b"zzz1", which=1)
    with pytest.raises(VideoError, match="pictures are coded as zzz1, which FFmpeg cannot read"):
        media.probe(unknown)


def test_the_default_pictures_are_shown(tmp_path: Path):
    """A small preview as the first track; without a default, the larger one."""
    for marked in (True, False):
        path = tmp_path / f"{marked}.mkv"
        with av.open(str(path), "w") as out:
            streams = []
            for k, (width, height) in enumerate(((64, 36), (128, 72), (32, 18))):
                stream = out.add_stream("mpeg4", rate=25)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                is_default = k == 2 if marked else False
                stream.disposition = Disposition.default if is_default else Disposition(0)
                streams.append(stream)
            for stream in streams:
                image = np.zeros((stream.height, stream.width, 3), np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                out.mux(stream.encode(None))
        info = media.probe(path)
        assert (info.width, info.height) == ((32, 18) if marked else (128, 72))
        assert next(media.frames(path))[1].shape[:2] == (info.height, info.width)


def test_limits_are_checked_before_and_while_decoding(take: Path, tmp_path: Path):
    def says(limits: media.Limits) -> str:
        with pytest.raises(VideoError) as caught:
            media.probe(take, limits=limits)
        return str(caught.value)

    assert "is 1.6 s long; films of up to 1 s" in says(media.Limits(seconds=1))
    assert "64 x 36 pixels" in says(media.Limits(pixels=1000))
    assert "40 pictures of 64 x 36" in says(media.Limits(total_pixels=50_000))
    assert media.probe(take, limits=media.Limits(seconds=2, pixels=3000, total_pixels=1e5)).frames == 40
    with pytest.raises(VideoError, match="takes more than"):
        list(media.frames(take, limits=media.Limits(wall_clock=1e-6)))
    grows = tmp_path / "grows.ts"  # the pictures become larger in the middle of the film
    large = draw_take(tmp_path / "b.ts", size=(640, 360), sounds=(), start=1.6)
    grows.write_bytes(draw_take(tmp_path / "a.ts", sounds=()).read_bytes() + large.read_bytes())
    assert len(list(media.frames(grows, size=32))) == 80
    kept = list(media.frames(grows, size=32, limits=media.Limits(pixels=10_000)))
    assert len(kept) <= 40
    with pytest.raises(InputError, match="seconds must be a number above 0"):
        media.Limits(seconds=float("nan"))


def test_lengths_in_words():
    times = {0.0002: "0.0002 s", 3.2: "3.2 s", 4200: "70 minutes", 36_000: "10 hours", 12_582_912: "146 days"}
    assert {seconds: as_time(seconds) for seconds in times} == times
