"""Can one hear where two windows meet? The same descriptors across bar lines at seams and across other bar lines.

Around every bar line the last and the next bars are described together, and by how the one continues the other. A
piece's contrast is the mean at its seams minus the mean inside. Under the null hypothesis that seams are bar lines
like any other the sign of a piece's contrast is arbitrary, so signs are flipped at random; against real music cut at
the same bar lines (four-bar phrases leave traces of their own) the contrasts of both sets change places. The largest
|t| of all descriptors gives one p value that is honest about how many were looked at (Westfall & Young 1993).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import FOLD, KEYS, as_cells, jaccard, melody_line, onsets
from diffbgm.research.metrics.descriptors import describe
from diffbgm.roll import sounding
from diffbgm.types import STEPS_PER_BAR

AROUND = (
    "groove", "on_beat", "syncopation", "busy_steps", "melody_onsets", "accompaniment_onsets", "density_change",
    "polyphony", "melody_length", "accompaniment_length", "register", "bass_register", "range", "pche", "in_scale",
    "key_clarity", "harsh", "harsh_sounding", "chord_changes", "chord_tones", "steps", "leaps",
)  # fmt: skip
ACROSS: dict[str, str] = {
    "same_onsets": "Jaccard index of the onsets of the bar before and the bar after",
    "same_rhythm": "the same of their rhythm",
    "same_harmony": "cosine of their pitch classes",
    "held_over": "keys that go on sounding over the bar line",
    "melody_jump": "semitones from the last melody note before to the first after; 0 where one is missing",
    "bass_jump": "semitones from the lowest key sounding before to the lowest after; 0 where one is missing",
    "density_jump": "difference of the onsets in the bar before and after",
}
SEAM_DESCRIPTORS = (*AROUND, *ACROSS)


def describe_bar_line(cells: ArrayLike, bar: int, span: int = 1) -> np.ndarray:
    """[len(SEAM_DESCRIPTORS)] of the `span` bars before and after the start of bar `bar` in cells [4, T, 88]."""
    checked = as_cells(cells)
    middle, width = bar * STEPS_PER_BAR, span * STEPS_PER_BAR
    if middle - width < 0 or middle + width > checked.shape[1]:
        raise InputError(
            f"describe_bar_line: {span} bar(s) around bar {bar} leave the piece of {checked.shape[1] // 16} bars"
        )
    around = describe(checked[:, middle - width : middle + width])
    left, right = checked[:, middle - STEPS_PER_BAR : middle], checked[:, middle : middle + STEPS_PER_BAR]
    strikes = [onsets(side) for side in (left, right)]
    chroma = [sounding(side).sum((0, 1)) @ FOLD for side in (left, right)]
    norm = float(np.linalg.norm(chroma[0]) * np.linalg.norm(chroma[1]))
    lines = [melody_line(side)[1] for side in (left, right)]
    bass = [_bass(sounding(side)[:, step]) for side, step in ((left, -1), (right, 0))]
    across = {
        "same_onsets": jaccard(strikes[0], strikes[1]),
        "same_rhythm": jaccard(strikes[0].any((0, 2)), strikes[1].any((0, 2))),
        "same_harmony": float(chroma[0] @ chroma[1]) / norm if norm > 0 else 1.0,
        "held_over": float((checked[1::2, middle].astype(bool) & ~checked[0::2, middle].astype(bool)).sum()),
        "melody_jump": abs(float(lines[1][0]) - float(lines[0][-1])) if len(lines[0]) and len(lines[1]) else 0.0,
        "bass_jump": abs(bass[1] - bass[0]) if bass[0] and bass[1] else 0.0,
        "density_jump": abs(float(strikes[0].sum()) - float(strikes[1].sum())),
    }
    return np.array([around[name] for name in AROUND] + [across[name] for name in ACROSS])


def _bass(sound: np.ndarray) -> float:
    """Lowest pitch of the keys sounding in both voices [2, 88]; 0 where nothing sounds."""
    keys = np.flatnonzero(sound.any(0))
    return float(KEYS[keys[0]]) if len(keys) else 0.0


def contrast(cells: ArrayLike, seams: Sequence[int], span: int = 1) -> np.ndarray:
    """[D] mean over the bar lines `seams` minus the mean over all other inner bar lines of a piece."""
    bars = as_cells(cells).shape[1] // STEPS_PER_BAR
    lines = range(span, bars - span + 1)
    at = [bar for bar in lines if bar in set(seams)]
    inside = [bar for bar in lines if bar not in set(seams)]
    if not at or not inside:
        raise InputError(
            f"contrast: a piece of {bars} bars with seams {sorted(seams)} has no seam, or nothing but seams"
        )
    return np.mean([describe_bar_line(cells, b, span) for b in at], 0) - np.mean(
        [describe_bar_line(cells, b, span) for b in inside], 0
    )


@dataclass(frozen=True)
class SeamTest:
    """The result of a permutation test of seams against other bar lines.

    `p`: chance of a largest |t| like this one if seams are like other bar lines. `rows`: (descriptor, mean contrast, t,
    its own p without correction), the farthest first. `against`: "zero" or "real music".
    """

    p: float
    rows: tuple[tuple[str, float, float, float], ...]
    n: tuple[int, int]
    against: str
    permutations: int
    seed: int


def seam_test(
    pieces: Sequence[ArrayLike],
    seams: Sequence[int] | Sequence[Sequence[int]],
    real: Sequence[ArrayLike] = (),
    *,
    span: int = 1,
    permutations: int = 2000,
    seed: int = 0,
) -> SeamTest:
    """Tests whether seams between windows are like other bar lines.

    `pieces`: cells [4, T, 88]; `seams`: bars at which windows meet, for all or for each.

    With `real` pieces, measured at the same bars (those of the first piece), the question becomes whether seams differ
    from other bar lines more than in real music.
    """
    by_piece = _for_each(seams, len(pieces))
    a = np.array([contrast(piece, bars, span) for piece, bars in zip(pieces, by_piece, strict=True)])
    b = np.array([contrast(piece, by_piece[0], span) for piece in real]).reshape(len(real), a.shape[1])
    if len(a) < 5 or 0 < len(b) < 5:
        raise InputError(f"seam_test: needs at least five pieces a side, got {len(a)} and {len(b)}")
    rng = np.random.default_rng(seed)
    if len(b):
        both = np.concatenate([a, b])

        def draw() -> np.ndarray:
            order = rng.permutation(len(both))
            return _welch(both[order[: len(a)]], both[order[len(a) :]])

        observed, difference = _welch(a, b), a.mean(0) - b.mean(0)
    else:

        def draw() -> np.ndarray:
            return _student(a * rng.choice((-1.0, 1.0), (len(a), 1)))

        observed, difference = _student(a), a.mean(0)
    null = np.abs([draw() for _ in range(permutations)])  # [permutations, D]
    p = (1 + (null.max(1) >= np.abs(observed).max()).sum()) / (1 + permutations)
    alone = (1 + (null >= np.abs(observed)).sum(0)) / (1 + permutations)
    rows = [
        (name, float(c), float(t), float(q))
        for name, c, t, q in zip(SEAM_DESCRIPTORS, difference, observed, alone, strict=True)
    ]
    rows.sort(key=lambda row: -abs(row[2]))
    return SeamTest(float(p), tuple(rows), (len(a), len(b)), "real music" if len(b) else "zero", permutations, seed)


def _for_each(seams: Sequence[int] | Sequence[Sequence[int]], n: int) -> list[list[int]]:
    if len(seams) == 0:
        raise InputError("seam_test: no seam was given")
    nested = [[int(bar) for bar in item] for item in seams if isinstance(item, Sequence | np.ndarray)]
    if nested and len(nested) != n:
        raise InputError(f"seam_test: seams for {len(nested)} pieces, but there are {n} pieces")
    return nested or [[int(np.asarray(bar)) for bar in seams]] * n


def _student(x: np.ndarray) -> np.ndarray:
    """[D] t of the mean of [n, D] against 0; 0 where nothing varies."""
    error = x.std(0, ddof=1) / np.sqrt(len(x))
    return np.divide(x.mean(0), error, out=np.zeros(x.shape[1]), where=error > 1e-12)


def _welch(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[D] Welch's t of the difference of two means; 0 where nothing varies."""
    error = np.sqrt(x.var(0, ddof=1) / len(x) + y.var(0, ddof=1) / len(y))
    return np.divide(x.mean(0) - y.mean(0), error, out=np.zeros(x.shape[1]), where=error > 1e-12)
