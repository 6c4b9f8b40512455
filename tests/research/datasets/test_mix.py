from pathlib import Path

import numpy as np
import pytest
from tests.research.datasets.archives import TRAINING, VALIDATION, Drawn, write_archive

from diffbgm.composer.condition import COLOUR_SCALE
from diffbgm.errors import DataError
from diffbgm.research.datasets.corpora import CORPORA, read_corpus
from diffbgm.research.datasets.mix import Choice, Mix, kept_mix, read_mix, usable
from diffbgm.research.datasets.packed import Packed
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, piece_window, prepare_piece, transposed

TUNES = [np.random.default_rng(n).choice([60, 62, 64, 65, 67, 69, 71, 72], 48).tolist() for n in range(8)]


def ready(drawn: Drawn, tmp_path: Path, corpus: str = "nifc-piano") -> TrainingPiece:
    (piece,) = read_corpus(write_archive(tmp_path / f"{corpus}-train.zip", [drawn]))
    return prepare_piece(piece)


def two_archives(folder: Path) -> list[Path]:
    first = [Drawn(TRAINING[0], tune=TUNES[0]), Drawn(VALIDATION[0], tune=TUNES[1])]
    second = [
        Drawn(TRAINING[1], (3, 4), bars=16, tune=TUNES[1], shift=3),  # the tune that the other archive holds out
        Drawn(TRAINING[2], (3, 4), bars=40, tune=TUNES[2]),
        Drawn(TRAINING[3], (6, 8), bars=40, tune=TUNES[3]),
    ]
    return [
        write_archive(folder / "openscore-lieder-train.zip", first),
        write_archive(folder / "nifc-piano-train.zip", second),
    ]


def test_the_split_goes_by_work_and_doubles_stay_on_one_side(tmp_path: Path) -> None:
    training, held = read_mix(two_archives(tmp_path))
    assert sorted(p.piece.id for p in held) == sorted([VALIDATION[0], TRAINING[1]])
    assert sorted(p.piece.id for p in training) == sorted([TRAINING[0], TRAINING[2], TRAINING[3]])


def test_what_may_not_be_published_trains_nothing(tmp_path: Path) -> None:
    archives = two_archives(tmp_path)
    for corpus in ("piano-midi-de", "simutrans", "openewld-pd"):
        archives.append(write_archive(tmp_path / f"{corpus}-train.zip", [Drawn(TRAINING[5], tune=TUNES[5])]))
    assert {p.piece.corpus for p in read_mix(archives)[0]} == {"openscore-lieder", "nifc-piano"}
    everything = read_mix(archives, only_published=False)[0]
    assert {"piano-midi-de", "simutrans", "openewld-pd"} <= {p.piece.corpus for p in everything}
    with pytest.raises(DataError, match="0 to validate"):
        read_mix(archives[1:2])


def test_a_mix_is_kept_and_made_anew_for_other_archives(tmp_path: Path) -> None:
    archives, file = two_archives(tmp_path), tmp_path / "pieces.pickle"
    training, _ = kept_mix(archives, file)
    again, _ = kept_mix(archives, file)
    assert [p.piece.id for p in again] == [p.piece.id for p in training]
    assert all(np.array_equal(a.open().roll.cells, b.open().roll.cells) for a, b in zip(training, again, strict=True))
    write_archive(archives[0], [Drawn(TRAINING[7], tune=TUNES[7]), Drawn(VALIDATION[0], tune=TUNES[1])])
    assert TRAINING[7] in {p.piece.id for p in kept_mix(archives, file)[0]}


def test_packing_loses_nothing(tmp_path: Path) -> None:
    piece = ready(Drawn("a", (3, 4)), tmp_path)
    back = Packed.of(piece).open()
    assert np.array_equal(back.roll.cells, piece.roll.cells)
    assert back.roll.velocity is None
    assert (back.id, back.metre, back.bars) == ("a", "3/4", 12)


def test_windows_begin_only_where_the_music_fits(tmp_path: Path) -> None:
    wild = [("ACCOMP RH", 1920 * bar + 120 * i, 120, 60 + i) for bar in range(20, 32) for i in range(12)]  # chromatic
    loose = [("ACCOMP RH", 1920 * bar + 37 + 120 * i, 60, 60) for bar in range(52, 60) for i in range(16)]  # off grid
    (piece,) = read_corpus(write_archive(tmp_path / "x.zip", [Drawn("a", bars=64, rows=[*wild, *loose])]))
    piece_ready = usable(piece, Choice())
    assert piece_ready is not None
    starts = piece_ready.starts
    assert starts is not None
    assert {0, 12, 32, 44} <= set(starts.tolist())
    assert not {16, 20, 24, 48, 52, 54} & set(starts.tolist())
    assert usable(piece, Choice(scale=1.1)) is None


