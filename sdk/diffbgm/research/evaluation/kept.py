"""Parts of `diffbgm evaluate all` that were measured before, so that a run that was cut off goes on."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffbgm.files import write_json
from diffbgm.research.metrics.report import Provenance, Report, Table, plain

KEY = "asked"  # beside what `Report.to_dict` gives: what a part must agree with to be taken again


def keep(folder: Path, kind: str, report: Report, made_with: Provenance, size: Mapping[str, Any]) -> None:
    """Write a part to `folder`/`kind`.json with the weights, the sampler, the seed and the size it was made with."""
    folder.mkdir(parents=True, exist_ok=True)
    made = replace(report, made_with=made_with)
    write_json(folder / f"{kind}.json", made.to_dict() | {KEY: plain(size)})


def find_kept(
    folder: Path, sizes: Mapping[str, Mapping[str, Any]], seed: int, made_with: Provenance
) -> dict[str, Report]:
    """Return the parts that were measured with the same weights, sampler, version, seed and size; none is damaged.

    Args:
        folder: Where `keep` wrote them.
        sizes: Kind -> what that part depends on of the size asked for.
        seed: Asked for.
        made_with: As they would be measured now.

    """
    asked = [seed, plain(made_with)]
    read = {kind: read_report(folder / f"{kind}.json") for kind in sizes}
    return {
        kind: kept[0]
        for kind, kept in read.items()
        if kept and [kept[0].seed, plain(kept[0].made_with)] == asked and kept[1] == plain(sizes[kind])
    }


def read_report(path: Path) -> tuple[Report, Any] | None:
    """Return a part and its size; None where there is none or it is damaged: it is then measured again."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        tables = tuple(
            Table(t["title"], tuple(t["columns"]), tuple(map(tuple, t["rows"])), t["note"]) for t in given["tables"]
        )
        made = Provenance(**given["made_with"])
        return Report(given["title"], given["seed"], tables, given["data"], made), given[KEY]
    except (OSError, ValueError, KeyError, TypeError):
        return None
