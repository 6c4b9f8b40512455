"""Works that occur in more than one archive, found by what their melodies share."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from diffbgm.research.datasets.corpora import Piece
from diffbgm.types import PianoRoll

RUN = 20  # intervals
SHARED = 0.2  # of a piece's runs that makes it another's double


def interval_runs(rolls: Iterable[PianoRoll]) -> set[bytes]:
    """Every run of RUN intervals, in semitones, of the melodies; the same in every key and tempo."""
    runs: set[bytes] = set()
    for roll in rolls:
        step, key = np.nonzero(roll.cells[0])
        if len(step) <= RUN:
            continue
        top = np.flatnonzero(np.append(step[1:] != step[:-1], True))  # the highest where several begin
        intervals = np.clip(np.diff(key[top]), -127, 127).astype(np.int8).tobytes()
        runs.update(intervals[i : i + RUN] for i in range(len(intervals) - RUN + 1))
    return runs


def doubles_of(works: Mapping[str, Sequence[Piece]], held: Iterable[str]) -> set[str]:
    """The works, not among `held`, of whose interval runs at least SHARED are found in those."""
    known: set[bytes] = set()
    held = set(held)
    for work in held:
        known |= interval_runs(piece.roll for piece in works[work])
    found: set[str] = set()
    for work in works.keys() - held:
        runs = interval_runs(piece.roll for piece in works[work])
        if runs and len(runs & known) >= SHARED * len(runs):
            found.add(work)
    return found
