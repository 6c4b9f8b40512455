"""Where uploads and takes lie, and when they go: a day after they came, or at once where an upload was broken off."""

import getpass
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from diffbgm.errors import InputError, OutputError

FOLDER = "GRADIO_TEMP_DIR"  # environment variable, also of gradio
KEPT = 24 * 3600  # seconds that files stay
STALLED = 600.0  # seconds without a byte after which an upload is given up
SETTLED = 5.0  # seconds after which a partial upload that nobody holds open was broken off
FLOOR = 2 * 10**9  # bytes of the disk that stay free
EVERY = 60.0  # seconds between two sweeps
TAKES, SHARED = "takes", "shared"  # folders of folders: projects and takes, videos that others may watch
NAMES = re.compile(r"[0-9a-f]{32,64}")  # of folders: gradio's, by the digest of a file, and those of takes


def folder() -> Path:
    """The folder of uploads and takes; the page has one of its own where the host names none."""
    own = Path(tempfile.gettempdir()) / f"diffbgm-page-{getpass.getuser()}"
    path = Path(os.environ.setdefault(FOLDER, str(own)))
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def make_folder(kind: str = TAKES) -> Path:
    """A folder among those of a kind, with a name nobody can guess; it goes after a day.

    Raises:
        OutputError: The disk is nearly full.
    """
    if not room():
        raise OutputError("the disk of this page is nearly full; please come back in an hour")
    sweep()
    path = folder() / kind / secrets.token_hex(16)
    path.parent.mkdir(exist_ok=True)
    path.mkdir(mode=0o700)
    return path


@contextmanager
def new_folder(kind: str = TAKES) -> Generator[Path]:
    """The same; it goes when the block fails."""
    path = make_folder(kind)
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def uploaded(path: object) -> Path:
    """The path of a file that was sent to this page; InputError for anything else."""
    file = Path(str(path))
    try:
        real = file.resolve(strict=True)
    except (OSError, ValueError) as e:
        raise InputError("This upload is no longer here: choose the video again.") from e
    if not (real.is_file() and real.parent.parent == folder().resolve() and NAMES.fullmatch(real.parent.name)):
        raise InputError("This is no upload of yours: choose the video again.")
    return real


def room(wanted: int = 0) -> bool:
    """Whether `wanted` bytes leave the floor of the disk free."""
    return shutil.disk_usage(folder()).free - wanted >= FLOOR


def sweep() -> None:
    """Deletes what is a day old, and uploads that were broken off."""
    base, now = folder(), time.time()
    for old in (*base.iterdir(), *(base / TAKES).glob("*"), *(base / SHARED).glob("*")):
        with suppress(FileNotFoundError):  # another visitor's run was quicker
            if NAMES.fullmatch(old.name) and now - old.lstat().st_mtime > KEPT:
                shutil.rmtree(old, ignore_errors=True)
    sweep_uploads()


def sweep_uploads() -> list[Path]:
    """Deletes partial uploads that nobody writes to any more; those that went.

    gradio writes an upload into a file at the top of the folder, and gives it a folder of its own when it is whole. One
    that this process does not hold open, or that has not grown for STALLED seconds, is not going to be whole.
    """
    gone: list[Path] = []
    if folder() == Path(tempfile.gettempdir()):  # others keep files of such names there
        return gone
    held, now = _open_files(), time.time()
    for path in folder().iterdir():
        with suppress(FileNotFoundError):
            state = path.lstat()
            if not stat.S_ISREG(state.st_mode) or not path.name.startswith("tmp"):
                continue
            quiet = now - state.st_mtime
            broken_off = held is not None and (state.st_dev, state.st_ino) not in held
            if quiet > STALLED or (broken_off and quiet > SETTLED):
                path.unlink()
                gone.append(path)
    return gone


def keep_swept() -> None:
    """Sweeps every minute, in the background."""

    def run() -> None:
        while True:
            with suppress(OSError):
                sweep()
            time.sleep(EVERY)

    threading.Thread(target=run, daemon=True, name="diffbgm-sweep").start()


def _open_files() -> set[tuple[int, int]] | None:
    """Device and inode of the files that this process holds open; None where the system does not say."""
    links = Path("/proc/self/fd")
    if not links.is_dir():
        return None
    found: set[tuple[int, int]] = set()
    for link in links.iterdir():
        with suppress(OSError):
            state = os.stat(link)
            found.add((state.st_dev, state.st_ino))
    return found
