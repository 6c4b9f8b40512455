"""Music in MIDI files, any system's, as the metrics take it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError
from diffbgm.midi import read_midi
from diffbgm.roll import score_to_roll
from diffbgm.types import Score, TempoMap


@dataclass(frozen=True, eq=False)
class MidiPiece:
    """`cells` [4, 16 bars, 88] of a score, on its own beats."""

    score: Score
    cells: np.ndarray

    @property
    def tempo(self) -> TempoMap:
        """The score's tempo map, its last tempo held to the end of the cells' last bar."""
        own, beats = self.score.tempo, self.cells.shape[1] // 4
        return own if own.beats >= beats else TempoMap(own.time_at(np.arange(beats + 1)))

    @property
    def end(self) -> float:
        """Seconds at which the last note ends."""
        return float(self.score.tempo.time_at(max(n.end for track in self.score.tracks for n in track.notes)))


def read_piece(path: str | os.PathLike[str]) -> MidiPiece:
    """Reads a MIDI file with its notes rounded to sixteenths of the file's own beats.

    There are four beats to the bar; the track named melody (in files of others the first) is the melody. DataError for
    what is no MIDI file, or holds no notes but drums.
    """
    score = read_midi(path)
    cells = score_to_roll(score).cells
    if not cells.any():
        raise DataError(f"{Path(path).name}: no notes on the keys of a piano in it; nothing can be measured")
    return MidiPiece(score, cells)
