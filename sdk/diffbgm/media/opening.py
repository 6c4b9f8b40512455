"""From what a user gives to an opened file: paths, containers, and which streams are seen and heard."""

import os
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
import av.error
import av.logging
from av.stream import Disposition

from diffbgm.errors import VideoError
from diffbgm.media.limits import Limits

# FFmpeg's demuxers that may look at a file. Not among them: lists of other files (hls, dash, concat, image2), text that
# is shown as video (tty), descriptions of streams (sdp), and single pictures.
CONTAINERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,vvc,m4v,av1,obu,ivf,flv,kux,live_flv,asf,asf_o,ogg,nut,mxf,gxf,"
    "dv,wtv,rm,nsv,gif,apng,mjpeg,mjpeg_2000,yuv4mpegpipe,vc1,vc1test,amv,swf,dirac,bink,smk,nuv,pva,mpegtsraw,dhav,ty,"
    "wav,w64,mp3,aac,ac3,eac3,dts,truehd,flac,aiff,au,caf,amr,wv,tta,ape,tak,mpc,mpc8,dsf,opus"
)
PICTURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"8BPS": "Photoshop",
    b"\0\0\0\x0cJXL": "JPEG XL",
}
STILL_BRANDS = {"avif", "mif1", "heic", "heix", "heim"}  # of ISO base media files that hold one picture
ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:/{1,2}", re.IGNORECASE)


def local_file(path: str | os.PathLike[str]) -> Path:
    """The file that a path or a `file:` URL names.

    Raises:
        VideoError: It is not there, cannot be looked at, or is no file: an address, a folder, a pipe, an empty file.
    """
    text = os.fspath(path)
    try:
        file = _resolve(text)
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError) as e:
        if ADDRESS.match(text):
            raise VideoError(f"{shown(path)}: is an address; download it first and give the file") from e
        raise VideoError(f"{shown(path)}: there is no such file; check the path") from e
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise VideoError(f"{shown(path)}: is no path that can be opened ({reason}); rename or move the file") from e
    if stat.S_ISDIR(found.st_mode):
        raise VideoError(f"{shown(path)}: is a folder; give the path of one video file")
    if not stat.S_ISREG(found.st_mode):
        raise VideoError(f"{shown(path)}: is a pipe or a device; save what it gives to a file and give that")
    if found.st_size == 0:
        raise VideoError(f"{shown(path)}: is empty (0 bytes); copy or download it again")
    return file


def _resolve(text: str) -> Path:
    """The path itself where such a file exists, else what it says as a `file:` URL."""
    file = Path(text)
    if not text.lower().startswith("file:") or file.exists():
        return file
    rest = "/" + text[5:].lstrip("/") if text[5:6] == "/" else text[5:]  # Path makes file:/ of file:///
    if text[5:7] == "//" and text[7:8] != "/":
        rest = urlsplit(text).path  # file://host/path
    decoded = Path(unquote(rest, errors="surrogateescape"))
    return decoded if decoded.exists() else Path(rest)


@contextmanager
def open_video(path: str | os.PathLike[str], limits: Limits | None = None) -> Generator[Any]:
    """Open a local file for reading.

    Args:
        path: As `local_file` takes it. FFmpeg gets it as `file:` and an absolute path, so that colons, leading dashes,
            percent signs and newlines in a name are letters of a name.
        limits: Larger pictures than it allows are not decoded.

    Raises:
        VideoError: The file cannot be read; says in one line why not.
    """
    file = local_file(path)
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": CONTAINERS,
        **(limits or Limits()).decoder_options(),
    }
    try:
        container = av.open("file:" + os.path.abspath(file), options=options, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as e:
        raise VideoError(f"{shown(path)}: {_why_not(file, e)}") from e
    with container:
        if container.metadata.get("major_brand") in STILL_BRANDS:
            raise VideoError(f"{shown(path)}: is a still picture; give a video")
        yield container


def _why_not(file: Path, error: Exception) -> str:
    """Why a file could not be opened, from its first bytes."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(4096)
    except OSError as e:
        return f"cannot be read ({e.strerror}); check its permissions"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if b"ANIM" in head[:64]:
            return "is an animated WebP, which FFmpeg cannot read; convert it to MP4 or GIF first"
        return "is a still picture (WebP); give a video"
    for magic, name in PICTURES.items():
        if head.startswith(magic):
            return f"is a still picture ({name}); give a video"
    if _is_text(head):
        return "is text, not a video; give a video file such as an mp4"
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"not a video that can be read ({reason}); is it complete? MP4, MOV, MKV, WebM and AVI work"


def _is_text(head: bytes) -> bool:
    """Whether bytes are letters and line ends only, in UTF-8 or UTF-16 with its mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    text = head[:-4].decode("utf-8", "replace") if len(head) > 4 else head.decode("utf-8", "replace")
    return "\ufffd" not in text and all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)


