"""Valence and arousal: the directions the sources give, inside the plane, over all of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbgm.types import Cut
from diffbgm.video.affect import affect, cut_rate
from diffbgm.video.motion import motion_from_difference

unit = st.floats(0, 1)


def of(brightness: float = 0.42, saturation: float = 0.33, warmth: float = 0.0, motion: float = 0.3, rate: float = 0.1):
    return affect(np.array([[brightness, saturation, warmth]]), np.array([motion]), np.array([rate]))[0]


@given(brightness=unit, saturation=unit, warmth=st.floats(-1, 1), motion=unit, rate=st.floats(0, 10))
def test_it_stays_in_the_plane(brightness, saturation, warmth, motion, rate):
    point = of(brightness, saturation, warmth, motion, rate)
    assert np.isfinite(point).all()
    assert np.abs(point).max() <= 1


@given(low=unit, high=unit)
def test_each_cause_pushes_its_way(low, high):
    low, high = sorted((low, high))
    assert of(brightness=high)[0] >= of(brightness=low)[0]
    assert of(brightness=high)[1] <= of(brightness=low)[1]
    assert (of(saturation=high) >= of(saturation=low)).all()
    assert of(motion=high)[1] >= of(motion=low)[1]
    assert of(motion=high)[0] == of(motion=low)[0]
    assert of(rate=high)[1] >= of(rate=low)[1]
    assert of(warmth=high)[0] >= of(warmth=low)[0]


def test_the_corners_of_the_plane_are_reached():
    sunny_and_quick = of(0.7, 0.6, 0.3, 0.6, 0.6)
    sunny_and_still = of(0.7, 0.3, 0.2, 0.05, 0.0)
    dark_and_quick = of(0.2, 0.5, -0.3, 0.7, 0.6)
    dark_and_still = of(0.12, 0.15, -0.3, 0.03, 0.0)
    assert sunny_and_quick.min() > 0.5
    assert sunny_and_still[0] > 0.5
    assert sunny_and_still[1] < -0.5
    assert dark_and_quick[0] < -0.4
    assert dark_and_quick[1] > 0.5
    assert dark_and_still.max() < -0.4


def test_ordinary_footage_spreads():
    """Footage like real clips: brightness and motion over their usual range, from single shots to quick editing."""
    rng = np.random.default_rng(0)
    n = 4000
    colour = np.stack(
        [rng.normal(0.4, 0.17, n).clip(0, 1), rng.normal(0.33, 0.16, n).clip(0, 1), rng.normal(0, 0.3, n)], 1
    )
    points = affect(colour, rng.beta(2, 3.5, n), np.exp(rng.normal(np.log(0.16), 0.8, n)))
    for axis in range(2):
        quartiles = np.quantile(points[:, axis], [0.05, 0.25, 0.75, 0.95])
        assert quartiles[0] < -0.5
        assert quartiles[1] < -0.1
        assert quartiles[2] > 0.1
        assert quartiles[3] > 0.5
    assert np.abs(np.median(points, axis=0)).max() < 0.2


def test_cut_rate_is_cuts_a_second():
    cuts = [Cut(t) for t in np.arange(0.5, 60, 0.5)]
    times = np.arange(0.125, 60, 0.25)
    assert cut_rate(cuts, times, 60.0) == pytest.approx(2.0, rel=0.12)
    assert cut_rate([], times, 60.0) == pytest.approx(0.0)
    local = cut_rate([cut for cut in cuts if cut.time > 40], times, 60.0)
    assert local[0] == pytest.approx(0.0, abs=1e-6)
    assert local[-1] == pytest.approx(2.0, rel=0.15)
    assert cut_rate([Cut(1.0, 0.4, "fade")], np.array([1.0]), 2.0) < cut_rate([Cut(1.0)], np.array([1.0]), 2.0)
    assert cut_rate([], np.array([0.02]), 0.04) == pytest.approx([0.0])


def test_motion_curve_meets_the_quartiles_of_music_videos():
    curve = motion_from_difference(np.array([0.0, 2.1, 4.8, 9.9, 250.0]))
    assert curve == pytest.approx([0.0, 0.25, 0.5, 0.73, 1.0], abs=0.01)
    assert (np.diff(curve) > 0).all()
