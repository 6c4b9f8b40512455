"""Manifests as other programs write them: read as they are meant, or refused with the row and what to do."""

import json
import math
from pathlib import Path

import pytest
from tests.batch.running import write_csv

from diffbgm.batch import Row, read_manifest
from diffbgm.batch.tables import to_text
from diffbgm.errors import DataError
from diffbgm.options import ScoreOptions
from diffbgm.stages import options_of


def rows_of(tmp_path: Path, data: bytes, suffix: str = "csv") -> list[tuple[object, ...]]:
    """Video, prompt, seed and guidance of each row."""
    path = tmp_path / f"m.{suffix}"
    path.write_bytes(data)
    return [(row.video, row.prompt, row.seed, row.guidance) for row in read_manifest(path)]


PLAIN = "video,prompt,seed,guidance\r\na.mp4,rêve,7,1.5\r\nb.mp4,one; two,8,2\r\n"
WANTED = [("a.mp4", "rêve", 7, 1.5), ("b.mp4", "one; two", 8, 2.0)]
SEMICOLONS = 'video;prompt;seed;guidance\r\na.mp4;rêve;7;1,5\r\nb.mp4;"one; two";8;2\r\n'


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.replace("\r\n", "\n").encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        SEMICOLONS.encode(),
        b"sep=;\r\n" + SEMICOLONS.encode(),
        b'"sep=;"\r\n' + SEMICOLONS.encode(),
        b"sep=,\n" + PLAIN.encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        (PLAIN + ",,,\r\n,,,\r\n\r\n").encode(),
        PLAIN.replace("\r\n", ",,\r\n").encode(),
        PLAIN.replace(",7,", ",7.0,").replace(",8,", ", 8.00 ,").encode(),
        ("\r\n\r\n" + PLAIN).encode(),
    ],
    ids=[
        "plain", "lf", "bom", "utf16", "utf16le", "utf16be", "semicolons", "sep", "quoted-sep", "sep-comma",
        "tabs-utf16", "empty-rows", "empty-columns", "whole-floats", "empty-lines-first",
    ],
)  # fmt: skip
def test_tables_of_other_programs_are_read(tmp_path: Path, data: bytes) -> None:
    assert rows_of(tmp_path, data) == WANTED


