"""Commands that are killed at random moments, again and again, and what must hold after every kill.

Nothing that was read has changed, and every file under its final name is whole. After SIGTERM and SIGINT there is one
line, nothing hidden or temporary is left and no process goes on. The same command then comes to its end, and its files
are those of a run that nobody disturbed.
"""

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import av
import mido
import psutil
from safetensors.torch import load_file
from tests.drawing import draw_video
from tests.networks import playing_network
from tests.research.datasets.conftest import TRAINING, VALIDATION, write_song
from tests.research.datasets.films import draw_film, write_tune

from diffbgm import hub
from diffbgm.files import TEMPORARY

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CONSOLE = "import sys; from diffbgm.cli import console; sys.exit(console())"
# The same with a tiny network as the usual one.
TINY = "import sys; from diffbgm.composer import Config; import diffbgm.research.training.train as t\n"
TINY += "t.Config = lambda **given: Config.tiny(**given)\n" + CONSOLE
ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds
ALONE = {
    "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    "PYTHONPATH": os.pathsep.join([str(ROOT / "sdk"), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "DIFFBGM_SOUNDFONT": str(resources.files("pretty_midi") / "TimGM6mb.sf2"),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A command: the folder that it reads, and which of the files that it writes depend on nothing but that."""

    name: str
    code: str
    words: Callable[[Path], Sequence[str | Path]]
    inputs: Path
    same: tuple[str, ...]


def draw_jobs(folder: Path) -> list[Job]:
    """The five commands, on small inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    model = playing_network()
    weights = hub.save_weights(model, folder / "weights")
    films = folder / "films"
    films.mkdir()
    rows = [["video", "style", "seed", "steps"]]
    for i in range(3):
        draw_video(films / f"{i}.mp4", (0.8 + 0.2 * i, 1.0), sound=i == 0)
        rows.append([f"{i}.mp4", "calm", str(i), "4"])
    with open(films / "rows.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    songs = folder / "songs"
    for seed, song in enumerate(TRAINING[:2] + VALIDATION):
        write_song(songs, song, seed)
    pairs = folder / "pairs"
    (pairs / "videos").mkdir(parents=True)
    for seed, song in enumerate(("001", "002")):
        write_tune(pairs / "POP909", song, seed)
        draw_film(pairs / "POP909", song, pairs / "videos" / f"{song}.mp4", 7.4 * seed, 0.0, 14.0, seed)
    score = ["score", films / "0.mp4", "--steps", "4", "--seed", "7", "--semantics", "colour", "--keep-audio", "mix"]
    take = folder / "take"
    take.mkdir()
    alone = {**os.environ, **ALONE}
    line = [sys.executable, "-c", CONSOLE, *score, "--weights", weights, "-o", take / "x.mp4", "--project", "--json"]
    subprocess.run([str(word) for word in line], env=alone, check=True, capture_output=True, timeout=PATIENCE)
    project = take / "x.project.json"
    retake = ["retake", project, "--bars", "1", "--video", films / "0.mp4", "--seed", "8", "--weights", weights]
    build = ["dataset", "build", "--pop909", pairs / "POP909", "--videos", pairs / "videos", "--processes", "2"]
    return [
        Job("score", CONSOLE, lambda out: [*score, "--weights", weights, "--format", "wav", "-o", out / "x.mp4"],
            films, ("*.mp4", "*.mid", "*.wav")),
        Job("batch", CONSOLE, lambda out: ["batch", films / "rows.csv", "-o", out, "--weights", weights],
            films, ("*.mp4", "*.mid", "results.csv")),
        Job("retake", CONSOLE, lambda out: [*retake, "-o", out / "y.mp4"], take, ("*.mp4", "*.mid")),
        Job("train", TINY, lambda out: ["train", "--data", songs, "--out", out, "--steps", "12", "--batch", "2"],
            songs, ("weights/*.safetensors",)),
        Job("dataset build", CONSOLE, lambda out: [*build, "-o", out], pairs, ("**/*",)),
    ]  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """One kill: when it came, in seconds, and whether the command was still at work."""

    job: str
    how: str
    after: float
    at_work: bool


class Stage:
    """One job with a folder of its own: run undisturbed once, then killed."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job, self.out, self.scratch = job, folder / "out", folder / "scratch"
        self.read = digests(job.inputs)
        whole = folder / "whole"
        for path in (self.out, self.scratch, whole):
            path.mkdir(parents=True)
        began = self._until_handled(process := self._start(whole))
        said = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 0, said
        self.seconds = time.monotonic() - began
        self.wanted = digests(whole, job.same)
        assert self.wanted

    def kill(self, how: signal.Signals, share: float) -> Kill:
        """Kills the command after a share of the time that it needs, and checks what must hold then."""
        old = set(hidden(self.out)), set(self.scratch.glob("diffbgm-*"))  # of earlier SIGKILLs
        process = self._start(self.out)
        began = self._until_handled(process)
        after = share * self.seconds
        while process.poll() is None and time.monotonic() - began < after:
            time.sleep(0.005)
        try:
            family = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        at_work = process.poll() is None
        process.send_signal(how)
        said = process.communicate(timeout=PATIENCE)[1].decode()
        assert not psutil.wait_procs(family, timeout=30)[1], f"{self.job.name}: processes outlive it"
        assert digests(self.job.inputs) == self.read, f"{self.job.name}: what was read has changed"
        check_whole(self.out)
        if how is not signal.SIGKILL:
            assert "Traceback" not in said, said
            late = -how.value if self._is_done() else 0  # the command was done, Python was on its way out
            assert process.returncode in (0, 130, 143, late), (process.returncode, said)
            assert set(hidden(self.out)) <= old[0], hidden(self.out)
            assert set(self.scratch.glob("diffbgm-*")) <= old[1]
        if self._is_done():  # the next one is to have work to do
            shutil.rmtree(self.out)
            self.out.mkdir()
        return Kill(self.job.name, how.name, after, at_work)

    def _is_done(self) -> bool:
        return digests(self.out, self.job.same) == self.wanted

    def finish(self) -> None:
        """The command comes to its end, with the same files, and nothing is left of those that were killed."""
        for path in self.out.rglob(f"{TEMPORARY}*"):  # as an hour later
            if path.is_file():
                os.utime(path, (0, 0))
        process = self._start(self.out)
        said = process.communicate(timeout=PATIENCE)[1].decode()
        assert process.returncode == 0, said
        check_whole(self.out)
        assert digests(self.out, self.job.same) == self.wanted
        assert not hidden(self.out), hidden(self.out)

    def _start(self, out: Path) -> "subprocess.Popen[bytes]":
        line = [sys.executable, "-c", self.job.code, *map(str, self.job.words(out))]
        return subprocess.Popen(
            line, env={**os.environ, **ALONE, "TMPDIR": str(self.scratch)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _until_handled(self, process: "subprocess.Popen[bytes]") -> float:
        """Waits until the command has its signals in hand: before, Python itself is on its way."""
        while process.poll() is None:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            caught = int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16)
            if caught >> (signal.SIGTERM - 1) & 1:
                break
            time.sleep(0.002)
        return time.monotonic()


def torment(
    job: Job, folder: Path, count: int, seed: int, tell: Callable[[Kill], None] = lambda kill: None
) -> list[Kill]:
    """Kills a command `count` times, by each signal in its turn, and lets it come to its end."""
    moments, stage, kills = random.Random(f"{seed}/{job.name}"), Stage(job, folder), []
    for i in range(count):
        kills.append(stage.kill(SIGNALS[i % len(SIGNALS)], moments.uniform(0.0, 1.0)))
        tell(kills[-1])
    stage.finish()
    return kills


def digests(folder: Path, patterns: Sequence[str] = ("**/*",)) -> dict[str, str]:
    """Of the files of a folder, hidden ones left out."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
        if not path.name.startswith(".")
    }


def hidden(folder: Path) -> list[str]:
    """What a command should have removed."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


def check_whole(folder: Path) -> None:
    """Every file under its final name can be read to its end."""
    for path in folder.rglob("*"):
        if path.name.startswith(".") or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".mid":
            mido.MidiFile(path)
        elif path.suffix == ".safetensors":
            load_file(path)
        elif path.suffix in (".mp4", ".wav"):
            with av.open(str(path)) as container:
                assert sum(1 for _ in container.decode(container.streams[0])) > 0
        elif path.suffix == ".csv":
            with open(path, newline="") as file:
                widths = {len(row) for row in csv.reader(file)}
            assert len(widths) == 1, path
