"""What will happen to a film when sound is put under it: copied or encoded again, what stays behind, its length."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from diffbgm.errors import InputError, OutputError
from diffbgm.media.containers import COPYABLE, codec_name
from diffbgm.media.encode import Look, losses
from diffbgm.media.keep import Luggage, pack
from diffbgm.media.order import Shown, shown_order, stamped
from diffbgm.media.reading import VideoInfo, probe
from diffbgm.media.source import first_stamp, open_video, packets_of, picture_stream, pictures_of
from diffbgm.typed import typed

NOTICED = 0.1  # seconds of sound outside the pictures that are worth a line


@dataclass(frozen=True)
@typed(InputError)
class MuxReport:
    """What happens to a film while sound is put under it.

    pictures  whether the pictures are copied packet by packet or encoded again.
    why       why they are encoded again, and as what; empty where they are copied.
    left_out  what of the input does not get into the output, one line each, with the container that could hold it.
    duration  seconds of the output.
    """

    pictures: Literal["copied", "re-encoded"]
    why: str = ""
    left_out: tuple[str, ...] = ()
    duration: float = 0.0


@dataclass(frozen=True)
class Job:
    """One film on its way: `origin` is the time of its first picture in seconds, `end` the length of the output."""

    video: str | os.PathLike[str]
    suffix: str
    luggage: Luggage
    left_out: tuple[str, ...]
    shown: Shown | None
    origin: Fraction
    last: float
    end: float
    own_sound: bool


def plan_mux(
    video: str | os.PathLike[str],
    suffix: str,
    *,
    duration: float | None = None,
) -> MuxReport:
    """What `mux` will do, found without writing anything: one walk over the packets.

    Args:
        video: The film.
        suffix: The container: .mp4, .m4v, .mov or .mkv.
        duration: As for `mux`.

    Raises:
        VideoError: The film cannot be read.
        OutputError: The container cannot be written.
    """
    job = prepare(video, suffix.lower(), duration, own_sound=False)
    why = blocked(job)
    if not why:
        return copied_report(job)
    with open_video(video) as container:
        first = next(pictures_of(container, picture_stream(container, video)))
        return encoded_report(job, why, first)


def prepare(
    video: str | os.PathLike[str],
    suffix: str,
    duration: float | None,
    *,
    own_sound: bool,
    out: str | os.PathLike[str] | None = None,
) -> Job:
    """Reads what has to be known of a film before its pictures are copied or encoded.

    Args:
        video: The film.
        suffix: The container to write: .mp4, .m4v, .mov or .mkv.
        duration: Of the output in seconds; None: the length that players show.
        own_sound: As for `mux`; passed on in the job.
        out: The file to write; only named in the error.

    Raises:
        VideoError: The film cannot be read.
        OutputError: The container cannot be written.
    """
    if suffix not in COPYABLE:
        what = f"{out}: cannot write" if out is not None else "cannot write"
        raise OutputError(f"{what} {suffix or 'a file without suffix'}; use one of {', '.join(COPYABLE)}")
    info = probe(video)
    shown = shown_order(video)
    start = first_stamp(video) if shown is None else shown.stamps[0]
    with open_video(video) as container:
        base = picture_stream(container, video).time_base
    origin = (start or 0) * base
    end = info.shown_duration if duration is None else duration
    luggage = pack(video, suffix)
    left_out = (*luggage.left_out, *unheard(info, end))
    return Job(video, suffix, luggage, left_out, shown, origin, info.last_frame, end, own_sound)


def blocked(job: Job) -> str:
    """Why the pictures cannot be copied, as far as it can be told beforehand; empty where they can."""
    with open_video(job.video) as container:
        stream = picture_stream(container, job.video)
        name = codec_name(stream)
        if name not in COPYABLE[job.suffix]:
            others = [s for s in (".mov", ".mkv", ".mp4") if name in COPYABLE[s]]
            hint = f" ({others[0]} holds them as they are)" if others else ""
            return f"players do not take {name.upper()} pictures in {job.suffix}{hint}"
        if job.shown is not None:
            return "" if job.shown.stored else "the container does not say in which order the pictures are shown"
        last: int | None = None
        for packet in stamped(packets_of(container, stream), stream):
            if packet.pts is None or packet.dts is None:
                return "the pictures carry no times"
            if last is not None and packet.dts <= last:
                return "the film is stored as pieces (an edit list, or times that go back) that no copy can follow"
            last = packet.dts
            hidden = packet.is_discard and packet.pts * packet.time_base < job.origin
            if hidden and job.suffix == ".mkv":
                return "an edit list hides pictures, which .mkv cannot (.mp4 holds them as they are)"
    return ""


def unheard(info: VideoInfo, end: float) -> list[str]:
    """Lines about the film's own sound that lies outside the pictures and so is not in an output of `end` seconds."""
    if info.sound_start is None or info.sound_end is None:
        return []
    lines: list[str] = []
    if -info.sound_start > NOTICED:
        lines.append(f"{-info.sound_start:.2f} s of sound before the first picture")
    if info.sound_end - end > NOTICED:
        lines.append(f"{info.sound_end - end:.2f} s of sound after the end")
    return lines


def copied_report(job: Job) -> MuxReport:
    """The report where the pictures are copied."""
    lost = [f"the {what}: write .mkv to keep it" for what in job.luggage.marks.lost(job.luggage.muxer)]
    return MuxReport("copied", "", (*job.left_out, *lost), job.end)


def encoded_report(job: Job, why: str, first: Any) -> MuxReport:
    """The report where pictures like the first one are encoded again."""
    look = Look.of(first)
    marks = job.luggage.marks.lost(job.luggage.muxer, encoded=True, turned=bool(look.turn))
    lost = [f"the {what} of the pictures, which are encoded again" for what in (*marks, *losses(first))]
    return MuxReport("re-encoded", f"{why}; encoded as {look}", (*job.left_out, *lost), job.end)
