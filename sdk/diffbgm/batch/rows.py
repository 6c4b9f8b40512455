"""The stages of a row, as functions from piece to piece that any engine may run, anywhere.

`plan_row`, `compose_rows`, `finish_row`: what goes wrong in one becomes the piece's `error`, which the others pass on.
A row is finished by `finish_row` alone: files first, its result last. Between the stages go plans and rolls, no films.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm.batch.outcomes import WAITING, Job, Outcome, read_json, summary_of
from diffbgm.batch.outputs import FILES, file_names
from diffbgm.batch.pool import Pool, WorkerError
from diffbgm.batch.storage import local_copy, put
from diffbgm.errors import DiffBGMError, OutputError, RenderError
from diffbgm.files import TEMPORARY
from diffbgm.options import ComposeOptions
from diffbgm.progress import Clock
from diffbgm.stages import PlannedVideo, analyze_and_plan, arrange_and_render, options_of
from diffbgm.types import PianoRoll

if TYPE_CHECKING:
    import torch

    from diffbgm.composer import Denoiser

ROOM = 1 << 20  # bytes: a disk with less has no room for anybody's sound


@dataclass(frozen=True)
class Piece:
    """A row on its way.

    Attributes:
        job: What is to be done.
        work: A folder on the disk of the results, for half-made files; None: one for temporary files.
        planned: After `plan_row`.
        roll: After `compose_rows`.
        seconds: By stage so far.
        error: What went wrong, in one line.
        summary: What the table says of a finished row.
    """

    job: Job
    work: Path | None = None
    planned: PlannedVideo | None = None
    roll: PianoRoll | None = None
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    error: str = ""
    summary: Mapping[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do but to write it down, if that."""
        return bool(self.error) or self.summary is not None

    @property
    def outcome(self) -> Outcome:
        """What became of the row."""
        return self.job.outcome(self.error or ("" if self.summary is not None else WAITING), self.summary)


Stage = Callable[[Piece], Piece]


def plan_row(piece: Piece) -> Piece:
    """Looks at the video and plans its music."""
    if piece.ended:
        return piece
    job, copy = piece.job, None
    try:
        with local_copy(job.video) as copy:
            planned = analyze_and_plan(copy, job.row, Clock())
    except Exception as e:
        return replace(piece, error=explain(e, {copy: job.video}))
    return replace(piece, planned=planned, seconds=planned.seconds)


def compose_rows(
    model: "Denoiser", dtype: "torch.dtype | None", take: Callable[[bool], Piece | None]
) -> Iterator[Piece]:
    """Composes planned rows as they come; windows of several share the network's batches.

    Args:
        model: The denoiser on its device.
        dtype: See `precision.compute_dtype`.
        take: As of `compose_many`: hands out a piece without error.

    Yields:
        Every piece, with its roll or an error.
    """
    from diffbgm.composer.continuous_batching import ComposeJob, compose_many

    def next_job(wait: bool) -> "ComposeJob[tuple[Piece, float]] | None":
        piece = take(wait)
        if piece is None or piece.planned is None:
            return None
        return ComposeJob((piece, time.monotonic()), piece.planned.plan, asked(piece))

    for (piece, began), roll in compose_many(model, next_job, dtype=dtype):
        if isinstance(roll, Exception):
            yield replace(piece, error=explain(roll))
        else:
            yield replace(piece, roll=roll, seconds={**piece.seconds, "compose": time.monotonic() - began})


def finish_row(piece: Piece) -> Piece:
    """Arranges and renders the music, puts the row's files into their places and writes its result last.

    The result is also written before the files move, so that what a kill leaves has an owner, and where there is an
    error. The piece comes back without what is no longer needed.
    """
    job, error, summary = piece.job, piece.error, piece.summary
    names, folder, copy = file_names(job.row.name), None, None
    if summary is None:
        try:
            with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=piece.work) as folder:
                seconds = sum(piece.seconds.values())
                if not error:
                    try:
                        with local_copy(job.video) as copy:
                            seconds = save_row(piece, copy, Path(folder))
                        made = summary_of(read_json(Path(folder) / f"{job.row.name}.{FILES['receipt']}") or {})
                        job.write(WAITING, names, seconds, Path(folder))
                        for suffix in FILES.values():
                            put(Path(folder) / f"{job.row.name}.{suffix}", job.out / f"{job.row.name}.{suffix}")
                        job.write(None, names, seconds, Path(folder), made)
                        summary = made
                    except Exception as e:
                        error = explain(e, {copy: job.video, folder: job.out})
                if error:
                    job.write(error, job.owned(), seconds, Path(folder))
        except Exception as e:  # not even that can be written: then it is in the outcome alone
            error = error or explain(e, {folder: job.out})
    return Piece(job, error=error, summary=summary)


def run_apart(pool: Pool, stage: Stage, piece: Piece) -> Piece:
    """Runs `plan_row` or `finish_row` in a process of a pool; one that dies, say with a codec, costs this row.

    Raises:
        CancelledError: The pool was stopped.
    """
    try:
        return pool.call(stage, piece)
    except Exception as e:
        if pool.stopped:
            raise CancelledError from e
        piece = replace(piece, error=piece.error or explain(e))
    return finish_row(piece) if stage is finish_row else piece


def save_row(piece: Piece, video: Path, folder: Path) -> float:
    """Writes NAME.mp4, NAME.mid and NAME.receipt.json into `folder`; the seconds of all stages.

    Raises:
        OutputError: There is no room in `folder`, or none for temporary files.
        DiffBGMError: As `arrange_and_render` does.
    """
    clock = Clock(seconds=piece.seconds)
    assert piece.planned is not None
    assert piece.roll is not None
    try:
        result = arrange_and_render(
            video, piece.planned, piece.roll, piece.job.row, asked(piece), piece.job.origin, clock, stems=False
        )
    except (RenderError, OSError) as e:
        if shutil.disk_usage(tempfile.gettempdir()).free < ROOM:
            raise OutputError(
                "the disk for temporary files is full; make room, or set TMPDIR to a folder on another one"
            ) from e
        raise
    for suffix in FILES.values():
        result.save(folder / f"{piece.job.row.name}.{suffix}")
    return sum(clock.seconds.values())


def asked(piece: Piece) -> ComposeOptions:
    """What the composer is asked for; a row of a manifest has a seed."""
    return options_of(piece.job.row, 0)


def explain(e: Exception, places: "Mapping[Any, Path] | None" = None) -> str:
    """An exception in one line, with its kind where it is none of ours.

    Args:
        e: The exception.
        places: What files were meant for, by where they lay while they were worked on.
    """
    text = " ".join(str(e).split())
    for temporary, meant in (places or {}).items():
        if temporary is not None:
            text = text.replace(str(temporary), str(meant))
    if isinstance(e, MemoryError):
        return f"there was not enough memory ({text or 'MemoryError'})"
    return text if isinstance(e, DiffBGMError | WorkerError) else f"{type(e).__name__}: {text}"
