"""Songs and pieces as training sees them: in C major or A minor, with everything measured that windows need."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from diffbgm.composer.condition import CORPUS_OF_GENRE, SectionCondition, WindowTokens
from diffbgm.research.datasets.bar_affect import heard_by_bar
from diffbgm.research.datasets.chords import estimate_chords
from diffbgm.research.datasets.colour import colour_by_bar
from diffbgm.research.datasets.corpora import Piece
from diffbgm.research.datasets.keys import modes_by_bar, normalise_keys
from diffbgm.research.datasets.pop909 import Song, SongSection
from diffbgm.roll import bar_pitch_classes, bar_statistics, measure_curves
from diffbgm.types import BEATS_PER_BAR, CURVES, STEPS_PER_BEAT, PianoRoll

if TYPE_CHECKING:
    from diffbgm.research.datasets.windows import Sampling

USUAL_GENRE = "pop"  # what music is without a genre


@dataclass(frozen=True)
class Window:
    """One training example: `cells` [4, T, 88], tokens, and `velocity` [2, T, 88].

    Velocities lie in -1..1 around the song's mean, NaN where there is no onset. `transposed`: it is in another key than
    C major or A minor.
    """

    cells: np.ndarray
    velocity: np.ndarray
    tokens: WindowTokens
    transposed: bool = False


class View(Protocol):
    """What a video asks for in bars `start` (inclusive) to `end` (exclusive) of a piece; see `data.pairs`."""

    @property
    def start(self) -> int:
        """The first bar of the piece that the video asks for (inclusive)."""
        ...

    @property
    def end(self) -> int:
        """The bar of the piece at which the video ends (exclusive)."""
        ...

    def ask(
        self, beats: int, rng: np.random.Generator, how: "Sampling"
    ) -> tuple[dict[str, np.ndarray], list[SectionCondition]]:
        """Curves [beats of the piece], NaN where nothing is asked, and sections that tile the piece."""
        ...


@dataclass(frozen=True)
class TrainingPiece:
    """A song as training sees it: key-normalised roll, curves by beat, mode (0..1) and statistics by bar.

    views       videos that ask for it; without any, the music asks for itself.
    clip_width  columns of video embeddings in its tokens.   weight  of its bars when windows are drawn.
    genre, corpus, metre   names; empty ones are unknown.
    chord, bass   [beats, 12], see `chords.Chords`.   colour  [bars, 14], see `colour.colour_by_bar`.
    starts        bars where windows may begin; None: anywhere.
    """

    id: str
    roll: PianoRoll
    bpm: float
    cuts: tuple[tuple[int, str], ...]  # (bar, label) where a section starts; empty when nobody knows
    mode: np.ndarray
    statistics: np.ndarray
    curves: dict[str, np.ndarray]
    loudness: tuple[float, float]  # mean velocity of melody and accompaniment
    heard: np.ndarray  # by bar, see `bar_affect.heard_by_bar`; no bars where it is unknown
    views: tuple[View, ...] = ()
    clip_width: int = 0
    weight: float = 1.0
    beats_per_bar: int = BEATS_PER_BAR
    genre: str = ""
    corpus: str = ""
    metre: str = ""
    chord: np.ndarray | None = None
    bass: np.ndarray | None = None
    colour: np.ndarray | None = None
    starts: np.ndarray | None = None

    @property
    def bars(self) -> int:
        """The piece's length in bars."""
        return len(self.mode)

    @property
    def steps_per_bar(self) -> int:
        """Grid steps (sixteenths) in a bar of the piece's metre."""
        return self.beats_per_bar * STEPS_PER_BEAT


UNKNOWN_LOUDNESS = 80.0  # mean velocity of a voice that has none


def prepare(song: Song) -> TrainingPiece:
    """Measures once what every window of the song needs."""
    ready = _measured(song.id, song.roll, song.bpm, song.sections, BEATS_PER_BAR, affect=True)
    return replace(ready, genre=USUAL_GENRE, corpus=CORPUS_OF_GENRE[USUAL_GENRE])


def prepare_piece(piece: Piece) -> TrainingPiece:
    """`prepare` of a piece of any corpus, with genre, metre, chords and colour.

    Valence and arousal stay unknown but in POP909, whose tempi are known.
    """
    per_bar = piece.beats_per_bar
    affect = piece.genre == USUAL_GENRE
    ready = _measured(piece.id, piece.roll, piece.bpm, piece.sections, per_bar, affect=affect)
    chords = estimate_chords(ready.roll.cells, per_bar)
    return replace(
        ready,
        genre=piece.genre,
        corpus=piece.corpus,
        metre=piece.metre,
        chord=chords.classes().astype(np.uint8),
        bass=chords.bass_classes().astype(np.uint8),
        colour=colour_by_bar(ready.roll.cells, per_bar),
    )


def _measured(
    name: str, own: PianoRoll, bpm: float, sections: Sequence[SongSection], beats_per_bar: int, *, affect: bool
) -> TrainingPiece:
    roll = normalise_keys(own, beats_per_bar)
    curves = measure_curves(roll.cells, beats_per_bar)
    means = [UNKNOWN_LOUDNESS, UNKNOWN_LOUDNESS]
    if roll.velocity is not None:
        velocity = np.asarray(roll.velocity, np.float64)
        means = [float(v[v > 0].mean()) if (v > 0).any() else UNKNOWN_LOUDNESS for v in velocity]
    return TrainingPiece(
        id=name,
        roll=roll,
        bpm=bpm,
        cuts=tuple((s.start, s.label) for s in sections),
        mode=modes_by_bar(bar_pitch_classes(roll.cells, beats_per_bar)),
        statistics=bar_statistics(roll.cells, beats_per_bar),
        curves={name: getattr(curves, name) for name in CURVES},
        loudness=(means[0], means[1]),
        heard=heard_by_bar(roll, bpm) if affect else np.zeros((0, 6)),
        beats_per_bar=beats_per_bar,
    )
