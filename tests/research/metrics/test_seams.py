"""Seams that can be heard are found; seams like any other bar line are not."""

import numpy as np
import pytest

from diffbgm.errors import InputError
from diffbgm.research.metrics.seams import SEAM_DESCRIPTORS, contrast, describe_bar_line, seam_test
from diffbgm.roll import notes_to_roll
from diffbgm.types import Note

SEAMS = (4, 8)


def piece(seed: int, jump: bool) -> np.ndarray:
    """Twelve bars of a random walk in C major over chords; with `jump`, each four bars stand in a key of their own."""
    rng = np.random.default_rng(seed)
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]
    place, melody, chords = 4, [], []
    for beat in range(48):
        shift = (0, 6, 1)[beat // 16] if jump else 0
        place = int(np.clip(place + rng.integers(-2, 3), 0, 9))
        melody.append(Note(beat, beat + 1, scale[place] + shift))
        if beat % 4 == 0:
            root = int(rng.choice([48, 53, 55])) + shift
            chords += [Note(beat, beat + 4, root + k) for k in (0, 4, 7)]
    return notes_to_roll(melody, chords, 48).cells


def test_jumps_of_key_at_the_seams_are_found() -> None:
    found = seam_test([piece(i, True) for i in range(8)], SEAMS, permutations=200)
    assert found.p < 0.02
    named = {name: own for name, _, _, own in found.rows}
    assert max(named["pche"], named["in_scale"], named["same_harmony"]) < 0.02
    assert found.rows == tuple(sorted(found.rows, key=lambda row: -abs(row[2])))
    assert found.against == "zero"


def test_pieces_without_seams_are_not_blamed() -> None:
    smooth = [piece(i, False) for i in range(16)]
    assert seam_test(smooth[:8], SEAMS, permutations=200).p > 0.01
    found = seam_test(smooth[:8], SEAMS, smooth[8:], permutations=200)
    assert found.p > 0.01
    assert found.n == (8, 8)
    assert found == seam_test(smooth[:8], SEAMS, smooth[8:], permutations=200)


def test_against_real_music_a_jump_is_found() -> None:
    found = seam_test(
        [piece(i, True) for i in range(8)], SEAMS, [piece(i + 50, False) for i in range(8)], permutations=200
    )
    assert found.p < 0.02
    assert found.against == "real music"


def test_seams_of_each_piece_on_its_own() -> None:
    pieces = [piece(i, True) for i in range(6)]
    same = seam_test(pieces, [list(SEAMS)] * 6, permutations=50)
    assert same == seam_test(pieces, SEAMS, permutations=50)
    with pytest.raises(InputError, match="6 pieces"):
        seam_test(pieces, [[4]] * 5, permutations=50)


def test_a_bar_line_in_numbers() -> None:
    cells = notes_to_roll([Note(3, 4, 60), Note(4, 5, 67)], [Note(0, 8, 40), Note(4, 8, 45)], 8).cells
    values = dict(zip(SEAM_DESCRIPTORS, describe_bar_line(cells, 1), strict=True))
    assert values["melody_jump"] == 7
    assert values["held_over"] == 1
    assert values["bass_jump"] == 0
    assert values["density_jump"] == 0
    assert values["same_onsets"] == 0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="no seam"):
        contrast(piece(0, False), [40])
    with pytest.raises(InputError, match="five pieces"):
        seam_test([piece(0, False)], SEAMS)
    with pytest.raises(InputError, match="leave the piece"):
        describe_bar_line(piece(0, False), 0)
    with pytest.raises(InputError, match="no seam was given"):
        seam_test([piece(0, False)] * 5, [])
