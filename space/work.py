"""What the page does with a video, in terms of the SDK's stages: look at it, plan, compose a take, write its files.

Whatever opens the video runs in `processes`; composing, which needs the model, runs here.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm import MusicPlan, PianoRoll, VideoFeatures, make_plan
from diffbgm.options import ScoreOptions
from diffbgm.planner import STYLES, combine_styles
from diffbgm.planner.shape import shape_energy
from diffbgm.planner.styles import MOOD_TEXTS
from diffbgm.progress import Progress
from diffbgm.stages import PlannedVideo, options_of
from diffbgm.types import Key
from diffbgm.video.clip import sense_of
from space import child, gpu
from space.films import Still
from space.limits import PAGE
from space.processes import ask
from space.settings import NEW_SEEDS, PageSettings
from space.storage import new_folder

STEP_COST, STEP_COST_GPU = 0.5, 0.02  # a step of a window takes as long as to play and write this many seconds
PLAYING = 0.55  # of the time that follows composing; the rest writes files
ARRANGING = 0.05  # of the time that playing takes
MOST_SEEN = 32  # videos whose pictures are kept, some 100 kB each
SEEN: dict[Path, tuple[tuple[Still, ...], str]] = {}


@dataclass(frozen=True)
class Watched:
    """A video that was looked at; its files are called after `name`.

    `stills` are small pictures of it, `poster` is a larger one, for a player at rest.
    """

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
    """Where on the way from 0 to 1 the stages of a take lie, by the time that each takes: `edges` of it by name."""

    edges: Mapping[str, tuple[float, float]]

    def at(self, stage: str, fraction: float) -> float:
        """How far the take is when a stage is `fraction` done."""
        start, end = self.edges[stage]
        return start + (end - start) * min(max(fraction, 0.0), 1.0)


def course_of(plan: MusicPlan, steps: int, roll: PianoRoll | None = None) -> Course:
    """The course of a take; with a roll at hand nothing is composed."""
    cost = STEP_COST if gpu.on_cpu() else STEP_COST_GPU
    composing = 0.0 if roll else cost * steps * gpu.windows_of(plan)
    composed = composing / (composing + plan.duration)
    played = composed + PLAYING * (1 - composed)
    arranged = composed + ARRANGING * (played - composed)
    return Course(
        {
            "compose": (0.0, composed),
            "arrange": (composed, arranged),
            "render": (arranged, played),
            "write": (played, 1),
        }
    )


def watch(path: str, told: Progress) -> Watched:
    """Looks at a video. VideoError where it cannot be read or is more than the page takes."""
    file = Path(path)
    features = ask(child.look, file, lambda stage, fraction: told(fraction, stage), PAGE.wall_clock)
    return Watched(file, file.stem[:60] or "video", features)


def with_pictures(watched: Watched, told: Progress) -> Watched:
    """The same with its stills and its poster; those of the latest videos are kept, for who composes meanwhile."""
    if watched.path not in SEEN:
        while len(SEEN) >= MOST_SEEN:
            SEEN.pop(next(iter(SEEN)), None)
        SEEN[watched.path] = ask(
            child.pictures,
            watched.path,
            lambda stage, fraction: told(fraction, stage),
            PAGE.wall_clock,
            watched.features,
        )
    pictures, poster = SEEN[watched.path]
    return replace(watched, stills=pictures, poster=poster)


def plan_music(
    watched: Watched, settings: PageSettings, *, bpm: float | None = None, key: Key | None = None
) -> MusicPlan:
    """The plan for the knobs as they are; `bpm` and `key` are chosen where they are None."""
    features = watched.features
    sense = sense_of(features, MOOD_TEXTS) if settings.text else None
    plan = make_plan(features, settings.tags, prompt=settings.text, text_ranker=sense, bpm=bpm, key=key)
    return shape_energy(plan, settings.level, settings.shape)


def restyle(take: Take, settings: PageSettings) -> tuple[MusicPlan, PianoRoll | None]:
    """Another style on the plan of a take: tempo map, cuts and key stay.

    The notes stay as well when only the instruments differ (then the roll comes back, otherwise None).
    """
    rules = combine_styles(settings.tags)
    if _without_instruments(settings) == _without_instruments(take.settings):
        plan = replace(take.plan, palette=rules.palette or plan_music(take.watched, settings).palette)
        return replace(plan, style=settings.tags), take.roll
    key = take.plan.key if rules.mode in (None, take.plan.key.mode) else None
    bpm = float(np.clip(60 * take.plan.beats / take.plan.duration, 60, 140))
    return plan_music(take.watched, settings, bpm=bpm, key=key), None


def _without_instruments(settings: PageSettings) -> PageSettings:
    return replace(settings, palette="auto", seed=None, keep="replace", fade=0.0)


def make_take(
    watched: Watched,
    plan: MusicPlan,
    settings: PageSettings,
    told: Progress,
    *,
    seed: int | None = None,
    roll: PianoRoll | None = None,
) -> Take:
    """Composes (unless there is a roll), arranges, plays, writes every file.

    Args:
        watched: The video.
        plan: Its plan.
        settings: The knobs.
        told: Hears how much of the take is done (0 to 1) and the name of the stage; what it raises ends the work.
        seed: That of the knobs where it is None; a new one is drawn where they hold none.
        roll: The notes, where they are known.

    Returns:
        The take; its files lie in a new folder, which goes when something goes wrong.
    """
    seed = seed if seed is not None else settings.seed if settings.seed is not None else secrets.randbelow(NEW_SEEDS)
    asked = settings.options(seed)
    course = course_of(plan, settings.steps, roll)

    def tell(stage: str, fraction: float) -> None:
        told(course.at(stage, fraction), stage)

    clock = child.StageClock(tell)
    with clock.stage("compose", 0.0, 1.0) as inner:
        notes = roll or gpu.compose_roll(plan, asked, None if gpu.ZERO_GPU else inner)
    planned = PlannedVideo(watched.features, plan, clock.seconds)
    with new_folder() as folder:
        done = _finished(watched, planned, notes, asked, tell, folder)
    return Take(watched, plan, notes, settings, seed, done.files, done.receipt, done.peaks)


def _finished(
    watched: Watched, planned: PlannedVideo, roll: PianoRoll, asked: ScoreOptions, tell: child.Told, folder: Path
) -> child.Finished:
    """Everything after composing, in another process."""
    return ask(
        child.finish,
        watched.path,
        tell,
        child.FINISHING,
        planned,
        roll,
        asked,
        options_of(asked, 0),
        gpu.model().origin,
        folder,
        f"{watched.name}-scored",
    )


def explain_tags(settings: PageSettings) -> str:
    """What the chosen tags do, in words; StyleError when they contradict each other."""
    combine_styles(settings.tags)
    return "; ".join(f"**{tag}** {STYLES[tag].description}" for tag in settings.tags)
