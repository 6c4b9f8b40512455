"""What the demo does with a video, in terms of the SDK alone: watch it, plan, compose a take, write its files."""

import os
import secrets
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm import MusicPlan, PianoRoll, Result, VideoFeatures, analyze, make_plan
from diffbgm.errors import VideoError
from diffbgm.media import probe, write_audio
from diffbgm.planner import STYLES, combine_styles
from space import gpu
from space.films import Still, stills
from space.settings import NEW_SEEDS, PageSettings, shape_energy

OnProgress = Callable[[float, str], None]
LONGEST = 600.0  # seconds of video
KEPT = 24 * 3600  # seconds that files stay
PEAKS = 400  # points of the drawn waveform
STEP_COST, STEP_COST_GPU = 0.5, 0.02  # a step of a window takes as long as to play and write this many seconds
PLAYING = 0.55  # of the time that follows composing; the rest writes files
FILE_COST = {
    "video": 3.0, "midi": 0.1, "wav": 0.2, "mp3": 6.0, "receipt": 0.1, "picture": 1.3, "markers": 0.1, "plan": 0.1,
    "stems": 0.4,
}  # fmt: skip


@dataclass(frozen=True)
class Watched:
    """A video that was looked at; its files are called after `name`. `stills` are small pictures of it, `poster` is a
    larger one, for a player at rest."""

    path: Path
    name: str
    features: VideoFeatures
    stills: tuple[Still, ...] = ()
    poster: str = ""


@dataclass(frozen=True, eq=False)
class Take:
    """One scored version. `files` by kind, `peaks` [PEAKS] the loudest sample of each stretch of the music."""

    watched: Watched
    plan: MusicPlan
    roll: PianoRoll
    settings: PageSettings
    seed: int
    files: Mapping[str, Path]
    receipt: Mapping[str, Any]
    peaks: np.ndarray


@dataclass(frozen=True)
class Course:
    """Where on the way from 0 to 1 a take is composed, and where its sound is ready: by the time each part takes."""

    composed: float
    scored: float

    def stage_at(self, fraction: float) -> str:
        return "compose" if fraction < self.composed else "play" if fraction < self.scored else "write"


def course_of(plan: MusicPlan, steps: int, roll: PianoRoll | None = None) -> Course:
    """The course of a take; with a roll at hand nothing is composed."""
    cost = STEP_COST if gpu.on_cpu() else STEP_COST_GPU
    composing = 0.0 if roll else cost * steps * gpu.windows_of(plan)
    composed = composing / (composing + plan.duration)
    return Course(composed, composed + PLAYING * (1 - composed))


def watch(path: str, tell: OnProgress) -> Watched:
    """Look at a video. VideoError where it cannot be read or is too long, without the server's folder in it."""
    file = Path(path)
    try:
        length = probe(file).duration
        if length > LONGEST:
            raise VideoError(
                f"{file}: is {length / 60:.1f} minutes long; this page takes up to {LONGEST / 60:.0f} minutes. "
                "Cut it, or run diffbgm on your own machine, where there is no limit"
            )
        features = analyze(file, on_progress=tell)
    except VideoError as e:
        raise VideoError(str(e).replace(str(file), file.name)) from e
    return Watched(file, file.stem[:60] or "video", features)


def with_pictures(watched: Watched) -> Watched:
    """The same with its stills and its poster."""
    pictures, poster = stills(watched.path, watched.features)
    return replace(watched, stills=pictures, poster=poster)


def plan_music(watched: Watched, settings: PageSettings) -> MusicPlan:
    """The plan for the knobs as they are."""
    plan = make_plan(watched.features, settings.tags, prompt=settings.text)
    return shape_energy(plan, settings.level, settings.shape)


def restyle(take: Take, settings: PageSettings) -> tuple[MusicPlan, PianoRoll | None]:
    """Another style on the plan of a take: tempo map, cuts and key stay. The notes stay as well when only the
    instruments differ (then the roll comes back, otherwise None)."""
    rules = combine_styles(settings.tags)
    if _without_instruments(settings) == _without_instruments(take.settings):
        plan = replace(take.plan, palette=rules.palette or plan_music(take.watched, settings).palette)
        return replace(plan, style=settings.tags), take.roll
    key = take.plan.key if rules.mode in (None, take.plan.key.mode) else None
    bpm = float(np.clip(60 * take.plan.beats / take.plan.duration, 60, 140))
    plan = make_plan(take.watched.features, settings.tags, prompt=settings.text, bpm=bpm, key=key)
    return shape_energy(plan, settings.level, settings.shape), None


