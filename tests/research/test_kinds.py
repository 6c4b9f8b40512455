"""Ensembles, chords and genres as they are measured: what is wrong is found, what is right is told."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tests.music import make_plan, make_roll
from tests.networks import playing_network
from tests.research.datasets.archives import TRAINING, VALIDATION, Drawn, write_archive

from diffbgm.arrange import arrange, find_palette
from diffbgm.errors import DataError, PlanError
from diffbgm.hub import Origin
from diffbgm.options import ComposeOptions
from diffbgm.pipeline import DiffBGM
from diffbgm.research.evaluation import ensembles
from diffbgm.research.evaluation.chord_spans import Span, agreement, hear, read_labels, spans_of
from diffbgm.research.evaluation.chords import Heard, evaluate_chords, labelled_songs, row_of
from diffbgm.research.evaluation.ensembles import EnsemblePiece, evaluate_ensembles
from diffbgm.research.evaluation.genres import TAGS, evaluate_genres, fit_genres, genre_row, opening
from diffbgm.research.metrics.descriptors import describe_all
from diffbgm.research.metrics.parts import crossings, out_of_range, seated
from diffbgm.research.metrics.timbre import name_by_sound, timbre
from diffbgm.types import Audio, PlannedChord

RATE = 48000


@pytest.fixture(scope="module")
def model() -> DiffBGM:
    network = playing_network(-2.0, 0.3)
    return DiffBGM(network, Origin("untrained", "0", ""))


def test_every_ensemble_is_measured_on_the_same_pieces(model: DiffBGM) -> None:
    report = evaluate_ensembles(model, n=1, names=["solo-piano", "string-quartet"], steps=4, seconds=5.0)
    faults, told = report.tables
    assert [row[0] for row in faults.rows] == ["solo-piano", "string-quartet", "all"]
    assert faults.rows[-1][-1] == "none"
    assert len(report.data["pieces"]) == 6
    assert all(abs(piece["loudness"] + 16) < 0.2 for piece in report.data["pieces"])
    assert told.rows[-1][0] == "all"
    assert told.rows[-1][1] >= 5 / 6  # a piano is no quartet


def test_an_ensemble_that_is_none_is_refused_before_anything_is_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensembles, "compose_pieces", lambda *_: pytest.fail("composed"))
    with pytest.raises(PlanError, match="nonsens"):
        evaluate_ensembles(cast("DiffBGM", None), names=["string-quartet", "nonsens"])


def test_what_is_wrong_with_a_band_is_found() -> None:
    plan = replace(make_plan(4), palette="string-quartet")
    score = arrange(make_roll(4), plan)
    palette = find_palette(plan.palette)
    seats = seated(score, palette)
    assert [part.instrument for part, track in seats if track is not None] == ["violin", "violin", "viola", "cello"]
    assert (out_of_range(seats), crossings(seats)) == (0, 0)

    def moved(number: int, semitones: int) -> list:
        part, track = seats[number]
        notes = tuple(replace(note, pitch=note.pitch + semitones) for note in track.notes)
        return [*seats[:number], (part, replace(track, notes=notes)), *seats[number + 1 :]]

    assert crossings(moved(3, 40)) > 0
    assert out_of_range(moved(3, -36)) == len(seats[3][1].notes)
    without = replace(score, tracks=score.tracks[:-1])
    assert [part.instrument for part, track in seated(without, palette) if track is None] == ["cello"]


def test_a_piece_is_at_fault_where_it_leaves_what_is_allowed() -> None:
    good = EnsemblePiece("x", 0, -16.0, -1.0, -90.0, (), 0, 0, 0.0, ())
    assert good.faults == ()
    wrong = replace(good, loudness=-15.5, true_peak=0.2, null=-20.0, silent=("cello",), outside=1, crossed=2, over=1.0)
    assert len(wrong.faults) == 7


def test_descriptors_tell_dark_from_bright() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, RATE)).astype(np.float32)
    dark = Audio(np.cumsum(noise, axis=1) * 0.01, RATE)
    assert timbre(Audio(noise, RATE))[0] > timbre(dark)[0] + 1  # octaves of the centroid
    rows = np.concatenate([rng.normal(0, 1, (20, 6)), rng.normal(3, 1, (20, 6))])
    names = ["low"] * 20 + ["high"] * 20
    told = name_by_sound(rows, names, [i % 5 for i in range(40)])
    assert np.mean([a == b for a, b in zip(told, names, strict=True)]) > 0.95
    same = name_by_sound(rows[:20], names[:10] + names[20:30], [i % 5 for i in range(20)])
    assert np.mean([a == b for a, b in zip(same, names[:10] + names[20:30], strict=True)]) < 0.85


def test_chords_are_heard_as_they_are_named() -> None:
    roll = make_roll(4)  # C F G C, a bar each
    asked = [Span(4 * i, 4 * i + 4, root, "maj") for i, root in enumerate((0, 5, 7, 0))]
    assert agreement(roll.cells, asked) == (1.0, 1.0)
    assert agreement(roll.cells, [replace(span, quality="min") for span in asked]) == (0.0, 1.0)
    assert agreement(roll.cells, [replace(asked[0], root=2), *asked[1:]])[1] == 0.75
    assert hear(np.zeros_like(roll.cells), 0, 4) == (-1, "")


@pytest.mark.parametrize(
    ("symbol", "root", "quality"),
    [("Am7", 9, "min"), ("G7", 7, "maj"), ("Bm7b5", 11, "dim"), ("C#dim", 1, "dim"), ("Fsus4", 5, "sus"),
     ("Eaug", 4, "aug"), ("C6", 0, "maj"), ("G13", 7, "maj")],
)  # fmt: skip
def test_a_chord_is_read_as_its_triad(symbol: str, root: int, quality: str) -> None:
    assert spans_of([PlannedChord(0, 4, symbol)]) == [Span(0, 4, root, quality)]


def test_labels_in_seconds_come_onto_beats() -> None:
    times = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    text = "0.0\t0.5\tN\n0.5\t1.49\tBb:min7/b3\n1.49\t2.0\tC#:7\n2.0\t2.01\tF:maj\n2.0\t3.0\tG:hdim7"
    assert read_labels(text, times) == [Span(0, 2, 10, "min"), Span(2, 3, 1, "maj"), Span(3, 5, 7, "dim")]


def test_chords_are_asked_of_the_model_and_of_the_band(model: DiffBGM, songs: Path) -> None:
    report = evaluate_chords(model.model, n=2, options=ComposeOptions(steps=4))
    (table,) = report.tables
    assert [row[0] for row in table.rows] == ["composed", "arranged", "not told (chance)"]
    assert table.rows[1][-1] == 1.0, "the band ends at home whatever was composed"
    assert all(0 <= share <= 1 for row in table.rows for share in (row[2], row[4], row[5]))
    assert row_of("all", [Heard(1.0, 1.0, True), Heard(0.5, 1.0, False)], 0)[2:] == (0.75, "0.500 to 1.000", 1.0, 0.5)
    with pytest.raises(DataError, match="chord_midi"):
        labelled_songs(songs)


def test_genres_are_named_from_the_notes() -> None:
    rng = np.random.default_rng(0)
    busy, sparse = (rng.random((40, 4, 128, 88)) < share for share in (0.05, 0.004))
    rows = describe_all(np.concatenate([busy, sparse]).astype(np.uint8))
    names = ["busy"] * 40 + ["sparse"] * 40
    judge = fit_genres(rows[::2], names[::2])
    assert np.mean(judge.predict(rows[1::2]) == np.array(names[1::2])) == 1.0
    assert genre_row("busy", ["busy", "sparse"], ["sparse"], ["busy"])[1:] == (0.5, 0.0, 1.0, 1, "sparse 1")
    assert opening(np.ones((4, 64, 88), np.uint8)).sum() == 4 * 64 * 88
    assert set(TAGS) >= {"pop", "hymn", "chamber", "game"}


def test_genres_are_asked_of_the_model(model: DiffBGM, tmp_path: Path) -> None:
    tune = [60, 64, 67, 72]
    pieces = [*(Drawn(i) for i in TRAINING[:2]), Drawn(VALIDATION[0])]
    hymns = write_archive(tmp_path / "openhymnal-train.zip", pieces)
    songs = write_archive(tmp_path / "freedoom-train.zip", [replace(piece, tune=tune, shift=-7) for piece in pieces])
    options = ComposeOptions(steps=4)
    with pytest.raises(DataError, match="hold 1 of the genres"):
        evaluate_genres(model.model, [hymns], n=1, options=options)
    report = evaluate_genres(model.model, [hymns, songs], n=1, options=options)
    (table,) = report.tables
    assert [row[0] for row in table.rows] == ["hymn", "game", "all"]
    assert table.rows[-1][3] == 1.0, "real windows are told apart"
    assert "chance 50%" in table.note
