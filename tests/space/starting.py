"""The Space as `diffbgm push-space` maps it, in a folder of its own, and its server started there."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from diffbgm import hub

PATIENCE = 180  # seconds


@dataclass(frozen=True)
class Started:
    """A server that answers: where, its process, and the seconds from `python app.py` to its first answer."""

    address: str
    pid: int
    seconds: float


def map_space(folder: Path) -> Path:
    """Lays the files of the Space into `folder`."""
    for name, content in hub.space_files(hub.checkout(), hub.bundled_folder()).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
    return folder


@contextmanager
def started(tree: Path, python: str, files: Path) -> Iterator[Started]:
    """Runs `python app.py` in `tree` until the block ends; uploads and results lie in `files`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DIFFBGM_WEIGHTS")}
    env |= {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(files), "HF_HUB_OFFLINE": "1"}
    began = time.monotonic()
    with subprocess.Popen(
        [python, "app.py"], cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as app:
        try:
            while not answers(address):
                if app.poll() is not None or time.monotonic() - began > PATIENCE:
                    app.kill()
                    assert app.stdout is not None
                    raise AssertionError(f"app.py does not start:\n{app.stdout.read().decode()[-4000:]}")
                time.sleep(0.1)
            yield Started(address, app.pid, time.monotonic() - began)
        finally:
            app.terminate()


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=20) as answer:
            return answer.status == 200
    except (URLError, ConnectionError, TimeoutError):
        return False
