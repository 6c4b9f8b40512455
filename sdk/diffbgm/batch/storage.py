"""Where videos and results lie: on a disk, or at an address that fsspec knows (s3://, gs://, hf://, https://, ...).

An address is a `UPath`, which has the methods of a `Path`; what has to be a file of this machine is copied first.
"""

import os
import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from diffbgm.errors import InputError, OutputError, VideoError
from diffbgm.files import StrPath, make_folder, reason_of
from diffbgm.paths import local_path

ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+]+://", re.IGNORECASE)


def is_remote(path: Path) -> bool:
    """Whether it is an address, and no file of this machine."""
    return hasattr(path, "fs")


def place(text: StrPath) -> Path:
    """The path, or the address as one.

    Raises:
        InputError: There is no such kind of address, or its driver is not installed.
    """
    if isinstance(text, Path) or hasattr(text, "fs"):
        return cast("Path", text)
    name = os.fsdecode(text)
    if not ADDRESS.match(name) or os.path.lexists(name):
        return local_path(name)
    try:
        from upath import UPath  # pyright: ignore

        address = cast("Any", UPath(name))
        _ = address.fs
    except (ImportError, ValueError) as e:
        raise InputError(f"{name}: {_missing(name.partition('://')[0].lower(), e)}") from e
    return address


def place_in(folder: Path, text: str) -> Path:
    """What a text of a table in `folder` means: an address, or a path relative to the folder. Raises as `place`."""
    return place(text) if ADDRESS.match(text) else folder / text


def _missing(protocol: str, error: Exception) -> str:
    """What to install for a kind of address."""
    from fsspec.registry import known_implementations  # pyright: ignore[reportMissingTypeStubs]

    if protocol not in known_implementations:
        return f"no kind of address is called {protocol}://; there are s3://, gs://, hf://, https:// and others"
    packages = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
    driver = packages.get(protocol)
    words = f" ({known_implementations[protocol].get('err') or error})" if driver is None else ""
    return f"its driver is missing{words}: pip install {' '.join(filter(None, ['universal_pathlib', driver]))}"


def prepare_folder(out: Path) -> None:
    """Makes a folder on a disk; a store has none, but must be reachable. Raises OutputError."""
    if not is_remote(out):
        make_folder(out)
        return
    try:
        out.exists()
    except Exception as e:  # every driver has its own
        raise OutputError(
            f"{out}: cannot be reached ({type(e).__name__}: {e}); check the address and the rights"
        ) from e


@contextmanager
def local_copy(video: Path) -> Generator[Path]:
    """A file of this machine with the video's content: itself, or a copy that is gone after the block.

    Raises:
        VideoError: There is nothing at this address.
    """
    if not is_remote(video):
        yield video
        return
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder:
        copy = Path(folder) / video.name  # which is in what is made of it
        try:
            address = cast("Any", video)
            address.fs.get_file(address.path, str(copy))
        except FileNotFoundError as e:
            raise VideoError(f"{video}: there is no such file; check the address") from e
        yield copy


def put(path: Path, target: Path) -> None:
    """Puts a finished local file where it belongs, whole; OutputError where that is not possible."""
    try:
        if is_remote(target):
            address = cast("Any", target)
            address.fs.put_file(str(path), address.path)
        else:
            os.replace(path, target)
    except Exception as e:
        raise OutputError(f"{target}: cannot be written ({reason_of(e)}); choose another name or place") from e


def stamp_of(video: Path) -> tuple[int | None, int | str | None]:
    """Size in bytes and what changes with the content (the date, or a store's ETag); None where there is no video."""
    try:
        if is_remote(video):
            info = cast("dict[str, Any]", cast("Any", video).fs.info(cast("Any", video).path))
            marks = (info.get(key) for key in ("ETag", "etag", "commit_hash", "updated", "mtime", "LastModified"))
            return info.get("size"), next((str(mark) for mark in marks if mark), None)
        stat = video.stat()
    except Exception:  # every driver has its own
        return None, None
    return stat.st_size, stat.st_mtime_ns


def identity(path: Path) -> str:
    """Where a path leads to, through links."""
    return str(path) if is_remote(path) else os.path.realpath(path)
