"""Chords of a plan: how they are written, laid over bars, told and kept through new edits."""

from dataclasses import replace

import numpy as np
import pytest
from tests.planner.drawn import BRIGHT, DARK, draw_features, every

from diffbgm.codec import from_json, to_json
from diffbgm.errors import PlanError
from diffbgm.planner import make_plan, recut
from diffbgm.planner.harmony import key_of_chords, lay_chords, tell_chords
from diffbgm.planner.progressions import plan_chords
from diffbgm.types import PITCH_NAMES, ChordSymbol, Key, MusicPlan, PlannedChord, Section

FEATURES = draw_features(44.0, every(3.1, 44.0), (BRIGHT, DARK))


@pytest.mark.parametrize(
    ("symbol", "classes", "bass"),
    [
        ("C", (0, 4, 7), 0),
        ("Am7", (9, 0, 4, 7), 9),
        ("F/A", (5, 9, 0), 9),
        ("C/D", (0, 4, 7, 2), 2),
        ("Bdim", (11, 2, 5), 11),
        ("F#m7b5", (6, 9, 0, 4), 6),
        ("Bbmaj7", (10, 2, 5, 9), 10),
        ("Ebsus4", (3, 8, 10), 3),
        ("G+", (7, 11, 3), 7),
    ],
)
def test_symbols_are_read(symbol: str, classes: tuple[int, ...], bass: int) -> None:
    chord = ChordSymbol.parse(symbol)
    assert (chord.classes, chord.bass, chord.root) == (classes, bass, classes[0])


@pytest.mark.parametrize("symbol", ["", "H", "Cxyz", "am", "C/", "C/H"])
def test_what_is_no_chord_is_refused_with_what_is(symbol: str) -> None:
    with pytest.raises(PlanError, match=r"is not understood; write a root from A to G .* m7b5.*/BASS"):
        PlannedChord(0, 4, symbol)


def test_chords_are_laid_one_a_bar_and_repeated() -> None:
    chords = lay_chords("Am F C G", 20, 4)
    assert [(c.start, c.end, c.symbol) for c in chords] == [
        (0, 4, "Am"), (4, 8, "F"), (8, 12, "C"), (12, 16, "G"), (16, 20, "Am"),
    ]  # fmt: skip
    assert lay_chords("C C", 8, 4) == (PlannedChord(0, 8, "C"),)
    assert lay_chords("", 8, 4) == ()


def test_bar_lines_let_chords_share_bars() -> None:
    chords = lay_chords("| Am | F G | % | - |", 16, 4)
    assert [(c.start, c.end, c.symbol) for c in chords] == [
        (0, 4, "Am"), (4, 6, "F"), (6, 8, "G"), (8, 10, "F"), (10, 12, "G"),
    ]  # fmt: skip
    assert [(c.start, c.end) for c in lay_chords("C F G|", 3, 3)] == [(0, 1), (1, 2), (2, 3)]
    assert [(c.start, c.end) for c in lay_chords("C F|", 3, 3)] == [(0, 2), (2, 3)]
    with pytest.raises(PlanError, match="bar 2 has 4 chords, it holds 1 to 3"):
        lay_chords("C | C F G C", 6, 3)
    with pytest.raises(PlanError, match="bar 2 has 0 chords"):
        lay_chords("C | | F", 12, 4)
    assert tell_chords(chords, 4) == "Am | F G | F G"
    assert tell_chords(lay_chords("C | C | F", 12, 4), 4) == "C | % | F"


def test_a_plan_holds_the_chords_and_says_so() -> None:
    plan = make_plan(FEATURES, chords="Am F C G", metre="3/4")
    assert [c.symbol for c in plan.chords[:4]] == ["Am", "F", "C", "G"]
    assert plan.chords[-1].end == plan.beats
    assert plan.chords[0].end == 3
    assert any(line.startswith("chords: Am | F | C | G | Am") for line in plan.why)
    assert from_json(MusicPlan, to_json(plan)) == plan
    assert make_plan(FEATURES).chords == ()


def test_without_a_key_the_chords_say_which_it_is() -> None:
    assert key_of_chords(lay_chords("Am E Am E Am", 20, 4)) == Key(9, "minor")
    assert make_plan(FEATURES, chords="D A D G D A D").key == Key(2, "major")
    assert make_plan(FEATURES, chords="D A", key=Key(5)).key == Key(5)


def test_chords_fit_the_piece_and_follow_one_another() -> None:
    plan = make_plan(FEATURES)
    with pytest.raises(PlanError, match="chord F begins at beat 2, inside C"):
        replace(plan, chords=(PlannedChord(0, 4, "C"), PlannedChord(2, 6, "F")))
    with pytest.raises(PlanError, match=f"the chords end at beat {plan.beats + 1}"):
        replace(plan, chords=(PlannedChord(0, plan.beats + 1, "C"),))
    with pytest.raises(PlanError, match="must rise"):
        PlannedChord(4, 4, "C")


def test_a_new_edit_takes_the_chords_of_its_bars() -> None:
    plan = make_plan(FEATURES, chords="Am F | C G | Dm | Em E")
    again = recut(plan, every(3.1, 30.0), 30.0)
    assert len(again.bars) < plan.bars
    by_beat = {b: c.symbol for c in plan.chords for b in range(c.start, c.end)}
    heard = {b: c.symbol for c in again.plan.chords for b in range(c.start, c.end)}
    assert heard == {4 * k + b: by_beat[4 * bar + b] for k, bar in enumerate(again.bars) for b in range(4)}
    same = recut(plan, every(3.1, 44.0), 44.0)
    assert same.plan.chords == plan.chords


@pytest.mark.parametrize("metre", ["4/4", "3/4", "2/4"])
@pytest.mark.parametrize("key", [Key(2), Key(9, "minor")])
def test_planned_chords_begin_and_end_at_home_and_come_back_with_their_sections(metre: str, key: Key) -> None:
    plan = make_plan(FEATURES, chords="auto", key=key, metre=metre)
    home = PITCH_NAMES[key.tonic] + ("m" if key.mode == "minor" else "")
    at = {beat: chord.symbol for chord in plan.chords for beat in range(chord.start, chord.end)}
    assert sorted(at) == list(range(plan.beats))
    assert at[0] == at[plan.beats - 1] == home
    assert at[plan.last_bar - 1] == PITCH_NAMES[(key.tonic + 7) % 12] + "7"
    bodies: dict[str, set[tuple[str, ...]]] = {}
    for section in plan.sections[:-1]:
        assert ChordSymbol.parse(at[section.end_beat - 1]).root == (key.tonic + 7) % 12  # a half cadence
        body = tuple(at[b] for b in range(section.start_beat, section.end_beat - plan.unit, plan.unit))
        bodies.setdefault(section.label, set()).add(body[:1])
    assert all(len(found) == 1 for found in bodies.values())


def test_dark_and_tense_sections_have_more_chords_from_outside_the_key() -> None:
    def outside(valence: float, arousal: float) -> float:
        found = []
        for seed in range(40):
            chords = plan_chords((Section(0, 64, "A", valence, arousal), Section(64, 80, "B")), Key(0), 4, seed)
            tones = [c for chord in chords if chord.end <= 56 for c in chord.chord.classes]
            found.append(np.mean([c not in {0, 2, 4, 5, 7, 9, 11} for c in tones]))
        return float(np.mean(found))

    assert outside(-0.8, 0.8) > outside(0.0, 0.0) + 0.02 > outside(0.9, 0.0) + 0.02
    assert outside(0.9, 0.0) == 0.0
