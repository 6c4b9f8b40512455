"""What a batch's process does with signals, and what its workers are given."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from diffbgm import threads

if TYPE_CHECKING:
    import torch

MOST_WORKERS = 8  # beside a process; each takes some 200 MB


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


def default_workers() -> int:
    """As many as there are CPU cores, up to a limit."""
    return max(1, min(MOST_WORKERS, threads.affinity()))


def worker_environment(device: "torch.device", temporary: str | os.PathLike[str] | None = None) -> dict[str, str]:
    """What a worker's environment has beside this process's: its share of the cores, and the same device as here.

    Args:
        device: What this process composes on.
        temporary: Where temporary files go.
    """
    environment = threads.environment(default_workers())
    if temporary is not None:
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), os.fspath(temporary))
    if device.type == "cpu":
        environment["ACCELERATE_USE_CPU"] = "1"
    elif device.type == "cuda":
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        index = device.index or 0
        environment["CUDA_VISIBLE_DEVICES"] = visible[index] if visible else str(index)
    return environment
