"""The engine of many machines: the stages of a row as a pipeline of Ray Data, and the same pipeline over a dataset.

Analysis and rendering are tasks, composing is a pool of actors that hold the model, each on a GPU where there are any.
Ray does again what is lost with a machine, without end; so what a damaged file may crash runs in a process beside the
task's, as in a batch without Ray, and costs its row. Pieces travel pickled, one a block.
"""

import logging
import os
import pickle
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm import threads
from diffbgm.batch.manifest import Row, free_name, make_rows
from diffbgm.batch.outcomes import Job, job_of, record_of, refusal_of
from diffbgm.batch.outputs import ReadFiles
from diffbgm.batch.pool import Pool
from diffbgm.batch.processes import default_workers
from diffbgm.batch.rows import Piece, Stage, compose_rows, finish_row, plan_row, run_apart
from diffbgm.batch.storage import is_remote, place, prepare_folder
from diffbgm.errors import InputError
from diffbgm.files import StrPath
from diffbgm.hub import Origin
from diffbgm.pipeline import DiffBGM

if TYPE_CHECKING:
    import torch
    from ray.data import Dataset

    from diffbgm.composer import Denoiser

GPU_ROWS, CPU_ROWS = 16, 4  # rows that an actor composes at once: few, where composing is most of the work
TASK, ACTOR = 0.5, 0.4  # cores: all find a place where one is left; Ray would run what counts the same in one process
BLOCKS = 10_000  # of rows, at most
LOST = "Ray lost it; run the batch again"


@contextmanager
def connected(address: str) -> Generator[None]:
    """Ray at an address ("auto": of a cluster that is here, else "local") for the block; one in use is kept.

    Raises:
        InputError: Ray is not installed, or no cluster answers.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(None if address == "auto" else address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as e:
        raise InputError(f"{address}: no Ray cluster answers ({' '.join(str(e).split())[:200]})") from e
    try:
        yield
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """Ray with its data library. Raises InputError where it is not installed."""
    try:
        import ray
        import ray.data  # pyright: ignore[reportUnusedImport]
    except ImportError as e:
        raise InputError('Ray is not installed: pip install "diffbgm[ray]"') from e
    return ray


def score_on_ray(
    pieces: Sequence[Piece],
    model: DiffBGM,
    device: str | None,
    ended: Callable[[Piece], None],
    report: Callable[[], None],
) -> None:
    """Scores all pieces; `ended` and `report` as of `local.score_here`."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    left = {piece.job.row.name: piece for piece in pieces}
    dataset = one_a_block({"piece": pickle.dumps(piece)} for piece in pieces)
    dataset.context.enable_progress_bars = False
    report()
    for row in stages(dataset, model, device).iter_rows():
        piece: Piece = pickle.loads(row["piece"])
        if left.pop(piece.job.row.name, None):
            ended(piece)
        report()
    for piece in left.values():
        ended(finish_row(replace(piece, error=LOST)))
    report()


def one_a_block(items: "Iterable[Mapping[str, Any]]") -> "Dataset":
    """A dataset of records, each of which travels by itself, as far as there are not too many."""
    items = [dict(item) for item in items]
    return import_ray().data.from_items(items, override_num_blocks=max(1, min(len(items), BLOCKS)))


def stages(dataset: "Dataset", model: DiffBGM, device: str | None) -> "Dataset":
    """A dataset of pieces, and one of them finished, in any order."""
    import torch

    ray = import_ray()
    dataset.context.max_errored_blocks = -1  # a row that is lost costs itself only
    gpu = device != "cpu" and ray.cluster_resources().get("GPU", 0) >= 1
    own = {name: value for name, value in os.environ.items() if name.startswith(("DIFFBGM_", "OMP_"))}
    set_up = {**threads.environment(default_workers(), own), **own}
    rows: Any = dataset  # whose types know no arguments of a function
    return (
        rows.map(on_row, fn_args=(plan_row, set_up), num_cpus=TASK)
        .map_batches(
            Composer,
            fn_constructor_args=(model.model, model.dtype, device if gpu else "cpu", torch.get_num_threads(), set_up),
            batch_size=GPU_ROWS if gpu else CPU_ROWS,
            compute=ray.data.ActorPoolStrategy(min_size=1),
            num_gpus=1 if gpu else None,
            num_cpus=ACTOR,
        )
        .map(on_row, fn_args=(finish_row, set_up), num_cpus=TASK)
    )