def test_a_batch_has_one_length_and_corpora_come_as_often_as_they_should(tmp_path: Path) -> None:
    training, _ = read_mix(two_archives(tmp_path))
    mix = Mix.of(training, temperature=2.0)
    rooms = {"openscore-lieder": 0.0, "nifc-piano": 0.0}
    for packed in training:
        assert packed.piece.starts is not None
        rooms[packed.piece.corpus] += len(packed.piece.starts)
    roots = {corpus: CORPORA[corpus].weight * room**0.5 for corpus, room in rooms.items()}
    assert mix.shares() == pytest.approx({corpus: root / sum(roots.values()) for corpus, root in roots.items()})
    rng = np.random.default_rng(0)
    batches = [mix.draw(rng, 4, Sampling.told()) for _ in range(150)]
    assert all(len({window.cells.shape for window in batch}) == 1 for batch in batches)
    shorter = np.mean([batch[0].cells.shape[1] == 96 for batch in batches])
    assert shorter == pytest.approx(mix.shares()["nifc-piano"], abs=0.12)
    assert {window.tokens.metre for batch in batches for window in batch} == {"4/4", "3/4", "6/8"}


def test_a_window_in_three_four_is_told_what_is_in_it(tmp_path: Path) -> None:
    piece = ready(Drawn("a", (3, 4), title="Waltz", tune=TUNES[0]), tmp_path)
    window = piece_window(piece, np.random.default_rng(0), Sampling.told())
    assert window.cells.shape == (4, 96, 88)
    assert np.isnan(window.velocity).all()
    told = window.tokens
    assert (told.genre, told.corpus, told.metre) == ("dance", "nifc-piano", "3/4")
    assert told.dynamic.shape[0] == told.section.shape[0] == 24
    harmony = told.harmony
    assert harmony is not None
    mean, sd = COLOUR_SCALE["scale_share"]
    assert harmony[0, 0] * sd + mean == pytest.approx(1.0, abs=1e-6)
    assert harmony[0, 1] == harmony[0, 3] == 1  # both are known
    start = next(i for i in range(5) if np.array_equal(window.cells, piece.roll.cells[:, 12 * i : 12 * i + 96]))
    assert piece.chord is not None
    assert np.array_equal(harmony[:, 4:16], piece.chord[3 * start : 3 * start + 24])
    first_bar = told.dynamic[:, 16]
    assert first_bar.tolist() == [1.0 if 3 * start + i < 3 else 0.0 for i in range(24)]


def test_plans_tell_the_genre_and_the_metre_of_short_bars_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    plain = piece_window(ready(Drawn("a"), tmp_path), rng, Sampling.plain()).tokens
    assert (plain.genre, plain.corpus, plain.metre) == ("piano", "nifc-piano", "")
    assert plain.harmony is not None
    assert not plain.harmony.any()
    short = piece_window(ready(Drawn("a", (6, 8)), tmp_path), rng, Sampling.plain()).tokens
    assert (short.genre, short.metre) == ("piano", "6/8")


def test_each_condition_is_dropped_by_itself(tmp_path: Path) -> None:
    piece = ready(Drawn("a"), tmp_path)
    rng = np.random.default_rng(0)
    how = Sampling(drop_genre=0.3, drop_corpus=0.5, drop_metre=0.2, drop_colour=0.4, drop_chords=0.6, drop_chord=0.0)
    told = [piece_window(piece, rng, how).tokens for _ in range(300)]
    harmony = np.stack([t.harmony for t in told if t.harmony is not None])
    assert np.mean([t.genre != "" for t in told]) == pytest.approx(0.7, abs=0.08)
    assert np.mean([t.corpus != "" for t in told]) == pytest.approx(0.35, abs=0.08)
    assert np.mean([t.metre != "" for t in told]) == pytest.approx(0.8, abs=0.08)
    assert harmony[:, 0, 1].mean() == pytest.approx(0.6, abs=0.08)
    assert harmony[:, 0, 3].mean() == pytest.approx(0.6, abs=0.08)
    assert harmony[:, 0, -1].mean() == pytest.approx(0.4, abs=0.08)


def test_chords_move_with_the_music(tmp_path: Path) -> None:
    piece = ready(Drawn("a"), tmp_path)
    moved = transposed(piece, 2)
    assert piece.chord is not None
    assert piece.bass is not None
    assert moved.chord is not None
    assert moved.bass is not None
    assert piece.chord[0].nonzero()[0].tolist() == [0, 4, 7]
    assert moved.chord[0].nonzero()[0].tolist() == [2, 6, 9]
    assert moved.bass[0].nonzero()[0].tolist() == [2]
