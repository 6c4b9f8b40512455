"""Pictures of plans: written whole, of a size that shows something, with every note where it sounds."""

from pathlib import Path

import numpy as np
import pytest

from diffbgm.errors import OutputError
from diffbgm.plot import ACCOMPANIMENT, HIT, MELODY, MISS, plot_plan
from diffbgm.roll import notes_to_roll
from diffbgm.types import Curves, Key, MusicPlan, Note, PlannedCut, Section, TempoMap


def plan_of(bars: int = 8, cuts: tuple[PlannedCut, ...] = ()) -> MusicPlan:
    beats = 4 * bars
    tempo = TempoMap.steady(120, beats)
    curves = Curves(*(np.full(beats, value) for value in (4.0, 5.0, 60.0, 1.0, 0.1)))
    sections = (Section(0, beats // 2, "A"), Section(beats // 2, beats, "B"))
    return MusicPlan(float(tempo.edges[-1]), tempo, Key(2, "minor"), sections, curves, cuts, style=("calm",))


CUTS = (PlannedCut(4.0, 1.0, 8.0, 0.0, True), PlannedCut(9.1, 0.5, 18.0, 0.1, False, "too near the last one"))


def pixels(path: Path) -> np.ndarray:
    """[h, w, 3] uint8."""
    from matplotlib.image import imread

    return (imread(path)[..., :3] * 255).round().astype(np.uint8)


def count(picture: np.ndarray, color: str) -> int:
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(picture.astype(int) - wanted).max(-1) <= 24).sum())


def test_the_roll_and_the_cuts_are_drawn_in_their_colours(tmp_path: Path) -> None:
    roll = notes_to_roll([Note(0, 8, 72)], [Note(8, 16, 48), Note(16, 32, 50)], 32)
    path = plot_plan(plan_of(cuts=CUTS), tmp_path / "plan.png", roll=roll)
    picture = pixels(path)
    for color in (MELODY, ACCOMPANIMENT, HIT, MISS):
        assert count(picture, color) > 20, color
    none = pixels(plot_plan(plan_of(), tmp_path / "none.png"))
    assert none.shape[0] < picture.shape[0]
    assert count(none, MISS) == count(none, ACCOMPANIMENT) == 0


@pytest.mark.parametrize("bars", [2, 300])
def test_short_and_long_pieces_are_drawn(tmp_path: Path, bars: int) -> None:
    beats = 4 * bars
    notes = [Note(b, b + 1, 48 + b % 24) for b in range(beats)]
    picture = pixels(plot_plan(plan_of(bars), tmp_path / "p.png", roll=notes_to_roll(notes, [], beats)))
    assert picture.shape[1] >= 1000


def test_silence_is_drawn(tmp_path: Path) -> None:
    assert plot_plan(plan_of(), tmp_path / "p.png", roll=notes_to_roll([], [], 32)).stat().st_size > 1000


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        plot_plan(plan_of(), tmp_path / "no" / "p.png")
    assert not list(tmp_path.iterdir())
