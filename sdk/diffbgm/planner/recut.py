"""A new edit of the same video: the notes stay, the tempo map is fitted again.

Whole bars come or go only where they must.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.planner.affect import FASTEST, SLOWEST
from diffbgm.planner.retime import Edit, anchors_again, asked_again, retime
from diffbgm.planner.spotting import place_hit, with_asked, without_ignored
from diffbgm.planner.tempo import FASTEST_MIDI, fit_tempo
from diffbgm.planner.tune import remap_tune
from diffbgm.setting import checked, need_all
from diffbgm.typed import typed
from diffbgm.types import (
    BEATS_PER_BAR,
    CURVES,
    STEPS_PER_BEAT,
    Curves,
    Cut,
    MusicPlan,
    PianoRoll,
    PlannedChord,
    PlannedCut,
    PlannedScene,
    Section,
    VideoFeatures,
    VideoReference,
)

SAME_SHOT = 0.06  # seconds by which the length of a shot may differ and still be the same shot
JUMP = 4.0  # cost of a seam
NEAR = 2.0  # bars by which music may be off its pictures without much ado
MAX_CHANGE = 0.05  # about what listeners just notice in the tempo of a whole piece
PHRASE = (4, 8, 2)  # lengths of repeats that sound like one


@dataclass(frozen=True)
@typed(PlanError)
class Recut:
    """The plan for the new edit, and for each of its bars the bar of the old music it plays (0 is the first)."""

    plan: MusicPlan
    bars: tuple[int, ...]


LONGEST = 86_400  # seconds


@checked(
    plan=MusicPlan, video=(VideoFeatures, Sequence), duration=float, max_change=float, max_drift=float, max_step=float
)
def recut(
    plan: MusicPlan,
    video: VideoFeatures | Sequence[Cut],
    duration: float | None = None,
    *,
    max_change: float = MAX_CHANGE,
    max_drift: float = 0.08,
    max_step: float = 0.03,
) -> Recut:
    """Fit a plan to a new edit.

    All bars stay as long as that moves the base tempo by no more than `max_change`; otherwise as few as possible come
    or go, where the edit took pictures away or put some in, never the first or the last bar. Hits, rests, energy,
    voices, and cuts that must be met or are ignored, go with their pictures.

    Args:
        plan: Of the old edit.
        video: Features of the new video, or its cuts.
        duration: Seconds of the new video, where only cuts are given (None: as the old one).
        max_change: Share by which the base tempo may change.
        max_drift: As for `fit_tempo`.
        max_step: As for `fit_tempo`.

    Raises:
        PlanError: The duration is not positive.

    """
    cuts = video.cuts if isinstance(video, VideoFeatures) else tuple(video)
    need_all("the cuts", cuts, Cut)
    if isinstance(video, VideoFeatures) and duration is None:
        duration = video.duration
    duration = plan.duration if duration is None else duration
    if not 0 < duration <= LONGEST:
        raise PlanError(f"recut: duration must be positive, {LONGEST} s at most, got {duration!r} s")
    count = bars_for(plan, duration, max_change)
    per_bar = plan.beats_per_bar
    same = match_times(plan.cuts, plan.duration, cuts, duration)
    edit = Edit.of(*same)
    asked = asked_again(plan, edit, cuts)
    retimed = retime(plan, edit)
    fit = fit_tempo(
        duration,
        without_ignored(cuts, asked),
        bars=count,
        max_drift=max_drift,
        max_step=max_step,
        metre=plan.metre,
        anchors=anchors_again(retimed, asked, cuts, duration),
    )
    bars = list(range(count))
    if count != plan.bars:
        middles = fit.tempo.time_at(np.arange(count) * per_bar + per_bar / 2)
        places = plan.tempo.beat_at(np.interp(middles, *same)) / per_bar - 0.5
        bars = map_bars(np.asarray(places), plan.bars)
    changed = "every bar stays" if count == plan.bars else count_bars(count - plan.bars)
    gone = len(plan.hits) - len(retimed.hits)
    new = replace(
        retimed,
        duration=duration,
        video=VideoReference.of(duration, cuts),
        tempo=fit.tempo,
        sections=remap_sections(plan.sections, bars, per_bar),
        curves=remap_curves(plan.curves, bars, per_bar),
        chords=remap_chords(plan.chords, bars, per_bar),
        scenes=remap_scenes(plan.scenes, bars, per_bar),
        tune=remap_tune(plan, bars),
        cuts=with_asked(cuts, asked, fit.cuts, fit.tempo),
        hits=tuple(place_hit(hit.time, hit.size, fit.tempo) for hit in retimed.hits),
        why=(
            *plan.why,
            f"re-cut from {plan.duration:.2f} s to {duration:.2f} s: {changed}, {fit.base_bpm:.1f} beats per minute",
            *([f"{gone} of {len(plan.hits)} hits had pictures that the new edit leaves out"] if gone else []),
        ),
    )
    return Recut(new, tuple(bars))


def count_bars(change: int) -> str:
    """-1 -> 1 bar removed."""
    return f"{abs(change)} bar{'s' if abs(change) > 1 else ''} {'added' if change > 0 else 'removed'}"


def bars_for(plan: MusicPlan, duration: float, max_change: float) -> int:
    """Return the number of bars nearest to the plan's that keeps the base tempo within max_change, and in 60..140."""
    bpm = plan.tempo.mean_bpm
    slow, fast = bpm * (1 - max_change), min(bpm * (1 + max_change), FASTEST_MIDI)
    if SLOWEST <= bpm <= FASTEST:
        slow, fast = max(slow, SLOWEST), min(fast, FASTEST)
    per_bpm = duration / (60.0 * plan.beats_per_bar)
    first, last = max(1, int(np.ceil(slow * per_bpm - 1e-9))), int(np.floor(fast * per_bpm + 1e-9))
    if last < first:  # a few bars only: none fits, take the nearest
        return max(1, min(round(bpm * per_bpm), int(FASTEST_MIDI * per_bpm + 1e-9)))
    return min(max(plan.bars, first), last)


