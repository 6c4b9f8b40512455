# ray is not typed as pyright wants it, and need not be installed
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
"""The engine of many machines: the stages of a row as a pipeline of Ray Data, and the same pipeline over a dataset.

Analysis and rendering are tasks of one CPU each, composing is a pool of actors that hold the model, each on a GPU where
there are any. Ray starts again what dies with its process or its machine; a row whose process dies each time is given
up. Pieces travel pickled, one row a block.
"""

import logging
import pickle
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm import threads
from diffbgm.batch.manifest import Row, free_name, make_rows
from diffbgm.batch.outcomes import Job, job_of, record_of, refusal_of
from diffbgm.batch.outputs import ReadFiles
from diffbgm.batch.rows import Piece, compose_rows, finish_row, plan_row
from diffbgm.batch.storage import is_remote, place, prepare_folder
from diffbgm.errors import InputError
from diffbgm.files import StrPath
from diffbgm.pipeline import DiffBGM

if TYPE_CHECKING:
    from ray.data import Dataset

RETRIES = 2  # of a row's stage whose process or machine dies
GPU_ROWS = 16  # rows that an actor on a GPU composes at once
LOST = "the process that worked on it died each time; the file may be damaged, or there was not enough memory"


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
    where = None if address == "auto" else address
    try:
        ray.init(where, logging_level=logging.ERROR, log_to_driver=False)
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
        import ray.data
    except ImportError as e:
        raise InputError('Ray is not installed: pip install "diffbgm[ray]"') from e
    return ray


def score_on_ray(
    pieces: Sequence[Piece],
    model: DiffBGM,
    device: str | None,
    ended: Callable[[Piece], None],
    report: Callable[[], None],
    stages: Callable[..., "Dataset"] | None = None,
) -> None:
    """Scores all pieces; `ended` and `report` as of `local.score_here`. `stages`: see `pipeline`, for tests."""
    ray = import_ray()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    dataset = ray.data.from_items([{"piece": pickle.dumps(p)} for p in pieces], override_num_blocks=len(pieces))
    dataset.context.max_errored_blocks = -1  # a row that is lost costs itself only
    dataset.context.enable_progress_bars = False
    left = {piece.job.row.name: piece for piece in pieces}
    report()
    for row in (stages or partial(pipeline, model=model, device=device))(dataset).iter_rows():
        piece: Piece = pickle.loads(row["piece"])
        del left[piece.job.row.name]
        ended(piece)
        report()
    for piece in left.values():
        ended(finish_row(replace(piece, error=LOST)))
    report()


def pipeline(
    dataset: "Dataset",
    model: DiffBGM,
    device: str | None,
    plan: Callable[[Piece], Piece] = plan_row,
    finish: Callable[[Piece], Piece] = finish_row,
    composer: "type[Composer] | None" = None,
) -> "Dataset":
    """A dataset of pieces, and one of them finished; the other arguments replace stages."""
    import torch

    ray = import_ray()
    gpu = device != "cpu" and ray.cluster_resources().get("GPU", 0) >= 1
    task = {"num_cpus": 1, "max_retries": RETRIES, "runtime_env": {"env_vars": threads.environment()}}
    return (
        dataset.map(partial(on_row, plan), **task)
        .map_batches(
            composer or Composer,
            fn_constructor_args=(ray.put(model), "cpu" if not gpu else device, torch.get_num_threads()),
            batch_size=GPU_ROWS if gpu else 1,
            compute=ray.data.ActorPoolStrategy(min_size=1),
            num_gpus=1 if gpu else None,
            num_cpus=None if gpu else 1,
            max_restarts=-1,
            max_task_retries=RETRIES,
            runtime_env=task["runtime_env"],
        )
        .map(partial(on_row, finish), **task)
    )


def on_row(stage: Callable[[Piece], Piece], row: Mapping[str, Any]) -> dict[str, Any]:
    """A stage for Ray's map."""
    return {"piece": pickle.dumps(stage(pickle.loads(row["piece"])))}


class Composer:
    """An actor that holds the model on a device, with as many threads as the process that began the batch.

    So sums are rounded as they are there, and the music is the same.
    """

    def __init__(self, model: Any, device: str | None, count: int) -> None:
        """Args: model: A reference to a `DiffBGM`. device: None for the best. count: Threads."""
        import ray
        import torch

        from diffbgm.composer.device import find_device

        torch.set_num_threads(count)
        self.model: DiffBGM = ray.get(model)
        self.model.model.to(find_device(device))

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Composes a batch of pieces."""
        pieces: list[Piece] = [pickle.loads(piece) for piece in batch["piece"]]
        planned = iter([piece for piece in pieces if not piece.ended])
        for piece in pieces:
            if piece.ended:
                yield {"piece": [pickle.dumps(piece)]}
        for piece in compose_rows(self.model, lambda wait: next(planned, None)):
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
        rows: With the columns of a manifest, of which `video` must be there: records, or a Ray dataset, which is not
            held in memory. A row of a dataset without a name is called after its video and a checksum of its address.
        out: The folder or address for the files; what is there of earlier runs is kept, as by `score_batch`.
        weights: As for `DiffBGM.from_pretrained`; they travel to the actors.
        device: As for `DiffBGM.from_pretrained`, for the actors.
        overwrite: As of `score_batch`.

    Returns:
        A dataset, computed when it is read, with a row for each: the columns of a batch's table of results.

    Raises:
        DataError: A record cannot be used. A row of a dataset that cannot be used says so in its `error`.
        InputError: Ray is not installed.
    """
    ray = import_ray()
    out = place(out)
    prepare_folder(out)
    model = DiffBGM.from_pretrained(weights, device="cpu")
    begin = partial(begin_row, out=out, model=model.origin, overwrite=overwrite)
    if isinstance(rows, ray.data.Dataset):
        dataset = rows.repartition(target_num_rows_per_block=1).map(partial(begin_record, begin, out, model.origin))
    else:
        table = [(f"row {k}", record) for k, record in enumerate(rows, 1)]
        items = [{"piece": pickle.dumps(begin(row))} for row in make_rows("rows", table, Path(), out)]
        dataset = ray.data.from_items(items, override_num_blocks=max(1, len(items)))
    return pipeline(dataset, model, device).map(tell)


def begin_row(row: Row, out: Path, model: Any, overwrite: bool) -> Piece:
    """A row on its way; at its end where it is done already, or may not be written."""
    job = job_of(row, Path(), out, model)
    before = job.before()
    if not before.error:
        return Piece(job, summary=before.summary)
    reason = refusal_of(job, ReadFiles([job.video]), overwrite)
    return Piece(job, None if is_remote(out) else out, error=reason, summary={} if reason else None)


def begin_record(begin: Callable[[Row], Piece], out: Path, model: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a dataset on its way."""
    values = {name: value.item() if hasattr(value, "item") else value for name, value in record.items()}
    video = str(values.get("video") or "")
    if not values.get("name"):
        stem = free_name(video, "", set())
        values["name"] = f"{stem}-{zlib.crc32(video.encode()):08x}"
        if values.get("seed") is None:
            values["seed"] = zlib.crc32(stem.encode()) >> 1
    try:
        (row,) = make_rows("row", [("row", values)], Path(), out)
        piece = begin(row)
    except InputError as e:
        row = Row(video=video, name=str(values["name"]))
        piece = Piece(Job(row, {"weights": model.sha256}, Path(video), out, model), error=str(e), summary={})
    return {"piece": pickle.dumps(piece)}


def tell(row: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a piece, as a row of a table."""
    return record_of(pickle.loads(row["piece"]).outcome)
