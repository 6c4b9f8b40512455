"""Lead sheets: the melody that is played, and chords that are asked for or heard, as readers of MusicXML see them."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.music import make_plan

from diffbgm.arrange import arrange
from diffbgm.arrange.harmony import symbol_of
from diffbgm.leadsheet import lead_sheet
from diffbgm.notation import write_musicxml
from diffbgm.roll import notes_to_roll, top_line
from diffbgm.types import Key, Note, PianoRoll, PlannedChord

BARS = ((48, 64, 67), (53, 60, 69), (55, 59, 62), (45, 60, 64))  # C, F, G, Am


def piece() -> PianoRoll:
    """Four bars, a chord each, and a melody in quarters."""
    chords = [Note(4 * i, 4 * i + 4, pitch, 70) for i, bar in enumerate(BARS) for pitch in bar]
    melody = [Note(b, b + 1, 72 + (0, 2, 4, 5)[b % 4], 80) for b in range(16)]
    return notes_to_roll(melody, chords, 16)


def test_a_lead_sheet_opens_with_melody_chords_and_sections(tmp_path: Path) -> None:
    music21 = pytest.importorskip("music21")
    plan = replace(make_plan(4), key=Key(0, "major"))
    score = arrange(piece(), plan)
    sheet, chords = lead_sheet(score, piece(), plan)
    path = write_musicxml(sheet, tmp_path / "tune.lead.musicxml", chords=chords)
    read = music21.converter.parse(path)
    assert len(read.parts) == 1
    symbols = [
        (float(c.getOffsetInHierarchy(read)), c.figure) for c in read.recurse().getElementsByClass("ChordSymbol")
    ]
    assert symbols == [(0.0, "C"), (4.0, "F"), (8.0, "G"), (12.0, "Am")]
    played = next(track for track in score.tracks if track.role == "melody")
    notes = [(float(n.getOffsetInHierarchy(read)), n.pitch.midi) for n in read.stripTies().recurse().notes
             if "ChordSymbol" not in n.classes]  # fmt: skip
    assert notes == [(round(n.start * 4) / 4, n.pitch) for n in top_line(played.notes)]
    assert any(read.recurse().getElementsByClass("RehearsalMark"))


def test_chords_that_are_asked_for_stand_in_the_place_of_those_heard() -> None:
    plan = replace(make_plan(4), key=Key(0, "major"), chords=(PlannedChord(4, 8, "Dm7"),))
    _, chords = lead_sheet(arrange(piece(), plan), piece(), plan)
    assert [c.symbol for c in chords if c.start < 8] == ["C", "Dm7"]
    assert all(a.end <= b.start for a, b in pairwise(chords))


def test_a_key_with_flats_has_flat_chords_and_silence_none() -> None:
    plan = replace(make_plan(4), key=Key(5, "minor"))
    low = notes_to_roll([], [Note(0, 4, pitch, 70) for pitch in (44, 60, 63)], 16)  # A flat
    silent = PianoRoll(np.zeros_like(low.cells))
    _, chords = lead_sheet(arrange(low, plan), low, plan)
    assert chords == (PlannedChord(0, 4, "Ab"),)
    assert lead_sheet(arrange(silent, plan), silent, plan)[1] == ()


def test_without_a_melody_the_highest_notes_are_written_one_at_a_time() -> None:
    notes = (Note(0, 4, 60, 70), Note(0, 4, 64, 70), Note(2, 3, 55, 70), Note(3, 5, 62, 70))
    assert top_line(notes) == (Note(0, 3, 64, 70), Note(3, 5, 62, 70))  # 55 lies under 64 all the time


@pytest.mark.parametrize(
    ("classes", "symbol"),
    [((9, 0, 4), "Am"), ((0, 4, 7), "C"), ((11, 2, 5), "Bdim"), ((11, 5), "Bdim"), ((7, 2), "G5"), ((7, 11), "G")],
)
def test_symbols_of_what_is_heard(classes: tuple[int, ...], symbol: str) -> None:
    assert symbol_of(classes) == symbol
    assert symbol_of((10, 2, 5), flats=True) == "Bb"


def test_key_signatures() -> None:
    written = [Key(0), Key(7), Key(6), Key(5), Key(1), Key(9, "minor"), Key(0, "minor"), Key(8, "minor")]
    assert [key.sharps for key in written] == [0, 1, 6, -1, -5, 0, -3, 5]
