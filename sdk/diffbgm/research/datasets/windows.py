"""Songs -> training windows: eight bars in C major or A minor, and the plan that might have asked for them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.composer.condition import (
    MAX_SECTIONS,
    TEXTURE_SCALE,
    SectionCondition,
    WindowTokens,
    harmony_tokens,
    window_tokens,
)
from diffbgm.errors import DataError
from diffbgm.research.datasets.bar_affect import affect_of
from diffbgm.research.datasets.colour import harshness, scale_share
from diffbgm.research.datasets.training_pieces import (
    USUAL_GENRE,
    TrainingPiece,
    View,
    Window,
    prepare,
    prepare_piece,
)
from diffbgm.roll import texture_of, transpose
from diffbgm.types import BEATS_PER_BAR, CURVES, PianoRoll

EVERYWHERE = slice(None)

__all__ = [
    "Sampling",
    "TrainingPiece",
    "View",
    "Window",
    "cut_window",
    "disturb",
    "draw_window",
    "hide",
    "piece_window",
    "prepare",
    "prepare_piece",
    "transposed",
    "view_window",
    "whole_windows",
]


@dataclass(frozen=True)
class Sampling:
    """How windows are drawn for training; `Sampling.plain()` is for validation: nothing dropped, nothing disturbed."""

    drop_dynamic: float = 0.15
    drop_semantic: float = 0.2
    drop_both: float = 0.08
    drop_curve: float = 0.15
    drop_texture: float = 0.35
    smooth: float = 0.5
    jitter: float = 0.08  # of a curve's spread
    excerpt: float = 0.05  # how often a few bars are taken for a whole piece
    transpose: float = 0.4  # how often a window is moved to another key
    drop_genre: float = 0.08
    drop_usual_genre: float = 0.5  # of POP909, so that music without a genre is mostly this
    drop_corpus: float = 0.5
    drop_metre: float = 0.3  # where the window's length leaves a doubt
    drop_colour: float = 0.3  # scale share and harshness, each
    drop_chords: float = 0.45  # all of a window
    drop_chord: float = 0.25  # of the others, the chords from some beat on

    @classmethod
    def plain(cls) -> "Sampling":
        """Streams in full, and genre and corpus, as plans tell them; metre and harmony unknown."""
        unknown = ("metre", "colour", "chords")
        return cls(**dict.fromkeys(cls.__dataclass_fields__, 0.0) | {f"drop_{name}": 1.0 for name in unknown})

    @classmethod
    def told(cls) -> "Sampling":
        """Everything that is known is told."""
        return cls(**dict.fromkeys(cls.__dataclass_fields__, 0.0))


def draw_window(pieces: Sequence[TrainingPiece], rng: np.random.Generator, how: Sampling, bars: int = 8) -> Window:
    """A window of a song drawn in proportion to its length, up to half of it after the song's end."""
    lengths = np.array([p.bars * p.weight for p in pieces])
    piece = pieces[int(rng.choice(len(pieces), p=lengths / lengths.sum()))]
    return piece_window(piece, rng, how, bars)