def picture_stream(container: Any, path: str | os.PathLike[str]) -> Any:
    """The video stream that players show, set to decode on several threads: the default one, of several the largest.

    Raises:
        VideoError: There is none, or FFmpeg has no decoder for it.
    """
    streams = picture_streams(container)
    if not streams:
        what = "has sound but no picture" if container.streams.audio else "has no picture"
        raise VideoError(f"{shown(path)}: {what}; give a file with a video track")
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        code = four_letter_code(container, streams[0])
        raise VideoError(
            f"{shown(path)}: the pictures are coded as {code}, which FFmpeg cannot read; convert it to H.264 first"
        )
    stream = max(known, key=lambda s: (_is_default(s), s.codec_context.width * s.codec_context.height))
    stream.thread_type = "AUTO"
    return stream


def picture_streams(container: Any) -> list[Any]:
    """The video streams that are no cover pictures."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def sound_streams(container: Any) -> list[Any]:
    """The sound streams that are heard: the default one, of several the one with most channels.

    The list is empty where there is no sound. Mono tracks beside one another, as cameras write one per microphone, are
    heard together: that is, if they have the same codec, rate and language, and no titles that tell them apart.
    """
    streams = list(container.streams.audio)
    known = [s for s in streams if s.codec_context is not None] or streams
    if not known:
        return []
    chosen = max(known, key=lambda s: (_is_default(s), _channels(s)))
    if _channels(chosen) != 1:
        return [chosen]
    return [s for s in known if _microphone(s) == _microphone(chosen)]


def _microphone(stream: Any) -> tuple[object, ...]:
    """What the tracks of one camera's microphones have in common."""
    context = stream.codec_context
    same = (stream.metadata.get(key) for key in ("language", "title"))
    return _channels(stream), context.name, context.sample_rate, *same


def _channels(stream: Any) -> int:
    return 0 if stream.codec_context is None else stream.codec_context.channels


def _is_default(stream: Any) -> bool:
    return bool(stream.disposition & Disposition.default)


def four_letter_code(container: Any, stream: Any) -> str:
    """How the container names the codec of a stream for which FFmpeg has no decoder."""
    name, code = _codec_in_words(container, stream)
    return code if name in ("none", "unknown") else name or "something"


def data_code(stream: Any) -> str:
    """The container's four-letter code of a data track: `tmcd`, `gpmd`, ...; "" where it has none."""
    return _codec_in_words(stream.container, stream)[1]


def _codec_in_words(container: Any, stream: Any) -> tuple[str, str]:
    """Name and four-letter code of a stream's codec, which PyAV gives in words only; "" where it does not."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        words = container.dumps_format()
    finally:
        av.logging.set_level(level)
    line = re.search(rf"Stream #0:{stream.index}\b.*?: \w+: (\w+).*?(?:\((.{{4}}) / 0x)", words)
    return ("", "") if line is None else (line[1], line[2].strip())


def shown(path: str | os.PathLike[str]) -> str:
    """A path as it stands in a message: on one line, in letters that can be printed, not longer than a line."""
    text = os.fspath(path)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= 160 else f"{text[:100]}...{text[-40:]}"
