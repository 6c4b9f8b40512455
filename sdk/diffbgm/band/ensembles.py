"""Ensembles from `data/ensembles.toml` or a user's file: bands as palettes."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, cast

from diffbgm.band.instruments import find_instrument
from diffbgm.band.parts import ROLES, Palette, Part
from diffbgm.band.tables import bundled, from_file
from diffbgm.errors import PlanError
from diffbgm.types import Role

KEYS = {"description", "swing", "bass-pulse", "mechanical", "drums", *ROLES} - {"percussion"}
PART_KEYS = {f.name for f in fields(Part)} - {"program", "low", "high", "role"} | {"range"}
DRUM_KEYS = {"groove", "kit", "pan", "gain", "enter"}


def read_ensemble(name: str, table: Mapping[str, Any]) -> Palette:
    """Return the palette that a table of an ensemble describes; PlanError names what is wrong in it."""
    try:
        _refuse_unknown(table, KEYS, name)
        parts: list[Part] = []
        for role in ROLES:
            rows = table.get("drums" if role == "percussion" else role, [])
            listed = cast("list[dict[str, Any]]", rows if isinstance(rows, list) else [rows])
            parts += [_read_part(role, dict(row), f"{name}.{role}") for row in listed]
        if not parts:
            raise PlanError(f"ensemble {name}: nobody plays; name an instrument for one of {', '.join(ROLES[:4])}")
        return Palette(
            name,
            tuple(parts),
            float(table.get("swing", 0.0)),
            bool(table.get("bass-pulse", False)),
            str(table.get("description", "")),
            bool(table.get("mechanical", False)),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise PlanError(f"ensemble {name}: {error}; see band/data/ensembles.toml for the format") from error


def _read_part(role: Role, row: dict[str, Any], where: str) -> Part:
    if role == "percussion":
        _refuse_unknown(row, DRUM_KEYS, where)
        groove, kit = str(row.pop("groove")), int(row.pop("kit", 0))
        return Part(kit, 35, 81, role=role, instrument="drums", pattern=groove, **row)
    _refuse_unknown(row, PART_KEYS, where)
    player = find_instrument(str(row.pop("instrument", "")))
    row.setdefault("pattern", "")
    if "range" in row:
        row["low"], row["high"] = row.pop("range")
    if row.get("rings") == 0:
        row["rings"] = None
    part = player.in_role(role, **row)
    if part.high - part.low < 11:
        raise PlanError(f"ensemble {where}: range {part.low}..{part.high} is narrower than an octave")
    return part


def _refuse_unknown(row: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(row) - known):
        raise PlanError(f"ensemble {where}: {unknown[0]!r} is none of {', '.join(sorted(known))}")


PALETTES: Mapping[str, Palette] = MappingProxyType(
    {name: read_ensemble(name, table) for name, table in bundled("ensembles.toml").items()}
)


def find_palette(name: str) -> Palette:
    """Return the palette of that name, or the first one of a user's file NAME.toml.

    Raises:
        PlanError: There is none of that name, or the file describes none.
        InputError: The file cannot be read.

    """
    if name.endswith(".toml"):
        for first, table in from_file(name).items():
            return read_ensemble(first, table)
        raise PlanError(f"{name}: holds no ensemble; see band/data/ensembles.toml for the format")
    if name not in PALETTES:
        raise PlanError(f"no palette is called {name!r}; there are {', '.join(PALETTES)}")
    return PALETTES[name]
