import numpy as np
import pytest
from tests.music import make_roll

from diffbgm.research.datasets.bar_affect import affect_of, heard_by_bar
from diffbgm.research.metrics.affect import hear
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note, PianoRoll


def test_sums_by_bar_hear_what_the_ear_hears() -> None:
    roll = make_roll(8)
    for bpm in (60.0, 120.0):
        heard = heard_by_bar(roll, bpm)
        assert heard.shape == (8, 6)
        assert heard[:, 1].tolist() == [20] * 8  # four melody notes and sixteen below, a bar
        assert affect_of(heard, bpm) == pytest.approx(hear(roll, bpm), abs=0.15)
        half = PianoRoll(roll.cells[:, :64])
        assert affect_of(heard[:4], bpm) == pytest.approx(hear(half, bpm), abs=0.15)


def test_faster_sounds_more_excited_and_minor_sounds_sadder() -> None:
    roll = make_roll(8)
    slow, fast = (affect_of(heard_by_bar(roll, bpm), bpm) for bpm in (60.0, 120.0))
    assert fast[1] > slow[1] + 0.2
    minor = notes_to_roll([], [Note(float(b), b + 1.0, (57, 60, 64, 69)[b % 4]) for b in range(32)], 32)
    major = notes_to_roll([], [Note(float(b), b + 1.0, (57, 61, 64, 69)[b % 4]) for b in range(32)], 32)
    assert affect_of(heard_by_bar(minor, 90), 90)[0] < affect_of(heard_by_bar(major, 90), 90)[0] - 0.2


def test_silence_is_still() -> None:
    empty = PianoRoll(np.zeros((4, 32, 88), np.uint8))
    assert affect_of(heard_by_bar(empty, 90), 90) == (0.0, -1.0)