def piece_window(piece: TrainingPiece, rng: np.random.Generator, how: Sampling, bars: int = 8) -> Window:
    """A window of the piece, up to half of it after the piece's end."""
    if piece.views:
        return view_window(piece, rng, how, bars)
    if piece.starts is None:
        if rng.random() < how.excerpt:
            piece = excerpt(piece, rng, bars)
        start = int(rng.integers(0, max(1, piece.bars - bars // 2)))
    else:
        start = int(rng.choice(piece.starts))
    if how.transpose and rng.random() < how.transpose:
        semitones = int(rng.choice([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6]))
        piece = transposed(piece, semitones, slice(start * piece.steps_per_bar, (start + bars) * piece.steps_per_bar))
        return replace(cut_window(piece, start, bars, rng, how), transposed=True)
    return cut_window(piece, start, bars, rng, how)


def transposed(piece: TrainingPiece, semitones: int, steps: slice = EVERYWHERE) -> TrainingPiece:
    """The piece in another key, and what is asked for moved with it; silent outside of `steps`."""
    statistics = piece.statistics.copy()
    statistics[:, 2] += semitones * statistics[:, 1]  # sums of pitches, see `roll.bar_statistics`
    curves = piece.curves | {"register": piece.curves["register"] + semitones}
    moved = {
        name: None if (classes := getattr(piece, name)) is None else np.roll(classes, semitones, axis=1)
        for name in ("chord", "bass")
    }
    heard = np.asarray(piece.roll.cells)[:, steps]
    loud = None if piece.roll.velocity is None else np.asarray(piece.roll.velocity)[:, steps]
    here = transpose(PianoRoll(heard, loud), semitones)
    cells = np.zeros_like(piece.roll.cells)
    cells[:, steps] = here.cells
    velocity = None if piece.roll.velocity is None else np.zeros_like(piece.roll.velocity)
    if velocity is not None:
        velocity[:, steps] = here.velocity
    return replace(piece, roll=PianoRoll(cells, velocity), statistics=statistics, curves=curves, **moved)


def hide(window: Window, rng: np.random.Generator, how: Sampling) -> Window:
    """The window with parts of what its tokens ask for dropped, as often as when windows are drawn."""
    dynamic, semantic = window.tokens.dynamic.copy(), window.tokens.semantic.copy()
    for i in range(len(CURVES)):  # a value and whether it is known
        if rng.random() < how.drop_curve:
            dynamic[:, 2 * i : 2 * i + 2] = 0
    for section in semantic:
        for i in range(len(TEXTURE_SCALE)):
            if rng.random() < how.drop_texture:
                section[2 * i : 2 * i + 2] = 0
    return replace(window, tokens=drop_streams(replace(window.tokens, dynamic=dynamic, semantic=semantic), rng, how))


def drop_streams(tokens: WindowTokens, rng: np.random.Generator, how: Sampling) -> WindowTokens:
    both = rng.random() < how.drop_both
    return replace(
        tokens,
        has_dynamic=not both and rng.random() >= how.drop_dynamic,
        has_semantic=not both and rng.random() >= how.drop_semantic,
    )


def view_window(piece: TrainingPiece, rng: np.random.Generator, how: Sampling, bars: int = 8) -> Window:
    """A window under one of the piece's videos, inside of what that covers if it can be."""
    view = piece.views[int(rng.integers(len(piece.views)))]
    start = int(rng.integers(view.start, max(view.start, view.end - bars) + 1))
    return cut_window(piece, start, bars, rng, how, view)


def excerpt(piece: TrainingPiece, rng: np.random.Generator, bars: int) -> TrainingPiece:
    """One to `bars` bars as a piece of their own, for short videos: half of the time the song's last ones."""
    length = int(rng.integers(1, min(bars, piece.bars) + 1))
    ends = [piece.bars] if rng.random() < 0.5 or not piece.cuts else [b for b, _ in piece.cuts if b >= length]
    end = int(rng.choice(ends)) if ends else piece.bars
    start = end - length
    beats = slice(start * piece.beats_per_bar, end * piece.beats_per_bar)
    steps = slice(start * piece.steps_per_bar, end * piece.steps_per_bar)
    cells = np.array(piece.roll.cells[:, steps])
    return replace(
        piece,
        roll=PianoRoll(cells, None if piece.roll.velocity is None else piece.roll.velocity[:, steps]),
        cuts=tuple((b - start, label) for b, label in piece.cuts if start <= b < end),
        mode=piece.mode[start:end],
        statistics=piece.statistics[start:end],
        heard=piece.heard[start:end],
        curves={name: curve[beats] for name, curve in piece.curves.items()},
        chord=None if piece.chord is None else piece.chord[beats],
        bass=None if piece.bass is None else piece.bass[beats],
        colour=None if piece.colour is None else piece.colour[start:end],
    )


def cut_window(
    piece: TrainingPiece, start: int, bars: int, rng: np.random.Generator, how: Sampling, view: View | None = None
) -> Window:
    """The window of `bars` bars from bar `start`, silent after the piece's end; asked for by `view` or by itself."""
    steps = slice(start * piece.steps_per_bar, min(start + bars, piece.bars) * piece.steps_per_bar)
    missing = bars * piece.steps_per_bar - (steps.stop - steps.start)
    pad = ((0, 0), (0, missing), (0, 0))
    cells = np.pad(piece.roll.cells[:, steps], pad)
    if piece.roll.velocity is None:
        velocity = np.full((2, *cells.shape[1:]), np.nan, np.float32)
    else:
        raw = np.pad(np.asarray(piece.roll.velocity)[:, steps], pad).astype(np.float32)
        mean = np.array(piece.loudness, np.float32)[:, None, None]
        velocity = np.where(raw > 0, np.clip((raw - mean) / 64, -1, 1), np.nan).astype(np.float32)
    per_bar = piece.beats_per_bar
    beats = piece.bars * per_bar
    if view is None:
        sections = draw_sections(piece, start, bars, rng, how)
        curves = {name: disturb(curve, rng, how, per_bar) for name, curve in piece.curves.items()}
    else:
        curves, sections = view.ask(beats, rng, how)
    tokens = window_tokens(curves, sections, beats, start * per_bar, bars * per_bar, piece.clip_width, per_bar)
    return Window(cells, velocity, tell_more(piece, start, bars, drop_streams(tokens, rng, how), rng, how))


def tell_more(
    piece: TrainingPiece, start: int, bars: int, tokens: WindowTokens, rng: np.random.Generator, how: Sampling
) -> WindowTokens:
    """The tokens of bars `start` .. `start + bars` with genre, corpus, metre and harmony, each unless it is dropped."""
    if piece.colour is None or piece.chord is None or piece.bass is None:
        return replace(tokens, genre=piece.genre, corpus=piece.corpus)
    usual = piece.genre == USUAL_GENRE
    genre = piece.genre if rng.random() >= (how.drop_usual_genre if usual else how.drop_genre) else ""
    corpus = piece.corpus if genre and rng.random() >= how.drop_corpus else ""
    sure = piece.beats_per_bar != BEATS_PER_BAR
    metre = piece.metre if sure or rng.random() >= how.drop_metre else ""
    here = piece.colour[start : start + bars]
    colour = [
        measure(here) if rng.random() >= how.drop_colour else float("nan") for measure in (scale_share, harshness)
    ]
    beats = bars * piece.beats_per_bar
    chord, bass = np.zeros((beats, 12)), np.zeros((beats, 12))
    if rng.random() >= how.drop_chords:
        at = slice(start * piece.beats_per_bar, min(start + bars, piece.bars) * piece.beats_per_bar)
        chord[: at.stop - at.start], bass[: at.stop - at.start] = piece.chord[at], piece.bass[at]
        if rng.random() < how.drop_chord:
            chord[int(rng.integers(beats)) :] = 0
    harmony = harmony_tokens(beats, scale_share=colour[0], harshness=colour[1], chord=chord, bass=bass)
    return replace(tokens, genre=genre, corpus=corpus, metre=metre, harmony=harmony)


def disturb(
    curve: np.ndarray, rng: np.random.Generator, how: Sampling, beats_per_bar: int = BEATS_PER_BAR
) -> np.ndarray:
    """A curve as a planner might ask for it: smoothed over some bars, a little off, or not at all (NaN)."""
    if rng.random() < how.drop_curve:
        return np.full(len(curve), np.nan)
    out = np.asarray(curve, np.float64)
    if rng.random() < how.smooth:
        half = beats_per_bar * int(rng.choice([1, 2, 4]))
        sums = np.cumsum(np.concatenate([[0.0], out]))
        at = np.arange(len(out))
        high, low = np.minimum(at + half, len(out)), np.maximum(at - half, 0)
        out = (sums[high] - sums[low]) / (high - low)
    if how.jitter:
        bars = -(-len(out) // beats_per_bar)
        noise = np.repeat(rng.normal(0, how.jitter, bars), beats_per_bar)[: len(out)]
        out = out + noise * (np.std(curve) + 0.05 * abs(float(np.mean(curve))))
    return out


def whole_windows(
    pieces: Sequence[TrainingPiece], n: int, bars: int, rng: np.random.Generator, how: Sampling
) -> list[tuple[int, int, Window]]:
    """Draws `n` windows inside of pieces: the piece's index, the first bar, the window.

    Pieces are drawn in proportion to the number of bars at which a window fits and may begin. DataError where no piece
    has as many bars.
    """
    places = [_places(piece, bars) for piece in pieces]
    room = np.array([len(starts) for starts in places])
    if not room.any():
        raise DataError(f"no piece has the {bars} bars of a window")
    drawn = []
    for i in map(int, rng.choice(len(pieces), n, p=room / room.sum())):
        start = int(places[i][int(rng.integers(room[i]))])
        drawn.append((i, start, cut_window(pieces[i], start, bars, rng, how)))
    return drawn


def _places(piece: TrainingPiece, bars: int) -> np.ndarray:
    """The bars at which a window may begin so that it lies inside of the piece."""
    inside = np.arange(max(0, piece.bars - bars + 1))
    return inside if piece.starts is None else np.intersect1d(inside, piece.starts)


def draw_sections(
    piece: TrainingPiece, start: int, bars: int, rng: np.random.Generator, how: Sampling
) -> list[SectionCondition]:
    """Sections over the whole piece: the annotated sections, merged and split at random (in validation as they are)."""
    cuts = sorted({0, *(bar for bar, _ in piece.cuts if 0 < bar < piece.bars)})
    if how.drop_texture or not piece.cuts:
        cuts = _reshaped(cuts if piece.cuts else list(range(0, piece.bars, 8)), piece.bars, rng)
    inside = [c for c in cuts if start < c < start + bars]
    while len(inside) > MAX_SECTIONS - 1:
        cuts.remove(inside.pop(int(rng.integers(len(inside)))))
    edges = [*cuts, piece.bars]
    sections = []
    for a, b in itertools.pairwise(edges):
        texture: dict[str, float | None] = {}
        if b > start and a < start + bars:
            measured = texture_of(piece.statistics[a:b], float(piece.mode[a:b].mean()))
            texture = {name: getattr(measured, name) for name in vars(measured)}
            if len(piece.heard):
                valence, arousal = affect_of(piece.heard[a:b], piece.bpm)
                texture |= {"valence": valence, "arousal": arousal}
            if np.isfinite(piece.bpm):
                texture["tempo"] = piece.bpm
            texture = {name: value for name, value in texture.items() if rng.random() >= how.drop_texture}
            assert set(texture) <= set(TEXTURE_SCALE)
        sections.append(SectionCondition(a * piece.beats_per_bar, b * piece.beats_per_bar, texture))
    return sections


def _reshaped(cuts: list[int], bars: int, rng: np.random.Generator) -> list[int]:
    """Section starts merged with chance .25 and long sections split with chance .3 at an even bar, again and again."""
    kept = [0, *(c for c in cuts[1:] if rng.random() > 0.25)]
    out, edges = [], [*kept, bars]
    for a, b in itertools.pairwise(edges):
        while b - a >= 4 and rng.random() < 0.3:
            out.append(a)
            a += 2 * int(rng.integers(1, (b - a) // 2))
        out.append(a)
    return sorted({0, *out})
