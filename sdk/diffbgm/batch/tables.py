"""Tables as other programs write them: CSV in the dialects of Excel, and JSON lines."""

import codecs
import csv
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from diffbgm.errors import DataError

SUFFIXES = (".csv", ".jsonl")
DELIMITERS = ",;\t"
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # how Excel is shown the delimiter

Record = tuple[str, dict[str, Any]]  # where a row stands (file and number), and its values by column


def read_table(path: Path, columns: Collection[str], numbers: Collection[str] = ()) -> list[Record]:
    """The rows of a .csv file (comma, semicolon or tab, with a header) or a .jsonl file, in UTF-8 or UTF-16.

    Empty rows, nameless empty columns and a `sep=;` line are passed over. Where semicolons or tabs part the values,
    numbers may have a decimal comma.

    Args:
        path: The file.
        columns: The names a header may hold; the delimiter is the one that yields most of them.
        numbers: Those that hold numbers.

    Raises:
        DataError: The file cannot be read, or is not what its suffix says; with the row's number.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: a manifest is {' or '.join(SUFFIXES)}")
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as e:
        raise DataError(f"{path}: cannot be read ({getattr(e, 'strerror', None) or e})") from e
    text = decode(path, data)
    return list(from_csv(path, text, columns, numbers) if suffix == ".csv" else from_jsonl(path, text))


def decode(path: Path, data: bytes) -> str:
    """UTF-8 or UTF-16, with or without a byte-order mark; other encodings are refused, since each fits any bytes."""
    if data.startswith(b"PK\x03\x04"):
        raise DataError(f'{path}: is a zip file, as workbooks of Excel are; save the table as "CSV UTF-8"')
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif 0 in data[:2]:  # no mark, but the first character is ASCII: a column's name or a brace
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise DataError(
            f"{path} line {line}: byte 0x{data[e.start]:02x} is not {encoding[:6].upper().rstrip('-')}; "
            f'save the table as "CSV UTF-8"'
        ) from e


def from_csv(path: Path, text: str, columns: Collection[str], numbers: Collection[str]) -> Iterator[Record]:
    """The rows that are not empty, numbered from 1 below the header."""
    text = text.lstrip("\r\n").replace("\0", "\ufffd")  # `csv` of Python 3.10 refuses NUL; no file name holds it
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    if named := SEPARATOR_LINE.match(first):
        delimiter, text = named[1], text[len(first) :].lstrip("\r\n")
    else:
        delimiter = max(DELIMITERS, key=lambda mark: len(set(columns) & {c.strip(' "') for c in first.split(mark)}))
    # Unpaired quotes may be letters; one that opens a value and never closes it would swallow all rows below.
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=text.count('"') % 2 == 1
    )
    number = 0
    try:
        header = [cell.strip() for cell in next(reader, list[str]())]
        names = [name for name in header if name]
        if len(set(names)) < len(names):
            raise DataError(f"{path}: two columns have the same name; remove one of them")
        for number, cells in enumerate(reader, 1):
            where = f"{path} row {number}"
            values = dict(named_cells(where, header, [cell.strip() for cell in cells], delimiter))
            if delimiter != ",":
                values |= {name: values[name].replace(",", ".") for name in numbers if name in values}
            if any(values.values()):
                yield where, values
    except csv.Error as e:
        raise DataError(f"{path} row {number + 1}: not CSV ({e}); check its quotes") from e


def named_cells(where: str, header: Sequence[str], cells: Sequence[str], delimiter: str) -> Iterator[tuple[str, str]]:
    """A row's cells by column; those of nameless columns must be empty."""
    for k, cell in enumerate(cells):
        name = header[k] if k < len(header) else ""
        if name:
            yield name, cell
        elif cell:
            raise DataError(
                f"{where}: {cell!r} stands in a column without a name; name the column in the first row, "
                f"or put quotes around a value that holds {delimiter!r}"
            )


def from_jsonl(path: Path, text: str) -> Iterator[Record]:
    """One object per line; lines end at a line feed only, since strings may hold the other ends of lines."""
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path} line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise DataError(f"{where}: not JSON ({e})") from e
        if not isinstance(values, dict):
            raise DataError(f'{where}: must be an object, such as {{"video": "a.mp4"}}')
        yield where, cast("dict[str, Any]", values)


def to_text(records: Sequence[Mapping[str, Any]], suffix: str) -> str:
    """Records with the same keys as CSV or JSON lines."""
    if suffix == ".jsonl":
        return "".join(json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in records)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
