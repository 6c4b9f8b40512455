"""Pieces in little memory: their cells as bits, until a window is cut."""

from dataclasses import dataclass, replace

import numpy as np

from diffbgm.research.datasets.windows import TrainingPiece
from diffbgm.types import PITCHES, STEPS_PER_BEAT, PianoRoll

NOTHING = PianoRoll(np.zeros((4, STEPS_PER_BEAT, PITCHES), np.uint8))


@dataclass(frozen=True, eq=False)
class Packed:
    """`piece` without its roll, whose cells are `bits` [4, T, 11] and whose velocities are beside."""

    piece: TrainingPiece
    bits: np.ndarray
    velocity: np.ndarray | None

    @classmethod
    def of(cls, piece: TrainingPiece) -> "Packed":
        """Packs a piece: cells [4, T, 88] as bits [4, T, 11], velocities as they are."""
        return cls(replace(piece, roll=NOTHING), np.packbits(piece.roll.cells, axis=-1), piece.roll.velocity)

    def open(self) -> TrainingPiece:
        """The piece as it was."""
        cells = np.unpackbits(self.bits, axis=-1, count=PITCHES)
        return replace(self.piece, roll=PianoRoll(cells, self.velocity))
