"""Encode pictures again so that one cannot see it: their bit depth, range, colours, aspect, field order and times stay.

8 bits become H.264, more become HEVC with 10 bits (H.264 with 10 bits where fields are interlaced, which HEVC handles
poorly); x264 and x265 at CRF 18. Rotation and mirroring are carried out, because PyAV cannot attach a display matrix to
an encoder's stream. RGB becomes BT.709, and is tagged so.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.codec.context import Flags
from av.filter import Graph

from diffbgm.media.marks import Marks, side_data

CLOCK = 90_000  # ticks per second
QUALITY = 18  # CRF
BT709, UNKNOWN, FULL, LIMITED = 1, 2, 2, 1  # of FFmpeg's colour tags
TOP_FIRST, BOTTOM_FIRST = 2, 3  # of FFmpeg's field orders
# What a display matrix (a b, c d) asks for, as filters.
TURNS = {
    (1, 0, 0, 1): "",
    (0, 1, -1, 0): "transpose=clock,",
    (-1, 0, 0, -1): "hflip,vflip,",
    (0, -1, 1, 0): "transpose=cclock,",
    (-1, 0, 0, 1): "hflip,",
    (1, 0, 0, -1): "vflip,",
    (0, 1, 1, 0): "transpose=cclock_flip,",
    (0, -1, -1, 0): "transpose=clock_flip,",
}


@dataclass(frozen=True)
class Colours:
    """FFmpeg's numbers for primaries, transfer, matrix and range (ITU-T H.273); 2, and 0 for the range, is unknown."""

    primaries: int
    transfer: int
    matrix: int
    range: int

    @classmethod
    def of(cls, source: Any) -> "Colours":
        """Those of a picture, or of a stream's codec context before anything was decoded."""
        return cls(source.color_primaries, source.color_trc, source.colorspace, source.color_range)

    def or_else(self, other: "Colours | None") -> "Colours":
        """These, with what is unknown taken from `other`."""
        if other is None:
            return self
        primaries, transfer, matrix = (
            b if a == UNKNOWN else a for a, b in zip(self._three(), other._three(), strict=True)
        )
        return Colours(primaries, transfer, matrix, self.range or other.range)

    def _three(self) -> tuple[int, int, int]:
        return self.primaries, self.transfer, self.matrix


@dataclass(frozen=True)
class Look:
    """How pictures like the first one are encoded.

    turn    filters that carry out the display matrix.
    deep    more than 8 bits per colour.
    fields  interlaced, and kept so; `merged`: interlaced, and not (turned on its side, or a height that H.264's
            interlaced pictures of 4:2:0 cannot have).
    """

    width: int
    height: int
    turn: str
    deep: bool
    fields: bool
    merged: bool

    @classmethod
    def of(cls, first: Any) -> "Look":
        """How a decoded picture, and those like it, are encoded; width and height in pixels, made even."""
        turn = TURNS.get(_orientation(first), "")
        width, height = (first.height, first.width) if "transpose" in turn else (first.width, first.height)
        width, height = max(2, width - width % 2), max(2, height - height % 2)
        keep = first.interlaced_frame and "transpose" not in turn and height % 4 == 0
        deep = max(part.bits for part in first.format.components) > 8
        return cls(width, height, turn, deep, keep, first.interlaced_frame and not keep)

    @property
    def turned(self) -> bool:
        """Whether the pictures are turned by a quarter, which swaps width and height."""
        return "transpose" in self.turn

    @property
    def codec(self) -> str:
        """FFmpeg's name of the encoder."""
        return "libx265" if self.deep and not self.fields else "libx264"

    def __str__(self) -> str:
        return f"{'HEVC' if self.codec == 'libx265' else 'H.264'}, {10 if self.deep else 8} bits"


