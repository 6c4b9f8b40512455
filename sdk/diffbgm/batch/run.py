"""Scoring the rows of a manifest: shared out over processes, taken up again after a kill, one failure per row.

Under `torchrun` or `accelerate launch` every process takes a share of the rows, on its own device; otherwise one
process takes all. Each has workers beside it that analyze the videos, and arrange and render what was composed, while
it composes several at once.
"""

import os
import secrets
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm import files
from diffbgm.batch.lock import lock_folder
from diffbgm.batch.manifest import read_manifest
from diffbgm.batch.outcomes import WAITING, Job, Outcome, Results, job_of, move, owns_table, refusal_of
from diffbgm.batch.outputs import FILES, ReadFiles, file_names, refusal
from diffbgm.batch.processes import default_workers, interruptible, join_processes, share, worker_environment
from diffbgm.batch.work import Composed, save_row
from diffbgm.batch.workers import StoppedError, Workers, explain
from diffbgm.errors import InputError, OutputError
from diffbgm.options import ComposeOptions
from diffbgm.pipeline import DiffBGM
from diffbgm.progress import Clock, Progress, silent
from diffbgm.stages import PlannedVideo, analyze_and_plan, options_of

if TYPE_CHECKING:
    from diffbgm.composer.continuous_batching import ComposeJob

WORK = f"{files.TEMPORARY}batch-"  # how the folders of half-made files begin; none of them outlives a batch
TEMPORARY = "temporary"  # names, in such a folder, the one of its workers' temporary files


