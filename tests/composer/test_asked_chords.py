"""Chords that a plan asks for, on their way to the notes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.music import make_plan, make_roll

from diffbgm.arrange import arrange
from diffbgm.arrange.harmony import read_harmony
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.compose import condition_of
from diffbgm.composer.condition import HARMONY_WIDTH
from diffbgm.composer.guidance import chord_targets, guide_to_chords
from diffbgm.composer.sections import noise_source, same_harmony
from diffbgm.planner.harmony import lay_chords
from diffbgm.roll import notes_to_roll, pitch_classes
from diffbgm.types import Key, MusicPlan, Note, PlannedChord


def asking(text: str, bars: int = 12, key: Key | None = None) -> MusicPlan:
    return replace(make_plan(bars, key=key), chords=lay_chords(text, 4 * bars, 4))


def test_the_network_is_told_chords_in_the_key_where_it_works() -> None:
    knowing = Denoiser(Config.tiny(harmony=True))
    plan = asking("D/F# -", key=Key(2))  # in D major: C/E in C
    told = condition_of(plan, [0, 20], knowing).harmony
    assert told.shape == (2, 32, HARMONY_WIDTH)
    chord, bass, known = told[0, :, 4:16], told[0, :, 16:28], told[0, :, -1]
    assert chord[0].nonzero().ravel().tolist() == [0, 4, 7]
    assert bass[0].nonzero().ravel().tolist() == [4]
    assert known[:8].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert not told[1, 28:].any()  # past the end
    assert not condition_of(replace(plan, chords=()), [0], knowing).harmony.any()
    assert not condition_of(plan, [0], Denoiser(Config.tiny())).harmony.any()  # which knows no chords


def test_guidance_pulls_what_strays_towards_the_chord_and_leaves_what_does_not() -> None:
    plan = asking("Am F", 2, Key(0))
    targets = chord_targets(plan, torch.device("cpu"))
    assert targets is not None
    cells = make_roll(2).cells  # triads of C and F under a scale
    logits = torch.as_tensor(np.where(cells > 0, 2.0, -4.0), dtype=torch.float32)
    guided = guide_to_chords(logits, targets, 3.0)

    def share(logits: torch.Tensor, bar: int, classes: list[int]) -> float:
        heard = torch.sigmoid(logits[:, 16 * bar : 16 * bar + 16]).sum((0, 1)).numpy()
        classed = np.bincount((np.arange(88) + 21) % 12, weights=heard, minlength=12)
        return float(classed[classes].sum() / classed.sum())

    assert share(guided, 0, [9, 0, 4]) > share(logits, 0, [9, 0, 4]) + 0.1
    assert share(guided, 0, [7]) < share(logits, 0, [7])
    assert (guide_to_chords(logits, targets, 0.0) == logits).all()
    assert guide_to_chords(logits, chord_targets(replace(plan, chords=()), torch.device("cpu"))) is logits
    sure = torch.full_like(logits, -20.0)
    sure[2, :16, [48, 51, 55]] = 9.0  # A, C, E alone
    assert torch.allclose(
        guide_to_chords(sure, targets, 1.0)[:, :16, [48, 51, 55]], sure[:, :16, [48, 51, 55]], atol=0.1
    )


def test_sections_are_coupled_only_where_their_chords_agree() -> None:
    plan = replace(asking("C F G Am Dm"), sections=make_plan(12, cuts=(4, 8)).sections)  # A B A
    source = noise_source(plan, 192)
    assert source is not None
    coupled = same_harmony(source, plan)
    assert coupled is not None
    assert (coupled[128:] == np.arange(128, 192)).all()  # Am Dm C F over C F G Am
    assert (same_harmony(source, asking("C F G Am")) == source)[:64].all()
    again = replace(plan, chords=lay_chords("C F G Am", 48, 4))
    assert (same_harmony(source, again) == source).all()
    assert same_harmony(source, replace(plan, chords=())) is source


def test_the_arrangement_plays_the_chords_asked_for_where_the_music_does() -> None:
    below = [Note(4.0 * bar, 4.0 * bar + 4, pitch) for bar in range(2) for pitch in (48, 52)]  # C and E: open
    roll = notes_to_roll([], below, 8)
    asked = (PlannedChord(0, 4, "Am7"), PlannedChord(4, 8, "Bb"))
    first, second = read_harmony(roll, Key(0), 2, asked)
    assert first.classes == (9, 0, 4, 7)  # it fits, so it is played whole
    assert second.classes == (0, 4)  # the music went elsewhere
    silent = read_harmony(notes_to_roll([], [], 8), Key(0), 2, asked)
    assert [(c.start, c.end, c.classes) for c in silent] == [(0, 4, (9, 0, 4, 7)), (4, 8, (10, 2, 5))]
    split = read_harmony(notes_to_roll([], [], 4), Key(0), 2, lay_chords("C F G Am|", 4, 4))
    assert [chord.start for chord in split] == [0, 1, 2, 3]


@pytest.mark.parametrize(("last", "classes"), [("F", {5, 9, 0}), ("", {7, 11, 2})])
def test_a_bare_last_bar_ends_on_the_chord_asked_for_or_at_home(last: str, classes: set[int]) -> None:
    plan = asking(f"- - - {last}" if last else "-", 4)
    roll = notes_to_roll([], [Note(0.0, 2.0, 55), Note(4.0, 6.0, 59)], 16)
    score = arrange(roll, plan)
    struck = {note.pitch % 12 for track in score.tracks for note in track.notes if note.start >= 12}
    assert struck == classes
    assert pitch_classes(roll.cells).any()
