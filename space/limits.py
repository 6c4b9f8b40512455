"""What this page takes from a stranger, checked from the header of a file before a picture of it is decoded.

Every refusal is one sentence that says what the file has and what the page takes.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import av.error

from diffbgm.errors import VideoError
from diffbgm.media import Limits, VideoInfo, as_time, probe

MOST_BYTES = 200 * 10**6  # of an upload
SHORTEST = 0.5  # seconds
MEMORY = 3 << 30  # bytes that a process may take which reads what a stranger sent
LONGEST_NAME = 60  # characters of a file's name in a sentence
# Containers whose header is read here; what is none of them is for `probe` to refuse.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,mxf,gif,3gp,ivf,nut,h264,hevc,m4v,dv,rm,swf,wtv"
MOST_STREAMS = 32  # whose decoders are kept from working while the header is read


WIDEST = (8192, 4320)
USUAL = (1920, 1080, 30)  # pixels and pictures per second of full HD
PAGE = Limits(
    seconds=600.0,
    pixels=WIDEST[0] * WIDEST[1],
    total_pixels=USUAL[0] * USUAL[1] * USUAL[2] * 600,
    sound_seconds=12 * 3600.0,
    wall_clock=240.0,
)
ANY_LENGTH = Limits(seconds=math.inf, total_pixels=math.inf, wall_clock=PAGE.wall_clock)


@dataclass(frozen=True)
class Header:
    """What a file says of itself: pixels of a picture, seconds of the file (0: not said) and of its sound."""

    width: int
    height: int
    seconds: float
    sound_seconds: float


def read_header(path: Path, limits: Limits = PAGE) -> Header | None:
    """The header of a video, without decoding a picture; None where there is nothing that is understood."""
    quiet = {"skip_frame": "all", **limits.decoder_options()}  # FFmpeg decodes a picture to know more, else
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    streams: Any = [quiet] * MOST_STREAMS  # PyAV's stub says that these are texts
    try:
        opened: Any = av.open(str(path), options=options, stream_options=streams)
        with opened as container:
            if not container.streams.video:
                return None
            codec = container.streams.video[0].codec_context
            whole = (container.duration or 0) / av.time_base
            sounds = [  # Matroska does not say how long each stream is
                float(sound.duration * sound.time_base) if sound.duration and sound.time_base else whole
                for sound in container.streams.audio
            ]
            return Header(codec.width, codec.height, whole, max(sounds, default=0.0))
    except (av.error.FFmpegError, OSError, ValueError):
        return None


def check(path: Path, limits: Limits = PAGE) -> VideoInfo:
    """Finds out whether the page takes a video; the first picture is decoded once its size is known to be taken.

    Returns:
        What the video says of itself.

    Raises:
        VideoError: It cannot be read, or it is too large, too long or too short.
    """
    header = read_header(path, limits)
    if header is not None:
        check_size(path, header.width, header.height, limits)
        if not header.sound_seconds:
            check_length(path, header.seconds or SHORTEST, limits)
        if header.sound_seconds > limits.sound_seconds:
            raise VideoError(
                f"{path}: its sound is {as_time(header.sound_seconds)} long; this page takes up to "
                f"{as_time(limits.sound_seconds)}. Cut it to the length of the pictures"
            )
    info = probe(path, limits=replace(ANY_LENGTH, pixels=limits.pixels))  # its length is said in this page's words
    width, height = (header.width, header.height) if header is not None else (info.width, info.height)
    check_size(path, width, height, limits)
    check_length(path, info.duration, limits)
    check_work(path, info.frames, width, height, limits)
    return info


def check_size(path: Path, width: int, height: int, limits: Limits = PAGE) -> None:
    """VideoError where a picture has too many pixels."""
    if width * height > limits.pixels:
        raise VideoError(
            f"{path}: {width} x {height} pixels; this page takes up to {WIDEST[0]} x {WIDEST[1]}. Export it smaller"
        )


def check_length(path: Path, seconds: float, limits: Limits = PAGE) -> None:
    """VideoError where a video is too long, or too short to be given music."""
    if seconds > limits.seconds:
        raise VideoError(
            f"{path}: is {as_time(seconds)} long; this page takes up to {as_time(limits.seconds)}. "
            "Cut it, or run diffbgm on your own machine"
        )
    if seconds < SHORTEST:
        raise VideoError(f"{path}: is {seconds:.2g} s long; a video needs at least half a second")


def check_work(path: Path, frames: int, width: int, height: int, limits: Limits = PAGE) -> None:
    """VideoError where all pictures together have too many pixels to be looked at."""
    if frames * width * height > limits.total_pixels:
        most = int(limits.total_pixels // (width * height))
        raise VideoError(
            f"{path}: {frames} pictures of {width} x {height} pixels; this page takes up to {most} of that size "
            f"(as much as {limits.seconds / 60:.0f} minutes of full HD). Export it smaller, or with fewer pictures per "
            "second"
        )


def shown_name(path: Path) -> str:
    """The name of a file as it stands in a sentence: without its folder, and not too long."""
    name = path.name
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 9]}…{name[-8:]}"
