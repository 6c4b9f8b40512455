"""Weights side by side on held-out pieces of every corpus: `diffbgm validate`.

Every network sees the same windows through the same noise, told what plans tell; besides that genre and metre; or
everything: corpus, scale share, harshness and chords too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffbgm.composer import Denoiser
from diffbgm.errors import WeightsError
from diffbgm.hub import load_weights
from diffbgm.research.datasets.mix import BARS
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, Window, cut_window
from diffbgm.research.training.checkpoint import averaged_model
from diffbgm.research.training.loss import VALIDATION_LEVELS, window_bce

_PLAIN = Sampling.plain()
TOLD: Mapping[str, Sampling] = {
    "plan": _PLAIN,
    "genre": replace(_PLAIN, drop_genre=0.0, drop_usual_genre=0.0, drop_metre=0.0),
    "all": Sampling.told(),
}
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Row:
    """Cross-entropy of one network on `n` windows of one corpus, in nats a sixteenth.

    `change` is the difference from the first network's, `low` and `high` its 95 % interval by bootstrap over the
    pieces.
    """

    weights: str
    corpus: str
    told: str
    level: float
    n: int
    pieces: int
    nats: float
    change: float
    low: float
    high: float


def open_weights(path: Path) -> Denoiser:
    """The network of a weights folder, or the averaged one of a run's newest checkpoint."""
    if (path / "config.json").is_file():
        return load_weights(path)
    if (model := averaged_model(path)) is not None:
        return model
    raise WeightsError(f"{path}: neither weights (config.json) nor a run with a checkpoint; give one of them")


def compare(
    models: Mapping[str, Denoiser],
    pieces: Sequence[TrainingPiece],
    *,
    windows: int = 64,
    seed: int = 0,
    told: Sequence[str] = tuple(TOLD),
    on_progress: Callable[[float, str], None] | None = None,
) -> list[Row]:
    """Every network on `windows` windows of each corpus among `pieces`; the first is what others are compared with."""
    corpora = sorted({piece.corpus for piece in pieces})
    rows: list[Row] = []
    for number, corpus in enumerate(corpora):
        own = [piece for piece in pieces if piece.corpus == corpus]
        places = draw_places(own, windows, seed)
        owner = np.array([i for i, _ in places])
        for kind in told:
            examples = cut(own, places, TOLD[kind], seed)
            for level in VALIDATION_LEVELS:
                first: np.ndarray | None = None
                for name, model in models.items():
                    nats = window_bce(model, examples, level, seed)
                    first = nats if first is None else first
                    low, high = interval(nats - first, owner, seed)
                    mean, change = float(nats.mean()), float((nats - first).mean())
                    count = len(np.unique(owner))
                    rows.append(Row(name, corpus, kind, level, len(nats), count, mean, change, low, high))
        if on_progress:
            on_progress((number + 1) / len(corpora), corpus)
    return rows


def draw_places(pieces: Sequence[TrainingPiece], windows: int, seed: int) -> list[tuple[int, int]]:
    """(piece, first bar) of windows drawn in proportion to where windows may begin."""
    rng = np.random.default_rng([seed, 23])
    starts = [np.arange(max(1, p.bars - BARS)) if p.starts is None else p.starts for p in pieces]
    room = np.array([len(s) for s in starts])
    chosen = rng.choice(len(pieces), windows, p=room / room.sum())
    return [(int(i), int(rng.choice(starts[i]))) for i in chosen]


def cut(pieces: Sequence[TrainingPiece], places: Sequence[tuple[int, int]], how: Sampling, seed: int) -> list[Window]:
    """The windows at these places, told what `how` does not drop."""
    return [
        cut_window(pieces[i], start, BARS, np.random.default_rng([seed, n]), how) for n, (i, start) in enumerate(places)
    ]


def interval(values: np.ndarray, owner: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of values [n], whole owners drawn with replacement."""
    names, place = np.unique(owner, return_inverse=True)
    sums, counts = np.bincount(place, values), np.bincount(place)
    drawn = np.random.default_rng([seed, 29]).integers(len(names), size=(DRAWS, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def as_text(rows: Sequence[Row], seed: int) -> str:
    """A table in Markdown."""
    lines = [
        "| corpus | told | noise level | weights | nats a sixteenth | change [95 %] | n |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        change = f"{row.change:+.4f} [{row.low:+.4f}, {row.high:+.4f}]" if row.low or row.high else ""
        where = f"| {row.corpus} | {row.told} | {row.level} | {row.weights}"
        lines.append(f"{where} | {row.nats:.4f} | {change} | {row.n} of {row.pieces} pieces |")
    return "\n".join([*lines, "", f"seed {seed}; lower is better; the same windows and noise for all weights"])
