"""Films of all kinds through the muxer: is the output as long as players show the input, and are its pictures the same?

    python -m tests.bench.films [name ...]

Draws every kind of `KINDS`, puts its own sound under it again, and prints a table; exit code 1 where one is wrong. What
players show is found without the SDK's own timeline: FFmpeg decodes all pictures and sound of the default tracks.
"""

import argparse
import struct
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np
from tests.media.film import (
    FLASH,
    HZ,
    MILLISECONDS,
    RATE,
    SECONDS,
    beep,
    display_matrix,
    film,
    packet,
    stored,
)

from diffbgm import media

SLOW = [0.0, 0.1, 0.15, 0.4, 0.5, FLASH, 0.7, 0.8, 1.0, 1.1]  # a variable rate
PLAIN = {"codec": "aac"}
ASS = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,16\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
Draw = Callable[[Path], Path]


def kind(suffix: str, **options: Any) -> Draw:
    """A film that `tests.media.film.film` draws in one go."""
    return lambda path: film(path.with_suffix(suffix), **options)


def sound(codec: str, **more: Any) -> tuple[dict[str, Any], ...]:
    """One sound track."""
    return ({"codec": codec, **more},)


def tagged(primaries: int, transfer: int, matrix: int, span: int = 1) -> Callable[[Any], None]:
    """Colours, by FFmpeg's numbers."""

    def set_up(context: Any) -> None:
        context.color_primaries, context.color_trc = primaries, transfer
        context.colorspace, context.color_range = matrix, span

    return set_up


def aspect(context: Any) -> None:
    """Pixels of 4:3."""
    context.sample_aspect_ratio = Fraction(4, 3)


def turned(a: int, b: int, c: int, d: int, suffix: str = ".mp4", **options: Any) -> Draw:
    """A film with a display matrix."""

    def draw(path: Path) -> Path:
        made = film(path.with_suffix(suffix), **options)
        display_matrix(made, a, b, c, d)
        return made

    return draw


def repacked(
    source: Draw,
    suffix: str,
    change: Callable[[Any, int], bool] = lambda packet, number: True,
    options: dict[str, str] | None = None,
    form: str | None = None,
) -> Draw:
    """The packets of another film, those kept for which `change(packet, number in its stream)` says so."""

    def draw(path: Path) -> Path:
        first, made = source(path.with_name(path.name + "-0")), path.with_suffix(suffix)
        with av.open(str(first)) as old, av.open(str(made), "w", format=form, container_options=options or {}) as new:
            streams = {s.index: new.add_stream_from_template(s) for s in old.streams}
            numbers = dict.fromkeys(streams, 0)
            for p in old.demux():
                if p.dts is None or not p.size:
                    continue
                number, numbers[p.stream.index] = numbers[p.stream.index], numbers[p.stream.index] + 1
                if change(p, number):
                    p.stream = streams[p.stream.index]
                    new.mux(p)
        return made

    return draw


def late(seconds: float, which: str = "") -> Callable[[Any, int], bool]:
    """Moves the streams of a type (all of them by default) in time."""

    def change(p: Any, _: int) -> bool:
        if p.stream.type == which or not which:
            ticks = round(seconds / p.time_base)
            p.pts, p.dts = p.pts + ticks, p.dts + ticks
        return True

    return change


def cut(which: str, first: float, last: float) -> Callable[[Any, int], bool]:
    """Leaves out what of a type of stream lies between two times."""
    return lambda p, _: p.stream.type != which or not first <= float(p.pts * p.time_base) < last


def with_text(codec: str, data: bytes, header: bytes = b"") -> Callable[[Any], Sequence[Any]]:
    """A line of subtitles."""

    def more(out: Any) -> Sequence[Any]:
        if header:
            text = out.add_stream(codec)
            text.codec_context.subtitle_header, text.time_base = header, MILLISECONDS
        else:
            text = out.add_mux_stream(codec, time_base=MILLISECONDS)
        text.metadata["language"] = "ger"
        return [packet(text, data, 0.3, 0.5)]

    return more


def with_chapters(out: Any) -> Sequence[Any]:
    """Two chapters."""
    edges = [(0, 500, "One"), (500, 1200, "Two")]
    out.set_chapters(
        [
            {"id": i, "start": a, "end": b, "time_base": MILLISECONDS, "metadata": {"title": t}}
            for i, (a, b, t) in enumerate(edges)
        ]
    )
    return []


