"""`diffbgm evaluate ablations`: what each way of listening to the plan is worth, trained without it from the start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from diffbgm.composer import Config
from diffbgm.errors import InputError
from diffbgm.hub import load_weights
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import Sampling, TrainingPiece
from diffbgm.research.evaluation.model import draw, majors_asked
from diffbgm.research.metrics.agreement import curve_agreement, mode_agreement
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.statistics import interval
from diffbgm.research.training.train import VALIDATION_LEVELS, TrainOptions, split, train_on, window_bce

RESAMPLES = 2000
SAMPLED = 48  # windows that are also composed
STEPS = 32  # of the sampler, for these


@dataclass(frozen=True)
class Variant:
    """A network with something left out: in its shape, or in what it is told, when trained and when measured."""

    name: str
    config: Callable[[Config], Config] = field(default=lambda config: config)
    told: Callable[[Sampling], Sampling] = field(default=lambda sampling: sampling)


VARIANTS = (
    Variant("full"),
    Variant("without the section mask", config=lambda config: replace(config, segment_mask=False)),
    Variant("dynamic stream only", told=lambda sampling: replace(sampling, drop_semantic=1.0)),
    Variant("semantic stream only", told=lambda sampling: replace(sampling, drop_dynamic=1.0)),
    Variant("the paper's hard selector", config=lambda config: replace(config, selector="paper")),
    Variant("without recall", config=lambda config: replace(config, recall=0)),
)


def evaluate_ablations(
    data: Path | str,
    out: Path,
    *,
    n: int = 256,
    config: Config | None = None,
    options: TrainOptions | None = None,
    variants: Sequence[Variant] = VARIANTS,
    on_progress: Progress | None = None,
) -> Report:
    """Trains every variant for `options.steps` from the same seed and compares them with the first.

    They are compared on `n` windows of the validation songs, under the same noise. Runs in `out` that are finished are
    taken as they are.
    """
    if n < 2:
        raise InputError(f"n must be at least 2 windows, got {n}")
    progress = on_progress or silent
    options, config = options or TrainOptions(steps=320), config or Config()
    training, validation = split(read_songs(data, part_of(progress, 0.0, 0.05)))
    found = []
    for i, variant in enumerate(variants):

        def report_part(fraction: float, message: str, i: int = i, name: str = variant.name) -> None:
            progress(0.05 + 0.95 * (i + fraction) / len(variants), f"{name}: {message}")

        folder = Path(out) / variant.name.replace(" ", "-").replace("'", "")
        folder.mkdir(parents=True, exist_ok=True)
        run = replace(options, sampling=variant.told(options.sampling))
        if not (folder / "weights" / "config.json").exists():
            train_on(training, validation, folder, variant.config(config), run, on_progress=report_part)
        found.append(measure(variant, folder / "weights", validation, n, options.seed))
    windows = options.steps * options.batch
    return Report(
        "Ablations",
        options.seed,
        (table_of([v.name for v in variants], found, windows, n, options.seed),),
        {"n": n, "windows": windows, "songs": len(validation)},
    )


@dataclass(frozen=True)
class Found:
    """`bce` [levels, n] nats a sixteenth of every window; what was played of the asked density (r) and mode (share)."""

    bce: np.ndarray
    density: float
    mode: float


def measure(variant: Variant, weights: Path, pieces: Sequence[TrainingPiece], n: int, seed: int) -> Found:
    """Cross-entropy of one variant's weights on `n` windows, and density and mode of SAMPLED composed ones."""
    model = load_weights(weights)
    how = variant.told(Sampling.plain())
    windows, requested, _ = draw([piece for piece in pieces if piece.bars >= model.config.bars], n, seed, how)
    bce = np.stack([window_bce(model, windows, level, seed) for level in VALIDATION_LEVELS])
    some = windows[:SAMPLED]
    options = ComposeOptions(seed=seed, steps=STEPS, mode_guidance=0.0)
    cells = sample_windows(model, some, options, silent)
    density = curve_agreement(requested[:SAMPLED], cells)["density"]
    return Found(bce, density, mode_agreement(majors_asked(some), cells).share)


def table_of(names: Sequence[str], found: Sequence[Found], windows: int, n: int, seed: int) -> Table:
    """The table of all variants, with differences from the first and their 95 % bootstrap intervals."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, n, (RESAMPLES, n))
    rows = []
    for name, one in zip(names, found, strict=True):
        cells: list[str] = []
        for own, first in zip(one.bce, found[0].bce, strict=True):
            gap = own - first
            low, high = interval(gap[picks].mean(1))
            beside = "" if one is found[0] else f" ({gap.mean():+.3f} [{low:+.3f}, {high:+.3f}])"
            cells.append(f"{own.mean():.3f}{beside}")
        rows.append((name, *cells, f"{one.density:.3f}", f"{one.mode:.3f}"))
    return Table(
        f"Each trained on {windows} windows from the same seed",
        ("network", *(f"BCE at {level:g}" for level in VALIDATION_LEVELS), "density r", "mode heard"),
        tuple(rows),
        f"n = {n} windows of the validation songs, seed {seed}, the same noise for all; in brackets: less the first, "
        f"with a 95 % interval over the windows (one training each: how training falls out is not in it); density and "
        f"mode: {min(n, SAMPLED)} windows composed in {STEPS} steps without the pull to the mode",
    )
