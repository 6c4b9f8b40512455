"""Descriptors on hand-made rolls whose numbers can be counted."""

import numpy as np
import pytest

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import melody_line, note_lengths
from diffbgm.research.metrics.descriptors import DESCRIPTORS, describe, describe_all, harsh_pairs, pair_distances
from diffbgm.roll import notes_to_roll, transpose
from diffbgm.types import Note, PianoRoll


def tune() -> PianoRoll:
    """Eight bars: C major scale up and down in quarters over a C chord struck every bar."""
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 59] * 2
    melody = [Note(b, b + 1, p + 12) for b, p in enumerate(scale)]
    chords = [Note(4 * bar, 4 * bar + 4, p) for bar in range(8) for p in (48, 52, 55)]
    return notes_to_roll(melody, chords, 32)


def test_there_are_enough_and_each_is_explained() -> None:
    values = describe(tune().cells)
    assert list(values) == list(DESCRIPTORS)
    assert len(values) >= 25
    assert all(np.isfinite(value) for value in values.values())


def test_a_scale_over_one_chord() -> None:
    d = describe(tune().cells)
    assert d["groove"] == 1.0
    assert d["on_beat"] == 1.0
    assert d["syncopation"] == 0.0
    assert d["melody_onsets"] == 4.0
    assert d["accompaniment_onsets"] == 3.0
    assert d["polyphony"] == 4.0
    assert d["chord_size"] == 3.0
    assert d["in_scale"] == 1.0
    assert d["steps"] == 1.0
    assert d["leaps"] == d["repeated_notes"] == 0.0
    assert d["melody_length"] == 1.0
    assert d["accompaniment_length"] == 4.0
    assert d["register"] == pytest.approx((48 + 52 + 55) / 3)
    assert d["bass_register"] == 48.0
    assert d["melody_range"] == 13.0
    assert d["chord_changes"] == d["bass_motion"] == 0.0
    assert d["harsh"] == 0.0
    assert d["thirds"] == pytest.approx(2 / 3)  # C-E and E-G are thirds, C-G is a fifth
    assert d["chord_tones"] == pytest.approx(14 / 32)  # C, E, G of 16 notes: 60 64 67 72 67 64 60
    assert d["doublings"] == pytest.approx(6 / 32)  # of the eight chords, six find a C, E or G above
    assert d["halves"] == d["halves_rhythm"] == d["halves_melody"] == d["halves_harmony"] == 1.0
    assert d["longest_gap"] == 0.75
    assert d["silence"] == d["empty_bars"] == d["melody_rests"] == 0.0
    assert d["turns"] == pytest.approx(3 / 30)
    assert d["crossings"] == 0.0


def test_rhythm_of_off_beats() -> None:
    notes = [Note(0, 0.25, 60), Note(0.5, 0.75, 60), Note(0.75, 1, 60), Note(1.25, 1.5, 60)]
    d = describe(notes_to_roll([], notes, 4).cells)
    assert (d["on_beat"], d["off_eighth"], d["syncopation"]) == (0.25, 0.25, 0.5)
    assert d["rhythm_entropy"] == 2.0
    assert d["busy_steps"] == 0.25
    assert d["short_notes"] == 1.0
    assert d["longest_gap"] == 10 / 4  # steps 6..15


def test_melody_intervals_and_phrase_ends() -> None:
    melody = [Note(0, 1, 60), Note(1, 2, 60), Note(2, 3, 62), Note(3, 6, 70)]  # repeat, step, leap; the last is held
    d = describe(notes_to_roll(melody, [], 16).cells)
    assert (d["repeated_notes"], d["steps"], d["leaps"]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert d["melody_rests"] == 0.75
    assert d["phrase_ends"] == 1.0
    running = [Note(b / 2, b / 2 + 0.5, 60 + b % 5) for b in range(16)]
    assert describe(notes_to_roll(running, [], 8).cells)["phrase_ends"] == 0.0


def test_harsh_pairs_fold_octaves() -> None:
    chord = np.zeros((16, 88), np.uint8)
    chord[0, [0, 13, 24]] = 1  # a minor ninth, two octaves, a major seventh
    assert harsh_pairs(chord) == (2, 3)
    assert pair_distances(chord).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_empty_and_single_bars_have_neutral_values() -> None:
    d = describe(np.zeros((4, 16, 88), np.uint8))
    assert d["silence"] == d["empty_bars"] == d["melody_rests"] == 1.0
    assert d["pche"] == d["polyphony"] == d["harsh"] == 0.0
    assert d["register"] == 60.0
    assert all(np.isfinite(value) for value in d.values())


def test_most_do_not_care_about_key() -> None:
    roll = tune()
    before, after = describe(roll.cells), describe(transpose(roll, 3).cells)
    moved = {name for name in DESCRIPTORS if abs(before[name] - after[name]) > 1e-9}
    assert moved == {"register", "melody_register", "bass_register"}


def test_note_lengths_and_melody_line() -> None:
    roll = notes_to_roll([Note(0, 1, 60), Note(0, 2, 72), Note(1, 1.25, 60)], [Note(0, 4, 40)], 4)
    lengths = note_lengths(roll.cells)
    assert lengths[0, 0, 60 - 21] == 4
    assert lengths[0, 0, 72 - 21] == 8
    assert lengths[0, 4, 60 - 21] == 1
    assert lengths[1, 0, 40 - 21] == 16
    assert lengths.sum() == 29
    steps, pitches = melody_line(roll.cells)
    assert steps.tolist() == [0, 4]
    assert pitches.tolist() == [72, 60]


def test_windows_become_a_matrix_and_nonsense_is_refused() -> None:
    windows = np.stack([tune().cells] * 3)
    assert describe_all(windows).shape == (3, len(DESCRIPTORS))
    assert describe_all(windows, ("pche", "groove")).shape == (3, 2)
    with pytest.raises(InputError, match="windows must be"):
        describe_all(tune().cells)
