"""What a batch does in processes beside the sampler: looking at a video, and playing and saving what was composed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diffbgm.batch.manifest import Row
from diffbgm.hub import Origin
from diffbgm.options import ComposeOptions
from diffbgm.progress import Clock
from diffbgm.stages import PlannedVideo, analyze_and_plan, arrange_and_render
from diffbgm.types import PianoRoll

FILES = {"scored": "mp4", "midi": "mid", "receipt": "receipt.json"}


@dataclass(frozen=True)
class Composed:
    """A row with its music, `seconds` by stage so far."""

    row: Row
    video: Path
    planned: PlannedVideo
    roll: PianoRoll
    options: ComposeOptions
    origin: Origin
    seconds: Mapping[str, float]


def look_at(row: Row, video: Path) -> PlannedVideo:
    """The row's video, and the plan for it."""
    return analyze_and_plan(video, row, Clock())


def play_and_save(piece: Composed, folder: Path) -> None:
    """Writes NAME.mp4, NAME.mid and NAME.receipt.json into `folder`."""
    clock = Clock(seconds=piece.seconds)
    result = arrange_and_render(
        piece.video, piece.planned, piece.roll, piece.row, piece.options, piece.origin, clock, stems=False
    )
    for suffix in FILES.values():
        result.save(folder / f"{piece.row.name}.{suffix}")