def _without_instruments(settings: PageSettings) -> PageSettings:
    return replace(settings, palette="auto", seed=None, keep="replace", fade=0.0)


def make_take(
    watched: Watched,
    plan: MusicPlan,
    settings: PageSettings,
    tell: OnProgress,
    *,
    seed: int | None = None,
    roll: PianoRoll | None = None,
) -> Take:
    """Compose (unless there is a roll), arrange, render, write every file. A new seed is drawn where none is given."""
    seed = seed if seed is not None else settings.seed if settings.seed is not None else secrets.randbelow(NEW_SEEDS)
    guidance = (settings.rhythm, settings.mood)
    course = course_of(plan, settings.steps, roll)
    tell(0.0, "composing")
    began = time.monotonic()
    inner = None if gpu.ZERO_GPU else lambda f, m: tell(course.composed * f, m)
    notes = roll or gpu.compose_roll(plan, seed, settings.steps, guidance, inner)
    seconds = time.monotonic() - began
    tell(course.composed, "arranging")
    result = gpu.model().score(
        watched.path,
        features=watched.features,
        plan=plan,
        roll=notes,
        seed=seed,
        steps=settings.steps,
        guidance=guidance,
        keep_audio=settings.keep,
        fade=settings.fade,
        on_progress=lambda f, m: tell(course.composed + (course.scored - course.composed) * max(0, f - 0.7) / 0.3, m),
    )
    timings = {**result.receipt["timings"], "compose": round(seconds, 3)}
    result = replace(result, receipt={**result.receipt, "timings": timings})
    files = write_files(result, f"{watched.name}-scored", lambda f, m: tell(course.scored + (1 - course.scored) * f, m))
    return Take(watched, plan, notes, settings, seed, files, result.receipt, peaks_of(result.music.samples))


def peaks_of(samples: np.ndarray) -> np.ndarray:
    """[PEAKS] of sound [C, N]: the loudest sample of each stretch, 0..1."""
    edges = np.linspace(0, samples.shape[1], PEAKS + 1).astype(int)[:-1]
    return np.maximum.reduceat(np.abs(samples).max(0), edges)


def write_files(result: Result, name: str, tell: OnProgress) -> dict[str, Path]:
    """Every file of a take in a new folder, by kind; the folder goes when something goes wrong."""
    with new_folder() as folder:
        files: dict[str, Path] = {}
        suffixes = {"video": "mp4", "midi": "mid", "wav": "wav", "mp3": "mp3", "receipt": "receipt.json"}
        suffixes |= {"picture": "png", "markers": "fcpxml", "plan": "plan.json"}
        done, whole = 0.0, sum(FILE_COST.values())
        for kind, suffix in suffixes.items():
            tell(done / whole, f"writing the {kind}")
            files[kind] = result.save(folder / f"{name}.{suffix}")
            done += FILE_COST[kind]
        tell(done / whole, "writing the stems")
        files["stems"] = folder / f"{name}.stems.zip"
        with zipfile.ZipFile(files["stems"], "w", zipfile.ZIP_STORED) as pack:
            for role, audio in result.stems.items():
                stem = folder / f"{name}.{role}.wav"
                write_audio(audio, stem)
                pack.write(stem, stem.name)
                stem.unlink()
    return files


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder with a name nobody can guess; those older than a day are deleted. It goes when the block fails."""
    base = (
        Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio") / "takes"
    )  # served from there
    base.mkdir(parents=True, exist_ok=True)
    for old in base.iterdir():
        with suppress(FileNotFoundError):  # another visitor's run was quicker
            if time.time() - old.stat().st_mtime > KEPT:
                shutil.rmtree(old, ignore_errors=True)
    folder = base / secrets.token_hex(16)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def explain_tags(settings: PageSettings) -> str:
    """What the chosen tags do, in words; StyleError when they contradict each other."""
    combine_styles(settings.tags)
    return "; ".join(f"**{tag}** {STYLES[tag].description}" for tag in settings.tags)
