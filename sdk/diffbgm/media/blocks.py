"""Where sound lies while it is made: in memory, or, from a few minutes on, in temporary files mapped into it.

Everything here walks over sound in blocks, and what was walked over is given back to the system, so that an hour takes
no more memory than two minutes (but 1.4 GB of temporary files a role: TMPDIR says where). Pieces of up to a block,
nearly three minutes at 48 kHz, are one block: for them nothing differs from working on the whole at once. Longer ones
are walked over in strides of a quarter of that.
"""

import ctypes
import mmap
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import numpy as np

BLOCK = 1 << 23  # samples
STRIDES = 4  # of a block, in which longer sound is walked over
Read = Callable[[int, int], np.ndarray]  # samples [C, b - a] of some sound from a to b


def new_sound(*shape: int) -> np.ndarray:
    """Zeros [..., N] float32: in memory up to a block, in a temporary file beyond it.

    The file has no name and is removed with the array.
    """
    if shape[-1] <= BLOCK:
        return np.zeros(shape, np.float32)
    with tempfile.TemporaryFile(prefix="diffbgm-") as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def release(*sounds: np.ndarray) -> None:
    """Let go of the memory that mapped sounds take; what they hold stays in their files."""
    for sound in sounds:
        base: Any = sound
        while isinstance(base.base, np.ndarray):
            base = cast("Any", base.base)
        if isinstance(base.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.base.madvise(mmap.MADV_DONTNEED)


def trim(samples: int | None = None) -> None:
    """Give back to the system what the C library keeps of freed memory: between two stages of a long film.

    Args:
        samples: Length of the sound that is worked on; up to a block nothing happens.

    """
    if samples is not None and samples <= BLOCK:
        return
    with suppress(OSError, AttributeError):  # no glibc
        ctypes.CDLL(None).malloc_trim(0)


def blocks(samples: int, size: int | None = None) -> Iterator[tuple[int, int]]:
    """(start, end) of blocks that tile a number of samples: of `size`, else one up to `BLOCK` and strides beyond."""
    size = size or (BLOCK if samples <= BLOCK else BLOCK // STRIDES)
    for start in range(0, samples, size):
        yield start, min(start + size, samples)


def reader(samples: np.ndarray) -> Read:
    """Reads [C, N], and lets go of what was read before."""

    def read(start: int, end: int) -> np.ndarray:
        release(samples)
        return samples[:, start:end]

    return read
