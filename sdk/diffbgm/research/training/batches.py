"""The batches of a run: a function of its seed and the step alone, so that any number of processes may draw ahead."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from diffbgm.composer import Config
from diffbgm.composer.condition import Condition
from diffbgm.research.datasets.mix import Mix
from diffbgm.research.datasets.windows import TrainingPiece, Window, draw_window, hide
from diffbgm.research.training.options import TrainOptions

AHEAD = 4  # batches that a process draws before they are asked for

Source = Sequence[TrainingPiece] | Sequence[Window] | Mix


@dataclass(frozen=True)
class Batch:
    """Windows of one length as tensors.

    cells [B, 4, T, 88] 0/1; velocity [B, 2, T, 88] in -1..1, NaN where there is no onset; transposed [B]: see `Window`.
    """

    cells: Tensor
    velocity: Tensor
    condition: Condition
    transposed: Tensor

    @classmethod
    def of(cls, windows: Sequence[Window], config: Config | None = None) -> "Batch":
        """Stacks windows; `config` numbers the names in their conditions."""
        return cls(
            torch.from_numpy(np.stack([w.cells for w in windows])),
            torch.from_numpy(np.stack([w.velocity for w in windows])),
            Condition.stack([w.tokens for w in windows], config),
            torch.tensor([w.transposed for w in windows]),
        )

    def to(self, device: torch.device) -> "Batch":
        """The same on `device`, cells as floats."""
        return Batch(
            self.cells.to(device).float(), self.velocity.to(device), self.condition.to(device), self.transposed
        )


class Steps(Dataset[Batch]):
    """Number of a batch -> the batch."""

    def __init__(self, source: Source, options: TrainOptions, config: Config) -> None:
        self.source, self.options, self.config = source, options, config

    def __getitem__(self, number: int) -> Batch:
        return Batch.of(draw_windows(self.source, number, self.options), self.config)


def batches(source: Source, first: int, options: TrainOptions, config: Config) -> Iterator[Batch]:
    """Endless batches from step `first` on, each for `options.repeats` steps.

    With `options.workers` other processes draw them, several ahead; without, they are drawn when they are asked for.
    """
    number, seen = divmod(first, options.repeats)
    ahead = {"prefetch_factor": AHEAD, "multiprocessing_context": "fork"} if options.workers else {}
    steps = Steps(source, options, config)
    drawn = DataLoader(steps, None, sampler=itertools.count(number), num_workers=options.workers, **ahead)  # pyright: ignore[reportArgumentType]
    again = itertools.chain.from_iterable(itertools.repeat(batch, options.repeats) for batch in drawn)
    return itertools.islice(again, seen, None)


def draw_windows(source: Source, number: int, options: TrainOptions) -> list[Window]:
    """Windows of a mix, of pieces, or of those at hand."""
    rng = np.random.default_rng([options.seed, number])
    if isinstance(source, Mix):
        return source.draw(rng, options.batch, options.sampling)
    pieces = [each for each in source if isinstance(each, TrainingPiece)]
    if pieces:
        return [draw_window(pieces, rng, options.sampling) for _ in range(options.batch)]
    windows = [each for each in source if isinstance(each, Window)]
    length = windows[int(rng.integers(len(windows)))].cells.shape
    alike = [window for window in windows if window.cells.shape == length]
    return [hide(alike[int(i)], rng, options.sampling) for i in rng.integers(len(alike), size=options.batch)]
