# accelerate is not typed
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
"""This process among those that share a batch: its place, its share, its signals, and what its workers are given."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from diffbgm import threads
from diffbgm.errors import DiffBGMError, InputError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
MOST_WORKERS = 8  # beside a process; each takes some 200 MB


@dataclass(frozen=True)
class Place:
    """Number `index` of `count` processes, on `device`."""

    index: int
    count: int
    device: "torch.device"

    def agree(self, decide: Callable[[], T]) -> T:
        """What the first process decides, in all of them; what it raises of ours is raised in all of them."""
        from accelerate.utils import broadcast_object_list

        decided: list[Any] = [None, None]
        if self.index == 0:
            try:
                decided[0] = decide()
            except DiffBGMError as e:
                decided[1] = e
        value, error = broadcast_object_list(decided)
        if error is not None:
            raise error
        return value

    def gather(self, value: T) -> list[T]:
        """The values of all processes, once all have come as far."""
        from accelerate.utils import gather_object

        return gather_object([value])


def join_processes(device: str | None) -> Place:
    """This process's place among those that `torchrun` or `accelerate launch` started; alone, one of one.

    Raises:
        InputError: Several were started and cannot reach one another on this device.
    """
    import torch
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    hardware = getattr(torch, "accelerator", torch.cuda)  # any kind of device; torch before 2.6 knows no such question
    cpu = device == "cpu" or parse_flag_from_env("ACCELERATE_USE_CPU") or not hardware.is_available()
    # At the end they wait for one another, however long the longest share takes.
    state = PartialState(cpu=cpu, timeout=timedelta(days=365))
    if state.num_processes != (started := int(os.environ.get("WORLD_SIZE", "1"))):
        raise InputError(
            f"{started} processes were started, but they cannot talk to each other on {state.device}: use --device cpu"
        )
    return Place(state.process_index, state.num_processes, state.device or torch.device("cpu"))


@contextmanager
def interruptible() -> Generator[None]:
    """SIGTERM ends the block as Ctrl-C does, by KeyboardInterrupt; a second signal does not disturb what cleans up.

    Handlers that somebody else set are kept. Outside the main thread, which alone hears signals, this does nothing.
    """
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    main = threading.current_thread() is threading.main_thread()
    caught = [number for number, handler in usual.items() if main and signal.getsignal(number) == handler]

    def stop(number: int, frame: object) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    try:
        for number in caught:
            signal.signal(number, stop)
        yield
    finally:
        for number in caught:
            signal.signal(number, usual[number])


def share(sizes: Sequence[int], processes: int, items: Sequence[int] | None = None) -> list[list[int]]:
    """`items` (default: 0, 1, ...) dealt to processes, largest first to whoever has least; each share in rising order.

    The same arguments give the same shares, and every item is in exactly one.
    """
    items = range(len(sizes)) if items is None else items
    shares: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for k in sorted(range(len(sizes)), key=lambda k: (-sizes[k], k)):
        least = min(range(processes), key=lambda p: (loads[p], len(shares[p]), p))
        shares[least].append(items[k])
        loads[least] += sizes[k]
    return [sorted(s) for s in shares]


def default_workers() -> int:
    """This process's part of the CPU cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_WORKERS, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))


def worker_environment(device: "torch.device", temporary: str | os.PathLike[str] | None = None) -> dict[str, str]:
    """This process's environment, for one that is nobody's rank and sees the same device and no other.

    It has a worker's share of the cores.

    Args:
        device: What this process composes on.
        temporary: Where temporary files go.
    """
    launched = ("RANK", "WORLD_SIZE", "MASTER_", "LOCAL_", "GROUP_", "ROLE_", "TORCHELASTIC_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(launched)}
    if temporary is not None:
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), os.fspath(temporary))
    if device.type == "cpu":
        environment["ACCELERATE_USE_CPU"] = "1"
    elif device.type == "cuda":
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        index = device.index or 0
        environment["CUDA_VISIBLE_DEVICES"] = visible[index] if visible else str(index)
    return environment | threads.environment(default_workers(), environment)
