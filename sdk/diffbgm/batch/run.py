"""Scoring the rows of a manifest: taken up again after a kill, one failure per row, on this machine or on a cluster.

What a batch is stands here: which rows are to be done, what may be written, the table of results. What runs them is an
engine: `local`, or Ray in `cluster`. Both run the stages of `rows`.
"""

import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from diffbgm import files
from diffbgm.batch.lock import lock_folder
from diffbgm.batch.manifest import read_manifest
from diffbgm.batch.outcomes import WAITING, Job, Outcome, job_of, owns_table, record_of, refusal_of, table_of, tag_of
from diffbgm.batch.outputs import ReadFiles, refusal
from diffbgm.batch.processes import default_workers, interruptible, worker_environment
from diffbgm.batch.rows import Piece
from diffbgm.batch.storage import is_remote, place, prepare_folder, put
from diffbgm.batch.tables import to_text
from diffbgm.errors import InputError, OutputError
from diffbgm.pipeline import DiffBGM
from diffbgm.progress import Progress, silent
from diffbgm.setting import PATH, checked

WORK = f"{files.TEMPORARY}batch"  # how the folders of half-made files begin; none of them outlives a batch
TEMPORARY = "temporary"  # names, in such a folder, the one of its workers' temporary files
SHARE = 0.05  # of the time at most goes into rewriting the table
LOOKING = 16  # rows whose files are looked at at once, which matters where that goes over a network


@checked(manifest=PATH, out=PATH, workers=int, limit=int, shard=Sequence, retry_failed=bool, overwrite=bool)
def score_batch(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    ray: str | None = None,
    shard: tuple[int, int] | None = None,
    limit: int | None = None,
    retry_failed: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> tuple[Outcome, ...]:
    """Scores every row of `manifest` (see `Row`) into the folder `out`; the outcomes of all rows, in their order.

    Writes NAME.mp4, NAME.mid, NAME.receipt.json and NAME.result.json per row, and results.csv (or .jsonl, like the
    manifest) over all, which is kept up to date meanwhile. The same rows give the same MIDI, whatever runs them and
    however often they were interrupted. A row that fails is reported in its outcome, and tried again by the next run.

    Args:
        manifest: A .csv or .jsonl file.
        out: The folder, or an address such as s3://scored/clips; only one batch at a time works on it, which a lock
            sees to on a disk.
        weights: As for `DiffBGM.from_pretrained`.
        device: As for `DiffBGM.from_pretrained`.
        workers: Processes beside this one, which analyze and render (default: as many as it has CPU cores, at most 8).
        ray: Ray runs the rows: "local" (this machine), "auto" (the cluster that this machine is part of, else this
            machine) or the address of a cluster, "ray://head:10001". Its machines must see `out` and the videos under
            the same paths or addresses.
        shard: (i, n): the i-th of n parts of the rows, from 1; each has a lock and a table of its own, so that
            machines may share a manifest without a cluster.
        limit: Score so many rows at most; the others wait for the next run.
        retry_failed: Score only rows that failed before.
        overwrite: Whether files may be replaced that no earlier batch made of the same video. A file that this batch
            reads is never written.
        on_progress: Hears of the rows that are done, their rate and the time left; what it raises ends the batch.

    Raises:
        DataError: The manifest cannot be used.
        WeightsError: The weights cannot be used.
        OutputError: The folder or its results.csv cannot be used, or another batch is at work there.
        InputError: A number below 1, an address whose driver is missing, or Ray is not there.
    """
    manifest, out = Path(manifest), place(out)
    for name, number in (("workers", workers), ("limit", limit)):
        if number is not None and number < 1:
            raise InputError(f"{name} must be at least 1, got {number}")
    part, parts = shard or (1, 1)
    if not 1 <= part <= parts:
        raise InputError(f"shard must be one of 1/{parts} to {parts}/{parts}, got {part}/{parts}")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "torchrun and accelerate launch do not share out a batch: start it alone, with --ray or --shard"
        )
    rows = read_manifest(manifest, out)[part - 1 :: parts]
    tag, table = tag_of(shard), table_of(out, manifest, shard)
    model = DiffBGM.from_pretrained(weights, device="cpu" if ray else device)
    prepare_folder(out)
    with interruptible(), held_folder(out, tag) as (work, temporary):
        with ThreadPoolExecutor(LOOKING) as looking:
            jobs = list(looking.map(partial(job_of, folder=manifest.parent, out=out, origin=model.origin), rows))
            read = ReadFiles([manifest, *(job.video for job in jobs)])
            if reason := refusal(table, read, own=overwrite or owns_table(table)):
                raise OutputError(reason)
            outcomes = list(looking.map(Job.before, jobs))
            left = [k for k, outcome in enumerate(outcomes) if outcome.error]
            if retry_failed:
                left = [k for k in left if outcomes[k].error != WAITING]
            refuse = partial(refusal_of, read=read, overwrite=overwrite)
            refused = dict(zip(left, looking.map(refuse, [jobs[k] for k in left]), strict=True))
        outcomes = [jobs[k].outcome(refused[k]) if refused.get(k) else outcome for k, outcome in enumerate(outcomes)]
        left = [k for k in left if not refused[k]][:limit]
        results = Results(table, work, outcomes, left, on_progress or silent)
        results.refresh()
        pieces = [Piece(jobs[k], None if is_remote(out) else work) for k in left]
        if pieces and ray is not None:
            from diffbgm.batch.cluster import connected, score_on_ray

            with connected(ray):
                score_on_ray(pieces, model, device, results.ended, results.report)
        elif pieces:
            from diffbgm.batch.local import score_here
            from diffbgm.batch.pool import Pool

            environment = worker_environment(next(model.model.parameters()).device, temporary)
            with Pool(min(workers or default_workers(), len(pieces)), environment) as pool:
                score_here(pieces, model, pool, results.ended, results.report)
        results.save()
    return tuple(outcomes)


