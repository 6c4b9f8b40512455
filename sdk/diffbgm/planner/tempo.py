"""Cuts onto beats: the tempo map on which as many cuts as possible land on downbeats, beats or half beats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.planner.tempo_search import Limits, Targets, score, search
from diffbgm.planner.tempo_smooth import smooth_edges
from diffbgm.typed import typed
from diffbgm.types import BAR_UNITS, METRES, SYNC_TOLERANCE, Cut, PlannedCut, TempoMap

FASTEST_MIDI = 300.0  # beats per minute: many sequencers refuse more, or play them at their own limit
AIM = 0.039  # what the search aims for, a little less
UNREST, DRIFT = (
    0.005,
    0.001,
)  # cost of a grain squared of change between beats, of distance from the base; a cut is about 1
EVENNESS = 1.0  # squared second of change between beats against squared second beside a cut
LIKING = 0.3  # cost, as a share of all cuts, of being a factor of two from the preferred tempo (squared in octaves)
CANDIDATES = 16  # base tempi tried at most
SAMPLE = 45.0  # seconds of each of three stretches that stand for a long video while base tempi are compared
BEAT = 4.0  # what a strong cut gains by lying on a beat, against a half beat, in fast cutting; less where there is time
DOWNBEAT = 1.2  # what a strong cut gains by lying on a downbeat, against a beat
FADE = 0.6  # what a fade counts beside a cut


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class TempoFit:
    """The tempo map, and what became of every cut."""

    tempo: TempoMap
    cuts: tuple[PlannedCut, ...]

    @property
    def base_bpm(self) -> float:
        """Beats a minute on the average of the piece, which drift is measured against."""
        return self.tempo.mean_bpm


def fit_tempo(
    duration: float,
    cuts: Sequence[Cut],
    *,
    bpm_range: tuple[float, float] = (60.0, 140.0),
    prefer: float | None = None,
    bars: int | None = None,
    max_drift: float = 0.08,
    max_step: float = 0.03,
    metre: str = "4/4",
    anchors: Sequence[tuple[float, float]] = (),
) -> TempoFit:
    """Return a tempo map of whole bars from 0 to exactly `duration` seconds, and each cut's place in it.

    Where `duration` is shorter than a bar at `FASTEST_MIDI`, the map goes on past it to the end of such a bar.

    bpm_range  the base tempo lies in it, unless no number of whole bars does: then it is as near as they allow (in
               videos of a few bars).
    prefer     the base tempo that is best when cuts don't care; from the pace of the cutting if None.
    bars       the number of bars, if it is settled already: then it decides the base tempo.
    max_drift  the local tempo stays within 1 +- max_drift of the base.
    max_step   neighbouring beats differ by a ratio of at most 1 + max_step.
    metre      one of `METRES`; unless `bars` is settled, 2/4 has an even number of them.
    anchors    (seconds, worth) of moments that want a beat or half beat more than any cut.

    A cut counts by its strength, the strongest third more, fades less; on a downbeat it is worth more than on a beat,
    there more than on a half beat. The cuts that don't come to lie within 40 ms are let go, each with its reason.
    """
    low, high = bpm_range
    if bars is not None and bars < 1:
        raise PlanError(f"fit_tempo: needs at least one bar, got {bars}")
    if not (duration > 0 and 0 < low <= high and 0 <= max_drift < 0.5 and 0 <= max_step < 1):
        raise PlanError(
            "fit_tempo: needs duration > 0, 0 < low <= high, 0 <= max_drift < .5 and 0 <= max_step < 1;"
            f" got {duration!r} s, {low!r} to {high!r} bpm, {max_drift!r}, {max_step!r}"
        )
    settled = None if bars is None else bars * METRES[metre]
    unit = BAR_UNITS[metre]
    duration = max(duration, (settled or unit) * 60.0 / FASTEST_MIDI)
    prefer = float(np.clip(prefer or pace_to_bpm(duration, cuts), low, high))
    choices = [settled] if settled else [unit * n for n in unit_choices(duration, low, high, prefer, unit)]
    shot = duration / (len(cuts) + 1)
    targets = with_anchors(replace(weigh(cuts, shot), beats_per_bar=METRES[metre]), anchors)
    calm = float(np.clip(shot / 3.0, 1.0, 4.0))  # long shots leave time to meet cuts gently
    limits = Limits.of(max_drift, max_step, UNREST * calm, DRIFT * calm)
    beats = choose_beats(duration, choices, targets, limits, prefer)
    base = duration / beats
    edges = np.linspace(0.0, duration, beats + 1)
    if len(targets.times) and limits.step and len(limits.lengths) > 1:
        found = search(targets, beats, base, limits)
        found[-1] = duration
        edges = meet_cuts(found, targets, base, max_drift, max_step)
    edges[0], edges[-1] = 0.0, duration
    tempo = TempoMap(edges)
    return TempoFit(tempo, place_cuts(cuts, tempo, max_drift, max_step))


def unit_choices(duration: float, low: float, high: float, prefer: float, unit: int) -> list[int]:
    """Return how many times `unit` beats fill the duration at a base tempo between low and high, or the nearest.

    CANDIDATES at most.
    """
    per_bpm = duration / (60.0 * unit)
    first, last = max(1, int(np.ceil(low * per_bpm - 1e-9))), int(np.floor(high * per_bpm + 1e-9))
    if last < first:
        near = {max(1, last), first}
        return [min(near, key=lambda count: abs(np.log(count / (prefer * per_bpm))))]
    count = last - first + 1
    if count <= CANDIDATES:
        return list(range(first, last + 1))
    return sorted({round(x) for x in np.geomspace(first, last, CANDIDATES)})


def weigh(cuts: Sequence[Cut], shot: float) -> Targets:
    """Return what each cut is worth on a downbeat, a beat and a half beat: by its rank among the strengths, fades less.

    Downbeats are for the strongest third, and for all where shots (`shot` seconds on the average) are longer than bars.
    """
    strength = np.array([cut.strength * (FADE if cut.kind == "fade" else 1.0) for cut in cuts])
    strong = strongest(strength)
    room = float(np.clip((shot - 3.0) / 3.0, 0.0, 1.0))
    worth = 0.7 + 0.3 * strength
    beat = float(np.clip(BEAT * 1.5 / shot, 1.5, BEAT))
    return Targets(
        times=np.array([cut.time for cut in cuts]),
        down=worth * (1.1 + beat * strong + DOWNBEAT * np.maximum(strong, strength * room)),
        beat=worth * (1.0 + beat * strong),
        half=worth * (0.9 - 0.5 * strong),
        width=AIM,
    )


def with_anchors(targets: Targets, anchors: Sequence[tuple[float, float]]) -> Targets:
    """Return the targets with the anchors before them; a beat is a little better for those than a half beat."""
    if not anchors:
        return targets
    times, worth = np.array(anchors, np.float64).T
    return replace(
        targets,
        times=np.concatenate([times, targets.times]),
        down=np.concatenate([1.02 * worth, targets.down]),
        beat=np.concatenate([1.02 * worth, targets.beat]),
        half=np.concatenate([worth, targets.half]),
    )


def strongest(strength: np.ndarray) -> np.ndarray:
    """Return [C] 1 for the top third, 0 below six tenths, a ramp in between.

    Ties share their rank; all are 0.5 if all are equal.
    """
    if len(strength) == 0 or np.ptp(strength) < 1e-9:
        return np.full(len(strength), 0.5)
    order = np.sort(strength)
    below, upto = np.searchsorted(order, strength, "left"), np.searchsorted(order, strength, "right")
    return np.clip(((below + upto) / 2 / len(strength) - 0.6) / 0.06, 0.0, 1.0)


def pace_to_bpm(duration: float, cuts: Sequence[Cut]) -> float:
    """Return the tempo that suits the cutting: 125 beats per minute for shots of 1.5 s, 107 for 3 s, 92 for 6 s."""
    return 92.0 * (6.0 * (len(cuts) + 1) / duration) ** 0.22


def choose_beats(duration: float, choices: Sequence[int], targets: Targets, limits: Limits, prefer: float) -> int:
    """Return the number of beats whose base tempo lets most cuts land, near the preferred one where it costs little."""
    bpm = np.array([60.0 * beats / duration for beats in choices])
    octaves = np.log2(bpm / prefer)
    if len(choices) == 1 or len(targets.times) == 0 or limits.step == 0:
        return choices[int(np.abs(octaves).argmin())]
    starts = [0.0] if duration <= 3 * SAMPLE else [0.0, (duration - SAMPLE) / 2, duration - SAMPLE]
    gained = np.zeros(len(choices))
    possible = 0.0
    for start in starts:
        length = duration if len(starts) == 1 else SAMPLE
        inside = (targets.times >= start) & (targets.times < start + length)
        possible += float(targets.beat[inside].sum())
        part = targets.only(inside)
        if len(starts) == 1:
            stretches = [(0.0, beats, duration / beats) for beats in choices]
        else:
            stretches = [(start, max(1, round(length * b / 60.0)), 60.0 / b) for b in bpm]
        gained += score(part, stretches, limits, free=len(starts) > 1)
    return choices[int((gained / max(possible, 1e-9) - LIKING * octaves**2).argmax())]


def meet_cuts(edges: np.ndarray, targets: Targets, base: float, max_drift: float, max_step: float) -> np.ndarray:
    """Smooth the edges of the search so that the cuts it met are met more exactly, never fewer of them."""
    tempo = TempoMap(edges)
    position: np.ndarray = tempo.beat_at(targets.times)
    beats = np.round(position * 2) / 2
    met = np.abs(targets.times - tempo.time_at(beats)) <= AIM
    return smooth_edges(
        edges,
        beats[met],
        targets.times[met],
        targets.half[met],
        longest=base / (1 - max_drift),
        shortest=base / (1 + max_drift),
        max_step=max_step,
        tolerance=SYNC_TOLERANCE,
        evenness=EVENNESS,
    )


def place_cuts(cuts: Sequence[Cut], tempo: TempoMap, max_drift: float, max_step: float) -> tuple[PlannedCut, ...]:
    """Each cut's nearest half beat, and for those farther than 40 ms from it the reason."""
    times = np.array([cut.time for cut in cuts])
    if not len(times):
        return ()
    beats = np.round(np.asarray(tempo.beat_at(times)) * 2) / 2
    errors = times - tempo.time_at(beats)
    snapped = np.abs(errors) <= SYNC_TOLERANCE
    kept = np.flatnonzero(snapped)
    out: list[PlannedCut] = []
    for i, cut in enumerate(cuts):
        reason = "" if snapped[i] else why_let_go(i, times, beats, kept, tempo, max_drift, max_step)
        out.append(PlannedCut(cut.time, cut.strength, float(beats[i]), float(errors[i]), bool(snapped[i]), reason))
    return tuple(out)


