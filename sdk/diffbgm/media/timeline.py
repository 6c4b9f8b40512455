"""One walk over the packets of a file: when its pictures and its sound begin and end, and where its stamps jump.

Nothing is believed that the file does not hold. Stamps that start again (two takes joined with `cat`) go on where the
first take ended, as players show them. A gap that lasts long, far longer than pictures do in this file, and that no
sound fills, is one wrong stamp: it is closed. The same holds for the claimed length of the last picture.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av.error
from av.format import Flags

from diffbgm.errors import VideoError
from diffbgm.media.limits import Limits, as_time
from diffbgm.media.opening import local_file, open_video, picture_stream, picture_streams, shown, sound_streams
from diffbgm.media.runs import (
    FILLED,
    LONG,
    LONG_BROADCAST,
    MOST_JUMPS,
    UNUSUAL,
    Walk,
    chain,
    follow,
    last_picture,
    span_of,
    stamp_of,
)
from diffbgm.media.wholeness import missing_share

DEFAULT_FRAME = 1 / 25  # seconds a picture lasts when nothing in the file says so
MOST_HELD = 32  # packets; H.264 and HEVC reorder at most 16 pictures
MOST_NOTES = 5
NOTICED = 0.005  # share of a file that may be missing without a word


@dataclass(frozen=True)
class Timeline:
    """When things are shown and heard, in seconds from the first picture that is shown.

    Attributes:
        start: stamp of that picture in ticks of its stream; None where no packet has one, or there is no picture.
        origin: the same stamp in seconds.
        frames: number of pictures.
        last: when the last picture appears.
        end: when it ends.
        sound: (start, end) of the sound that is heard; None where there is none.
        shifts: per stream index, from which packet on (counted from 0) how many seconds are added to its stamps;
            empty where nothing has to be moved.
        notes: what was put right, in sentences.
    """

    start: int | None
    origin: Fraction | None
    frames: int
    last: float
    end: float
    sound: tuple[float, float] | None
    shifts: Mapping[int, tuple[tuple[int, Fraction], ...]]
    notes: tuple[str, ...]

    def shift(self, stream: int, packet: int) -> Fraction:
        """Seconds to add to the stamps of the stream's packet with that number."""
        shifts = self.shifts.get(stream, ())
        at = bisect_right(shifts, packet, key=lambda entry: entry[0])
        return shifts[at - 1][1] if at else Fraction(0)


def timeline(path: str | os.PathLike[str], limits: Limits | None = None) -> Timeline:
    """Walks a file once; the answer is kept as long as the file stays as it is.

    Args:
        path: A local file.
        limits: Bounds on the size and the number of its pictures; None for what was opened within limits before.

    Raises:
        VideoError: The file cannot be read, is encrypted, or exceeds the limits.
    """
    size = (1, 1)
    if limits is not None:
        with open_video(path, limits) as container:
            if picture_streams(container):
                context = picture_stream(container, path).codec_context
                size = (context.width, context.height)
        limits.check_pictures(path, *size)
    found = local_file(path).stat()
    line = _timeline(os.fspath(path), found.st_mtime_ns, found.st_size, found.st_ino)
    if limits is not None:
        limits.check_pictures(path, *size, line.frames)
    return line


@lru_cache(maxsize=16)
def _timeline(path: str, _time: int, _size: int, _node: int) -> Timeline:
    with open_video(path) as container:
        pictures = picture_stream(container, path) if picture_streams(container) else None
        sounds = sound_streams(container)
        streams = [*([pictures] if pictures is not None else []), *sounds]
        if not streams:
            return Timeline(None, None, 0, 0.0, 0.0, None, {}, ())
        broadcast = bool(container.format.flags & Flags.ts_discont.value)
        walks = {stream.index: Walk(stream, broadcast=broadcast) for stream in streams}
        head = _Head()
        for packet in raw_packets(container, streams):
            walk = walks[packet.stream.index]
            walk.add(packet)
            if packet.stream is not pictures:
                continue
            if walk.jumps > MOST_JUMPS:
                raise VideoError(f"{shown(path)}: its time stamps jump more than {MOST_JUMPS} times; export it again")
            head.add(packet, path)
        if pictures is None:
            return _heard_only([walks[s.index] for s in sounds])
        return _join(path, walks, pictures, head, usual_step(pictures))


