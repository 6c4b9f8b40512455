"""What runs in processes of their own, because it opens what a stranger sent: look at a video, put music under it.

A codec that crashes, a picture that takes all memory, a stream that never ends: each ends its process at worst, and
`processes.ask` makes a message of it. Nothing here knows the page.
"""

import signal
import sys
import time
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from diffbgm.errors import Cancelled, DiffBGMError, InputError, VideoError
from diffbgm.hub import Origin
from diffbgm.media import Limits, write_audio
from diffbgm.options import ComposeOptions, ScoreOptions
from diffbgm.progress import Clock, Progress
from diffbgm.result import Result
from diffbgm.stages import PlannedVideo, arrange_and_render
from diffbgm.types import PianoRoll, VideoFeatures
from diffbgm.video import analyze
from space.films import Still, stills
from space.limits import MEMORY, PAGE, check

T = TypeVar("T")
Told = Callable[[str, float], None]  # hears the name of a stage and how much of it is done, 0 to 1
Answer = tuple[Literal["done", "refused", "failed", "stopped"], Any]
GRACE = 10.0  # seconds between the end of the time for a task and the end of its process
TELL_EVERY = 0.1  # seconds
PEAKS = 400  # points of the drawn waveform
FINISHING = 900.0  # seconds that arranging, playing and writing may take
KINDS = {
    "video": "mp4", "midi": "mid", "wav": "wav", "mp3": "mp3", "receipt": "receipt.json", "picture": "png",
    "markers": "fcpxml", "plan": "plan.json",
}  # fmt: skip
FILE_COST = {
    "video": 3.0, "midi": 0.1, "wav": 0.2, "mp3": 6.0, "receipt": 0.1, "picture": 1.3, "markers": 0.1, "plan": 0.1,
    "stems": 0.4,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Finished:
    """The files of a take by kind, its receipt, and `peaks` [PEAKS], the loudest sample of each stretch, 0 to 1."""

    files: Mapping[str, Path]
    receipt: Mapping[str, Any]
    peaks: np.ndarray


class StageClock(Clock):
    """A clock that tells which stage runs and how much of that stage is done, whatever part of the whole it is."""

    def __init__(self, told: Told, seconds: Mapping[str, float] | None = None) -> None:
        """`seconds`: per stage, of the work that was done before."""
        super().__init__(None, seconds)
        self._told = told

    @contextmanager
    def stage(self, name: str, start: float, end: float) -> Generator[Progress]:
        """As `Clock.stage`; where the stage lies in the whole is for the listener to say."""
        with super().stage(name, start, end):
            self._told(name, 0.0)
            yield lambda fraction, message: self._told(name, fraction)


# --- the tasks -----------------------------------------------------------------------------------------------------


def look(told: Told, path: Path, limits: Limits = PAGE) -> VideoFeatures:
    """Looks at a video that the page takes; VideoError where it does not."""
    check(path, limits)
    return analyze(path, limits=limits, on_progress=lambda fraction, message: told("watch", fraction))


def pictures(told: Told, path: Path, features: VideoFeatures) -> tuple[tuple[Still, ...], str]:
    """Small pictures along a video, and its poster."""
    told("watch", 1.0)
    return stills(path, features, lambda: told("watch", 1.0))


def finish(
    told: Told,
    path: Path,
    planned: PlannedVideo,
    roll: PianoRoll,
    settings: ScoreOptions,
    options: ComposeOptions,
    origin: Origin,
    folder: Path,
    name: str,
) -> Finished:
    """Arranges and plays a roll, puts it under the video, and writes every file of the take into `folder`."""
    clock = StageClock(told, planned.seconds)
    result = arrange_and_render(path, planned, roll, settings, options, origin, clock)
    return Finished(
        write_files(result, folder, name, lambda fraction: told("write", fraction)),
        dict(result.receipt),
        peaks_of(result.music.samples),
    )


def warm(told: Told) -> None:
    """Loads what the tasks need, so that the first visitor does not wait for it."""
    for name in ("cv2", "matplotlib.pyplot", "pyloudnorm", "scenedetect", "scipy.signal"):
        import_module(name)


def write_files(result: Result, folder: Path, name: str, told: Callable[[float], None]) -> dict[str, Path]:
    """Every file of a take, by kind."""
    files: dict[str, Path] = {}
    done, whole = 0.0, sum(FILE_COST.values())
    for kind, suffix in KINDS.items():
        told(done / whole)
        files[kind] = result.save(folder / f"{name}.{suffix}")
        done += FILE_COST[kind]
    told(done / whole)
    files["stems"] = folder / f"{name}.stems.zip"
    with zipfile.ZipFile(files["stems"], "w", zipfile.ZIP_STORED) as pack:
        for role, audio in result.stems.items():
            stem = folder / f"{name}.{role}.wav"
            write_audio(audio, stem)
            pack.write(stem, stem.name)
            stem.unlink()
    return files


def peaks_of(samples: np.ndarray) -> np.ndarray:
    """[PEAKS] of sound [C, N]: the loudest sample of each stretch, 0 to 1."""
    edges = [samples.shape[1] * i // PEAKS for i in range(PEAKS)]
    return np.maximum.reduceat(np.abs(samples).max(0), edges)


# --- what holds them -----------------------------------------------------------------------------------------------


def serve(task: Callable[..., T], told_to: str, seconds: float, *arguments: Any) -> Answer:
    """Runs a task within bounds; what it ended with. It stops when the file it tells its progress to is gone."""
    try:
        with bounded(seconds):
            return "done", task(tell_to(Path(told_to)), *arguments)
    except Cancelled:
        return "stopped", None
    except InputError as e:
        return "refused", str(e)
    except MemoryError:
        return "refused", f"needs more than {MEMORY >> 30} GB of memory; export it smaller"
    except DiffBGMError as e:
        return "failed", str(e)


@contextmanager
def bounded(seconds: float) -> Generator[None]:
    """At most MEMORY bytes for this process, and `seconds` for the block.

    Where the time is over VideoError is raised; a library that does not let go within GRACE has its process ended.
    """
    limit_memory()

    def late(number: int, frame: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        raise VideoError(f"takes longer than {seconds:.0f} s to read; export it smaller, or cut it")

    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit_memory() -> None:
    """Lets this process have MEMORY bytes, where the system can hold it to that."""
    if sys.platform.startswith("linux"):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def tell_to(path: Path) -> Told:
    """Writes stage and fraction into a file that is there; raises Cancelled once it is not."""
    last = [0.0]

    def told(stage: str, fraction: float) -> None:
        if not path.exists():
            raise Cancelled("stopped")
        if time.monotonic() - last[0] >= TELL_EVERY or fraction in (0.0, 1.0):
            last[0] = time.monotonic()
            with open(path, "r+", encoding="utf-8") as file:  # never makes it anew
                file.write(f"{stage} {fraction:.4f}\n")

    return told
