"""Alignment on signals made here: clicks of pitched tones whose times are known."""

import numpy as np
import pytest

from diffbgm.research.datasets.bgm909.align import RATE, SURE, Alignment, align
from diffbgm.types import Audio

Notes = tuple[np.ndarray, np.ndarray, np.ndarray]


def melody(seed: int, seconds: float = 40.0) -> Notes:
    """Onsets on a grid of .25 s with rests, two keys at a time, of no scale: every wrong key is wrong indeed."""
    rng = np.random.default_rng(seed)
    at = np.flatnonzero(rng.random(round(4 * seconds)) < 0.6) / 4
    pitches = rng.integers(48, 80, (len(at), 2))
    return np.repeat(at, 2), pitches.ravel(), rng.uniform(50, 110, 2 * len(at))


def play(notes: Notes, offset: float, seconds: float, noise: float = 0.002) -> Audio:
    """Decaying tones with two overtones; the song's second 0 at `offset`."""
    out = np.random.default_rng(9).normal(0, noise, round(seconds * RATE))
    t = np.arange(RATE // 2) / RATE
    for onset, pitch, velocity in zip(*notes, strict=True):
        start = round((onset + offset) * RATE)
        hz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3)) * np.exp(-6 * t) * velocity / 1000
        if 0 <= start < len(out):
            out[start : start + len(t)] += tone[: len(out) - start]
    return Audio(out[None], RATE)


@pytest.mark.parametrize(("offset", "seconds"), [(2.347, 45.0), (-7.123, 20.0), (0.0, 40.0), (-31.5, 15.0)])
def test_a_song_is_found_where_it_is(offset: float, seconds: float) -> None:
    notes = melody(1)
    found = align(play(notes, offset, seconds), *notes)
    assert found is not None
    assert found.offset == pytest.approx(offset, abs=0.02)
    assert not found.doubt


def test_another_song_and_another_key_are_not_believed() -> None:
    notes, other = melody(1), melody(2)
    wrong = align(play(other, 1.0, 40.0), *notes)
    assert wrong is not None
    assert "does not sound" in wrong.doubt
    higher = align(play((notes[0], notes[1] + 3, notes[2]), 1.0, 40.0), *notes)
    assert higher is not None
    assert "does not sound" in higher.doubt


def test_a_place_that_comes_twice_is_not_guessed() -> None:
    once = melody(3, seconds=16.0)
    twice = tuple(np.concatenate([a, b]) for a, b in zip(once, (once[0] + 16.0, *once[1:]), strict=True))
    cut = play(once, -4.0, 10.0)
    found = align(cut, twice[0], twice[1], twice[2])
    assert found is not None
    assert "repeats" in found.doubt
    assert found.confidence > SURE
    assert found.offset % 16.0 == pytest.approx(12.0, abs=0.02)


def test_silence_and_crumbs_say_nothing() -> None:
    notes = melody(1)
    assert align(Audio(np.zeros((1, 20 * RATE)), RATE), *notes) is None
    assert align(play(notes, 0.0, 4.0), *notes) is None
    assert align(play(notes, 0.0, 20.0), *(np.zeros(0),) * 3) is None


def test_doubt_is_told_in_words() -> None:
    assert Alignment(1.0, 0.5, 0.2).doubt == ""
    assert "0.10" in Alignment(1.0, 0.1, 0.2).doubt
