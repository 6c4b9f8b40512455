"""What each container takes, asked of FFmpeg's muxers by trial, and streams copied into one, parameters unchanged."""

import io
import os
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.bitstream import BitStreamFilterContext

from diffbgm.media.opening import data_code
from diffbgm.media.timeline import announced_rate

# Codecs of pictures that players take in each container: browsers for .mp4, QuickTime and editors for .mov. Pictures in
# any other codec are encoded again.
COPYABLE = {
    ".mp4": {"h264", "hevc", "av1", "vp9"},
    ".m4v": {"h264", "hevc"},
    ".mov": {"h264", "hevc", "prores", "mjpeg", "dnxhd", "dvvideo", "qtrle", "cfhd"},
    ".mkv": {
        *("h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video", "mpeg1video", "theora"),
        *("prores", "ffv1", "mjpeg"),
    },
}
MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
REFUSALS = (ValueError, av.error.FFmpegError)


def default_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of the scored video: that of the input where it can be written (.mp4 .m4v .mov .mkv), else .mp4."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in COPYABLE else ".mp4"


@contextmanager
def open_sink(path: Path, muxer: str, *, own_keys: bool = False, brand: str = "") -> Generator[Any]:
    """A container to write into, with the index at its start.

    Args:
        path: The file to write; its name does not matter.
        muxer: FFmpeg's name of the muxer.
        own_keys: There is metadata under keys that MP4 has no box for; they are then written as QuickTime's `mdta`.
        brand: The major brand of an MP4, where it is another than FFmpeg's.
    """
    options = {"strict": "unofficial"}  # Dolby Vision and spheres in MP4
    if muxer != "matroska":
        options["movflags"] = "+faststart+use_metadata_tags" if own_keys else "+faststart"
    if brand:
        options["brand"] = brand
    with av.open(f"file:{path}", "w", format=muxer, container_options=options) as sink:
        yield sink


def _written(file: str | io.BytesIO, muxer: str) -> Any:
    """A container to write into; PyAV leaves the options of its streams without types."""
    return av.open(file, "w", format=muxer)


def codec_name(stream: Any) -> str:
    """FFmpeg's name of the codec, whatever decoder reads it (`av1`, not `libdav1d`); "" where it is unknown."""
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else ""


def add_copy(sink: Any, stream: Any, *, aspect_in_stream: bool = False) -> Any:
    """A stream of `sink` with the parameters and the side data of `stream`, ready for its packets.

    PyAV's own templates take along neither the frame rate, which time code is counted in, nor a pixel aspect that only
    the container of `stream` knows. So the parameters are set up in a stream of FFmpeg's null muxer, without the codec
    tag of the old container, and copied from there by the `null` bitstream filter.

    Args:
        sink: The container to write.
        stream: The stream of an open container whose packets are to be copied.
        aspect_in_stream: Write the pixel aspect into the H.264 headers: PyAV reaches no field of Matroska's for it.

    Raises:
        ValueError, FFmpegError: the container does not take it.
    """
    if stream.codec_context is None:
        return sink.add_stream_from_template(stream)
    name = codec_name(stream)
    pictures = stream.type == "video"
    aspect = stream.sample_aspect_ratio if pictures else None
    with _written(os.devnull, "null") as nowhere:
        bare = nowhere.add_stream_from_template(stream, opaque=True)
        if aspect:
            bare.codec_context.sample_aspect_ratio = aspect
            if aspect_in_stream and name == "h264" and aspect != 1:
                bare.codec_context.extradata = _headers_with_aspect(stream, aspect)
        if name == "hevc" and "matroska" not in sink.format.name:
            bare.codec_context.codec_tag = "hvc1"  # the tag QuickTime wants
        nowhere.start_encoding()
        copy = sink.add_mux_stream(name, rate=announced_rate(stream) if pictures else None)
        BitStreamFilterContext("null", in_stream=bare, out_stream=copy)
    copy.time_base = stream.time_base
    return copy


def holds(stream: Any, suffix: str) -> bool:
    """Whether a container takes a stream as it is: its header is written to memory to see.

    Of data tracks FFmpeg's muxers describe only GoPro's; for others they write a description that no reader takes.
    """
    if stream.type == "data" and data_code(stream) != "gpmd":
        return False
    try:
        with av.open(io.BytesIO(), "w", format=MUXERS[suffix], container_options={"strict": "unofficial"}) as trial:
            add_copy(trial, stream)
            trial.start_encoding()
    except REFUSALS:
        return False
    return True


def has_dolby(stream: Any) -> bool:
    """Whether pictures have a Dolby Vision record; PyAV shows it nowhere, but the MP4 muxer writes it."""
    header = io.BytesIO()
    try:
        with av.open(header, "w", format="mp4", container_options={"strict": "unofficial"}) as trial:
            _mux_dummy(trial, add_copy(trial, stream))
    except REFUSALS:
        return False
    return any(box in header.getvalue() for box in (b"dvcC", b"dvvC", b"dvwC"))


def _headers_with_aspect(stream: Any, aspect: Fraction) -> bytes:
    """The H.264 headers of `stream` with a pixel aspect, as MP4 stores them: the filter itself gives Annex B."""
    file = io.BytesIO()
    with _written(os.devnull, "null") as nowhere, _written(file, "mp4") as trial:
        bare = nowhere.add_stream_from_template(stream, opaque=True)
        nowhere.start_encoding()
        copy = trial.add_mux_stream("h264")
        ratio = f"{aspect.numerator}/{aspect.denominator}"
        BitStreamFilterContext(f"h264_metadata=sample_aspect_ratio={ratio}", in_stream=bare, out_stream=copy)
        copy.time_base = stream.time_base
        _mux_dummy(trial, copy)
    file.seek(0)
    with av.open(file) as written:
        return written.streams.video[0].codec_context.extradata or b""


def _mux_dummy(sink: Any, stream: Any) -> None:
    """One packet without a picture, so that the muxer writes the headers of `stream`."""
    packet = av.Packet(b"\0\0\0\2\x09\xf0")
    packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), 0, 0
    sink.mux(packet)