def on_row(row: Mapping[str, Any], stage: Stage, set_up: Mapping[str, str]) -> dict[str, Any]:
    """A stage for Ray's map, in a process whose environment holds what that of the batch's first process holds."""
    return {"piece": pickle.dumps(run_apart(beside(**set_up), stage, pickle.loads(row["piece"])))}


@cache
def beside(**environment: str) -> Pool:
    """A process beside this one, which it does not outlive."""
    return Pool(1, environment)


class Composer:
    """An actor that holds the model on a device, with as many threads as the process that began the batch.

    So sums are rounded as they are there, and the music is the same.
    """

    def __init__(
        self,
        model: "Denoiser",
        dtype: "torch.dtype | None",
        device: str | None,
        count: int,
        environment: dict[str, str],
    ) -> None:
        """Args: dtype: Of `DiffBGM`. device: None for the best. count: Threads. environment: As of `on_row`."""
        os.environ.update(environment)
        import torch

        from diffbgm.composer.device import find_device

        torch.set_num_threads(count)
        self.model, self.dtype = model.to(find_device(device)), dtype

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Composes a batch of pieces."""
        pieces: list[Piece] = [pickle.loads(piece) for piece in batch["piece"]]
        planned = iter([piece for piece in pieces if not piece.ended])
        for piece in pieces:
            if piece.ended:
                yield {"piece": [pickle.dumps(piece)]}
        for piece in compose_rows(self.model, self.dtype, lambda wait: next(planned, None)):
            yield {"piece": [pickle.dumps(piece)]}


def score_dataset(
    rows: "Iterable[Mapping[str, Any]] | Dataset",
    out: StrPath,
    *,
    weights: StrPath | None = None,
    device: str | None = None,
    overwrite: bool = False,
) -> "Dataset":
    """Scores rows of a pipeline of one's own on Ray; no manifest, no table of results, no lock.

    Args:
        rows: With the columns of a manifest, of which `video` must be there: a Ray dataset, which is not held in
            memory, or records. A row without a name is called after its video and a checksum of its address.
        out: The folder or address for the files; what is there of earlier runs is kept, as by `score_batch`.
        weights: As for `DiffBGM.from_pretrained`; they travel to the actors.
        device: As for `DiffBGM.from_pretrained`, for the actors.
        overwrite: As of `score_batch`.

    Returns:
        A dataset, computed when it is read, with a row for each: the columns of a batch's table of results. A row that
        cannot be used says so in its `error`.

    Raises:
        InputError: Ray is not installed.
        OutputError: The folder cannot be used.
        WeightsError: The weights cannot be used.
    """
    ray = import_ray()
    out = place(out)
    prepare_folder(out)
    model = DiffBGM.from_pretrained(weights, device="cpu")
    given: Any = rows
    if isinstance(given, ray.data.Dataset):
        dataset: Any = given.repartition(target_num_rows_per_block=1)  # wants a whole core, beside the actor's share
    else:
        dataset = one_a_block(given)
    pieces = dataset.map(begin_row, fn_args=(out, model.origin, overwrite), num_cpus=TASK)
    done: Any = stages(pieces, model, device)  # as in `stages`
    return done.map(tell, num_cpus=TASK)


def begin_row(record: Mapping[str, Any], out: Path, origin: Origin, overwrite: bool) -> dict[str, Any]:
    """A row of a dataset on its way; at its end where it is done already, or may not be written."""
    values = {name: value.item() if hasattr(value, "item") else value for name, value in record.items()}
    video = str(values.get("video") or "")
    if not values.get("name"):
        stem = free_name(video, "", set())
        values |= {"name": f"{stem}-{zlib.crc32(video.encode()):08x}"}
        values["seed"] = zlib.crc32(stem.encode()) >> 1 if values.get("seed") is None else values["seed"]
    summary: Mapping[str, Any] | None
    try:
        (row,) = make_rows("row", [("row", values)], Path(), out)
        job = job_of(row, Path(), out, origin)
        before = job.before()
        reason = refusal_of(job, ReadFiles([job.video]), overwrite) if before.error else ""
        summary = {} if reason else None if before.error else before.summary
    except InputError as e:
        job = Job(Row(video=video, name=str(values["name"])), {"weights": origin.sha256}, Path(video), out, origin)
        reason, summary = str(e), {}
    return {"piece": pickle.dumps(Piece(job, None if is_remote(out) else out, error=reason, summary=summary))}


def tell(row: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a piece, as a row of a table."""
    return record_of(pickle.loads(row["piece"]).outcome)
