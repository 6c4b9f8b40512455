"""Training on the network's own music, to lead it away from what that lacks: `diffbgm train --own 1000`.

A network that learns from its own music learns its own faults: what it plays too often grows likelier, what it plays
too seldom is lost. So the step it takes there, taken backwards, mends some of them: `theta + w (theta - theta_own)`
(Neon: Alemohammad, Wang & Baraniuk, *Negative Extrapolation From Self-Training Improves Image Generation*, 2025,
algorithm 1), which is `diffbgm average START OWN --share -W`.

Where several takes of each window are composed (`--takes`), a critic that is fitted to tell them from people's windows
parts the best from the worst, and the network is trained on either: what parts the two networks points from worse music
to better, whatever training on own music does besides: `theta + a (theta_best - theta_worst)`.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.composer.device import make_accelerator
from diffbgm.errors import DataError, InputError
from diffbgm.files import make_folder, replacing
from diffbgm.hub import load_weights
from diffbgm.options import ComposeOptions
from diffbgm.progress import part_of
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.mix import Mix, kept_mix
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, Window, whole_windows
from diffbgm.research.training.critic import features_of, fit_rows
from diffbgm.research.training.train import PIECES, TrainOptions, archives_of, split, train_on
from diffbgm.types import PITCHES

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

GROUP = 64  # windows of a mix drawn together, of one length
OWN = TrainOptions(steps=300, learning_rate=3e-4, warmup=30, dropout=0.0, ema=0.98, ema_every=1, validate_every=100)
FOLDS = 5  # of the critics that part takes
BEST, WORST = "best", "worst"  # the runs on chosen takes


def train_on_own(
    data: Path | str,
    out: Path | str,
    start_from: Path | str,
    *,
    n: int = 1000,
    takes: int = 1,
    batch_size: int | None = None,
    options: TrainOptions = OWN,
    on_progress: Callable[[float, str], None] | None = None,
) -> tuple[Path, ...]:
    """Composes `n` windows with the weights in `start_from`, and trains these on them.

    The windows are composed under plans of the training pieces: of POP909, or of all corpora as `train` draws them.
    Leaves what `train` leaves in `out`, and the windows (own.npz), which a run that is continued takes again. With more
    than one take of each window there are two runs, on what a critic finds the best and the worst, in `out`/best and
    `out`/worst.

    Args:
        data: POP909 (folder or zip), or a folder of corpus archives.
        out: The folder of the run.
        start_from: The folder of the weights that compose and are trained.
        n: Windows.
        takes: Of each.
        batch_size: Windows composed at once; None for the usual number. It decides the music as the seed does.
        options: Of the training.
        on_progress: Called with the finished fraction (0..1) and a message.

    Returns the folders with the averaged weights, one, or the best's and the worst's. Raises InputError for `n` or
    `takes` below 1, and what `train` raises.
    """
    for name, value in (("own windows", n), ("takes", takes)):
        if value < 1:
            raise InputError(f"the number of {name} must be at least 1, got {value}")
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
    composed = ComposeOptions(seed=options.seed, batch_size=batch_size)
    tried = [
        own_windows(model, plans, replace(composed, seed=options.seed + take), file, part_of(tell, *span))
        for take, (file, span) in enumerate(zip(own_files(out, takes), spans(0.1, 0.7, takes), strict=True))
    ]
    chosen = {"": tried[0]} if takes == 1 else best_and_worst(plans, tried)
    return tuple(
        train_on(own, validation, make_folder(out / name), model.config, options, start_from, part_of(tell, *span))
        for (name, own), span in zip(chosen.items(), spans(0.7, 1.0, len(chosen)), strict=True)
    )


def own_files(out: Path, takes: int) -> list[Path]:
    """Where the windows of each take are kept."""
    return [out / f"own{take or ''}.npz" for take in range(takes)]


def spans(start: float, end: float, count: int) -> list[tuple[float, float]]:
    """Parts of a progress from `start` to `end`, one after the other."""
    edges = np.linspace(start, end, count + 1).tolist()
    return list(itertools.pairwise(edges))


def best_and_worst(plans: Sequence[Window], tried: Sequence[Sequence[Window]]) -> dict[str, list[Window]]:
    """Of each window the takes that a critic finds most and least like people's, by `BEST` and `WORST`.

    Critics for each length of windows are fitted to takes and to the windows of the plans, each to all but a fold of
    the plans, of which it then says the odds. They look at 16 sixteenths as a bar whatever the metre, in both alike.
    """
    out: dict[str, list[Window]] = {BEST: [], WORST: []}
    first = 0
    for _, group in itertools.groupby(plans, lambda plan: plan.cells.shape):
        people = list(group)
        here = [take[first : first + len(people)] for take in tried]
        first += len(people)
        rows = np.stack([features_of(cells_of(take)) for take in here])  # [takes, n, F]
        odds = odds_of(rows, features_of(cells_of(people)))
        for name, which in ((BEST, odds.argmax(0)), (WORST, odds.argmin(0))):
            out[name] += [here[take][i] for i, take in enumerate(which)]
    return out


def odds_of(takes: np.ndarray, people: np.ndarray) -> np.ndarray:
    """[takes, n] log odds that takes are people's, by critics that saw neither them nor the windows of their plans.

    Args:
        takes: [takes, n, F] features.
        people: [n, F] of the windows of the plans.

    """
    odds, folds = np.zeros(takes.shape[:2]), np.arange(len(people)) % min(FOLDS, len(people))
    for fold in np.unique(folds):
        out = folds == fold
        known = ~out if not out.all() else out
        critic = fit_rows(takes[:, known].reshape(-1, takes.shape[-1]), people[known])
        odds[:, out] = [critic.log_odds(rows) for rows in takes[:, out]]
    return odds


def cells_of(windows: Sequence[Window]) -> np.ndarray:
    """[n, 4, T, 88] the cells of windows of one length."""
    return np.stack([window.cells for window in windows])


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
    options: ComposeOptions,
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
            cells.append(sample_windows(model, alike, options, told))
            done += len(alike)
        with replacing(file) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(stream, *(np.packbits(each, axis=-1) for each in cells))
    return [
        replace(plan, cells=own, velocity=np.full(plan.velocity.shape, np.nan, np.float32))
        for plan, own in zip(plans, itertools.chain(*cells), strict=True)
    ]
