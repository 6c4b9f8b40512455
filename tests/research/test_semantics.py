"""`evaluate semantics` on plans, its table of promises, and (tiny) with a model."""

from dataclasses import replace

import numpy as np
import pytest

from diffbgm.planner import STYLES, make_plan
from diffbgm.planner.director import TARGETS
from diffbgm.planner.styles import DEFAULT_GENRE
from diffbgm.research.evaluation.plane import plane_table, points_of
from diffbgm.research.evaluation.semantics import MEASURED, Amount, director_table, drawn_video, evaluate_semantics
from diffbgm.research.evaluation.tags import (
    DESCRIPTORS,
    PROMISES,
    TaggedPiece,
    paired_p,
    planned,
    played,
    rows_of,
    sign_p,
)
from diffbgm.research.metrics.affect import default_ear
from diffbgm.research.metrics.report import format_report, to_json


def test_every_tag_promises_something():
    for tag, style in STYLES.items():
        assert tag in PROMISES or style.palette or style.metre or style.genre == DEFAULT_GENRE, tag
        for name, sign in PROMISES.get(tag, ()):
            assert name in DESCRIPTORS
            assert abs(sign) == 1


def test_plans_keep_their_promises():
    report = evaluate_semantics(Amount(7, 24, 20.0), seed=1)
    tags, contrast, plane = report.tables[-3:]
    assert {row[0] for row in tags.rows} == {tag for tag in MEASURED if tag in PROMISES or STYLES[tag].palette}
    for tag, promise, before, after, _ in tags.rows:
        if before is None:
            assert after == 1
        elif "octaves" in promise:
            assert after == pytest.approx(0)
        else:
            assert (after > before) == promise.startswith("more"), (tag, promise)
    (_, _, _, rate, rate_p), (_, _, _, pace, pace_p) = contrast.rows
    assert rate >= 1.8
    assert pace >= 1.0
    assert max(rate_p, pace_p) < 0.01
    assert [row[2] >= least for row, least in zip(plane.rows, (0.5, 0.8), strict=True)] == [True, True]
    assert "n = 7 a tag, seed 1" in format_report(report)
    assert len(to_json(report)) > 1000
    assert report.data["composed"] is False


def test_the_same_seed_gives_the_same_videos():
    assert drawn_video(3, 1) == drawn_video(3, 1)
    assert drawn_video(3, 1) != drawn_video(3, 2)
    assert drawn_video(0, 0, (0.9, -0.9)).affect.mean(0) == pytest.approx([0.9, -0.9], abs=0.05)


def test_p_values():
    assert paired_p(np.zeros(9)) == 1
    assert paired_p(np.arange(1.0, 9.0)) < 0.01
    assert paired_p(-np.arange(1.0, 9.0)) > 0.9


def test_director_table():
    row = {"r": 0.6, "interval": [0.5, 0.7], "ridge regression": 0.5, "difference": 0.1}
    row["difference interval"] = [0.02, 0.18]
    card = {
        "n": 5,
        "seed": 0,
        "how": "folds",
        "kept": ["clip"],
        "views": {"clip": {"targets": dict.fromkeys(TARGETS, row)}},
    }
    table = director_table(card)
    assert [r[2] for r in table.rows] == [0.6] * 3
    assert "+0.100 (+0.020 to +0.180)" in table.rows[0]


def test_sign_test():
    assert sign_p(np.ones(7, bool)) == pytest.approx(2**-7)
    assert sign_p(np.zeros(7, bool)) == 1


def test_points_cover_both_axes_evenly():
    points = points_of(50, 3)
    assert points.shape == (50, 2)
    assert np.abs(points).max() < 0.95
    for axis in points.T:
        assert np.diff(np.sort(axis)) == pytest.approx(1.9 / 50)
    assert abs(np.corrcoef(points.T)[0, 1]) < 0.5


