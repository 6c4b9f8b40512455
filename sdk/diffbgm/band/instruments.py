"""What every instrument can play, from `data/instruments.tsv`; its name, program and family are the brief's."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, cast

from diffbgm.band.parts import Part
from diffbgm.brief.lexicon import Instrument, instruments
from diffbgm.errors import PlanError
from diffbgm.types import Role

HABITS = {"strum": float, "kit": int}  # what stands behind a habit's "="; the others are names


@dataclass(frozen=True)
class Player:
    """An instrument and what it can do.

    Attributes:
        name: As in the brief's table.
        families: Its family and further ones that it belongs to.
        roles: What it can play, the best first.
        part: How it plays, in no role yet.
        patterns: Pattern (groove) by role, where it does not play what was composed.

    """

    name: str
    families: frozenset[str]
    roles: tuple[Role, ...]
    part: Part
    patterns: Mapping[Role, str]

    def in_role(self, role: Role, **changes: Any) -> Part:
        """Return its part in a role, with changes to fields of `Part`."""
        keys: dict[str, Any] = {"role": role, "pattern": self.patterns.get(role, ""), **changes}
        if role == "melody":
            keys.setdefault("strum", 0.0)
        if role != "chords":
            keys["pedal"] = False
        return Part(**{**vars(self.part), **keys})


@cache
def players() -> Mapping[str, Player]:
    """Return all instruments by name, read once."""
    text = (files("diffbgm.band") / "data" / "instruments.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    known = instruments()
    return MappingProxyType({row[0]: _read(row, known[row[0]]) for row in rows})


def _read(row: list[str], known: Instrument) -> Player:
    name, low, high, roles, voices, rings, hold, swell, families, habits = row
    options: dict[str, Any] = {}
    for habit in _listed(habits):
        key, _, value = habit.partition("=")
        options[key] = HABITS.get(key, str)(value) if value else True
    kit, groove = options.pop("kit", 0), options.pop("groove", "")
    patterns = {role: options.pop(role) for role in ("chords", "bass") if role in options}
    if groove:
        patterns["percussion"] = groove
    part = Part(
        kit if known.program is None else known.program,
        int(low),
        int(high),
        voices=int(voices),
        rings=None if rings == "-" else float(rings),
        hold=float(hold),
        swell=int(swell),
        instrument=name,
        **options,
    )
    found = cast("tuple[Role, ...]", _listed(roles))
    return Player(
        name, frozenset((known.family, *_listed(families))), found, part, cast("Mapping[Role, str]", patterns)
    )


def _listed(cell: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(cell.split())


def find_instrument(name: str) -> Player:
    """Return the instrument of that name; PlanError with the nearest names there are."""
    if name not in players():
        near = difflib.get_close_matches(name, players(), n=3, cutoff=0.4)
        raise PlanError(
            f"no instrument is called {name!r}; "
            + (f"did you mean {' or '.join(near)}?" if near else "see data/instruments.tsv")
        )
    return players()[name]


def find_player(role: str, name: str) -> Player:
    """Return the instrument of that name; PlanError where there is none, or where it cannot play the role."""
    player = find_instrument(name)
    if role not in player.roles:
        others = [other.name for other in players().values() if role in other.roles[:1]]
        raise PlanError(
            f"part: {name} cannot play the {role}, but {' or '.join(player.roles)}; for the {role} there are"
            f" {', '.join(others[:6])} and more"
        )
    return player


def families_of() -> frozenset[str]:
    """Return the families there are."""
    return frozenset[str]().union(*(player.families for player in players().values()))
