import numpy as np
import pytest

from diffbgm.research.metrics.sound import longest_gap, null_depth
from diffbgm.types import Audio

RATE = 8000


def tone(seconds: float, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)


def test_gaps_are_measured_in_seconds() -> None:
    samples = np.concatenate([tone(1.0), np.zeros(2 * RATE), tone(0.5), np.zeros(RATE)])
    assert longest_gap(Audio(samples[None], RATE)) == pytest.approx(2.0, abs=0.1)
    assert longest_gap(Audio(tone(1.0)[None], RATE)) == 0.0
    assert longest_gap(Audio(tone(1.0, 1e-3)[None], RATE)) == pytest.approx(1.0)


def test_stems_null_or_not() -> None:
    a, b = tone(0.5)[None], tone(0.5, 0.1)[None]
    mix = Audio(a + b, RATE)
    stems = {"melody": Audio(a, RATE), "bass": Audio(b, RATE)}
    assert null_depth(mix, stems) < -100
    assert null_depth(mix, {"melody": stems["melody"]}) == pytest.approx(-20, abs=0.1)
