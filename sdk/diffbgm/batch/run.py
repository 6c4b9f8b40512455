"""Scoring the rows of a manifest: shared out over processes, taken up again after a kill, one failure a row.

Under `torchrun` or `accelerate launch` every process takes a share of the rows, on its own device; otherwise one
process takes all. Each has workers beside it that look at the videos and play what was composed, while it composes
several at once. What a row was made from lies beside its files in NAME.result.json, written last: a row whose inputs
are still the same is finished and is not done again.
"""

import json
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm import files
from diffbgm.batch.manifest import COLUMNS, Row, read_manifest, to_text
from diffbgm.batch.processes import default_workers, join_processes, share, worker_environment
from diffbgm.batch.work import FILES, Composed, look_at, play_and_save
from diffbgm.batch.workers import Stopped, Workers, explain
from diffbgm.errors import InputError, OutputError
from diffbgm.pipeline import DiffBGM
from diffbgm.stages import PlannedVideo, options_of

if TYPE_CHECKING:
    from diffbgm.composer.continuous_batching import ComposeJob
    from diffbgm.hub import Origin

WORK = ".work"  # half-made files lie here; nothing of it outlives a batch


@dataclass(frozen=True)
class Outcome:
    """What became of a row: its files by kind, or the error. `inputs` is all that its music depends on."""

    row: Row
    inputs: Mapping[str, Any]
    files: Mapping[str, Path]
    error: str = ""
    receipt: Mapping[str, Any] | None = None


