"""Recorded drum performances (Groove MIDI, Gillick et al. 2019) as the small table that the package plays from.

`python -m diffbgm.research.datasets.grooves ../../shared/data/groove-train.zip sdk/diffbgm/band/data/grooves.npz`
"""

import csv
import io
import sys
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.files import replacing

TICKS = 480
METRES = {"4/4": 4, "3/4": 3, "6/8": 3}  # quarter notes a bar
LOOP = 2  # bars
PERFORMANCES, LOOPS, FILLS = 10, 6, 12  # at most: performances a style, loops of each, fills a style
SPARSEST = 4  # strokes a bar
EARLY = 40  # ticks before a bar line that belong to the bar after it
# Notes of the Roland TD-11 that General MIDI hears otherwise, as the dataset's authors join them.
KEYS = {22: 42, 26: 46, 40: 38, 48: 50, 50: 50, 45: 47, 47: 47, 43: 43, 58: 43, 55: 49, 52: 57, 59: 51}


def strokes(file: bytes) -> np.ndarray:
    """Return [N, 3] (tick, key, velocity) of the notes in a MIDI file, in order of time."""
    import mido

    found: list[tuple[Any, ...]] = []
    for track in mido.MidiFile(file=io.BytesIO(file)).tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                found.append((now, KEYS.get(message.note, message.note), message.velocity))
    return np.array(sorted(found), np.int64).reshape(-1, 3)


def cut_loops(notes: np.ndarray, beats_per_bar: int) -> list[np.ndarray]:
    """Cut strokes [N, 3] into loops of `LOOP` bars whose ticks count from their start; sparse ones are left out."""
    width = LOOP * beats_per_bar * TICKS
    number = (notes[:, 0] + EARLY) // width
    loops = [notes[number == i] - [i * width, 0, 0] for i in range(int(number.max(initial=-1)) + 1)]
    return [loop for loop in loops if len(loop) >= SPARSEST * LOOP]


def force(loop: np.ndarray) -> float:
    """Return how much a loop plays: the sum of its squared velocities."""
    return float(np.square(loop[:, 2] / 127).sum())


def choose(loops: list[np.ndarray], most: int) -> list[np.ndarray]:
    """Return at most `most` of the loops, evenly from the softest to the loudest, in that order."""
    ranked = sorted(loops, key=force)
    return [ranked[i] for i in sorted({round(i) for i in np.linspace(0, len(ranked) - 1, min(most, len(ranked)))})]


def build(archive: Path) -> dict[str, Any]:
    """Return the arrays of `grooves.npz`.

    Returns:
        `styles` and `metres`: names. `loops` [L, 6]: style, metre, bpm, performance, 1 for a fill, bars; the loops of a
        performance lie together, the softest first. `starts` [L + 1]: where each one's strokes begin in `strokes`
        [N, 3] (tick from the loop's start, 480 a beat; key of General MIDI; velocity).

    """
    by_style: dict[tuple[str, str], list[tuple[int, list[np.ndarray]]]] = defaultdict(list)
    fills: dict[tuple[str, str], list[tuple[int, np.ndarray]]] = defaultdict(list)
    with zipfile.ZipFile(archive) as pack:
        for row in csv.DictReader(io.TextIOWrapper(pack.open("index.csv"), "utf-8")):
            metre, bpm = row["metre"], int(row["bpm"])
            if metre not in METRES:
                continue
            notes, per_bar = strokes(pack.read(row["file"])), METRES[metre]
            if row["beat_type"] == "fill":
                bar = notes[notes[:, 0] < per_bar * TICKS - EARLY]
                if len(bar) >= SPARSEST + 2 and bar[-1, 0] >= (per_bar - 1) * TICKS:
                    fills[row["style"], metre].append((bpm, bar))
            elif loops := cut_loops(notes, per_bar):
                by_style[row["style"], metre].append((bpm, loops))
    styles = sorted({style for style, _ in by_style})
    rows: list[tuple[int, ...]] = []
    kept: list[np.ndarray] = []
    performance = 0
    for (style, metre), played in sorted(by_style.items()):
        head = (styles.index(style), list(METRES).index(metre))
        longest = sorted(played, key=lambda p: -len(p[1]))[: 2 * PERFORMANCES]
        by_tempo = sorted(longest, key=lambda p: p[0])
        for i in sorted({round(x) for x in np.linspace(0, len(by_tempo) - 1, min(PERFORMANCES, len(by_tempo)))}):
            bpm, loops = by_tempo[i]
            for loop in choose(loops, LOOPS):
                rows.append((*head, bpm, performance, 0, LOOP))
                kept.append(loop)
            performance += 1
        found = sorted(fills[style, metre], key=lambda fill: force(fill[1]))
        for i in sorted({round(x) for x in np.linspace(0, len(found) - 1, min(FILLS, len(found)))}):
            bpm, fill = found[i]
            rows.append((*head, bpm, performance, 1, 1))
            kept.append(fill)
        performance += 1
    return {
        "styles": np.array(styles),
        "metres": np.array(list(METRES)),
        "loops": np.array(rows, np.int16),
        "starts": np.concatenate([[0], np.cumsum([len(loop) for loop in kept])]).astype(np.int32),
        "strokes": np.concatenate(kept).astype(np.int16),
    }


def main(archive: str, target: str) -> None:
    """Write the table to `target`."""
    with replacing(target) as temporary, temporary.open("wb") as out:
        np.savez_compressed(out, **build(Path(archive)))


if __name__ == "__main__":
    main(*sys.argv[1:])
