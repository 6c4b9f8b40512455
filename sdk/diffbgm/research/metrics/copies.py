"""Does the model copy? The share of a melody's n-grams of intervals that also stand in the training set.

Intervals do not care about key. A share means nothing alone: real songs never trained on also meet the training set,
and theirs is the figure not to exceed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import as_cells, melody_line
from diffbgm.research.metrics.statistics import interval

NOTES = 8
WIDEST = 31  # semitones; wider leaps count as this wide


def interval_ngrams(pitches: ArrayLike, notes: int = NOTES) -> np.ndarray:
    """[max(0, m - notes + 1)] int64: every run of `notes` notes of a melody [m], its intervals in one number."""
    if not 2 <= notes <= 11:
        raise InputError(f"interval_ngrams: notes must lie between 2 and 11, got {notes}")
    intervals = np.clip(np.diff(np.asarray(pitches, np.int64)), -WIDEST, WIDEST) + WIDEST
    if len(intervals) < notes - 1:
        return np.zeros(0, np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(intervals, notes - 1)
    return runs @ (2 * WIDEST + 1) ** np.arange(notes - 1)


def melody_ngrams(pieces: Iterable[ArrayLike], notes: int = NOTES) -> list[np.ndarray]:
    """The interval n-grams of every piece's melody line, one array a piece; pieces are cells [4, T, 88]."""
    return [interval_ngrams(melody_line(as_cells(piece))[1], notes) for piece in pieces]


def training_set(pieces: Iterable[ArrayLike], notes: int = NOTES) -> np.ndarray:
    """Sorted, distinct n-grams of the training pieces' melodies: what `copies` looks up."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *melody_ngrams(pieces, notes)]))


@dataclass(frozen=True)
class Copies:
    """How much of the melodies was found in training, as a share of their n-grams.

    `share` of the `ngrams` found, with its 95 % interval (bootstrap over pieces); `moving` counts only n-grams with at
    least three different intervals, which repeated notes and plain scales do not fill; `longest`: notes in the longest
    run of which every n-gram is known.
    """

    share: float
    low: float
    high: float
    moving: float
    longest: int
    ngrams: int
    pieces: int
    notes: int
    seed: int


def copies(pieces: Iterable[ArrayLike], known: np.ndarray, notes: int = NOTES, seed: int = 0) -> Copies:
    """How much of the pieces' melodies (cells [4, T, 88]) is found in `known`, a `training_set` of the same `notes`."""
    grams = melody_ngrams(pieces, notes)
    hits = [np.isin(g, known) for g in grams]
    found, count = np.array([h.sum() for h in hits]), np.array([len(h) for h in hits])
    total = int(count.sum())
    if total == 0:
        return Copies(0.0, 0.0, 0.0, 0.0, 0, 0, len(grams), notes, seed)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(grams), (1000, len(grams)))
    shares = found[draws].sum(1) / np.maximum(count[draws].sum(1), 1)
    low, high = interval(shares)
    moving = [_different(g, notes) >= 3 for g in grams]
    moved = np.concatenate([h[m] for h, m in zip(hits, moving, strict=True)])
    longest = max(_longest_run(h) for h in hits)
    return Copies(
        share=float(found.sum() / total),
        low=float(low),
        high=float(high),
        moving=float(moved.mean()) if len(moved) else 0.0,
        longest=longest + notes - 1 if longest else 0,
        ngrams=total,
        pieces=len(grams),
        notes=notes,
        seed=seed,
    )


def _different(grams: np.ndarray, notes: int) -> np.ndarray:
    """[k] how many different intervals each n-gram holds."""
    base = 2 * WIDEST + 1
    digits = np.sort(grams[:, None] // base ** np.arange(notes - 1) % base, axis=1)
    return 1 + (np.diff(digits, axis=1) > 0).sum(1)


def _longest_run(hits: np.ndarray) -> int:
    edges = np.flatnonzero(np.concatenate([[True], ~hits, [True]]))
    return int(np.diff(edges).max()) - 1
