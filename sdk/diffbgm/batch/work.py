"""What a worker does with a row after its music is composed."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diffbgm.batch.manifest import Row
from diffbgm.batch.outputs import FILES
from diffbgm.errors import OutputError, RenderError
from diffbgm.hub import Origin
from diffbgm.options import ComposeOptions
from diffbgm.progress import Clock
from diffbgm.stages import PlannedVideo, arrange_and_render
from diffbgm.types import PianoRoll

ROOM = 1 << 20  # bytes: a disk with less has no room for anybody's sound


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


def save_row(piece: Composed, folder: Path) -> None:
    """Writes NAME.mp4, NAME.mid and NAME.receipt.json into `folder`.

    Raises:
        OutputError: There is no room in `folder`, or none for temporary files.
        DiffBGMError: As `arrange_and_render` does.
    """
    clock = Clock(seconds=piece.seconds)
    try:
        result = arrange_and_render(
            piece.video, piece.planned, piece.roll, piece.row, piece.options, piece.origin, clock, stems=False
        )
    except (RenderError, OSError) as e:
        if shutil.disk_usage(tempfile.gettempdir()).free < ROOM:
            raise OutputError(
                "the disk for temporary files is full; make room, or set TMPDIR to a folder on another one"
            ) from e
        raise
    for suffix in FILES.values():
        result.save(folder / f"{piece.row.name}.{suffix}")
