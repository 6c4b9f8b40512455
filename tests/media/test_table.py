"""Container x what is kept: measured, and printed with `pytest -s tests/media/test_table.py` for the documentation."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from tests.media.film import MILLISECONDS, beep, display_matrix, film, packet, stored
from tests.media.test_keep import ASS, PHONE, side_data, spherical, telemetry

from diffbgm import media

SUFFIXES = (".mp4", ".mov", ".mkv")
TABLE = """
| in the film | .mp4 | .mov | .mkv |
|---|---|---|---|
| pictures (H.264, HEVC) | copied | copied | copied |
| rotation, mirroring | kept | kept | kept |
| 360 degree mark | kept | kept | kept |
| pixel aspect | kept | kept | kept |
| further sound tracks (AAC) | kept | kept | kept |
| further sound tracks (Opus) | kept | named | kept |
| subtitles (SubRip) | as text | as text | kept |
| subtitles (ASS) | as text | as text | kept |
| subtitles (PGS) | named | named | kept |
| fonts and other attachments | named | named | kept |
| cover | kept | kept | kept |
| chapters | kept | kept | kept |
| title, creation time, location | kept | kept | kept |
| time code | kept | kept | kept |
| telemetry (GoPro) | kept | kept | named |
""".strip()


def everything(out: Any) -> Sequence[Any]:
    """Subtitles of three kinds, a font, a cover and chapters."""
    plain = out.add_mux_stream("subrip", time_base=MILLISECONDS)
    styled = out.add_stream("ass")
    styled.codec_context.subtitle_header, styled.time_base = ASS, MILLISECONDS
    painted = out.add_mux_stream("hdmv_pgs_subtitle", time_base=MILLISECONDS)
    painter: Any = av.CodecContext.create("mjpeg", "w")
    painter.width, painter.height, painter.pix_fmt, painter.time_base = 32, 32, "yuvj420p", MILLISECONDS
    (jpeg,) = painter.encode(av.VideoFrame(32, 32, "yuvj420p")) + painter.encode(None)
    out.add_attachment("cover.jpg", "image/jpeg", bytes(jpeg))
    out.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0" + bytes(200))
    out.set_chapters(
        [{"id": 1, "start": 0, "end": 1200, "time_base": MILLISECONDS, "metadata": {"title": "One"}}],
    )
    return [
        packet(plain, b"plain", 0.2, 0.3),
        packet(styled, b"0,0,Default,,0,0,0,,styled", 0.2, 0.3),
        packet(painted, b"\x80\0\0", 0.2, 0.3),
    ]


def wide(context: Any) -> None:
    context.sample_aspect_ratio = Fraction(4, 3)


def found(path: Path, source: Path, sport: Path, phone: Path, left_out: Sequence[str]) -> dict[str, str]:
    """What is in the outputs of the three films; "named" where it is not but the report says so."""
    with av.open(str(path)) as container:
        kinds = [s.codec_context.codec.canonical_name for s in container.streams.subtitles]
        sounds = [s.codec_context.codec.canonical_name for s in container.streams.audio]
        tags = {key.lower(): value for key, value in container.metadata.items()}
        picture = container.streams.video[0]
        there = {
            "pixel aspect": picture.sample_aspect_ratio == Fraction(4, 3),
            "further sound tracks (AAC)": sounds.count("aac") == 2,
            "further sound tracks (Opus)": "opus" in sounds,
            "subtitles (SubRip)": "subrip" in kinds,
            "subtitles (ASS)": "ass" in kinds,
            "subtitles (PGS)": "hdmv_pgs_subtitle" in kinds,
            "fonts and other attachments": any(s.name == "font.ttf" for s in container.streams.attachments),
            "cover": len(container.streams.video) == 2 and stored(path, "video", 1) == stored(source, "video", 1),
            "chapters": [c["metadata"]["title"] for c in container.chapters()] == ["One"],
            "title, creation time, location": all(tags.get(key) == value for key, value in PHONE.items()),
            "time code": {k.lower(): v for k, v in picture.metadata.items()}.get("timecode") == "01:00:00:00",
        }
    texts = kinds.count("mov_text")
    with av.open(str(sport)) as container:
        there["telemetry (GoPro)"] = len(container.streams.data) == 1
    there |= {
        "rotation, mirroring": "DISPLAYMATRIX" in side_data(phone),
        "360 degree mark": "SPHERICAL" in side_data(sport),
    }
    words = {"Opus": "OPUS", "PGS": "PGS", "fonts": "font.ttf", "telemetry": "data track", "ASS": "styling"}
    cells = {name: "kept" if kept else "lost" for name, kept in there.items()}
    for name, cell in cells.items():
        if cell == "lost" and name in ("subtitles (SubRip)", "subtitles (ASS)") and texts == 2:
            cells[name] = "as text"
        elif cell == "lost" and any(
            key in name and any(word in line for line in left_out) for key, word in words.items()
        ):
            cells[name] = "named"
    cells["pictures (H.264, HEVC)"] = "copied" if stored(path) == stored(source) else "lost"
    return cells


def test_the_table_of_the_documentation(tmp_path: Path):
    sounds = ({}, {"default": False}, {"codec": "libopus", "default": False})
    source = film(
        tmp_path / "all.mkv",
        sounds=sounds,
        tags=PHONE,
        picture_tags={"timecode": "01:00:00:00"},
        more=everything,
        set_up=wide,
    )
    sport = film(tmp_path / "sport.mp4", more=telemetry)
    sport.write_bytes(sport.read_bytes().replace(b"sbtl", b"meta").replace(b"tx3g", b"gpmd"))
    phone = film(tmp_path / "phone.mp4", sounds=())
    display_matrix(phone, 0, 1, -1, 0)
    spherical(sport)
    columns = []
    for suffix in SUFFIXES:
        out, round_, turned = (tmp_path / f"{name}{suffix}" for name in ("out", "round", "turned"))
        pairs = ((source, out), (sport, round_), (phone, turned))
        left_out = [line for film_, target in pairs for line in media.mux(film_, beep(), target).left_out]
        columns.append(found(out, source, round_, turned, left_out))
    rows = [line.split(" | ")[0].removeprefix("| ") for line in TABLE.splitlines()[2:]]
    lines = [f"| {row} | {' | '.join(column[row] for column in columns)} |" for row in rows]
    table = "\n".join([*TABLE.splitlines()[:2], *lines])
    print("\n" + table)
    assert table == TABLE
    assert sorted(columns[0]) == sorted(rows)
