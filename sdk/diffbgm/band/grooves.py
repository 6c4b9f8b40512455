"""Drum grooves: tables of `data/grooves.toml`, and recorded performances (`data/grooves.npz`, CC BY 4.0)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from diffbgm.band.tables import bundled
from diffbgm.errors import PlanError
from diffbgm.types import METRES, STEPS_PER_BEAT, Note

DRUMS = {
    "concert-kick": 35, "kick": 36, "stick": 37, "snare": 38, "clap": 39, "closed": 42, "pedal-hat": 44, "low-tom": 45,
    "open": 46, "mid-tom": 47, "crash": 49, "high-tom": 50, "ride": 51, "ride-bell": 53, "tambourine": 54,
    "cowbell": 56, "crash-2": 57, "high-bongo": 60, "low-bongo": 61, "open-conga": 63, "low-conga": 64,
    "high-agogo": 67, "low-agogo": 68, "shaker": 70, "maracas": 70, "claves": 75, "triangle": 81,
}  # fmt: skip
TICKS = 480  # a beat, in grooves.npz
STROKE = 0.25  # beats that a stroke is written long

Line = Mapping[int, str]  # drum key -> four characters a beat: '.' rest, '1'..'9' a stroke, louder with the digit
Bars = tuple[Line, Line, Line]  # light, middle, full


@dataclass(frozen=True)
class Groove:
    """A style of drumming.

    Attributes:
        name: As in `data/grooves.toml`.
        patterns: A light, a middle and a full bar for every metre of `METRES`.
        fill: The last beat before a louder section.
        crash: Keys for strong moments.
        accent: Keys for lesser ones.
        played: Style of the recordings that are played where they have the metre; empty for none.

    """

    name: str
    patterns: Mapping[str, Bars]
    fill: Line
    crash: tuple[int, ...]
    accent: tuple[int, ...]
    played: str = ""


def velocity_of(digit: str) -> int:
    """Return the velocity of a pattern's digit."""
    return 22 + 10 * int(digit)


def strokes(pattern: Line) -> list[Note]:
    """Return a bar (or beat) of a pattern as notes from beat 0 on."""
    return [
        Note(step / STEPS_PER_BEAT, step / STEPS_PER_BEAT + STROKE, key, velocity_of(digit))
        for key, line in pattern.items()
        for step, digit in enumerate(line)
        if digit != "."
    ]


def _line(table: Mapping[str, str]) -> Line:
    return MappingProxyType({DRUMS[drum]: line for drum, line in table.items()})


def _bars(table: Any) -> Bars:
    rows = cast("list[Mapping[str, str]]", table if isinstance(table, list) else [table])
    return cast("Bars", tuple(_line(rows[min(i, len(rows) - 1)]) for i in range(3)))


def _read(name: str, table: Mapping[str, Any], generic: Mapping[str, Any]) -> Groove:
    patterns = {metre: _bars(table[metre]) for metre in METRES if metre in table}
    if "4/4" not in patterns and "2/4" in patterns:
        patterns["4/4"] = _every(patterns["2/4"], lambda line: 2 * line)
    if "2/4" not in patterns and "4/4" in patterns:
        patterns["2/4"] = _every(patterns["4/4"], lambda line: line[: len(line) // 2])
    for metre in METRES:
        patterns.setdefault(metre, _bars(generic[metre]))
    crash, accent = (tuple(DRUMS[drum] for drum in table[key]) for key in ("crash", "accent"))
    return Groove(name, MappingProxyType(patterns), _line(table["fill"]), crash, accent, table.get("played", ""))


def _every(bars: Bars, change: Callable[[Any], Any]) -> Bars:
    return cast("Bars", tuple({key: change(line) for key, line in bar.items()} for bar in bars))


@cache
def grooves() -> Mapping[str, Groove]:
    """Return all grooves by name, read once."""
    tables = bundled("grooves.toml")
    return MappingProxyType({name: _read(name, table, tables["generic"]) for name, table in tables.items()})


def find_groove(name: str) -> Groove:
    """Return the groove of that name; PlanError with the names there are."""
    if name not in grooves():
        raise PlanError(f"no groove is called {name!r}; there are {', '.join(grooves())}")
    return grooves()[name]


@dataclass(frozen=True)
class Performance:
    """What one drummer played in one take, as loops of whole bars.

    Attributes:
        bpm: The click.
        bars: Bars a loop.
        loops: The softest first; beats count from the loop's start, a little before 0 for what came early.
        fills: Bars that end in another section, of the same style, the softest first.

    """

    bpm: float
    bars: int
    loops: tuple[tuple[Note, ...], ...]
    fills: tuple[tuple[Note, ...], ...]


@cache
def performances(style: str, metre: str) -> tuple[Performance, ...]:
    """Return the recordings of a style in a metre, the slowest first; () where there are none."""
    with (files("diffbgm.band") / "data" / "grooves.npz").open("rb") as file, np.load(file) as table:
        styles, metres = table["styles"].tolist(), table["metres"].tolist()
        loops, starts, beats = table["loops"], table["starts"], table["strokes"]
    if style not in styles or metre not in metres:
        return ()
    chosen = np.flatnonzero((loops[:, 0] == styles.index(style)) & (loops[:, 1] == metres.index(metre)))
    read = {int(i): _notes(beats[starts[i] : starts[i + 1]]) for i in chosen}
    fills = tuple(notes for i, notes in read.items() if loops[i, 4])
    takes: dict[int, list[int]] = {}
    for i in chosen:
        if not loops[i, 4]:
            takes.setdefault(int(loops[i, 3]), []).append(int(i))
    found = [
        Performance(float(loops[ids[0], 2]), int(loops[ids[0], 5]), tuple(read[i] for i in ids), fills)
        for ids in takes.values()
    ]
    return tuple(sorted(found, key=lambda take: take.bpm))


def _notes(rows: np.ndarray) -> tuple[Note, ...]:
    return tuple(
        Note(tick / TICKS, tick / TICKS + STROKE, key, max(1, velocity))
        for tick, key, velocity in cast("Sequence[tuple[int, int, int]]", rows.tolist())
    )
