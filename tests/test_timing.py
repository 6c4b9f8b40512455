"""Expressive timing: phrase arcs and melody lead, inside what the film allows."""

from dataclasses import replace

import numpy as np
import pytest
from tests.test_arrange import plan_for, song

from diffbgm.arrange import PALETTES, arrange
from diffbgm.arrange.sections import find_sections
from diffbgm.arrange.timing import ARCH, LEAD, MOST, melody_lead, phrase_arch
from diffbgm.types import MusicPlan, Note, Score

FREE = [name for name, palette in PALETTES.items() if palette.is_free]
MECHANICAL = [name for name, palette in PALETTES.items() if palette.mechanical]
CUTS = (6.5, 13.0, 32.0, 44.5)


def played(name: str) -> tuple[MusicPlan, Score]:
    roll = song()
    plan = plan_for(roll, name, cuts=CUTS)
    return plan, arrange(roll, plan, seed=1)


def off_grid(plan: MusicPlan, score: Score, roles: tuple[str, ...]) -> np.ndarray:
    """Milliseconds by which onsets come after the nearest sixteenth."""
    starts = np.array([n.start for t in score.tracks if t.role in roles for n in t.notes])
    return 1000 * (plan.tempo.time_at(starts) - plan.tempo.time_at(np.round(starts * 4) / 4))


def test_a_phrase_begins_and_ends_slower_than_its_middle() -> None:
    plan = plan_for(song())
    beats = np.arange(0, 16.01, 0.25)  # the first phrase
    late = phrase_arch(plan, find_sections(plan), beats)
    assert late[0] == 0
    assert abs(late[-1]) < 1e-9
    assert late.max() == pytest.approx(ARCH, rel=0.01)
    assert late.min() == pytest.approx(-ARCH, rel=0.01)
    gaps = np.diff(plan.tempo.time_at(beats) + late) / np.diff(plan.tempo.time_at(beats))
    assert gaps[:8].mean() > 1.005 > 0.995 > gaps[28:36].mean()
    assert gaps[-8:].mean() > 1.005


def test_nothing_moves_on_a_cut_or_in_the_last_bar() -> None:
    plan = plan_for(song(), cuts=CUTS)
    late = phrase_arch(plan, find_sections(plan), np.array([*CUTS, plan.last_bar, plan.beats]))
    assert np.abs(late).max() == 0
    assert np.abs(phrase_arch(plan, find_sections(plan), np.array([9.0]))).max() > 0.003


def test_the_melody_leads_what_it_is_louder_than() -> None:
    plan = plan_for(song())
    chord = [Note(1.0, 2.0, 48, 60), Note(1.0, 2.0, 52, 95), Note(1.5, 2.0, 55, 40)]
    last = Note(float(plan.last_bar), float(plan.beats), 48, 40)
    late = melody_lead([*chord, last], {1.0: 90, float(plan.last_bar): 100}, plan)
    assert late == pytest.approx([LEAD, 0, 0, 0])


@pytest.mark.parametrize("name", FREE)
def test_people_shape_time_where_nobody_keeps_it(name: str) -> None:
    plan, score = played(name)
    off = np.concatenate([off_grid(plan, score, (role,)) for role in ("melody", "chords", "bass", "pad")])
    strum = max(part.strum for part in PALETTES[name].players)
    bound = 1000 * (MOST + 0.036 * (strum > 0)) + 0.1
    swing = 1000 * PALETTES[name].swing * 60 / 90
    assert np.abs(off).max() <= bound + swing
    assert np.std(off) > 4
    starts = np.array(sorted({n.start for t in score.tracks for n in t.notes}))
    times = plan.tempo.time_at(starts)
    assert all(np.abs(times - cut.time).min() < 1e-6 for cut in plan.cuts)


@pytest.mark.parametrize("name", MECHANICAL)
def test_machines_keep_to_the_grid(name: str) -> None:
    plan, score = played(name)
    swing = 1000 * PALETTES[name].swing * 60 / 85
    off = np.abs(off_grid(plan, score, ("melody", "bass", "pad")))
    assert np.all((off < 1e-6) | (off <= swing + 1e-6))


def test_a_melody_sounds_before_its_chords() -> None:
    plan, score = played("solo-piano")
    lines = {t.role: t.notes for t in score.tracks}
    leads = [
        1000 * float(plan.tempo.time_at(chord.start) - plan.tempo.time_at(note.start))
        for note in lines["melody"]
        for chord in lines["chords"]
        if round(note.start * 4) == round(chord.start * 4) and note.start < plan.last_bar
    ]
    assert len(leads) > 20
    assert 8 < np.median(leads) <= 1000 * LEAD + 20
    final = {n.start for t in score.tracks for n in t.notes if n.start >= plan.last_bar - 0.1}
    assert final == {float(plan.last_bar)}


def test_a_tempo_map_without_cuts_and_a_single_bar_are_pieces_too() -> None:
    roll = song(1)
    plan = replace(plan_for(roll, "solo-piano"), cuts=())
    assert arrange(roll, plan).tracks
