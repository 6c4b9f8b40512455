"""Pictures of a plan and its piano roll, on one time axis in seconds."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from diffbgm.files import replacing
from diffbgm.paths import DRAWN_BY
from diffbgm.roll import roll_to_notes
from diffbgm.types import MusicPlan, PianoRoll

INK, FAINT, PAPER = "#1c1917", "#78716c", "#fafaf9"
HIT, MISS = "#0f766e", "#be123c"
MELODY, ACCOMPANIMENT = "#c2410c", "#41719c"
FULL, BUSY, REGISTER = "#99d5cd", "#0f766e", "#6d28d9"
MOST_CHORDS = 64  # symbols in a picture
SECTION_COLOURS = ("#e3eef0", "#f6e9dc", "#e6eedd", "#ece4f1", "#f7efd0", "#e9e7e4")


def plot_plan(plan: MusicPlan, path: str | os.PathLike[str], *, roll: PianoRoll | None = None) -> Path:
    """Draw a PNG in lanes: sections and cuts, tempo, what is asked of the music, and the roll if there is one.

    Cuts that fall on a beat are solid with a disc, those let go are dashed with a cross, through every lane. Raises
    OutputError where the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [0.5, 0.75, 1.2] + ([3.0] if roll is not None else [])
    width = float(np.clip(9 + plan.duration / 20, 10, 24))  # inches: long pieces get more room
    tall = 0.9 + 1.35 * sum(heights)
    figure: Any = Figure(figsize=(width, tall), dpi=120, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    figure.subplots_adjust(
        left=1.0 / width, right=1 - 0.4 / width, top=1 - 0.5 / tall, bottom=0.35 / tall, hspace=0.08
    )  # inches around the lanes
    for axis in axes:
        _dress(axis, plan)
    _sections(axes[0], plan)
    _tempo(axes[1], plan)
    _curves(axes[2], plan)
    if roll is not None:
        _roll(axes[3], plan, roll)
    _time_axis(axes[-1], plan)
    figure.suptitle(
        _title(plan), x=0.15 / width, y=1 - 0.14 / tall, ha="left", va="top", fontsize=13, fontweight="bold", color=INK
    )
    path = Path(path)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=PAPER, metadata={"Software": DRAWN_BY})
    return path


def _title(plan: MusicPlan) -> str:
    bpm = plan.tempo.mean_bpm
    hits = sum(cut.snapped for cut in plan.cuts)
    heeded = sum(cut.asked != "ignore" for cut in plan.cuts)
    cuts = f"{hits} of {heeded} cuts on the beat" if heeded else "no cuts"
    bars = f"{plan.bars} bars" + ("" if plan.metre == "4/4" else f" of {plan.metre}")
    style = f"   ({', '.join(plan.style)})" if plan.style else ""
    return f"{plan.key}  ·  {bpm:.0f} bpm  ·  {bars}  ·  {plan.palette}  ·  {cuts}{style}"


def _dress(axis: Any, plan: MusicPlan) -> None:
    """Sections behind, cuts through, and as little ink as can be around a lane."""
    names = sorted({s.label for s in plan.sections})
    for section in plan.sections:
        start, end = (float(plan.tempo.time_at(beat)) for beat in (section.start_beat, section.end_beat))
        axis.axvspan(
            start, end, color=SECTION_COLOURS[names.index(section.label) % len(SECTION_COLOURS)], lw=0, zorder=0
        )
    for cut in plan.cuts:
        color, dashes = (HIT, "-") if cut.snapped else (MISS, (0, (3, 2)))
        axis.axvline(cut.time, color=color, ls=dashes, lw=0.7 + 0.9 * cut.strength, alpha=0.85, zorder=2)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=8, colors=FAINT)
    axis.set_facecolor(PAPER)


def _name(axis: Any, text: str) -> None:
    axis.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=9, color=INK)


