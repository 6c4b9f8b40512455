"""`evaluate semantics` on plans, its table of promises, and (tiny) with a model."""

import numpy as np
import pytest

from diffbgm.evaluate.semantics import (
    DESCRIPTORS,
    PROMISES,
    director_table,
    drawn_video,
    evaluate_semantics,
    paired_p,
    rows_of,
)
from diffbgm.metrics.report import format_report, to_json
from diffbgm.planner import STYLES
from diffbgm.planner.director import TARGETS


def test_every_tag_promises_something():
    for tag, style in STYLES.items():
        assert tag in PROMISES or style.palette or style.bpm, tag
        for name, sign in PROMISES.get(tag, ()):
            assert name in DESCRIPTORS
            assert abs(sign) == 1


def test_plans_keep_their_promises():
    report = evaluate_semantics(n=7, seed=1)
    tags, contrast, plane = report.tables[-3:]
    assert {row[0] for row in tags.rows} == set(STYLES)
    for tag, promise, before, after, _, _ in tags.rows:
        if before is None or "bpm" in promise:
            assert after == 1
        else:
            assert (after > before) == promise.startswith("more"), (tag, promise)
    assert [row[-1] for row in contrast.rows] == ["ok", "ok"]
    assert [row[-1] for row in plane.rows] == ["ok", "ok"]
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
    assert [r[-1] for r in table.rows] == ["ok"] * 3
    assert "+0.100 (+0.020 to +0.180)" in table.rows[0]


def test_composed(tiny_piece):
    rows = rows_of("synth", [tiny_piece("synth")], [tiny_piece("")])
    assert rows[0][3] == 1.0  # other programs than the piano's
    plan, heard, programs = tiny_piece("driving")
    assert set(heard) == set(DESCRIPTORS)
    assert programs
    assert heard["tempo"] == pytest.approx(60 * plan.beats / plan.duration)


@pytest.fixture
def tiny_piece():
    pytest.importorskip("torch")
    import torch

    from diffbgm import hub
    from diffbgm.evaluate.semantics import measured
    from diffbgm.model import Config, Denoiser
    from diffbgm.pipeline import DiffBGM

    torch.manual_seed(0)
    model = DiffBGM(Denoiser(Config.tiny()).eval(), hub.Origin("tiny", "0", ""))
    return lambda tag: measured(drawn_video(0, 0), tag, model, 0)
