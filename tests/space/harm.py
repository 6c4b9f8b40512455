"""What a hostile file may make of a process: tasks for `space.processes.ask`."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from space.child import Told

from diffbgm.errors import RenderError, VideoError


def crash(told: Told, path: Path) -> None:
    """As a decoder that writes where it must not."""
    os.kill(os.getpid(), signal.SIGSEGV)


def swell(told: Told, path: Path) -> int:
    """As a picture of more pixels than there is memory."""
    return len(np.empty(1 << 30))  # 8 GB


def hang(told: Told, path: Path) -> None:
    """As a stream that never ends."""
    while True:
        time.sleep(0.01)


def tick(told: Told, path: Path, marks: Path) -> None:
    """Says how far it is until nobody listens."""
    for i in range(10_000):
        marks.write_text(str(i))
        told("watch", (i % 100) / 100)
        time.sleep(0.01)


def refuse(told: Told, path: Path) -> None:
    """As a file that is no video."""
    raise VideoError(f"{path}: is text, not a video")


def fail(told: Told, path: Path) -> None:
    """As a machine without a synthesizer."""
    raise RenderError("no synthesizer")


def number(told: Told, path: Path, value: int) -> int:
    """Works well."""
    told("watch", 0.5)
    time.sleep(0.4)
    return value + 1
