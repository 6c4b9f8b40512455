"""Videos that others may watch: whoever has the address sees one for a day, and nothing else of its maker."""

import os
import shutil
import time
from pathlib import Path

from space import storage


def share(video: Path) -> str:
    """Keeps a video for a day in a folder of its own, across restarts; where it is watched, relative to the page."""
    with storage.new_folder(storage.SHARED) as folder:
        try:
            os.link(video, folder / video.name)
        except OSError:  # a file system without links
            shutil.copyfile(video, folder / video.name)
    return f"watch/{folder.name}"


def find_shared(name: str, now: float | None = None) -> tuple[Path, float] | None:
    """The video of a link, and when the link ends (POSIX seconds); None where there is none any more."""
    folder = storage.folder() / storage.SHARED / name
    if not storage.NAMES.fullmatch(name) or not folder.is_dir():
        return None
    ends = folder.stat().st_mtime + storage.KEPT
    video = next(folder.iterdir(), None)
    return None if video is None or (time.time() if now is None else now) >= ends else (video, ends)
