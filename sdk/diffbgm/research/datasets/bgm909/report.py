"""A page of pictures of what is in a data set: what a paper about it would show."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.files import replacing
from diffbgm.research.datasets.bgm909 import Bgm909
from diffbgm.types import PITCH_NAMES

INK, FAINT, PAPER = "#1c1917", "#78716c", "#fafaf9"
SONGS, VIDEOS, PAIRS = "#41719c", "#0f766e", "#c2410c"


def draw_report(data: Bgm909, path: str | os.PathLike[str]) -> Path:
    """Draws eight charts of a data set into one PNG; returns its path.

    They show paired lengths, tempi, keys, sections, video lengths, shots a minute, affect, and how sure the alignment
    is (matched pairs: how alike both sides are). OutputError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 7.6), dpi=110, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 4)
    songs, videos, pairs = data.table("songs"), data.table("videos"), data.table("pairs")
    times = {row["song"]: data.song(row["song"]).song.times for row in songs}
    lengths = [float(times[p["song"]][4 * p["end_bar"]] - times[p["song"]][4 * p["start_bar"]]) for p in pairs]
    _histogram(axes[0, 0], lengths, "seconds of music under a video", PAIRS, "pairs")
    _histogram(axes[0, 1], [s["bpm"] for s in songs], "tempo, beats a minute", SONGS, "songs")
    _keys(axes[0, 2], songs)
    _sections(axes[0, 3], data.table("sections"))
    _histogram(axes[1, 0], [v["duration"] for v in videos], "length of a video, seconds", VIDEOS, "videos")
    pace = [60 * v["shots"] / v["duration"] for v in videos]
    _histogram(axes[1, 1], pace, "shots a minute", VIDEOS, "videos")
    _affect(axes[1, 2], videos)
    _trust(axes[1, 3], pairs)
    counts = data.manifest["counts"]
    numbers = ", ".join(f"{sum(counts[name].values())} {name}" for name in ("songs", "videos", "pairs"))
    kinds = " and ".join(f"{n} {kind}" for kind, n in data.manifest["paired"].items())
    figure.suptitle(f"BGM909: {numbers} ({kinds})", x=0.01, ha="left", fontsize=14, fontweight="bold", color=INK)
    path = Path(path)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=PAPER)
    return path


def _dress(axis: Any, title: str, ylabel: str = "") -> None:
    axis.set_title(title, loc="left", fontsize=9, color=INK)
    axis.set_ylabel(ylabel, color=FAINT, fontsize=9)
    axis.set_facecolor(PAPER)
    axis.tick_params(labelsize=8, colors=FAINT)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _histogram(axis: Any, values: list[float], title: str, colour: str, unit: str) -> None:
    _dress(axis, f"{title} (median {np.median(values):.3g})", unit)
    low, high = float(np.min(values)), float(np.max(values))
    room = 0.5 if high - low < 1e-3 else 0.0  # all the same, as far as anybody can see
    axis.hist(values, bins=30, range=(low - room, high + room), color=colour)


def _keys(axis: Any, songs: list[dict[str, Any]]) -> None:
    counts = Counter(row["key"] for row in songs)
    at = np.arange(12)
    for shift, mode, colour in ((-0.2, "major", SONGS), (0.2, "minor", PAIRS)):
        axis.bar(at + shift, [counts[f"{name} {mode}"] for name in PITCH_NAMES], 0.4, color=colour, label=mode)
    axis.set_xticks(at, PITCH_NAMES)
    axis.legend(fontsize=8, frameon=False)
    _dress(axis, "keys, as measured", "songs")


def _sections(axis: Any, sections: list[dict[str, Any]]) -> None:
    lengths = Counter(min(row["end_bar"] - row["start_bar"], 17) for row in sections)
    axis.bar(range(1, 18), [lengths[n] for n in range(1, 18)], color=SONGS)
    axis.set_xticks(range(1, 18, 2), [*map(str, range(1, 16, 2)), "17+"])
    _dress(axis, "bars of a section", "sections")
    if not sections:
        axis.text(0.5, 0.5, "no song's sections are known", transform=axis.transAxes, ha="center", color=FAINT)


def _affect(axis: Any, videos: list[dict[str, Any]]) -> None:
    axis.axhline(0, color=FAINT, lw=0.6)
    axis.axvline(0, color=FAINT, lw=0.6)
    points = np.array([(v["valence"], v["arousal"]) for v in videos])
    axis.scatter(points[:, 0], points[:, 1], s=10, alpha=0.5, color=VIDEOS, linewidths=0)
    axis.set(xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    axis.set_xlabel("valence", color=FAINT, fontsize=9)
    _dress(axis, f"affect of a video, by {' and '.join(sorted({v['semantics'] for v in videos}))}", "arousal")


def _trust(axis: Any, pairs: list[dict[str, Any]]) -> None:
    found = [p["confidence"] for p in pairs if p["confidence"] is not None]
    alike = [p["distance"] for p in pairs if p["distance"] is not None]
    if found:
        _histogram(axis, found, "confidence of the alignment", PAIRS, "pairs")
        axis.set_xlim(0, 1)
    elif alike:
        shown = [d for d in alike if d <= np.percentile(alike, 99)]
        _histogram(axis, shown, "unlikeness of matched music, the lower 99 %", PAIRS, "pairs")
    else:
        _dress(axis, "alignment")
        axis.text(0.5, 0.5, "every offset was given", transform=axis.transAxes, ha="center", color=FAINT)