def _sections(axis: Any, plan: MusicPlan) -> None:
    _name(axis, "sections\nand cuts")
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    for section in plan.sections:
        start = float(plan.tempo.time_at(section.start_beat))
        axis.text(start, 0.62, f" {section.label}", fontsize=10, fontweight="bold", color=INK)
    every = -(-len(plan.chords) // MOST_CHORDS)  # so many that they can be read
    for chord in plan.chords[:: max(1, every)]:
        axis.text(float(plan.tempo.time_at(chord.start)), 0.4, f" {chord.symbol}", fontsize=6.5, color=FAINT)
    for snapped, marker, color in ((True, "o", HIT), (False, "X", MISS)):
        times = [cut.time for cut in plan.cuts if cut.snapped == snapped]
        axis.plot(times, [0.24] * len(times), marker, color=color, ms=7, mec="white", mew=1, zorder=3, clip_on=False)


def _tempo(axis: Any, plan: MusicPlan) -> None:
    bpm = plan.tempo.bpm()
    axis.stairs(bpm, plan.tempo.edges, color=INK, baseline=None, lw=1.6, zorder=3)
    _name(axis, "bpm")
    room = max(3.0, 0.25 * float(np.ptp(bpm)))
    axis.set_ylim(float(bpm.min()) - room, float(bpm.max()) + room)
    ends = {round(float(bpm.min())), round(float(bpm.max()))}
    axis.set_yticks(sorted(ends))


def _curves(axis: Any, plan: MusicPlan) -> None:
    """Fullness and notes a beat on the left; how high it lies on the right."""
    edges, curves = plan.tempo.edges, plan.curves
    middles = (edges[:-1] + edges[1:]) / 2
    axis.stairs(curves.polyphony, edges, fill=True, color=FULL, alpha=0.9, label="keys at once", zorder=1)
    axis.plot(middles, curves.density, color=BUSY, label="notes per beat", lw=1.7, zorder=3)
    axis.plot(middles, curves.melody, color=MELODY, label="of them melody", lw=1.4, zorder=3)
    axis.set_ylim(0, 1.25 * float(max(curves.polyphony.max(), curves.density.max(), 1.0)))
    _name(axis, "asked of\nthe music")
    right = axis.twinx()
    right.plot(middles, curves.register, color=REGISTER, lw=1.2, ls=":", label="register (right)")
    right.spines[:].set_visible(False)
    right.tick_params(length=0, labelsize=8, colors=REGISTER)
    low, high = float(curves.register.min()), float(curves.register.max())
    right.set_ylim(low - 12, high + 6)
    right.set_yticks(sorted({round(low), round(high)}))
    handles = [*axis.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    axis.legend(handles=handles, loc="upper right", fontsize=7, ncols=4, frameon=False, labelcolor=INK, borderpad=0)


def _roll(axis: Any, plan: MusicPlan, roll: PianoRoll) -> None:
    from matplotlib.collections import PolyCollection

    _name(axis, "notes")
    for label, notes, color in zip(
        ("accompaniment", "melody"), reversed(roll_to_notes(roll)), (ACCOMPANIMENT, MELODY), strict=True
    ):
        if not notes:
            continue
        start, end = (plan.tempo.time_at([getattr(n, edge) for n in notes]) for edge in ("start", "end"))
        low, high = (np.array([n.pitch + edge for n in notes]) for edge in (-0.43, 0.43))
        corners = np.stack([[start, low], [start, high], [end, high], [end, low]]).transpose(2, 0, 1)  # [notes, 4, 2]
        verts = cast("Sequence[np.ndarray]", corners)  # an array is taken too, whatever the types say
        boxes = PolyCollection(verts, facecolors=color, edgecolors=PAPER, linewidths=0.25, label=label, zorder=3)
        axis.add_collection(boxes, autolim=False)
    for bar in plan.tempo.edges[:: plan.beats_per_bar]:
        axis.axvline(bar, color=FAINT, lw=0.4, alpha=0.5, zorder=1)
    used = np.flatnonzero(roll.cells.any((0, 1)))
    low, high = (int(used[0]) + 21, int(used[-1]) + 21) if len(used) else (48, 72)
    axis.set_ylim(low - 1.5, high + 3.5)
    octaves = range(12 * -(-low // 12), high + 1, 12)
    axis.set_yticks(list(octaves), [f"C{pitch // 12 - 1}" for pitch in octaves])
    for pitch in octaves:
        axis.axhline(pitch - 0.5, color=FAINT, lw=0.4, alpha=0.5, zorder=1)
    if len(used):
        axis.legend(loc="upper right", fontsize=7, ncols=2, frameon=False, labelcolor=INK, borderpad=0)


def _time_axis(axis: Any, plan: MusicPlan) -> None:
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300) if plan.duration / s <= 14), 600)
    ticks = np.arange(0, plan.duration + 1e-6, step)
    axis.set_xticks(ticks, [f"{int(t) // 60}:{int(t) % 60:02d}" for t in ticks])
    axis.set_xlim(0, plan.duration)
