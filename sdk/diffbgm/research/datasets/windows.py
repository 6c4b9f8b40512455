"""Songs -> training windows: eight bars in C major or A minor, and the plan that might have asked for them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from diffbgm.composer.condition import MAX_SECTIONS, TEXTURE_SCALE, SectionCondition, WindowTokens, window_tokens
from diffbgm.errors import DataError
from diffbgm.research.datasets.bar_affect import affect_of, heard_by_bar
from diffbgm.research.datasets.pop909 import Song
from diffbgm.roll import (
    bar_pitch_classes,
    bar_statistics,
    find_key,
    key_shift,
    measure_curves,
    texture_of,
    transpose,
)
from diffbgm.types import BEATS_PER_BAR, CURVES, STEPS_PER_BAR, Key, PianoRoll

MAJOR_SCALE = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], bool)
KEY_CHANGE_COST = 6.0  # nats: how sure the notes must be before a new scale is believed


@dataclass(frozen=True)
class Window:
    """One training example: `cells` [4, T, 88], tokens, and `velocity` [2, T, 88]: -1..1 around the song's mean, NaN
    where there is no onset. `transposed`: it is in another key than C major or A minor."""

    cells: np.ndarray
    velocity: np.ndarray
    tokens: WindowTokens
    transposed: bool = False


class View(Protocol):
    """What a video asks for in bars `start` (inclusive) to `end` (exclusive) of a piece; see `data.pairs`."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

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
    """

    id: str
    roll: PianoRoll
    bpm: float
    cuts: tuple[tuple[int, str], ...]  # (bar, label) where a section starts; empty when nobody knows
    mode: np.ndarray
    statistics: np.ndarray
    curves: dict[str, np.ndarray]
    loudness: tuple[float, float]  # mean velocity of melody and accompaniment
    heard: np.ndarray  # by bar, see `hearing.heard_by_bar`
    views: tuple[View, ...] = ()
    clip_width: int = 0
    weight: float = 1.0

    @property
    def bars(self) -> int:
        return len(self.mode)


def scales_by_bar(histograms: np.ndarray) -> np.ndarray:
    """[bars] tonic 0..11 of the major scale in force, from pitch class durations [bars, 12]: a Viterbi path."""
    weight = histograms / np.maximum(histograms.sum(1, keepdims=True), 1)
    inside = np.stack([np.roll(MAJOR_SCALE, k) for k in range(12)])  # [12, 12]
    score = (weight @ np.where(inside, np.log(0.97 / 7), np.log(0.03 / 5)).T) * 4.0  # [bars, 12]
    best, back = score[0], []
    for row in score[1:]:
        stay_or_move = np.maximum(best, best.max() - KEY_CHANGE_COST)
        back.append(np.where(best >= best.max() - KEY_CHANGE_COST, np.arange(12), best.argmax()))
        best = stay_or_move + row
    path = [int(best.argmax())]
    for pointer in reversed(back):
        path.append(int(pointer[path[-1]]))
    return np.array(path[::-1])


def normalise_keys(roll: PianoRoll) -> PianoRoll:
    """The roll with every stretch in one scale transposed to C major / A minor."""
    scales = scales_by_bar(bar_pitch_classes(roll.cells))
    out, velocity = roll.cells.copy(), np.array(roll.velocity)
    for tonic in np.unique(scales):
        moved = transpose(roll, key_shift(Key(int(tonic))))
        steps = np.repeat(scales == tonic, STEPS_PER_BAR)[: roll.steps]
        out[:, steps] = moved.cells[:, steps]
        velocity[:, steps] = moved.velocity[:, steps] if moved.velocity is not None else 0
    return PianoRoll(out, velocity)


def modes_by_bar(histograms: np.ndarray, around: int = 4) -> np.ndarray:
    """[bars] 1 where the eight bars around a bar sound major by `find_key`, 0 where minor."""
    sums = np.cumsum(np.pad(histograms, ((1, 0), (0, 0))), axis=0)
    at = np.arange(len(histograms))
    total = sums[np.minimum(at + around, len(at))] - sums[np.maximum(at - around, 0)]
    return np.array([float(find_key(h).mode == "major") for h in total])


def prepare(song: Song) -> TrainingPiece:
    """Measures once what every window of the song needs."""
    roll = normalise_keys(song.roll)
    curves = measure_curves(roll.cells)
    velocity = np.asarray(roll.velocity, np.float64)
    means = [float(v[v > 0].mean()) if (v > 0).any() else 80.0 for v in velocity]
    return TrainingPiece(
        id=song.id,
        roll=roll,
        bpm=song.bpm,
        cuts=tuple((s.start, s.label) for s in song.sections),
        mode=modes_by_bar(bar_pitch_classes(roll.cells)),
        statistics=bar_statistics(roll.cells),
        curves={name: getattr(curves, name) for name in CURVES},
        loudness=(means[0], means[1]),
        heard=heard_by_bar(roll, song.bpm),
    )


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

    @classmethod
    def plain(cls) -> "Sampling":
        return cls(**dict.fromkeys(cls.__dataclass_fields__, 0.0))


def draw_window(pieces: Sequence[TrainingPiece], rng: np.random.Generator, how: Sampling, bars: int = 8) -> Window:
    """A window of a song drawn in proportion to its length, up to half of it after the song's end."""
    lengths = np.array([p.bars * p.weight for p in pieces])
    piece = pieces[int(rng.choice(len(pieces), p=lengths / lengths.sum()))]
    if piece.views:
        return view_window(piece, rng, how, bars)
    if rng.random() < how.excerpt:
        piece = excerpt(piece, rng, bars)
    start = int(rng.integers(0, max(1, piece.bars - bars // 2)))
    if how.transpose and rng.random() < how.transpose:
        piece = transposed(piece, int(rng.choice([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6])))
        return replace(cut_window(piece, start, bars, rng, how), transposed=True)
    return cut_window(piece, start, bars, rng, how)


def transposed(piece: TrainingPiece, semitones: int) -> TrainingPiece:
    """The piece in another key, and what is asked for moved with it."""
    statistics = piece.statistics.copy()
    statistics[:, 2] += semitones * statistics[:, 1]  # sums of pitches, see `roll.bar_statistics`
    curves = piece.curves | {"register": piece.curves["register"] + semitones}
    return replace(piece, roll=transpose(piece.roll, semitones), statistics=statistics, curves=curves)


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
    beats = slice(start * BEATS_PER_BAR, end * BEATS_PER_BAR)
    steps = slice(start * STEPS_PER_BAR, end * STEPS_PER_BAR)
    cells = np.array(piece.roll.cells[:, steps])
    return replace(
        piece,
        roll=PianoRoll(cells, None if piece.roll.velocity is None else piece.roll.velocity[:, steps]),
        cuts=tuple((b - start, label) for b, label in piece.cuts if start <= b < end),
        mode=piece.mode[start:end],
        statistics=piece.statistics[start:end],
        heard=piece.heard[start:end],
        curves={name: curve[beats] for name, curve in piece.curves.items()},
    )


def cut_window(
    piece: TrainingPiece, start: int, bars: int, rng: np.random.Generator, how: Sampling, view: View | None = None
) -> Window:
    """The window of `bars` bars from bar `start`, silent after the piece's end; asked for by `view` or by itself."""
    steps = slice(start * STEPS_PER_BAR, min(start + bars, piece.bars) * STEPS_PER_BAR)
    missing = bars * STEPS_PER_BAR - (steps.stop - steps.start)
    pad = ((0, 0), (0, missing), (0, 0))
    cells = np.pad(piece.roll.cells[:, steps], pad)
    raw = np.pad(np.asarray(piece.roll.velocity)[:, steps], pad).astype(np.float32)
    mean = np.array(piece.loudness, np.float32)[:, None, None]
    velocity = np.where(raw > 0, np.clip((raw - mean) / 64, -1, 1), np.nan).astype(np.float32)
    beats = piece.bars * BEATS_PER_BAR
    if view is None:
        sections = draw_sections(piece, start, bars, rng, how)
        curves = {name: disturb(curve, rng, how) for name, curve in piece.curves.items()}
    else:
        curves, sections = view.ask(beats, rng, how)
    tokens = window_tokens(curves, sections, beats, start * BEATS_PER_BAR, bars * BEATS_PER_BAR, piece.clip_width)
    return Window(cells, velocity, drop_streams(tokens, rng, how))


def disturb(curve: np.ndarray, rng: np.random.Generator, how: Sampling) -> np.ndarray:
    """A curve as a planner might ask for it: smoothed over some bars, a little off, or not at all (NaN)."""
    if rng.random() < how.drop_curve:
        return np.full(len(curve), np.nan)
    out = np.asarray(curve, np.float64)
    if rng.random() < how.smooth:
        half = BEATS_PER_BAR * int(rng.choice([1, 2, 4]))
        sums = np.cumsum(np.concatenate([[0.0], out]))
        at = np.arange(len(out))
        high, low = np.minimum(at + half, len(out)), np.maximum(at - half, 0)
        out = (sums[high] - sums[low]) / (high - low)
    if how.jitter:
        bars = -(-len(out) // BEATS_PER_BAR)
        noise = np.repeat(rng.normal(0, how.jitter, bars), BEATS_PER_BAR)[: len(out)]
        out = out + noise * (np.std(curve) + 0.05 * abs(float(np.mean(curve))))
    return out


def whole_windows(
    pieces: Sequence[TrainingPiece], n: int, bars: int, rng: np.random.Generator, how: Sampling
) -> list[tuple[int, int, Window]]:
    """`n` windows inside of pieces, drawn in proportion to their lengths: the piece's index, the first bar, the window.
    DataError where no piece has as many bars."""
    room = np.array([max(0, piece.bars - bars + 1) for piece in pieces])
    if not room.any():
        raise DataError(f"no song has the {bars} bars of a window")
    drawn = []
    for i in map(int, rng.choice(len(pieces), n, p=room / room.sum())):
        start = int(rng.integers(room[i]))
        drawn.append((i, start, cut_window(pieces[i], start, bars, rng, how)))
    return drawn


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
            valence, arousal = affect_of(piece.heard[a:b], piece.bpm)
            texture = {name: getattr(measured, name) for name in vars(measured)}
            texture |= {"valence": valence, "arousal": arousal, "tempo": piece.bpm}
            texture = {name: value for name, value in texture.items() if rng.random() >= how.drop_texture}
            assert set(texture) <= set(TEXTURE_SCALE)
        sections.append(SectionCondition(a * BEATS_PER_BAR, b * BEATS_PER_BAR, texture))
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
