"""Ensembles, instruments asked for by name, patterns and grooves: what must hold for all of them."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from tests.test_arrange import plan_for, song

from diffbgm.arrange import PALETTES, Part, arrange, cast
from diffbgm.arrange.harmony import read_harmony
from diffbgm.arrange.patterns import Ground, play_pattern
from diffbgm.arrange.percussion import find_take
from diffbgm.arrange.sections import find_sections
from diffbgm.arrange.voicings import fretted
from diffbgm.band import ROLES, find_instrument, find_palette, players
from diffbgm.band.grooves import find_groove, grooves, performances
from diffbgm.band.patterns import VOICES, patterns
from diffbgm.brief.knobs import ROLES as KNOWN_ROLES
from diffbgm.brief.lexicon import instruments, lexicon
from diffbgm.errors import InputError, PlanError
from diffbgm.planner import STYLES
from diffbgm.types import METRES, Instrumentation, MusicPlan, Role, Score

MOODS = {"calm": (70.0, 0.5), "plain": (100.0, 1.0), "driving": (138.0, 1.7)}  # beats per minute, activity


def plan_of(
    ensemble: str = "piano", mood: str = "plain", metre: str = "4/4", bars: int = 12, **asked: object
) -> tuple[MusicPlan, Score]:
    bpm, activity = MOODS[mood]
    roll = song(bars)
    plan = plan_for(roll, ensemble, bpm, cuts=(6.5, 13.0, 21.5))
    for curve in ("polyphony", "density"):
        plan = plan.with_curve(curve, activity * getattr(plan.curves, curve))
    plan = replace(plan, metre=metre, instrumentation=Instrumentation(**asked))  # pyright: ignore[reportArgumentType]
    return plan, arrange(roll, plan, seed=1)


def notes_of(score: Score) -> dict[tuple[str, int], int]:
    return {(track.role, track.program): len(track.notes) for track in score.tracks}


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("ensemble", PALETTES)
def test_every_ensemble_plays_all_its_parts_in_range(ensemble: str, mood: str) -> None:
    roll = song(12)
    plan, _ = plan_of(ensemble, mood)
    players_ = cast(plan).players
    for seed in (0, 1):
        score = arrange(roll, plan, seed=seed)
        assert [(t.role, t.program) for t in score.tracks] == [(p.role, p.program) for p in players_]
        for track, part in zip(score.tracks, players_, strict=True):
            assert len(track.notes) >= 4, part
            assert all(part.low <= note.pitch <= part.high for note in track.notes), part


@pytest.mark.parametrize("metre", ["3/4", "6/8", "2/4"])
@pytest.mark.parametrize("ensemble", [name for name, row in PALETTES.items() if any(p.pattern for p in row.players)])
def test_every_ensemble_plays_in_every_metre(ensemble: str, metre: str) -> None:
    plan, score = plan_of(ensemble, metre=metre)
    assert [(t.role, t.program) for t in score.tracks] == [(p.role, p.program) for p in cast(plan).players]


@pytest.mark.parametrize("ensemble", ["piano", "folk", "big-band", "synthwave"])
def test_a_part_goes_to_the_player_named_and_all_others_stay(ensemble: str) -> None:
    _, before = plan_of(ensemble)
    parts = (("melody", "clarinet"), ("bass", "tuba"))
    plan, after = plan_of(ensemble, parts=parts)
    own = [(p.role, p.instrument) for p in cast(plan).players]
    assert [part for part in own if part[0] in ("melody", "bass")] == list(parts)
    others = {who: n for who, n in notes_of(before).items() if who[0] not in ("melody", "bass")}
    assert {who: n for who, n in notes_of(after).items() if who[0] not in ("melody", "bass")} == others
    assert notes_of(after)["melody", 71] > 4
    again = replace(plan, instrumentation=plan.instrumentation.with_part("bass", "cello"))
    assert again.instrumentation.parts == (("melody", "clarinet"), ("bass", "cello"))


def test_the_roles_of_the_option_are_those_of_the_band() -> None:
    assert get_args(Role) == KNOWN_ROLES
    assert set(KNOWN_ROLES) == set(ROLES)


def test_a_part_of_percussion_brings_a_drummer() -> None:
    _, score = plan_of("piano", parts=(("percussion", "tambourine"),))
    assert [role for role, _ in notes_of(score)] == ["melody", "chords", "pad", "percussion"]


def test_a_part_nobody_of_that_name_can_play_is_refused() -> None:
    with pytest.raises(PlanError, match="flute cannot play the bass, but melody"):
        plan_of(parts=(("bass", "flute"),))


def test_every_instrument_of_the_brief_can_play_and_every_genre_has_a_band() -> None:
    assert set(players()) == set(instruments())
    assert {row.program for row in instruments().values() if row.program is not None} == set(range(128))
    for player in players().values():
        assert player.part.high - player.part.low >= 11, player
        assert set(player.patterns.values()) <= {*patterns(), *grooves()}, player
    assert all(set(genre.palettes) & set(PALETTES) for genre in lexicon().genres.values())
    assert set(PALETTES) <= set(STYLES)


@pytest.mark.parametrize("name", patterns())
@pytest.mark.parametrize("metre", METRES)
def test_patterns_play_tones_of_the_chord_or_step_to_the_next_one(name: str, metre: str) -> None:
    bass = patterns()[name].bass
    part = find_instrument("acoustic bass" if bass else "acoustic piano").in_role(
        "bass" if bass else "chords", pattern=name
    )
    plan, _ = plan_of(metre=metre)
    harmony = read_harmony(song(12), plan.key)
    sections = find_sections(plan)
    ground = Ground(plan, harmony, sections)
    notes = play_pattern(part, ground, [True] * len(sections))
    assert notes
    for note in notes:
        chord = next(c for c in harmony if c.start <= note.start < c.end)
        later = next((c for c in harmony if c.start == chord.end), chord)
        steps = {(note.pitch - later.classes[0]) % 12, (later.classes[0] - note.pitch) % 12}
        passing = bass and chord.end - note.start <= 1.01 and steps & {1, 2}
        assert note.pitch % 12 in chord.classes or passing, note
        assert part.low <= note.pitch <= part.high
        assert note.end <= chord.end + 1e-9 or chord is harmony[-1]


@pytest.mark.parametrize("mood", MOODS)
def test_string_voices_never_cross(mood: str) -> None:
    plan, score = plan_of("string-quartet", mood, bars=16)
    assert sum(part.pattern == VOICES for part in cast(plan).players) == 3
    for beat in np.arange(0.06, plan.beats, 0.125):
        sounding = [[n.pitch for n in t.notes if n.start + 0.05 <= beat < n.end - 0.05] for t in score.tracks]
        heard = [line[0] for line in sounding if line]
        assert all(len(line) <= 1 for line in sounding[1:])
        assert heard == sorted(heard, reverse=True), (beat, sounding)


def test_guitars_are_fingered_on_six_strings() -> None:
    guitar = find_instrument("acoustic guitar").in_role("chords")
    assert fretted((0, 4, 7), guitar) == (48, 52, 55, 60, 64)  # x32010
    assert {p % 12 for p in fretted((7, 11, 2), guitar)} == {7, 11, 2}
    power = find_instrument("distorted guitar").in_role("chords")
    assert fretted((4, 7, 11), power) == (40, 47, 52)  # no third


def programs(score: Score) -> set[int]:
    return {track.program for track in score.tracks if not track.is_drum}


def test_solo_means_solo() -> None:
    _, score = plan_of(instruments=("cello",), solo=True)
    assert notes_of(score).keys() == {("melody", 42)}
    line = score.tracks[0].notes
    assert all(a.end <= b.start + 0.03 for a, b in pairwise(line)), "one note at a time"
    _, score = plan_of("rock", instruments=("acoustic guitar",), solo=True)
    assert notes_of(score).keys() == {("melody", 25), ("chords", 25)}


def test_what_must_not_sound_does_not() -> None:
    _, score = plan_of("piano", without=("strings", "piano"))
    assert programs(score)
    assert not programs(score) & {*range(8), *range(40, 46), *range(48, 52)}
    _, score = plan_of("rock", without=("drums",))
    assert not any(track.is_drum for track in score.tracks)
    _, score = plan_of("trailer", drums=False)
    assert not any(track.is_drum for track in score.tracks)
    assert 116 not in programs(score), "a taiko is a drum"
    _, score = plan_of("ambient", without=("melody", "drums"))
    assert {track.role for track in score.tracks} == {"chords", "bass", "pad"}


def test_instruments_asked_for_take_their_roles() -> None:
    _, score = plan_of(instruments=("acoustic piano",), lead="clarinet")
    assert notes_of(score).keys() == {("melody", 71), ("chords", 0)}
    _, score = plan_of(instruments=("kalimba", "marimba"))
    assert notes_of(score).keys() == {("melody", 108), ("chords", 12)}
    _, score = plan_of(instruments=("ukulele", "claps"), drums=True)
    assert 24 in programs(score)
    assert {n.pitch for t in score.tracks if t.is_drum for n in t.notes} <= {36, 39, 54}
    _, score = plan_of("trailer", instruments=("brass section", "choir"))
    assert {61, 52} <= programs(score)
    _, score = plan_of("solo-piano", drums=True)
    assert any(track.is_drum for track in score.tracks)


@pytest.mark.parametrize("name", [n for n, p in players().items() if "percussion" not in p.roles])
def test_any_instrument_asked_for_is_heard(name: str) -> None:
    for ensemble in ("piano", "rock"):
        _, score = plan_of(ensemble, bars=8, instruments=(name,))
        player = find_instrument(name)
        own = [track for track in score.tracks if track.program == player.part.program and not track.is_drum]
        assert sum(len(track.notes) for track in own) >= 4


def test_an_ensemble_that_has_all_who_are_asked_for_plays_as_it_is() -> None:
    plan, score = plan_of("string-quartet", instruments=("violin", "viola", "cello"))
    assert cast(plan) == find_palette("string-quartet")
    assert [track.program for track in score.tracks] == [40, 40, 41, 42]
    joined, _ = plan_of("string-quartet", instruments=("violin", "flute"))
    assert "flute" in {part.instrument for part in cast(joined).players}


def test_unknown_names_are_refused_with_their_neighbours() -> None:
    with pytest.raises(PlanError, match="clarinet"):
        plan_of(lead="clarinette")
    with pytest.raises(PlanError, match="no instrument"):
        plan_of(without=("kazoo",))
    with pytest.raises(PlanError, match="nobody is left"):
        plan_of("highland", without=("melody", "organ"))


def test_drums_are_what_people_played() -> None:
    plan, score = plan_of("funk", bars=16)
    take = find_take(find_groove("funk"), plan)
    assert take is not None
    starts = np.array([n.start for t in score.tracks if t.is_drum for n in t.notes])
    assert (np.abs(starts * 4 - np.round(starts * 4)) > 0.02).mean() > 0.3, "micro-timing is kept"
    assert find_take(find_groove("funk"), plan_of("funk", metre="3/4")[0]) is None
    for style in {groove.played for groove in grooves().values() if groove.played}:
        assert performances(style, "4/4"), style
    table = Path(find_palette.__code__.co_filename).parent / "data" / "grooves.npz"
    assert table.stat().st_size < 500_000


def test_a_strong_cut_gets_a_crash_in_a_recorded_groove_too() -> None:
    plan, score = plan_of("rock")
    drums = next(track for track in score.tracks if track.is_drum)
    strong = [cut.beat for cut in plan.cuts if cut.strength > 0.5]
    assert strong
    assert all(any(n.pitch == 49 and n.start == beat for n in drums.notes) for beat in strong)


def test_ensembles_of_your_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[mine]\nmelody = { instrument = "oboe", pan = 0.2 }\nchords = { instrument = "harp" }\n')
    _, score = plan_of(str(file))
    assert notes_of(score).keys() == {("melody", 68), ("chords", 46)}
    assert score.tracks[0].pan == 0.2
    for text, said in (
        ('[mine]\nmelody = { instrument = "kazoo" }', "no instrument"),
        ('[mine]\nmelodie = { instrument = "oboe" }', "melodie"),
        ('[mine]\nmelody = { instrument = "oboe", range = [60, 62] }', "octave"),
        ("", "no ensemble"),
        ("[mine]\n", "nobody plays"),
    ):
        file.write_text(text)
        with pytest.raises(PlanError, match=said):
            find_palette(str(file))
    file.write_text("[mine")
    with pytest.raises(InputError, match="TOML"):
        find_palette(str(file))
    with pytest.raises(InputError, match=r"gone\.toml"):
        find_palette(str(tmp_path / "gone.toml"))


def test_parts_are_values() -> None:
    assert Part(0, 28, 84) == Part(0, 28, 84)
    assert hash(PALETTES["piano"].players[0]) == hash(PALETTES["piano"].players[0])
