"""Briefs of scenes: bars begin with them, each has its band and mood, the whole has one tempo and one key."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.planner.drawn import draw_features

from diffbgm.arrange import arrange
from diffbgm.brief import read_asked
from diffbgm.codec import from_json, to_json
from diffbgm.errors import OptionError, PlanError
from diffbgm.planner import check_plan, make_plan
from diffbgm.planner.progressions import key_of_section
from diffbgm.planner.recut import recut
from diffbgm.types import Instrumentation, MusicPlan, PianoRoll, PlannedScene, Score

TWO = "0:00-0:20 calm solo piano; 0:20- epic orchestra, drums"
PIANO, DRUMS = range(8), "percussion"


def plan_of(duration: float = 45.0, **asked: Any) -> MusicPlan:
    return make_plan(draw_features(duration), brief=read_asked(asked))


def busy_roll(plan: MusicPlan) -> PianoRoll:
    """A chord on every beat, a melody note on every half."""
    states = np.zeros((4, 4 * plan.beats, 88), np.uint8)
    for beat in range(plan.beats):
        for pitch in (27, 31, 34, 39):
            states[2, 4 * beat, pitch], states[3, 4 * beat + 1 : 4 * beat + 4, pitch] = 1, 1
        for step in (0, 2):
            states[0, 4 * beat + step, 51 + beat % 5] = 1
    return PianoRoll(states)


def programs(score: Score, start: float, end: float) -> set[int | str]:
    """Who begins notes between two times; drums by their role."""
    return {
        DRUMS if track.role == "percussion" else track.program
        for track in score.tracks
        for note in track.notes
        if start <= score.tempo.time_at(note.start) < end
    }


@pytest.mark.parametrize("edge", [9.0, 13.7, 20.0, 31.25])
def test_a_bar_begins_with_a_scene(edge: float) -> None:
    plan = plan_of(scene=f"0-{edge} calm piano; {edge}- rock")
    start = float(plan.tempo.edges[plan.scenes[1].start_beat])
    assert start == pytest.approx(edge, abs=0.1)
    assert plan.scenes[1].start_beat % plan.beats_per_bar == 0
    assert plan.scenes[1].start_beat in {section.start_beat for section in plan.sections}


def test_each_scene_has_its_band() -> None:
    plan = plan_of(scene=TWO)
    score = arrange(busy_roll(plan), plan)
    first, second = programs(score, 0.0, 19.8), programs(score, 20.0, 45.0)
    assert first <= set(PIANO)
    assert DRUMS in second
    assert len(second - set(PIANO)) >= 4


def test_a_scene_of_mood_alone_is_played_by_those_who_play_elsewhere() -> None:
    plan = plan_of(prompt="starts happy, turns sad halfway, folk band", instruments="cello", scene="")
    assert len(plan.scenes) == 2
    assert {(scene.palette, scene.instrumentation) for scene in plan.scenes} == {(plan.palette, plan.instrumentation)}
    assert "cello" in plan.instrumentation.instruments
    early, late = plan.sections[0], plan.sections[-1]
    assert (early.texture.mode, late.texture.mode) == (1.0, 0.0)
    assert early.valence > late.valence + 0.5


def test_a_part_that_is_named_is_played_in_every_scene() -> None:
    plan = plan_of(scene="0-20 calm piano; 20- rock, tuba bass line", part="melody=clarinet")
    assert [scene.instrumentation.parts for scene in plan.scenes] == [(("melody", "clarinet"),)] * 2
    score = arrange(busy_roll(plan), plan)
    assert {track.program for track in score.tracks if track.role == "melody"} == {71}


@pytest.mark.parametrize("part", ["bass=flute", "melody=drums"])
def test_a_part_that_cannot_be_played_is_refused_before_anything_is_composed(part: str) -> None:
    with pytest.raises(OptionError, match="cannot play the"):
        plan_of(part=part)


def test_an_edited_plan_with_a_wrong_part_is_refused() -> None:
    plan = plan_of(part="bass=tuba")
    wrong = replace(plan, instrumentation=Instrumentation(parts=(("bass", "flute"),)))
    with pytest.raises(PlanError, match=r"MusicPlan.instrumentation: part: flute cannot play the bass"):
        check_plan(wrong)


def test_moods_and_energy_follow_the_scenes() -> None:
    plan = plan_of(scene=TWO)
    edge = plan.scenes[1].start_beat
    before, after = ([s.arousal for s in plan.sections if (s.start_beat >= edge) == late] for late in (False, True))
    assert max(before) < min(after)
    assert plan.curves.density[:edge].mean() < 0.7 * plan.curves.density[edge:].mean()


def test_the_harmony_leads_over() -> None:
    plan = plan_of(scene=TWO)
    edge = plan.scenes[1].start_beat
    last = next(chord for chord in plan.chords if chord.end == edge)
    key = key_of_section(next(s for s in plan.sections if s.start_beat == edge), plan.key)
    assert (last.chord.root - key.tonic) % 12 == 7  # the dominant of the new scene before it


@pytest.mark.parametrize(
    ("key", "scene", "home", "then"),
    [
        ("C major", "0-20 happy; 20- sad", (0, "major"), (9, "minor")),
        ("A minor", "0-20 sad; 20- happy", (9, "minor"), (0, "major")),
        ("C major", "0-20 happy; 20- cheerful", (0, "major"), (0, "major")),
    ],
)
def test_a_scene_in_the_other_mode_is_in_the_relative_key(
    key: str, scene: str, home: tuple[int, str], then: tuple[int, str]
) -> None:
    plan = plan_of(key=key, scene=scene)
    edge = plan.scenes[1].start_beat
    assert (plan.key.tonic, plan.key.mode) == home
    first = {c.start: c.chord for c in plan.chords}
    for beat, (tonic, mode) in ((0, home), (edge, then)):
        assert first[beat].root == tonic
        assert (3 if mode == "minor" else 4) in first[beat].tones
    assert plan.chords[-1].chord.root == then[0], "the piece ends where it is then at home"
    assert {c.chord.root for c in plan.chords if c.end == edge} == {(then[0] + 7) % 12}


def test_a_piece_has_one_tempo_and_says_so() -> None:
    plan = plan_of(scene="0-20 calm, 80 bpm, A minor; 20- techno, 140 bpm")
    assert 60 * plan.beats / plan.tempo.edges[-1] == pytest.approx(80, rel=0.03)
    assert str(plan.key) == "A minor"
    assert any("asks for another bpm" in line for line in plan.why)


def test_moments_of_a_scene_lie_inside_it() -> None:
    plan = plan_of(scene="0-20 calm; 20-40 hit at 0:25, silence from 30 to 32 s")
    assert [hit.time for hit in plan.hits] == [25.0]
    assert plan.rests == ((30.0, 32.0),)


def test_a_plan_with_scenes_is_read_back() -> None:
    plan = plan_of(scene=TWO)
    assert from_json(MusicPlan, to_json(plan)) == plan


@pytest.mark.parametrize("duration", [30.0, 45.0, 61.0])
def test_scenes_stay_with_their_bars_in_a_new_edit(duration: float) -> None:
    plan = plan_of(scene=TWO)
    new = recut(plan, [], duration)
    owners = [next(s.palette for s in plan.scenes if s.start_beat <= 4 * bar < s.end_beat) for bar in new.bars]
    told = {beat: s.palette for s in new.plan.scenes for beat in range(s.start_beat, s.end_beat)}
    assert [told[4 * bar] for bar in range(new.plan.bars)] == owners


def test_scenes_of_a_plan_follow_each_other() -> None:
    with pytest.raises(PlanError, match="rise"):
        PlannedScene(4, 4, "piano")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("calm piano", "a time and a brief"),
        ("0:20-0:10 calm", "end after it starts"),
        ("0-10 calm; 5-20 rock", "begins inside"),
        ("0- calm; 5-20 rock", "begins inside"),
        ("0-10", "a time and a brief"),
    ],
)
def test_a_scene_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        read_asked({"scene": text})


def test_a_scene_beyond_the_film_is_told() -> None:
    plan = plan_of(duration=15.0, scene="0-10 calm piano; 40-60 rock")
    assert len(plan.scenes) == 1
    assert any("left out" in line for line in plan.why)