def why_let_go(
    i: int, times: np.ndarray, beats: np.ndarray, kept: np.ndarray, tempo: TempoMap, max_drift: float, max_step: float
) -> str:
    """Which limit keeps cut i off the half beats, given the cuts kept to either side (or the ends of the piece)."""
    base = float(tempo.edges[-1]) / tempo.beats
    after = int(np.searchsorted(kept, i))
    left, right = (0.0, 0.0, "the start"), (float(tempo.edges[-1]), float(tempo.beats), "the end")
    if after > 0:
        left = _anchor(times, beats, int(kept[after - 1]))
    if after < len(kept):
        right = _anchor(times, beats, int(kept[after]))
    time = float(times[i])
    near = left if time - left[0] <= right[0] - time else right
    if abs(time - near[0]) < base / 4:
        return f"only {abs(time - near[0]):.2f} s from {near[2]}, which is kept"
    for place in np.arange(left[1] + 0.5, right[1], 0.5):
        ratios = [base * abs(place - beat) / max(abs(time - t), 1e-9) for t, beat, _ in (left, right)]
        if all(1 - max_drift <= ratio <= 1 + max_drift for ratio in ratios):
            return f"the tempo would have to change by more than {max_step:.0%} from beat to beat to reach it"
    return (
        f"no tempo within {max_drift:.0%} of {60 / base:.0f} bpm puts a half beat there"
        f" between {left[2]} and {right[2]}, which are kept"
    )


def _anchor(times: np.ndarray, beats: np.ndarray, i: int) -> tuple[float, float, str]:
    """(seconds, beat, name) of a cut that is kept."""
    return float(times[i]), float(beats[i]), f"the cut at {times[i]:.2f} s"