def losses(first: Any) -> list[str]:
    """What encoding does not keep of pictures like the first one, one line each."""
    parts = first.format.components
    bits = max(part.bits for part in parts)
    lost = ["transparency (alpha)"] if any(part.is_alpha for part in parts) else []
    lost += [f"bits beyond 10 of {bits} per colour"] if bits > 10 else []
    return lost + (["interlacing (fields are merged into pictures)"] if Look.of(first).merged else [])


class PictureEncoder:
    """One picture track on its way into a container, every picture at its own time.

    Args:
        target: The container to write.
        first: The first picture; its format, colours and orientation hold for all.
        aspect: Width of a pixel over its height.
        rate: Pictures per second as the file announces them; only told on, times count.
        colours: What the container says of the colours; counts where the pictures say nothing.
        marks: Of the film's pictures; pictures that are turned lose them.
        quality: CRF.
    """

    def __init__(
        self,
        target: Any,
        first: Any,
        *,
        aspect: Fraction | None = None,
        rate: Fraction | None = None,
        colours: Colours | None = None,
        marks: Marks | None = None,
        quality: int = QUALITY,
    ) -> None:
        self.target = target
        look = Look.of(first)
        self.width, self.height, self.form = look.width, look.height, "yuv420p10le" if look.deep else "yuv420p"
        self._turn = look.turn
        self._weave = "bwdif=mode=send_frame:deint=interlaced," if look.merged else ""
        self._is_rgb = first.format.is_rgb or first.format.has_palette
        self._colours = Colours.of(first).or_else(colours)
        by_name = first.format.name.startswith(("yuvj", "gray"))
        self._full = not self._is_rgb and (self._colours.range == FULL or by_name)
        # No B-frames: stamps then rise in the order of storage, which keeps every picture's length exact in MP4.
        options = {"crf": str(quality), "preset": "veryfast", "bf": "0"}
        if look.codec == "libx265":
            options |= {"x265-params": ":".join(["log-level=error", "bframes=0", *_hdr_params(first)])}
        bottom = look.fields and _is_bottom_first(first)
        if look.fields:
            options["x264-params"] = "bff=1" if bottom else "tff=1"
        self.stream = target.add_stream(look.codec, rate=rate or 25, options=options)
        if marks is not None and not look.turn:
            marks.hand_to(self.stream)
        context = self.stream.codec_context
        context.width, context.height, context.pix_fmt = self.width, self.height, self.form
        self.stream.time_base = context.time_base = Fraction(1, CLOCK)
        self._tag(context)
        if aspect and aspect > 0:
            context.sample_aspect_ratio = 1 / aspect if look.turned else aspect
        if look.fields:
            context.flags |= Flags.interlaced_dct
            context.field_order = BOTTOM_FIRST if bottom else TOP_FIRST
        if look.codec == "libx265" and "matroska" not in target.format.name:
            context.codec_tag = "hvc1"
        self._graph: Any = None
        self._fits: Any = None
        self._waiting: Any = None
        self._lengths: dict[int, int] = {}  # stamp -> ticks, of what the encoder holds

    def add(self, time: float, picture: Any) -> None:
        """Encodes a picture shown from `time` in seconds on; of two at one time the later counts."""
        fits = (picture.width, picture.height, picture.format.name)
        if fits != self._fits:
            self._drain()
            self._graph, self._fits = self._filters(picture), fits
        picture.pts, picture.time_base = round(time * CLOCK), Fraction(1, CLOCK)
        self._graph.push(picture)
        self._pull()

    def finish(self, end: float) -> None:
        """The last picture stays until `end` in seconds."""
        self._drain()
        self._release(round(end * CLOCK))
        self._put(self.stream.encode(None))

    def _tag(self, context: Any) -> None:
        colours = Colours(BT709, BT709, BT709, LIMITED) if self._is_rgb else self._colours
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        context.colorspace, context.color_range = colours.matrix, FULL if self._full else colours.range

    def _filters(self, picture: Any) -> Any:
        """A filter graph that turns pictures of one size and format into those that are encoded."""
        graph = Graph()
        colours = "out_color_matrix=bt709:out_range=tv" if self._is_rgb else f"out_range={'pc' if self._full else 'tv'}"
        chain = (
            f"{self._weave}{self._turn}scale=w={self.width}:h={self.height}:interl=-1:{colours}"
            f":flags=bicubic+accurate_rnd+full_chroma_int,format={self.form}"
        )
        last = _add_buffer(graph, picture)
        for part in chain.split(","):
            name, _, arguments = part.partition("=")
            node = graph.add(name, arguments or None)
            last.link_to(node)
            last = node
        last.link_to(graph.add("buffersink"))
        graph.configure()
        return graph

    def _pull(self) -> None:
        while True:
            try:
                picture = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            stamp = round(picture.pts * picture.time_base * CLOCK)
            picture.pts, picture.time_base = stamp, Fraction(1, CLOCK)
            picture.pict_type = 0  # the encoder chooses; a decoded picture still carries the type it had
            if self._waiting is not None and stamp <= self._waiting.pts:
                picture.pts = self._waiting.pts
            else:
                self._release(stamp)
            self._waiting = picture

    def _drain(self) -> None:
        if self._graph is not None:
            self._graph.push(None)
            self._pull()

    def _release(self, until: int) -> None:
        """Encodes the picture that waited to learn how long it lasts."""
        if self._waiting is not None:
            self._lengths[self._waiting.pts] = max(1, until - self._waiting.pts)
            self._put(self.stream.encode(self._waiting))

    def _put(self, packets: Any) -> None:
        for packet in packets:
            packet.duration = self._lengths.pop(packet.pts)
            self.target.mux(packet)


