"""The training mix: pieces of all corpora, split by work, drawn corpus by corpus with a temperature."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError
from diffbgm.files import file_sha256, replacing
from diffbgm.research.datasets.colour import SCALE
from diffbgm.research.datasets.corpora import CORPORA, Piece, corpus_name, read_corpus
from diffbgm.research.datasets.duplicates import doubles_of
from diffbgm.research.datasets.packed import Packed
from diffbgm.research.datasets.pop909 import is_validation
from diffbgm.research.datasets.training_pieces import USUAL_GENRE
from diffbgm.research.datasets.windows import (
    Sampling,
    TrainingPiece,
    Window,
    piece_window,
    prepare_piece,
)

BARS = 8  # of a window
LAYOUT = "1"  # of the file that keeps what was read
TEMPERATURE = 2.0  # shares go with bars ** (1 / temperature)


@dataclass(frozen=True)
class Choice:
    """Which windows of the corpora are used: the least share required of each measure.

    `grid` and `scale`: share of onsets on the grid and in one major scale; `sounding`: share of bars with notes in
    them. The limit for the scale is below POP909's own share (0.98); the network is told the scale share instead.
    """

    grid: float = 0.9
    scale: float = 0.93
    sounding: float = 0.85


def read_mix(
    archives: Sequence[Path],
    *,
    choice: Choice | None = None,
    only_published: bool = True,
    on_progress: Callable[[float, str], None] | None = None,
) -> tuple[list[Packed], list[Packed]]:
    """Training and validation pieces of all archives, whose windows fit `choice` (POP909: all of them).

    The split is `is_validation` of the work's id; a work that repeats one of the validation's, in any archive, is put
    on its side. With `only_published`, archives that published weights may not learn everything from are left out.
    Raises DataError where one side is empty.
    """
    choice = choice or Choice()
    tell = on_progress or (lambda fraction, message: None)
    works: dict[str, list[Piece]] = {}
    for i, archive in enumerate(archives):
        known = CORPORA.get(corpus_name(archive))
        if only_published and known is not None and known.teaches != "all":
            continue
        for piece in read_corpus(archive, partial(_tell_part, tell, i, len(archives))):
            works.setdefault(f"{piece.corpus}/{piece.work}", []).append(piece)
    held = {work for work, pieces in works.items() if is_held_out(pieces[0].work)}
    songs = {
        work for work, pieces in works.items() if pieces[0].genre == USUAL_GENRE
    }  # their split is as it always was
    held |= doubles_of(works, held) - songs
    parts: tuple[list[Packed], list[Packed]] = ([], [])
    for work in sorted(works):
        for piece in works.pop(work):
            ready = usable(piece, choice)
            if ready is not None:
                parts[work in held].append(Packed.of(ready))
    if not parts[0] or not parts[1]:
        raise DataError(
            f"{len(archives)} archive(s) leave {len(parts[0])} pieces to train on, {len(parts[1])} to validate with; "
            "give more"
        )
    return parts


def is_held_out(work: str) -> bool:
    """Whether a work is for validation, by a hash of its id; the archives keep theirs by another hash of it."""
    return is_validation(work) or int(hashlib.sha256(work.encode()).hexdigest(), 16) % 15 == 7


def read_parts(
    data: Path | str, metres: Sequence[str] = ("4/4", "2/4"), on_progress: Callable[[float, str], None] | None = None
) -> tuple[list[TrainingPiece], list[TrainingPiece]]:
    """The pieces of one corpus that may be trained on and those held out, as far as windows of them fit `Choice`.

    Raises DataError where none is held out.
    """
    parts: tuple[list[TrainingPiece], list[TrainingPiece]] = ([], [])
    for piece in read_corpus(data, on_progress):
        if piece.metre in metres and (ready := usable(piece, Choice())) is not None:
            parts[is_held_out(piece.work)].append(ready)
    if not parts[1]:
        raise DataError(f"{data}: no piece in {' or '.join(metres)} with a whole window is held out of training")
    return parts


def _tell_part(tell: Callable[[float, str], None], number: int, count: int, fraction: float, message: str) -> None:
    tell((number + fraction) / count, message)


def kept_mix(
    archives: Sequence[Path], file: Path, on_progress: Callable[[float, str], None] | None = None
) -> tuple[list[Packed], list[Packed]]:
    """`read_mix`, kept in `file`: a run that is continued finds the very pieces it began with, and finds them at once.

    The file is this program's own (a pickle): never take one from elsewhere. Archives with other contents than it was
    made of make it anew; a corpus that is a folder is not looked into again.
    """
    key = [LAYOUT, *(f"{archive.name} {file_sha256(archive)}" for archive in archives if archive.is_file())]
    if file.exists():
        with open(file, "rb") as stream:
            made_of, parts = pickle.load(stream)
        if made_of == key:
            return parts
    parts = read_mix(archives, on_progress=on_progress)
    with replacing(file) as temporary, open(temporary, "wb") as stream:
        pickle.dump((key, parts), stream, pickle.HIGHEST_PROTOCOL)
    return parts


def usable(piece: Piece, choice: Choice) -> TrainingPiece | None:
    """The piece as training sees it, with the bars where windows may begin; None where there are none."""
    ready = prepare_piece(piece)
    if piece.genre == USUAL_GENRE:
        return ready
    starts = window_starts(piece, ready, choice)
    return replace(ready, starts=starts) if len(starts) else None


def window_starts(piece: Piece, ready: TrainingPiece, choice: Choice) -> np.ndarray:
    """Bars whose next eight (fewer at the end, four at least) fit the choice."""
    bars = ready.bars
    if bars < BARS or ready.colour is None:
        return np.zeros(0, np.int64)
    onsets = ready.colour[:, :12]
    scales = np.stack([np.roll(SCALE, k) for k in range(12)])
    count = onsets.sum(1)
    grid = np.nan_to_num(piece.grid[:bars], nan=1.0)
    columns = np.concatenate([onsets @ scales.T, count[:, None], (grid * count)[:, None], (count > 0)[:, None]], axis=1)
    sums = np.cumsum(np.pad(columns, ((1, 0), (0, 0))), axis=0)
    first = np.arange(bars - BARS // 2)
    last = np.minimum(first + BARS, bars)
    total = sums[last] - sums[first]
    inside, heard, on_grid, sounding = total[:, :12].max(1), total[:, 12], total[:, 13], total[:, 14]
    fits = (inside >= choice.scale * heard) & (on_grid >= choice.grid * heard)
    return first[fits & (heard > 0) & (sounding >= choice.sounding * (last - first))]


@dataclass(frozen=True, eq=False)
class Mix:
    """Pieces by bar length and corpus, with the chance of each."""

    groups: list[list[Packed]]
    chances: np.ndarray
    by_piece: list[np.ndarray]
    lengths: np.ndarray  # beats per bar of every group

    @classmethod
    def of(cls, pieces: Sequence[Packed], temperature: float = TEMPERATURE) -> "Mix":
        """Groups pieces by bar length and corpus, and sets the chance of each group and piece.

        A corpus is drawn in proportion to its weight and to its size (places where a window may begin, times the
        pieces' weights) to the power 1 / `temperature`; a group and a piece in it in proportion to size.
        """
        sorted_pieces: dict[tuple[int, str], list[Packed]] = {}
        for packed in pieces:
            sorted_pieces.setdefault((packed.piece.beats_per_bar, packed.piece.corpus), []).append(packed)
        keys = sorted(sorted_pieces)
        groups = [sorted_pieces[key] for key in keys]
        sizes = [np.array([_room(packed.piece) for packed in group], np.float64) for group in groups]
        by_corpus = {
            corpus: sum(s.sum() for s, k in zip(sizes, keys, strict=True) if k[1] == corpus) for _, corpus in keys
        }
        chances = np.array(
            [
                _weight(corpus) * by_corpus[corpus] ** (1 / temperature) * size.sum() / by_corpus[corpus]
                for (_, corpus), size in zip(keys, sizes, strict=True)
            ]
        )
        return cls(groups, chances / chances.sum(), [s / s.sum() for s in sizes], np.array([k[0] for k in keys]))

    def draw(self, rng: np.random.Generator, count: int, how: Sampling, bars: int = BARS) -> list[Window]:
        """`count` windows of one length."""
        lengths = np.unique(self.lengths)
        odds = np.array([self.chances[self.lengths == length].sum() for length in lengths])
        length = lengths[int(rng.choice(len(lengths), p=odds))]
        inside = np.flatnonzero(self.lengths == length)
        share = self.chances[inside] / self.chances[inside].sum()
        windows: list[Window] = []
        for group in rng.choice(inside, count, p=share):
            piece = self.groups[group][int(rng.choice(len(self.groups[group]), p=self.by_piece[group]))]
            windows.append(piece_window(piece.open(), rng, how, bars))
        return windows

    def shares(self) -> dict[str, float]:
        """Corpus -> share of the windows."""
        out: dict[str, float] = {}
        for group, chance in zip(self.groups, self.chances, strict=True):
            corpus = group[0].piece.corpus
            out[corpus] = out.get(corpus, 0.0) + float(chance)
        return out


def _room(piece: TrainingPiece) -> float:
    return (piece.bars if piece.starts is None else len(piece.starts)) * piece.weight


def _weight(corpus: str) -> float:
    return CORPORA[corpus].weight if corpus in CORPORA else 1.0
