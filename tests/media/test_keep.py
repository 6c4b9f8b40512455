"""What lies in a film comes along when sound is put under it, in time, or is named."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.stream import Disposition
from tests.media.film import MILLISECONDS, beep, display_matrix, film, in_time, packet, pictures_of, stored

from diffbgm import media

LINES = ((0.2, 0.3, "Hello"), (0.6, 0.4, "World"))
ASS = b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"


def score(source: Path, target: Path, **options: Any) -> media.MuxReport:
    """Muxes, and holds the plan made beforehand to the report."""
    said = media.plan_mux(source, target.suffix)
    report = media.mux(source, beep(), target, **options)
    assert said == report
    return report


def with_extras(out: Any) -> Sequence[Any]:
    out.set_chapters(
        [
            {"id": i, "start": a, "end": b, "time_base": MILLISECONDS, "metadata": {"title": title}}
            for i, (a, b, title) in enumerate([(0, 500, "One"), (500, 1200, "Two")])
        ]
    )
    text = out.add_mux_stream("subrip", time_base=MILLISECONDS)
    text.metadata["language"] = "ger"
    out.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0" + bytes(200))
    return [packet(text, line.encode(), start, length) for start, length, line in LINES]


def subtitles_of(path: Path, number: int = 0) -> list[tuple[float, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[number]
        found = []
        for p in container.demux(stream):
            text = " ".join(s.dialogue.decode() for s in (stream.decode(p) if p.size else []))
            if text.strip():
                found.append((round(float(p.pts * p.time_base), 2), text.strip()))
        return found


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_subtitles_chapters_title_and_fonts(tmp_path: Path, suffix: str):
    source = film(tmp_path / "extras.mkv", tags={"title": "My film"}, more=with_extras)
    target = tmp_path / f"out{suffix}"
    report = score(source, target)
    assert report.pictures == "copied"
    assert stored(target) == stored(source)
    assert in_time(target)
    assert subtitles_of(target) == [(start, line) for start, _, line in LINES]
    with av.open(str(target)) as container:
        assert container.metadata["title"] == "My film"
        assert container.streams.subtitles[0].metadata["language"] == "ger"
        names = [chapter["metadata"]["title"] for chapter in container.chapters()]
        starts = [float(chapter["start"] * chapter["time_base"]) for chapter in container.chapters()]
        assert names == ["One", "Two"]
        assert starts == pytest.approx([0, 0.5], abs=0.03)
        fonts = [(s.name, s.data) for s in container.streams.attachments]
    if suffix == ".mkv":
        assert report.left_out == ()
        assert fonts == [("font.ttf", b"\0\1\0\0" + bytes(200))]
    else:
        assert report.left_out == ("attachment (font.ttf): write .mkv to keep it",)


def test_subtitles_go_from_mp4_to_matroska_and_back(tmp_path: Path):
    source = film(tmp_path / "extras.mkv", more=with_extras)
    score(source, tmp_path / "one.mp4")
    score(tmp_path / "one.mp4", tmp_path / "two.mkv")
    score(tmp_path / "two.mkv", tmp_path / "three.mp4")
    with av.open(str(tmp_path / "two.mkv")) as container:
        assert container.streams.subtitles[0].codec_context.name in ("subrip", "srt")
        assert len(container.chapters()) == 2
    for name in ("two.mkv", "three.mp4"):
        assert [text for _, text in subtitles_of(tmp_path / name)] == ["Hello", "World"]
        assert [t for t, _ in subtitles_of(tmp_path / name)] == pytest.approx([0.2, 0.6], abs=0.03)
        with av.open(str(tmp_path / name)) as container:
            assert [s.type for s in container.streams].count("data") <= 1  # MP4's own names of chapters, once


def test_styling_of_subtitles_and_pictures_of_words_are_named(tmp_path: Path):
    def styled(out: Any) -> Sequence[Any]:
        text = out.add_stream("ass")
        text.codec_context.subtitle_header = ASS
        text.time_base = MILLISECONDS
        return [packet(text, b"0,0,Default,,0,0,0,,Hello", 0.5, 1.0)]

    report = score(film(tmp_path / "styled.mkv", more=styled), tmp_path / "out.mp4")
    assert report.left_out == ("the styling of subtitles (ASS): write .mkv to keep it",)
    assert subtitles_of(tmp_path / "out.mp4") == [(0.5, "Hello")]

    def painted(out: Any) -> Sequence[Any]:
        words = out.add_mux_stream("hdmv_pgs_subtitle", time_base=MILLISECONDS)
        words.metadata["language"] = "fre"
        return [packet(words, b"\x80\0\0", 0.5, 1.0)]

    report = score(film(tmp_path / "painted.mkv", more=painted), tmp_path / "out.mov")
    assert report.left_out == ("subtitles (PGS, fre): write .mkv to keep them",)
    report = score(tmp_path / "painted.mkv", tmp_path / "out.mkv")
    assert report.left_out == ()
    assert stored(tmp_path / "out.mkv", "subtitles") == [b"\x80\0\0"]


TWO = (
    {"tags": {"language": "eng", "title": "Dialogue"}, "default": False},
    {"tags": {"language": "fre", "title": "Commentary"}, "default": True, "at": 0.3},
)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_other_sound_tracks_stay_beside_the_scored_one(tmp_path: Path, suffix: str):
    source = film(tmp_path / "two.mkv", sounds=TWO)
    target = tmp_path / f"out{suffix}"
    assert score(source, target, own_sound=True).left_out == ()
    with av.open(str(target)) as container:
        scored, other = container.streams.audio
        assert (scored.metadata["language"], other.metadata["language"]) == (
            "fre",
            "eng",
        )
        titles = [s.metadata.get("title", s.metadata.get("name")) for s in (scored, other)]
        assert titles == ["Commentary", "Dialogue"]
        default = type(scored.disposition).default
        assert scored.disposition & default
        assert not other.disposition & default
    assert set(stored(source, "audio", 0)) <= set(stored(target, "audio", 1))
    assert in_time(target)


def test_music_alone_does_not_take_over_the_language(tmp_path: Path):
    source = film(tmp_path / "two.mkv", sounds=TWO[1:])
    score(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert "title" not in container.streams.audio[0].metadata
        assert len(container.streams.audio) == 1


def test_sound_that_the_container_does_not_take_is_named(tmp_path: Path):
    tracks = ({}, {"codec": "libopus", "tags": {"language": "ger", "title": "Ton"}, "default": False})
    report = score(film(tmp_path / "opus.mkv", sounds=tracks), tmp_path / "out.mov")
    assert report.left_out == ("sound track (OPUS, ger, Ton): write .mkv to keep it",)
    assert score(tmp_path / "opus.mkv", tmp_path / "out.mp4").left_out == ()


def test_both_microphones_of_a_camera_are_replaced(tmp_path: Path):
    mono = {"codec": "pcm_s16le", "layout": "mono"}
    score(film(tmp_path / "mics.mov", sounds=(mono, mono)), tmp_path / "out.mov")
    with av.open(str(tmp_path / "out.mov")) as container:
        assert len(container.streams.audio) == 1


PHONE = {"creation_time": "2024-05-06T07:08:09.000000Z", "location": "+48.2082+016.3738/", "title": "Holiday"}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_tags_of_a_telephone(tmp_path: Path, suffix: str):
    score(film(tmp_path / "tags.mp4", tags=PHONE), tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        kept = {key.lower(): value for key, value in container.metadata.items()}
    assert {key: kept.get(key) for key in PHONE} == PHONE


def test_tags_that_mp4_has_no_box_for(tmp_path: Path):
    own = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.ISO6709": "+48.2082+016.3738/"}
    source = film(tmp_path / "phone.mov", tags=own, container={"movflags": "use_metadata_tags"})
    for suffix in (".mov", ".mp4"):
        score(source, tmp_path / f"out{suffix}")
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            assert {key: container.metadata.get(key) for key in own} == own


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_time_code(tmp_path: Path, suffix: str, codec: str):
    source = film(tmp_path / "code.mov", codec=codec, picture_tags={"timecode": "01:00:00:00"})
    score(source, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
        assert tags["timecode"] == "01:00:00:00"
        assert len(container.streams.data) == (suffix != ".mkv")


def telemetry(out: Any) -> Sequence[Any]:
    places = out.add_mux_stream("mov_text", time_base=MILLISECONDS)
    return [packet(places, struct.pack(">H", 6) + b"line %d" % i, i / 3, 0.3) for i in range(3)]


def test_telemetry(tmp_path: Path):
    source = film(tmp_path / "sport.mp4", more=telemetry)  # drawn as subtitles, then renamed
    source.write_bytes(source.read_bytes().replace(b"sbtl", b"meta").replace(b"tx3g", b"gpmd"))
    assert score(source, tmp_path / "out.mp4").left_out == ()
    assert stored(tmp_path / "out.mp4", "data") == stored(source, "data")
    (line,) = score(source, tmp_path / "out.mkv").left_out
    assert line.startswith("data track")
    assert line.endswith("write .mov to keep it")


@pytest.mark.parametrize("code", [b"mebx", b"rtmd", b"fdsc", b"camm"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_data_that_no_muxer_can_describe_is_named(tmp_path: Path, suffix: str, code: bytes):
    """Of telephones and cameras; a track whose description is missing keeps players from opening a film."""
    source = film(tmp_path / "phone.mov", more=telemetry)
    source.write_bytes(source.read_bytes().replace(b"text\0\0\0\0", b"meta\0\0\0\0").replace(b"tx3g", code))
    with av.open(str(source)) as container:
        assert len(container.streams.data) == 1
    report = score(source, tmp_path / f"out{suffix}")
    assert report.left_out == ("data track (SubtitleHandler)",)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert [s.type for s in container.streams] == ["video", "audio"]
    assert in_time(tmp_path / f"out{suffix}")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("flags", [(0, 0), (0, 1), (1, 0), (Disposition.forced, Disposition.hearing_impaired)])
def test_subtitles_are_shown_only_where_they_were(tmp_path: Path, suffix: str, flags: tuple[int, int]):
    def two(out: Any) -> Sequence[Any]:
        texts = [out.add_mux_stream("subrip", time_base=MILLISECONDS) for _ in flags]
        for text, flag in zip(texts, flags, strict=True):
            text.disposition = flag
        return [packet(text, b"Hello", 0.2, 0.3) for text in texts]

    source, target = film(tmp_path / "two.mkv", more=two), tmp_path / f"out{suffix}"
    assert score(source, target).left_out == ()
    asked = Disposition.default | Disposition.forced | Disposition.hearing_impaired
    with av.open(str(target)) as container:
        assert [int(s.disposition & asked) for s in container.streams.subtitles] == [int(flag) for flag in flags]


def cover(out: Any) -> Sequence[Any]:
    painter: Any = av.CodecContext.create("mjpeg", "w")
    painter.width, painter.height, painter.pix_fmt, painter.time_base = 32, 32, "yuvj420p", Fraction(1, 25)
    (jpeg,) = painter.encode(av.VideoFrame(32, 32, "yuvj420p")) + painter.encode(None)
    stream = out.add_mux_stream("mjpeg", width=32, height=32, time_base=MILLISECONDS)
    stream.disposition = Disposition.attached_pic
    return [packet(stream, bytes(jpeg), 0, 0)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_cover(tmp_path: Path, suffix: str):
    source = film(tmp_path / "cover.mp4", more=cover)
    assert score(source, tmp_path / f"out{suffix}").left_out == ()
    assert score(tmp_path / f"out{suffix}", tmp_path / f"again{suffix}").left_out == ()
    for name in (f"out{suffix}", f"again{suffix}"):
        assert stored(tmp_path / name, "video", 1) == stored(source, "video", 1)
        with av.open(str(tmp_path / name)) as container:
            assert container.streams.video[1].disposition & Disposition.attached_pic
        assert in_time(tmp_path / name)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_second_picture_track_stays_behind_the_first(tmp_path: Path, suffix: str):
    def angle(out: Any) -> Sequence[Any]:
        small = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        small.width, small.height, small.pix_fmt = 64, 32, "yuv420p"
        small.disposition = 0
        packets = [p for _ in range(30) for p in small.encode(av.VideoFrame(64, 32, "yuv420p"))]
        return [*packets, *small.encode(None)]

    source = film(tmp_path / "angles.mkv", more=angle)
    assert score(source, tmp_path / f"out{suffix}").left_out == ()
    assert stored(tmp_path / f"out{suffix}") == stored(source)
    assert stored(tmp_path / f"out{suffix}", "video", 1) == stored(source, "video", 1)


def test_pixel_aspect(tmp_path: Path):
    def wide(context: Any) -> None:
        context.sample_aspect_ratio = Fraction(4, 3)

    source = film(tmp_path / "wide.mp4", set_up=wide, options={"x264-params": "sar=1"})  # only the container knows it
    for suffix in (".mp4", ".mov", ".mkv"):
        target = tmp_path / f"out{suffix}"
        assert score(source, target).left_out == ()
        assert stored(target) == stored(source)
        with av.open(str(target)) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def side_data(path: Path) -> set[str]:
    with av.open(str(path)) as container:
        return {data.type.name for data in next(container.decode(video=0)).side_data}


SPHERE = (
    b'<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    b'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>'
    b"<GSpherical:Stitched>true</GSpherical:Stitched><GSpherical:StitchingSoftware>x</GSpherical:StitchingSoftware>"
    b"<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
)


def spherical(path: Path) -> Path:
    """Marks the pictures of an MP4, whose index lies behind its media, as a sphere."""
    data = bytearray(path.read_bytes())
    new = struct.pack(">I4s", 24 + len(SPHERE), b"uuid") + bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + SPHERE
    for box in (b"moov", b"trak"):
        at = data.index(box) - 4
        length = struct.unpack_from(">I", data, at)[0]
        struct.pack_into(">I", data, at, length + len(new))
        end = at + length
    data[end:end] = new
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_360_degrees(tmp_path: Path, suffix: str, codec: str):
    source = spherical(film(tmp_path / "sphere.mp4", codec=codec))
    assert "SPHERICAL" in side_data(source)
    assert score(source, tmp_path / f"out{suffix}").left_out == ()
    assert "SPHERICAL" in side_data(tmp_path / f"out{suffix}")


def test_mirrored_pictures_are_copied_with_their_matrix(tmp_path: Path):
    source = film(tmp_path / "mirror.mp4")
    display_matrix(source, -1, 0, 0, 1)
    for suffix in (".mp4", ".mov", ".mkv"):
        score(source, tmp_path / f"out{suffix}")
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            (matrix,) = (d for d in next(container.decode(video=0)).side_data if d.type.name == "DISPLAYMATRIX")
            assert struct.unpack("=9i", bytes(matrix))[0] == -1 << 16
        assert stored(tmp_path / f"out{suffix}") == stored(source)


def test_transparency(tmp_path: Path):
    source = film(
        tmp_path / "alpha.webm",
        codec="libvpx-vp9",
        pix="yuva420p",
        options={"deadline": "realtime", "cpu-used": "8"},
        sounds=(),
    )
    assert score(source, tmp_path / "out.mkv").left_out == ()
    with av.open(str(tmp_path / "out.mkv")) as container:
        stream = container.streams.video[0]
        assert {key.lower(): value for key, value in stream.metadata.items()}["alpha_mode"] == "1"
        assert next(p for p in container.demux(stream) if p.size).has_sidedata("matroska_block_additional")
    assert score(source, tmp_path / "out.mp4").left_out == ("transparency (alpha): write .mkv to keep it",)


def test_the_container_of_the_input_is_the_default():
    names = {"a.MOV": ".mov", "a.mkv": ".mkv", "a.m4v": ".m4v", "a.mp4": ".mp4", "a.avi": ".mp4", "a": ".mp4"}
    assert {name: media.default_suffix(name) for name in names} == names


def test_pictures_are_where_they_were(tmp_path: Path):
    """The pictures of every container begin at 0, whatever else begins before them."""
    source = film(tmp_path / "plain.mkv")
    for suffix in (".mp4", ".mov", ".mkv", ".m4v"):
        score(source, tmp_path / f"out{suffix}")
        assert pictures_of(tmp_path / f"out{suffix}")[0][0] == pytest.approx(0, abs=1e-3)
