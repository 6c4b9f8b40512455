"""PageSettings: links there and back, what a link may not break, and what the SDK is asked for."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from space.settings import (
    ANY,
    EXPERT,
    FILES,
    KNOBS,
    PageSettings,
    from_query,
    from_tags,
    from_values,
    tags_of,
    to_query,
)

from diffbgm.errors import InputError, StyleError
from diffbgm.options import SETTINGS
from diffbgm.planner.shape import SHAPES
from diffbgm.stages import options_of

tenths = st.integers(0, 40).map(lambda n: n / 10)
settings = st.builds(
    PageSettings,
    moods=st.lists(st.sampled_from(tags_of("mood")), unique=True).map(tuple),
    motion=st.sampled_from([ANY, *tags_of("motion")]),
    palette=st.sampled_from([ANY, *tags_of("palette")]),
    tempo=st.sampled_from([ANY, *tags_of("tempo")]),
    text=st.text(max_size=40),
    rhythm=tenths,
    mood=tenths,
    level=st.integers(-10, 10).map(lambda n: n / 10),
    shape=st.sampled_from(list(SHAPES)),
    seed=st.none() | st.integers(0, 2**31 - 1),
    steps=st.integers(4, 96),
    keep=st.sampled_from(["replace", "mix", "duck"]),
    fade=tenths,
)


@given(settings)
def test_a_link_holds_every_knob(given_settings: PageSettings) -> None:
    from urllib.parse import parse_qsl

    query = dict(parse_qsl(to_query(given_settings), keep_blank_values=True))
    assert from_query(query) == given_settings
    assert replace(from_values(given_settings.values), keep=given_settings.keep) == given_settings


def test_the_defaults_need_no_link() -> None:
    assert to_query(PageSettings()) == ""


@given(st.dictionaries(st.sampled_from([*PageSettings.__dataclass_fields__, "x"]), st.text(max_size=12)))
def test_a_mistyped_link_still_opens(query: dict[str, str]) -> None:
    assert isinstance(from_query(query), PageSettings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 1000}, {"steps": float("nan")}, {"steps": 8.5}, {"fade": -1}, {"fade": float("nan")}, {"seed": -5},
        {"seed": float("inf")}, {"keep": "loud"}, {"shape": "zigzag"}, {"text": "x" * 301},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        PageSettings(**wrong)


def test_tags_find_their_group() -> None:
    assert from_tags("piano, calm,slow") == PageSettings(moods=("calm",), palette="piano", tempo="slow")
    with pytest.raises(StyleError, match="calm"):
        from_tags("calm,tense")
    with pytest.raises(StyleError, match="motion"):
        from_tags("flowing,driving")


def test_the_sdk_is_asked_for_what_the_knobs_say() -> None:
    asked = PageSettings(moods=("calm",), palette="piano", text="rain", rhythm=2, keep="duck", fade=1.5).options(7)
    assert (asked.style, asked.prompt, asked.seed, asked.steps) == ("calm,piano", "rain", 7, 64)
    assert (options_of(asked, 0).guidance.dynamic, options_of(asked, 0).guidance.semantic) == (2, 1)
    assert (asked.keep_audio, asked.fade) == ("duck", 1.5)


def test_options_in_plain_words_reach_the_sdk_and_come_back_by_link() -> None:
    turned = {"genre": "samba", "without": ["drums", "choir"]}
    rest = [turned.get(name, SETTINGS[name].default) for name in EXPERT]
    asked = from_values([*PageSettings().values[: -len(EXPERT)], *rest])
    assert (asked.options(0).genre, asked.options(0).without) == ("samba", "drums,choir")
    assert to_query(asked) == "genre=samba&without=drums%2Cchoir"
    assert from_query({"genre": "samba", "without": "drums,choir"}) == asked
    assert from_values(asked.values) == asked
    with pytest.raises(InputError, match="chords has 400 characters"):
        PageSettings(expert=(("chords", "C" * 400),))


def test_no_visitor_has_a_file_of_the_server_read(tmp_path: Path) -> None:
    (tmp_path / "cues.csv").write_text("time,kind\n1,hit\n")
    assert {"like", "cues", "melody"} <= set(FILES)
    assert not set(FILES) & {*KNOBS, *EXPERT}
    for name in FILES:
        path = str(tmp_path / "cues.csv")
        assert from_query({name: path}) == PageSettings()
        assert PageSettings(expert=((name, path),)).expert == ()
        assert getattr(PageSettings(expert=((name, path),)).options(1), name) == SETTINGS[name].default


def test_a_link_names_no_file_of_the_server_as_a_band() -> None:
    assert from_query({"palette": "/x/band.toml", "ensemble": "/x/band.toml"}) == PageSettings()
    with pytest.raises(InputError, match="palette"):
        PageSettings(palette="/x/band.toml")
