"""`diffbgm evaluate sound`: composed pieces on several palettes, measured as sound."""

import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.arrange import PALETTES, arrange, cast
from diffbgm.planner import make_plan
from diffbgm.progress import Progress, silent
from diffbgm.render import render
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.sound import longest_gap, null_depth
from diffbgm.research.metrics.sync import random_cuts

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

SECONDS = 30.0


@dataclass(frozen=True)
class RenderedPiece:
    """One composed piece as sound: LUFS, dBTP, seconds, dBFS, roles that play, notes out of range, sd of velocities."""

    palette: str
    seed: int
    loudness: float
    true_peak: float
    gap: float
    null: float
    roles: int
    out_of_range: int
    velocity_sd: float
    length_error_ms: float


def evaluate_sound(
    model: "DiffBGM",
    *,
    n: int = 20,
    palettes: int = 5,
    seed: int = 0,
    steps: int | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """`n` pieces of 30 s with random cuts, in turn on `palettes` palettes drawn by the seed."""
    progress = on_progress or silent
    names = random.Random(seed).sample(sorted(PALETTES), palettes)
    pieces = []
    for i in range(n):
        progress(i / n, f"piece {i + 1} of {n}, {names[i % palettes]}")
        pieces.append(measure_piece(model, names[i % palettes], seed + i, steps))
    rows = []
    for name in names:
        mine = [p for p in pieces if p.palette == name]
        if mine:
            rows.append(
                (
                    name,
                    len(mine),
                    f"{min(p.loudness for p in mine):.2f} to {max(p.loudness for p in mine):.2f}",
                    max(p.true_peak for p in mine),
                    max(p.gap for p in mine),
                    max(p.null for p in mine),
                    min(p.roles for p in mine),
                    sum(p.out_of_range for p in mine),
                    min(p.velocity_sd for p in mine),
                )
            )
    columns = ("palette", "n", "LUFS", "dBTP at most", "longest gap s", "null dBFS", "roles at least", "out of range",
               "velocity sd at least")  # fmt: skip
    note = f"n = {n} pieces of {SECONDS:g} s, seed {seed}; the worst piece of each palette"
    return Report(
        "Sound", seed, (Table("Sound by palette", columns, tuple(rows), note),), {"pieces": [asdict(p) for p in pieces]}
    )


def measure_piece(model: "DiffBGM", palette: str, seed: int, steps: int | None) -> RenderedPiece:
    """Plans, composes, arranges and renders one piece."""
    _, cuts = random_cuts(4.0, seed)
    features = drawn_features(SECONDS, [c for c in cuts if c.time < SECONDS - 1])
    plan = make_plan(features, palette)
    score = arrange(model.compose(plan, seed=seed, steps=steps), plan, seed=seed)
    sound = render(score, duration=plan.duration)
    ranges = {(part.role, part.program): (part.low, part.high) for part in cast(plan).players}
    played = [(track, note) for track in score.tracks for note in track.notes]
    outside = [
        note
        for track, note in played
        if not track.is_drum
        and not ranges[track.role, track.program][0] <= note.pitch <= ranges[track.role, track.program][1]
    ]
    return RenderedPiece(
        palette=palette,
        seed=seed,
        loudness=sound.lufs,
        true_peak=sound.true_peak,
        gap=longest_gap(sound.mix),
        null=null_depth(sound.mix, sound.stems),
        roles=sum(1 for track in score.tracks if track.notes),
        out_of_range=len(outside),
        velocity_sd=float(np.std([note.velocity for _, note in played])),
        length_error_ms=1000 * (sound.mix.duration - plan.duration),
    )
