"""Chords of a plan: those that are given as text, laid over its bars."""

from collections.abc import Sequence

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.roll import find_key
from diffbgm.types import Key, PlannedChord

OPEN = ("-", "N", "NC", "N.C.")  # no chord is asked: left to the model
AGAIN = "%"  # the bar before once more


def lay_chords(text: str, beats: int, beats_per_bar: int) -> tuple[PlannedChord, ...]:
    """Return the chords of a text over a piece, repeated from its start to its end.

    Args:
        text: "Am F C G": one chord a bar; with bar lines "Am | F G | C | %": the chords of a bar share its beats, `%`
            repeats the bar before, `-` leaves a place to the model.
        beats: Of the piece.
        beats_per_bar: Of its metre.

    Raises:
        PlanError: A symbol is not understood, or a bar has more chords than beats.

    """
    bars = [part.split() for part in text.strip().strip("|").split("|")] if "|" in text else [[c] for c in text.split()]
    for i, bar in enumerate(bars):
        if bar == [AGAIN] and i:
            bars[i] = bars[i - 1]
        if not bar or len(bar) > beats_per_bar:
            raise PlanError(f"chords: bar {i + 1} has {len(bar)} chords, it holds 1 to {beats_per_bar}")
    if not bars:
        return ()
    out: list[PlannedChord] = []
    for number in range(-(-beats // beats_per_bar)):
        bar = bars[number % len(bars)]
        edges = [-(-beats_per_bar * k // len(bar)) + number * beats_per_bar for k in range(len(bar) + 1)]
        for symbol, start, end in zip(bar, edges, edges[1:], strict=False):
            if symbol not in OPEN:
                out.append(PlannedChord(start, end, symbol))
    return join_chords(out)


def join_chords(chords: Sequence[PlannedChord]) -> tuple[PlannedChord, ...]:
    """Return the chords with equal neighbours joined."""
    out: list[PlannedChord] = []
    for chord in chords:
        if out and (out[-1].symbol, out[-1].end) == (chord.symbol, chord.start):
            chord = PlannedChord(out.pop().start, chord.end, chord.symbol)
        out.append(chord)
    return tuple(out)


def key_of_chords(chords: Sequence[PlannedChord]) -> Key:
    """Return the key that chords are in: by their tones, the roots of the first and the last once more."""
    heard = np.zeros(12)
    for chord in chords:
        heard[list(chord.chord.classes)] += chord.end - chord.start
    for chord in (chords[0], chords[-1]):
        heard[chord.chord.root] += 0.1 * heard.sum()
    return find_key(heard)


def tell_chords(chords: Sequence[PlannedChord], beats_per_bar: int) -> str:
    """Return the chords as text, bar by bar: `Am | F G | C | %`; a chord that was held from before is not repeated."""
    bars: dict[int, list[str]] = {}
    for chord in chords:
        bars.setdefault(chord.start // beats_per_bar, []).append(chord.symbol)
    if not bars:
        return ""
    last = (chords[-1].end - 1) // beats_per_bar
    return " | ".join(" ".join(bars.get(bar, ["%"])) for bar in range(last + 1))
