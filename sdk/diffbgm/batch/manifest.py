"""The manifest of a batch, CSV or JSON lines: one row a video. Mistakes are found before any work begins."""

import csv
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from diffbgm.errors import DataError, OptionError
from diffbgm.options import SETTINGS, ScoreOptions, Setting

SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True)
class Row(ScoreOptions):
    """One video to score, and its settings; everything but `video` may be left out of the manifest.

    video   a path, relative to the manifest's folder.   name  of its files (default: the video's, numbered if taken).
    seed    default: a number made of the name, so that it does not depend on the other rows.
    """

    video: str
    name: str


COLUMNS = ("video", "name", *SETTINGS)


def read_manifest(path: Path) -> tuple[Row, ...]:
    """The rows of a .csv (with a header) or .jsonl file.

    Raises DataError with the row's number: unreadable file, unknown column, a value that is none, a name twice.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: a manifest is {' or '.join(SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path}: cannot be read ({e})") from e
    raw = from_csv(path, text) if path.suffix.lower() == ".csv" else from_jsonl(path, text)
    if not raw:
        raise DataError(f"{path}: has no rows")
    taken = {name.casefold() for _, values in raw if (name := str(values.get("name") or ""))}
    if len(taken) < sum(1 for _, values in raw if values.get("name")):
        raise DataError(f"{path}: two rows have the same name; names must differ in more than upper and lower case")
    rows: list[Row] = []
    for where, values in raw:
        name = str(values.get("name") or "") or free_name(str(values.get("video") or ""), taken)
        taken.add(name.casefold())
        rows.append(make_row(where, values, name))
    return tuple(rows)


def from_csv(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Where each row stands, and its values that are not empty."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", skipinitialspace=True)
    return [
        (f"{path} row {number}", {str(k).strip(): v.strip() if isinstance(v, str) else v for k, v in values.items()})
        for number, values in enumerate(reader, 1)
    ]


def from_jsonl(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except json.JSONDecodeError as e:
            raise DataError(f"{path} line {number}: not JSON ({e})") from e
        if not isinstance(values, dict):
            raise DataError(f'{path} line {number}: must be an object, such as {{"video": "a.mp4"}}')
        rows.append((f"{path} line {number}", cast("dict[str, Any]", values)))
    return rows


def make_row(where: str, values: Mapping[str, Any], name: str) -> Row:
    """A row with every value checked."""
    unknown = sorted(set(values) - set(COLUMNS))
    if unknown:
        raise DataError(f"{where}: no column is called {unknown[0]!r}; there are {', '.join(COLUMNS)}")
    given = {column: value for column, value in values.items() if value not in (None, "")}
    if not given.get("video"):
        raise DataError(f"{where}: video is empty")
    if not re.fullmatch(r"[^./\\][^/\\]*", name):
        raise DataError(f"{where}: name {name!r} must be a plain file name without a suffix")
    settings = {column: read(where, column, SETTINGS[column], given[column]) for column in SETTINGS if column in given}
    settings.setdefault("seed", zlib.crc32(name.encode()) >> 1)
    try:
        return Row(video=str(given["video"]), name=name, **settings)
    except OptionError as e:
        raise DataError(f"{where}: {e}") from e


def read(where: str, column: str, setting: Setting, value: Any) -> Any:
    """A value of a setting as it stands in the manifest; a list where it is a list of words."""
    if setting.choices and value not in setting.choices:
        raise DataError(f"{where}: {column} must be {', '.join(setting.choices)}, got {value!r}")
    if setting.kind is str:
        return ",".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
    try:
        return setting.kind(value)
    except (TypeError, ValueError) as e:
        raise DataError(f"{where}: {column} must be a number, got {value!r}") from e


def free_name(video: str, taken: set[str]) -> str:
    """The video's name without its suffix, with a number behind it where another row has that name already."""
    stem = re.sub(r"^\.+", "", Path(video.replace("\\", "/")).stem) or "video"
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


def to_text(records: Sequence[Mapping[str, Any]], suffix: str) -> str:
    """Records with the same keys as CSV or JSON lines."""
    if suffix == ".jsonl":
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