def _add_buffer(graph: Graph, picture: Any) -> Any:
    """The filter that takes pictures like this one into a graph."""
    return graph.add(
        "buffer",
        f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}:time_base=1/{CLOCK}"
        f":pixel_aspect=1/1:colorspace={int(picture.colorspace)}:range={int(picture.color_range)}",
    )


def _is_bottom_first(picture: Any) -> bool:
    """Whether an interlaced picture's lower field is shown first; PyAV shows that to filters only."""
    graph = Graph()
    select = graph.add("select", "eq(interlace_type,BOTTOMFIRST)")
    _add_buffer(graph, picture).link_to(select)
    select.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(picture)
    try:
        graph.vpull()
    except av.error.BlockingIOError:
        return False
    return True


def _orientation(picture: Any) -> tuple[int, int, int, int]:
    """The display matrix of a picture, rounded to quarter turns and mirrorings."""
    data = side_data(picture, "DISPLAYMATRIX")
    if len(data) < 36:
        return (1, 0, 0, 1)
    matrix = np.frombuffer(data[:36], np.int32).reshape(3, 3)[:2, :2].astype(float)
    best = max(TURNS, key=lambda turn: float((np.reshape(turn, (2, 2)) * matrix).sum()))
    return best


def _hdr_params(picture: Any) -> list[str]:
    """x265's parameters for a picture's mastering display and light level (SMPTE ST 2086, CTA-861.3).

    PyAV hands no side data to encoders, so the C structures AVMasteringDisplayMetadata (ten rationals and two flags)
    and AVContentLightMetadata (two numbers) are read here.
    """
    found: list[str] = []
    display = side_data(picture, "MASTERING_DISPLAY_METADATA")
    if len(display) >= 88:
        numbers = struct.unpack("=20i2i", display[:88])
        ratios = [n / d if d else 0.0 for n, d in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
        if numbers[20] and numbers[21]:
            (rx, ry, gx, gy, bx, by, wx, wy), (low, high) = [round(50_000 * r) for r in ratios[:8]], ratios[8:]
            light = f"L({round(10_000 * high)},{round(10_000 * low)})"
            found.append(f"master-display=G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy}){light}")
    level = side_data(picture, "CONTENT_LIGHT_LEVEL")
    if len(level) >= 8:
        most, mean = struct.unpack("=2I", level[:8])
        found.append(f"max-cll={most},{mean}")
    return found
