"""`diffbgm evaluate sync`: how many cuts land on beats, in videos given or made up, beside chance and a fixed tempo."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.planner import make_plan
from diffbgm.progress import Progress, silent
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.sync import cut_hits, fixed_tempo, onset_hits, pool_hits, random_cuts, tempo_limits
from diffbgm.types import Cut, MusicPlan, VideoFeatures

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

MEAN_SHOTS = (1.5, 3.0, 6.0)  # seconds
COLUMNS = ("videos", "n", "cuts", "on a beat or half", "chance", "fixed tempo", "strong on a beat", "chance",
           "base tempo", "drift", "step")  # fmt: skip


def evaluate_sync(
    videos: Sequence[Path] = (),
    *,
    n: int = 40,
    composed: int = 3,
    seed: int = 0,
    model: "DiffBGM | None" = None,
    on_progress: Progress | None = None,
) -> Report:
    """Measures how many cuts land on beats of the plans for given and made-up videos.

    There are `n` made-up videos at each mean shot length; `composed` of each group are also composed and arranged by
    `model`, to see whether notes sound at the snapped cuts.
    """
    progress = on_progress or silent
    rows, data = [], {}
    groups: list[tuple[str, list[VideoFeatures]]] = []
    for video in videos:
        from diffbgm.video import analyze

        groups.append((video.name, [analyze(video)]))
    for mean in MEAN_SHOTS:
        made = [drawn_features(*random_cuts(mean, seed + i)) for i in range(n)]
        groups.append((f"mean shot {mean:g} s", made))
    for i, (name, features) in enumerate(groups):
        plans = []
        for k, f in enumerate(features):
            progress((i + k / len(features)) / len(groups), f"{name}: video {k + 1} of {len(features)}")
            plans.append(make_plan(f))
        row, found = measure_plans(name, plans)
        if model is not None:
            found["onsets"] = onsets_at_cuts(model, plans[:composed], seed)
        rows.append(row)
        data[name] = found
    tables = [
        Table(
            "Cuts within 40 ms of the grid",
            COLUMNS,
            tuple(rows),
            f"seed {seed}; cuts pooled over videos; drift and step: the largest departure of the local tempo from the "
            "base and between neighbouring beats",
        )
    ]
    if model is not None:
        heard = tuple(
            (name, d["onsets"]["videos"], d["onsets"]["cuts"], d["onsets"]["share"], d["onsets"]["chance"])
            for name, d in data.items()
        )
        note = "chance: the same onsets against the cuts moved by half a second"
        tables.append(
            Table(
                "Snapped cuts with an onset within 40 ms",
                ("videos", "n", "cuts", "share", "chance"),
                heard,
                f"seed {seed}; {note}",
            )
        )
    return Report("Synchrony", seed, tuple(tables), data)


def measure_plans(name: str, plans: Sequence[MusicPlan]) -> tuple[tuple, dict]:
    """A table row and its data for some plans whose cuts count together."""
    times = [[c.time for c in p.cuts] for p in plans]
    strengths = [[c.strength for c in p.cuts] for p in plans]
    ours = pool_hits([cut_hits(t, s, p.tempo) for t, s, p in zip(times, strengths, plans, strict=True)])
    steady = pool_hits([cut_hits(t, s, fixed_tempo(p.tempo)) for t, s, p in zip(times, strengths, plans, strict=True)])
    limits = np.array([tempo_limits(p.tempo) for p in plans])
    bases = [60 * p.beats / p.duration for p in plans]
    row = (
        name, len(plans), ours.n, ours.hit, ours.chance, steady.hit, ours.strong_on_beat, ours.strong_chance,
        f"{min(bases):.0f}-{max(bases):.0f}", limits[:, 0].max(), limits[:, 1].max(),
    )  # fmt: skip
    found = {
        "ours": asdict(ours),
        "fixed tempo": asdict(steady),
        "drift": limits[:, 0].max(),
        "step": limits[:, 1].max(),
    }
    return row, found


def onsets_at_cuts(model: "DiffBGM", plans: Sequence[MusicPlan], seed: int) -> dict[str, float]:
    """Share of the snapped cuts at which a note of the arranged score begins."""
    from diffbgm.arrange import arrange

    shares, chances, counts = [], [], []
    for i, plan in enumerate(plans):
        cuts = np.array([c.time for c in plan.cuts if c.snapped])
        if not len(cuts):
            continue
        score = arrange(model.compose(plan, seed=seed + i), plan, seed=seed + i)
        onsets = plan.tempo.time_at(np.array([n.start for t in score.tracks for n in t.notes]))
        shares.append(onset_hits(cuts, onsets))
        chances.append(onset_hits((cuts + 0.5) % plan.duration, onsets))
        counts.append(len(cuts))
    total = sum(counts)
    mean = [float(np.average(x, weights=counts)) if total else float("nan") for x in (shares, chances)]
    return {"videos": len(counts), "cuts": total, "share": mean[0], "chance": mean[1]}


def drawn_features(duration: float, cuts: Sequence[Cut]) -> VideoFeatures:
    """Features of a video of which only the cuts matter: grey, calm, four samples a second."""
    times = np.arange(0.125, max(duration, 0.25), 0.25)
    flat = np.ones(len(times))
    return VideoFeatures(
        duration=duration,
        frame_rate=25.0,
        width=640,
        height=360,
        has_audio=False,
        cuts=tuple(cuts),
        times=times,
        motion=0.4 * flat,
        colour=np.stack([0.5 * flat, 0.3 * flat, 0 * flat], 1),
        affect=np.zeros((len(times), 2)),
    )
