"""Listeners that others made and fitted on other data, each a script of few lines in a Python of its own.

A script reads sound files named on its command line and prints a JSON list with an object for each. Its packages (and
their licences) stay in that Python: nothing of them is imported here, and none of them ships with this package.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import as_file
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from diffbgm.errors import InputError

# What each judge needs installed, and what it says of a sound.
JUDGES = {
    "beats": "librosa",  # {"beats": seconds of each beat}, Ellis's tracker
    "key": "librosa",  # {"tonic": 0..11, "mode": "major" or "minor"}, Krumhansl's profiles on a constant-Q chroma
    "notes": "basic-pitch[onnx]",  # {"notes": [seconds, MIDI pitch] of each onset}
    "vibenet": "vibenet",  # {"energy": 0..1, "valence": 0..1, ...}, a network taught by Spotify's features
}
PATIENCE = 60.0  # seconds a file


def hear(judge: str, sounds: Sequence[Path], python: str | Path = sys.executable) -> list[dict[str, Any]]:
    """Let a judge hear sound files.

    Args:
        judge: One of `JUDGES`.
        sounds: Files that are there.
        python: The Python in which the judge's package is installed.

    Returns:
        What it says of each, see `JUDGES`.

    Raises:
        InputError: There is no such Python, or the judge does not run in it.

    """
    with as_file(resources("diffbgm.research.judges") / f"{judge}.py") as script:
        command = [str(python), "-I", str(script), *map(str, sounds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * (1 + len(sounds)))
        except (OSError, subprocess.TimeoutExpired) as e:
            raise InputError(f"judge {judge}: {python} does not run it ({e}); give a Python with --python") from e
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"judge {judge}: {last}; install {JUDGES[judge]} where --python points, now {python}")
    return json.loads(done.stdout.strip().splitlines()[-1])
