"""Stamps of stored pictures, completed and put in order of showing.

They are filled in where a container leaves them out, and put in order where it only knows that of decoding (H.264 with
B-frames in AVI and ASF).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from diffbgm.media.source import MOST_HELD, decoded, open_video, packets_of, picture_stream, usual_step


@dataclass(frozen=True)
class Shown:
    """When pictures are shown whose container knows only the order of decoding; stamps in ticks.

    stamps  of the pictures in order of showing.
    stored  of each packet in order of storage; empty where packets and pictures do not pair.
    delay   by how much decoding has to come earlier than the container says.
    """

    stamps: tuple[int, ...]
    stored: tuple[int, ...]
    delay: int


def stamped(packets: Iterator[Any], stream: Any) -> Iterator[Any]:
    """Packets with the decoding stamps and lengths that Matroska and FLV leave out, as far as they can be told."""
    step = usual_step(stream)
    ticks = max(1, round(step / float(stream.time_base)))
    held: list[Any] = []  # packets from the start whose decoding stamp only the first known one tells
    for packet in packets:
        packet.duration = packet.duration or ticks
        held.append(packet)
        if packet.dts is None and len(held) < MOST_HELD:
            continue
        for back, early in enumerate(reversed(held)):
            if early.dts is None and packet.dts is not None:
                early.dts = packet.dts - back * ticks
        yield from held
        held = []
    yield from held


def shown_order(path: str | os.PathLike[str]) -> Shown | None:
    """When the pictures are shown, found by decoding them; None where the container says it itself.

    A container knows only the order of decoding where the codec reorders and yet all stamps of showing lie equally far
    from those of decoding.
    """
    with open_video(path) as container:
        stream = picture_stream(container, path)
        if not stream.codec_context.has_b_frames:
            return None
        gaps: set[int | None] = set()
        times: list[int] = []
        for packet in packets_of(container, stream):
            if packet.dts is None:
                return None
            gaps.add(None if packet.pts is None else packet.pts - packet.dts)
            if len(gaps) > 1:
                return None
            times.append(packet.dts)
    stamps = sorted(times)
    with open_video(path) as container:
        stream = picture_stream(container, path)
        stream.codec_context.copy_opaque = True
        shown: list[Any] = []
        for number, packet in enumerate(packets_of(container, stream)):
            packet.opaque = number
            shown += [picture.opaque for picture in decoded(stream, packet)]
        shown += [picture.opaque for picture in decoded(stream, None)]
    if sorted(n for n in shown if n is not None) != list(range(len(times))):
        return Shown(tuple(stamps), (), 0)
    stored = [0] * len(times)
    for stamp, number in zip(stamps, shown, strict=True):
        stored[number] = stamp
    return Shown(tuple(stamps), tuple(stored), max(at - show for at, show in zip(times, stored, strict=True)))
