"""The structure indicator on rolls whose form is known, and its dynamic programme against brute force."""

from itertools import product

import numpy as np
import pytest

from diffbgm.errors import InputError
from diffbgm.research.metrics.structure import (
    PENALTY,
    beat_chroma,
    fitness_scape,
    section_fitness,
    similarity_matrix,
    structure_indicator,
    structure_indicators,
)
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note


def piece(form: str, beats_each: int = 8, seed: int = 0) -> np.ndarray:
    """Each letter of the form is a random chord a beat, the same wherever the letter comes back."""
    rng = np.random.default_rng(seed)
    parts = {letter: rng.integers(48, 72, (beats_each, 3)) for letter in sorted(set(form))}
    notes = []
    for i, letter in enumerate(form):
        for beat, chord in enumerate(parts[letter]):
            start = i * beats_each + beat
            notes += [Note(start, start + 1, int(pitch)) for pitch in set(chord.tolist())]
    return notes_to_roll([], notes, len(form) * beats_each).cells


def brute_force(matrix: np.ndarray, start: int, length: int) -> float:
    """Best (score, then cells and rows) over every family of paths, by trying them all."""
    size = len(matrix)
    best: tuple[float, int, int] = (0.0, 0, 0)

    def grow(row: int, score: float, cells: int, rows: int) -> None:
        nonlocal best
        if score > best[0] + 1e-12:
            best = (score, cells, rows)
        for first in range(row, size):
            follow(first, 0, score + matrix[first, start], cells + 1, rows + 1)

    def follow(row: int, column: int, score: float, cells: int, rows: int) -> None:
        if column == length - 1:
            grow(row + 1, score, cells, rows)
        for down, right in ((1, 1), (2, 1), (1, 2)):
            r, c = row + down, column + right
            if r < size and c < length:
                follow(r, c, score + matrix[r, start + c], cells + 1, rows + down)

    grow(0, 0.0, 0, 0)
    score, cells, rows = best
    gain = max(0.0, (score - length) / max(cells, 1))
    reach = max(0.0, (rows - length) / size)
    return 2 * gain * reach / (gain + reach) if gain + reach else 0.0


@pytest.mark.parametrize("seed", range(6))
def test_fitness_equals_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    half = np.where(rng.random((7, 7)) < 0.45, rng.random((7, 7)), PENALTY)
    matrix = np.maximum(half, half.T)
    np.fill_diagonal(matrix, 1.0)
    for length in (1, 2, 3, 5, 7):
        fitness = section_fitness(matrix, length)
        expected = [brute_force(matrix, start, length) for start in range(7 - length + 1)]
        assert fitness == pytest.approx(expected, abs=1e-9)


def test_a_piece_that_repeats_beats_one_that_does_not() -> None:
    for seed in range(3):
        repeated, new = piece("AABA", seed=seed), piece("ABCD", seed=seed)
        assert structure_indicator(repeated, 6, 10) > structure_indicator(new, 6, 10) + 0.2


def test_three_equal_parts_have_the_fitness_of_three_equal_paths() -> None:
    # AAA with a block similarity: section A covers all of N = 3 M rows by 3 paths of M cells that score M each:
    # gain = (3 M - M) / 3 M = 2/3, reach = (3 M - M) / 3 M = 2/3, so fitness 2/3
    block = np.full((12, 12), PENALTY)
    for a, b in product(range(3), repeat=2):
        block[np.arange(4) + 4 * a, np.arange(4) + 4 * b] = 1.0
    assert section_fitness(block, 4)[[0, 4, 8]] == pytest.approx([2 / 3] * 3)


def test_the_trivial_sections_have_no_fitness() -> None:
    matrix = similarity_matrix(beat_chroma(piece("ABCD")))
    assert section_fitness(matrix, len(matrix)) == pytest.approx([0.0])  # the whole piece repeats nothing
    nothing = np.full((6, 6), PENALTY)
    np.fill_diagonal(nothing, 1.0)
    assert section_fitness(nothing, 2) == pytest.approx(np.zeros(5))


def test_scape_shape_and_range_and_scales() -> None:
    cells = piece("ABAB", beats_each=4)
    scape = fitness_scape(cells, 2, 5)
    assert scape.shape == (4, 16)
    assert (scape >= 0).all()
    assert (scape <= 1).all()
    assert set(structure_indicators(cells)) == {"short", "middle", "long"}
    assert structure_indicator(cells, 17) == 0.0  # no section is that long


def test_bad_length_is_refused() -> None:
    with pytest.raises(InputError, match="between 1 and 4"):
        section_fitness(np.eye(4), 5)
