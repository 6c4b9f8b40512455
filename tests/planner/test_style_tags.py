"""The table of tags: what they are, how they combine, and how they refuse."""

import random
from dataclasses import fields

import pytest

from diffbgm.band import PALETTES as BANDS
from diffbgm.brief import lexicon, read_asked
from diffbgm.errors import StyleError
from diffbgm.planner import PALETTES, STYLES, combine_styles, parse_style, understand
from diffbgm.planner.levels import POP909
from diffbgm.planner.styles import GROUPS, Style
from diffbgm.types import TEXTURE

ASKED = {
    "mood": "calm happy sad tense dark hopeful playful romantic epic mysterious",
    "genre": "pop art-song concert-piano chamber symphonic hymn game",
    "metre": "waltz march jig",
    "motion": "sparse flowing driving",
    "palette": "piano strings guitar music-box synth orchestral lo-fi band",
    "tempo": "slow medium fast",
}


def test_every_tag_asked_for_is_there():
    for group in GROUPS:
        tags = [name for name, row in STYLES.items() if row.group == group]
        assert tags[: len(ASKED[group].split())] == ASKED[group].split()
        assert group == "palette" or len(tags) == len(ASKED[group].split())
    assert list(PALETTES) == list(BANDS)


@pytest.mark.parametrize("name", STYLES)
def test_every_row_does_something_within_bounds(name):
    row = STYLES[name]
    plain = combine_styles(())
    effects = [f.name for f in fields(Style) if f.name not in ("name", "group", "description")]
    assert any(getattr(row, name) != getattr(plain, name) for name in effects)
    assert row.description
    if row.bpm:
        assert 60 <= row.bpm[0] < row.bpm[1] <= 140
    for mood in TEXTURE:
        value = getattr(row.texture, mood)
        if value is not None and mood in POP909:
            assert POP909[mood][0] <= value <= POP909[mood][-1]


def test_tags_are_read_leniently():
    assert parse_style("Calm,  music box , lo_fi,calm,") == ("calm", "music-box", "lo-fi")
    assert parse_style(["calm", "piano, slow"]) == ("calm", "piano", "slow")
    assert parse_style(()) == ()


def test_an_unknown_tag_names_the_nearest():
    with pytest.raises(StyleError, match=r"'clam': did you mean calm"):
        parse_style("clam")
    with pytest.raises(StyleError, match="there are calm, happy"):
        parse_style("xyzzy")


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ("slow,fast", "choose one tempo"),
        ("piano,strings", "choose one palette"),
        ("happy,sad", "major"),
        ("dark,hopeful", "major"),
        ("calm,driving", "contradict"),
        ("sparse,driving", "contradict"),
    ],
)
def test_contradictions_are_refused(tags, says):
    for order in (tags, ",".join(reversed(tags.split(",")))):
        with pytest.raises(StyleError, match=says):
            combine_styles(order)


def test_combining_adds_shifts_and_narrows_the_tempo():
    both = combine_styles("happy,playful,guitar")
    assert both.mode == "major"
    assert both.bpm == (100, 140)
    assert both.register == pytest.approx(STYLES["happy"].register + STYLES["playful"].register)
    assert both.valence == pytest.approx(0.65)
    assert both.palette == "guitar"
    assert combine_styles("sad,fast").bpm == (108, 140)  # a tempo tag wins over a mood
    assert combine_styles("dark,driving").bpm == (108, 120)


def test_a_text_becomes_style():
    lonely = understand("a lonely rainy night")
    assert "sad" in lonely.tags
    assert lonely.style.mode == "minor"
    assert lonely.style.valence < -0.3
    epic = understand("Epic trailer music for a dragon battle, orchestral!").style
    assert (epic.palette, epic.genre) == ("trailer", "orchestra")
    assert understand("lo-fi beats to study to").style.palette == "lo-fi"
    assert understand("a little music box for the baby").style.palette == "music-box"
    assert understand("qwertz").tags == ()
    assert understand("qwertz").style == combine_styles(())


def test_negations_turn_or_drop():
    assert understand("calm, not too fast").style.bpm == (72, 104)
    assert understand("happy but no drums").style.palette != "band"
    assert understand("not sad, no").style.mode == "major"
    assert "dark" not in understand("a night, not too dark").tags
    assert understand("without drums, piano").style.palette == "piano"
    assert understand("no strings, no piano").style.palette not in ("piano", "strings", None)


def test_given_tags_win_over_the_text_and_options_over_tags():
    understood = understand("happy sunny fast piano", given=("sad", "strings"))
    assert understood.tags[:2] == ("sad", "strings")
    assert "happy" not in understood.tags
    assert any("left out" in remark for remark in understood.remarks)
    assert (understood.style.mode, understood.style.palette) == ("minor", "strings")
    assert understood.style.bpm == STYLES["sad"].bpm
    asked = read_asked({"bpm": "150", "key": "C major", "prompt": "happy"})
    style = understand(asked, given=("sad",)).style
    assert (style.mode, style.bpm) == ("major", (150, 150))
    assert style.texture.mode == 1.0  # the tag's minor texture goes with its mode


def test_texts_never_contradict_themselves_as_style():
    draw = random.Random(0)
    phrases = [phrase for phrase, meanings in lexicon().phrases.items() if meanings]
    for _ in range(200):
        text = ", ".join(draw.sample(phrases, 6))
        combine_styles(understand(text).tags)


def test_a_sense_is_asked_where_no_word_tells_the_mood():
    asked: list[str] = []

    def sense(text: str) -> list[str]:
        asked.append(text)
        return ["epic", "calm", "sad"]

    galloping = understand("galloping through the grass", text_ranker=sense)
    assert galloping.tags == ("epic",)
    assert "nearest mood to CLIP" in galloping.remarks[0]
    assert understand("qwertz, fast", ("playful",), sense).tags == ("playful",)  # the mood is given
    assert understand("qwertz", ("driving",), sense).tags == ("driving", "epic")
    before = len(asked)
    assert understand("a lonely rainy night", text_ranker=sense) == understand("a lonely rainy night")
    assert understand(" ", text_ranker=sense).tags == ()
    assert len(asked) == before


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("rainy", "sad"), ("sunny", "happy"), ("storm", "tense"), ("wedding", "romantic"), ("ocean", "flowing"),
        ("meadows", "calm"), ("ominous", "dark"), ("inspiring", "hopeful"), ("whimsical", "playful"),
        ("majestic", "epic"), ("enigmatic", "mysterious"), ("sparse", "sparse"), ("pounding", "driving"),
    ],
)  # fmt: skip
def test_a_word_means_a_tag(word, tag):
    assert understand(word).tags == (tag,)


@pytest.mark.parametrize(
    ("word", "palette"),
    [("cello", "strings"), ("celesta", "bells"), ("80s synths", "synthwave"), ("Lofi", "lo-fi"), ("spoon", None)],
)
def test_a_word_means_a_band(word, palette):
    assert understand(word).style.palette == palette
