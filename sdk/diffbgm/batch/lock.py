"""One batch per output folder: a lock of the operating system, which ends with the process that holds it."""

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from diffbgm.errors import OutputError
from diffbgm.files import TEMPORARY, reason_of

LOCK = f"{TEMPORARY}lock"
TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def lock_folder(out: Path) -> Generator[None]:
    """Holds the folder `out`, which must be there, for the block. On a disk without locks it is not held.

    Raises:
        OutputError: Another process holds it, or nothing can be written there.
    """
    path = out / LOCK
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as e:
            raise OutputError(f"{out}: cannot be used ({reason_of(e)}); choose another folder with -o") from e
        try:
            take(handle)
        except OSError as e:
            if e.errno in TAKEN:
                os.close(handle)
                raise OutputError(
                    f"{out}: another batch is at work on this folder; wait for its end, or choose another folder"
                ) from e
        with suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(handle)):
                break
        os.close(handle)  # who held it has removed the file in between: what was locked is no longer there to see
    try:
        yield
    finally:
        if sys.platform == "win32":  # an open file cannot be removed
            os.close(handle)
            with suppress(OSError):
                path.unlink()
        else:
            path.unlink(missing_ok=True)
            os.close(handle)


def take(handle: int) -> None:
    """Locks an open file for this process; OSError where another one has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
