"""`diffbgm evaluate listening`: a blind listening test as a folder of static files.

After the practice of MUSHRA (ITU-R BS.1534) and webMUSHRA: hidden anchors, levels equal, order random and balanced, one
moment compared across stimuli. Stimuli bear digests for names; who made which is found again from the seed.
"""

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as resources
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.arrange import arrange
from diffbgm.errors import InputError
from diffbgm.files import make_folder, write_text
from diffbgm.media import mux
from diffbgm.planner import make_plan
from diffbgm.progress import Progress, silent
from diffbgm.render import measure_loudness, render
from diffbgm.render.loudness import true_peak
from diffbgm.research.evaluation.systems import untrained
from diffbgm.research.metrics.retrieval import derangement
from diffbgm.types import Audio, MusicPlan, Score, VideoFeatures
from diffbgm.video import analyze

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM
    from diffbgm.research.datasets.windows import TrainingPiece

OURS, OTHER, UNTRAINED, RANDOM = "this model", "music of another video", "untrained model", "random cut grid"
REAL = "real music of another video"
SYSTEMS = (OURS, OTHER, REAL, UNTRAINED, RANDOM)
QUESTIONS = (("fit", "fits the film"), ("music", "is good music"))
POINTS = ("no", "rather no", "in part", "rather yes", "yes")
PAIR = "Which music fits the film better?"
LEVEL, CEILING = -20.0, -1.0  # LUFS, dBTP: low enough that a peak seldom has to lower all
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


@dataclass(frozen=True)
class ListeningTest:
    """What was written: the folder, its id, the clips and the systems that are compared."""

    folder: Path
    id: str
    clips: tuple[str, ...]
    systems: tuple[str, ...]


def write_test(
    model: "DiffBGM",
    videos: Path,
    out: Path,
    *,
    corpus: Path | None = None,
    forms: int = 8,
    seed: int = 0,
    steps: int | None = None,
    on_progress: Progress | None = None,
) -> ListeningTest:
    """Score every video of a folder by the model and by its anchors, and write the page that compares them.

    Args:
        model: Whose music is judged.
        videos: A folder with two videos or more.
        out: The folder for index.html and its media.
        corpus: POP909 or another corpus: the anchor is then real music through the same renderer.
        forms: How many orders there are; rounded up to an even number, for every second one mirrors the one before.
        seed: Of the music, the anchors and the orders.
        steps: Of the sampler.
        on_progress: Told of every stimulus.

    Raises:
        InputError: There are fewer than two videos.

    """
    progress = on_progress or silent
    paths = sorted(p for p in Path(videos).iterdir() if p.suffix.lower() in VIDEOS) if Path(videos).is_dir() else []
    if len(paths) < 2:
        raise InputError(f"{videos}: holds {len(paths)} videos; a listening test needs two or more")
    features = [analyze(path, with_sound=False) for path in paths]
    songs = real_pieces(corpus) if corpus else []
    systems = (OURS, REAL if songs else OTHER, UNTRAINED, RANDOM)
    random_model, others = untrained(model.model.config, seed), derangement(len(paths), seed)

    def music_of(system: str, i: int) -> Audio:
        plan, composer = make_plan(features[i]), model
        if system == REAL:
            return real_music(songs, plan.duration, seed + i)
        if system == OTHER:
            plan = make_plan(features[others[i]])
        if system == UNTRAINED:
            composer = random_model
        if system == RANDOM:
            plan = make_plan(with_random_cuts(features[i], seed + i))
        score = arrange(composer.compose(plan, seed=seed + i, steps=steps), plan, seed=seed + i)
        return render(score, duration=plan.duration, stems=False).mix

    identity = hashlib.sha256(f"{seed} {model.origin.sha256} {[p.name for p in paths]}".encode()).hexdigest()[:10]
    media = make_folder(make_folder(out) / "media")
    for k in range(len(paths) * len(systems)):
        i, system = divmod(k, len(systems))
        progress(k / len(paths) / len(systems), f"{paths[i].name}: {systems[system]}")
        sound = at_level(of_length(music_of(systems[system], i), features[i].duration))
        name = token(identity, paths[i].name, systems[system])
        mux(paths[i], sound, media / f"{name}.mp4", duration=features[i].duration, tags={"title": ""})
    clips = tuple(path.name for path in paths)
    test = {
        "id": identity,
        "seed": seed,
        "pair": PAIR,
        "questions": QUESTIONS,
        "points": POINTS,
        "level": f"{token(identity, clips[0], OURS)}.mp4",
        "forms": make_forms(identity, clips, systems, forms, seed),
    }
    write_text(media.parent / "test.js", f"const TEST = {json.dumps(test)};\n")
    for name, target in (("listening.html", "index.html"), ("listening.js", "listening.js")):
        template = resources("diffbgm.research.evaluation") / "templates" / name
        write_text(media.parent / target, template.read_text(encoding="utf-8"))
    return ListeningTest(media.parent, identity, clips, systems)


