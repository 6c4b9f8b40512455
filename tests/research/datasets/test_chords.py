import io
from pathlib import Path

import numpy as np
import pytest
from tests.music import make_roll

from diffbgm.research.datasets.chords import QUALITIES, TEMPLATES, estimate_chords
from diffbgm.research.datasets.colour import colour_by_bar, harshness, scale_share
from diffbgm.research.datasets.pop909 import read_song, song_files
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note

NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FAMILIES = ("maj", "min", "dim", "aug", "sus")


def test_triads_are_found_with_their_roots_and_basses() -> None:
    chords = estimate_chords(make_roll(8).cells)
    assert chords.root[::4].tolist() == [0, 5, 7, 0] * 2
    assert chords.bass[::4].tolist() == [0, 5, 7, 0] * 2
    assert set(chords.quality) == {"maj"}
    assert np.array_equal(np.flatnonzero(chords.classes()[4]), [0, 5, 9])
    assert np.array_equal(np.flatnonzero(chords.bass_classes()[4]), [5])


@pytest.mark.parametrize("quality", list(QUALITIES))
@pytest.mark.parametrize("root", [0, 7])
def test_every_quality_is_told_from_the_others(quality: str, root: int) -> None:
    notes = [Note(0.0, 8.0, 48 + root + step) for step in QUALITIES[quality]]
    chords = estimate_chords(notes_to_roll([], notes, 8).cells)
    assert set(chords.quality) == {quality}
    if quality != "aug":  # whose three tones are alike but for the bass
        assert set(chords.root.tolist()) == {root}
    assert chords.classes()[0].sum() == TEMPLATES[chords.state[0]].sum()


def test_silence_has_no_chord() -> None:
    chords = estimate_chords(notes_to_roll([], [Note(0.0, 4.0, p) for p in (48, 52, 55)], 8).cells)
    assert (chords.state[4:] == -1).all()
    assert not chords.classes()[4:].any()
    assert not chords.bass_classes()[4:].any()
    assert chords.quality[4] == ""


def test_a_passing_note_changes_no_chord() -> None:
    notes = [Note(0.0, 4.0, p) for p in (48, 52, 55)] + [Note(1.0, 1.5, 57)]
    assert set(estimate_chords(notes_to_roll([], notes, 4).cells).root.tolist()) == {0}


def test_colour_is_what_one_counts_by_hand() -> None:
    notes = [Note(0.0, 1.0, 60), Note(0.0, 1.0, 61), Note(0.0, 1.0, 67), Note(4.0, 5.0, 60), Note(4.0, 5.0, 72)]
    colour = colour_by_bar(notes_to_roll([], notes, 8).cells)
    assert scale_share(colour[:1]) == pytest.approx(2 / 3)
    assert scale_share(colour[:1], best=True) == 1.0  # all three lie in A flat major
    assert harshness(colour[:1]) == pytest.approx(2 / 3)  # C - C sharp and C sharp - G of three pairs
    assert harshness(colour[1:]) == 0.0
    assert np.isnan(scale_share(colour[:0]))
    assert np.isnan(harshness(colour[:0]))


def test_accuracy_on_the_labels_of_pop909(shared: Path) -> None:
    """Songs that the estimator was not tuned on: every ninth was, from the first."""
    files = song_files(shared / "data" / "POP909.zip")
    wanted = [song_id for i, song_id in enumerate(files) if i % 150 == 4]
    right_root = right = count = 0
    import zipfile

    with zipfile.ZipFile(shared / "data" / "POP909.zip") as archive:
        for song_id in wanted:
            song = read_song(song_id, files[song_id])
            if song is None:
                continue
            table = io.StringIO(archive.read(f"POP909/{song_id}/chord_midi.txt").decode())
            rows = [line.split() for line in table if line.strip()]
            middle = (song.times[:-1] + song.times[1:]) / 2
            at = np.searchsorted([float(row[0]) for row in rows], middle, side="right") - 1
            chords = estimate_chords(song.roll.cells)
            for i, place in enumerate(at):
                label = rows[place][2] if place >= 0 else "N"
                if label == "N" or chords.state[i] < 0:
                    continue
                name, _, quality = label.partition(":")
                root = (NAMES[name[0]] + name.count("#") - name.count("b")) % 12
                family = "dim" if quality.startswith("hdim") else quality[:3] if quality[:3] in FAMILIES else "maj"
                same = root == chords.root[i]
                right_root += same
                right += same and family == (chords.quality[i][:3] if chords.quality[i][:3] in FAMILIES else "maj")
                count += 1
    print(f"root {right_root / count:.3f}, root and quality {right / count:.3f} of {count} beats")
    assert count > 900
    assert right_root / count > 0.88
    assert right / count > 0.82
