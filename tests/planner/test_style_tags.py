"""The table of tags: what they are, how they combine, and how they refuse."""

from dataclasses import fields

import pytest

from diffbgm.band import PALETTES as BANDS
from diffbgm.errors import StyleError
from diffbgm.planner import PALETTES, STYLES, combine_styles, parse_style, style_table, understand
from diffbgm.planner.levels import POP909
from diffbgm.planner.prompt import WORDS
from diffbgm.planner.styles import GROUPS, Style
from diffbgm.types import TEXTURE

ASKED = {
    "mood": "calm happy sad tense dark hopeful playful romantic epic mysterious",
    "genre": "pop art-song concert-piano chamber symphonic hymn game",
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
    assert f"`{name}`" in style_table()


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


def test_a_text_is_understood():
    lonely = understand("a lonely rainy night")
    assert {"sad", "sparse", "slow"} <= set(lonely.tags)
    assert "rainy: sad" in str(lonely)
    assert understand("Epic trailer music for a dragon battle, orchestral!").tags[0] == "epic"
    assert "lo-fi" in understand("lo-fi beats to study to").tags
    assert "music-box" in understand("a little music box for the baby").tags
    assert understand("qwertz").tags == ()
    assert "no word" in str(understand("qwertz"))


def test_negations_turn_or_drop():
    assert "fast" not in understand("calm, not too fast").tags
    assert "slow" in understand("calm, not too fast").tags
    assert "band" not in understand("happy but no drums").tags
    assert "happy" in understand("not sad, no").tags
    assert "fast" in understand("not sad, but fast").tags
    assert "dark" not in understand("a rainy night, not too dark").tags
    assert "piano" in understand("without drums, piano").tags


def test_given_tags_win_and_results_never_contradict():
    understood = understand("happy sunny fast", given=("sad",))
    assert understood.tags[0] == "sad"
    assert "happy" not in understood.tags
    assert "left out" in str(understood)
    text = " ".join(word for words in WORDS.values() for word in words.split())
    combine_styles(understand(text).tags)


def test_a_sense_is_asked_where_no_word_tells_the_mood():
    asked: list[str] = []

    def sense(text: str) -> list[str]:
        asked.append(text)
        return ["epic", "calm", "sad"]

    assert understand("galloping over the steppe", text_ranker=sense).tags == ("epic",)
    assert "epic (the nearest mood to CLIP)" in str(understand("galloping over the steppe", text_ranker=sense))
    assert understand("steppe, fast", ("playful",), sense).tags == ("playful", "fast")  # the mood is given
    assert understand("qwertz piano, not epic", text_ranker=sense).tags == ("piano", "calm")  # not wanted
    assert understand("qwertz", ("driving",), sense).tags == ("driving", "epic")
    before = len(asked)
    assert understand("a lonely rainy night", text_ranker=sense) == understand("a lonely rainy night")
    assert understand(" ", text_ranker=sense).tags == ()
    assert len(asked) == before


# Words that stand in more than one list mean the tags of all of them.
SHARED_WORDS = {
    "chase": ("tense", "driving"),
    "cinematic": ("epic", "orchestral"),
    "lonely": ("sad", "sparse", "slow"),
    "powerful": ("epic", "driving"),
    "racing": ("driving", "fast"),
}


def test_every_word_means_its_tag_and_no_other():
    assert set(WORDS) == {tag for group in ASKED.values() for tag in group.split()}
    table = {word: (tag,) for tag, words in WORDS.items() for word in words.split()} | SHARED_WORDS
    assert {word: understand(word).tags for word in table} == table
    lists = {word: tuple(tag for tag, words in WORDS.items() if word in words.split()) for word in table}
    assert {word: tags for word, tags in lists.items() if len(tags) > 1} == SHARED_WORDS


@pytest.mark.parametrize(
    ("word", "tags"),
    [
        ("rainy", ("sad",)),
        ("sunny", ("happy",)),
        ("storm", ("dark",)),
        ("wedding", ("romantic",)),
        ("ocean", ("flowing",)),
        ("cello", ("strings",)),
        ("celesta", ("music-box",)),
        ("neon", ("synth",)),
        ("hurriedly", ("fast",)),
        ("meadows", ("calm",)),
        ("Lofi", ("lo-fi",)),
        ("spoon", ()),
    ],
)
def test_a_word_means_a_tag(word, tags):
    assert understand(word).tags == tags
