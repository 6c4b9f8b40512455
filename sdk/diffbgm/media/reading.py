"""Measure videos, walk their pictures, read their sound."""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.audio.resampler import AudioResampler
from av.video.reformatter import VideoReformatter

from diffbgm.errors import VideoError
from diffbgm.media.source import (
    decoded,
    displayed_size,
    first_stamp,
    open_video,
    packets_of,
    picture_stream,
    picture_streams,
    pictures_of,
    stamp_of,
    timed_pictures,
    upright,
    usual_step,
)
from diffbgm.types import Audio


@dataclass(frozen=True)
class VideoInfo:
    """What a file holds.

    duration    seconds from the first picture to the end of the last one.
    last_frame  seconds at which the last picture appears.
    frames      how many pictures there are.
    frame_rate  pictures a second, the average; 0 for a single one.
    width       in pixels as displayed: after rotation, with square pixels; so is `height`.
    codec       name of the video codec, `container` name of the file format, both as FFmpeg calls them.
    """

    duration: float
    last_frame: float
    frames: int
    frame_rate: float
    width: int
    height: int
    has_audio: bool
    codec: str
    container: str


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Measure a video by walking its packets (only the first picture is decoded).

    Raises VideoError for anything that holds no picture FFmpeg can decode.
    """
    start = first_stamp(path)
    with open_video(path) as container:
        stream = picture_stream(container, path)
        timing = _Timing(stream, start)
        for packet in packets_of(container, stream):
            timing.add(packet)
        has_audio = bool(container.streams.audio)
        codec, name = stream.codec_context.name, container.format.name
    with open_video(path) as container:
        stream = picture_stream(container, path)
        first = next(pictures_of(container, stream), None)
        if first is None or timing.count == 0:
            raise VideoError(f"{path}: no picture in it can be decoded; it may be cut off or damaged, export it again")
        width, height = displayed_size(first, stream)
    return VideoInfo(
        duration=timing.duration,
        last_frame=timing.last,
        frames=timing.count,
        frame_rate=(timing.count - 1) / timing.last if timing.last > 0 else 0.0,
        width=width,
        height=height,
        has_audio=has_audio,
        codec=codec,
        container=name,
    )


def frames(
    path: str | os.PathLike[str], *, size: int = 256, every: float = 0.0
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Walk the pictures once: (seconds, [h, w, 3] uint8 RGB), upright, the longer side at most `size` pixels.

    `every`: leave out pictures that follow the last one given by less than this many seconds. Times rise strictly and
    the first is 0. Damaged stretches are skipped; VideoError is raised only when nothing at all can be decoded.
    """
    with open_video(path) as container:
        stream = picture_stream(container, path)
        shrink = VideoReformatter()  # kept: it holds the scaler; a fresh one per picture costs four times as much
        width = height = 0
        last = -np.inf
        for time, picture in timed_pictures(container, stream):
            if time <= last or time - last < every - 1e-9:
                continue
            if not width:
                width, height = _stored_size(picture, stream, size)
            small = shrink.reformat(picture, width=width, height=height, format="rgb24", interpolation="AREA")
            last = time
            yield time, upright(small.to_ndarray(), picture.rotation)
        if last == -np.inf:
            raise VideoError(f"{path}: no picture in it can be decoded; it may be cut off or damaged, export it again")


def read_audio(path: str | os.PathLike[str], rate: int = 48_000) -> Audio | None:
    """The first sound track as stereo float32 at `rate`, sample 0 at the first picture; None where there is none.

    A track that starts late is padded with silence, one that starts early is cut. Sound files work too.
    """
    with open_video(path) as container:
        if not container.streams.audio:
            return None
        pictures = picture_streams(container)
        first = first_stamp(path) if pictures else None
        stream = container.streams.audio[0]
        to_stereo = AudioResampler(format="fltp", layout="stereo", rate=rate)
        chunks: list[np.ndarray] = []
        late = 0.0
        for i, heard in enumerate(_heard(container, stream)):
            if i == 0 and first is not None and heard.pts is not None:
                late = float(heard.pts * (heard.time_base or stream.time_base) - first * pictures[0].time_base)
            chunks += [piece.to_ndarray() for piece in to_stereo.resample(heard)]
        if not chunks:
            return None
        chunks += [piece.to_ndarray() for piece in to_stereo.resample(None)]
    samples = np.concatenate(chunks, axis=1)
    shift = round(late * rate)
    samples = np.pad(samples, ((0, 0), (shift, 0))) if shift > 0 else samples[:, -shift:]
    return Audio(samples, rate)


def _heard(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded pieces of sound; what cannot be decoded is passed over."""
    for packet in packets_of(container, stream):
        yield from decoded(stream, packet)
    yield from decoded(stream, None)


class _Timing:
    """Last picture and end of a stream, from its packets, in seconds after `start`."""

    def __init__(self, stream: Any, start: int | None) -> None:
        self.base = stream.time_base
        self.step = usual_step(stream)
        self.start = start  # in ticks
        self.count = 0
        self._top: list[tuple[int, int]] = []  # the latest two (stamp, length) in ticks

    def add(self, packet: Any) -> None:
        stamp = stamp_of(packet)
        if packet.is_discard or (stamp is not None and self.start is not None and stamp < self.start):
            return
        self.count += 1
        if stamp is not None:
            self._top = sorted([*self._top, (stamp, packet.duration or 0)])[-2:]

    @property
    def last(self) -> float:
        if self.start is None or not self._top:
            return (self.count - 1) * self.step
        return float((self._top[-1][0] - self.start) * self.base)

    @property
    def duration(self) -> float:
        length = float(self._top[-1][1] * self.base) if self._top else 0.0
        if length <= 0 and len(self._top) == 2:
            length = float((self._top[1][0] - self._top[0][0]) * self.base)
        return self.last + (length if length > 0 else self.step)


def _stored_size(picture: Any, stream: Any, size: int) -> tuple[int, int]:
    """Width and height to shrink to before turning upright, the longer side at most `size`."""
    width, height = displayed_size(picture, stream)
    scale = min(1.0, size / max(width, height))
    width, height = max(2, round(width * scale)), max(2, round(height * scale))
    return (height, width) if picture.rotation % 180 else (width, height)
