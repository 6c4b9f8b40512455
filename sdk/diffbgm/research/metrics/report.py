"""What an evaluation says: tables for a terminal, JSON for machines. `html` makes a page of the same."""

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm import __version__, files


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers under `columns`; `note` says n, seed, baseline: the ruler of its numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"Table {self.title!r}: {len(self.columns)} columns, but a row of {len(row)}: {row!r}")


@dataclass(frozen=True)
class Provenance:
    """What an evaluation was made with.

    Attributes:
        weights: SHA-256 of model.safetensors; "" where no weights were used, such as for plans alone.
        sampler: Settings of the sampler but its seed.
        version: Version of this package.
    """

    weights: str
    sampler: Mapping[str, Any]
    version: str = __version__


@dataclass(frozen=True)
class Report:
    """One evaluation: its tables and the data they were made from (plain values, as JSON holds them)."""

    title: str
    seed: int
    tables: tuple[Table, ...]
    data: dict[str, Any] = field(default_factory=dict)
    made_with: Provenance | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values: title, seed, what it was made with, data, tables."""
        return {
            "title": self.title,
            "seed": self.seed,
            "made_with": plain(self.made_with),
            "data": plain(self.data),
            "tables": plain(list(self.tables)),
        }


def format_value(value: Any) -> str:
    """Numbers to three significant decimals, None as a dash, booleans as yes and no."""
    if value is None:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return str(float(value))
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"
    return str(value)


def format_table(table: Table) -> str:
    """The table as text: columns padded to their widest entry, numbers to the right, the note below."""
    cells = [[format_value(value) for value in row] for row in table.rows]
    widths = [max([_width(name)] + [_width(row[i]) for row in cells]) for i, name in enumerate(table.columns)]
    numeric = [
        bool(table.rows) and all(isinstance(row[i], int | float | np.number | None) for row in table.rows)
        for i in range(len(table.columns))
    ]

    def line(entries: list[str]) -> str:
        padded = [
            " " * (w - _width(e)) + e if right else e + " " * (w - _width(e))
            for e, w, right in zip(entries, widths, numeric, strict=True)
        ]
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * w for w in widths)
    return "\n".join(
        [table.title, line(list(table.columns)), rule, *map(line, cells), *([table.note] if table.note else [])]
    )


def _width(text: str) -> int:
    """Columns a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def format_report(report: Report) -> str:
    """Every table of the report, a blank line between them."""
    head = f"{report.title} (seed {report.seed})"
    return "\n\n".join([head, *map(format_table, report.tables)])


def plain(value: Any) -> Any:
    """`value` as JSON holds it: dataclasses and numpy numbers unpacked, NaN and infinity as None."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, str) else str(value)


def to_json(report: Report) -> str:
    """The report as indented JSON, see `Report.to_dict`."""
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: str | Path, text: str) -> Path:
    """`files.write_text` into a folder that is made where it is not there; OutputError if that cannot be."""
    files.make_folder(Path(path).parent)
    return files.write_text(path, text)


def write_json(path: str | Path, report: Report) -> Path:
    """Writes the report as JSON; returns the path. OutputError where it cannot be written."""
    return write_text(path, to_json(report))
