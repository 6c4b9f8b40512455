"""Measure videos and walk their pictures."""

import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from diffbgm.errors import InputError, VideoError
from diffbgm.media.limits import Limits, Stopwatch
from diffbgm.media.opening import four_letter_code, shown
from diffbgm.media.source import (
    displayed_size,
    open_video,
    picture_stream,
    pictures_of,
    timed_pictures,
    upright,
)
from diffbgm.media.timeline import timeline
from diffbgm.typed import typed

SLIGHT = 0.1  # seconds by which sound may outlast the pictures without counting: codecs fill their last block


@dataclass(frozen=True)
@typed(InputError)
class VideoInfo:
    """What a file holds. Times are seconds from the first picture.

    Attributes:
        duration: end of the last picture.
        last_frame: when the last picture appears.
        frames: number of pictures.
        frame_rate: pictures per second, the average; 0 for a single one.
        width: pixels as displayed: after rotation, with square pixels; so is `height`.
        has_audio: whether there is a sound track.
        codec: name of the video codec, `container` name of the file format, both as FFmpeg calls them.
        sound_start: when the sound that is heard begins (below 0: before the first picture); None without sound.
        sound_end: when it ends.
        notes: what is wrong with the file's time stamps and how it is taken, in sentences.
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
    sound_start: float | None = None
    sound_end: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def shown_duration(self) -> float:
        """How long players show the file, from the first picture: the last one stays until the sound ends."""
        end = self.sound_end or 0.0
        return end if end > self.duration + max(SLIGHT, self.duration - self.last_frame) else self.duration


def probe(path: str | os.PathLike[str], *, limits: Limits | None = None) -> VideoInfo:
    """Measure a video by walking its packets (only the first picture is decoded).

    Args:
        path: A local file, as a path or a `file:` URL.
        limits: Bounds on its length and its pictures, the default `Limits()`.

    Raises:
        VideoError: The file cannot be read, holds no picture FFmpeg can decode, or exceeds the limits.
    """
    limits = limits or Limits()
    line = timeline(path, limits)
    with open_video(path, limits) as container:
        stream = picture_stream(container, path)
        limits.check_length(path, line.end)
        first = next(pictures_of(container, stream), None)
        if first is None or line.frames == 0:
            raise VideoError(no_picture(path))
        width, height = displayed_size(first, stream)
        start, end = line.sound or (None, None)
        return VideoInfo(
            duration=line.end,
            last_frame=line.last,
            frames=line.frames,
            frame_rate=(line.frames - 1) / line.last if line.last > 0 else 0.0,
            width=width,
            height=height,
            has_audio=bool(container.streams.audio),
            codec=codec_of(container, stream),
            container=container.format.name,
            sound_start=start,
            sound_end=end,
            notes=line.notes,
        )


def frames(
    path: str | os.PathLike[str], *, size: int = 256, every: float = 0.0, limits: Limits | None = None
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Walk the pictures once: (seconds, [h, w, 3] uint8 RGB), upright. Times rise strictly and the first is 0.

    Args:
        path: A local file.
        size: Pixels of the longer side, at most.
        every: Leave out pictures that follow the last one given by less than this many seconds.
        limits: Bounds on the pictures and on the time that decoding them takes.

    Raises:
        VideoError: Nothing at all can be decoded (damaged stretches are skipped), or the limits are exceeded.
    """
    limits = limits or Limits()
    watch = Stopwatch(path, limits)
    with open_video(path, limits) as container:
        stream = picture_stream(container, path)
        stream.codec_context.options = limits.decoder_options()  # pictures may grow in the middle of a film
        shrink = VideoReformatter()  # kept: it holds the scaler; a fresh one per picture costs four times as much
        width = height = 0
        last = -np.inf
        for time, picture in timed_pictures(container, stream):
            watch.check()
            if time <= last or time - last < every - 1e-9:
                continue
            if not width:
                width, height = _stored_size(picture, stream, size)
            limits.check_pictures(path, picture.width, picture.height)
            limits.check_length(path, time)
            small = shrink.reformat(picture, width=width, height=height, format="rgb24", interpolation="AREA")
            last = time
            yield time, upright(small.to_ndarray(), picture.rotation)
        if last == -np.inf:
            raise VideoError(no_picture(path))


def no_picture(path: str | os.PathLike[str]) -> str:
    """The error message for a file none of whose pictures can be decoded."""
    return f"{shown(path)}: no picture in it can be decoded; it may be cut off or damaged, export it again"


def codec_of(container: Any, stream: Any) -> str:
    """A stream's codec as FFmpeg calls it, else as the container does."""
    if stream.codec_context is None:
        return four_letter_code(container, stream)
    return stream.codec_context.codec.canonical_name


def _stored_size(picture: Any, stream: Any, size: int) -> tuple[int, int]:
    """Width and height to shrink to before turning upright, the longer side at most `size`."""
    width, height = displayed_size(picture, stream)
    scale = min(1.0, size / max(width, height))
    width, height = max(2, round(width * scale)), max(2, round(height * scale))
    return (height, width) if picture.rotation % 180 else (width, height)