def score_batch(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> tuple[Outcome, ...]:
    """Scores every row of `manifest` (see `Row`) into the folder `out`; the outcomes of all rows, in their order.

    Writes NAME.mp4, NAME.mid, NAME.receipt.json and NAME.result.json per row, and results.csv (or .jsonl, like the
    manifest) over all, which is kept up to date meanwhile. The same rows give the same MIDI, however many processes
    share them (with the same number of threads each) and however often they were interrupted. A row that fails is
    reported in its outcome, and tried again by the next run. Machines that share a batch must see `out` and the videos
    under the same paths.

    Args:
        manifest: A .csv or .jsonl file.
        out: The folder; only one batch at a time works on it.
        weights: As for `DiffBGM.from_pretrained`.
        device: As for `DiffBGM.from_pretrained`.
        workers: Processes beside this one, which analyze and render (default: as many as it has CPU cores, at most 8).
        overwrite: Whether files may be replaced that no earlier batch made of the same video. A file that this batch
            reads is never written.
        on_progress: Hears of this process's share; what it raises ends the batch.

    Raises:
        DataError: The manifest cannot be used.
        WeightsError: The weights cannot be used.
        OutputError: The folder or its results.csv cannot be used, or another batch is at work there.
        InputError: `workers` below 1.
    """
    manifest, out = Path(manifest), Path(out)
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    rows = read_manifest(manifest, out)
    place = join_processes(device)
    model = DiffBGM.from_pretrained(weights, device=device)
    table = out / f"results{manifest.suffix.lower()}"

    def begin() -> tuple[list[Job], dict[int, str], list[list[int]]]:
        files.make_folder(out)
        held.enter_context(lock_folder(out))
        remove_leftovers(out)
        held.callback(remove_leftovers, out)  # once more: what a killed batch started may have outlived it a little
        jobs = [job_of(k, row, manifest.parent, out, model.origin) for k, row in enumerate(rows)]
        read = ReadFiles([manifest, *(job.video for job in jobs)])
        if reason := refusal(table, read, own=overwrite or owns_table(table)):
            raise OutputError(reason)
        before = Results(table, jobs, {})
        left = [job for job in jobs if before.outcome(job.index).error]
        refused = {job.index: reason for job in left if (reason := refusal_of(job, read, overwrite))}
        left = [job for job in left if job.index not in refused]
        return (
            jobs,
            refused,
            share([job.inputs["bytes"] or 0 for job in left], place.count, [job.index for job in left]),
        )

    with interruptible(), ExitStack() as held:
        jobs, refused, shares = place.agree(begin)
        results = Results(table, jobs, refused)
        with work_folder(out) as (work, temporary):
            refresh = (lambda: results.refresh(work)) if place.index == 0 else (lambda: None)
            refresh()
            if mine := [jobs[k] for k in shares[place.index]]:
                environment = worker_environment(place.device, temporary)
                with Workers(min(workers or default_workers(), len(mine)), environment) as pool:
                    Share(model, mine, pool, work, results.failures, refresh).score(on_progress or silent)
            if on_progress:
                on_progress(1.0, "waiting for the others")
            for failures in place.gather(results.failures):
                results.failures.update(failures)
            place.agree(lambda: results.save(work))
    return tuple(results.outcome(k) for k in range(len(jobs)))


class Share:
    """The rows that fell to this process, and what becomes of them."""

    def __init__(
        self,
        model: DiffBGM,
        jobs: Sequence[Job],
        pool: Workers,
        work: Path,
        failures: dict[int, str],
        refresh: Callable[[], None],
    ) -> None:
        """`failures` and `refresh`: where errors go, and what keeps the table of results up to date."""
        self.model, self.jobs, self.pool, self.work = model, jobs, pool, work
        self.failures, self.refresh = failures, refresh

    def score(self, progress: Progress) -> None:
        """Scores all: workers analyze ahead and render, while the windows of several videos share batches here."""
        from diffbgm.composer.continuous_batching import ComposeJob, compose_many

        waiting = deque(self.jobs)
        planning = deque[tuple[Job, float, Future[PlannedVideo]]]()
        rendering: list[Future[None]] = []
        ahead = 2 * min(len(self.jobs), self.pool.count)
        failed = 0

        def report() -> None:
            done = failed + sum(future.done() for future in rendering)
            progress(done / len(self.jobs), f"{done} of {len(self.jobs)} done")

        def take(wait: bool) -> "ComposeJob[tuple[Job, float, PlannedVideo, ComposeOptions]] | None":
            nonlocal failed
            while True:
                report()
                while waiting and len(planning) < ahead:
                    job = waiting.popleft()
                    call = self.pool.submit(self.pool.call, analyze_and_plan, job.video, job.row, Clock())
                    planning.append((job, time.monotonic(), call))
                if not planning or not (wait or planning[0][2].done()):
                    return None
                job, began, future = planning.popleft()
                try:
                    planned, options = future.result(), options_of(job.row, 0)
                    return ComposeJob((job, began, planned, options), planned.plan, options)
                except Exception as e:
                    self.finish(job, began, e)
                    failed += 1

        for (job, began, planned, options), roll in compose_many(self.model.model, take, dtype=self.model.dtype):
            if isinstance(roll, Exception):
                self.finish(job, began, roll)
                failed += 1
                continue
            seconds = {**planned.seconds, "compose": time.monotonic() - began - sum(planned.seconds.values())}
            piece = Composed(job.row, job.video, planned, roll, options, self.model.origin, seconds)
            rendering.append(self.pool.submit(self.render, job, piece, began))
        for future in as_completed(rendering):
            future.result()
            report()

    def render(self, job: Job, piece: Composed, began: float) -> None:
        """Has a worker write a row's files, which move to their places when all are there."""
        folder = self.work / str(job.index)
        try:
            folder.mkdir()
            self.pool.call(save_row, piece, folder)
            job.write(WAITING, file_names(job.row.name), time.monotonic() - began, self.work)
            for suffix in FILES.values():
                move(folder / f"{job.row.name}.{suffix}", job.out / f"{job.row.name}.{suffix}")
        except StoppedError:
            return
        except Exception as e:  # whatever goes wrong with one video is no reason to lose the others
            self.finish(job, began, e)
        else:
            self.finish(job, began)
        shutil.rmtree(folder, ignore_errors=True)

    def finish(self, job: Job, began: float, problem: Exception | None = None) -> None:
        """Writes down what became of a row; where even that fails, it is in `failures` alone."""
        error = problem and self.explain(problem, job)
        own = job.own if problem else file_names(job.row.name)
        try:
            job.write(error, own, time.monotonic() - began, self.work)
        except Exception as e:
            error = error or self.explain(e, job)
        if error:
            self.failures[job.index] = error
        self.refresh()

    def explain(self, problem: Exception, job: Job) -> str:
        """One sentence that names files by the places they were meant for."""
        text = explain(problem)
        for folder in (self.work / str(job.index), self.work):
            text = text.replace(str(folder), str(job.out))
        return text


@contextmanager
def work_folder(out: Path) -> Generator[tuple[Path, Path]]:
    """A folder in `out` for half-made files, and one for the temporary files of workers, both gone at the end."""
    work = files.make_folder(out / f"{WORK}{secrets.token_hex(6)}")
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


def remove_leftovers(out: Path) -> None:
    """Removes what killed batches left in `out`, which must be locked, and in the folder of temporary files."""
    for work in out.glob(f"{WORK}*"):
        try:
            temporary = Path(os.fsdecode((work / TEMPORARY).read_bytes()))
        except OSError:
            temporary = work
        if temporary.name.startswith(files.TEMPORARY[1:]):
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)