def test_json_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    rows = [
        {"video": "a.mp4", "prompt": "one\u2028two\x85three", "seed": 7.0},
        {"video": "b.mp4", "prompt": ["x", "y"], "guidance": 2, "seed": 8},
    ]
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\r\n\r\n"
    wanted = [("a.mp4", "one\u2028two\x85three", 7, 1.0), ("b.mp4", "x,y", 8, 2.0)]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert rows_of(tmp_path, text.encode(encoding), "jsonl") == wanted


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("video,prompt\na.mp4,rêve\n".encode("cp1252"), '2: byte 0xea is not UTF-8; save the table as "CSV UTF-8"'),
        ("video,prompt\nкино.mp4,x\n".encode("cp1251"), "CSV UTF-8"),
        (b"PK\x03\x04\x14\0\x06\0", "is a zip file, as workbooks of Excel are; save the table as"),
        (b"video,prompt\na.mp4,calm,left over\n", "row 1: 'left over' stands in a column without a name"),
        (b"video,prompt\na.mp4,b\nc.mp4,\"he said\nd.mp4,x\n", "row 2: not CSV .*check its quotes"),
        (b"video,video\na.mp4,b.mp4\n", "two columns have the same name"),
        (b"video,promt\na.mp4,calm\n", "row 1: no column is called 'promt'; did you mean 'prompt'?"),
        (b"Video\na.mp4\n", "did you mean 'video'?"),
        (b"video,sede\na.mp4,1\n", "row 1: no column is called 'sede'; did you mean 'seed'?"),
        (b"a.mp4,calm\nb.mp4,calm\n", "no column is called 'a.mp4'; there are video, name"),
        (b"video,seed\na.mp4,1\nb.mp4,one\n", "row 2: seed must be a number, got 'one'"),
        (b"video,seed\na.mp4,1\nb.mp4,1.5\n", "row 2: seed must be a whole number, got '1.5'"),
        (b"video,seed\na.mp4,-1\n", "row 1: seed .*-1"),
        (b"video,seed\na.mp4,99999999999999999999\n", "row 1: seed .*99999999999999999999"),
        (b"video,steps\na.mp4,1\nb.mp4,nan\n", "row 2: steps must be a number, got 'nan'"),
        (b"video,steps\na.mp4,0\n", "row 1: steps .*0"),
        (b"video,guidance\na.mp4,inf\n", "row 1: guidance must be a number, got 'inf'"),
        (b"video,guidance\na.mp4,11\n", "row 1: guidance .*11"),
        (b"video,fade\na.mp4,NaN\n", "row 1: fade must be a number"),
        (b"video,keep_audio\na.mp4,loud\n", "replace, mix, duck"),
        (b"video,semantics\na.mp4,magic\n", "auto, colour, clip"),
        (b"video,name\na.mp4,../a\n", "plain file name"),
        (b"video,name\na.mp4,x\nb.mp4,X\n", "the same name"),
        (b"style\ncalm\n", "video is empty"),
        (b"video\n", "has no rows"),
        (b"video,prompt\n,\n,\n", "has no rows"),
        (b"", "has no rows"),
    ],
)  # fmt: skip
def test_mistakes_in_a_table_are_named_before_the_work(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        rows_of(tmp_path, data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"video": "a.mp4"}\n[1]\n', "line 2: must be an object"),
        ('{"video": "a.mp4"\n', "line 1: not JSON"),
        ("[" * 100_000, "line 1: not JSON"),
        ('{"video": ["a.mp4"]}\n', "line 1: video must be text"),
        ('{"video": "a.mp4", "seed": true}\n', "line 1: seed must be a number, got True"),
        ('{"video": "a.mp4", "seed": {"a": 1}}\n', "line 1: seed must be a number"),
        ('{"video": "a.mp4", "guidance": NaN}\n', "line 1: guidance must be a number, got nan"),
        ('{"video": "a.mp4", "guidance": 1e400}\n', "line 1: guidance must be a number, got inf"),
        ('{"video": "a.mp4", "style": [{"a": 1}]}\n', "line 1: style must be text"),
        ('{"video": "a\\ud800.mp4"}\n', "line 1: video holds half a character"),
        (f'{{"video": "a.mp4", "seed": {"9" * 5000}}}\n', "line 1"),
    ],
)
def test_mistakes_in_json_lines_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        rows_of(tmp_path, text.encode(), "jsonl")
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.csv or \.jsonl"):
        read_manifest(tmp_path / "m.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_manifest(tmp_path / "folder.csv")


def test_names_and_seeds_come_from_the_video(tmp_path: Path) -> None:
    rows = read_manifest(
        write_csv(tmp_path / "m.csv", [{"video": v} for v in ("x/a.mp4", "y/a.mov", "A.mp4", "b.mp4")])
    )
    assert [row.name for row in rows] == ["a", "a-2", "A-3", "b"]
    assert len({row.seed for row in rows}) == 4
    (alone,) = read_manifest(write_csv(tmp_path / "m.csv", [{"video": "b.mp4", "steps": " 3", "guidance": "2"}]))
    assert alone == Row("b.mp4", "b", seed=rows[3].seed, steps=3, guidance=2.0)


def test_names_of_files_beside_their_videos_end_in_scored(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    (tmp_path / "link").symlink_to(films)
    videos: list[dict[str, object]] = [{"video": "films/a.mp4"}, {"video": "b.mp4"}, {"video": "films/a.mov"}]
    manifest = write_csv(tmp_path / "m.csv", [*videos, {"video": "films/c.mp4", "name": "own"}])
    elsewhere = read_manifest(manifest, tmp_path / "out")
    beside = read_manifest(manifest, tmp_path / "link")
    assert [row.name for row in elsewhere] == ["a", "b", "a-2", "own"]
    assert [row.name for row in beside] == ["a-scored", "b", "a-2-scored", "own"]
    assert [row.seed for row in beside] == [row.seed for row in elsewhere]  # the same music wherever it is written


def test_a_name_from_a_long_video_leaves_room_for_suffixes(tmp_path: Path) -> None:
    (row,) = read_manifest(write_csv(tmp_path / "m.csv", [{"video": "ö" * 125 + ".mp4"}]))
    assert row.name == "ö" * 110
    assert len(f"{row.name}-10-scored.receipt.json".encode()) <= 255


def test_tables_of_results_hold_no_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_text([{"duration": math.nan}], ".jsonl")


def test_lists_and_pairs_are_read_as_everywhere_else(tmp_path: Path) -> None:
    scenes = ["0-6 calm piano", "6- epic orchestra"]
    rows = [{"video": "a.mp4", "scene": scenes, "hit": [2.5, "4 big"], "guidance": [2.5, 1.0]}, {"video": "b.mp4"}]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    row = read_manifest(path)[0]
    asked = ScoreOptions(scene=scenes, hit=["2.5", "4 big"], guidance=(2.5, 1.0))
    assert (row.scene, row.hit, options_of(row, 0).guidance) == (asked.scene, asked.hit, options_of(asked, 0).guidance)
    (alone,) = read_manifest(write_csv(tmp_path / "m.csv", [{"video": "b.mp4", "guidance": "2.5,1.0"}]))
    assert options_of(alone, 0).guidance == options_of(asked, 0).guidance
    with pytest.raises(DataError, match=r"row 1: guidance must be a number"):
        read_manifest(write_csv(tmp_path / "n.csv", [{"video": "b.mp4", "guidance": "2.5,x"}]))
