"""The manifest of a batch, CSV or JSON lines: one row per video. Mistakes are found before any work begins."""

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from diffbgm.batch.outputs import fold, same_place
from diffbgm.batch.storage import place_in
from diffbgm.batch.tables import read_table
from diffbgm.errors import DataError, InputError
from diffbgm.options import SETTINGS, ScoreOptions, Setting, parse_option
from diffbgm.stages import options_of

NAME_BYTES = 220  # of a name made from a video's: leaves room in 255 for a number and the longest suffix
BESIDE = "-scored"  # ends the name of what is written beside its video
PLAIN_NAME = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*")


@dataclass(frozen=True)
class Row(ScoreOptions):
    """One video to score, and its settings; everything but `video` may be left out of the manifest.

    Attributes:
        video: A path, relative to the manifest's folder, or an address such as s3://films/a.mp4.
        name: Of its files, without a suffix. Default: the video's, numbered if taken, with `-scored` where the files
            lie beside the video.
        seed: Default: a number made of the name, so that it does not depend on the other rows.
    """

    video: str
    name: str


COLUMNS = ("video", "name", *SETTINGS)


def read_manifest(path: Path, out: Path | None = None) -> tuple[Row, ...]:
    """The rows of a .csv (with a header) or .jsonl file; see `tables.read_table`.

    Args:
        path: The manifest.
        out: The folder that the files of the rows are for.

    Raises:
        DataError: With the row's number: an unreadable file, an unknown column, a value that is none or out of its
            range, a name twice.
    """
    table = read_table(path, COLUMNS, [name for name in SETTINGS if SETTINGS[name].kind is not str])
    if not table:
        raise DataError(f"{path}: has no rows")
    return make_rows(str(path), table, path.parent, out)


def make_rows(
    source: str, table: Sequence[tuple[str, Mapping[str, Any]]], folder: Path, out: Path | None
) -> tuple[Row, ...]:
    """The rows of a table of which each record says where it stands; videos are relative to `folder`."""
    given = [str(values["name"]) for _, values in table if values.get("name")]
    taken = {fold(name) for name in given}
    if len(taken) < len(given):
        raise DataError(f"{source}: two rows have the same name; names must differ in more than upper and lower case")
    return tuple(make_row(where, values, taken, folder, out) for where, values in table)


def make_row(where: str, values: Mapping[str, Any], taken: set[str], folder: Path, out: Path | None) -> Row:
    """A row with every value checked; `taken` names grow by its own where that is made here."""
    for column in values:
        if column not in COLUMNS:
            near = get_close_matches(column.casefold(), COLUMNS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COLUMNS)}"
            raise DataError(f"{where}: no column is called {column!r}; {hint}")
    given = {column: value for column, value in values.items() if value not in (None, "")}
    for column in ("video", "name"):
        if not isinstance(given.get(column, ""), str | int | float):
            raise DataError(f"{where}: {column} must be text, got {given[column]!r}")
    video, name = (str(given.get(column, "")).replace("\0", "\ufffd") for column in ("video", "name"))
    if not video:
        raise DataError(f"{where}: video is empty")
    settings = {column: read(where, column, SETTINGS[column], given[column]) for column in SETTINGS if column in given}
    for column, value in {"video": video, "name": name, **settings}.items():
        if isinstance(value, str) and not is_unicode(value):
            raise DataError(f"{where}: {column} holds half a character (a lone surrogate), got {value!a}")
    origin = name
    if not name:
        try:
            beside = out is not None and same_place(place_in(folder, video).parent, out)
        except InputError as e:
            raise DataError(f"{where}: {e}") from e
        name = free_name(video, BESIDE if beside else "", taken)
        taken.add(fold(name))
        origin = name.removesuffix(BESIDE) if beside else name
    if not PLAIN_NAME.fullmatch(name):
        raise DataError(f"{where}: name {name!r} must be a plain file name without a suffix")
    if settings.get("takes", 1) > 1:
        raise DataError(f"{where}: takes: a batch composes one take a video; list the video once for each seed")
    settings.setdefault("seed", zlib.crc32(origin.encode()) >> 1)
    if not 0 <= settings["seed"] < 2**63:
        raise DataError(f"{where}: seed must lie between 0 and {2**63 - 1}, got {settings['seed']}")
    try:
        row = Row(video=video, name=name, **settings)
        options_of(row, 0)
    except InputError as e:
        raise DataError(f"{where}: {e}") from e
    return row


def read(where: str, column: str, setting: Setting, value: Any) -> Any:
    """A value of a setting as it stands in the manifest: text, a number in any of its spellings, a list of words.

    Raises:
        DataError: The value is no such thing.
    """
    if setting.choices and value not in setting.choices:
        raise DataError(f"{where}: {column} must be {', '.join(setting.choices)}, got {value!r}")
    if setting.kind is str:
        words = cast("list[Any]", value) if isinstance(value, list) else [value]
        if not all(isinstance(word, str | int | float) for word in words):
            raise DataError(f"{where}: {column} must be text, got {value!r}")
        return ("; " if setting.many else ",").join(map(str, words))
    if column == "guidance" and (isinstance(value, list) or "," in str(value)):
        pair = cast("list[Any]", value) if isinstance(value, list) else str(value).split(",")
        try:
            return parse_option(column, ",".join(map(str, pair)))
        except InputError as e:
            raise DataError(f"{where}: {e}") from e
    text = str(value).strip()
    try:
        number = math.nan if isinstance(value, bool) else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}: {column} must be a number, got {value!r}")
    if setting.kind is float:
        return number
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if not number.is_integer():
        raise DataError(f"{where}: {column} must be a whole number, got {value!r}")
    return int(number)


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def free_name(video: str, ending: str, taken: set[str]) -> str:
    """The video's name without its suffix, then a number where another row has that name already, then `ending`."""
    stem = re.sub(r"^\.+", "", Path(video.replace("\\", "/")).stem)
    stem = re.sub(r"[\x00-\x1f]", "_", stem) or "video"
    stem = stem.encode()[:NAME_BYTES].decode(errors="ignore")
    name, number = f"{stem}{ending}", 1
    while fold(name) in taken:
        number += 1
        name = f"{stem}-{number}{ending}"
    return name
