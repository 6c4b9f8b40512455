"""Whether a model listens to the embeddings of the pictures: its cross-entropy with a video's own, and with another's.

The windows are those of BGM909's validation songs under validation videos. Everything but the embeddings is the same on
both sides, the noise too, so that differences are taken window by window; the interval is a bootstrap over songs. Two
settings: the embeddings alone (rhythm dropped, moods unknown), and beside all else that the video asks for.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.composer.condition import SEMANTIC_WIDTH
from diffbgm.errors import DataError
from diffbgm.progress import Progress
from diffbgm.research.datasets.bgm909 import load
from diffbgm.research.datasets.pairs import under_videos
from diffbgm.research.datasets.windows import Sampling, Window, view_window
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.statistics import interval
from diffbgm.research.training.train import VALIDATION_LEVELS, validation_bce

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

DRAWS = 2000  # of the bootstrap
SETTINGS = ("embeddings alone", "beside all else")


def evaluate_pairs(
    model: "Denoiser",
    data: Path | str,
    *,
    n: int = 200,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Report:
    """`n` windows, evenly from every validation song. DataError for weights or data without embeddings."""
    source = load(data)
    width = 0 if source.projection is None else source.projection.width
    if width == 0 or model.config.clip_width != width:
        raise DataError(f"the weights read embeddings {model.config.clip_width} wide, {data} has {width}; train on it")
    pieces = under_videos(source, source.pairs("validation"))
    rng = np.random.default_rng([seed, 909])
    groups = [
        [view_window(piece, rng, Sampling.plain()) for _ in range(max(1, round(n / len(pieces))))] for piece in pieces
    ]
    rows, figures = [], {}
    for s, setting in enumerate(SETTINGS):
        told = [[alone(w) for w in group] for group in groups] if s == 0 else groups
        other = exchange(told, rng)
        true, wrong = [], []
        for i, (mine, theirs) in enumerate(zip(told, other, strict=True)):
            true.append(list(validation_bce(model, mine, seed).values()))
            wrong.append(list(validation_bce(model, theirs, seed).values()))
            if on_progress:
                on_progress((s + (i + 1) / len(told)) / len(SETTINGS), f"{setting}, song {i + 1} of {len(told)}")
        gain = np.array(wrong) - np.array(true)  # [songs, levels]
        for k, level in enumerate(VALIDATION_LEVELS):
            low, high = mean_interval(gain[:, k], seed)
            rows.append((setting, level, float(np.mean(true, 0)[k]), float(gain[:, k].mean()), low, high, low > 0))
            figures[f"{setting} at {level}"] = {"gain": float(gain[:, k].mean()), "interval": [low, high]}
    count = sum(map(len, groups))
    table = Table(
        "Cross-entropy with a video's own embeddings, and how much more with another video's",
        ("what is known", "noise", "own, nats a 16th", "other - own", "low", "high", "learnt"),
        tuple(rows),
        f"n = {count} windows of {len(groups)} songs, seed {seed}; interval: 95 %, bootstrap over songs; "
        "0 is what a model gives that does not listen",
    )
    return Report("Pairs", seed, (table,), figures)


def alone(window: Window) -> Window:
    """The window with nothing known but its sections and their embeddings."""
    semantic = window.tokens.semantic.copy()
    semantic[:, : SEMANTIC_WIDTH - 1] = 0.0  # the last column is the section's length
    return replace(window, tokens=replace(window.tokens, semantic=semantic, has_dynamic=False))


def exchange(groups: Sequence[Sequence[Window]], rng: np.random.Generator) -> list[list[Window]]:
    """The same windows, each with the embeddings of a window of another song."""
    out = []
    for i, group in enumerate(groups):
        given = []
        for window in group:
            j = int(rng.integers(len(groups) - 1)) if len(groups) > 1 else 0
            other = groups[j + (j >= i)] if len(groups) > 1 else group
            given.append(with_embeddings(window, other[int(rng.integers(len(other)))]))
        out.append(given)
    return out


def with_embeddings(window: Window, other: Window) -> Window:
    """`window` whose sections carry, in turn, the embeddings of the other's sections."""
    semantic = window.tokens.semantic.copy()
    mine, theirs = int(window.tokens.section.max()) + 1, int(other.tokens.section.max()) + 1
    semantic[:mine, SEMANTIC_WIDTH:] = other.tokens.semantic[np.arange(mine) % theirs, SEMANTIC_WIDTH:]
    return replace(window, tokens=replace(window.tokens, semantic=semantic))


def mean_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % of the means of samples drawn from `values` [songs] with replacement."""
    dice = np.random.default_rng(seed)
    return interval(values[dice.integers(0, len(values), (DRAWS, len(values)))].mean(1))