def match_times(
    old: Sequence[PlannedCut], old_duration: float, new: Sequence[Cut], new_duration: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (new seconds, old seconds): rising points of the new edit and where the same pictures were in the old one.

    Shots of the same length (within SAME_SHOT) in the same order are the same shot.
    """
    old_edges = np.array([0.0, *(cut.time for cut in old), old_duration])
    new_edges = np.array([0.0, *(cut.time for cut in new), new_duration])
    names = np.sort(np.diff(old_edges))
    old_names: list[int] = np.searchsorted(names, np.diff(old_edges)).tolist()
    new_names: list[int] = []
    for length in np.diff(new_edges):
        nearest = int(np.abs(names - length).argmin())
        same = abs(names[nearest] - length) <= SAME_SHOT
        new_names += np.searchsorted(names, names[nearest : nearest + 1]).tolist() if same else [-1]
    points = {0.0: 0.0, new_duration: old_duration}
    matcher = difflib.SequenceMatcher(None, old_names, new_names, autojunk=False)
    for i, j, size in matcher.get_matching_blocks():
        for k in range(size):
            points[float(new_edges[j + k]) + 1e-6] = float(old_edges[i + k])
            points[float(new_edges[j + k + 1]) - 1e-6] = float(old_edges[i + k + 1])
    times = np.array(sorted(points))
    return times, np.maximum.accumulate([points[t] for t in times.tolist()])


def map_bars(places: np.ndarray, old_bars: int) -> list[int]:
    """For each new bar an old one, from where its pictures were (`places` [n], in old bars, may be fractional).

    Dynamic programming over (new bar, old bar): following on costs nothing, leaving bars out or stepping back to repeat
    a phrase costs a seam, and every bar the distance from its pictures. First and last bar stay first and last.
    """
    n = len(places)
    if n == 1:
        return [old_bars - 1]
    old = np.arange(old_bars)
    bars_off = np.minimum(np.abs(places[:, None] - old[None]), 12.0)
    away = 0.05 * bars_off + 0.3 * np.maximum(bars_off - NEAR, 0.0)
    best = np.full(old_bars, np.inf)
    best[0] = away[0, 0]
    back = np.zeros((n, old_bars), int)
    for k in range(1, n):
        come = np.full(old_bars, np.inf)
        origin = np.zeros(old_bars, int)
        come[1:], origin[1:] = best[:-1], old[:-1]
        seam = best + JUMP
        forward = np.minimum.accumulate(seam)
        first = np.maximum.accumulate(np.where(seam == forward, old, 0))
        skip = forward[:-2] < come[2:]
        come[2:][skip], origin[2:][skip] = forward[:-2][skip], first[:-2][skip]
        for step in range(1, 9):  # after old bar j the bar j + 1 - step
            cost = seam[max(step - 1, 0) :] + (0.0 if step in PHRASE else 1.0)
            target = old[: len(cost)]
            better = cost < come[target]
            come[target[better]], origin[target[better]] = cost[better], target[better] + step - 1
        best, back[k] = come + away[k], origin
        if k < n - 1:
            best[-1] = np.inf  # the ending is played once
    bars = [old_bars - 1]
    for k in range(n - 1, 0, -1):
        bars.append(int(back[k, bars[-1]]))
    return bars[::-1]


def remap_sections(sections: Sequence[Section], bars: Sequence[int], per_bar: int) -> tuple[Section, ...]:
    """Return the sections the mapped bars came from, neighbours from the same one joined."""
    owner = [i for i, s in enumerate(sections) for _ in range(s.beats // per_bar)]
    out: list[Section] = []
    start = 0
    for k in range(1, len(bars) + 1):
        if k == len(bars) or owner[bars[k]] != owner[bars[start]]:
            out.append(replace(sections[owner[bars[start]]], start_beat=start * per_bar, end_beat=k * per_bar))
            start = k
    return tuple(out)


def remap_scenes(scenes: Sequence[PlannedScene], bars: Sequence[int], per_bar: int) -> tuple[PlannedScene, ...]:
    """Return the scenes the mapped bars came from, neighbours from the same one joined."""
    out: list[PlannedScene] = []
    before: PlannedScene | None = None
    for k, bar in enumerate(bars):
        own = next((s for s in scenes if s.start_beat <= bar * per_bar < s.end_beat), None)
        if own is not None:
            start = out.pop().start_beat if own is before else k * per_bar
            out.append(replace(own, start_beat=start, end_beat=(k + 1) * per_bar))
        before = own
    return tuple(out)


def remap_curves(curves: Curves, bars: Sequence[int], per_bar: int) -> Curves:
    """Return the curves of the mapped bars."""
    beats = (np.array(bars)[:, None] * per_bar + np.arange(per_bar)).ravel()
    return Curves(**{name: getattr(curves, name)[beats] for name in CURVES})


def remap_chords(chords: Sequence[PlannedChord], bars: Sequence[int], per_bar: int) -> tuple[PlannedChord, ...]:
    """Return the chords of the mapped bars, those that go on over a bar line joined again."""
    out: list[PlannedChord] = []
    for k, bar in enumerate(bars):
        first = bar * per_bar
        move = k * per_bar - first
        for chord in chords:
            start, end = max(chord.start, first), min(chord.end, first + per_bar)
            if start >= end:
                continue
            goes_on = k > 0 and bar == bars[k - 1] + 1 and chord.start < first
            if goes_on and out and out[-1].symbol == chord.symbol and out[-1].end == start + move:
                out[-1] = replace(out[-1], end=end + move)
            else:
                out.append(PlannedChord(start + move, end + move, chord.symbol))
    return tuple(out)


def apply_bar_map(roll: PianoRoll, bars: Sequence[int], beats_per_bar: int = BEATS_PER_BAR) -> PianoRoll:
    """Return the roll with its bars in the order of `bars`; what was held over a bar line that is gone stops there."""
    width = beats_per_bar * STEPS_PER_BEAT
    old_bars = roll.steps // width
    wrong = [bar for bar in bars if not 0 <= bar < old_bars]
    if wrong or not len(bars):
        raise PlanError(f"apply_bar_map: bars must lie in 0..{old_bars - 1}, got {wrong[0] if wrong else 'none'}")
    steps = (np.array(bars)[:, None] * width + np.arange(width)).ravel()
    cells = np.array(roll.cells[:, steps])
    for k, bar in enumerate(bars):
        if k and bar == bars[k - 1] + 1:
            continue
        block = slice(k * width, (k + 1) * width)
        for voice in range(2):
            held = np.cumsum(cells[2 * voice, block], axis=0) == 0  # nothing struck yet in this bar
            cells[2 * voice + 1, block][held] = 0
    return PianoRoll(cells, None if roll.velocity is None else roll.velocity[:, steps])
