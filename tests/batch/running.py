"""Batches in processes of their own, to be killed, and what they leave."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import psutil

SMALL = str(resources.files("pretty_midi") / "TimGM6mb.sf2")  # a soundfont that is quick to load


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def command(manifest: Path, out: Path, weights: Path) -> list[str]:
    return ["-m", "diffbgm.cli", "batch", *map(str, (manifest, "-o", out, "--weights", weights))]


def environment(temporary: Path | None = None) -> dict[str, str]:
    """The same number of threads for every process, so that sums are rounded alike.

    Workers of Ray have the priority that others have, of which it gives them the lowest otherwise.
    """
    alone = {
        "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "RAY_worker_niceness": "0",
    }  # fmt: skip
    place = {"TMPDIR": str(temporary)} if temporary else {}
    return {**os.environ, **alone, **place, "DIFFBGM_SOUNDFONT": SMALL}


def run_cli(manifest: Path, out: Path, weights: Path) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, *command(manifest, out, weights)]
    return subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def music_of(out: Path) -> dict[str, bytes]:
    """What must be the same byte for byte however a batch got there: MIDI, scored videos and the table."""
    files = [path for pattern in ("*.mid", "*.mp4", "results.*") for path in out.glob(pattern)]
    return {path.name: path.read_bytes() for path in sorted(files)}


def finished(out: Path) -> dict[str, int]:
    """The results so far, and when they were written; those of rows that were only begun left out."""
    results = [path for path in out.glob("[!.]*.result.json") if json.loads(path.read_text())["error"] != "not done"]
    return {path.name: path.stat().st_mtime_ns for path in results}


def hidden(folder: Path) -> list[str]:
    """What a batch should have removed."""
    return sorted(path.name for path in folder.glob(".*"))


def killed_batch(manifest: Path, out: Path, weights: Path, how: signal.Signals, after: float, temporary: Path) -> bool:
    """Sends a signal to a batch some seconds after it took the folder; whether it was still at work then.

    Asserts what must hold whatever the moment: no process outlives it, its table is whole, and after SIGTERM and
    SIGINT it says one line, and nothing hidden or temporary is left.
    """
    line = [sys.executable, *command(manifest, out, weights)]
    with subprocess.Popen(line, env=environment(temporary), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        before = (out / "results.csv").stat().st_mtime_ns if (out / "results.csv").exists() else 0
        while process.poll() is None and not (
            (out / "results.csv").exists() and (out / "results.csv").stat().st_mtime_ns > before
        ):
            time.sleep(0.01)
        time.sleep(after)
        family = [] if process.poll() is not None else psutil.Process(process.pid).children(recursive=True)
        process.send_signal(how)
        said = process.communicate(timeout=60)[1].decode()
    assert not psutil.wait_procs(family, timeout=30)[1], "workers outlive the batch"
    assert len(read_csv(out / "results.csv")) == len(read_csv(manifest))
    if how is not signal.SIGKILL:
        assert "Traceback" not in said, said
        assert not hidden(out), hidden(out)
        assert not list(temporary.glob("diffbgm-*"))
    return process.returncode != 0
