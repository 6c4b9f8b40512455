"""Overlapping areas and diversity with answers known in closed form."""

import math

import numpy as np
import pytest

from diffbgm.errors import InputError
from diffbgm.research.metrics.diversity import diversity, onset_distance
from diffbgm.research.metrics.overlap import (
    frame_overlaps,
    histogram_overlap,
    note_values,
    overlapping_area,
    self_similarity,
)
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note


def steady(pitch: int, bars: int = 8, step: float = 1.0, spread: int = 4) -> np.ndarray:
    count = int(bars * 4 / step)
    return notes_to_roll([], [Note(i * step, (i + 1) * step, pitch + i % spread) for i in range(count)], bars * 4).cells


def test_area_of_two_normal_curves() -> None:
    assert overlapping_area(0, 1, 0, 1) == pytest.approx(1.0)
    # equal spreads cross half way: 2 Phi(-d / 2)
    assert overlapping_area(0, 1, 2, 1) == pytest.approx(math.erfc(1 / math.sqrt(2)))
    assert overlapping_area(0, 1, 100, 1) == pytest.approx(0.0, abs=1e-9)
    assert overlapping_area(60, 0, 60, 0) == pytest.approx(1.0)


def test_frames_of_steady_music_overlap_fully_and_a_jump_does_not() -> None:
    pitch, length = frame_overlaps(steady(60))
    assert pitch == pytest.approx([1.0, 1.0])
    assert length == pytest.approx([1.0, 1.0])
    jump = np.concatenate([steady(40, 4), steady(90, 4)], axis=1)
    pitch, length = frame_overlaps(jump, frame_bars=4, hop_bars=4)
    assert pitch == pytest.approx([0.0], abs=1e-6)
    assert length == pytest.approx([1.0])


def test_note_values() -> None:
    step, pitch, length = note_values(notes_to_roll([Note(1, 2, 70)], [Note(0, 4, 40)], 4).cells)
    assert sorted(zip(step.tolist(), pitch.tolist(), length.tolist(), strict=True)) == [(0, 40, 4.0), (4, 70, 1.0)]


def test_self_similarity_with_itself_is_perfect() -> None:
    rng = np.random.default_rng(0)
    pieces = [notes_to_roll([], [Note(b, b + 1, int(p)) for b, p in enumerate(rng.integers(40, 80, 40))], 40).cells]
    found = self_similarity(pieces, pieces)
    assert (found.pitch_consistency, found.pitch_variance) == (1.0, 1.0)
    assert found.pairs == (3, 3)
    with pytest.raises(InputError, match="6 bars"):
        self_similarity([steady(60, 4)], pieces)


def test_histogram_overlap() -> None:
    assert histogram_overlap([1, 2, 3], [1, 2, 3]) == pytest.approx(1.0)
    assert histogram_overlap([0.0] * 5, [1.0] * 3) == 0.0
    assert histogram_overlap([0, 1], [0, 0], bins=2) == pytest.approx(0.5)


def test_onset_distance() -> None:
    a, b = steady(60), steady(61)
    assert onset_distance(a, a) == 0.0
    assert 0 < onset_distance(a, b) <= 1.0
    assert onset_distance(a, np.concatenate([a, a], axis=1)) == pytest.approx(0.5)


def test_diversity_tells_takes_from_videos() -> None:
    same = diversity([[steady(50)] * 2, [steady(70, step=0.5)] * 2])
    assert same.within_onsets == 0.0
    assert same.within_descriptors == 0.0
    assert same.across_onsets == 1.0
    assert same.across_descriptors is not None
    assert same.across_descriptors > 1.0
    assert (same.takes, same.videos, same.pairs) == (4, 2, (2, 4))
    single = diversity([[steady(50)], [steady(60)]])
    assert single.within_onsets is None
    with pytest.raises(InputError, match="two pieces"):
        diversity([[steady(50)]])


def test_diversity_draws_pairs_by_seed() -> None:
    rng = np.random.default_rng(0)
    takes = [[steady(int(p), bars=1) for p in rng.integers(40, 80, 6)] for _ in range(2)]
    assert diversity(takes, max_pairs=3, seed=1) == diversity(takes, max_pairs=3, seed=1)
    assert diversity(takes, max_pairs=3, seed=1).pairs == (3, 3)
