"""Metres from the plan to MIDI: bars of three quarters, of six eighths and of two quarters."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.planner.drawn import BRIGHT, DARK, draw_features, every

from diffbgm.arrange import arrange
from diffbgm.arrange.percussion import drum_part
from diffbgm.arrange.sections import SectionSpan
from diffbgm.band.grooves import find_groove
from diffbgm.codec import from_json, to_json
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.batching import predict
from diffbgm.composer.compose import bars_to_steps, compose, compose_steps, condition_of
from diffbgm.composer.continuous_batching import ComposeJob, compose_many
from diffbgm.composer.guidance import accent_metre, metre_accents
from diffbgm.composer.sampling import repeat_first_bar
from diffbgm.composer.windows import window_starts
from diffbgm.errors import PlanError, StyleError
from diffbgm.midi import read_midi, write_midi
from diffbgm.options import ComposeOptions
from diffbgm.planner import apply_bar_map, combine_styles, make_plan, recut
from diffbgm.planner.markers import markers
from diffbgm.roll import measure_curves, score_to_roll
from diffbgm.types import BAR_UNITS, GENRES, METRES, MusicPlan, Note, Score, TempoMap, Track

FEATURES = draw_features(44.0, every(3.1, 44.0), (BRIGHT, DARK))


def plan_in(metre: str, style: str = "") -> MusicPlan:
    return make_plan(FEATURES, style, metre=metre)


@pytest.fixture(scope="module")
def model() -> Denoiser:
    torch.manual_seed(0)
    config = Config.tiny(genres=GENRES, metres=tuple(METRES), harmony=True)
    network = Denoiser(config).eval().requires_grad_(False)
    network.head.bias.fill_(-2.5)
    return network


@pytest.mark.parametrize("metre", METRES)
def test_a_plan_has_whole_bars_of_its_metre_and_fills_the_video(metre: str) -> None:
    plan = plan_in(metre)
    unit = BAR_UNITS[metre]
    assert plan.bars * METRES[metre] == plan.beats
    assert plan.beats % unit == 0
    assert plan.tempo.edges[-1] == pytest.approx(44.0, abs=1e-9)
    assert all(s.start_beat % unit == s.end_beat % unit == 0 for s in plan.sections)
    for curve in (plan.curves.density, plan.curves.melody):
        assert (curve.reshape(-1, unit) == curve[::unit, None]).all()  # one value a bar
    assert plan.curves.melody[plan.last_bar :].max() == 0  # the held chord
    assert from_json(MusicPlan, to_json(plan)) == plan


def test_a_plan_of_broken_bars_or_an_unknown_metre_is_refused() -> None:
    plan = plan_in("4/4")
    with pytest.raises(PlanError, match=r"are not whole bars of 3 \(6/8\)"):
        replace(plan_in("2/4"), metre="6/8", tempo=TempoMap.steady(90.0, 64))
    with pytest.raises(PlanError, match="metre must be one of 4/4, 3/4, 6/8, 2/4, got '5/4'"):
        make_plan(FEATURES, metre="5/4")
    assert plan.metre == "4/4"


def test_tags_choose_the_metre_and_the_keyword_wins() -> None:
    assert make_plan(FEATURES).metre == "4/4"
    assert make_plan(FEATURES, "waltz").metre == "3/4"
    assert make_plan(FEATURES, prompt="a slow waltz at a wedding").metre == "3/4"
    assert make_plan(FEATURES, "jig", metre="2/4").metre == "2/4"
    assert combine_styles("waltz,happy").bpm == (96, 140)
    with pytest.raises(StyleError, match="'waltz' and 'march' contradict each other: choose one metre"):
        combine_styles("waltz,march")


def test_words_about_the_plan_count_its_own_bars() -> None:
    plan = plan_in("3/4")
    assert any(f"{plan.bars} bars of 3/4 fill 44.00 s" in line for line in plan.why)
    assert any("dotted quarters" in line for line in plan_in("6/8").why)
    first = markers(plan)[0][1]
    assert first == f"section {plan.sections[0].label} (bars 1-{plan.sections[0].beats // 3})"
    places = [text for _, text in markers(plan) if "beat" in text]
    assert places
    assert not any("beat 4" in text for text in places)


def test_strong_cuts_look_for_downbeats_of_the_metre() -> None:
    strong = draw_features(45.0, every(4.5, 45.0, 0.9), (BRIGHT, DARK))
    plan = make_plan(strong, metre="3/4", bpm=120)
    on_bars = [cut.beat % 3 == 0 for cut in plan.cuts if cut.snapped]
    assert np.mean(on_bars) > 0.8


@pytest.mark.parametrize(("metre", "width"), [("4/4", 32), ("3/4", 24), ("6/8", 24), ("2/4", 32)])
def test_windows_are_eight_bars_and_are_told_the_metre(model: Denoiser, metre: str, width: int) -> None:
    plan = plan_in(metre)
    condition = condition_of(plan, [0], model)
    assert condition.section.shape == (1, width)
    told = model.config.metres.index(metre) + 1
    assert condition.metre.tolist() == [0 if metre == "4/4" else told]  # 4/4 is what is taken for granted
    assert condition_of(plan, [0], Denoiser(Config.tiny())).metre.tolist() == [0]  # which knows no metres
    starts = window_starts(plan.beats, width, 1, BAR_UNITS[metre])
    assert all(start % BAR_UNITS[metre] == 0 for start in starts)
    first = next(compose_steps(model, plan, ComposeOptions(steps=1)))
    assert first.width == 4 * width


@pytest.mark.parametrize("metre", METRES)
def test_pieces_are_composed_arranged_and_written_in_their_metre(model: Denoiser, metre: str, tmp_path: Path) -> None:
    plan = plan_in(metre, "band")
    roll = compose(model, plan, ComposeOptions(steps=4))
    assert roll.beats == plan.beats
    score = arrange(roll, plan)
    numerator, denominator = score.metre
    assert f"{numerator}/{denominator}" == metre
    assert score.beats_per_bar == plan.beats_per_bar
    assert max(note.end for track in score.tracks for note in track.notes) == plan.beats
    struck = {note.start for track in score.tracks for note in track.notes if not track.is_drum}
    assert max(struck) < plan.last_bar + plan.unit / 2 + 0.5  # nothing new under the last chord
    back = read_midi(write_midi(score, tmp_path / "piece.mid"))
    assert (back.metre, back.tempo.beats) == (score.metre, plan.beats)
    assert score_to_roll(back).beats % plan.beats_per_bar == 0


def test_pieces_of_several_metres_are_composed_at_once_as_alone(model: Denoiser) -> None:
    jobs = [ComposeJob(metre, plan_in(metre), ComposeOptions(steps=4, seed=3, batch_size=4)) for metre in METRES]
    waiting = list(jobs)
    together = dict(compose_many(model, lambda wait: waiting.pop() if waiting else None, batch_size=4))
    for job in jobs:
        assert together[job.key] == compose(model, job.plan, job.options)
    requests = [next(compose_steps(model, job.plan, job.options)) for job in jobs]
    with torch.inference_mode():
        assert [p.logits[0].shape[2] for p in predict(model, requests, 4)] == [128, 96, 96, 128]


def test_a_lead_in_is_a_bar_of_the_metre(tmp_path: Path) -> None:
    late = TempoMap.steady(90.0, 6, start=1.5)
    score = Score((Track("melody", 0, (Note(0.0, 1.0, 60),)),), late, metre=(6, 8))
    back = read_midi(write_midi(score, tmp_path / "late.mid"))
    assert back.tempo.beats == 6
    assert back.tempo.edges[0] == pytest.approx(1.5, abs=1e-4)
    assert back.tracks[0].notes[0].start == 0.0


@pytest.mark.parametrize(
    ("metre", "kicks", "snares"), [("3/4", {0, 2.5}, {1, 2}), ("6/8", {0, 2.5}, {1.5}), ("2/4", {0}, {1})]
)
def test_drums_play_the_metre(metre: str, kicks: set[float], snares: set[float]) -> None:
    plan = plan_in(metre)
    spans = [SectionSpan(0, plan.beats, 0.6)]
    notes = drum_part(find_groove("pop"), replace(plan, cuts=()), spans, [True])
    inside = [note for note in notes if note.start < plan.last_bar]
    bar = METRES[metre]
    assert {note.start % bar for note in inside if note.pitch == 36} == kicks
    assert {note.start % bar for note in inside if note.pitch == 38} == snares
    assert {note.start for note in notes if note.start >= plan.last_bar} == {plan.last_bar}


def test_a_new_edit_keeps_whole_bars(model: Denoiser) -> None:
    plan = plan_in("3/4")
    roll = compose(model, plan, ComposeOptions(steps=4))
    again = recut(plan, every(3.1, 30.0), 30.0)
    assert again.plan.metre == "3/4"
    assert again.plan.bars == len(again.bars) < plan.bars
    moved = apply_bar_map(roll, again.bars, plan.beats_per_bar)
    assert moved.beats == again.plan.beats
    assert (moved.cells[0::2, :12] == roll.cells[0::2, :12]).all()


def test_bars_repeat_and_are_measured_by_their_own_length() -> None:
    x = torch.arange(30.0)[:, None]
    assert repeat_first_bar(x, 12)[:, 0].tolist() == [*range(12), *range(12), *range(6)]
    assert np.flatnonzero(bars_to_steps([1], 3, 3)).tolist() == [*range(12, 24)]
    cells = np.zeros((4, 12 * 8, 88), np.uint8)
    cells[2, ::12, 30] = 1  # one note a bar of three
    assert measure_curves(cells, 3).repetition[12:].min() == 1.0


def test_metres_of_twelve_sixteenths_are_counted_by_their_felt_beats() -> None:
    logits = torch.zeros(4, 48, 88)
    waltz, jig = (accent_metre(logits, metre_accents(plan_in(m), 48, logits.device)) for m in ("3/4", "6/8"))
    assert (waltz[1::2] == 0).all()  # sustains are left alone
    assert waltz[0, 28, 0] > 0 > waltz[0, 30, 0]  # the third bar: its second beat, its middle
    assert jig[2, 30, 0] > 0 > jig[2, 28, 0]
    assert accent_metre(logits, metre_accents(plan_in("4/4"), 48, logits.device)) is logits