def raw_packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    """Packets with something in them, up to the first that cannot be read.

    No picture is shown long after it is decoded: where a stamp says so, the picture is shown then.
    """
    packets = container.demux(streams)
    wait = {s.index: max(LONG_BROADCAST, 2 * MOST_HELD * usual_step(s)) for s in streams if s.type == "video"}
    while True:
        try:
            packet = next(packets, None)
        except IndexError:  # PyAV stumbles over a packet of a stream that appears in the middle of the file
            packets = container.demux(streams)
            continue
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        if packet.size:
            stamps = packet.pts, packet.dts
            if packet.stream_index in wait and None not in stamps:
                late = (packet.pts - packet.dts) * packet.time_base > wait[packet.stream_index]
                packet.pts = packet.dts if late else packet.pts
            yield packet


class _Head:
    """The first pictures of a file, from which its start is told.

    Pictures stored after the first key frame but stamped before it lean on what the file does not hold, and are never
    shown. After pictures hidden by an edit list, though, order of storage says nothing: the earliest stamp counts.
    """

    def __init__(self) -> None:
        self.start: int | None = None
        self._stamps: list[int] = []
        self._begun = self._known = False

    def add(self, packet: Any, path: str) -> None:
        if len(self._stamps) == MOST_HELD:
            return
        if packet.has_sidedata("encryption_info"):
            raise VideoError(f"{shown(path)}: is protected (DRM); only a copy without protection can be read")
        self._begun = self._begun or packet.is_keyframe
        stamp = stamp_of(packet)
        if stamp is None or packet.is_discard or not self._begun:
            return
        self._stamps.append(stamp)
        self._known = self._known or (len(self._stamps) == 1 and packet.is_keyframe)
        self.start = self._stamps[0] if self._known else min(self._stamps)

    def hidden(self, base: Fraction) -> int:
        """How many pictures are stamped before the first that is shown, of a stream with ticks of `base` seconds."""
        start = self.start or 0  # a stamp that is long before it is another matter: then one of the two is wrong
        return sum(0 < (start - stamp) * base < LONG for stamp in self._stamps)


def _heard_only(walks: list[Walk]) -> Timeline:
    """Of a file without pictures: its time begins with its sound."""
    timed = [walk for walk in walks if walk.runs]
    start = min((walk.runs[0].start for walk in timed), default=Fraction(0))
    ends = [max(run.end for run in walk.runs) - start + walk.untimed for walk in timed] + [w.untimed for w in walks]
    return Timeline(None, None, 0, 0.0, 0.0, (0.0, float(max(ends))), {}, ())


def _join(path: str, walks: dict[int, Walk], pictures: Any, head: _Head, usual: float) -> Timeline:
    """Puts the runs of all streams behind one another."""
    seen = walks[pictures.index]
    heard = [walk for index, walk in walks.items() if index != pictures.index]
    usual_length = Fraction(usual).limit_denominator(1_000_000)
    step = seen.step or usual_length
    lost = missing_share(local_file(path))
    notes = [f"the last {lost:.0%} of the file are missing: what is there is taken"] if lost >= NOTICED else []
    notes += chain(seen.runs, step, heard)
    for walk in heard:
        follow(walk.runs, seen.runs)
    start = Fraction(head.start or 0) * seen.base + (seen.runs[0].shift if seen.runs else 0)
    frames = max(0, seen.shown - head.hidden(seen.base))
    last, length = last_picture(seen.runs, frames, start, step, usual_length)
    sound = span_of(heard, start, float(last + min(length, Fraction(LONG))))
    if length > max(LONG, UNUSUAL * step) and (sound is None or sound[1] < last + FILLED * length):
        notes.append(f"its last picture claims to last {as_time(float(length))}: not believed")
        length = max(step, Fraction(0 if sound is None else sound[1]) - last)
    moved = any(run.shift for walk in walks.values() for run in walk.runs)
    shifts = {i: tuple((run.first, run.shift) for run in walk.runs) for i, walk in walks.items()} if moved else {}
    return Timeline(
        start=None if head.start is None else round(start / seen.base),
        origin=None if head.start is None else start,
        frames=frames,
        last=float(last),
        end=float(last + length),
        sound=sound,
        shifts=shifts,
        notes=tuple(f"{shown(path)}: {note}" for note in notes[:MOST_NOTES]),
    )


def usual_step(stream: Any) -> float:
    """Seconds between pictures as the file announces them."""
    rate = float(announced_rate(stream) or 0)
    return 1 / rate if 1 / LONG < rate <= 1e6 else DEFAULT_FRAME


def announced_rate(stream: Any) -> Fraction | None:
    """Pictures per second as the file announces them; None where it does not.

    Where a demuxer knows none (DV), FFmpeg says one picture a tick, but guesses better from the pictures.
    """
    rate, guess = stream.average_rate, stream.guessed_rate
    return guess if rate and guess and guess < rate == 1 / stream.time_base else rate
