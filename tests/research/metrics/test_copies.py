"""Copied melodies are found in any key; new ones are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.errors import InputError
from diffbgm.research.metrics.copies import copies, interval_ngrams, melody_ngrams, training_set
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note

TUNE = [60, 62, 64, 60, 67, 65, 64, 62, 60, 55, 57, 59, 60]


def roll(pitches: list[int]) -> np.ndarray:
    beats = -(-len(pitches) // 8) * 4
    return notes_to_roll([Note(i / 2, i / 2 + 0.5, p) for i, p in enumerate(pitches)], [], beats).cells


def test_a_transposed_melody_is_a_copy() -> None:
    known = training_set([roll(TUNE)])
    found = copies([roll([p + 5 for p in TUNE])], known)
    assert found.share == found.moving == 1.0
    assert found.ngrams == len(TUNE) - 7
    assert found.longest == len(TUNE)


def test_a_new_melody_is_none_and_half_a_copy_is_half() -> None:
    known = training_set([roll(TUNE)])
    assert copies([roll([60, 61, 66, 59, 70, 63, 62, 71, 58, 57])], known).share == 0.0
    half = copies([roll(TUNE[:8]), roll([60, 61, 66, 59, 70, 63, 62, 71])], known)
    assert half.share == 0.5
    assert half.longest == 8
    assert half.low <= half.share <= half.high


def test_repeated_notes_count_apart() -> None:
    still = roll([60] * 12)
    found = copies([still], training_set([still]))
    assert (found.share, found.moving) == (1.0, 0.0)


def test_nothing_to_count() -> None:
    found = copies([roll([60, 62, 64])], training_set([]))
    assert (found.share, found.ngrams, found.pieces) == (0.0, 0, 1)
    assert melody_ngrams([np.zeros((4, 16, 88), np.uint8)])[0].size == 0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(21, 108), min_size=0, max_size=20),
    st.lists(st.integers(21, 108), min_size=0, max_size=20),
    st.integers(2, 11),
)
def test_numbers_are_equal_exactly_when_intervals_are(a: list[int], b: list[int], notes: int) -> None:
    def runs(p: list[int]) -> list[tuple[int, ...]]:
        steps = np.clip(np.diff(p), -31, 31).tolist() if p else []
        return [tuple(steps[i : i + notes - 1]) for i in range(len(steps) - notes + 2)]

    numbers = interval_ngrams(a, notes).tolist() + interval_ngrams(b, notes).tolist()
    written = runs(a) + runs(b)
    assert len(numbers) == len(written)
    assert [[x == y for x in numbers] for y in numbers] == [[x == y for x in written] for y in written]


def test_ngrams_that_do_not_fit_a_number_are_refused() -> None:
    with pytest.raises(InputError, match="between 2 and 11"):
        interval_ngrams(TUNE, 12)