def score_batch(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> tuple[Outcome, ...]:
    """Scores every row of `manifest` (see `Row`) into the folder `out`; the outcomes of all rows, in their order.

    Writes NAME.mp4, NAME.mid, NAME.receipt.json and NAME.result.json a row, and results.csv (or .jsonl, like the
    manifest) over all. The same rows give the same MIDI, however many processes share them (with the same number of
    threads each) and however often they were interrupted. A row that fails is reported in its outcome, and tried again
    by the next run. `weights`, `device` as for `DiffBGM.from_pretrained`; `workers` beside each process look at videos
    and play music (default: as many as it has CPU cores, at most 8); `on_progress` hears of this process's share, and
    what it raises ends the batch. Machines that share a batch must see `out` and the videos under the same paths.

    Raises DataError for a manifest, WeightsError for weights, OutputError for a folder that cannot be used; InputError
    for `workers` below 1.
    """
    manifest, out = Path(manifest), Path(out)
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    rows = read_manifest(manifest)
    place = join_processes(device)
    model = DiffBGM.from_pretrained(weights, device=device)

    def deal() -> tuple[list[dict[str, Any]], list[list[int]]]:
        make_folder(out)
        inputs = [inputs_of(row, manifest.parent, model.origin) for row in rows]
        left = [i for i, row in enumerate(rows) if read_outcome(row, inputs[i], out) is None]
        return inputs, share([inputs[i]["bytes"] or 0 for i in left], place.count, left)

    inputs, shares = place.agree(deal)
    if mine := [Job(rows[i], inputs[i], manifest.parent / rows[i].video, out) for i in shares[place.index]]:
        with Workers(min(workers or default_workers(), len(mine)), worker_environment(place.device)) as pool:
            score_jobs(model, mine, pool, on_progress or (lambda fraction, message: None))
    if on_progress:
        on_progress(1.0, "waiting for the others")
    place.wait()
    outcomes = tuple(outcome_of(row, inputs[i], out) for i, row in enumerate(rows))
    if place.index == 0:
        shutil.rmtree(out / WORK, ignore_errors=True)
        text = to_text([record_of(outcome) for outcome in outcomes], manifest.suffix.lower())
        files.write_text(out / f"results{manifest.suffix.lower()}", text)
    place.wait()
    return outcomes


def inputs_of(row: Row, folder: Path, origin: "Origin") -> dict[str, Any]:
    """Everything a row's music depends on; `bytes` and `modified` are null where there is no such video."""
    try:
        stat = (folder / row.video).stat()
    except OSError:
        stat = None
    return {
        **asdict(row),
        "bytes": stat.st_size if stat else None,
        "modified": stat.st_mtime_ns if stat else None,
        "weights": origin.sha256,
        "version": origin.version,
    }


@dataclass(frozen=True)
class Job:
    """A row that this process has to score into the folder `out`."""

    row: Row
    inputs: Mapping[str, Any]
    video: Path
    out: Path


def score_jobs(model: DiffBGM, jobs: Sequence[Job], pool: Workers, tell: Callable[[float, str], None]) -> None:
    """Scores all of them: workers look ahead and play, while the windows of several videos share batches here."""
    from diffbgm.composer.continuous_batching import ComposeJob, compose_many

    waiting, looking = deque(jobs), deque[tuple[Job, float, Future[PlannedVideo]]]()
    playing: list[Future[None]] = []
    failed = 0
    ahead = 2 * min(len(jobs), default_workers())

    def report() -> None:
        done = failed + sum(future.done() for future in playing)
        tell(done / len(jobs), f"{done} of {len(jobs)} done")

    def take(wait: bool) -> "ComposeJob[tuple[Job, float, PlannedVideo]] | None":
        nonlocal failed
        while True:
            report()
            while waiting and len(looking) < ahead:
                job = waiting.popleft()
                looking.append((job, time.monotonic(), pool.submit(pool.call, look_at, job.row, job.video)))
            if not looking or not (wait or looking[0][2].done()):
                return None
            job, began, future = looking.popleft()
            try:
                planned = future.result()
                options = options_of(job.row, 0)
                return ComposeJob((job, began, planned), planned.plan, options)
            except Exception as e:
                finish(job, began, explain(e))
                failed += 1

    for (job, began, planned), roll in compose_many(model.model, take, dtype=model.dtype):
        if isinstance(roll, Exception):
            finish(job, began, explain(roll))
            failed += 1
            continue
        seconds = {**planned.seconds, "compose": time.monotonic() - began - sum(planned.seconds.values())}
        piece = Composed(job.row, job.video, planned, roll, options_of(job.row, 0), model.origin, seconds)
        playing.append(pool.submit(play, pool, job, piece, began))
    for future in as_completed(playing):
        future.result()  # raises where the outcome itself could not be written
        report()


def play(pool: Workers, job: Job, piece: Composed, began: float) -> None:
    """Has a worker write a row's files; they move to their place when all are there, and their result comes last."""
    work = job.out / WORK / f"{job.row.name}.{secrets.token_hex(4)}"
    error = None
    try:
        work.mkdir(parents=True)
        pool.call(play_and_save, piece, work)
        for suffix in FILES.values():
            os.replace(work / f"{job.row.name}.{suffix}", job.out / f"{job.row.name}.{suffix}")
    except Stopped:
        return
    except Exception as e:  # whatever goes wrong with one video is no reason to lose the others
        error = explain(e)
    shutil.rmtree(work, ignore_errors=True)
    finish(job, began, error)


def finish(job: Job, began: float, error: str | None) -> None:
    """Writes down what became of a row."""
    record = {"inputs": dict(job.inputs), "error": error, "seconds": round(time.monotonic() - began, 3)}
    files.write_text(result_path(job.row, job.out), json.dumps(record, indent=1) + "\n")


def read_outcome(row: Row, inputs: Mapping[str, Any], out: Path) -> Outcome | None:
    """The outcome of a row that is finished: made from these very inputs, all files there. None if it is not."""
    outcome = outcome_of(row, inputs, out)
    return None if outcome.error else outcome


def outcome_of(row: Row, inputs: Mapping[str, Any], out: Path) -> Outcome:
    """What the files say about a row."""
    files = {kind: out / f"{row.name}.{suffix}" for kind, suffix in FILES.items()}
    failed = Outcome(row, inputs, {}, "not done")
    try:
        record = json.loads(result_path(row, out).read_text(encoding="utf-8"))
        if record["inputs"] != dict(inputs):
            return failed
        if record["error"]:
            return replace(failed, error=record["error"])
        receipt = json.loads(files["receipt"].read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return failed
    return Outcome(row, inputs, files, "", receipt) if all(f.is_file() for f in files.values()) else failed


def record_of(outcome: Outcome) -> dict[str, Any]:
    """One line of results.csv."""
    receipt = outcome.receipt or {}
    return {
        **{column: getattr(outcome.row, column) for column in COLUMNS},
        "status": "failed" if outcome.error else "done",
        "error": outcome.error,
        **{kind: outcome.files[kind].name if outcome.files else None for kind in FILES},
        "duration": receipt.get("duration"),
        "key": receipt.get("key"),
        "bpm": receipt.get("tempo", {}).get("base"),
        "cuts": len(receipt["cuts"]) if receipt else None,
        "cut_hit_rate": receipt.get("cut_hit_rate"),
        "loudness_lufs": receipt.get("loudness_lufs"),
        "weights": outcome.inputs["weights"],
    }


def result_path(row: Row, out: Path) -> Path:
    return out / f"{row.name}.result.json"


def make_folder(out: Path) -> None:
    """An output folder without what a killed run left behind."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if (out / WORK).exists():
            shutil.rmtree(out / WORK)
        for part in out.glob(".*.result.*.json"):
            part.unlink()
    except OSError as e:
        raise OutputError(f"{out}: cannot be used ({e.strerror or e}); choose another folder with -o") from e
