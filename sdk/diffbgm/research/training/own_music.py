"""Training on the network's own music, to lead it away from what that lacks: `diffbgm train --own 1000`.

A network that learns from its own music learns its own faults: what it plays too often grows likelier, what it plays
too seldom is lost. So the step it takes there, taken backwards, mends some of them: `theta + w (theta - theta_own)`
(Neon: Alemohammad, Wang & Baraniuk, *Negative Extrapolation From Self-Training Improves Image Generation*, 2025,
algorithm 1), which is `diffbgm average START OWN --share -W`.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.composer.device import make_accelerator
from diffbgm.errors import DataError, InputError
from diffbgm.files import replacing
from diffbgm.hub import load_weights
from diffbgm.options import ComposeOptions
from diffbgm.progress import part_of
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.mix import Mix, kept_mix
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, Window, whole_windows
from diffbgm.research.training.train import PIECES, TrainOptions, archives_of, split, train_on
from diffbgm.types import PITCHES

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

GROUP = 64  # windows of a mix drawn together, of one length
OWN = TrainOptions(steps=300, learning_rate=3e-4, warmup=30, dropout=0.0, ema=0.98, ema_every=1, validate_every=100)


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

    The windows are composed under plans of the training pieces: of POP909, or of all corpora as `train` draws them.
    Leaves what `train` leaves in `out`, and the windows (own.npz), which a run that is continued takes again.

    Args:
        data: POP909 (folder or zip), or a folder of corpus archives.
        out: The folder of the run.
        start_from: The folder of the weights that compose and are trained.
        n: Windows.
        options: Of the training.
        on_progress: Called with the finished fraction (0..1) and a message.

    Returns the folder with the averaged weights. Raises InputError for `n` below 1, and what `train` raises.
    """
    if n < 1:
        raise InputError(f"the number of own windows must be at least 1, got {n}")
    tell = on_progress or (lambda fraction, message: None)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    model = load_weights(start_from).to(make_accelerator().device)
    if archives := archives_of(Path(data)):
        pieces, held = kept_mix(archives, out / PIECES, lambda f, m: tell(0.1 * f, m))
        validation = [packed.open() for packed in held]
        plans = plans_of_mix(Mix.of(pieces), n, options.seed)
        options = replace(options, sampling=Sampling.told())  # what they are not told was left out before composing
    else:
        training, validation = split(read_songs(data))
        plans = plans_of(training, n, model.config.bars, options.seed)
    own = own_windows(model, plans, options.seed, out / "own.npz", lambda f, m: tell(0.7 * f, m))
    return train_on(
        own, validation, out, model.config, options, start_from, lambda f, m: tell(0.7 + 0.3 * f, f"on its own: {m}")
    )


def plans_of(pieces: Sequence[TrainingPiece], n: int, bars: int, seed: int) -> list[Window]:
    """`n` whole windows of pieces in proportion to their lengths, told of everything."""
    drawn = whole_windows(pieces, n, bars, np.random.default_rng([seed, 4]), Sampling.plain())
    return [window for _, _, window in drawn]


def plans_of_mix(mix: Mix, n: int, seed: int) -> list[Window]:
    """`n` windows of the mix in their own key, told as in training; longer ones first."""
    rng, how = np.random.default_rng([seed, 4]), replace(Sampling(), transpose=0.0)
    drawn = [window for at in range(0, n, GROUP) for window in mix.draw(rng, min(GROUP, n - at), how)]
    return sorted(drawn, key=lambda window: -window.cells.shape[1])


def own_windows(
    model: "Denoiser",
    plans: Sequence[Window],
    seed: int,
    file: Path,
    on_progress: Callable[[float, str], None],
) -> list[Window]:
    """The windows with the network's music instead of people's, velocities unknown; kept in `file`, or read there.

    `plans` of one length follow one another.
    """
    if file.exists():
        with np.load(file) as kept:
            cells = [np.unpackbits(kept[name], axis=-1, count=PITCHES) for name in kept.files]
        if (found := sum(map(len, cells))) != len(plans):
            raise DataError(f"{file} holds {found} windows, {len(plans)} are asked for; use another folder")
    else:
        cells, done = [], 0
        for _, group in itertools.groupby(plans, lambda plan: plan.cells.shape):
            alike = list(group)
            told = part_of(on_progress, done / len(plans), (done + len(alike)) / len(plans))
            cells.append(sample_windows(model, alike, ComposeOptions(seed=seed), told))
            done += len(alike)
        with replacing(file) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(stream, *(np.packbits(each, axis=-1) for each in cells))
    return [
        replace(plan, cells=own, velocity=np.full(plan.velocity.shape, np.nan, np.float32))
        for plan, own in zip(plans, itertools.chain(*cells), strict=True)
    ]
