"""What is said of pictures as a whole: sphere, stereo layout and Dolby Vision are kept on every path, or named."""

import struct
from pathlib import Path
from typing import Any

import av
import pytest
from tests.media.film import beep, display_matrix, film, in_time, stored
from tests.media.test_keep import telemetry

from diffbgm import media
from diffbgm.media.containers import has_dolby

SIDE_BY_SIDE, TOP_BOTTOM, CHECKERBOARD, TWO_VIEWS = 1, 2, 4, 8  # FFmpeg's AVStereo3DType
POSE = (20 << 16, -10 << 16, 5 << 16)  # yaw, pitch, roll in degrees, 16.16
TILE = (1 << 30, 0, 1 << 29, 0)  # what is cut off at the top, at the bottom, left and right, of 2^32
FILMS = {  # picture codecs and the four-letter codes of their sample entries
    "libx264": (".mp4", b"avc1", "yuv420p"),
    "mpeg4": (".mp4", b"mp4v", "yuv420p"),
    "prores_ks": (".mov", b"apch", "yuv422p10le"),
    "mjpeg": (".mov", b"jpeg", "yuvj420p"),
}


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def sphere(shape: bytes, pose: tuple[int, int, int] = POSE) -> bytes:
    head = box(b"prhd", struct.pack(">4x3i", *pose))
    return box(b"sv3d", box(b"svhd", bytes(4), b"camera\0"), box(b"proj", head, shape))


EQUI = sphere(box(b"equi", bytes(4), struct.pack(">4I", *TILE)))
CUBE = sphere(box(b"cbmp", struct.pack(">4xII", 0, 3)))
WHOLE = sphere(box(b"equi", bytes(20)), (0, 0, 0))
SHAPES = {"tile": (EQUI, 2), "cube": (CUBE, 1), "whole": (WHOLE, 0)}  # and FFmpeg's AVSphericalProjection


def insert(path: Path, entry: bytes, boxes: bytes) -> Path:
    """Puts boxes at the end of the first sample entry of a film whose index lies behind its media."""
    data, at = bytearray(path.read_bytes()), 0
    end = 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", entry):
        at = data.index(name, at + 4) - 4
        size = struct.unpack_from(">I", data, at)[0]
        struct.pack_into(">I", data, at, size + len(boxes))
        end, at = at + size, at + 4
    data[end:end] = boxes
    path.write_bytes(data)
    return path


def draw(path: Path, codec: str, boxes: bytes, **options: Any) -> Path:
    suffix, entry, pix = FILMS[codec]
    profile = {"profile": "3"} if codec == "prores_ks" else None
    sounds = options.pop("sounds", ({"codec": "pcm_s16le"},) if suffix == ".mov" else ({},))
    made = film(path.with_suffix(suffix), codec=codec, pix=pix, options=profile, sounds=sounds, **options)
    return insert(made, entry, boxes)


