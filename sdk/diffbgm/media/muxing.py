"""Put sound under a video: the pictures copied where that can be, else encoded again."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from diffbgm.errors import OutputError, VideoError
from diffbgm.files import replacing
from diffbgm.media.reading import probe
from diffbgm.media.source import (
    DEFAULT_FRAME,
    MOST_HELD,
    displayed_size,
    first_stamp,
    open_video,
    packets_of,
    picture_stream,
    timed_pictures,
    upright,
    usual_step,
)
from diffbgm.media.writing import PictureTrack, SoundTrack
from diffbgm.types import Audio

OnProgress = Callable[[float, str], None]

AAC_BLOCK = 1024  # samples
# What players and browsers accept in each container; everything else is encoded again.
COPYABLE = {
    ".mp4": {"h264", "hevc", "av1", "vp9"},
    ".m4v": {"h264", "hevc"},
    ".mov": {"h264", "hevc"},
    ".mkv": {"h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video"},
}


def mux(
    video: str | os.PathLike[str],
    audio: Audio,
    out: str | os.PathLike[str],
    *,
    duration: float | None = None,
    on_progress: OnProgress | None = None,
) -> Literal["copied", "re-encoded"]:
    """Write `video` with `audio` as its only sound; says whether the pictures were copied or encoded again.

    Pictures are copied packet by packet, bit for bit, where players take their codec in the container that `out` asks
    for by its suffix (.mp4, .m4v, .mov, .mkv; see COPYABLE). Otherwise (vp8, mjpeg, gif, DivX in AVI, ...) they are
    encoded as H.264, upright, in square pixels, even-sized, each at its own time. The sound becomes AAC and is cut or
    padded with silence to end with the last picture; `duration` in seconds ends both earlier. Subtitles and chapters
    are left behind. Raises VideoError for what cannot be read and OutputError for what cannot be written.
    """
    suffix = Path(out).suffix.lower()
    if suffix not in COPYABLE:
        raise OutputError(f"{out}: cannot write {suffix or 'a file without suffix'}; use one of {', '.join(COPYABLE)}")
    info = probe(video)
    end = info.duration if duration is None else min(duration, info.duration)
    length = _sound_length(audio.rate, end, frame=1 / info.frame_rate if info.frame_rate else DEFAULT_FRAME)
    report = on_progress or (lambda fraction, message: None)
    if info.codec in COPYABLE[suffix]:
        with replacing(out, av.error.FFmpegError) as temporary:
            if _copy(video, audio, length, temporary, end, report):
                return "copied"
            _encode(video, audio, length, temporary, end, report)
    else:
        with replacing(out, av.error.FFmpegError) as temporary:
            _encode(video, audio, length, temporary, end, report)
    return "re-encoded"


def _sound_length(rate: int, seconds: float, frame: float) -> int:
    """Samples to which the sound is cut or padded with silence.

    AAC comes in blocks, and decoders that ignore the container's edit list play the padding of the last one (up to 21
    ms at 48 kHz). Where that is longer than a `frame` of the video, the sound ends with its last whole block instead.
    """
    wanted = max(1, round(seconds * rate))
    if -wanted % AAC_BLOCK / rate > frame and wanted > AAC_BLOCK:
        wanted -= wanted % AAC_BLOCK
    return wanted


def _copy(
    video: str | os.PathLike[str], audio: Audio, length: int, target: Path, end: float, report: OnProgress
) -> bool:
    """Copy the packets of the pictures and add the sound; False where they lack times or the container refuses."""
    options = {} if target.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
    start = first_stamp(video)
    with open_video(video) as source, av.open(str(target), "w", options=options) as sink:
        stream = picture_stream(source, video)
        try:
            picture = sink.add_stream_from_template(stream)
        except (ValueError, av.error.FFmpegError):
            return False
        if stream.codec_context.name == "hevc" and target.suffix.lower() != ".mkv":
            picture.codec_context.codec_tag = "hvc1"  # the tag QuickTime wants
        sound = SoundTrack(sink, audio, "aac", "fltp", length)
        for packet in _stamped(packets_of(source, stream), stream):
            if packet.pts is None or packet.dts is None or start is None:
                return False
            time = float((packet.pts - start) * packet.time_base)
            if time >= end - 1e-6 or (time < 0 and not packet.is_discard):
                continue
            packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, picture
            sound.write_until(time)
            try:
                sink.mux(packet)
            except (ValueError, av.error.InvalidDataError):
                return False
            report(min(1.0, time / end), "Writing the video")
        sound.write_until(np.inf)
        sound.finish()
    return True


def _stamped(packets: Iterator[Any], stream: Any) -> Iterator[Any]:
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


def _encode(
    video: str | os.PathLike[str], audio: Audio, length: int, target: Path, end: float, report: OnProgress
) -> None:
    """Encode the pictures as H.264, upright and in square pixels, and add the sound."""
    options = {} if target.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
    with open_video(video) as source, av.open(str(target), "w", options=options) as sink:
        stream = picture_stream(source, video)
        encode = sound = None
        turn = VideoReformatter()
        for time, picture in timed_pictures(source, stream):
            if time >= end - 1e-6:
                break
            if encode is None or sound is None:
                encode = PictureTrack(sink, *displayed_size(picture, stream), quality=18)
                sound = SoundTrack(sink, audio, "aac", "fltp", length)
            if picture.rotation % 360:
                turned = upright(turn.reformat(picture, format="rgb24").to_ndarray(), picture.rotation)
                picture = av.VideoFrame.from_ndarray(turned, format="rgb24")
            encode.add(time, picture)
            sound.write_until(time)
            report(min(1.0, time / end), "Encoding the video")
        if encode is None or sound is None:
            raise VideoError(f"{video}: no picture in it can be decoded; it may be cut off or damaged, export it again")
        encode.finish(end)
        sound.write_until(np.inf)
        sound.finish()
