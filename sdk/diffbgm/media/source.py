"""An opened file's packets and decoded pictures, with their stamps put right."""

import os
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av.error
import numpy as np

from diffbgm.media.opening import open_video, picture_stream, picture_streams, sound_streams
from diffbgm.media.runs import stamp_of
from diffbgm.media.timeline import DEFAULT_FRAME, MOST_HELD, announced_rate, raw_packets, timeline, usual_step

__all__ = [
    "DEFAULT_FRAME",
    "MOST_HELD",
    "announced_rate",
    "decoded",
    "displayed_size",
    "first_stamp",
    "open_video",
    "packets_of",
    "picture_stream",
    "picture_streams",
    "pictures_of",
    "sound_streams",
    "stamp_of",
    "timed_pictures",
    "upright",
    "usual_step",
]
DECODING_ORDER = {"avi", "asf"}  # containers that know when a picture is decoded, not when it is shown


def packets_of(container: Any, *streams: Any) -> Iterator[Any]:
    """Packets of some streams, each stream from its first key frame on, their stamps moved as the timeline says.

    Streams that the timeline does not know (subtitles, data) move with the pictures beside them.
    """
    line = timeline(container.name.removeprefix("file:"))
    numbers: Counter[int] = Counter()
    begun: set[int] = set()
    leader = next(iter(line.shifts), None)
    asked = [*streams, *(s for s in container.streams if s.index == leader and s not in streams)]
    latest = Fraction(0)
    for packet in raw_packets(container, asked):
        index = packet.stream.index
        shift = line.shift(index, numbers[index]) if index in line.shifts else latest
        latest = shift if index == leader else latest
        numbers[index] += 1
        if packet.is_keyframe:
            begun.add(index)
        if index not in begun or packet.stream not in streams:
            continue
        if shift:
            ticks = round(shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
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
    """Decoded pictures with their time in seconds, the first at 0; one without a stamp follows the one before.

    Where the container knows the order of decoding only, a picture is shown when the packet is due that brought it
    out of the decoder (FFmpeg's `pkt_dts`).
    """
    step = usual_step(stream)
    by_decoding = bool(DECODING_ORDER & set(container.format.name.split(",")))
    origin, last = None, -step
    for picture in pictures_of(container, stream):
        time = last + step
        stamp = picture.dts if by_decoding else picture.pts
        if stamp is not None:
            seconds = stamp * (picture.time_base or stream.time_base)  # flushed pictures carry no time base
            origin = seconds - Fraction(time) if origin is None else origin
            time = float(seconds - origin)
        last = time
        yield time, picture


def first_stamp(path: str | os.PathLike[str]) -> int | None:
    """The stamp of the first picture that is shown, in ticks; None where no packet has one."""
    return timeline(path).start


def displayed_size(picture: Any, stream: Any) -> tuple[int, int]:
    """Width and height in square pixels, upright."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    width = max(1, round(picture.width * aspect)) if aspect > 0 else picture.width
    return (picture.height, width) if picture.rotation % 180 else (width, picture.height)


def upright(image: np.ndarray, rotation: int) -> np.ndarray:
    """Turns `image` by `rotation` degrees counter-clockwise, a multiple of 90, as the display matrix asks for."""
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