def seen(path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Projection, pose, bounds and padding of the sphere, and layout and swap of the eyes; empty without the mark."""
    with av.open(str(path)) as container:
        data = {d.type.name: bytes(d) for d in next(container.decode(video=0)).side_data}
    ball, eyes = data.get("SPHERICAL", b""), data.get("STEREO3D", b"")
    return struct.unpack("=i3i5I", ball) if ball else (), struct.unpack_from("=2i", eyes) if eyes else ()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("codec", "shape"), [*((codec, "tile") for codec in FILMS), ("mpeg4", "cube"), ("mpeg4", "whole")]
)
def test_a_sphere_is_kept_whether_pictures_are_copied_or_encoded(tmp_path: Path, suffix: str, codec: str, shape: str):
    boxes, kind = SHAPES[shape]
    source = draw(tmp_path / "sphere", codec, box(b"st3d", bytes(4), b"\1") + boxes)
    assert seen(source)[0][:4] == (kind, *(POSE if kind else (0, 0, 0)))
    assert seen(source)[1] == (TOP_BOTTOM, 0)
    target = tmp_path / f"out{suffix}"
    report = media.mux(source, beep(), target)
    assert report == media.plan_mux(source, suffix)
    assert report.pictures == ("copied" if stored(target) == stored(source) else "re-encoded")
    if codec in ("prores_ks", "mjpeg") and suffix == ".mov":  # FFmpeg's QuickTime muxer has no such boxes
        names = ("the 360 degree mark: write .mkv to keep it", "the stereo 3D mark: write .mkv to keep it")
        assert report.left_out == names
    else:
        assert report.left_out == ()
        assert seen(target) == seen(source)
        again = tmp_path / "again.mp4"
        media.mux(target, beep(), again)
        assert seen(again) == seen(source)
    assert in_time(target)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
@pytest.mark.parametrize(
    ("mode", "layout"),
    [
        ("left_right", (SIDE_BY_SIDE, 0)),
        ("top_bottom", (TOP_BOTTOM, 0)),
        ("right_left", (SIDE_BY_SIDE, 1)),
        ("checkerboard_lr", (CHECKERBOARD, 0)),
    ],
)
def test_the_layout_for_two_eyes_is_kept_or_named(
    tmp_path: Path, suffix: str, codec: str, mode: str, layout: tuple[int, int]
):
    options = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else None
    source = film(tmp_path / "eyes.mkv", codec=codec, options=options, picture_tags={"stereo_mode": mode})
    assert seen(source)[1] == layout
    report = media.mux(source, beep(), tmp_path / f"out{suffix}")
    assert report == media.plan_mux(source, suffix)
    if suffix != ".mkv" and mode in ("right_left", "checkerboard_lr"):
        (line,) = report.left_out
        assert line.startswith("the stereo 3D mark")
    else:
        assert report.left_out == ()
        assert seen(tmp_path / f"out{suffix}")[1] == layout


def test_pictures_that_are_turned_name_the_marks_they_lose(tmp_path: Path):
    source = draw(tmp_path / "turned", "mpeg4", WHOLE)
    display_matrix(source, 0, 1, -1, 0)
    report = media.mux(source, beep(), tmp_path / "out.mp4")
    assert report.left_out == ("the 360 degree mark of the pictures, which are encoded again",)
    assert seen(tmp_path / "out.mp4")[0] == ()


def dolby(path: Path, codec: str = "libx265", **options: Any) -> Path:
    """A film with a record of profile 8.4, as telephones write it."""
    record = struct.pack(">BBHB19x", 1, 0, 8 << 9 | 4 << 3 | 5, 4 << 4)
    params = {"preset": "ultrafast", "x265-params": "log-level=error"} if codec == "libx265" else {}

    def hlg(context: Any) -> None:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1
        context.codec_tag = "hvc1" if codec == "libx265" else "mp4v"

    pix = "yuv420p10le" if codec == "libx265" else "yuv420p"
    made = film(path, codec=codec, pix=pix, options=params, set_up=hlg, **options)
    return insert(made, b"hvc1" if codec == "libx265" else b"mp4v", box(b"dvvC", record))


def show_twice(path: Path) -> Path:
    """Lets the edit list of a film without sound show its start twice, which no copy can follow."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") - 4
    (length,) = struct.unpack_from(">I", data, at)
    entries = struct.pack(">II", 0, 2) + 2 * struct.pack(">IiI", 400, 0, 1 << 16)
    new = box(b"elst", entries)
    start = 0
    for name in (b"moov", b"trak", b"edts"):
        start = data.index(name, start) + 4
        struct.pack_into(">I", data, start - 8, struct.unpack_from(">I", data, start - 8)[0] + len(new) - length)
    data[at : at + length] = new
    path.write_bytes(data)
    return path


def has_record(path: Path) -> bool:
    with av.open(str(path)) as container:
        return has_dolby(container.streams.video[0])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_dolby_vision_record_is_copied(tmp_path: Path, suffix: str):
    source = dolby(tmp_path / "phone.mov")
    assert has_record(source)
    assert media.mux(source, beep(), tmp_path / f"out{suffix}").left_out == ()
    assert stored(tmp_path / f"out{suffix}") == stored(source)
    assert has_record(tmp_path / f"out{suffix}")
    media.mux(tmp_path / f"out{suffix}", beep(), tmp_path / "again.mp4")
    assert has_record(tmp_path / "again.mp4")


def test_a_dolby_vision_record_beside_data_that_cannot_be_kept(tmp_path: Path):
    """As iPhones write it; the data alone must not bring the film to another muxer."""
    source = dolby(tmp_path / "phone.mov", more=telemetry)
    source.write_bytes(source.read_bytes().replace(b"text\0\0\0\0", b"meta\0\0\0\0").replace(b"tx3g", b"mebx"))
    (line,) = media.mux(source, beep(), tmp_path / "out.mov").left_out
    assert line.startswith("data track")
    assert has_record(tmp_path / "out.mov")


def test_a_dolby_vision_record_beside_uncompressed_tracks_is_named(tmp_path: Path):
    """Those need FFmpeg's QuickTime muxer, which writes no record."""
    tracks = ({}, {"codec": "pcm_s16le", "default": False})
    source = dolby(tmp_path / "phone.mov", sounds=tracks)
    report = media.mux(source, beep(), tmp_path / "out.mov")
    assert report == media.plan_mux(source, ".mov")
    assert report.left_out == ("the Dolby Vision record: write .mkv to keep it",)
    assert not has_record(tmp_path / "out.mov")
    assert media.mux(source, beep(), tmp_path / "out.mkv").left_out == ()
    assert has_record(tmp_path / "out.mkv")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_dolby_vision_record_of_pictures_that_are_encoded_again_is_named(tmp_path: Path, suffix: str):
    source = show_twice(dolby(tmp_path / "cut.mov", sounds=()))
    report = media.mux(source, beep(), tmp_path / f"out{suffix}")
    assert report == media.plan_mux(source, suffix)
    assert report.pictures == "re-encoded"
    assert report.left_out == ("the Dolby Vision record of the pictures, which are encoded again",)
    assert not has_record(tmp_path / f"out{suffix}")
