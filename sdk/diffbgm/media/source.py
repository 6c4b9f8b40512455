"""An opened file: its streams, packets and decoded pictures, with their stamps put right."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from diffbgm.errors import VideoError

DEFAULT_FRAME = 1 / 25  # seconds a frame lasts when nothing in the file says so
MOST_HELD = 32  # packets; H.264 and HEVC reorder at most 16 pictures
# Demuxers that make "videos" of text and of lists of other files.
NOT_VIDEOS = {"tty", "hls", "concat", "dash", "applehttp"}


@contextmanager
def open_video(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a local file for reading, or say in one line why not."""
    file = Path(path)
    if not file.exists():
        raise VideoError(f"{path}: there is no such file; check the path")
    if file.is_dir():
        raise VideoError(f"{path}: is a folder; give the path of one video file")
    if file.stat().st_size == 0:
        raise VideoError(f"{path}: is empty (0 bytes); copy or download it again")
    try:
        container = av.open(str(file), options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or type(e).__name__
        raise VideoError(
            f"{path}: not a video that can be read ({reason}); is it complete? MP4, MOV, MKV, WebM and AVI work"
        ) from e
    with container:
        if NOT_VIDEOS & set(container.format.name.split(",")):
            raise VideoError(f"{path}: is text, not a video; give a video file such as an mp4")
        yield container


def picture_stream(container: Any, path: str | os.PathLike[str]) -> Any:
    """The first video stream that is no cover picture, set to decode on several threads."""
    streams = picture_streams(container)
    if not streams:
        what = "has sound but no picture" if container.streams.audio else "has no picture"
        raise VideoError(f"{path}: {what}; give a file with a video track")
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        raise VideoError(f"{path}: is a still picture; give a video")
    streams[0].thread_type = "AUTO"
    return streams[0]


def picture_streams(container: Any) -> list[Any]:
    return [s for s in container.streams.video if not s.disposition & type(s.disposition).attached_pic]


def packets_of(container: Any, *streams: Any) -> Iterator[Any]:
    """Packets with something in them of some streams, up to the first that cannot be read, each stream from its first
    key frame on."""
    packets = container.demux(streams)
    begun: set[int] = set()
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        if packet.is_keyframe:
            begun.add(packet.stream.index)
        if packet.size and packet.stream.index in begun:
            yield packet


def pictures_of(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded pictures in the order they are shown; packets that cannot be decoded are passed over."""
    for packet in packets_of(container, stream):
        yield from decoded(stream, packet)
    yield from decoded(stream, None)


def decoded(stream: Any, packet: Any) -> list[Any]:
    """What a packet (None: the end) gives, pictures or sound; nothing where it is damaged."""
    try:
        return stream.codec_context.decode(packet)
    except av.error.FFmpegError:
        return []


def timed_pictures(container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    """Decoded pictures with their time in seconds, the first at 0; one without a stamp follows the one before."""
    step = usual_step(stream)
    origin, last = None, -step
    for picture in pictures_of(container, stream):
        time = last + step
        if picture.pts is not None:
            stamp = picture.pts * (picture.time_base or stream.time_base)  # flushed pictures carry no time base
            origin = stamp - Fraction(time) if origin is None else origin
            time = float(stamp - origin)
        last = time
        yield time, picture


def usual_step(stream: Any) -> float:
    """Seconds between pictures as the file announces them."""
    return 1 / float(stream.average_rate) if stream.average_rate else DEFAULT_FRAME


def stamp_of(packet: Any) -> int | None:
    """When a packet's picture is shown, in ticks; AVI only knows when it is decoded."""
    return packet.pts if packet.pts is not None else packet.dts


def first_stamp(path: str | os.PathLike[str]) -> int | None:
    """The stamp of the first picture that is shown, in ticks; None where no packet has one.

    Pictures stored after the first key frame but stamped before it lean on what the file does not hold, and are never
    shown. After pictures hidden by an edit list, though, order of storage says nothing: the earliest stamp counts.
    """
    with open_video(path) as container:
        shown: list[int] = []
        for packet in packets_of(container, picture_stream(container, path)):
            stamp = stamp_of(packet)
            if stamp is None or packet.is_discard:
                continue
            shown.append(stamp)
            if (len(shown) == 1 and packet.is_keyframe) or len(shown) == MOST_HELD:
                break
        return min(shown, default=None)


def displayed_size(picture: Any, stream: Any) -> tuple[int, int]:
    """Width and height in square pixels, upright."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    width = max(1, round(picture.width * aspect)) if aspect > 0 else picture.width
    return (picture.height, width) if picture.rotation % 180 else (width, picture.height)


def upright(image: np.ndarray, rotation: int) -> np.ndarray:
    """`rotation`: degrees counter-clockwise, a multiple of 90, that the display matrix asks for."""
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def sound_streams(container: Any) -> list[Any]:
    """The sound streams that are heard: the mono tracks of one camera together, else the default one."""
    sounds = [s for s in container.streams.audio if s.codec_context is not None]
    if len(sounds) > 1 and all(s.codec_context.channels == 1 for s in sounds):
        return sounds
    default = [s for s in sounds if s.disposition & type(s.disposition).default]
    return (default or sounds)[:1]
