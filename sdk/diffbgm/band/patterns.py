"""Accompaniment patterns, from `data/patterns.toml`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import Any, cast

from diffbgm.band.tables import bundled
from diffbgm.errors import PlanError
from diffbgm.types import METRES, STEPS_PER_BEAT

Lines = tuple[str, ...]  # played together
Bars = tuple[Lines, Lines, Lines]  # light, middle, full
VOICES = "voices"  # the pattern of real parts, whose pitches come from all of them together


@dataclass(frozen=True)
class Pattern:
    """How the harmony is played; the strokes are explained in the table's head.

    Attributes:
        bars: A light, a middle and a full bar for every metre of `METRES`.
        gate: Share of the time to the line's next stroke that a stroke is held.
        short: Beats that it is held at most.
        bass: Whether the strokes are a bass line.
        stays: Whether a stroke that a change of harmony cuts is not struck anew.
        spread: Whether tones lie over the whole range.

    """

    bars: Mapping[str, Bars]
    gate: float = 1.0
    short: float = 64.0
    bass: bool = False
    stays: bool = False
    spread: bool = False


def _bars(table: Any) -> Bars:
    rows = cast("list[str]", table if isinstance(table, list) else [table])
    return cast("Bars", tuple(tuple(rows[min(i, len(rows) - 1)].split("|")) for i in range(3)))


def _read(table: Mapping[str, Any], tables: Mapping[str, Any]) -> Pattern:
    bars = {metre: _bars(table[metre]) for metre in METRES if metre in table}
    if "4/4" not in bars and "2/4" in bars:
        bars["4/4"] = _every(bars["2/4"], lambda line: 2 * line)
    for metre in ("3/4", "2/4"):
        if "4/4" in bars and metre not in bars:
            bars[metre] = _every(bars["4/4"], partial(_first, STEPS_PER_BEAT * METRES[metre]))
    generic = tables["generic-bass" if table.get("bass") else "generic"]
    for metre in METRES:
        bars.setdefault(metre, _bars(generic.get(metre, generic["4/4"])))
    return Pattern(MappingProxyType(bars), **{key: value for key, value in table.items() if key not in METRES})


def _first(steps: int, line: Any) -> Any:
    return line[:steps]


def _every(bars: Bars, change: Callable[[Any], Any]) -> Bars:
    return cast("Bars", tuple(tuple(change(line) for line in lines) for lines in bars))


@cache
def patterns() -> Mapping[str, Pattern]:
    """Return all patterns by name, read once."""
    tables = bundled("patterns.toml")
    return MappingProxyType({name: _read(table, tables) for name, table in tables.items()})


def find_pattern(name: str) -> Pattern:
    """Return the pattern of that name; PlanError with the names there are."""
    if name not in patterns():
        raise PlanError(f"no pattern is called {name!r}; there are {', '.join(patterns())}")
    return patterns()[name]
