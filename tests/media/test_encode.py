"""Pictures that are encoded again keep their colours, depth, range, fields, aspect, orientation and times."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags
from av.filter import Graph
from tests.media.film import RATE, SIZE, beep, display_matrix, film, image, in_time, pictures_of

from diffbgm import media

GREYS = (4, 12, 64, 128, 192, 236, 244, 252)
BARS = (
    (255, 255, 255),
    (0, 0, 0),
    (191, 0, 0),
    (0, 191, 0),
    (0, 0, 191),
    (128, 128, 128),
    (240, 240, 240),
    (16, 16, 16),
)
COLUMN = SIZE[0] // 8


def encoded(source: Path, target: Path, why: str = "players do not take") -> media.MuxReport:
    report = media.mux(source, beep(), target)
    assert report.pictures == "re-encoded"
    assert why in report.why
    assert report == media.plan_mux(source, target.suffix)
    return report


def context_of(path: Path) -> Any:
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context


def tags_of(path: Path) -> tuple[int, int, int, int]:
    """Primaries, transfer, matrix, range."""
    context = context_of(path)
    return context.color_primaries, context.color_trc, context.colorspace, context.color_range


def luma(path: Path, number: int = 0) -> np.ndarray:
    """The luma of a picture as stored, in units of its bit depth."""
    with av.open(str(path)) as container:
        frame = [f for f, _ in zip(container.decode(video=0), range(number + 1), strict=False)][number]
        kind = np.uint16 if "10" in frame.format.name else np.uint8
        plane = np.frombuffer(frame.planes[0], kind).reshape(frame.height, -1)
        return plane[:, : frame.width].astype(float)


def columns(values: np.ndarray) -> list[float]:
    """The mean of the inner part of each of eight columns."""
    return [float(values[10:-10, k * COLUMN + 5 : (k + 1) * COLUMN - 5].mean()) for k in range(8)]


def greys(full: bool) -> Any:
    """Paints eight greys into the luma of every picture, as they are."""

    def touch(picture: Any) -> None:
        picture.color_range = 2 if full else 1
        for i, plane in enumerate(picture.planes):
            rows = np.full((plane.height, plane.line_size), 128, np.uint8)
            if i == 0:
                rows[:, : SIZE[0]] = np.repeat(np.array(GREYS, np.uint8), COLUMN)
            plane.update(rows.tobytes())

    return touch


def test_full_range_stays_full(tmp_path: Path):
    fine = {"qmin": "1", "qmax": "2"}
    source = film(tmp_path / "cam.avi", codec="mjpeg", pix="yuvj420p", sounds=(), options=fine, touch=greys(True))
    encoded(source, tmp_path / "out.mp4")
    assert columns(luma(tmp_path / "out.mp4")) == pytest.approx(GREYS, abs=1)
    assert tags_of(tmp_path / "out.mp4")[3] == 2
    assert columns(pictures_of(tmp_path / "out.mp4")[0][1].mean(-1)) == pytest.approx(GREYS, abs=3)


def test_limited_range_stays_limited(tmp_path: Path):
    source = film(tmp_path / "cam.avi", codec="mpeg4", sounds=(), options={"qmax": "2"}, touch=greys(False))
    encoded(source, tmp_path / "out.mp4")
    assert columns(luma(tmp_path / "out.mp4")) == pytest.approx(GREYS, abs=2)
    assert tags_of(tmp_path / "out.mp4")[3] in (0, 1)


@pytest.mark.parametrize(
    ("codec", "pix"), [("qtrle", "rgb24"), ("png", "rgb24"), ("gif", "rgb8"), ("png", "rgb48be"), ("ffv1", "gray")]
)
def test_rgb_becomes_bt709_and_says_so(tmp_path: Path, codec: str, pix: str):
    colours = [(g, g, g) for g in GREYS] if pix == "gray" else BARS

    def bars(t: float, w: int, h: int) -> np.ndarray:
        return np.repeat(np.repeat(np.array(colours, np.uint8)[None], COLUMN, 1), h, 0)

    name = {"gif": "a.gif", "ffv1": "a.mkv"}.get(codec, "a.mov")
    source = film(tmp_path / name, codec=codec, pix=pix, sounds=(), draw=bars)
    target = tmp_path / "out.mp4"
    encoded(source, target)
    if pix != "gray":
        assert tags_of(target) == (1, 1, 1, 1)
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        matrix = "itu709" if pix != "gray" else None
        shown = frame.reformat(format="rgb24", src_colorspace=matrix, interpolation="BICUBIC").to_ndarray()
    before = pictures_of(source)[0][1]
    for k in range(8):
        inner = np.s_[20:-20, k * COLUMN + 6 : (k + 1) * COLUMN - 6]
        assert shown[inner].mean((0, 1)) == pytest.approx(before[inner].mean((0, 1)), abs=3 if codec != "gif" else 6)


def hlg(context: Any) -> None:
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1


@pytest.mark.parametrize("suffix", [".mp4", ".m4v"])
def test_hdr_keeps_ten_bits_and_its_colours(tmp_path: Path, suffix: str):
    sounds = ({"codec": "pcm_s16le"},)
    source = film(tmp_path / "hdr.mov", codec="prores_ks", pix="yuv422p10le", sounds=sounds, set_up=hlg)
    target = tmp_path / f"out{suffix}"
    report = encoded(source, target)
    assert report.why.endswith("encoded as HEVC, 10 bits")
    assert tags_of(target) == tags_of(source) == (9, 18, 9, 1)
    context = context_of(target)
    assert (context.pix_fmt, context.codec_tag) == ("yuv420p10le", "hvc1")
    assert np.abs(luma(target) - luma(source)).mean() < 6  # of 1023
    assert in_time(target)


def test_mastering_display_and_light_level(tmp_path: Path):
    display = "G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000,0.01)"
    options = {"preset": "12", "svtav1-params": f"mastering-display={display}:content-light=800,300"}
    source = film(tmp_path / "hdr10.mkv", codec="libsvtav1", pix="yuv420p10le", sounds=(), options=options, set_up=hlg)
    encoded(source, tmp_path / "out.mov")
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
        before, after = (side_data(path, kind) for path in (source, tmp_path / "out.mov"))
        assert before
        numbers = [np.frombuffer(data, np.int32) for data in (before, after)]
        if kind == "CONTENT_LIGHT_LEVEL":
            assert numbers[1].tolist() == numbers[0].tolist() == [800, 300]
        else:
            ratios = [n[0:20:2] / n[1:20:2] for n in numbers]
            assert ratios[1] == pytest.approx(ratios[0], abs=2e-3)


def side_data(path: Path, kind: str) -> bytes:
    with av.open(str(path)) as container:
        return next((bytes(d) for d in next(container.decode(video=0)).side_data if d.type.name == kind), b"")


def fields(order: int) -> Any:
    def set_up(context: Any) -> None:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = order

    return set_up


@pytest.mark.parametrize("top", [True, False])
def test_interlaced_pictures_keep_their_fields(tmp_path: Path, top: bool):
    source = interlaced(tmp_path / "tv.mpg", top, SIZE)
    report = encoded(source, tmp_path / "out.mp4")
    assert report.left_out == ()
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert frame.interlaced_frame
        assert stream.codec_context.field_order in ((2, 4) if top else (3, 5))
    assert np.abs(luma(tmp_path / "out.mp4", 5) - luma(source, 5)).mean() < 4


def test_fields_that_h264_cannot_have_are_merged_and_that_is_said(tmp_path: Path):
    source = interlaced(tmp_path / "tv.mpg", True, (160, 90))
    report = encoded(source, tmp_path / "out.mp4")
    assert report.left_out == (
        "the interlacing (fields are merged into pictures) of the pictures, which are encoded again",
    )
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 30
    assert not frames[0].interlaced_frame


def interlaced(path: Path, top: bool, size: tuple[int, int]) -> Path:
    """Every other line of a picture is half a picture's time later, as in broadcasts."""

    def woven(t: float, w: int, h: int) -> np.ndarray:
        first, second = image(t, w, h), image(t + 0.5 / RATE, w, h)
        picture = first if top else second
        picture[1::2] = (second if top else first)[1::2]
        return picture

    graph = Graph()
    source = graph.add("buffer", f"video_size={size[0]}x{size[1]}:pix_fmt=yuv420p:time_base=1/25:pixel_aspect=1/1")
    flag, sink = graph.add("setfield", "tff" if top else "bff"), graph.add("buffersink")
    source.link_to(flag)
    flag.link_to(sink)
    graph.configure()
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("mpeg2video", rate=RATE, options={"qmax": "3", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        fields(2 if top else 3)(stream.codec_context)
        for i in range(30):
            picture = av.VideoFrame.from_ndarray(woven(i / RATE, *size), format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = i, Fraction(1, 25)
            graph.push(picture)
            out.mux(stream.encode(graph.vpull()))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
    ],
)
def test_turned_and_mirrored_pictures_come_out_as_players_show_them(tmp_path: Path, matrix: Any, turned: Any):
    source = film(tmp_path / "phone.mov", codec="mpeg4", sounds=(), options={"qmax": "3"})
    display_matrix(source, *matrix)
    encoded(source, tmp_path / "out.mp4")
    shown = pictures_of(tmp_path / "out.mp4")[3][1].astype(float)
    wanted = turned(image(3 / RATE)).astype(float)
    assert shown.shape == wanted.shape
    assert np.abs(shown - wanted).mean() < 6
    assert side_data(tmp_path / "out.mp4", "DISPLAYMATRIX") == b""


def test_turned_ten_bits_stay_ten(tmp_path: Path):
    source = film(tmp_path / "phone.mov", codec="prores_ks", pix="yuv422p10le", sounds=(), set_up=hlg)
    display_matrix(source, 0, 1, -1, 0)
    encoded(source, tmp_path / "out.mp4")
    assert np.abs(luma(tmp_path / "out.mp4") - np.rot90(luma(source), -1)).mean() < 6
    assert tags_of(tmp_path / "out.mp4") == (9, 18, 9, 1)


def test_pixel_aspect_stays(tmp_path: Path):
    def wide(context: Any) -> None:
        context.sample_aspect_ratio = Fraction(4, 3)

    source = film(tmp_path / "wide.avi", codec="mpeg4", sounds=(), set_up=wide)
    encoded(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.sample_aspect_ratio) == (*SIZE, Fraction(4, 3))


def test_transparency_is_named(tmp_path: Path):
    source = film(tmp_path / "title.mov", codec="qtrle", pix="argb", sounds=())
    report = encoded(source, tmp_path / "out.mp4")
    assert report.left_out == ("the transparency (alpha) of the pictures, which are encoded again",)


def test_the_later_of_two_pictures_at_one_time_counts(tmp_path: Path):
    source = tmp_path / "twins.mkv"
    with av.open(str(source), "w") as out:
        stream: Any = out.add_stream("mpeg4", rate=RATE, options={"qmax": "3"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(image(i / RATE), format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            for packet in stream.encode(frame):
                if packet.pts == 7:
                    packet.pts = packet.dts = 6
                out.mux(packet)
        out.mux(stream.encode(None))
    encoded(source, tmp_path / "out.mp4")
    shown = pictures_of(tmp_path / "out.mp4")
    assert [round(25 * t) for t, _ in shown] == [i for i in range(20) if i != 7]
    assert np.abs(shown[6][1] - image(7 / RATE).astype(float)).mean() < 6


def test_time_left_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from diffbgm.media import muxing

    now = iter(range(0, 10_000, 10))
    monkeypatch.setattr(muxing, "clock", SimpleNamespace(monotonic=lambda: float(next(now))))
    heard: list[tuple[float, str]] = []
    source = film(tmp_path / "a.avi", codec="mpeg4", sounds=())
    media.mux(source, beep(), tmp_path / "out.mp4", on_progress=lambda done, what: heard.append((done, what)))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    halfway = next(what for done, what in heard if done >= 0.5)
    assert halfway == "Encoding the video, 3 min left"


@pytest.mark.parametrize("name", ["tape.dv", "tape.avi"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_camcorder_tapes_keep_their_lower_field_first(tmp_path: Path, name: str, suffix: str):
    """Neither container says so; raw DV announces neither a rate."""
    sounds = ({"codec": "pcm_s16le"},)
    source = film(tmp_path / name, codec="dvvideo", sounds=sounds, size=(720, 576))
    target = tmp_path / f"out{suffix}"
    report = media.mux(source, beep(), target)
    assert report.pictures == ("copied" if suffix == ".mov" else "re-encoded")
    assert report.duration == pytest.approx(1.2)
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == RATE
        assert next(container.decode(stream)).interlaced_frame
        assert suffix == ".mov" or stream.codec_context.field_order in (3, 5)
    assert in_time(target)
