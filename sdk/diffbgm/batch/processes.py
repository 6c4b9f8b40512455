# accelerate is not typed
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
"""This process among those that share a batch: its place, its share, and what its workers are given."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from diffbgm import threads
from diffbgm.errors import InputError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
MOST_WORKERS = 8  # beside a process; each takes some 200 MB


@dataclass(frozen=True)
class Place:
    """Number `index` of `count` processes, on `device`; `wait` until all have come as far."""

    index: int
    count: int
    device: "torch.device"
    wait: Callable[[], None]

    def agree(self, decide: Callable[[], T]) -> T:
        """What the first process decides, in all of them."""
        from accelerate.utils import broadcast_object_list

        decided: list[Any] = [decide() if self.index == 0 else None]
        return broadcast_object_list(decided)[0]


def join_processes(device: str | None) -> Place:
    """This process's place among those that `torchrun` or `accelerate launch` started; alone, one of one."""
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
    return Place(state.process_index, state.num_processes, state.device or torch.device("cpu"), state.wait_for_everyone)


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


def worker_environment(device: "torch.device") -> dict[str, str]:
    """This process's environment, for one that is nobody's rank, sees the same device and no other, and has a worker's
    share of the cores."""
    launched = ("RANK", "WORLD_SIZE", "MASTER_", "LOCAL_", "GROUP_", "ROLE_", "TORCHELASTIC_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(launched)}
    if device.type == "cpu":
        environment["ACCELERATE_USE_CPU"] = "1"
    elif device.type == "cuda":
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        index = device.index or 0
        environment["CUDA_VISIBLE_DEVICES"] = visible[index] if visible else str(index)
    return environment | threads.environment(default_workers(), environment)
