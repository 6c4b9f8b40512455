import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.research.datasets.conftest import BPM, write_song

from diffbgm.errors import DataError
from diffbgm.research.datasets.keys import normalise_keys, scales_by_bar
from diffbgm.research.datasets.pop909 import is_validation, read_songs
from diffbgm.research.datasets.windows import Sampling, cut_window, draw_window, prepare, transposed
from diffbgm.roll import (
    bar_pitch_classes,
    bar_statistics,
    find_key,
    measure_curves,
    pitch_classes,
    roll_to_notes,
    transpose,
)
from diffbgm.types import CURVES, LOWEST_PITCH, STEPS_PER_BAR


def test_a_song_lands_on_its_grid(pop909: Path) -> None:
    songs = read_songs(pop909)
    assert len(songs) == 5
    song = songs[0]
    assert song.bars == 12
    assert song.bpm == pytest.approx(BPM, rel=1e-3)
    melody, accompaniment = roll_to_notes(song.roll)
    assert [n.start for n in melody] == list(range(48))
    assert [n.start for n in accompaniment] == [i / 4 for i in range(192)]
    assert [n.pitch for n in accompaniment[:4]] == [43, 50, 55, 59]
    assert [n.velocity for n in accompaniment[:4]] == [60, 65, 70, 75]
    assert [(s.start, s.end, s.label) for s in song.sections] == [(0, 4, "A"), (4, 8, "B"), (8, 12, "A")]


def test_a_zip_reads_like_its_folder(pop909: Path, tmp_path: Path) -> None:
    archive = tmp_path / "POP909.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(pop909.rglob("*")):
            file.write(path, Path("POP909") / path.relative_to(pop909))
    a, b = read_songs(pop909), read_songs(archive)
    assert [s.id for s in a] == [s.id for s in b]
    assert all(x.roll == y.roll and x.sections == y.sections for x, y in zip(a, b, strict=True))


def test_a_half_bar_is_left_out_and_the_metre_goes_on(tmp_path: Path) -> None:
    write_song(tmp_path, "001", seed=0, bars=13, half_bar_after=6)
    song = read_songs(tmp_path)[0]
    assert song.bars == 13
    roots = [int(song.roll.cells[2, bar * STEPS_PER_BAR].argmax()) + LOWEST_PITCH for bar in range(13)]
    assert roots == [[43, 48, 50, 43][bar % 4] for bar in range(13)]


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="beat_midi"):
        read_songs(tmp_path)
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(DataError, match="neither"):
        read_songs(tmp_path / "x.zip")


def test_the_split_is_fixed_and_small() -> None:
    ids = [f"{n:03d}" for n in range(1, 910)]
    share = sum(map(is_validation, ids)) / len(ids)
    assert 0.02 < share < 0.08
    assert [i for i in ids if is_validation(i)][:3] == ["007", "036", "039"]


def test_keys_are_normalised(pop909: Path) -> None:
    song = read_songs(pop909)[0]
    assert str(find_key(pitch_classes(song.roll.cells))) == "G major"
    assert set(scales_by_bar(bar_pitch_classes(song.roll.cells))) <= {7, 0}
    piece = normalise_keys(song.roll)
    classes = pitch_classes(piece.cells)
    white = classes[[0, 2, 4, 5, 7, 9, 11]].sum() / classes.sum()
    assert white > 0.95
    assert piece.cells.sum() == song.roll.cells.sum()


def test_a_plain_window_is_what_the_song_holds(pop909: Path) -> None:
    piece = prepare(read_songs(pop909)[0])
    rng = np.random.default_rng(0)
    window = cut_window(piece, 2, 8, rng, Sampling.plain())
    assert np.array_equal(window.cells, piece.roll.cells[:, 2 * 16 : 10 * 16])
    assert window.tokens.has_dynamic
    assert window.tokens.has_semantic
    assert list(np.unique(window.tokens.section)) == [0, 1, 2]  # A from bar 0, B from 4, A from 8
    assert (np.isnan(window.velocity) == (window.cells[0::2] == 0)).all()


def test_a_window_past_the_end_is_silent_there(pop909: Path) -> None:
    piece = prepare(read_songs(pop909)[0])
    window = cut_window(piece, 8, 8, np.random.default_rng(0), Sampling.plain())
    assert window.cells[:, :64].any()
    assert not window.cells[:, 64:].any()


def test_drawing_is_seeded_and_drops_streams(pop909: Path) -> None:
    pieces = [prepare(s) for s in read_songs(pop909)]

    def draw(seed: int) -> list:
        rng = np.random.default_rng(seed)
        return [draw_window(pieces, rng, Sampling()) for _ in range(60)]

    a, b = draw(1), draw(1)
    assert all(np.array_equal(x.cells, y.cells) for x, y in zip(a, b, strict=True))
    assert all(np.array_equal(x.tokens.dynamic, y.tokens.dynamic) for x, y in zip(a, b, strict=True))
    dropped = [w.tokens.has_dynamic for w in a]
    assert any(dropped)
    assert not all(dropped)


def test_a_transposed_piece_is_measured_as_what_it_is(pop909: Path) -> None:
    piece = prepare(read_songs(pop909)[0])
    moved = transposed(piece, 3)
    assert moved.roll == transpose(piece.roll, 3)
    assert moved.statistics == pytest.approx(bar_statistics(moved.roll.cells))
    curves = measure_curves(moved.roll.cells)
    sounds = np.repeat(bar_pitch_classes(moved.roll.cells).any(1), 4)
    for name in CURVES:
        assert moved.curves[name][sounds] == pytest.approx(getattr(curves, name)[sounds], abs=1e-6), name


def test_windows_are_transposed_as_often_as_asked(pop909: Path) -> None:
    pieces = [prepare(s) for s in read_songs(pop909)]

    def share(chance: float) -> float:
        rng = np.random.default_rng(0)
        return float(np.mean([draw_window(pieces, rng, Sampling(transpose=chance)).transposed for _ in range(200)]))

    assert share(0.0) == 0
    assert 0.3 < share(0.4) < 0.5
    assert share(1.0) == 1