def with_cover(out: Any) -> Sequence[Any]:
    """A cover picture."""
    painter: Any = av.CodecContext.create("png", "w")
    painter.width, painter.height, painter.pix_fmt, painter.time_base = 32, 32, "rgb24", MILLISECONDS
    (png,) = painter.encode(av.VideoFrame(32, 32, "rgb24")) + painter.encode(None)
    stream = out.add_mux_stream("png", width=32, height=32, time_base=MILLISECONDS)
    stream.disposition = av.stream.Disposition.attached_pic
    return [packet(stream, bytes(png), 0, 0)]


def with_empty_tracks(out: Any) -> Sequence[Any]:
    """A sound and a subtitle track without a packet."""
    silent = out.add_stream("aac", rate=48_000, layout="stereo")
    silent.disposition = av.stream.Disposition(0)
    out.add_mux_stream("mov_text", time_base=MILLISECONDS)
    return []


def with_telemetry(out: Any) -> Sequence[Any]:
    """What stands for a data track, see `telemetry`."""
    places = out.add_mux_stream("mov_text", time_base=MILLISECONDS)
    return [packet(places, struct.pack(">H", 6) + b"line %d" % i, i / 3, 0.3) for i in range(3)]


def telemetry(path: Path) -> Path:
    """A film with a data track, as sport cameras write it."""
    made = film(path.with_suffix(".mp4"), more=with_telemetry)
    made.write_bytes(made.read_bytes().replace(b"sbtl", b"meta").replace(b"tx3g", b"gpmd"))
    return made


B_FRAMES = {"g": "25", "bf": "3", "preset": "veryfast"}
FAST_VPX = {"deadline": "realtime", "cpu-used": "8"}
MONO = {"codec": "pcm_s16le", "layout": "mono"}
FLAGGED = {"g": "25", "preset": "veryfast", "x264-params": "tff=1"}

