import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.music import make_roll

from diffbgm.roll import (
    bar_pitch_classes,
    bar_statistics,
    find_key,
    key_shift,
    measure_curves,
    measure_texture,
    notes_to_roll,
    pitch_classes,
    repetition,
    roll_to_notes,
    texture_of,
    transpose,
)
from diffbgm.types import Key, Note, PianoRoll

notes = st.lists(
    st.builds(
        lambda start, length, pitch: Note(start / 4, (start + length) / 4, pitch, 64),
        st.integers(0, 60),
        st.integers(1, 20),
        st.integers(21, 108),
    ),
    max_size=30,
)


@given(notes)
@settings(max_examples=50, deadline=None)
def test_notes_and_rolls_round_trip(played: list[Note]) -> None:
    roll = notes_to_roll(played, [], 16)
    again = notes_to_roll(*roll_to_notes(roll), 16)
    assert again == roll
    assert not again.cells[2:].any()


def test_a_struck_again_key_ends_the_note_before() -> None:
    roll = notes_to_roll([Note(0, 2, 60), Note(1, 2, 60)], [], 4)
    melody, _ = roll_to_notes(roll)
    assert [(n.start, n.end) for n in melody] == [(0, 1), (1, 2)]


def test_sustains_without_an_onset_are_no_notes() -> None:
    cells = np.zeros((4, 16, 88), np.uint8)
    cells[1, :8, 30] = 1
    assert roll_to_notes(PianoRoll(cells)) == ([], [])


@given(st.integers(-11, 11))
@settings(max_examples=23, deadline=None)
def test_transposing_moves_every_note(semitones: int) -> None:
    roll = make_roll(2)
    moved = transpose(roll, semitones)
    for before, after in zip(roll_to_notes(roll), roll_to_notes(moved), strict=True):
        assert [(n.start, n.end, n.pitch + semitones) for n in before] == [(n.start, n.end, n.pitch) for n in after]


def test_transposing_past_the_keyboard_folds_by_an_octave() -> None:
    moved = transpose(notes_to_roll([Note(0, 1, 108)], [], 4), 3)
    assert roll_to_notes(moved)[0][0].pitch == 99


def test_curves_of_a_known_roll() -> None:
    curves = measure_curves(make_roll(8).cells)
    assert curves.beats == 32
    assert curves.density == pytest.approx(5.0)  # a melody note and four accompaniment notes a beat
    assert curves.melody == pytest.approx(1.0)
    assert curves.polyphony == pytest.approx(0.75 + 1.0)  # three of four melody steps, and always one broken chord note
    assert (curves.register > 55).all()
    assert curves.repetition[:16] == pytest.approx(0.0)  # nothing lies four bars before
    assert curves.repetition[16:] == pytest.approx(1.0)


def test_repetition_is_a_jaccard_index() -> None:
    a = [Note(0, 1, 60), Note(1, 2, 62)]
    roll = notes_to_roll([*a, Note(16, 17, 60), Note(17, 18, 64)], [], 20)
    assert repetition(roll.cells, 4)[4] == pytest.approx(1 / 3)


def test_moods_of_runs_of_bars_are_sums() -> None:
    cells = make_roll(8).cells
    whole = measure_texture(cells)
    summed = texture_of(bar_statistics(cells), whole.mode)
    assert summed == whole
    assert whole.mode == 1.0
    assert whole.density == pytest.approx(5.0)
    assert whole.syncopation == pytest.approx(2 / 5)
    assert whole.note_length == pytest.approx((3 + 4) / 5 / 4)
    assert measure_texture(np.zeros((4, 16, 88), np.uint8)).density == 0.0


def test_harmony_counts_chord_changes() -> None:
    chords = [(48, 52, 55), (48, 52, 55), (53, 57, 60), (50, 54, 57)]
    below = [Note(b, b + 1, p) for b, chord in enumerate(chords) for p in chord]
    assert measure_texture(notes_to_roll([], below, 4).cells).harmonic_rhythm == pytest.approx(2.0)


@given(st.integers(0, 11), st.sampled_from(["major", "minor"]))
@settings(max_examples=24, deadline=None)
def test_keys_are_found_and_taken_to_c_or_a_minor(tonic: int, mode: str) -> None:
    scale = (0, 2, 4, 5, 7, 9, 11) if mode == "major" else (0, 2, 3, 5, 7, 8, 10)
    triad = (0, 4, 7) if mode == "major" else (0, 3, 7)
    below = [Note(i, i + 1, 48 + tonic + s) for i, s in enumerate(scale)]
    below += [Note(8, 16, 48 + tonic + s) for s in triad]
    roll = notes_to_roll([], below, 16)
    key = find_key(pitch_classes(roll.cells))
    assert key == Key(tonic, mode)  # type: ignore[arg-type]
    home = find_key(pitch_classes(transpose(roll, key_shift(key)).cells))
    assert home == Key(0 if mode == "major" else 9, mode)  # type: ignore[arg-type]
    assert -6 <= key_shift(key) <= 5


def test_pitch_classes_by_bar_sum_to_the_whole() -> None:
    cells = make_roll(5).cells
    assert bar_pitch_classes(cells).sum(0) == pytest.approx(pitch_classes(cells))
