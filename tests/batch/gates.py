"""Stages on Ray that wait until a test lets them go on, and say where they run."""

import os
import pickle
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from diffbgm.batch.cluster import Composer
from diffbgm.batch.rows import Piece, finish_row

FREE = 2  # rows that pass while the gate is shut


def gates_of(out: Path) -> Path:
    """A folder beside that of the results, where rows leave files named ROW-WORKER-MACHINE, two process numbers."""
    folder = out.parent / "gates"
    folder.mkdir(exist_ok=True)
    return folder


def wait(piece: Piece, worker: int) -> None:
    folder = gates_of(piece.job.out)
    (folder / f"{piece.job.row.name}-{worker}-{psutil.Process(worker).ppid()}").touch()
    for k in range(FREE):
        with suppress(FileExistsError):
            (folder / f"free{k}").mkdir()
            return
    while not (folder / "open").exists():
        time.sleep(0.05)


def finish_at_gate(piece: Piece) -> Piece:
    wait(piece, os.getppid())
    return finish_row(piece)


class ComposeAtGate(Composer):
    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        wait(pickle.loads(batch["piece"][0]), os.getpid())
        yield from super().__call__(batch)


class Holder:
    """An actor that only takes its place."""

    def here(self) -> None:
        """Returns as soon as it has it."""


class ComposeAndTell(Composer):
    """Leaves a file that says how many rows it composes at once, on which GPU and machine."""

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        import ray

        pieces = batch["piece"]
        here, gpus = ray.get_runtime_context().get_node_id(), "-".join(map(str, ray.get_gpu_ids()))
        folder = gates_of(pickle.loads(pieces[0]).job.out)
        (folder / f"{len(pieces)}-rows-on-gpu-{gpus}-of-{here}").touch()
        yield from super().__call__(batch)


@dataclass(frozen=True)
class Deadly(Piece):
    """A row whose file kills the process that opens it."""

    home: int = 0

    @property
    def ended(self) -> bool:
        if not self.error and os.getpid() != self.home:
            os._exit(7)
        return bool(self.error)
