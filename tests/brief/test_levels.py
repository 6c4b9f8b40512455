"""Energy as forms and charts tell it: "Energy: low, high, low"."""

import pytest

from diffbgm.brief import read_brief
from diffbgm.brief.levels import spell_levels

LOW, MEDIUM, HIGH = 0.2, 0.5, 0.92


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("Energy: low, high, low", [LOW, HIGH, LOW]),
        ("energy curve low-high-low", [LOW, HIGH, LOW]),
        ("Intensity: low → medium → high", [LOW, MEDIUM, HIGH]),
        ("energy from low to high", [LOW, HIGH]),
        ("Energy: 20% then 80%", [LOW, HIGH]),
        ("energy level 2/10, 5/10, 9 out of 10", [LOW, MEDIUM, HIGH]),
        ("Energie: niedrig, hoch, niedrig", [LOW, HIGH, LOW]),
        ("energía: baja, luego alta", [LOW, HIGH]),
        ("mood: calm; energy: medium to high", [MEDIUM, HIGH]),
    ],
)
def test_levels_in_a_row(text: str, levels: list[float]) -> None:
    brief = read_brief(text)
    told = [level for _, level in brief.energy]
    assert [a for a, b in zip(told, [None, *told], strict=False) if a != b][-len(levels) :] == levels
    assert [at.seconds(1.0) for at, _ in brief.energy][-1] == 1.0
    assert not brief.unread
    assert "driving" not in brief.tags


def test_levels_keep_their_places() -> None:
    brief = read_brief("Energy: low at the start, high at the end")
    (early, low), (late, high) = brief.energy
    assert (low, high) == (LOW, HIGH)
    assert early.seconds(1.0) < 0.1
    assert late.seconds(1.0) > 0.9


@pytest.mark.parametrize(
    "header", ["{} energy", "Energy: {}", "Genre: ambient. Energy: {}. Tempo: 80 bpm", "keep the energy {}"]
)
def test_one_level_makes_the_whole_film_calm_or_stirring(header: str) -> None:
    arousal = [read_brief(header.format(level)).arousal or 0.0 for level in ("low", "medium", "high")]
    assert arousal == sorted(arousal)
    assert arousal[0] <= -0.3
    assert arousal[2] >= 0.2
    assert not read_brief(header.format("low")).energy


def test_a_level_moves_a_mood_and_leaves_its_valence() -> None:
    plain, stirring = read_brief("happy piano"), read_brief("happy piano, energy: high")
    assert stirring.valence == plain.valence
    assert (stirring.arousal or 0.0) > (plain.arousal or 0.0)


@pytest.mark.parametrize(
    "text", ["high strings, lots of energy", "energy! low bass and high hats", "with energy, medium tempo"]
)
def test_what_is_no_level_of_energy_stays(text: str) -> None:
    assert spell_levels(text) == text
