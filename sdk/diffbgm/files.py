"""Files on the disk: written whole or not at all, hashed, and found inside the installed package.

Every file of this package is written through `replacing`: into a temporary file beside its target that takes the
target's place at the end. What a kill leaves behind begins with `TEMPORARY`.
"""

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from diffbgm.errors import OutputError

TEMPORARY = ".diffbgm-"  # how the names of temporary files begin; then the number of the process that writes them
QUIET = 60.0  # seconds without a change after which the temporary file of a process that is gone is nobody's

StrPath = str | os.PathLike[str]


@contextmanager
def replacing(path: StrPath, *failures: type[Exception]) -> Generator[Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block ends well.

    A link stays a link: what it points to is written. When the block raises, the temporary file is removed.

    Args:
        path: The file to write.
        failures: Exceptions besides OSError that mean the file cannot be written, such as those of an encoder.

    Yields:
        The temporary path; the file is there and empty.

    Raises:
        OutputError: The folder is missing, or the file cannot be written there.
    """
    temporary = _temporary_beside(path)
    try:
        _make(temporary, path)
        yield temporary
        os.replace(temporary, os.path.realpath(path))
    except (OSError, *failures) as e:
        raise OutputError(f"{path}: cannot be written ({reason_of(e)}); choose another place") from e
    finally:
        temporary.unlink(missing_ok=True)


def remove_abandoned(folder: StrPath) -> None:
    """Removes temporary files that processes which were killed left in a folder.

    Those of processes of this machine that are alive stay, and those that changed a moment ago: on a shared disk they
    may be another machine's.
    """
    for path in Path(folder).glob(f"{TEMPORARY}*"):
        owner = re.match(rf"{re.escape(TEMPORARY)}(\d+)-", path.name)
        with suppress(OSError):
            if owner and not _is_alive(int(owner[1])) and time.time() - path.stat().st_mtime > QUIET:
                path.unlink()


def check_writable(path: StrPath) -> None:
    """Finds out before long work whether a file can be written where it is wanted; OutputError where it cannot."""
    temporary = _temporary_beside(path)
    try:
        _make(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: StrPath, text: str) -> Path:
    """Writes UTF-8 text, line ends as they are, whole or not at all; returns the path. Raises as `replacing` does."""
    with replacing(path, UnicodeError) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return Path(path)


def write_json(path: StrPath, value: Any, *, indent: int | None = 1) -> Path:
    """Writes a JSON value and a line feed, as `write_text` does.

    Bytes of a name that are no UTF-8 are written as JSON's escapes, so that they read back as they were.

    Raises:
        ValueError: There is a NaN or an infinity in the value, which JSON lacks.
        OutputError: It cannot be written there.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    return write_text(path, text.encode("utf-8", "backslashreplace").decode("utf-8"))


def make_folder(path: StrPath) -> Path:
    """The folder, made with its parents where it is missing; OutputError where it cannot be made."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{path}: cannot make this folder ({reason_of(e)}); choose another place") from e
    return Path(path)


def file_sha256(path: StrPath) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def bundled_file(name: str) -> Path | None:
    """A file of weights_card/: inside the installed package, or beside `sdk/` in a checkout; None where it is not."""
    here = Path(__file__).resolve().parent
    candidates = (here / "weights_card" / name, here.parents[1] / "weights_card" / name)
    return next((path for path in candidates if path.is_file()), None)


def reason_of(error: BaseException) -> str:
    """What the system says of an error, in a few words."""
    return getattr(error, "strerror", None) or type(error).__name__


def _temporary_beside(path: StrPath) -> Path:
    """A name, not yet taken, beside what `path` leads to; OutputError where nothing can be written under `path`."""
    if "\0" in os.fsdecode(path):
        raise OutputError(f"{path}: a name cannot hold a zero byte; choose another name")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(f"{path}: the folder {target.parent} does not exist; create it or choose another")
    if target.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of the file to write")
    try:
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(13, "Permission denied")
        target.lstat() if target.is_symlink() else os.stat(target)
    except FileNotFoundError:
        pass
    except OSError as e:  # a name that is too long, a file that may not be replaced
        raise OutputError(f"{path}: cannot be written ({reason_of(e)}); choose another name or place") from e
    return target.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}{target.suffix[:32]}")


def _is_alive(process: int) -> bool:
    """Whether there is a process of this number; where the system does not tell, it counts as alive."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _make(temporary: Path, path: StrPath) -> None:
    """The empty file that is to become `path`."""
    try:
        temporary.touch(exist_ok=False)
    except OSError as e:
        raise OutputError(f"{path}: cannot be written ({reason_of(e)}); choose another place") from e
