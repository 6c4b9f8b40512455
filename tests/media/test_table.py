"""Container x what is kept: measured, and printed with `pytest -s tests/media/test_table.py` for the documentation."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from tests.media.film import MILLISECONDS, beep, display_matrix, film, packet, stored
from tests.media.test_keep import ASS, PHONE, side_data, telemetry
from tests.media.test_marks import WHOLE, box, dolby, draw, has_record, seen, show_twice

from diffbgm import media

SUFFIXES = (".mp4", ".mov", ".mkv")
HEAD = "| in the film | .mp4 | .mov | .mkv |\n|---|---|---|---|"


def documented() -> str:
    """The table as the documentation has it."""
    text = (Path(__file__).parents[2] / "sdk" / "README.md").read_text(encoding="utf-8")
    return text[text.index(HEAD) :].split("\n\n")[0].strip()


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


def found(out: Path, source: Path, left_out: Sequence[str]) -> dict[str, str]:
    """What is in the output of the film with everything; "named" where it is not but the report says so."""
    with av.open(str(out)) as container:
        kinds = [s.codec_context.codec.canonical_name for s in container.streams.subtitles]
        sounds = [s.codec_context.codec.canonical_name for s in container.streams.audio]
        languages = [s.metadata.get("language") for s in container.streams.audio][1:]
        tags = {key.lower(): value for key, value in container.metadata.items()}
        picture = container.streams.video[0]
        there = {
            "pixel aspect": picture.sample_aspect_ratio == Fraction(4, 3),
            "further sound tracks (AAC)": sounds.count("aac") == 2,
            "further sound tracks (Opus)": "opus" in sounds,
            "languages": languages[0] == "swa",
            "subtitles (SubRip)": "subrip" in kinds,
            "subtitles (ASS)": "ass" in kinds,
            "subtitles (PGS)": "hdmv_pgs_subtitle" in kinds,
            "fonts and other attachments": any(s.name == "font.ttf" for s in container.streams.attachments),
            "cover": len(container.streams.video) == 2 and stored(out, "video", 1) == stored(source, "video", 1),
            "chapters": [c["metadata"]["title"] for c in container.chapters()] == ["One"],
            "title, creation time, location": all(tags.get(key) == value for key, value in PHONE.items()),
            "time code": {k.lower(): v for k, v in picture.metadata.items()}.get("timecode") == "01:00:00:00",
        }
    words = {"Opus": "OPUS", "PGS": "PGS", "fonts": "font.ttf"}
    cells = {
        name: kept_or_named(kept, left_out, next((word for key, word in words.items() if key in name), None))
        for name, kept in there.items()
    }
    if kinds.count("mov_text") == 2:
        cells |= dict.fromkeys(("subtitles (SubRip)", "subtitles (ASS)"), "as text")
    return cells


def kept_or_named(kept: bool, left_out: Sequence[str], word: str | None) -> str:
    """A cell of the table: `word` stands in the line that names what is missing."""
    return "kept" if kept else "named" if word and any(word in line for line in left_out) else "lost"


def draw_all(folder: Path) -> dict[str, Path]:
    """Films that together hold all that a film can hold."""
    sounds = ({}, {"default": False, "tags": {"language": "swa"}}, {"codec": "libopus", "default": False})
    tags = {"timecode": "01:00:00:00"}
    films = {
        "all": film(folder / "all.mkv", sounds=sounds, tags=PHONE, picture_tags=tags, more=everything, set_up=wide),
        "sport": film(folder / "sport.mp4", more=telemetry),
        "phone": dolby(folder / "phone.mov", more=telemetry),
        "cut phone": show_twice(dolby(folder / "cut.mov", sounds=())),
        "turned": film(folder / "turned.mp4", sounds=()),
        "ball": draw(folder / "ball", "libx264", box(b"st3d", bytes(4), b"\1") + WHOLE),
        "old ball": draw(folder / "old", "mpeg4", box(b"st3d", bytes(4), b"\1") + WHOLE),
    }
    for name, code in (("sport", b"gpmd"), ("phone", b"mebx")):
        data = films[name].read_bytes().replace(b"sbtl", b"meta").replace(b"text\0\0\0\0", b"meta\0\0\0\0")
        films[name].write_bytes(data.replace(b"tx3g", code))
    display_matrix(films["turned"], 0, 1, -1, 0)
    return films


def column(films: dict[str, Path], suffix: str) -> dict[str, str]:
    """The cells of one container."""
    outs = {name: source.with_name(f"{name}-out{suffix}") for name, source in films.items()}
    said = {name: media.mux(source, beep(), outs[name]).left_out for name, source in films.items()}
    with av.open(str(outs["sport"])) as container:
        sport = len(container.streams.data) == 1
    with av.open(str(outs["phone"])) as container:
        phone = len(container.streams.data) == 1
    return {
        "pictures (H.264, HEVC)": "copied" if stored(outs["all"]) == stored(films["all"]) else "lost",
        "rotation, mirroring": kept_or_named("DISPLAYMATRIX" in side_data(outs["turned"]), said["turned"], None),
        "360 degree mark": kept_or_named(seen(outs["ball"])[0] == seen(films["ball"])[0], said["ball"], "360"),
        "stereo 3D layout": kept_or_named(seen(outs["ball"])[1] == seen(films["ball"])[1], said["ball"], "3D"),
        "both, of pictures that are encoded again": kept_or_named(
            seen(outs["old ball"]) == seen(films["old ball"]), said["old ball"], "360"
        ),
        "Dolby Vision record": kept_or_named(has_record(outs["phone"]), said["phone"], "Dolby"),
        "the same, of pictures that are encoded again": kept_or_named(
            has_record(outs["cut phone"]), said["cut phone"], "Dolby"
        ),
        **found(outs["all"], films["all"], said["all"]),
        "telemetry (GoPro)": kept_or_named(sport, said["sport"], "data track"),
        "other data tracks (mebx, rtmd, camm)": kept_or_named(phone, said["phone"], "data track"),
    }


def test_the_table_of_the_documentation(tmp_path: Path):
    films = draw_all(tmp_path)
    columns = [column(films, suffix) for suffix in SUFFIXES]
    lines = [f"| {row} | {' | '.join(cells[row] for cells in columns)} |" for row in columns[0]]
    table = "\n".join([HEAD, *lines])
    print("\n" + table)
    assert table == documented()
