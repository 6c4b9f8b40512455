"""Who plays: as asked, by the mood where nobody is named, the piano else."""

import pytest
from tests.planner.drawn import draw_features

from diffbgm.band import PALETTES
from diffbgm.options import ScoreOptions
from diffbgm.planner import STYLES, make_plan
from diffbgm.stages import plan_music

BY_BRIEF = {
    "": "piano",
    "energetic": "band",
    "party": "band",
    "upbeat and happy": "indie",
    "hopeful, inspiring": "corporate",
    "funny": "pizzicato",
    "calm": "felt-piano",
    "scary": "suspense",
    "heroic": "trailer",
    "intense, dramatic": "orchestral",
    "fresh, summery": "indie",
    "sad": "piano",
    # who is named, or what is played, says it
    "happy piano": "piano",
    "energetic synthwave": "synthwave",
    "calm ambient": "ambient",
    "kalimba, happy": "bells",
    # what is ruled out does not play
    "energetic, no piano": "indie",
    "calm, no piano": "harp-and-flute",
    "tense, no strings": "synth",
}


@pytest.mark.parametrize(("prompt", "palette"), BY_BRIEF.items())
def test_a_brief_finds_its_band(prompt: str, palette: str) -> None:
    plan = make_plan(draw_features(20.0), prompt=prompt)
    assert plan.palette == palette
    assert any(line.startswith(f"band {palette}: ") for line in plan.why)


@pytest.mark.parametrize(
    ("style", "palette"),
    [
        ("driving", "band"),
        ("happy,driving", "band"),
        ("happy", "indie"),
        ("happy,guitar", "guitar"),
        ("calm,piano", "piano"),
        ("epic,hymn", "piano"),  # a kind of music has its own sound
        ("happy,pop", "indie"),
        ("calm,symphonic", "orchestral"),
        ("sparse,slow", "piano"),
    ],
)
def test_tags_of_moods_bring_a_band_where_no_other_tag_does(style: str, palette: str) -> None:
    assert make_plan(draw_features(20.0), style).palette == palette


def test_a_tag_for_the_mood_leaves_the_band_to_the_text() -> None:
    assert make_plan(draw_features(20.0), "happy", prompt="reggae").palette == "reggae"
    assert make_plan(draw_features(20.0), "tense", prompt="solo cello").palette == "strings"


def test_scenes_that_name_nobody_share_the_band_of_the_liveliest() -> None:
    plan = make_plan(draw_features(40.0), prompt="sad at first, hopeful at the end")
    assert plan.palette == "corporate"
    assert {scene.palette for scene in plan.scenes} == {"corporate"}


def test_every_band_of_a_mood_is_there() -> None:
    named = {band for row in STYLES.values() for band in row.bands}
    assert named <= set(PALETTES)
    assert len(named) >= 12


def test_an_ensemble_beats_the_mood_and_the_plan_says_so() -> None:
    plan = plan_music(draw_features(20.0), ScoreOptions(style="driving", ensemble="jazz-trio"))
    assert plan.palette == "jazz-trio"
    assert [line for line in plan.why if line.startswith("band ")] == ["band jazz-trio: as asked"]