KINDS: dict[str, Draw] = {
    "H.264 mp4": kind(".mp4"),
    "H.264 B-frames mp4": kind(".mp4", options=B_FRAMES),
    "H.264 B-frames mov, PCM": kind(".mov", options=B_FRAMES, sounds=sound("pcm_s16le")),
    "H.264 B-frames mkv, Opus": kind(".mkv", options=B_FRAMES, sounds=sound("libopus")),
    "H.264 B-frames ts, AC-3": kind(".ts", options=B_FRAMES, sounds=sound("ac3")),
    "H.264 m2ts": kind(".m2ts", options=B_FRAMES, sounds=sound("ac3")),
    "H.264 B-frames avi, MP3": kind(".avi", options=B_FRAMES, sounds=sound("libmp3lame")),
    "H.264 flv": kind(".flv", options=B_FRAMES),
    "H.264 f4v": kind(".f4v", options=B_FRAMES),
    "H.264 3gp": kind(".3gp"),
    "H.264 nut": kind(".nut", options=B_FRAMES, sounds=sound("ac3")),
    "H.264 mp4, Opus": kind(".mp4", sounds=sound("libopus")),
    "H.264 mp4, FLAC": kind(".mp4", sounds=sound("flac"), container={"strict": "-2"}),
    "H.264 mp4, MP3": kind(".mp4", sounds=sound("libmp3lame")),
    "H.264 mp4 in fragments": kind(
        ".mp4", options=B_FRAMES, container={"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    ),
    "H.264 without B-frames, no edit list": kind(
        ".mp4", options={"bf": "0", "preset": "veryfast"}, container={"use_editlist": "0"}
    ),
    "H.264 B-frames, no edit list": kind(".mp4", options=B_FRAMES, container={"use_editlist": "0"}),
    "H.264 4:2:2 10 bits mov": kind(".mov", pix="yuv422p10le", sounds=sound("pcm_s24le")),
    "H.264 4:4:4 mkv": kind(".mkv", pix="yuv444p"),
    "H.264 interlaced mp4": kind(".mp4", options=FLAGGED),
    "HEVC mp4": kind(".mp4", codec="libx265", options={"x265-params": "log-level=error"}),
    "HEVC HLG mov": kind(
        ".mov",
        codec="libx265",
        pix="yuv420p10le",
        options={"x265-params": "log-level=error"},
        set_up=tagged(9, 18, 9),
    ),
    "HEVC PQ mkv": kind(
        ".mkv",
        codec="libx265",
        pix="yuv420p10le",
        options={
            "x265-params": "log-level=error:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
            "L(10000000,1):max-cll=1000,400"
        },
        set_up=tagged(9, 16, 9),
    ),
    "VP9 webm": kind(".webm", codec="libvpx-vp9", options=FAST_VPX, sounds=sound("libopus")),
    "VP9 mp4": kind(".mp4", codec="libvpx-vp9", options=FAST_VPX),
    "VP9 alpha webm": kind(".webm", codec="libvpx-vp9", pix="yuva420p", options=FAST_VPX, sounds=sound("libopus")),
    "VP8 webm": kind(".webm", codec="libvpx", options=FAST_VPX, sounds=sound("libopus")),
    "AV1 webm": kind(".webm", codec="libsvtav1", options={"preset": "12"}, sounds=sound("libopus")),
    "AV1 mp4": kind(".mp4", codec="libsvtav1", options={"preset": "12"}),
    "AV1 ivf": kind(".ivf", codec="libsvtav1", options={"preset": "12"}, sounds=()),
    "MPEG-4 avi": kind(".avi", codec="mpeg4", options={}, sounds=sound("libmp3lame")),
    "MPEG-4 B-frames avi": kind(".avi", codec="mpeg4", options={"bf": "2"}, sounds=sound("libmp3lame")),
    "MPEG-4 mkv": kind(".mkv", codec="mpeg4", options={"bf": "2"}, sounds=sound("ac3")),
    "MPEG-2 mpg": kind(".mpg", codec="mpeg2video", options={"bf": "2"}, sounds=sound("mp2")),
    "MPEG-2 ts": kind(".ts", codec="mpeg2video", options={"bf": "2"}, sounds=sound("mp2")),
    "MPEG-2 mxf": kind(".mxf", codec="mpeg2video", options={"b": "2M"}, sounds=sound("pcm_s16le")),
    "MPEG-1 mpg": kind(".mpg", codec="mpeg1video", options={"bf": "2"}, sounds=sound("mp2")),
    "WMV asf": kind(".wmv", codec="wmv2", options={}, sounds=sound("libmp3lame")),
    "MJPEG avi": kind(".avi", codec="mjpeg", pix="yuvj420p", options={}, sounds=sound("pcm_s16le")),
    "MJPEG mov": kind(".mov", codec="mjpeg", pix="yuvj422p", options={}, sounds=sound("pcm_s16be")),
    "MJPEG odd size": kind(".avi", codec="mjpeg", pix="yuvj444p", options={}, sounds=sound("pcm_u8"), size=(161, 97)),
    "DV": kind(".dv", codec="dvvideo", options={}, sounds=sound("pcm_s16le"), size=(720, 576)),
    "DV avi": kind(".avi", codec="dvvideo", options={}, sounds=sound("pcm_s16le"), size=(720, 576)),
    "ProRes mov": kind(".mov", codec="prores_ks", pix="yuv422p10le", options={}, sounds=sound("pcm_s24le")),
    "DNxHD mov": kind(
        ".mov",
        codec="dnxhd",
        pix="yuv422p",
        options={"profile": "dnxhr_lb"},
        sounds=sound("pcm_s16le"),
        size=(256, 128),
    ),
    "FFV1 mkv": kind(".mkv", codec="ffv1", options={}, sounds=sound("flac")),
    "HuffYUV avi": kind(".avi", codec="huffyuv", pix="yuv422p", options={}, sounds=sound("pcm_s16le")),
    "QuickTime RLE mov": kind(".mov", codec="qtrle", pix="rgb24", options={}, sounds=sound("pcm_s16le")),
    "raw avi": kind(".avi", codec="rawvideo", options={}, sounds=sound("pcm_s16le")),
    "Opus and VP8 ogg": kind(".ogv", codec="libvpx", options=FAST_VPX, sounds=sound("libopus")),
    "FLV1 flv": kind(".flv", codec="flv", options={}, sounds=sound("libmp3lame")),
    "gif": kind(".gif", codec="gif", pix="rgb8", options={}, sounds=()),
    "apng": kind(".apng", codec="apng", pix="rgb24", options={}, sounds=()),
    "y4m": kind(".y4m", codec="wrapped_avframe", options={}, sounds=()),
    "no sound": kind(".mp4", sounds=()),
    "variable rate mp4": kind(".mp4", times=SLOW),
    "variable rate mkv": kind(".mkv", times=SLOW),
    "variable rate webm": kind(".webm", times=SLOW, codec="libvpx", options=FAST_VPX, sounds=sound("libopus")),
    "pixel aspect mkv": kind(".mkv", set_up=aspect),
    "pixel aspect mpg": kind(".mpg", codec="mpeg2video", options={}, sounds=sound("mp2"), set_up=aspect),
    "full range mp4": kind(".mp4", pix="yuvj420p", set_up=tagged(1, 1, 1, 2)),
    "turned mp4": turned(0, 1, -1, 0),
    "turned and mirrored mp4": turned(0, 1, 1, 0),
    "mirrored MJPEG mov": turned(
        -1, 0, 0, 1, ".mov", codec="mjpeg", pix="yuvj420p", options={}, sounds=sound("pcm_s16le")
    ),
    "starts at 5 s mkv": repacked(kind(".mp4"), ".mkv", late(5.0), {"avoid_negative_ts": "disabled"}),
    "starts at 5 s mp4": repacked(kind(".mp4", options=B_FRAMES), ".mp4", late(5.0)),
    "starts before 0 mp4": repacked(kind(".mp4"), ".mp4", late(-0.2), {"avoid_negative_ts": "disabled"}),
    "sound 0.2 s late mp4": repacked(kind(".mp4"), ".mp4", late(0.2, "audio")),
    "sound 0.2 s late mkv": repacked(kind(".mp4"), ".mkv", late(0.2, "audio")),
    "pictures 0.2 s late mp4": repacked(kind(".mp4"), ".mp4", late(0.2, "video")),
    "gap in the sound mp4": repacked(kind(".mp4"), ".mp4", cut("audio", 0.2, 0.5)),
    "gap in the sound mkv": repacked(kind(".mp4"), ".mkv", cut("audio", 0.2, 0.5)),
    "gap in the sound ts": repacked(kind(".ts"), ".ts", cut("audio", 1.6, 1.9)),
    "gap in the pictures mkv": repacked(kind(".mp4"), ".mkv", cut("video", 0.2, 0.5)),
    "pictures end early mkv": repacked(kind(".mp4"), ".mkv", cut("video", 0.9, 9.0)),
    "sound ends early mp4": repacked(kind(".mp4"), ".mp4", cut("audio", 0.9, 9.0)),
    "5.1 mkv": kind(".mkv", sounds=sound("ac3", layout="5.1")),
    "5.1 mp4": kind(".mp4", sounds=sound("aac", layout="5.1")),
    "quad mkv": kind(".mkv", sounds=sound("pcm_s16le", layout="quad")),
    "two microphones mov": kind(".mov", sounds=(MONO, MONO)),
    "two languages mkv": kind(
        ".mkv",
        sounds=({"tags": {"language": "ger"}}, {"tags": {"language": "fre"}, "default": False}),
    ),
    "SubRip mkv": kind(".mkv", more=with_text("subrip", b"Hello")),
    "ASS mkv": kind(".mkv", more=with_text("ass", b"0,0,Default,,0,0,0,,Hello", ASS)),
    "WebVTT webm": kind(
        ".webm", codec="libvpx", options=FAST_VPX, sounds=sound("libopus"), more=with_text("webvtt", b"Hello")
    ),
    "mov_text mp4": kind(".mp4", more=with_text("mov_text", struct.pack(">H", 5) + b"Hello")),
    "chapters mkv": kind(".mkv", more=with_chapters),
    "chapters mp4": kind(".mp4", more=with_chapters),
    "cover mp4": kind(".mp4", more=with_cover),
    "telemetry mp4": telemetry,
    "empty tracks mp4": kind(".mp4", more=with_empty_tracks),
    "time code mov": kind(".mov", picture_tags={"timecode": "10:00:00:00"}),
}


@dataclass(frozen=True)
class Row:
    """How one film came through: lengths in seconds, and what is wrong."""

    name: str
    shown: float
    out: float
    pictures: str
    left_out: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Played:
    """What FFmpeg plays of a film: times of the pictures from the first one on, seconds to the end, flash to tone."""

    times: list[float]
    step: float
    end: float
    lag: float


def play(path: Path) -> Played:
    """Decodes all of a film."""
    with av.open(str(path)) as container:
        stream = max(container.streams.video, key=lambda s: s.disposition & 1)
        by_decoding = container.format.name in ("avi", "asf")  # containers that know the order of decoding only
        due = iter(sorted(p.pts for p in container.demux(stream) if p.size and p.pts is not None))
        step, base, index = 1 / float(stream.average_rate or RATE), stream.time_base, stream.index
    stamps, flash, length = [], 0.0, 0.0
    with av.open(str(path)) as container:
        for p in container.decode(container.streams[index]):
            stamps.append(float((next(due) if by_decoding else p.pts) * base))
            length = float((p.duration or 0) * base) or step
            if not flash and p.reformat(format="rgb24").to_ndarray().mean() > 235:
                flash = stamps[-1]
        claimed = (container.duration or 0) / 1e6 if "mp4" in container.format.name else 0.0
    times = [stamp - stamps[0] for stamp in stamps]
    end, lag = times[-1] + length, 0.0
    if claimed:  # where pictures are stored in another order, MP4 tells only this of the last one's length
        end = min(end, max(claimed - stamps[0], times[-1]))
    wave = np.zeros(20 * HZ)
    with av.open(str(path)) as container:
        for p in container.decode(audio=0) if container.streams.audio else ():
            if p.pts is not None:
                first = round(float(p.pts * p.time_base) * p.sample_rate)
                fit = av.AudioResampler(format="fltp", layout="mono", rate=p.sample_rate)
                sound = np.concatenate([q.to_ndarray()[0] for q in (*fit.resample(p), *fit.resample(None))])
                wave[max(0, first) : first + len(sound)] = sound[max(0, -first) :]
                sound_end = first / p.sample_rate + len(sound) / p.sample_rate - stamps[0]
    if wave.any():
        end = sound_end if sound_end > end + max(0.1, length) else end
        lag = first_tone(wave[: int((stamps[-1] + 2) * HZ)], HZ) - flash
    return Played(times, length, end, lag)


def first_tone(wave: np.ndarray, rate: int) -> float:
    """Seconds at which the tone begins."""
    size, hop = rate // 100, rate // 400
    starts = range(0, len(wave) - size, hop)
    window = np.hanning(size)
    power = np.array([abs(np.fft.rfft(wave[s : s + size] * window))[35] for s in starts])
    return float((np.argmax(power > power.max() / 2) * hop + size / 2) / rate)


def try_film(name: str, folder: Path, suffix: str | None = None) -> Row:
    """Draws a film, puts its own sound under it again, and measures the output."""
    source = KINDS[name](folder / "".join(letter for letter in name if letter.isalnum()))
    was = play(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = media.read_audio(source)
        target = folder / f"{source.stem}-out{suffix or media.default_suffix(source)}"
        report = media.mux(source, own or beep(), target, own_sound=own is not None)
    now = play(target)
    wrong = []
    if max(abs(now.end - was.end), abs(report.duration - was.end)) > was.step + 1e-3:
        wrong.append(f"lasts {now.end:.3f} s (report: {report.duration:.3f}), not {was.end:.3f}")
    if len(now.times) != len(was.times) or np.abs(np.subtract(now.times, was.times)).max() > 0.003:
        first, last = np.round(now.times[:4], 3), np.round(was.times[:4], 3)
        wrong.append(f"{len(now.times)} pictures at {first}, not {len(was.times)} at {last}")
    if report.pictures == "copied" and picture_hashes(target) != picture_hashes(source):
        wrong.append("other pictures")
    if own is not None and abs(now.lag - was.lag) > 0.02:
        wrong.append(f"tone {now.lag - was.lag:+.3f} s off")
    return Row(name, was.end, now.end, report.pictures, report.left_out, tuple(wrong))


def picture_hashes(path: Path) -> list[str]:
    """Of the pictures that are stored, without what containers put around them."""
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context.codec.canonical_name
    return [sha256(bare(data, codec)).hexdigest() for data in stored(path)]


def bare(data: bytes, codec: str) -> bytes:
    """The picture in a packet: of H.264 and HEVC the largest unit, of AV1 without the delimiter."""
    if codec == "av1":
        return data.removeprefix(b"\x12\0")
    if codec not in ("h264", "hevc"):
        return data
    units, at = [], 0
    while at + 4 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data):  # they have no lengths, but start codes
        units = data.split(b"\0\0\1")
    return max((unit.strip(b"\0") for unit in units), key=len)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of kinds; all by default")
    parser.add_argument("--suffix", help="write this container instead of the input's own")
    args = parser.parse_args()
    chosen = [name for name in KINDS if not args.names or any(part in name for part in args.names)]
    print("| film | shown, s | output, s | pictures | left out | |\n|---|---|---|---|---|---|")
    bad = 0
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="diffbgm-films-") as folder:
            try:
                row = try_film(name, Path(folder), args.suffix)
            except Exception as e:  # a row of the table, whatever it is
                traceback.print_exc(limit=-3)
                row = Row(name, 0.0, 0.0, "", (), (f"{type(e).__name__}: {e}",))
        bad += bool(row.wrong)
        cells = (row.name, f"{row.shown:.3f}", f"{row.out:.3f}", row.pictures, "; ".join(row.left_out))
        print(f"| {' | '.join(cells)} | {'; '.join(row.wrong)} |", flush=True)
    print(f"\n{len(chosen) - bad} of {len(chosen)} films right ({SECONDS} s each)")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
