"""What a score does second by second, on hand-made ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.errors import InputError
from diffbgm.research.metrics.affect_by_bar import NO_CHORD, SUMMARY, Heard, listen, name_chord
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note, Score, TempoMap, Track


def score(*notes: Note, drums: tuple[Note, ...] = (), bpm: float = 60.0, beats: int = 8) -> Score:
    tracks = [Track("chords", 0, notes)] + ([Track("percussion", 0, drums)] if drums else [])
    return Score(tuple(tracks), TempoMap.steady(bpm, beats))


def triad(beat: float, root: int, third: int, velocity: int = 80) -> tuple[Note, ...]:
    return tuple(Note(beat, beat + 1, root + step, velocity) for step in (0, third, 7))


def test_seconds_of_known_chords() -> None:
    heard = listen(score(*triad(0, 60, 4), *triad(1, 57, 3), *triad(3, 67, 4)), 5)
    assert heard.density.tolist() == [3, 3, 0, 3, 0]
    assert heard.chord.tolist() == [0, 9 + 12, NO_CHORD, 7, NO_CHORD]
    assert heard.tracks()[2].tolist() == [0, 1, 1, 1, 1]
    summary = dict(zip(SUMMARY, heard.summary(), strict=True))
    assert summary["seconds without an onset"] == pytest.approx(0.4)
    assert summary["seconds without a chord"] == pytest.approx(0.4)
    assert summary["minor chords among chords"] == pytest.approx(1 / 3)
    assert summary["mean of log density"] == pytest.approx(3 * np.log(4) / 5)


def test_the_key_of_the_whole() -> None:
    major = score(*triad(0, 60, 4), *triad(1, 65, 4), *triad(2, 67, 4), *triad(3, 60, 4))
    minor = score(*triad(0, 57, 3), *triad(1, 62, 3), *triad(2, 64, 4), *triad(3, 57, 3))
    assert (listen(major, 4).minor, listen(minor, 4).minor) == (False, True)


def test_the_tempo_says_in_which_second_a_note_lies_and_drums_are_left_out() -> None:
    twice = listen(score(*triad(0, 60, 4), *triad(3, 60, 4), drums=(Note(0, 1, 36),), bpm=120), 3)
    assert twice.density.tolist() == [3, 3, 0]


@pytest.mark.parametrize("third", [3, 4])
@pytest.mark.parametrize("root", range(12))
def test_every_triad_has_its_name(root: int, third: int) -> None:
    classes = np.zeros(12)
    classes[(root + np.array([0, third, 7])) % 12] = 1
    assert name_chord(classes) == root + 12 * (third == 3)
    classes[(root + 10) % 12] = 0.5  # a seventh does not hide it
    assert name_chord(classes) == root + 12 * (third == 3)


def test_louder_is_louder_and_notes_die_away() -> None:
    loud = listen(score(*triad(0, 60, 4, velocity=100), beats=8), 4).loudness
    soft = listen(score(*triad(0, 60, 4, velocity=50), beats=8), 4).loudness
    assert loud[0] == pytest.approx(4 * soft[0])
    assert loud[1] == 0  # the note has ended
    held = listen(score(Note(0, 4, 60, 100)), 4).loudness
    assert (np.diff(held) < 0).all()
    assert held[3] > 0


def test_a_roll_is_heard_like_its_notes() -> None:
    notes = (*triad(0, 60, 4), *triad(2, 57, 3))
    roll = notes_to_roll([], notes, 8)
    by_roll, by_score = listen(roll, 4, TempoMap.steady(60, 8)), listen(score(*notes), 4)
    assert (by_roll.density == by_score.density).all()
    assert (by_roll.chord == by_score.chord).all()
    assert by_roll.loudness == pytest.approx(by_score.loudness)
    with pytest.raises(InputError, match="tempo"):
        listen(roll, 4)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), count=st.integers(0, 30), seconds=st.integers(1, 20))
def test_anything_can_be_heard(seed: int, count: int, seconds: int) -> None:
    rng = np.random.default_rng(seed)
    notes = []
    for _ in range(count):
        start = float(rng.uniform(0, 16))
        notes.append(Note(start, start + float(rng.uniform(0.01, 4)), int(rng.integers(21, 109)), 70))
    heard = listen(score(*notes, bpm=float(rng.uniform(60, 140)), beats=16), seconds)
    assert np.isfinite(heard.summary()).all()
    assert np.isfinite(heard.tracks()).all()
    assert heard.density.sum() <= count


def test_excerpts_and_what_does_not_fit() -> None:
    heard = Heard(np.arange(5.0), np.arange(5.0), np.arange(5), True)
    assert heard.excerpt(2, 2).density.tolist() == [2, 3]
    assert heard.excerpt(2, 2).minor
    with pytest.raises(InputError, match="same seconds"):
        Heard(np.arange(5.0), np.arange(4.0), np.arange(5), True)
    with pytest.raises(InputError, match="one second"):
        listen(score(*triad(0, 60, 4)), 0)
