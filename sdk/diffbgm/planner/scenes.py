"""Briefs of scenes: what the piece has once is settled among them, mood and band follow each in its bars."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.brief import Brief, Moment, Scene, Span
from diffbgm.brief.knobs import FASTEST, SLOWEST
from diffbgm.planner.progressions import plan_chords
from diffbgm.planner.prompt import understand
from diffbgm.planner.restyle import restyle_bars
from diffbgm.planner.spotting import instrumentation_of
from diffbgm.planner.styles import DEFAULT_PALETTE
from diffbgm.types import Instrumentation, MusicPlan, PlannedScene

ONCE = ("bpm", "tonic", "mode", "metre", "genre", "ending")  # of which a piece has one; the first scene that says it
FREE = 0.04  # share by which the tempo may move so that scenes begin with a bar, where no exact one is asked for
FAR = 0.2  # how far from the preferred one
STEP = 0.1  # beats per minute between tempi that are tried
CALM, WIDE = 0.5, 0.4  # energy of a scene: at arousal 0, and what arousal 1 adds


def whole_brief(brief: Brief, duration: float) -> Brief:
    """Return the brief with what its scenes say of the whole piece, and with their moments in the film's time."""
    if not brief.scenes:
        return brief
    conflicts, told = list(brief.conflicts), {}
    for name in ONCE:
        said = [(scene, value) for scene in brief.scenes if (value := getattr(scene.brief, name)) is not None]
        if getattr(brief, name) is None and said:
            told[name] = said[0][1]
            others = [scene for scene, value in said if value != said[0][1] and name in ("bpm", "tonic", "metre")]
            conflicts += [f"scene {s.text!r} asks for another {name}: that of the first counts" for s in others]
    energy = brief.energy or tuple(p for scene in brief.scenes for p in _energy(scene, duration))
    hits = [replace(h, at=_in_film(h.at, scene.span, duration)) for scene in brief.scenes for h in scene.brief.hits]
    rests = [_span_in_film(rest, scene.span, duration) for scene in brief.scenes for rest in scene.brief.rests]
    tacets = [
        replace(tacet, span=_span_in_film(tacet.span, scene.span, duration))
        for scene in brief.scenes
        for tacet in scene.brief.tacets
    ]
    unread = [word for scene in brief.scenes for word in scene.brief.unread]
    return replace(
        brief,
        **told,
        energy=energy,
        hits=(*brief.hits, *hits),
        rests=(*brief.rests, *rests),
        tacets=(*brief.tacets, *tacets),
        conflicts=tuple(conflicts),
        unread=(*brief.unread, *unread),
    )


def starts_of(brief: Brief, duration: float) -> list[float]:
    """Return the seconds at which a scene begins or ends inside the film, in order."""
    edges = {round(t, 3) for scene in brief.scenes for t in scene.span.seconds(duration)}
    return sorted(t for t in edges if 0.5 < t < duration - 0.5)


def bar_tempo(starts: Sequence[float], bpm: tuple[float, float], prefer: float, unit: int) -> tuple[float, float]:
    """Return the range of tempi within `bpm` and near `prefer` whose bars of `unit` beats begin where scenes do."""
    if bpm[1] > bpm[0] * (1 + 2 * FREE):  # no exact tempo
        bpm = max(SLOWEST, bpm[0] * (1 - FREE)), min(FASTEST, bpm[1] * (1 + FREE))
    low, high = max(bpm[0], prefer * (1 - FAR)), min(bpm[1], prefer * (1 + FAR))
    if high <= low or not starts:
        return bpm
    tempi = np.arange(low, high + STEP / 2, STEP)
    bars = np.outer(tempi, starts) / (60.0 * unit)
    off = (np.abs(bars - np.round(bars)) * 60.0 * unit / tempi[:, None]).max(1)  # seconds
    best = float(tempi[(off + np.abs(tempi / prefer - 1)).argmin()])
    return max(bpm[0], best * (1 - FREE / 4)), min(bpm[1], best * (1 + FREE / 4))


def apply_scenes(plan: MusicPlan, brief: Brief, chords: bool) -> MusicPlan:
    """Return the plan with each scene's mood and band in its bars, and chords that lead from one to the next.

    Args:
        plan: Of the whole brief.
        brief: With its scenes.
        chords: Whether the harmony is free to be planned.

    """
    bar, planned = plan.beats_per_bar, list[PlannedScene]()
    starts = plan.tempo.edges[:-1:bar]
    for scene in brief.scenes:
        start, end = scene.span.seconds(plan.duration)
        first = int(np.abs(starts - start).argmin())
        last = plan.bars if end > plan.duration - 0.5 else int(np.abs(starts - end).argmin())
        first = max(first, planned[-1].end_beat // bar if planned else 0)
        if last <= first or start >= plan.duration:
            told = f"scene {scene.text!r} is shorter than a bar, or none of the film: it is left out"
            plan = replace(plan, why=(*plan.why, told))
            continue
        style = understand(scene.brief).style
        plan = restyle_bars(plan, range(first, last), style)
        band = instrumentation_of(scene.brief)
        same = band == Instrumentation() and not style.palette  # who plays is not said: those who play elsewhere
        palette = style.palette or (plan.palette if same else DEFAULT_PALETTE)
        band = plan.instrumentation if same else replace(band, parts=band.parts or plan.instrumentation.parts)
        planned.append(PlannedScene(first * bar, last * bar, palette, band))
        at = float(starts[first])
        why = f"scene {scene.text!r}: bars {first + 1} to {last}, from {at:.2f} s ({at - start:+.2f} s), {palette}"
        plan = replace(plan, why=(*plan.why[:-1], why))
    harmony = plan_chords(plan.sections, plan.key, plan.unit) if chords else plan.chords
    return replace(plan, scenes=tuple(planned), chords=harmony)


def _energy(scene: Scene, duration: float) -> list[tuple[Moment, float]]:
    """Return the energy over a scene: as told, or level with its arousal."""
    start, end = scene.span.seconds(duration)
    if scene.brief.energy:
        points = [(_in_film(at, scene.span, duration), level) for at, level in scene.brief.energy]
        return [(Moment(start), points[0][1]), *points, (Moment(end), points[-1][1])]
    level = CALM + WIDE * (scene.brief.arousal or 0.0)
    return [(Moment(start), level), (Moment(end), level)]


def _span_in_film(span: Span, scene: Span, duration: float) -> Span:
    return Span(_in_film(span.start, scene, duration), _in_film(span.end, scene, duration))


def _in_film(at: Moment, span: Span, duration: float) -> Moment:
    """Return a moment of a scene's brief on the clock of the film: figures are that already."""
    start, end = span.seconds(duration)
    time = {"start": at.value, "end": end - at.value, "share": start + at.value * (end - start)}[at.since]
    return Moment(min(max(time, start), end))
