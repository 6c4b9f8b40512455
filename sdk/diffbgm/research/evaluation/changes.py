"""`diffbgm evaluate changes`: what the figures of two cards say of each other, row by row."""

import math
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from diffbgm.errors import InputError
from diffbgm.research.evaluation.card import METRICS, read_json
from diffbgm.research.metrics.report import Report, Table

Figures = dict[tuple[str, ...], float]


def evaluate_changes(before: Path, after: Path) -> Report:
    """Return all numbers of two weights folders' metrics.json that stand in the same table, row and column, and differ.

    Raises:
        InputError: One of the folders holds no metrics.json.

    """
    found: list[Mapping[str, Any]] = []
    for folder in (before, after):
        found.append(read_json(Path(folder) / METRICS))
        if not found[-1]:
            raise InputError(f"{folder}: holds no {METRICS}; give a folder of weights with a card")
    old, new = (dict(figures(metrics)) for metrics in found)
    rows = tuple((*key, old[key], new[key], new[key] - old[key]) for key in new if key in old and new[key] != old[key])
    note = (
        f"{len(rows)} of {len(old.keys() & new.keys())} numbers differ; {len(new.keys() - old.keys())} are new, "
        f"{len(old.keys() - new.keys())} are gone. A difference says nothing of its noise: see the intervals"
    )
    columns = ("part", "table", "row", "column", "before", "after", "difference")
    same = tuple((name, *weights_of(found[0], found[1], name)) for name in found[1] if name in found[0])
    made = Table("Made with", ("part", "weights before", "weights after"), same)
    return Report("Changes", 0, (Table("What changed", columns, rows, note), made))


def figures(metrics: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield each number by part, table, the words its row begins with, and its column; equal names are counted on."""
    seen: Figures = {}
    for kind, report in metrics.items():
        for table in report["tables"]:
            for row in table["rows"]:
                texts = takewhile(lambda value: isinstance(value, str), row)  # an interval moves with its number
                name = ", ".join(texts) or str(row[0])
                for column, value in zip(table["columns"], row, strict=True):
                    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                        key, k = (kind, table["title"], name, column), 1
                        while key in seen:
                            k += 1
                            key = (kind, table["title"], name, f"{column} ({k})")
                        seen[key] = float(value)
                        yield key, float(value)


def weights_of(before: Mapping[str, Any], after: Mapping[str, Any], kind: str) -> tuple[str, str]:
    """Return the first digits of the weights that a part was made with, then and now."""
    old, new = (((metrics[kind].get("made_with") or {}).get("weights") or "none")[:12] for metrics in (before, after))
    return old, new
