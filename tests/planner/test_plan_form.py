"""Sections follow the scenes, come in fours, and labels come back with the pictures."""

import numpy as np
import pytest
from tests.planner.drawn import BRIGHT, DARK, PLAIN, draw_features

from diffbgm.planner import make_plan
from diffbgm.planner.bar_features import mean_between
from diffbgm.planner.curves import plan_repetition, rest_melody
from diffbgm.planner.form import Form, label_sections, letter, plan_form, section_bars, vary_runs
from diffbgm.types import Cut, PlannedCut, Section, TempoMap

TEMPO = TempoMap.steady(120, 96)  # 24 bars of 2 s: 48 s


def spans(form):
    return [(s.start_beat // 4, s.end_beat // 4, s.label) for s in form.sections]


def on_bars(*bars):
    return [PlannedCut(2.0 * bar, 1.0, 4.0 * bar, 0.0, True) for bar in bars]


def test_scenes_that_come_back_bring_their_label_back():
    cuts = [Cut(16.0), Cut(32.0)]
    form = plan_form(draw_features(48, cuts, (BRIGHT, DARK)), TEMPO, on_bars(8, 16))
    edges = {a for a, _, _ in spans(form)}
    assert {8, 16} <= edges
    labels = [next(label for a, b, label in spans(form) if a <= bar < b) for bar in (0, 9, 17)]
    assert labels[0] == labels[2] != labels[1]


def test_a_single_long_shot_still_has_form():
    form = plan_form(draw_features(48), TEMPO, [])
    lengths = [b - a for a, b, _ in spans(form)]
    assert set(lengths) <= {4, 8}
    long = TempoMap.steady(120, 64 * 4)
    labels = [label for _, _, label in spans(plan_form(draw_features(128), long, []))]
    assert labels[:4] == ["A", "A", "B", "A"]


def test_boundaries_prefer_strong_cuts():
    rows = np.zeros((12, 6))
    accents = np.zeros(12)
    accents[5] = 1.0
    assert 5 in section_bars(rows, accents)
    assert 5 not in section_bars(rows, np.zeros(12))


@pytest.mark.parametrize("bars", range(1, 30))
def test_sections_have_two_bars_at_least(bars):
    rng = np.random.default_rng(bars)
    edges = section_bars(rng.normal(size=(bars, 6)) * 3, rng.uniform(size=bars))
    assert edges[0] == 0
    assert edges[-1] == bars
    lengths = np.diff(edges)
    assert lengths.max() <= 8
    assert lengths.min() >= min(2, bars)


def test_labels_are_few_and_numbered_as_they_come():
    rng = np.random.default_rng(0)
    labels = label_sections(rng.normal(size=(50, 6)) * 10)
    assert labels[0] == 0
    assert len(set(labels)) <= 8
    first = [labels.index(k) for k in range(len(set(labels)))]
    assert first == sorted(first)
    assert label_sections(np.zeros((5, 6))) == [0] * 5


def test_long_runs_get_a_contrast():
    assert vary_runs([0, 0, 0, 0, 0]) == ["A", "A", "B", "A", "A"]
    assert vary_runs([0, 0, 1, 0]) == ["A", "A", "B", "A"]
    assert [letter(i) for i in (0, 25, 26, 53)] == ["A", "Z", "A1", "B2"]


def test_clip_embeddings_tell_scenes_apart():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 64))
    clip = np.where((np.arange(24) // 8 == 1)[:, None], other, one) + 0.05 * rng.normal(size=(24, 64))
    video = draw_features(48, [Cut(16.0), Cut(32.0)], (PLAIN,), clip=clip, clip_times=np.arange(24) * 2.0 + 1)
    form = plan_form(video, TEMPO, on_bars(8, 16))
    labels = [next(label for a, b, label in spans(form) if a <= bar < b) for bar in (4, 11, 20)]
    assert labels[0] == labels[2] != labels[1]


def test_sections_carry_their_affect():
    form = plan_form(draw_features(48, [Cut(24.0)], (BRIGHT, DARK)), TEMPO, on_bars(12))
    assert form.sections[0].valence == pytest.approx(0.6, abs=0.05)
    assert form.sections[-1].arousal == pytest.approx(-0.6, abs=0.05)
    assert max(form.accents) == 1.0


def test_a_strong_cut_steps_the_density():
    video = draw_features(64, [Cut(32.0, 1.0)], (PLAIN,))
    plan = make_plan(video)
    cut = plan.cuts[0]
    assert cut.snapped
    assert cut.beat % 4 == 0
    bar = int(cut.beat) // 4
    density = plan.curves.density[::4]
    steps = np.abs(np.diff(density[2:-2]))
    assert abs(density[bar] - density[bar - 1]) == pytest.approx(steps.max())
    assert any(section.start_beat == cut.beat for section in plan.sections)


def test_the_piece_opens_lightly_and_ends_on_a_held_chord():
    plan = make_plan(draw_features(60))
    density, melody = plan.curves.density[::4], plan.curves.melody[::4]
    assert density[0] < density[4:8].min()
    assert density[-1] < 0.6 * np.median(density)
    assert melody[0] == 0
    assert melody[-1] == 0
    assert 0.05 < (melody == 0).mean() <= 0.35


def test_repetition_is_high_where_a_phrase_starts_again():
    sections = (Section(0, 16, "A"), Section(16, 32, "A"), Section(32, 48, "B"), Section(48, 80, "A"))
    level = plan_repetition(Form(sections, (0.0,) * 4))
    assert level[4:8].min() > level[16:20].max() > level[8:12].max()
    assert (level[12:16] == level[0]).all()


def test_the_melody_rests_where_it_is_quiet_but_not_on_a_strong_cut():
    sections = tuple(Section(16 * i, 16 * i + 16, "ABC"[i % 3]) for i in range(6))
    level = np.repeat([0.5, 0.3, 0.6, 0.2, 0.6, 0.5], 4)
    silent = rest_melody(np.ones(24), level, Form(sections, (0.0,) * 6)) == 0
    assert np.flatnonzero(silent).tolist() == [0, 1]  # a fifth of 24 bars is used up but for two
    longer = tuple(Section(16 * i, 16 * i + 16) for i in range(10))
    level = np.repeat([0.5, 0.3, 0.6, 0.2, 0.6, 0.5, 0.6, 0.6, 0.6, 0.6], 4)
    silent = rest_melody(np.ones(40), level, Form(longer, (0.0,) * 10)) == 0
    assert np.flatnonzero(silent).tolist() == [0, 1, 12, 13, 14, 15]
    silent = rest_melody(np.ones(40), level, Form(longer, (0.0, 0.0, 0.0, 1.0, *(0.0,) * 6))) == 0
    assert not silent[12:16].any()


def test_short_pieces_keep_their_melody():
    form = Form((Section(0, 16), Section(16, 32, "B")), (0.0, 0.0))
    assert (rest_melody(np.ones(8), np.zeros(8), form) > 0).all()


def test_means_between_times():
    means = mean_between(np.arange(4.0), np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.0, 2.0, 2.4, 2.5, 10.0]))
    np.testing.assert_allclose(means[:, 0], [1.5, 3.0, 3.0, 4.0])
