"""`diffbgm evaluate model`: windows sampled under the curves and sections of songs, beside those songs."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.errors import DataError, InputError
from diffbgm.files import replacing
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.compose_windows import mode_asked, sample_windows
from diffbgm.research.datasets.corpora import is_corpus
from diffbgm.research.datasets.mix import read_parts
from diffbgm.research.datasets.pop909 import Song, is_validation, read_songs
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, Window, prepare, whole_windows
from diffbgm.research.metrics.model import measure_model, model_report
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.statistics import interval, resampled_groups
from diffbgm.research.training.train import VALIDATION_LEVELS, window_bce
from diffbgm.types import BEATS_PER_BAR, CURVES, Curves

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

BARS = 8
SMALLEST = 20
FOLDS = 5  # of the classifier: fewer songs cannot be kept on one side of each split, and windows are split alone
LOW_NOISE_DRAWS = 4


def evaluate_model(
    model: "Denoiser",
    data: Path | str,
    *,
    n: int = 200,
    songs: Sequence[str] = (),
    options: ComposeOptions | None = None,
    save: Path | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Draws `n` windows of the held-out pieces (or of `songs`, by id), samples as many for their plans, and measures.

    `data` is POP909 or a corpus in the common layout, of which the pieces in 4/4 and 2/4 (in pairs of bars) are used.
    `save` is a folder for windows.npz: `generated` and `reference`, uint8 [n, 4, 128, 88]. `options.seed` decides
    everything that is drawn. Raises DataError when no such song is there.
    """
    if n < SMALLEST:
        raise InputError(f"n must be at least {SMALLEST} for the classifier to learn anything, got {n}")
    options = options or ComposeOptions()
    progress = on_progress or silent
    known, pieces = read_pieces(data, songs, part_of(progress, 0.0, 0.1))
    windows, requested, owner = draw(pieces, n, options.seed)
    reference = np.stack([w.cells for w in windows])
    generated = sample_windows(model, windows, options, part_of(progress, 0.1, 0.85))
    if save is not None:
        save_windows(save, generated, reference)
    progress(0.86, "measuring")
    ids = {piece.id for piece in pieces}
    result = measure_model(
        generated,
        reference,
        training=known or None,
        requested=requested,
        asked_major=majors_asked(windows),
        songs=owner if len(set(owner)) >= FOLDS else None,
        seed=options.seed,
    )
    progress(0.95, "measuring the validation loss")
    bce, again = (cross_entropies(model, windows, options.seed, again=own) for own in (False, True))
    report = model_report(result)
    table = Table(
        "Binary cross-entropy of x_0 given the plan, in nats a sixteenth",
        ("noise level", "one evaluation", "with its own estimate"),
        tuple((f"{level:g}", in_interval(bce[level], owner), in_interval(again[level], owner)) for level in bce),
        f"n = {n} windows of {len(set(owner))} songs, {LOW_NOISE_DRAWS} draws of the noise each at the lowest level, "
        f"where a handful of cells decides, one at the others; seed {options.seed}; 95 % intervals by bootstrap over "
        "songs; own estimate: the network is shown what it answered first, as the sampler does",
    )
    guidance = {"dynamic": options.guidance.dynamic, "semantic": options.guidance.semantic}
    sampler = {"steps": options.steps, **guidance}
    data_out = {
        **report.data,
        "bce": {str(k): float(v.mean()) for k, v in bce.items()},
        "bce_again": {str(k): float(v.mean()) for k, v in again.items()},
        "sampler": sampler,
        "songs": sorted(ids),
    }
    return replace(report, tables=(*report.tables, table), data=data_out)


def cross_entropies(model: "Denoiser", windows: Sequence[Window], seed: int, *, again: bool) -> dict[float, np.ndarray]:
    """Noise level -> [n] nats a sixteenth of every window; see `train.window_bce`."""
    draws = {level: LOW_NOISE_DRAWS if level == min(VALIDATION_LEVELS) else 1 for level in VALIDATION_LEVELS}
    return {
        level: np.mean([window_bce(model, windows, level, seed + i, again=again) for i in range(count)], axis=0)
        for level, count in draws.items()
    }


def in_interval(values: np.ndarray, owner: Sequence[int]) -> str:
    """The mean of what windows have, with a 95 % interval by bootstrap over the songs they belong to."""
    rng = np.random.default_rng(0)
    means = [values[rows].mean() for rows in resampled_groups(owner, rng, 2000)]
    low, high = interval(means)
    return f"{values.mean():.4f} [{low:.4f}, {high:.4f}]"


def read_pieces(
    data: Path | str, songs: Sequence[str], on_progress: Progress
) -> tuple[list[np.ndarray], list[TrainingPiece]]:
    """The cells of all pieces that may have been trained on, and the pieces to measure by; see `evaluate_model`."""
    if is_corpus(data, common=True):
        if songs:
            raise InputError("songs are named by POP909's numbers; of other corpora the held-out pieces are used")
        known, held = read_parts(data, on_progress=on_progress)
        return [piece.roll.cells for piece in known], held
    everything = read_songs(data, on_progress)
    pieces = [prepare(song) for song in chosen(everything, songs)]
    ids = {piece.id for piece in pieces}
    return [s.roll.cells for s in everything if not is_validation(s.id) and s.id not in ids], pieces


def chosen(songs: Sequence[Song], ids: Sequence[str]) -> list[Song]:
    """The songs with these ids, or the validation songs; at least one has eight bars."""
    if missing := sorted(set(ids) - {s.id for s in songs}):
        raise DataError(f"no usable song {', '.join(missing)} in the data; only songs in 4/4 are used")
    picked = [s for s in songs if (s.id in ids if ids else is_validation(s.id)) and s.bars >= BARS]
    if not picked:
        raise DataError("the data holds no validation song of eight bars; name songs with --songs")
    return picked


def draw(
    pieces: Sequence[TrainingPiece], n: int, seed: int, how: Sampling | None = None
) -> tuple[list[Window], list[Curves], list[int]]:
    """Draws `n` whole windows, their curves, and the index of the song of each.

    Songs are drawn in proportion to their lengths. The windows are told of everything, or as `how` has it.
    """
    drawn = whole_windows(pieces, n, BARS, np.random.default_rng([seed, 2]), how or Sampling.plain())
    requested = []
    for i, start, _ in drawn:
        beats = slice(start * BEATS_PER_BAR, (start + BARS) * BEATS_PER_BAR)
        requested.append(Curves(**{name: pieces[i].curves[name][beats] for name in CURVES}))
    return [window for _, _, window in drawn], requested, [i for i, _, _ in drawn]


def majors_asked(windows: Sequence[Window]) -> list[bool]:
    """[n] whether a window's tokens ask for major more than for minor."""
    return [bool(mode_asked(window).mean() > 0) for window in windows]


def save_windows(folder: Path, generated: np.ndarray, reference: np.ndarray) -> None:
    """Writes both sets of cells [n, 4, T, 88] to windows.npz in `folder`, which is made if missing."""
    os.makedirs(folder, exist_ok=True)
    with replacing(folder / "windows.npz") as temporary:
        np.savez_compressed(temporary, generated=generated, reference=reference)
