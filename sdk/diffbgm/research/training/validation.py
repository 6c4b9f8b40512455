"""What a run is validated on: the same windows with the same noise every time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from diffbgm.composer import Denoiser
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, Window, cut_window, view_window
from diffbgm.research.training.checkpoint import State
from diffbgm.research.training.loss import validation_bce
from diffbgm.research.training.options import TrainOptions


def validation_windows(pieces: Sequence[TrainingPiece], options: TrainOptions) -> dict[str, list[Window]]:
    """The sets of windows that a run is validated on, by name.

    "": POP909 (or all there is, where it is not there), told what plans tell; "told": POP909 told everything; and a few
    windows of every other corpus, told everything.
    """
    corpora = sorted({piece.corpus for piece in pieces})
    main = [piece for piece in pieces if piece.corpus in ("", "POP909")] or list(pieces)
    examples = {"": validation_batch(main, options)}
    if corpora == [""]:
        return examples
    few = replace(options, validation_windows=options.other_windows)
    examples["told"] = validation_batch(
        main, replace(few, validation_windows=4 * few.validation_windows), Sampling.told()
    )
    for corpus in corpora:
        own = [piece for piece in pieces if piece.corpus == corpus]
        if corpus not in ("", "POP909"):
            examples[corpus] = validation_batch(own, few, Sampling.told())
    return examples


def validation_batch(
    pieces: Sequence[TrainingPiece], options: TrainOptions, how: Sampling | None = None
) -> list[Window]:
    """The same windows of the validation pieces every time, by default with what plans ask for asked for."""
    rng = np.random.default_rng([options.seed, 1 << 40])
    how = how or Sampling.plain()
    chosen = rng.choice(
        len(pieces), options.validation_windows, p=np.array([p.bars for p in pieces]) / sum(p.bars for p in pieces)
    )
    return [_example(pieces[i], rng, how) for i in chosen]


def _example(piece: TrainingPiece, rng: np.random.Generator, how: Sampling) -> Window:
    if piece.views:
        return view_window(piece, rng, how)
    starts = np.arange(max(1, piece.bars - 8)) if piece.starts is None else piece.starts
    return cut_window(piece, int(starts[int(rng.integers(len(starts)))]), 8, rng, how)


def validate(state: State, examples: Mapping[str, Sequence[Window]], options: TrainOptions) -> dict[str, float]:
    """`bce_T` and, of the further sets, `bce_T_SET`: cross-entropy in nats a sixteenth.

    T is every validation noise level; the averaged weights are measured, always with the same noise.
    """
    device = next(state.model.parameters()).device
    model = Denoiser(state.model.config).to(device).eval()
    model.load_state_dict(state.average)
    return {
        f"bce_{t}" + (f"_{name}" if name else ""): value
        for name, windows in examples.items()
        for t, value in validation_bce(model, windows, options.seed).items()
    }
