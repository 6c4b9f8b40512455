"""Arrangements of a hand-made piece in every palette: what must hold for any of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.arrange import PALETTES, arrange
from diffbgm.arrange.harmony import read_harmony, voice
from diffbgm.arrange.sections import find_sections, part_entries
from diffbgm.arrange.voices import fit_range, resolve_overlaps
from diffbgm.errors import PlanError
from diffbgm.roll import measure_curves, notes_to_roll
from diffbgm.types import SYNC_TOLERANCE, Key, MusicPlan, Note, PianoRoll, PlannedCut, Score, Section, TempoMap

FIRST_BANDS = tuple(PALETTES)[:8]  # the others are in test_band.py
CHORDS = ((48, 52, 55), (45, 48, 52), (41, 45, 48), (43, 47, 50))  # C a F G


def song(bars: int = 16) -> PianoRoll:
    """A tune over broken chords; busier in its second half."""
    melody, accompaniment = [], []
    for bar in range(bars):
        root, third, fifth = CHORDS[bar % 4]
        at = 4.0 * bar
        accompaniment.append(Note(at, at + 2, root - 12))
        figure = (root, fifth, third + 12, fifth) * (2 if bar >= bars // 2 else 1)
        for i, pitch in enumerate(figure):
            accompaniment.append(Note(at + i * 4 / len(figure), at + (i + 1) * 4 / len(figure), pitch))
        for i, pitch in enumerate((third + 24, fifth + 24, root + 24)):
            melody.append(Note(at + i, at + i + 1, pitch))
    return notes_to_roll(melody, accompaniment, 4 * bars)


def plan_for(roll: PianoRoll, palette: str = "piano", bpm: float = 96.0, cuts: tuple[float, ...] = ()) -> MusicPlan:
    beats = roll.beats
    walk = 1 + 0.05 * np.sin(np.arange(beats) / 5)
    tempo = TempoMap(np.concatenate([[0.0], np.cumsum(60 / (bpm * walk))]))
    half = max(4, beats // 8 * 4)
    sections = (
        (Section(0, half, "A", 0.2, -0.4), Section(half, beats, "B", 0.2, 0.6))
        if beats > half
        else (Section(0, beats),)
    )
    planned = tuple(PlannedCut(tempo.time_at(b), (0.9, 0.4)[i % 2], b, 0.0, True) for i, b in enumerate(cuts))
    return MusicPlan(tempo.edges[-1], tempo, Key(0), sections, measure_curves(roll.cells), planned, (), palette)


def onset_times(score: Score, plan: MusicPlan) -> np.ndarray:
    return np.array(sorted({float(plan.tempo.time_at(n.start)) for t in score.tracks for n in t.notes}))


def sounding(score: Score, roles: tuple[str, ...], beat: float) -> set[int]:
    return {n.pitch for t in score.tracks if t.role in roles for n in t.notes if n.start <= beat < n.end}


PITCHED = ("melody", "chords", "bass", "pad")


@pytest.mark.parametrize("palette", FIRST_BANDS)
def test_every_palette_is_a_playable_band(palette: str) -> None:
    roll = song()
    plan = plan_for(roll, palette, cuts=(6.5, 13.0, 21.5, 32.0, 44.5))
    score = arrange(roll, plan, seed=3)
    rows = PALETTES[palette].parts
    assert {t.role for t in score.tracks} == set(rows)
    assert len(score.tracks) >= 3
    assert len({(t.program, t.is_drum) for t in score.tracks}) >= 2
    velocity = [n.velocity for t in score.tracks for n in t.notes]
    assert np.std(velocity) >= 12
    for track in score.tracks:
        part = rows[track.role]
        assert all(part.low <= n.pitch <= part.high for n in track.notes)
        assert all(0 <= n.start < n.end <= plan.beats for n in track.notes)
        assert all(0 <= c.beat <= plan.beats and 0 <= c.value <= 127 for c in track.controls)
        by_pitch: dict[int, float] = {}
        for note in track.notes:
            if not track.is_drum:
                assert note.start >= by_pitch.get(note.pitch, 0.0) - 1e-9, "a key is struck while it is held"
            by_pitch[note.pitch] = note.end


@pytest.mark.parametrize("palette", PALETTES)
def test_every_snapped_cut_is_heard(palette: str) -> None:
    roll = song()
    cells = roll.cells.copy()
    cells[:, 64:128] = 0  # four silent bars: cuts in there meet nothing of the roll
    roll = PianoRoll(cells)
    plan = plan_for(roll, palette, cuts=(6.5, 17.5, 22.0, 29.5, 44.5, 57.0))
    times = onset_times(arrange(roll, plan, seed=1), plan)
    assert all(np.abs(times - cut.time).min() <= SYNC_TOLERANCE for cut in plan.cuts)


def test_a_strong_cut_gets_a_cymbal_and_a_weak_one_none() -> None:
    roll = song()
    plan = plan_for(roll, "band", cuts=(13.0, 26.5))
    drums = next(t for t in arrange(roll, plan).tracks if t.role == "percussion")
    crashes = [n.start for n in drums.notes if n.pitch == 49]
    assert any(abs(s - 13.0) < 1e-6 for s in crashes)
    assert not any(abs(s - 26.5) < 0.1 for s in crashes)


def test_the_seed_decides_the_playing_and_only_that() -> None:
    roll = song()
    plan = plan_for(roll, "lo-fi")
    assert arrange(roll, plan, seed=1) == arrange(roll, plan, seed=1)
    one, two = arrange(roll, plan, seed=1), arrange(roll, plan, seed=2)
    assert one != two
    for a, b in zip(one.tracks, two.tracks, strict=True):
        assert sorted(n.pitch for n in a.notes) == sorted(n.pitch for n in b.notes)
        assert np.abs(np.array([n.start for n in a.notes]) - [n.start for n in b.notes]).max() < 0.1


@pytest.mark.parametrize("palette", FIRST_BANDS)
def test_the_last_chord_is_held_to_the_end(palette: str) -> None:
    roll = song(8)
    score = arrange(roll, plan_for(roll, palette), seed=0)
    assert len(sounding(score, PITCHED, 31.99)) >= 3
    assert not any(n.start >= 30.5 for t in score.tracks for n in t.notes)


def test_an_empty_last_bar_becomes_a_cadence_without_clash() -> None:
    roll = song(8)
    cells = roll.cells.copy()
    cells[:, 16 * 7 :] = 0
    score = arrange(PianoRoll(cells), plan_for(roll, "piano"), seed=0)
    assert {p % 12 for p in sounding(score, PITCHED, 30.0)} == {0, 4, 7}
    held = cells.copy()
    held[2, 16 * 7, 65 - 21] = held[3, 16 * 7 + 1 :, 65 - 21] = 1  # an F that is there already
    score = arrange(PianoRoll(held), plan_for(roll, "piano"), seed=0)
    assert 4 not in {p % 12 for p in sounding(score, PITCHED, 30.0)}, "E would grate against the F"


@pytest.mark.parametrize("palette", FIRST_BANDS)
def test_silence_in_the_roll_is_filled_unless_the_plan_asks_for_it(palette: str) -> None:
    roll = song(8)
    plan = plan_for(roll, palette)
    cells = roll.cells.copy()
    cells[:, 16 * 3 : 16 * 6] = 0
    times = onset_times(arrange(PianoRoll(cells), plan, seed=0), plan)
    span = times[(times > plan.tempo.time_at(11.9)) & (times < plan.tempo.time_at(24.1))]
    assert np.diff(span).max() < 2.6 if PALETTES[palette].parts["chords"].rings else len(span) > 0

    quiet = plan.with_curve("density", np.r_[np.full(12, 5.0), np.zeros(12), np.full(8, 5.0)])
    bare = arrange(PianoRoll(cells), quiet, seed=0)
    assert not sounding(bare, ("chords",), 18.0)


@pytest.mark.parametrize("palette", FIRST_BANDS)
def test_the_melody_is_silent_under_speech_and_the_rest_makes_room(palette: str) -> None:
    roll = song()
    plan = plan_for(roll, palette, cuts=(18.5,))
    spans = [(plan.tempo.time_at(16.3), plan.tempo.time_at(31.0))]
    plain, score = arrange(roll, plan, seed=0), arrange(roll, plan, seed=0, speech=spans)
    a, b = (float(plan.tempo.beat_at(t)) for t in spans[0])

    def notes(s: Score, role: str) -> list[Note]:
        return [n for t in s.tracks if t.role == role for n in t.notes]

    assert notes(plain, "melody")
    assert not [n for n in notes(score, "melody") if n.start < b and n.end > a]
    assert [n for n in notes(score, "melody") if n.start > b + 1]
    inside = [n for n in notes(score, "chords") if a <= n.start < b]
    before = [n for n in notes(plain, "chords") if a <= n.start < b]
    assert 0 < len(inside) < len(before)
    assert np.mean([n.pitch for n in inside]) < np.mean([n.pitch for n in before])


def test_roles_enter_with_the_energy() -> None:
    roll = song(24)
    plan = plan_for(roll, "band")
    plan = replace(
        plan,
        sections=(Section(0, 32, "A", 0, -0.9), Section(32, 64, "B", 0, 0.9), Section(64, 96, "A", 0, -0.9)),
    )
    plan = plan.with_curve("polyphony", [1.5] * 32 + [7.0] * 32 + [1.5] * 32)
    plan = plan.with_curve("density", [1.0] * 32 + [9.0] * 32 + [1.0] * 32)
    plays = {part.role: own for part, own in part_entries(PALETTES["band"], find_sections(plan)).items()}
    assert plays["percussion"] == [False, True, False]
    assert all(plays["melody"])
    drums = next(t for t in arrange(roll, plan).tracks if t.role == "percussion")
    assert len([n for n in drums.notes if 32 <= n.start < 64]) > 20 * len([n for n in drums.notes if n.start < 30])


def test_a_piano_pedal_is_lifted_at_every_chord_change() -> None:
    roll = song(8)
    chords = next(t for t in arrange(roll, plan_for(roll)).tracks if t.role == "chords")
    lifts = {c.beat for c in chords.controls if c.number == 64 and c.value == 0}
    assert {4.0 * b for b in range(1, 8)} <= lifts
    assert max(lifts) == 32.0


@pytest.mark.parametrize("palette", FIRST_BANDS)
def test_one_bar_and_an_empty_roll_are_pieces_too(palette: str) -> None:
    for roll in (song(1), PianoRoll(np.zeros((4, 16, 88), np.uint8)), PianoRoll(np.zeros((4, 128, 88), np.uint8))):
        plan = plan_for(roll, palette)
        if not roll.cells.any():
            plan = plan.with_curve("density", [3.0])
        score = arrange(roll, plan, seed=0)
        assert len(score.tracks) >= 2
        assert sounding(score, PITCHED, 0.2)
        assert sounding(score, PITCHED, roll.beats - 0.01)


def test_roll_and_plan_have_to_match() -> None:
    with pytest.raises(PlanError, match="32 beats"):
        arrange(song(8), plan_for(song(16)))
    with pytest.raises(PlanError, match="music-box"):
        arrange(song(8), plan_for(song(8), "kazoo"))


def test_harmony_is_read_from_the_notes() -> None:
    chords = read_harmony(song(4), Key(0))
    assert [(c.start, c.end, set(c.classes)) for c in chords] == [
        (0, 4, {0, 4, 7}),
        (4, 8, {9, 0, 4}),
        (8, 12, {5, 9, 0}),
        (12, 16, {7, 11, 2}),
    ]


@given(st.lists(st.integers(0, 11), min_size=2, max_size=3, unique=True), st.integers(0, 11))
@settings(max_examples=40, deadline=None)
def test_voicings_hold_the_chord_and_move_little(classes: list[int], step: int) -> None:
    first = voice(classes, (), 52, 79)
    assert sorted({p % 12 for p in first}) == sorted(classes)
    second = voice([(c + step) % 12 for c in classes], first, 52, 79)
    assert all(52 <= p <= 79 for p in second)
    assert max(min(abs(p - q) for q in first) for p in second) <= 7


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8), st.integers(21, 108)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_notes_come_into_range_and_never_overlap_on_a_key(raw: list[tuple[int, int, int]]) -> None:
    notes = [Note(s / 4, (s + length) / 4, pitch) for s, length, pitch in raw]
    fitted = resolve_overlaps(fit_range(notes, 48, 72))
    assert all(48 <= n.pitch <= 72 for n in fitted)
    assert {n.pitch % 12 for n in fitted} == {n.pitch % 12 for n in notes}
    for a, b in zip(
        sorted(fitted, key=lambda n: (n.pitch, n.start)),
        sorted(fitted, key=lambda n: (n.pitch, n.start))[1:],
        strict=False,
    ):
        assert a.pitch != b.pitch or a.end <= b.start
