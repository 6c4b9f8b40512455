"""What the page does with a video, in terms of the SDK's stages: look at it, plan, compose a take, write its files.

Whatever opens the video runs in `processes`; composing, which needs the model, runs here.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diffbgm import MusicPlan, PianoRoll, VideoFeatures, stages
from diffbgm.band import find_player
from diffbgm.brief import Brief, read_asked
from diffbgm.composer.compose import bars_to_steps
from diffbgm.composer.keeping import Keep
from diffbgm.errors import InputError, PlanError
from diffbgm.options import SETTINGS, ScoreOptions, settings_of
from diffbgm.planner import STYLES, combine_styles, parse_style, understand
from diffbgm.planner.harmony import join_chords, lay_chords
from diffbgm.planner.restyle import restyle
from diffbgm.planner.shape import shape_energy
from diffbgm.platforms import DEFAULT_LOUDNESS, target_of
from diffbgm.progress import Progress
from diffbgm.stages import PlannedVideo, options_of
from diffbgm.types import ChordSymbol, PlannedChord, Track
from space import child, gpu
from space.films import Still
from space.limits import PAGE
from space.processes import ask
from space.settings import ANY, FILES, NEW_SEEDS, PageSettings, tags_of
from space.storage import new_folder

STEP_COST, STEP_COST_GPU = 0.5, 0.02  # a step of a window takes as long as to play and write this many seconds
PLAYING = 0.75  # of the time that follows composing; the rest writes files
ARRANGING = 0.05  # of the time that playing takes
LONGEST_SYMBOL = 16  # letters of what is no chord that are said again
DRAFT_STEPS = 16  # of the sampler, for a first take


@dataclass(frozen=True)
class Watched:
    """A video that was looked at; its files are called after `name`.

    Attributes:
        path: The file.
        name: Its name without suffix, not too long.
        features: What the pictures say.
        sound: Its own sound: none, sound or speech; `speech` says where (seconds).
        stills: Small pictures along it; none until they were made.
        poster: A larger one, for a player at rest.
    """

    path: Path
    name: str
    features: VideoFeatures
    sound: str = "none"
    speech: tuple[tuple[float, float], ...] = ()
    stills: tuple[Still, ...] = ()
    poster: Path | None = None


@dataclass(frozen=True, eq=False)
class Take:
    """One version of the music, as the page plays it. `letter` and `sheet` are given by the project."""

    watched: Watched
    plan: MusicPlan
    roll: PianoRoll
    settings: PageSettings
    seed: int
    folder: Path
    played: child.Played
    options: ScoreOptions
    gains: Mapping[str, float] | None = None
    letter: str = ""
    sheet: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Course:
    """Where on the way from 0 to 1 the stages of a take lie, by the time that each takes: `edges` of it by name."""

    edges: Mapping[str, tuple[float, float]]

    def at(self, stage: str, fraction: float) -> float:
        """How far the take is when a stage is `fraction` done."""
        start, end = self.edges[stage]
        return start + (end - start) * min(max(fraction, 0.0), 1.0)


@dataclass(frozen=True)
class Wish:
    """What a take is made of.

    Attributes:
        plan: What is asked of the music.
        settings: The knobs.
        seed: That of the notes.
        roll: The notes, where they are known.
        old: The take of which only `bars` (from 0) are composed again.
        options: What the SDK is asked for, where the knobs do not say it.
        gains: dB by role, as the mixer is to stand.
        tracks: What the notes are arranged to; empty where that follows from them.
    """

    plan: MusicPlan
    settings: PageSettings
    seed: int
    roll: PianoRoll | None = None
    old: "Take | None" = None
    bars: tuple[int, ...] = ()
    options: ScoreOptions | None = None
    gains: Mapping[str, float] | None = None
    tracks: tuple[Track, ...] = ()

    @property
    def asked(self) -> ScoreOptions:
        """What the SDK is asked for."""
        return self.options or self.settings.options(self.seed)

    @property
    def keep(self) -> Keep | None:
        """The notes that stay."""
        if self.old is None:
            return None
        return Keep(self.old.roll, ~bars_to_steps(list(self.bars), self.plan.bars, self.plan.beats_per_bar))


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


def watch(path: Path, told: Progress) -> Watched:
    """Looks at a video. VideoError where it cannot be read or is more than the page takes."""
    seen = ask(child.look, path, by_stage(told), PAGE.wall_clock)
    return Watched(path, path.stem[:60] or "video", seen.features, seen.sound, seen.speech)


def with_pictures(watched: Watched, folder: Path, told: Progress) -> Watched:
    """The same with its stills and its poster, as files in `folder`."""
    stills, poster = ask(child.pictures, watched.path, by_stage(told), PAGE.wall_clock, watched.features, folder)
    return replace(watched, stills=stills, poster=poster)


def make_proxy(watched: Watched, folder: Path, told: Progress) -> Path:
    """A copy that every browser shows, in `folder`."""
    duration = watched.features.duration
    return ask(child.proxy, watched.path, by_stage(told), child.FINISHING, duration, folder / "proxy.mp4")


def by_stage(told: Progress) -> child.Told:
    """A listener for `ask` out of one that hears a fraction and a stage."""
    return lambda stage, fraction: told(fraction, stage)


def plan_music(watched: Watched, settings: PageSettings) -> MusicPlan:
    """The plan for the knobs as they are."""
    return shape_energy(
        stages.plan_music(watched.features, settings.options(0), speech=watched.speech), settings.level, settings.shape
    )


def other_band(take: Take, settings: PageSettings) -> Wish:
    """The notes of a take with the instruments of the knobs; where these play it already, with the next band.

    Raises:
        InputError: The band that is chosen plays it already.
    """
    fresh = plan_music(take.watched, settings)
    if (fresh.palette, fresh.instrumentation) == (take.plan.palette, take.plan.instrumentation):
        if settings.palette != ANY:
            raise InputError(f"The band {settings.palette} plays it already: choose another one under Band, or auto.")
        bands = tags_of("palette")
        at = bands.index(take.plan.palette) + 1 if take.plan.palette in bands else 0
        settings = replace(settings, palette=bands[at % len(bands)])
        fresh = plan_music(take.watched, settings)
    band = replace(take.settings, palette=settings.palette)
    plan = replace(take.plan, palette=fresh.palette, instrumentation=fresh.instrumentation)
    return Wish(plan, band, take.seed, roll=take.roll)


def other_player(take: Take, role: str, name: str) -> Wish:
    """The notes of a take with another instrument in one role.

    Raises:
        InputError: There is no such instrument, or it cannot play the role.
    """
    find_player(role, name)
    plan = take.plan
    scenes = tuple(replace(s, instrumentation=s.instrumentation.with_part(role, name)) for s in plan.scenes)
    changed = replace(plan, instrumentation=plan.instrumentation.with_part(role, name), scenes=scenes)
    return Wish(changed, take.settings, take.seed, roll=take.roll, options=take.options, gains=take.gains)


def tags_in(words: str, tags: str) -> tuple[str, ...]:
    """Style tags that words ask for, with others; InputError where they ask for none."""
    given = parse_style(tags)
    found = understand(words, given, None).tags
    if len(found) == len(given):
        raise InputError(f"{words[:60]}: no mood, genre or motion was found in it; try dark, dreamy, driving.")
    return found


def other_bars(take: Take, first: int, last: int, seed: int, tags: str | Sequence[str] = "") -> Wish:
    """Other notes in the bars first..last (from 1) of a take, maybe of another style; the rest stays, bit for bit.

    Raises:
        InputError: There are no such bars.
    """
    bars = take.plan.bars
    if not 1 <= first <= last <= bars:
        raise InputError(f"Bars {first} to {last}: this piece has bars 1 to {bars}.")
    opened = range(first - 1, last)
    plan = restyle(take.plan, {opened: tags}) if tags else take.plan
    return recomposed(take, plan, opened, seed)


def other_chord(take: Take, start: float, end: float, symbol: str, seed: int) -> Wish:
    """Another chord from `start` to `end` seconds of a take, whose bars are composed again for it; the rest stays.

    Raises:
        InputError: There is no such stretch, or no such chord.
    """
    check_chord(symbol)
    plan = take.plan
    first, last = (min(max(round(float(plan.tempo.beat_at(time))), 0), plan.beats) for time in (start, end))
    if first >= last:
        raise InputError(f"There is no chord from {start:.2f} to {end:.2f} s.")
    chords = [PlannedChord(first, last, symbol)]
    for chord in plan.chords:
        around = ((chord.start, min(chord.end, first)), (max(chord.start, last), chord.end))
        chords += [replace(chord, start=a, end=b) for a, b in around if a < b]
    why = f"{symbol} from {start:.2f} to {end:.2f} s, as asked"
    changed = replace(plan, chords=join_chords(sorted(chords, key=lambda c: c.start)), why=(*plan.why, why))
    return recomposed(take, changed, range(first // plan.beats_per_bar, -(-last // plan.beats_per_bar)), seed)


def check_chord(symbol: str) -> None:
    """InputError for what is no chord, in words that fit beside the place where it was typed."""
    try:
        ChordSymbol.parse(symbol)
    except PlanError as e:
        short = symbol if len(symbol) <= LONGEST_SYMBOL else f"{symbol[:LONGEST_SYMBOL]}…"
        raise InputError(f"{short} is no chord; try Am, F7, C/E.") from e


def other_border(take: Take, section: int, bar: int, seed: int) -> Wish:
    """A section, by its number from 0, begins at `bar` (from 0); the bars between are composed again.

    Raises:
        InputError: There is no such section, or the bar lies outside it and the one before.
    """
    plan, sections = take.plan, list(take.plan.sections)
    if not 1 <= section < len(sections):
        raise InputError(f"Section {section} has no beginning that could be moved.")
    before, after, beat = sections[section - 1], sections[section], bar * plan.beats_per_bar
    if not before.start_beat < beat < after.end_beat or beat == after.start_beat:
        raise InputError("A section must keep a bar at least.")
    old = after.start_beat
    sections[section - 1 : section + 1] = [replace(before, end_beat=beat), replace(after, start_beat=beat)]
    low, high = sorted((old // plan.beats_per_bar, bar))
    why = f"section {after.label} begins at bar {bar + 1}, as asked"
    changed = replace(plan, sections=tuple(sections), why=(*plan.why, why))
    return recomposed(take, changed, range(low, high), seed)


def recomposed(take: Take, plan: MusicPlan, bars: range, seed: int) -> Wish:
    """A take whose `bars` (from 0) are composed for another plan."""
    return Wish(plan, take.settings, seed, old=take, bars=tuple(bars), options=replace(take.options, seed=seed))


def new_seed() -> int:
    """Any seed."""
    return secrets.randbelow(NEW_SEEDS)


def compose_together(wish: Wish, count: int, told: Progress) -> list[Wish]:
    """Wishes with the notes of so many takes, by the seeds from that of a wish on; the critic's choice comes first.

    `told` hears how much of composing is done.
    """
    asked = replace(wish.asked, takes=count)
    listener: Progress | None = None if gpu.ZERO_GPU else lambda fraction, _: told(fraction, "compose")
    return [replace(wish, seed=t.seed, roll=t.roll) for t in gpu.compose_takes(wish.plan, asked, listener)]


def compose(watched: Watched, wish: Wish, tell: child.Told) -> tuple[PlannedVideo, PianoRoll, ScoreOptions]:
    """The notes of a take (composed where they are not known), with what playing them needs."""
    asked = wish.asked
    clock = child.StageClock(tell)
    with clock.stage("compose", 0.0, 1.0) as inner:
        roll = wish.roll or gpu.compose_roll(wish.plan, asked, None if gpu.ZERO_GPU else inner, wish.keep)
    return PlannedVideo(watched.features, wish.plan, clock.seconds), roll, asked


def make_take(watched: Watched, wish: Wish, told: Progress) -> Take:
    """Composes, arranges and plays a take; files to download are written when they are asked for.

    Args:
        watched: The video.
        wish: What is wanted.
        told: Hears how much of the take is done (0 to 1) and the name of the stage; what it raises ends the work.

    Returns:
        The take; its files lie in a new folder, which goes when something goes wrong.
    """
    tell = on_course(wish, told)
    planned, roll, asked = compose(watched, wish, tell)
    with new_folder() as folder:
        if wish.old is None:
            origin = gpu.model().origin
            rest = (planned, roll, asked, options_of(asked, 0), origin, folder, watched.speech, wish.tracks)
            played = ask(child.play, watched.path, tell, child.FINISHING, *rest)
        else:
            rest = (planned, roll, asked, folder, watched.speech, heard(wish.old), wish.bars)
            played = ask(child.play_part, watched.path, tell, child.FINISHING, *rest)
    return Take(watched, wish.plan, roll, wish.settings, wish.seed, folder, played, asked, wish.gains)


def heard(take: Take) -> child.Heard:
    """A take as the other processes know it."""
    return child.Heard(take.plan, take.roll, take.options, take.played)


def score(watched: Watched, wish: Wish, told: Progress) -> child.Finished:
    """The same for programs: every file at once, in a new folder."""
    tell = on_course(wish, told)
    planned, roll, asked = compose(watched, wish, tell)
    with new_folder() as folder:
        return ask(
            child.finish, watched.path, tell, child.FINISHING,
            planned, roll, asked, options_of(asked, 0), gpu.model().origin, folder, f"{watched.name}-scored",
        )  # fmt: skip


def write_file(take: Take, order: child.Order, told: Progress) -> Path:
    """A file of a take, in a folder of its own."""
    watched = take.watched
    with new_folder() as folder:
        rest = (watched.features, heard(take), watched.speech, order, folder)
        return ask(child.write, watched.path, by_stage(told), child.FINISHING, *rest)


def open_project(watched: Watched, path: Path, told: Progress) -> Wish:
    """The take that a project file holds, for the same video."""
    project = ask(child.open_project, path, by_stage(told), PAGE.wall_clock, watched.features)
    options = replace(project.options, **{name: SETTINGS[name].default for name in FILES})
    settings = PageSettings(steps=min(max(options.steps or 0, 4), 96), keep=options.keep_audio or "replace")
    return Wish(
        *(project.plan, settings, options.seed or 0, project.roll),
        options=options,
        gains=project.gains,
        tracks=project.tracks,
    )


def on_course(wish: Wish, told: Progress) -> child.Told:
    """A listener that says how much of the whole take is done."""
    course = course_of(wish.plan, wish.settings.steps, wish.roll)
    return lambda stage, fraction: told(course.at(stage, fraction), stage)


def read_brief(settings: PageSettings) -> Brief:
    """What words and knobs ask for; InputError for what no video could be given."""
    asked = settings.options(0)
    brief = read_asked(settings_of(asked))
    target_of(asked.loudness or DEFAULT_LOUDNESS)
    lay_chords(brief.chords, 4, 4)
    return brief


def explain_tags(settings: PageSettings) -> str:
    """What the chosen tags do, in words; StyleError when they contradict each other."""
    combine_styles(settings.tags)
    return "; ".join(f"**{tag}** {STYLES[tag].description}" for tag in settings.tags)
