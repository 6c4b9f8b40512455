"""`diffbgm evaluate sweep`: which guidance and how many steps give windows that are nearest to songs."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.options import ComposeOptions, Guidance
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import prepare
from diffbgm.research.evaluation.model import FOLDS, chosen, draw, majors_asked
from diffbgm.research.metrics.agreement import curve_agreement, mode_agreement
from diffbgm.research.metrics.descriptors import DESCRIPTORS, describe_all
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.twosample import two_sample

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

GUIDANCES = (
    Guidance(1.0, 1.0),
    Guidance(1.5, 1.0),
    Guidance(1.0, 1.5),
    Guidance(1.5, 1.5),
    Guidance(3.0, 3.0),
    Guidance(3.0, 3.0, rescale=0.0),
)
STEPS = (16, 32, 64, 96)
COLUMNS = ("PCHE", "GPS", "onsets a bar", "spread", "AUC", "low", "high", "density r", "mode heard", "cost")


def evaluate_sweep(
    model: "Denoiser",
    data: Path | str,
    *,
    n: int = 100,
    options: ComposeOptions | None = None,
    guidances: Sequence[Guidance] = GUIDANCES,
    steps: Sequence[int] = STEPS,
    on_progress: Progress | None = None,
) -> Report:
    """Samples the windows of `evaluate_model` anew for other guidances and numbers of steps.

    Every guidance is tried at the default steps, and every number of steps at the default guidance; `options` are the
    defaults. Cost: sampling time against theirs, in this run.
    """
    usual = options or ComposeOptions()
    seed = usual.seed
    progress = on_progress or silent
    pieces = [prepare(song) for song in chosen(read_songs(data, part_of(progress, 0.0, 0.1)), ())]
    windows, requested, owner = draw(pieces, n, seed)
    reference = np.stack([w.cells for w in windows])
    y = describe_all(reference)
    groups = (owner, owner) if len(set(owner)) >= FOLDS else None
    asked = majors_asked(windows)
    trials = [replace(usual, guidance=g) for g in guidances] + [replace(usual, steps=s) for s in steps]
    if usual not in trials:
        trials.insert(0, usual)
    found: dict[ComposeOptions, tuple[list[float], float]] = {}
    for i, trial in enumerate(dict.fromkeys(trials)):
        progress(0.1 + 0.9 * i / len(trials), f"{trial.guidance}, {trial.steps} steps")
        began = time.perf_counter()
        cells = sample_windows(model, windows, trial, silent)
        seconds = time.perf_counter() - began
        x = describe_all(cells)
        test = two_sample(x, y, groups=groups, seed=seed)
        row = [
            *summary(x),
            *(test.auc, test.low, test.high),
            curve_agreement(requested, cells)["density"],
            mode_agreement(asked, cells).share,
        ]
        found[trial] = (row, seconds)
    truth = [*summary(y), 0.5, None, None, 1.0, mode_agreement(asked, reference).share, None]
    base = found[usual][1]

    def table(title: str, columns: tuple[str, ...], rows: list[tuple[tuple[Any, ...], ComposeOptions]]) -> Table:
        body = [(*head, *found[trial][0], found[trial][1] / base) for head, trial in rows]
        body.append((*("the songs", *[None] * (len(columns) - 1)), *truth))
        note = f"n = {n} windows of {len(set(owner))} songs, seed {seed}; spread: of the onsets from bar to bar; "
        note += "cost: sampling time against the default's, in this run"
        return Table(title, (*columns, *COLUMNS), tuple(body), note)

    by_guidance = [
        ((o.guidance.dynamic, o.guidance.semantic, o.guidance.rescale), o) for o in found if o.steps == usual.steps
    ]
    by_steps = [((o.steps,), o) for o in sorted(found, key=lambda o: o.steps) if o.guidance == usual.guidance]
    tables = (
        table(f"Guidance, {usual.steps} steps", ("dynamic", "semantic", "rescale"), by_guidance),
        table("Steps, default guidance", ("steps",), by_steps),
    )
    return Report("Guidance and steps", seed, tables, {"n": n, "songs": len(set(owner))})


def summary(described: np.ndarray) -> list[float]:
    """Mean PCHE, GPS, onsets a bar and their spread of windows as `describe_all` describes them."""
    names = list(DESCRIPTORS)
    melody, below, pche, gps, spread = (
        float(described[:, names.index(name)].mean())
        for name in ("melody_onsets", "accompaniment_onsets", "pche", "groove", "density_spread")
    )
    return [pche, gps, melody + below, spread]
