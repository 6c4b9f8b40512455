"""Moods that follow one another are scenes, each as long as the text says."""

import pytest

from diffbgm.brief import read_brief
from diffbgm.brief.facts import facts_of

FILM = 40.0  # seconds


@pytest.mark.parametrize(
    ("text", "scenes"),
    [
        ("uplifting but start sad", [(0, FILM / 2, "sad"), (FILM / 2, FILM, "uplifting")]),
        ("happy, but dark at first", [(0, FILM / 2, "dark"), (FILM / 2, FILM, "happy")]),
        ("happy for 8 seconds, sad for 8 seconds", [(0, 8, "happy"), (8, FILM, "sad")]),
        ("starts happy, turns sad halfway", [(0, 20, "happy"), (20, 40, "sad")]),
        ("sad at first, then hopeful from 0:15", [(0, 15, "sad"), (15, 40, "hopeful")]),
        ("happy until 0:12, then sad", [(0, 12, "happy"), (12, 40, "sad")]),
        ("happy for the first 10 seconds, then dark", [(0, 10, "happy"), (10, 40, "dark")]),
        ("joyful, in the second half melancholic piano", [(0, 20, "joyful"), (20, 40, "melancholic")]),
        ("begins dark and tense, ends triumphant", [(0, 30, "dark tense"), (30, 40, "triumphant")]),
        ("from gloomy to bright", [(0, 20, "gloomy"), (20, 40, "bright")]),
        ("cheerful, sad from 0:10 to 0:15", [(0, 10, "cheerful"), (10, 15, "sad"), (15, 40, "cheerful")]),
        ("erst fröhlich, dann traurig", [(0, 20, "fröhlich"), (20, 40, "traurig")]),
        ("primero alegre, luego triste", [(0, 20, "alegre"), (20, 40, "triste")]),
        ("d'abord joyeux, puis triste", [(0, 20, "joyeux"), (20, 40, "triste")]),
    ],
)
def test_moods_in_turn_are_scenes(text: str, scenes: list[tuple[float, float, str]]) -> None:
    brief = read_brief(text)
    assert [(*scene.span.seconds(FILM), scene.text) for scene in brief.scenes] == scenes
    assert brief.mode == brief.scenes[0].brief.mode
    assert (brief.valence, brief.tags, brief.unread) == (None, (), ())
    assert brief.conflicts == (), "moods at two times do not contradict each other"
    assert ("scene", "text") in {(fact.fact, fact.source) for fact in facts_of(brief)}


@pytest.mark.parametrize(
    "text",
    [
        "hopeful but wistful, piano", "neither happy nor sad", "not sad, then happy", "dark, tense, then gloomy",
        "bittersweet, warm and dark", "happy", "a rainy street at night", "calm piano, then drums",
    ],
)  # fmt: skip
def test_moods_at_one_time_are_no_scenes(text: str) -> None:
    assert read_brief(text).scenes == ()


def test_what_an_option_says_of_scenes_counts() -> None:
    from diffbgm.brief import read_asked

    asked = read_asked({"prompt": "starts happy, turns sad halfway", "scene": "0-30 rock; 30- calm"})
    assert [scene.text for scene in asked.scenes] == ["rock", "calm"]


def test_the_band_of_a_genre_is_who_plays_it() -> None:
    folk = read_brief("a happy folk band")
    assert (folk.genre, folk.instruments) == ("folk", ())
    assert "fiddle" in folk.typical
    assert "electric guitar" in read_brief("a happy band").instruments