def token(test: str, clip: str, system: str) -> str:
    """Return the name of a stimulus, which does not tell a rater who made it."""
    return hashlib.sha256(f"{test}/{clip}/{system}".encode()).hexdigest()[:12]


def make_forms(
    test: str, clips: Sequence[str], systems: Sequence[str], forms: int, seed: int
) -> list[list[dict[str, Any]]]:
    """Return the trials of every form in order: all pairs of the first system with the others, then the scales.

    Two forms that follow each other hold the same pairs with sides changed, so that sides are balanced over them.
    """
    made: list[list[dict[str, Any]]] = []
    for form in range(math.ceil(forms / 2)):
        rng = random.Random(f"{seed} {form}")
        pairs = [(clip, rng.sample((systems[0], other), 2)) for clip in clips for other in systems[1:]]
        rng.shuffle(pairs)
        scales = [(clip, rng.sample(list(systems), len(systems))) for clip in rng.sample(list(clips), len(clips))]
        for turn in (1, -1):
            trials = [("pair", clip, order[::turn]) for clip, order in pairs]
            trials += [("scale", clip, order[::turn]) for clip, order in scales]
            made.append(
                [{"kind": k, "clip": c, "stimuli": [token(test, c, system) for system in o]} for k, c, o in trials]
            )
    return made


def with_random_cuts(features: VideoFeatures, seed: int) -> VideoFeatures:
    """Return the same video with as many cuts anywhere else, and the same strengths."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0.3, max(0.31, features.duration - 0.3), len(features.cuts))).tolist()
    times = [times[0], *(b for a, b in pairwise(times) if b > a)] if times else []
    return replace(features, cuts=tuple(replace(c, time=t) for c, t in zip(features.cuts, times, strict=False)))


def of_length(audio: Audio, seconds: float) -> Audio:
    """Return the sound cut, or repeated, to a length, with a fade of half a second where it is cut."""
    n, fade = round(seconds * audio.rate), round(0.5 * audio.rate)
    samples = np.tile(audio.samples, -(-n // audio.samples.shape[1]))[:, :n].copy()
    if audio.samples.shape[1] > n > fade:
        samples[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return Audio(samples, audio.rate)


def at_level(audio: Audio, level: float = LEVEL) -> Audio:
    """Return the sound at a loudness in LUFS, or as near to it as its peaks allow; silence stays silence."""
    loudness = measure_loudness(audio.samples, audio.rate)
    if not np.isfinite(loudness):
        return audio
    gain = min(level - loudness, CEILING - true_peak(audio.samples))
    return Audio(audio.samples * np.float32(10 ** (gain / 20)), audio.rate)


def real_pieces(corpus: Path) -> "list[TrainingPiece]":
    """Return the validation songs of POP909, as the renderer can play them."""
    from diffbgm.research.datasets.pop909 import is_validation, read_songs
    from diffbgm.research.datasets.windows import prepare

    return [prepare(song) for song in read_songs(corpus) if is_validation(song.id)]


def real_music(songs: "Sequence[TrainingPiece]", seconds: float, seed: int) -> Audio:
    """Return the beginning of a song drawn by the seed, arranged and rendered as the model's music is."""
    plan, _, sound = rendered_song(songs[random.Random(seed).randrange(len(songs))], seconds, seed)
    return of_length(sound, min(seconds, plan.duration))


def rendered_song(song: "TrainingPiece", seconds: float, seed: int) -> tuple[MusicPlan, Score, Audio]:
    """Return whole bars of a song from its first on, `seconds` long or as much as there is: plan, notes and sound."""
    from diffbgm.research.evaluation.pieces import plan_of, roll_of

    bars = max(1, min(song.bars, math.ceil(seconds * song.bpm / 240)))
    plan = plan_of(song, 0, bars)
    score = arrange(roll_of(song, 0, bars), plan, seed=seed)
    return plan, score, render(score, duration=plan.duration, stems=False).mix


def systems_by_token(test: str, clip: str) -> Mapping[str, str]:
    """Return who made the stimuli of a clip."""
    return {token(test, clip, system): system for system in SYSTEMS}
