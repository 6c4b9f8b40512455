"""Scoring a video without its middle: `analyze_and_plan` and `arrange_and_render`, which need no model.

`DiffBGM.score` puts them around `compose`; a batch runs them in processes beside the sampler.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diffbgm.arrange import arrange
from diffbgm.arrange.palettes import find_palette
from diffbgm.brief import Brief, Moment, Span, read_asked
from diffbgm.errors import InputError, OptionError, VideoError
from diffbgm.hub import Origin
from diffbgm.media import read_audio
from diffbgm.options import ComposeOptions, ScoreOptions, guidance_of, settings_of, with_changes
from diffbgm.planner import check_plan_fits, combine_styles, make_plan
from diffbgm.planner.like import behind, read_like
from diffbgm.planner.styles import MOOD_TEXTS
from diffbgm.planner.tune import Tune, read_tune
from diffbgm.platforms import DEFAULT_LOUDNESS
from diffbgm.progress import Clock
from diffbgm.receipt import make_receipt
from diffbgm.render import render
from diffbgm.render.ducking import find_speech
from diffbgm.result import Result, final_fade, laid_under, own_sound
from diffbgm.typed import typed
from diffbgm.types import MusicPlan, PianoRoll, Track, VideoFeatures
from diffbgm.video import analyze, describe
from diffbgm.video.clip import sense_of

SAMPLER = (
    "steps",
    "bar_correlation",
    "section_coupling",
    "mode_guidance",
    "curve_guidance",
)  # options that go to the composer


@dataclass(frozen=True)
@typed(InputError)
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
    """Looks at the video and plans its music, as far as that is not given.

    Raises:
        VideoError: The video cannot be read.
        StyleError: A tag is unknown, or two contradict each other; found out before anything is looked at.
        PlanError: The plan is for another video, or its palette is none.
    """
    if plan is None:
        combine_styles(settings.style or "")
        if settings.ensemble:
            find_palette(settings.ensemble)
        tune = tune_of(settings)
    else:
        tune = None
        find_palette(plan.palette)
    with clock.stage("analyze", 0.0, 0.25) as told:
        features = features or analyze(
            path,
            semantics=settings.semantics or "auto",
            with_sound=settings.keep_audio != "replace",
            on_progress=told,
        )
        if plan is not None:
            check_plan_fits(plan, features)
    with clock.stage("plan", 0.25, 0.28):
        if plan is None:
            plan = plan_music(features, settings, speech=speech_in(path, features, settings), tune=tune)
    return PlannedVideo(features, plan, dict(clock.seconds))


def brief_of(settings: ScoreOptions) -> Brief:
    """What the options ask for: knobs, then the text, then the temp track.

    Raises:
        OptionError: The cue sheet or the temp track cannot be read.
    """
    brief = read_asked(settings_of(settings))
    return behind(brief, read_like(settings.like)) if settings.like else brief


def tune_of(settings: ScoreOptions) -> Tune | None:
    """The melody that is given, if any.

    Raises:
        OptionError: It cannot be read or holds no note, or no melody is wanted.
    """
    if settings.melody and "melody" in read_asked(settings_of(settings)).without:
        raise OptionError(f"melody {settings.melody}: is given, and no melody is wanted; leave one of them out")
    return read_tune(settings.melody) if settings.melody else None


def speech_in(path: Path, features: VideoFeatures, settings: ScoreOptions) -> list[tuple[float, float]]:
    """(start, end) in seconds where a video speaks; looked for where the brief wants room and tells no times."""
    asked = read_asked(settings_of(settings))
    if not (features.has_audio and asked.speech) or asked.talks:
        return []
    try:
        own = read_audio(path, until=features.duration)
    except VideoError:  # a film with a broken sound is one without
        own = None
    return [] if own is None else find_speech(own)


def plan_music(
    features: VideoFeatures,
    settings: ScoreOptions,
    *,
    speech: Sequence[tuple[float, float]] = (),
    tune: Tune | None = None,
) -> MusicPlan:
    """The plan of a video's music; a prompt is read with CLIP's sense of words where CLIP has looked at the video.

    Args:
        features: Of the video.
        settings: What is asked for.
        speech: (start, end) in seconds where somebody speaks in it, for a brief that wants room and tells no times.
        tune: `tune_of(settings)`, which is read here where it is not given.
    """
    prompt = settings.prompt or ""
    sense = sense_of(features, MOOD_TEXTS) if prompt.strip() else None
    brief = brief_of(settings)
    if brief.speech and not brief.talks:
        brief = replace(brief, talks=tuple(Span(Moment(start), Moment(end)) for start, end in speech))
    tune = tune or tune_of(settings)
    plan = make_plan(features, settings.style or "", prompt=prompt, text_ranker=sense, brief=brief, tune=tune)
    if not settings.ensemble:
        return plan
    scenes = tuple(replace(scene, palette=settings.ensemble) for scene in plan.scenes)
    why = tuple(f"band {settings.ensemble}: as asked" if line.startswith("band ") else line for line in plan.why)
    return replace(plan, palette=settings.ensemble, scenes=scenes, why=why)


def options_of(settings: ScoreOptions, seed: int) -> ComposeOptions:
    """What the composer is asked for; `seed` where none is set."""
    known = {name: getattr(settings, name) for name in SAMPLER}
    return ComposeOptions(
        seed=seed if settings.seed is None else settings.seed, guidance=guidance_of(settings), **known
    )


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
    given: Sequence[str] = (),
    tracks: Sequence[Track] = (),
) -> Result:
    """Arranges and renders the roll for the video at `path`.

    Args:
        path: The video, whose own sound may be wanted.
        planned: Its features and plan.
        roll: The music, as long as the plan.
        settings: The options of the take.
        options: What the composer was asked for; its seed is the take's.
        origin: The weights that composed, for the receipt.
        clock: Seconds so far, and the progress.
        stems: Whether to keep the roles apart as well; without them it takes less memory.
        given: What was handed in instead of being made, for the receipt.
        tracks: What the roll was arranged to before; empty: it is arranged now.

    Raises:
        VideoError: The video's own sound is wanted and cannot be read.
        PlanError: The plan names no palette that there is, or does not fit the roll.
        RenderError: There is no synthesizer or soundfont.
    """
    plan = planned.plan
    settings = with_changes(None, {**settings_of(settings), "seed": options.seed})
    with clock.stage("arrange", 0.7, 0.72):
        own, speech = own_sound(path, settings, plan.duration)
        music = arrange(roll, plan, seed=options.seed, speech=speech)
        music = replace(music, tracks=tuple(tracks)) if tracks else music
    with clock.stage("render", 0.72, 1.0) as told:
        sound = render(
            music,
            duration=plan.duration,
            fade=final_fade(plan, settings.fade),
            loudness=settings.loudness or DEFAULT_LOUDNESS,
            stems=stems,
            on_progress=told,
        )
        audio = laid_under(own, sound.mix, speech)
    receipt = make_receipt(
        plan,
        audio,
        options=settings,
        model=asdict(origin),
        sound={
            "loudness_lufs": round(sound.lufs, 2),
            "true_peak_dbtp": round(sound.true_peak, 2),
            "speech": [[round(a, 3), round(b, 3)] for a, b in speech],
            "synthesizer": sound.synthesizer,
            "soundfont": sound.soundfont,
            "soundfont_licence": sound.licence,
        },
        scene=describe(planned.features),
        timings=clock.seconds,
        given=given,
    )
    return Result(
        plan=plan,
        roll=roll,
        score=music,
        audio=audio,
        music=sound.mix,
        stems=sound.stems,
        features=planned.features,
        options=settings,
        source=path,
        receipt=receipt,
        sound=sound if stems else None,
    )
