"""Put sound under a video: the pictures copied where that can be, else encoded again; everything else comes along."""

import math
import os
import time as clock
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.stream import Disposition

from diffbgm.errors import VideoError
from diffbgm.files import replacing
from diffbgm.media.containers import add_copy, codec_name, open_sink
from diffbgm.media.encode import Colours, PictureEncoder
from diffbgm.media.job import Job, MuxReport, blocked, copied_report, encoded_report, prepare
from diffbgm.media.keep import time_code, track_tags
from diffbgm.media.order import stamped
from diffbgm.media.passengers import Passengers, has_own_keys, tag_as_new, tag_film
from diffbgm.media.settling import Told, settle
from diffbgm.media.source import (
    DEFAULT_FRAME,
    announced_rate,
    open_video,
    packets_of,
    picture_stream,
    pictures_of,
    timed_pictures,
)
from diffbgm.media.writing import SoundTrack
from diffbgm.progress import Progress, silent
from diffbgm.types import Audio

AAC_BLOCK = 1024  # samples


class _Refused(Exception):
    """The pictures cannot be copied; says why."""


def mux(
    video: str | os.PathLike[str],
    audio: Audio,
    out: str | os.PathLike[str],
    *,
    duration: float | None = None,
    own_sound: bool = False,
    tags: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
) -> MuxReport:
    """Writes `video` with `audio` in the place of its own sound, and with everything else that lies in it.

    Its own sound is what players play: all mono tracks of one camera, else the default track.

    Pictures are copied packet by packet, bit for bit, where players take their codec in the container that `out` asks
    for by its suffix (.mp4, .m4v, .mov, .mkv; see COPYABLE). Otherwise (VP8, GIF, DivX in AVI, ...) they are encoded as
    H.264, or as HEVC where they have more than 8 bits, each at its own time; see `encode`. The sound becomes AAC.
    Further sound tracks, subtitles, attachments, data, chapters, covers, tags and side data come along as far as the
    container takes them; the report names what does not.

    Args:
        video: The film.
        audio: Sound that begins with the first picture; cut or padded with silence to the length of the output.
        out: The file to write.
        duration: Seconds of the output: the last picture stays until then, or what comes later is cut. None: the
            length that players show.
        own_sound: `audio` holds the film's own sound, whose language and title the new track then takes over.
        tags: Title and comment of the output, where the film has none of its own.
        on_progress: Called with a fraction from 0 to 1 and what is being done.

    Raises:
        VideoError: The film cannot be read.
        OutputError: The file cannot be written.
    """
    suffix = Path(out).suffix.lower()
    job = prepare(video, suffix, duration, own_sound=own_sound, out=out)
    why = blocked(job)
    report = on_progress or silent
    with replacing(out, av.error.FFmpegError) as temporary:
        if not why:
            try:
                _copy(job, audio, temporary, report, tags or {})
                _check_copy(temporary)
                return copied_report(job)
            except _Refused as e:
                why = str(e)
        first = _encode(job, audio, temporary, report, tags or {})
    return encoded_report(job, why, first)


def _sound_length(rate: int, seconds: float, frame: float) -> int:
    """Samples to which the sound is cut or padded with silence.

    AAC comes in blocks, and decoders that ignore the container's edit list play the padding of the last one (up to 21
    ms at 48 kHz). Where that is longer than a `frame` of the video, the sound ends with its last whole block instead.
    """
    wanted = max(1, round(seconds * rate))
    if -wanted % AAC_BLOCK / rate > frame and wanted > AAC_BLOCK:
        wanted -= wanted % AAC_BLOCK
    return wanted


class _Film:
    """Everything of the output but the pictures: the scored sound, the passengers, tags and chapters."""

    def __init__(self, job: Job, audio: Audio, sink: Any, source: Any, pictures: Any, copy: Any) -> None:
        rate = announced_rate(pictures)
        length = _sound_length(audio.rate, job.end, frame=1 / float(rate) if rate else DEFAULT_FRAME)
        copy.metadata.update(track_tags(pictures, job.luggage.muxer))
        code = time_code(source, pictures)
        if code is not None:
            copy.metadata["timecode"] = code
        copy.disposition = Disposition.default
        self._sound = SoundTrack(sink, audio, "aac", "fltp", length)
        self._sound.stream.disposition = Disposition.default
        if job.own_sound and job.luggage.sound >= 0:
            self._sound.stream.metadata.update(track_tags(source.streams[job.luggage.sound], job.luggage.muxer))
        self._open = ExitStack()
        self._passengers = Passengers(
            *(sink, source, job.luggage.tracks, job.luggage.muxer, job.origin, job.end),
            reopen=lambda: self._open.enter_context(open_video(job.video)),
        )
        tag_film(sink, source, job.origin, job.end)

    def write_until(self, time: float) -> None:
        self._sound.write_until(time)
        self._passengers.write_until(time)

    def finish(self) -> None:
        self.write_until(np.inf)
        self._sound.finish()
        self._open.close()


