"""Paths as people write them, and what a command reads and writes: checked in one place, before any work.

The rule: no path that is read is ever written, and nobody else's file is replaced unless that was asked for. A file is
a command's own where the receipt beside it names it with the very content it has; an empty file is nobody's.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from diffbgm.errors import InputError, OutputError
from diffbgm.files import StrPath, check_writable, reason_of
from diffbgm.setting import PATH, need

LONGEST_NAME = 255  # bytes of a file's name, on nearly every file system
PICTURES = (".png",)  # suffixes of the pictures that are drawn
DRAWN_BY = "diffbgm"  # the Software of a PNG that is ours
SAMPLE = 1 << 20  # bytes at either end of a file that its digest is made of


def local_path(text: StrPath) -> Path:
    """The local file that a text means: a path, or a `file:` URL as file managers drop it.

    A file that has exactly this name comes first, whatever it looks like.

    Raises:
        InputError: It is an address on the network, or a file of another machine.
    """
    need("the path", text, PATH)
    name = os.fsdecode(text)
    scheme, colon, _ = name.partition(":")
    if not colon or not scheme.isalnum() or len(scheme) < 2 or os.path.lexists(name):
        return Path(name)
    if scheme.lower() == "file":
        parts = urlsplit(name)
        if parts.netloc not in ("", "localhost"):
            raise InputError(f"{name}: is a file of the machine {parts.netloc}; copy it here first")
        return Path(os.fsdecode(unquote_to_bytes(os.fsencode(name[name.index(":") + 1 :].removeprefix("//localhost")))))
    if name[len(scheme) :].startswith("://"):
        raise InputError(f"{name}: is an address on the network; download it first and give the file")
    return Path(name)


def output_path(text: str | None, video: Path, suffix: str) -> Path:
    """Where the scored video goes: VIDEO-scored beside the video, or in a folder that is named, or under that name."""
    name = f"{video.stem}-scored{suffix}"
    if text is None:
        return video.with_name(name)
    path = local_path(text)
    ends = tuple(separator for separator in (os.sep, os.altsep) if separator)
    return path / name if path.is_dir() or text.endswith(ends) else path


def companion(path: Path, suffix: str) -> Path:
    """The file of another kind beside `path`: the same name with another suffix, cut where that is too long."""
    stem = path.stem
    while len(os.fsencode(stem + suffix)) > LONGEST_NAME:
        stem = stem[:-1]
    return path.with_name(stem + suffix)


def check_targets(
    inputs: Iterable[StrPath],
    outputs: Iterable[Path],
    *,
    overwrite: bool = False,
    receipt: Path | None = None,
    room: int = 0,
) -> None:
    """Finds out before the work whether a command may write what it is going to write.

    Args:
        inputs: Every file that is read.
        outputs: Every file that will be written.
        overwrite: Whether files of other people may be replaced.
        receipt: The receipt that names the files an earlier run of this command wrote.
        room: About how many bytes will be written.

    Raises:
        OutputError: An output is an input (whatever the link or case of letters), cannot be written, has too long a
            name, is somebody's file, or there is no room for it.
    """
    read = {_identity(path) for path in inputs}
    seen: dict[object, Path] = {}
    for path in outputs:
        size = len(os.fsencode(path.name))
        if size > LONGEST_NAME:
            raise OutputError(
                f"{path.name[:40]}...: this name would have {size} bytes, and a file system takes {LONGEST_NAME}; "
                "give a shorter one with -o"
            )
        identity = _identity(path)
        if identity in read:
            raise OutputError(f"{path}: is what is read itself, and what is read is never written; choose another name")
        if (other := seen.setdefault(identity, path)) is not path:
            raise OutputError(f"{path}: is the same file as {other}, which is written too; choose another name")
        check_writable(path)
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: is no ordinary file; choose another name")
        if not overwrite and not is_ours(path, receipt):
            raise OutputError(
                f"{path}: is there already, and no earlier run wrote it; choose another name, or replace it with "
                "--overwrite"
            )
    if room and seen:
        _check_room(next(iter(seen.values())), room)


def is_ours(path: Path, receipt: Path | None) -> bool:
    """Whether nothing of other people is lost when `path` is written: it is not there, empty, or written by us."""
    try:
        if not path.exists() or path.stat().st_size == 0 or _is_drawn_by_us(path):
            return True
        if receipt is None:
            return False
        files = read_files(receipt)
        if path == receipt:
            return files is not None
        return files is not None and path.name in files and files[path.name] in (None, digest_of(path))
    except OSError as e:
        raise OutputError(f"{path}: cannot be looked at ({reason_of(e)}); choose another name") from e


def read_files(receipt: Path) -> Mapping[str, str | None] | None:
    """The files that a receipt names, each with its digest (None: it was being written); None where it is none."""
    try:
        plain: Any = json.loads(receipt.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    files = cast("Mapping[str, Any]", plain).get("files") if isinstance(plain, dict) else None
    return cast("Mapping[str, str | None]", files) if isinstance(files, dict) else None


def digest_of(path: Path) -> str:
    """A digest of a file's size and of a MiB at either end, which tells an edited file without reading a whole film."""
    size = path.stat().st_size
    digest = hashlib.sha256(b"%d\n" % size)
    with open(path, "rb") as file:
        digest.update(file.read(SAMPLE))
        file.seek(max(SAMPLE, size - SAMPLE))
        digest.update(file.read(SAMPLE))
    return digest.hexdigest()[:32]


def _identity(path: StrPath) -> object:
    """What two names of one file have in common: device and inode, or where the name leads to."""
    try:
        stat = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    except ValueError:  # a zero byte: no file has such a name
        return path
    return stat.st_dev, stat.st_ino


def _is_drawn_by_us(path: Path) -> bool:
    """Whether a file is a PNG that says it was drawn by this package."""
    if path.suffix.lower() not in PICTURES:
        return False
    with open(path, "rb") as file:
        head = file.read(256)
    return head.startswith(b"\x89PNG\r\n") and b"Software\0" + DRAWN_BY.encode() in head


def _check_room(path: Path, room: int) -> None:
    """Raises OutputError where the disk that `path` lies on has fewer than `room` bytes left."""
    free = shutil.disk_usage(os.path.dirname(os.path.realpath(path))).free
    if free < room:
        raise OutputError(
            f"{path}: takes about {room / 1e6:,.0f} MB, and the disk has {free / 1e6:,.0f} MB left; make room, or "
            "choose another place"
        )
