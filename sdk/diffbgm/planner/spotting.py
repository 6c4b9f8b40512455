"""Spotting: hits, rests, energy and cuts that must be met or are ignored, from a brief to places in a plan."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from diffbgm.band import find_player
from diffbgm.brief import Brief, Hit, Moment
from diffbgm.brief import Span as Stretch
from diffbgm.errors import OptionError, PlanError
from diffbgm.types import SYNC_TOLERANCE, Cut, Instrumentation, PlannedCut, PlannedHit, TempoMap, VideoFeatures

HIT, RESUME = 30.0, 12.0  # what a hit and the end of a rest are worth to the tempo fit; a strong cut is about 5
HOLD = 2.0  # beats that the last chord should have
TOLERANCE = 0.02  # share by which an exact tempo may be missed

NEAR = 0.25  # seconds by which the time of a cut may be told wrong

Span = tuple[float, float]
Tacet = tuple[str, float, float]  # who, start, end
Asked = Literal["", "must", "ignore"]


def anchors_of(brief: Brief, duration: float, must: Sequence[float]) -> list[tuple[float, float]]:
    """(seconds, worth) of what wants a half beat: hits, cuts that `must` be met, and music that returns after a rest.

    Args:
        brief: What is asked for.
        duration: Seconds.
        must: Seconds of the cuts that have to lie on a beat.

    """
    struck = [hit.at.seconds(duration) for hit in brief.hits if not is_late(hit, duration)]
    hits = [(at, HIT) for at in (*struck, *must)]
    returns = [end for _, end in rests_of(brief, duration)] + [end for _, _, end in tacets_of(brief, duration)]
    ends = [(end, RESUME) for end in returns if end < duration - 0.5]
    return sorted((t, worth) for t, worth in (*hits, *ends) if 0.05 < t < duration - 0.05)


def rests_of(brief: Brief, duration: float) -> tuple[Span, ...]:
    """The rests in seconds, in order, those that touch joined."""
    out: list[Span] = []
    for start, end in sorted(span.seconds(duration) for span in brief.rests):
        if out and start <= out[-1][1] + 0.05:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        elif end - start > 0.05:
            out.append((start, end))
    return tuple(out)


def tacets_of(brief: Brief, duration: float) -> tuple[Tacet, ...]:
    """Who rests from when to when, in seconds, in the order of the text."""
    spans = [(tacet.who, *tacet.span.seconds(duration)) for tacet in brief.tacets]
    return tuple((who, start, end) for who, start, end in dict.fromkeys(spans) if end - start > 0.05)


def asked_cuts(brief: Brief, features: VideoFeatures) -> list[Asked]:
    """What is asked of each cut; a cut that is named by its time is no longer one of its stretch.

    Raises:
        PlanError: There is no cut near a time that is named.

    """
    asked: list[Asked] = [""] * len(features.cuts)
    times = np.array([cut.time for cut in features.cuts])
    told: list[tuple[Asked, Moment | Stretch]] = [("must", one) for one in brief.must]
    told.extend(("ignore", one) for one in brief.ignore)
    for word, place in sorted(told, key=lambda one: isinstance(one[1], Moment)):  # stretches first
        if isinstance(place, Stretch):
            start, end = place.seconds(features.duration)
            asked = [word if start <= time <= end else was for was, time in zip(asked, times, strict=True)]
        else:
            time = place.seconds(features.duration)
            if place.since == "start" and place.value > features.duration:
                raise PlanError(
                    f"{word}: {place.value:g} s lies after the end of the video, at {features.duration:.2f} s"
                )
            near = int(np.abs(times - time).argmin()) if len(times) else -1
            if near < 0 or abs(times[near] - time) > NEAR:
                hint = f"the nearest is at {times[near]:.2f} s" if near >= 0 else "the video has none"
                raise PlanError(f"{word}: no cut lies at {time:.2f} s; {hint}")
            asked[near] = word
    return asked


def without_ignored(cuts: Sequence[Cut], asked: Sequence[Asked]) -> tuple[Cut, ...]:
    """The cuts without those that count as none."""
    return tuple(cut for cut, word in zip(cuts, asked, strict=True) if word != "ignore")


def with_asked(
    cuts: Sequence[Cut], asked: Sequence[Asked], placed: Sequence[PlannedCut], tempo: TempoMap
) -> tuple[PlannedCut, ...]:
    """All cuts of the video: those `placed`, and between them those that are ignored, wherever they lie."""
    left, out = iter(placed), list[PlannedCut]()
    for cut, word in zip(cuts, asked, strict=True):
        if word != "ignore":
            out.append(replace(next(left), asked=word))
            continue
        beat = round(float(tempo.beat_at(cut.time)) * 2) / 2
        error = cut.time - float(tempo.time_at(beat))
        out.append(PlannedCut(cut.time, cut.strength, beat, error, False, "ignored, as asked", "ignore"))
    return tuple(out)


def tell_missed(cuts: Sequence[PlannedCut]) -> list[str]:
    """The cuts that must lie on a beat and do not, in words."""
    missed = [cut for cut in cuts if cut.asked == "must" and not cut.snapped]
    return [f"the cut at {cut.time:.2f} s must lie on a beat, but {cut.reason}" for cut in missed]


def place_hits(brief: Brief, duration: float, tempo: TempoMap) -> tuple[PlannedHit, ...]:
    """Each hit with its nearest half beat; none inside a rest, where nothing may begin."""
    found: dict[float, float] = {}
    rests = rests_of(brief, duration)
    for hit in brief.hits:
        time = hit.at.seconds(duration)
        if is_late(hit, duration):
            continue
        if any(start - 0.02 <= time < end - 0.02 for start, end in rests):
            continue
        found[time] = max(hit.size, found.get(time, 0.0))
    return tuple(place_hit(time, size, tempo) for time, size in sorted(found.items()))


def is_late(hit: Hit, duration: float) -> bool:
    """Whether a hit is asked for after the end of the film."""
    return hit.at.since == "start" and hit.at.value > duration


def tell_late(brief: Brief, duration: float) -> list[str]:
    """The hits that lie after the end of the film, in words."""
    late = [hit.at.value for hit in brief.hits if is_late(hit, duration)]
    return [f"hit at {time:g} s: left out, the video ends at {duration:.2f} s" for time in late]


def place_hit(time: float, size: float, tempo: TempoMap) -> PlannedHit:
    """A hit at `time` in seconds with its nearest half beat."""
    beat = round(float(tempo.beat_at(time)) * 2) / 2
    return PlannedHit(time, size, beat, time - float(tempo.time_at(beat)))


def tell_spotting(hits: Sequence[PlannedHit], rests: Sequence[Span]) -> list[str]:
    """How well each hit is met, and where nothing begins, in words."""
    lines = [
        f"hit at {hit.time:.2f} s: "
        + (f"beat {hit.beat:g} lies on it" if abs(hit.error) <= SYNC_TOLERANCE else "off the beat")
        + f" ({1000 * hit.error:+.0f} ms)"
        for hit in hits
    ]
    return lines + [f"rest from {start:.2f} to {end:.2f} s: no note begins" for start, end in rests]


def tell_tacets(tacets: Sequence[Tacet]) -> list[str]:
    """Who rests when, in words."""
    return [f"{who}: no note from {start:.2f} to {end:.2f} s" for who, start, end in tacets]


def energy_of(brief: Brief, duration: float) -> tuple[Span, ...]:
    """(seconds, level) points, in order."""
    points = [(moment.seconds(duration), level) for moment, level in brief.energy]
    return tuple(sorted(points, key=lambda point: point[0]))


def level_at(points: Sequence[Span], times: np.ndarray) -> np.ndarray:
    """The energy [n] at times in seconds."""
    return np.interp(times, [time for time, _ in points], [level for _, level in points])


def instrumentation_of(brief: Brief) -> Instrumentation:
    """Who plays: the named instruments, the lead among them, then what the genre usually has."""
    lead = (brief.lead,) if brief.lead and brief.lead not in brief.instruments else ()
    names = (*lead, *brief.instruments, *brief.typical)
    try:
        for role, name in brief.parts:
            find_player(role, name)
    except PlanError as e:
        raise OptionError(str(e)) from e
    return Instrumentation(
        tuple(dict.fromkeys(names)), brief.without, brief.lead or "", brief.solo, brief.drums, brief.parts
    )


def end_of_bars(duration: float, bpm: tuple[float, float], prefer: float, unit: int) -> float:
    """Seconds at which the last bar ends for a tempo between `bpm`: `duration`, or later where the film ends inside it.

    Whole bars (`unit` beats) fill the film where a tempo of the range allows. Else the film ends on a beat of the last
    bar, on its third or later if that can be had, so that the last chord is heard; in films of a few beats between two.
    """
    low, high = bpm[0] * duration / 60.0, bpm[1] * duration / 60.0
    if low == high:
        low, high = low * (1 - TOLERANCE), high * (1 + TOLERANCE)
    if np.floor(high / unit) * unit >= low:
        return duration
    aim = float(np.clip(prefer * duration / 60.0, low, high))
    whole = np.arange(float(np.ceil(low)), float(np.floor(high)) + 1)
    late = whole[whole % unit >= HOLD] if (whole % unit >= HOLD).any() else whole
    beats = float(late[np.abs(late - aim).argmin()]) if len(late) else aim
    if beats < unit:
        return duration
    return duration * float(np.ceil(beats / unit)) * unit / beats
