"""`diffbgm evaluate metre`: whether the metre that was asked for is the metre that a listener would count."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffbgm.composer import Denoiser
from diffbgm.composer.compose import compose
from diffbgm.errors import DataError
from diffbgm.options import ComposeOptions
from diffbgm.planner import make_plan
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.corpora import Piece, read_corpus
from diffbgm.research.datasets.pop909 import is_validation
from diffbgm.research.evaluation.semantics import drawn_video
from diffbgm.research.metrics.metre import KINDS, fit_metre, metre_features
from diffbgm.research.metrics.report import Report, Table
from diffbgm.types import METRES, STEPS_PER_BEAT

SECONDS = 26.0  # of the made-up videos, about
BEATS = 48  # of an excerpt of a real piece
TRAINING, HELD = 250, 60  # excerpts of each metre, at most


def evaluate_metre(
    model: Denoiser,
    archives: Sequence[Path],
    *,
    n: int = 12,
    style: str = "",
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Tells the metre of `n` composed pieces of each metre, and of real pieces that were held out.

    Args:
        model: The denoiser.
        archives: Corpora; what tells metres is fitted to their training pieces.
        n: Pieces of each metre, for made-up videos.
        style: Tags of the plans.
        options: Of the composer; its seed decides everything that is drawn.
        on_progress: Told of the progress.
    """
    options = options or ComposeOptions()
    progress = on_progress or silent
    rng = np.random.default_rng([options.seed, 5])
    pieces = [piece for path in archives for piece in read_corpus(path, part_of(progress, 0.0, 0.2))]
    known = draw_excerpts([piece for piece in pieces if not is_validation(piece.work)], TRAINING, rng)
    held = draw_excerpts([piece for piece in pieces if is_validation(piece.work)], HELD, rng)
    judge = fit_metre([cells for _, cells in known], [metre for metre, _ in known])
    told = {metre: judge.predict([metre_features(c) for m, c in held if m == metre]) for metre in METRES}
    heard: dict[str, list[str]] = {metre: [] for metre in METRES}
    for i, metre in enumerate(metre for metre in METRES for _ in range(n)):
        plan = make_plan(drawn_video(options.seed, i, seconds=SECONDS), style, metre=metre)
        roll = compose(model, plan, ComposeOptions(**{**vars(options), "seed": options.seed + i}))
        heard[metre] += judge.predict([metre_features(roll.cells)]).tolist()
        progress(0.2 + 0.8 * (i + 1) / (n * len(METRES)), f"composed piece {i + 1} of {n * len(METRES)}")
    rows = []
    for metre, kind in KINDS.items():
        found = [f"{np.mean(np.asarray(side) == kind):.0%}" for side in (heard[metre], told[metre])]
        wrong = ", ".join(f"{k} {heard[metre].count(k)}" for k in sorted(set(heard[metre]) - {kind}))
        rows.append((metre, f"{found[0]} of {n}", f"{found[1]} of {len(told[metre])}", wrong))
    note = (
        f"n = {n} composed pieces a metre, seed {options.seed}, {options.steps} steps, style {style or 'none'}; told by"
        f" logistic regression on the autocorrelation of accents, fitted to {len(known)} excerpts of {BEATS} beats of"
        f" {', '.join(path.name for path in archives)}; real: excerpts of works that were held out; chance 33 %"
    )
    table = Table("Metre asked, and told from the notes", ("metre", "composed", "real", "taken for"), tuple(rows), note)
    return Report(
        "Metre", options.seed, (table,), {"heard": heard, "real": {m: list(map(str, t)) for m, t in told.items()}}
    )


def draw_excerpts(pieces: Sequence[Piece], most: int, rng: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    """(metre, cells [4, T, 88]) of excerpts of `BEATS` beats from a bar line on, at most one a piece."""
    out: list[tuple[str, np.ndarray]] = []
    for metre in METRES:
        fitting = [piece for piece in pieces if piece.metre == metre and piece.roll.beats >= BEATS]
        if not fitting:
            raise DataError(f"the corpora hold no piece of {BEATS} beats in {metre} on this side of the split; add one")
        for i in rng.permutation(len(fitting))[:most]:
            piece = fitting[int(i)]
            start = piece.beats_per_bar * int(rng.integers((piece.roll.beats - BEATS) // piece.beats_per_bar + 1))
            out.append((metre, piece.roll.cells[:, start * STEPS_PER_BEAT : (start + BEATS) * STEPS_PER_BEAT]))
    return out
