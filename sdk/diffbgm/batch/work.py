"""What a batch does in processes beside the sampler: looking at a video, and playing and saving what was composed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diffbgm.batch.manifest import Row
from diffbgm.hub import Origin
from diffbgm.options import ComposeOptions
from diffbgm.stages import Clock, Sketch, look, perform
from diffbgm.types import PianoRoll

FILES = {"scored": "mp4", "midi": "mid", "receipt": "receipt.json"}


@dataclass(frozen=True)
class Composed:
    """A row with its music, `seconds` by stage so far."""

    row: Row
    video: Path
    sketch: Sketch
    roll: PianoRoll
    options: ComposeOptions
    origin: Origin
    seconds: Mapping[str, float]


def look_at(row: Row, video: Path) -> Sketch:
    """The row's video, and the plan for it."""
    return look(video, row, Clock())


def play_and_save(piece: Composed, folder: Path) -> None:
    """Writes NAME.mp4, NAME.mid and NAME.receipt.json into `folder`."""
    clock = Clock(seconds=piece.seconds)
    result = perform(piece.video, piece.sketch, piece.roll, piece.row, piece.options, piece.origin, clock, stems=False)
    for suffix in FILES.values():
        result.save(folder / f"{piece.row.name}.{suffix}")
