"""Pictures of a plan and its piano roll, on one time axis in seconds."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.media import replacing
from diffbgm.roll import roll_to_notes
from diffbgm.types import BEATS_PER_BAR, MusicPlan, PianoRoll

HIT, MISS = "#2e8b57", "#c0392b"
MELODY, ACCOMPANIMENT = "#d35400", "#34679a"
SCENES = ("#dfe9f5", "#fbe5d6", "#e2f0d9", "#efe1f3", "#fff2cc", "#e7e6e6")


def plot_plan(plan: MusicPlan, path: str | os.PathLike[str], *, roll: PianoRoll | None = None) -> Path:
    """A PNG: tempo with the cuts it meets (green) and lets go (red), curves, segments, and the roll if there is one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [1.0, 1.3] + ([3.2] if roll is not None else [])
    figure = Figure(figsize=(11, 1.6 * sum(heights)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for axis in axes:
        _scenes(axis, plan, labels=axis is axes[0])
        axis.spines[["top", "right"]].set_visible(False)
    _tempo(axes[0], plan)
    _curves(axes[1], plan)
    if roll is not None:
        _roll(axes[2], plan, roll)
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(0, plan.duration)
    hits = sum(c.snapped for c in plan.cuts)
    cuts = f"{hits} of {len(plan.cuts)} cuts on beats" if plan.cuts else "no cuts"
    axes[0].set_title(f"{plan.key}, {plan.bars} bars, {plan.palette}: {cuts}", loc="left", fontsize=10)
    path = Path(path)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def _scenes(axis: Any, plan: MusicPlan, *, labels: bool) -> None:
    names = sorted({s.label for s in plan.segments})
    for segment in plan.segments:
        start, end = plan.tempo.time_at(segment.start_beat), plan.tempo.time_at(segment.end_beat)
        axis.axvspan(start, end, color=SCENES[names.index(segment.label) % len(SCENES)], lw=0, zorder=0)
        if labels:
            axis.annotate(
                segment.label,
                ((start + end) / 2, 0.04),
                xycoords=("data", "axes fraction"),
                ha="center",
                fontsize=9,
                color="#555",
            )
    for cut in plan.cuts:
        axis.axvline(cut.time, color=HIT if cut.snapped else MISS, lw=0.6 + 1.2 * cut.strength, alpha=0.8, zorder=1)


def _tempo(axis: Any, plan: MusicPlan) -> None:
    axis.stairs(plan.tempo.bpm(), plan.tempo.edges, color="#333", baseline=None, zorder=2)
    axis.set_ylabel("beats/min")
    low, high = axis.get_ylim()
    axis.set_ylim(low - 4, high + 4)


def _curves(axis: Any, plan: MusicPlan) -> None:
    at = (plan.tempo.edges[:-1] + plan.tempo.edges[1:]) / 2
    for name, color in (("energy", "#8e44ad"), ("density", "#16a085"), ("melody", MELODY)):
        axis.plot(at, getattr(plan.curves, name), color=color, label=name, lw=1.5)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("asked for")
    axis.legend(loc="upper right", fontsize=7, ncols=3, frameon=False)


def _roll(axis: Any, plan: MusicPlan, roll: PianoRoll) -> None:
    for notes, color in zip(reversed(roll_to_notes(roll)), (ACCOMPANIMENT, MELODY), strict=True):
        if not notes:
            continue
        start = plan.tempo.time_at([n.start for n in notes])
        width = plan.tempo.time_at([n.end for n in notes]) - start
        axis.barh([n.pitch for n in notes], width, left=start, height=0.9, color=color, lw=0, zorder=3)
    for bar in plan.tempo.edges[::BEATS_PER_BAR]:
        axis.axvline(bar, color="#999", lw=0.3, zorder=1)
    axis.set_ylabel("MIDI pitch")
    used = np.flatnonzero(roll.cells.any((0, 1)))
    if len(used):
        axis.set_ylim(used[0] + 19, used[-1] + 23)
