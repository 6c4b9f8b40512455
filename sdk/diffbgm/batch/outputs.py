"""What a row may write: never a file that is read, and nobody else's file without leave."""

import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from diffbgm.batch.storage import identity, is_remote
from diffbgm.files import reason_of

FILES = {"scored": "mp4", "midi": "mid", "receipt": "receipt.json"}  # suffix by kind
RESULT = "result.json"


def file_names(name: str) -> list[str]:
    """The files of the row with that name, its result last."""
    return [f"{name}.{suffix}" for suffix in (*FILES.values(), RESULT)]


def fold(text: str) -> str:
    """What names are compared by: some disks keep no case, and some compose accents."""
    return unicodedata.normalize("NFC", text).casefold()


def same_place(a: Path, b: Path) -> bool:
    """Whether two paths lead to one file or folder, whether it is there or not, through links and whatever case."""
    return a in ReadFiles([b])


class ReadFiles:
    """Files that are read, by place and by what is there, so that links and other spellings are known."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Args: paths: Of files that may be missing."""
        paths = list(paths)
        self._places = {fold(identity(path)) for path in paths}
        self._nodes = {node for path in paths if (node := node_of(path))}

    def __contains__(self, path: Path) -> bool:
        """Whether writing to a path would change one of them."""
        return fold(identity(path)) in self._places or node_of(path) in self._nodes


def node_of(path: Path) -> tuple[int, int] | None:
    """Device and inode of what a path leads to; None where nothing is, or at an address."""
    if is_remote(path):
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refusal(path: Path, read: ReadFiles, *, own: bool) -> str:
    """Why a file may not be written, in one sentence; empty where it may.

    Args:
        path: The file.
        read: What the batch reads; never written, whatever else holds.
        own: Whether what lies there may be replaced.
    """
    there = folder = False
    try:
        if is_remote(path):
            there = path.exists()
        else:
            folder, there = stat.S_ISDIR(os.lstat(path).st_mode), True
    except FileNotFoundError:
        pass
    except OSError as e:
        shown = path.name if len(path.name) < 60 else f"{path.name[:40]}..."
        return f"{shown}: cannot be written ({reason_of(e)}); give the row a shorter name"
    if path in read:
        return (
            f"{path}: is read by this batch and would be replaced; give the row another name or choose another folder"
        )
    if not there:
        return ""
    if folder:
        return f"{path}: is a folder; move it away or give the row another name"
    if own:
        return ""
    return (
        f"{path}: is there already and was not made from this row's video; "
        "move it away, give the row another name, or allow it with --overwrite"
    )