class Results:
    """The outcomes of all rows, the table of them, which is kept up to date, and how far the work is."""

    def __init__(
        self, table: Path, work: Path, outcomes: list[Outcome], left: Sequence[int], progress: Progress
    ) -> None:
        """Args: table: A .csv or .jsonl file. work: A folder on its disk. left: Which rows are to be done."""
        self.outcomes = outcomes
        self._table, self._work, self._progress = table, work, progress
        self._places = {outcomes[k].row.name: k for k in left}
        self._lock = threading.Lock()
        self._began, self._next, self._done = time.monotonic(), 0.0, 0

    def ended(self, piece: Piece) -> None:
        """A row is finished; any thread may say so."""
        with self._lock:
            self.outcomes[self._places[piece.job.row.name]] = piece.outcome
            self._done += 1
            self.refresh()

    def report(self) -> None:
        """Tells how many rows are done, how fast it goes and how long it will take."""
        total, done, seconds = len(self._places), self._done, time.monotonic() - self._began
        text = f"{done} of {total} done"
        if done:
            minutes = (total - done) * seconds / done / 60
            text += f", {done / seconds * 60:.1f} a minute, {minutes:.0f} min left"
        self._progress(done / total, text)

    def refresh(self) -> None:
        """Writes the table unless that was done a moment ago; a disk that is full now may not be at the end."""
        with suppress(OutputError):
            if (began := time.monotonic()) >= self._next:
                self.save()
                self._next = time.monotonic() + (time.monotonic() - began) / SHARE

    def save(self) -> None:
        """Writes the table. Raises OutputError where that is not possible."""
        text = to_text([record_of(outcome) for outcome in self.outcomes], self._table.suffix)
        put(files.write_text(self._work / self._table.name, text), self._table)


@contextmanager
def held_folder(out: Path, tag: str = "") -> Generator[tuple[Path, Path]]:
    """Holds the folder of results, and yields one for half-made files and one for the temporary files of workers."""
    if is_remote(out):  # a store has no locks, and takes whole objects only
        with tempfile.TemporaryDirectory(prefix=files.TEMPORARY[1:]) as name:
            yield Path(name), Path(name)
        return
    with lock_folder(out, tag):
        remove_leftovers(out, tag)
        try:
            with work_folder(out, tag) as folders:
                yield folders
        finally:
            remove_leftovers(out, tag)  # once more: what a killed batch started may have outlived it a little


@contextmanager
def work_folder(out: Path, tag: str = "") -> Generator[tuple[Path, Path]]:
    """A folder in `out` for half-made files, and one for the temporary files of workers, both gone at the end."""
    work = files.make_folder(out / f"{WORK}{tag}-{secrets.token_hex(6)}")
    temporary = work
    try:
        try:
            temporary = Path(tempfile.mkdtemp(prefix=files.TEMPORARY[1:]))
            with files.replacing(work / TEMPORARY) as name:
                name.write_bytes(os.fsencode(temporary))
        except OSError:  # nowhere to put them: then they go where the results go
            temporary = work
        yield work, temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)


def remove_leftovers(out: Path, tag: str = "") -> None:
    """Removes what killed batches left in `out`, which must be locked, and in the folder of temporary files."""
    for work in out.glob(f"{WORK}{tag}-{'?' * 12}"):
        try:
            temporary = Path(os.fsdecode((work / TEMPORARY).read_bytes()))
        except OSError:
            temporary = work
        if temporary.name.startswith(files.TEMPORARY[1:]):
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)