@contextmanager
def _sink_for(job: Job, source: Any, target: Path) -> Generator[Any]:
    muxer = job.luggage.muxer
    brand = "qt  " if job.suffix == ".mov" and muxer == "mp4" else ""
    with open_sink(target, muxer, own_keys=has_own_keys(source, job.suffix), brand=brand) as sink:
        yield sink
        tracks = [Told(s.metadata.get("language", ""), _is_optional(s)) for s in sink.streams]
    if muxer != "matroska":
        settle(target, job.luggage.marks, tracks)


def _is_optional(stream: Any) -> bool:
    return stream.type == "subtitle" and not stream.disposition & Disposition.default


def _copy(job: Job, audio: Audio, target: Path, report: Progress, tags: Mapping[str, str]) -> None:
    """Copies the packets of the pictures and adds the rest; _Refused where the container does not take them."""
    with open_video(job.video) as source, open_video(job.video) as rest:
        stream = picture_stream(source, job.video)
        with _sink_for(job, source, target) as sink:
            try:
                picture = add_copy(sink, stream, aspect_in_stream=job.suffix == ".mkv")
            except (ValueError, av.error.FFmpegError) as e:
                raise _Refused(f"{job.suffix} does not take these {codec_name(stream).upper()} pictures") from e
            film = _Film(job, audio, sink, rest, stream, picture)
            tag_as_new(sink, tags)
            start = job.origin / stream.time_base
            for number, packet in enumerate(stamped(packets_of(source, stream), stream)):
                if job.shown is not None:
                    packet.pts, packet.dts = job.shown.stored[number], packet.dts - job.shown.delay
                time = float((packet.pts - start) * packet.time_base)
                if time >= job.end - 1e-6 or (time < 0 and not packet.is_discard):
                    continue
                left = (job.end - time) / packet.time_base
                if abs(time - job.last) < 1e-6:  # the last picture stays until the end
                    packet.duration = max(packet.duration, int(left))
                packet.duration = min(packet.duration, math.ceil(left))  # whatever it claims
                packet.pts, packet.dts, packet.stream = packet.pts - int(start), packet.dts - int(start), picture
                film.write_until(time)
                try:
                    sink.mux(packet)
                except (ValueError, av.error.InvalidDataError) as e:
                    raise _Refused(f"{job.suffix} does not take the pictures as they are stored") from e
                report(min(1.0, max(0.0, time / job.end)), "Writing the video")
            film.finish()


def _check_copy(written: Path) -> None:
    """_Refused where FFmpeg cannot open what was written: its muxers take damaged headers that its demuxers do not."""
    try:
        with av.open(f"file:{written}"):
            pass
    except av.error.FFmpegError as e:
        raise _Refused("the headers of the pictures are damaged") from e


def _encode(job: Job, audio: Audio, target: Path, report: Progress, tags: Mapping[str, str]) -> Any:
    """Encodes the pictures and adds the rest; gives the first picture."""
    began = clock.monotonic()
    with open_video(job.video) as source, open_video(job.video) as rest:
        stream = picture_stream(source, job.video)
        with _sink_for(job, source, target) as sink:
            encode = film = first = None
            colours = Colours.of(stream.codec_context)
            for time, picture in _shown_pictures(job, source, stream):
                if time >= job.end - 1e-6:
                    break
                if encode is None or film is None:
                    encode = PictureEncoder(
                        sink,
                        picture,
                        aspect=stream.sample_aspect_ratio,
                        rate=announced_rate(stream),
                        colours=colours,
                        marks=job.luggage.marks,
                    )
                    first = picture
                    film = _Film(job, audio, sink, rest, stream, encode.stream)
                    tag_as_new(sink, tags)
                encode.add(time, picture)
                film.write_until(time)
                done = min(1.0, time / job.end)
                report(done, f"Encoding the video{_time_left(clock.monotonic() - began, done)}")
            if encode is None or film is None:
                raise VideoError(
                    f"{job.video}: no picture in it can be decoded; it may be cut off or damaged, export it again"
                )
            encode.finish(job.end)
            film.finish()
    return first


def _shown_pictures(job: Job, source: Any, stream: Any) -> Any:
    """Decoded pictures with their times in seconds, from 0."""
    if job.shown is None:
        yield from timed_pictures(source, stream)
        return
    first = job.shown.stamps[0]
    for stamp, picture in zip(job.shown.stamps, pictures_of(source, stream), strict=False):
        yield float((stamp - first) * stream.time_base), picture


def _time_left(seconds: float, done: float) -> str:
    if seconds < 5 or done < 0.01:
        return ""
    left = seconds * (1 - done) / done
    return f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"
