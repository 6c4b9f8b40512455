"""Scoring a video without its middle: `analyze_and_plan` and `arrange_and_render`, which need no model.

`DiffBGM.score` puts them around `compose`; a batch runs them in processes beside the sampler.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diffbgm.arrange import arrange
from diffbgm.hub import Origin
from diffbgm.media import read_audio
from diffbgm.options import ComposeOptions, Guidance, ScoreOptions
from diffbgm.planner import check_plan_fits, make_plan
from diffbgm.planner.styles import MOOD_TEXTS
from diffbgm.progress import Clock
from diffbgm.receipt import make_receipt
from diffbgm.render import render
from diffbgm.render.ducking import find_speech, mix_under
from diffbgm.result import Result
from diffbgm.types import MusicPlan, PianoRoll, VideoFeatures
from diffbgm.video import analyze, describe
from diffbgm.video.clip import sense_of


@dataclass(frozen=True)
class PlannedVideo:
    """What is known before a note is composed; `seconds` it took, by stage."""

    features: VideoFeatures
    plan: MusicPlan
    seconds: Mapping[str, float]


def analyze_and_plan(
    path: Path,
    settings: ScoreOptions,
    clock: Clock,
    *,
    features: VideoFeatures | None = None,
    plan: MusicPlan | None = None,
) -> PlannedVideo:
    """Looks at the video and plans its music, as far as that is not given. Raises VideoError, StyleError, PlanError."""
    with clock.stage("analyze", 0.0, 0.25) as told:
        features = features or analyze(path, semantics=settings.semantics, on_progress=told)
        if plan is not None:
            check_plan_fits(plan, features)
    with clock.stage("plan", 0.25, 0.28):
        sense = sense_of(features, MOOD_TEXTS) if settings.prompt.strip() and plan is None else None
        plan = plan or make_plan(features, settings.style, prompt=settings.prompt, text_ranker=sense)
    return PlannedVideo(features, plan, dict(clock.seconds))


def options_of(settings: ScoreOptions, seed: int) -> ComposeOptions:
    """What the composer is asked for, its defaults where nothing is set; `seed` where none is."""
    options = ComposeOptions(seed=seed if settings.seed is None else settings.seed)
    if settings.steps is not None:
        options = replace(options, steps=settings.steps)
    guidance = settings.guidance
    if isinstance(guidance, tuple):
        guidance = Guidance(*guidance)
    elif guidance is not None and not isinstance(guidance, Guidance):
        guidance = Guidance(guidance, guidance)
    return options if guidance is None else replace(options, guidance=guidance)


def arrange_and_render(
    path: Path,
    planned: PlannedVideo,
    roll: PianoRoll,
    settings: ScoreOptions,
    options: ComposeOptions,
    origin: Origin,
    clock: Clock,
    *,
    stems: bool = True,
) -> Result:
    """Arranges and renders the roll for the video at `path`; `stems=False` does without them and saves memory.

    Raises VideoError where the video's own sound is wanted and cannot be read, PlanError, RenderError.
    """
    plan = planned.plan
    with clock.stage("arrange", 0.7, 0.72):
        own = None if settings.keep_audio == "replace" else read_audio(path)
        speech = find_speech(own) if own is not None and settings.keep_audio == "duck" else []
        music = arrange(roll, plan, seed=options.seed, speech=speech)
    with clock.stage("render", 0.72, 1.0) as told:
        sound = render(music, duration=plan.duration, fade=settings.fade, stems=stems, on_progress=told)
        audio = sound.mix if own is None else mix_under(own, sound.mix, "duck" if speech else "mix", speech)
    receipt = make_receipt(
        plan,
        audio,
        seed=options.seed,
        steps=options.steps,
        guidance=asdict(options.guidance),
        model=asdict(origin),
        sound={
            "loudness_lufs": round(sound.lufs, 2),
            "true_peak_dbtp": round(sound.true_peak, 2),
            "keep_audio": settings.keep_audio,
            "speech": [[round(a, 3), round(b, 3)] for a, b in speech],
            "synthesizer": sound.synthesizer,
            "soundfont": sound.soundfont,
        },
        scene=describe(planned.features),
        timings=clock.seconds,
    )
    return Result(
        plan=plan,
        roll=roll,
        score=music,
        audio=audio,
        music=sound.mix,
        stems=sound.stems,
        features=planned.features,
        seed=options.seed,
        source=path,
        receipt=receipt,
    )
