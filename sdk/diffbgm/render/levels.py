"""How loud every preset of the font in the package plays: measured once, shipped as a table.

`diffbgm evaluate instruments --write` makes `data/levels.tsv` anew. With it a part that plays a lot is heard to do so:
levelling by the loudness of the part itself would take that away again.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from diffbgm.render.sf3 import DRUM_BANK, Preset
from diffbgm.types import Note, Track

TABLE = Path(__file__).with_name("data") / "levels.tsv"
BEATS = 6  # of a phrase, at 120 beats a minute
LOW = (*range(32, 40), 43, 58)  # basses, the contrabass, the tuba: their phrase lies an octave and a half lower
HEIGHTS = (48, 55, 60, 64, 67, 72)
KICK, SNARE, HAT = 36, 38, 42


def phrase(preset: Preset) -> Track:
    """Six quarter notes over two octaves, or a bar and a half of a rock pattern; velocity 90."""
    bank, program = preset
    if bank == DRUM_BANK:
        strokes = [(beat, KICK if beat % 2 == 0 else SNARE) for beat in range(BEATS)]
        strokes += [(half / 2, HAT) for half in range(2 * BEATS)]
        return Track("percussion", program, tuple(Note(at, at + 0.25, key, 90) for at, key in strokes))
    down = 19 if program in LOW else 0
    return Track("melody", program, tuple(Note(i, i + 0.95, pitch - down, 90) for i, pitch in enumerate(HEIGHTS)))


@cache
def read_levels() -> Mapping[Preset, float]:
    """Return (bank, program) -> LUFS of its `phrase`."""
    rows = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()[1:]]
    return MappingProxyType({(int(bank), int(program)): float(level) for bank, program, level, *_ in rows})


def own_level(track: Track) -> float:
    """LUFS that the font in the package gives the `phrase` on this track's instrument."""
    levels = read_levels()
    bank = DRUM_BANK if track.is_drum else 0
    level = levels.get((bank, track.program), -np.inf)
    return level if np.isfinite(level) else levels[bank, 0]
