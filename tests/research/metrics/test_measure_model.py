"""The model's table: copies of real music pass it, damaged music is caught, and everything ends up as JSON."""

import json

import numpy as np
import pytest
from tests.bench.acceptance import check_model

from diffbgm.errors import InputError
from diffbgm.research.metrics.agreement import curve_agreement, mode_agreement, motion_agreement
from diffbgm.research.metrics.html import effect_plot, to_html
from diffbgm.research.metrics.model import measure_model, model_report
from diffbgm.research.metrics.report import format_report, to_json
from diffbgm.research.metrics.statistics import pearson, spearman
from diffbgm.roll import measure_curves, notes_to_roll
from diffbgm.types import Note, TempoMap

WINDOWS = 24


def window(seed: int, minor: bool = False) -> np.ndarray:
    """Eight bars over a chord loop, with a melody that walks the scale; its density grows with the seed."""
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 3, 5, 7, 8, 10, 12] if minor else [0, 2, 4, 5, 7, 9, 11, 12])
    roots, step = (0, 5, 7, 0), (1.0, 0.5, 0.25)[seed % 3]
    melody, chords, place = [], [], 3
    for start in np.arange(0, 32, step):
        place = int(np.clip(place + rng.integers(-1, 2), 0, 7))
        melody.append(Note(start, start + step, int(60 + scale[place])))
    for bar in range(8):
        root = roots[bar % 4]
        third = 3 if minor and root in (0, 5, 7) else 4
        chords += [Note(4 * bar, 4 * bar + 4, 48 + root + k) for k in (0, third, 7)]
    return notes_to_roll(melody, chords, 32).cells


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    return np.stack([window(i) for i in range(WINDOWS)])


def test_the_real_thing_passes_its_own_table(real: np.ndarray) -> None:
    pytest.importorskip("sklearn")
    songs = list(np.arange(WINDOWS) // 2)
    result = measure_model(real, real, training=list(real[:6]), asked_major=[True] * WINDOWS, songs=songs, seed=3)
    assert result["n"] == WINDOWS
    assert result["songs"] == WINDOWS // 2
    assert result["seed"] == 3
    assert all(check.passed for check in check_model(result))
    assert result["two_sample"]["auc"] == pytest.approx(0.5, abs=0.2)
    assert all(effect["d"] == 0 for effect in result["effects"])
    assert result["agreement"]["density"] == pytest.approx(1.0)
    assert result["mode"]["played"]["share"] == 1.0
    assert result["copies"]["generated"] == result["copies"]["reference"]
    assert result["overlap"]["pitch_consistency"] == 1.0
    assert len(result["effects"]) >= 25


def test_damage_is_caught_and_named(real: np.ndarray) -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    damaged = np.stack([np.roll(w, int(rng.integers(1, 4)), axis=1) for w in real])  # off the beat
    damaged[:, 2] |= np.roll(damaged[:, 2], 1, axis=2)  # every chord with its semitones
    result = measure_model(damaged, real, seed=0)
    missed = {check.what for check in check_model(result) if not check.passed}
    assert {"harsh pairs struck together in the accompaniment", "onsets in the best major scale"} <= missed
    assert result["two_sample"]["auc"] > 0.9
    assert {"harsh", "on_beat"} <= {effect["name"] for effect in result["effects"][:15]}
    assert "copies" not in result
    assert "mode" not in result

    report = model_report(result)
    text = format_report(report)
    assert f"n = {WINDOWS}" in text
    assert "real/real" in text
    body = json.loads(to_json(report))
    assert body["data"]["measures"]["harsh"]["generated"] > 0.035
    page = to_html(report, [effect_plot(result)])
    assert "harsh" in page
    assert "<svg" in page


def test_songs_and_shapes_are_checked(real: np.ndarray) -> None:
    with pytest.raises(InputError, match="songs"):
        measure_model(real, real, songs=[1, 2])
    with pytest.raises(InputError, match="one shape"):
        measure_model(real, real[:3])


def test_correlations() -> None:
    assert pearson([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert pearson([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert pearson([1, 1, 1], [1, 2, 3]) == 0.0
    assert spearman([1, 2, 3, 4], [1, 8, 27, 1000]) == pytest.approx(1.0)
    assert spearman([1, 1, 2], [1, 1, 5]) == pytest.approx(1.0)
    with pytest.raises(InputError, match="one shape"):
        pearson([1, 2], [1, 2, 3])


def test_asked_curves_against_played(real: np.ndarray) -> None:
    asked = [measure_curves(w) for w in real]
    assert curve_agreement(asked, real)["density"] == pytest.approx(1.0)
    shuffled = curve_agreement(asked, real[np.random.default_rng(0).permutation(WINDOWS)])
    assert shuffled["density"] < 0.9
    with pytest.raises(InputError, match="curves for"):
        curve_agreement(asked[:2], real)


def test_asked_mode_against_heard() -> None:
    played = np.stack([window(0), window(3), window(0, minor=True)])
    found = mode_agreement([True, False, False], played)
    assert found.share == pytest.approx(2 / 3)
    assert (found.major, found.minor, found.n) == (1.0, 0.5, (1, 2))
    assert mode_agreement([True, True, False], played).minor == 1.0


def test_motion_against_density() -> None:
    counts = [1, 8, 2, 16, 4]
    notes = [Note(4 * bar + i * 4 / n, 4 * bar + (i + 1) * 4 / n, 60) for bar, n in enumerate(counts) for i in range(n)]
    cells, tempo = notes_to_roll([], notes, 20).cells, TempoMap.steady(120, 20)  # bars of two seconds
    times = np.arange(0, 10, 0.5)
    follows = np.repeat([0.1, 0.6, 0.2, 0.9, 0.4], 4)
    assert motion_agreement(times, follows, cells, tempo) == pytest.approx(1.0)
    assert motion_agreement(times, 1 - follows, cells, tempo) == pytest.approx(-1.0)
    assert motion_agreement([1.0], [0.5], cells, tempo) == 0.0  # one sample for all bars: nothing varies
    with pytest.raises(InputError, match="tempo map ends"):
        motion_agreement(times, follows, cells, TempoMap.steady(120, 8))
    with pytest.raises(InputError, match=r"must be \[N\]"):
        motion_agreement(times, follows[:3], cells, tempo)