def test_rank_correlations_of_known_answers():
    points = points_of(80, 0)
    noise = np.random.default_rng(0).normal(size=80)
    heard = np.stack([points[:, 0] ** 3, noise], axis=1)
    valence, arousal = plane_table(points, heard, ("v", "a"), "made up", 0).rows
    assert valence[2] == pytest.approx(1)
    assert abs(arousal[2]) < 0.3


def test_plans_move_as_the_ear_would_have_them():
    """The ear inverted (`Ear.typical`) and the planner agree on pace, length, register and mode over the plane."""
    asked = np.array([(v, a) for v in (-0.8, -0.3, 0.3, 0.8) for a in (-0.8, -0.3, 0.3, 0.8)])
    wanted = [default_ear().typical(v, a) for v, a in asked]
    pieces = [planned(make_plan(drawn_video(0, 1, (v, a)))) for v, a in asked]
    beat = np.array([60 / piece.values["tempo"] for piece in pieces])
    got = {
        "onset_rate": np.log2([piece.values["onset rate"] for piece in pieces]),
        "length": np.log2(beat * [piece.values["length"] for piece in pieces]),
        "major": np.array([piece.values["major"] for piece in pieces]),
    }
    for name, values in got.items():
        assert np.corrcoef(values, [row[name] for row in wanted])[0, 1] > 0.75, name
    pitch = np.array([piece.values["pitch"] for piece in pieces])
    assert np.corrcoef(pitch, asked[:, 0])[0, 1] > 0.75  # with valence; what arousal adds to register is let go


def test_a_missed_tempo_counts_in_octaves():
    piece = TaggedPiece(planned(make_plan(drawn_video(0, 0))).plan, {"tempo": 40.0})
    assert piece.value("tempo missed", "slow") == pytest.approx(np.log2(60 / 40))
    assert piece.value("tempo missed", "fast") == pytest.approx(np.log2(108 / 40))
    assert TaggedPiece(piece.plan, {"tempo": 70.0}).value("tempo missed", "slow") == 0


@pytest.fixture(scope="module")
def tiny():
    pytest.importorskip("torch")
    import torch

    from diffbgm.composer import Config, Denoiser

    torch.manual_seed(0)
    return Denoiser(Config.tiny()).eval()


def test_pieces_composed_together_are_those_composed_alone(tiny):
    from diffbgm.composer.compose import compose
    from diffbgm.options import ComposeOptions
    from diffbgm.research.evaluation.composing import compose_together

    plans = [make_plan(drawn_video(0, i, seconds=s), "calm") for i, s in enumerate((8.0, 30.0, 14.0))]
    plans += [replace(plans[0], palette="synth", why=())]
    options = ComposeOptions(steps=2)
    together = compose_together(tiny, plans, (5, 6, 7, 5), options)
    for plan, roll, seed in zip(plans, together, (5, 6, 7, 5), strict=True):
        alone = compose(tiny, plan, replace(options, seed=seed))
        assert (roll.cells != alone.cells).mean() < 1e-3  # batches of another size round otherwise
    assert together[3] is together[0]  # another palette needs no other notes


def test_composed(tiny):
    from diffbgm.composer.compose import compose
    from diffbgm.options import ComposeOptions

    def piece(tag):
        plan = make_plan(drawn_video(0, 0), tag)
        return played(compose(tiny, plan, ComposeOptions(steps=2)), plan, 0)

    assert rows_of("synth", [piece("synth")], [piece("")])[0][3] == 1.0  # other programs than the piano's
    heard = piece("driving")
    assert set(heard.values) == set(DESCRIPTORS) - {"tempo missed"}
    assert heard.programs
    assert heard.values["tempo"] == pytest.approx(60 * heard.plan.beats / heard.plan.duration)


def test_the_whole_report_with_a_model(tiny):
    from diffbgm.options import ComposeOptions

    report = evaluate_semantics(Amount(1, 3, 6.0), model=tiny, options=ComposeOptions(steps=2))
    assert report.data["composed"] is True
    assert np.shape(report.data["plane"]) == (3, 4)
    assert "valence heard" in format_report(report)
