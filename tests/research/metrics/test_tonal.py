"""PCHE and GPS: known answers, and parity with the formulas written out note by note and bar by bar."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.errors import InputError
from diffbgm.research.metrics.tonal import (
    entropy,
    gps,
    groove_similarity,
    grooves,
    onset_histogram,
    pche,
    pitch_class_entropies,
)
from diffbgm.roll import notes_to_roll, roll_to_notes
from diffbgm.types import Note, PianoRoll


def random_cells(seed: int, bars: int, share: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cells = (rng.random((4, bars * 16, 88)) < share).astype(np.uint8)
    cells[1::2][cells[0::2] == 1] = 0
    return cells


def naive_pche(cells: np.ndarray, bars: int) -> float:
    """H = -sum h log2 h over the notes that start in each run of `bars` bars, the mean of the runs with notes."""
    melody, accompaniment = roll_to_notes(PianoRoll(cells))
    values = []
    for first in range(0, cells.shape[1] // 16 - bars + 1, bars):
        histogram = [0] * 12
        for note in melody + accompaniment:
            if first * 4 <= note.start < (first + bars) * 4:
                histogram[note.pitch % 12] += 1
        total = sum(histogram)
        if total:
            values.append(-sum(h / total * math.log2(h / total) for h in histogram if h))
    return sum(values) / len(values) if values else 0.0


def naive_gps(cells: np.ndarray) -> float:
    """1 - 1/Q sum XOR over the sixteen places of a bar, the mean over all pairs of bars."""
    melody, accompaniment = roll_to_notes(PianoRoll(cells))
    bars = cells.shape[1] // 16
    patterns = [[0] * 16 for _ in range(bars)]
    for note in melody + accompaniment:
        patterns[int(note.start // 4)][round((note.start % 4) * 4)] = 1
    values = [
        1 - sum(a ^ b for a, b in zip(patterns[i], patterns[j], strict=True)) / 16
        for i in range(bars)
        for j in range(i + 1, bars)
    ]
    return sum(values) / len(values) if values else 1.0


def test_one_pitch_class_has_no_entropy_and_all_twelve_have_the_most() -> None:
    octaves = notes_to_roll([], [Note(b, b + 1, 36 + 12 * (b % 4)) for b in range(32)], 32)
    assert pche(octaves.cells) == 0.0
    twelve = notes_to_roll([], [Note(b, b + 1, 60 + b % 12) for b in range(24)], 32)
    assert pche(twelve.cells) == pytest.approx(math.log2(12))


def test_entropy_counts_onsets_not_durations() -> None:
    # C once for a whole bar, E and G once for a sixteenth each: 3 onsets of 3 classes
    cells = notes_to_roll([Note(0, 4, 60)], [Note(0, 0.25, 64), Note(1, 1.25, 67)], 4).cells
    assert pche(cells, bars=1) == pytest.approx(math.log2(3))
    assert onset_histogram(cells).tolist() == [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]


def test_windows_side_by_side_or_hopping_and_empty_ones_left_out() -> None:
    cells = notes_to_roll([Note(0, 1, 60), Note(8, 9, 60), Note(8, 9, 62)], [], 16).cells  # bars 0, 2 of 4
    assert pitch_class_entropies(cells, bars=1).tolist() == [0.0, 1.0]
    assert pitch_class_entropies(cells, bars=2).tolist() == [0.0, 1.0]
    third = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert pitch_class_entropies(cells, bars=3, hop=1) == pytest.approx([third, 1.0])
    assert len(pitch_class_entropies(cells, bars=8)) == 1  # shorter than a window: one window
    assert pche(np.zeros((4, 16, 88), np.uint8)) == 0.0


def test_groove_similarity_of_known_bars() -> None:
    four = [1, 0, 0, 0] * 4
    eight = [1, 0] * 8
    assert groove_similarity(four, four) == 1.0
    assert groove_similarity(four, eight) == pytest.approx(1 - 4 / 16)
    assert groove_similarity([1] * 16, [0] * 16) == 0.0
    with pytest.raises(InputError, match="one length"):
        groove_similarity(four, [1, 0])


def test_gps_of_a_roll_is_the_mean_over_all_pairs() -> None:
    quarters = [Note(b, b + 1, 60) for b in range(8)]  # bars 0 and 1
    eighths = [Note(8 + b / 2, 8 + b / 2 + 0.5, 60) for b in range(8)]  # bar 2
    roll = notes_to_roll(quarters, eighths, 12)
    assert gps(roll.cells) == pytest.approx((1.0 + 0.75 + 0.75) / 3)
    assert grooves(roll.cells).sum(1).tolist() == [4, 4, 8]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), bars=st.integers(1, 17), share=st.sampled_from([0.0, 0.0005, 0.01, 0.2]))
def test_parity_with_the_formulas_written_out(seed: int, bars: int, share: float) -> None:
    cells = random_cells(seed, bars, share)
    for width in (1, 4, 8):
        if width <= bars:
            assert pche(cells, width) == pytest.approx(naive_pche(cells, width), abs=1e-12)
    assert gps(cells) == pytest.approx(naive_gps(cells), abs=1e-12)


@settings(deadline=None, max_examples=15)
@given(histogram=st.lists(st.integers(0, 50), min_size=12, max_size=12), shift=st.integers(0, 11))
def test_entropy_is_bounded_and_does_not_care_about_key(histogram: list[int], shift: int) -> None:
    value = entropy(histogram)
    assert 0 <= value <= math.log2(12) + 1e-12
    assert entropy(np.roll(histogram, shift)) == pytest.approx(value)


@pytest.mark.parametrize("shape", [(4, 16, 87), (3, 16, 88), (4, 20, 88), (4, 0, 88), (16, 88)])
def test_what_is_no_roll_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="cells must"):
        gps(np.zeros(shape, np.uint8))


def test_cells_other_than_0_and_1_are_refused() -> None:
    with pytest.raises(InputError, match="0 or 1"):
        pche(np.full((4, 16, 88), 80))
