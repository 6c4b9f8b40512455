"""Training on the network's own music, to lead it away from what that lacks: `diffbgm train --own 1000`.

A network that learns from its own music learns its own faults: what it plays too often grows likelier, what it plays
too seldom is lost. So the step it takes there, taken backwards, mends some of them: `theta + w (theta - theta_own)`
(Neon: Alemohammad, Wang & Baraniuk, *Negative Extrapolation From Self-Training Improves Image Generation*, 2025,
algorithm 1), which is `diffbgm average START OWN --share -W`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.errors import DataError, InputError
from diffbgm.files import replacing
from diffbgm.hub import load_weights
from diffbgm.options import ComposeOptions
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, Window, whole_windows
from diffbgm.research.training.train import TrainOptions, split, train_on

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

OWN = TrainOptions(steps=300, learning_rate=3e-4, warmup=50, dropout=0.0, ema=0.99, validate_every=100)


def train_on_own(
    data: Path | str,
    out: Path | str,
    start_from: Path | str,
    *,
    n: int = 1000,
    options: TrainOptions = OWN,
    on_progress: Callable[[float, str], None] | None = None,
) -> Path:
    """Composes `n` windows with the weights in `start_from`, and trains these on them.

    The windows are composed under plans of POP909's training songs. Leaves what `train` leaves in `out`, and the
    windows (own.npz), which a run that is continued takes again.

    Returns the folder with the averaged weights. Raises InputError for `n` below 1, and what `train` raises.
    """
    if n < 1:
        raise InputError(f"the number of own windows must be at least 1, got {n}")
    tell = on_progress or (lambda fraction, message: None)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    training, validation = split(read_songs(data))
    model = load_weights(start_from)
    plans = plans_of(training, n, model.config.bars, options.seed)
    own = own_windows(model, plans, options.seed, out / "own.npz", lambda f, m: tell(0.7 * f, m))
    return train_on(
        own, validation, out, model.config, options, start_from, lambda f, m: tell(0.7 + 0.3 * f, f"on its own: {m}")
    )


def plans_of(pieces: Sequence[TrainingPiece], n: int, bars: int, seed: int) -> list[Window]:
    """`n` whole windows of pieces in proportion to their lengths, told of everything."""
    drawn = whole_windows(pieces, n, bars, np.random.default_rng([seed, 4]), Sampling.plain())
    return [window for _, _, window in drawn]


def own_windows(
    model: "Denoiser",
    plans: Sequence[Window],
    seed: int,
    file: Path,
    on_progress: Callable[[float, str], None],
) -> list[Window]:
    """The windows with the network's music instead of the songs', velocities unknown; kept in `file`, or read there."""
    if file.exists():
        cells = np.unpackbits(np.load(file)["cells"], axis=-1, count=plans[0].cells.shape[-1])
        if len(cells) != len(plans):
            raise DataError(f"{file} holds {len(cells)} windows, {len(plans)} are asked for; use another folder")
    else:
        cells = sample_windows(model, plans, ComposeOptions(seed=seed), on_progress)
        with replacing(file) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(stream, cells=np.packbits(cells, axis=-1))
    silent = np.full(plans[0].velocity.shape, np.nan, np.float32)
    return [replace(plan, cells=own, velocity=silent) for plan, own in zip(plans, cells, strict=True)]
