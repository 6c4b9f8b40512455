"""A tune that is given, from the file to the notes that are played: it stays, and what is composed under it differs."""

from pathlib import Path

import numpy as np
import pytest

from diffbgm import DiffBGM
from diffbgm.midi import write_midi
from diffbgm.result import Result
from diffbgm.roll import roll_to_notes
from diffbgm.types import Note, Score, TempoMap, Track

TUNE = ((0, 67), (0.5, 64), (1, 64), (2, 65), (2.5, 62), (3, 62), (4, 60), (5, 64), (6, 67))  # beats, pitches


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    notes = tuple(Note(beat, beat + 0.5, pitch, 90) for beat, pitch in TUNE)
    score = Score((Track("melody", 0, notes),), TempoMap.steady(130, 8))
    return write_midi(score, tmp_path_factory.mktemp("tune") / "tune.mid")


@pytest.fixture(scope="module")
def takes(tune: Path, movie: Path) -> list[Result]:
    model = DiffBGM.from_pretrained(device="cpu")
    return [model.score(movie, melody=str(tune), seed=seed, steps=4) for seed in (1, 2)]


def test_every_note_of_the_tune_is_the_melody(takes: list[Result]) -> None:
    for take in takes:
        assert take.plan.tune
        melody, _ = roll_to_notes(take.roll)
        there = {(note.start, note.pitch % 12) for note in melody}
        asked = [(note.start, note.pitch % 12) for note in take.plan.tune if note.start < take.plan.beats]
        assert set(asked) <= there
        ahead = [note for note in melody if note.start < take.plan.tune_end]
        assert len(ahead) == len([note for note in take.plan.tune if note.start < take.plan.tune_end])


def test_what_is_composed_under_it_differs_by_the_seed(takes: list[Result]) -> None:
    one, other = (take.roll.cells for take in takes)
    end = min(take.plan.tune_end for take in takes) * 4
    assert np.array_equal(one[:2, :end], other[:2, :end])
    assert not np.array_equal(one[2:], other[2:])
