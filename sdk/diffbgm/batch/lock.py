"""One batch per output folder: a lock of the operating system, which ends with the process that holds it."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from diffbgm.errors import OutputError
from diffbgm.files import TEMPORARY, reason_of


@contextmanager
def lock_folder(out: Path, part: str = "") -> Generator[None]:
    """Holds the folder `out`, which must be there, or a part of its rows, for the block.

    Raises:
        OutputError: Another process holds it, or nothing can be written there.
    """
    path = out / f"{TEMPORARY}lock{part}"
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()  # pyright: ignore[reportUnknownMemberType]
    except Timeout as e:
        raise OutputError(
            f"{out}: another batch is at work on this folder; wait for its end, or choose another folder"
        ) from e
    except OSError as e:
        raise OutputError(f"{out}: cannot be used ({reason_of(e)}); choose another folder with -o") from e
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows keeps open files
            path.unlink(missing_ok=True)  # while it is held: who waits for it sees that it is gone, and makes another
        lock.release()
