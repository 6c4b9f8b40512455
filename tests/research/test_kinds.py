"""Ensembles, chords and genres as they are measured: what is wrong is found, what is right is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.music import make_plan, make_roll

from diffbgm.arrange import arrange, find_palette
from diffbgm.composer import Config, Denoiser
from diffbgm.hub import Origin
from diffbgm.pipeline import DiffBGM
from diffbgm.research.evaluation.ensembles import EnsemblePiece, evaluate_ensembles
from diffbgm.research.metrics.parts import crossings, out_of_range, seated
from diffbgm.research.metrics.timbre import name_by_sound, timbre
from diffbgm.types import Audio

RATE = 48000


@pytest.fixture(scope="module")
def model() -> DiffBGM:
    torch.manual_seed(0)
    network = Denoiser(Config.tiny())
    network.head.bias.data[:4] = -2.0
    network.head.weight.data += 0.3 * torch.randn(network.head.weight.shape)
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
