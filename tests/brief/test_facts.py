"""Facts that a composer takes from briefs of many kinds, in `facts.json`: what the reader makes of each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffbgm.brief import Brief, facts_of, lexicon, read_asked, read_brief

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "facts.json").read_text(encoding="utf-8"))
LENGTH = 20.0  # seconds of the film
FAMILIES = {  # General MIDI programs from 0
    "piano": "0-7",
    "acoustic piano": "0-3",
    "electric piano": "4-5",
    "harpsichord": "6",
    "celesta": "8",
    "glockenspiel": "9",
    "music box": "10",
    "vibraphone": "11",
    "marimba": "12",
    "xylophone": "13",
    "bells": "8-10 14",
    "organ": "16-20",
    "accordion": "21-23",
    "harmonica": "22",
    "guitar": "24-31",
    "acoustic guitar": "24-25",
    "electric guitar": "26-31",
    "distorted guitar": "29-30",
    "ukulele": "24",
    "bass": "32-39 43",
    "acoustic bass": "32 43",
    "synth bass": "38-39",
    "violin": "40",
    "viola": "41",
    "cello": "42",
    "strings": "40-45 48-51",
    "tremolo strings": "44",
    "pizzicato": "45",
    "harp": "46",
    "timpani": "47",
    "choir": "52-54 91",
    "trumpet": "56 59",
    "trombone": "57",
    "tuba": "58",
    "horn": "60",
    "brass": "56-63",
    "saxophone": "64-67",
    "oboe": "68",
    "bassoon": "70",
    "clarinet": "71",
    "flute": "72-75",
    "woodwinds": "68-79",
    "whistle": "72-79",
    "synth": "38-39 50-51 54 62-63 80-103",
    "synth lead": "80-87",
    "chiptune": "80-81",
    "pad": "48-51 88-95",
    "sitar": "104",
    "banjo": "105",
    "koto": "107",
    "kalimba": "108",
    "bagpipe": "109",
    "fiddle": "40 110",
    "steel drums": "114",
    "shakuhachi": "77",
}


def programs(family: str) -> set[int]:
    """The programs of a family."""
    ends = [[int(n) for n in part.split("-")] for part in FAMILIES[family].split()]
    return {program for end in ends for program in range(end[0], end[-1] + 1)}


def level(brief: Brief, time: float) -> float:
    """The energy at a time; 0.5 where none is told."""
    points = sorted(((moment.seconds(LENGTH), level) for moment, level in brief.energy), key=lambda p: p[0])
    return float(np.interp(time, [t for t, _ in points], [e for _, e in points])) if points else 0.5


def states(brief: Brief, fact: str, want: Any) -> bool:
    """Whether the brief says so."""
    known = lexicon().instruments
    band = {known[name].program for name in (*brief.instruments, *brief.typical, *filter(None, [brief.lead]))}
    first, middle, last = (level(brief, time) for time in (3.0, 10.0, 17.0))
    match fact:
        case "bpm":
            return brief.bpm is not None and want[0] * 0.97 <= brief.bpm[0] <= brief.bpm[1] <= want[1] * 1.03
        case "has":
            return all(band & programs(family) for family in want)
        case "not":
            return not any(band & programs(family) for family in want)
        case "lead":
            return brief.lead is not None and known[brief.lead].program in programs(want)
        case "no melody":
            return "melody" in brief.without
        case "drums":
            return bool(brief.drums) == want
        case "metre":
            return (brief.metre or "4/4") == want
        case "arc":
            shapes = {"rise": last - first, "fall": first - last}
            shapes |= {"peak": middle - max(first, last), "dip": min(first, last) - middle}
            return shapes[want] > 0.15
        case "rest":
            return any(np.abs(np.subtract(span.seconds(LENGTH), want)).max() < 0.1 for span in brief.rests)
        case "hit":
            return any(abs(hit.at.seconds(LENGTH) - want) < 0.05 for hit in brief.hits)
        case "enter" | "leave":
            who, time = want
            rest = (0.0, time) if fact == "enter" else (time, LENGTH)
            names = (who, known[who].family) if who in known else (who,)
            found = [tacet.span.seconds(LENGTH) for tacet in brief.tacets if tacet.who in names]
            return any(np.abs(np.subtract(span, rest)).max() < 0.1 for span in found)
        case _:
            return getattr(brief, fact) == want


@pytest.mark.parametrize("row", ROWS, ids=[row["brief"] for row in ROWS])
def test_a_brief_states_its_facts(row: dict[str, Any]) -> None:
    brief = read_brief(row["brief"])
    assert [fact for fact, want in row["facts"].items() if not states(brief, fact, want)] == []


@pytest.mark.parametrize("word", ["show", "will", "left", "many", "says", "walk", "call", "home"])
def test_ordinary_words_are_no_slips(word: str) -> None:
    assert read_brief(f"{word} piano") == read_brief("piano") or word in read_brief(f"{word} piano").unread


def test_facts_say_what_where_and_in_which_words() -> None:
    asked = {"prompt": "sad piano waltz at 90 bpm, no drums, blarg", "bpm": "80", "scene": "0:00-0:10 rock"}
    facts = set(facts_of(read_asked(asked)))
    assert facts >= {
        ("bpm", "80", "bpm", "80"),
        ("tempo", "90", "text", "90 bpm"),
        ("instruments", "acoustic piano", "text", "piano"),
        ("instruments", "strings", "genre", "waltz"),
        ("genre", "waltz", "text", "waltz"),
        ("genre", "rock", "scene", "rock: rock"),
        ("without", "drums", "text", "drums"),
        ("unread", "blarg", "text", "blarg"),
    }
    assert [fact.value for fact in facts if fact.fact == "conflict"] == [
        "the option says bpm 80, 80, the text 90, 90: the option counts"
    ]
    assert facts_of(read_brief("")) == ()


@pytest.mark.parametrize("row", ROWS[:60], ids=[row["brief"] for row in ROWS[:60]])
def test_every_reading_is_a_fact_with_words(row: dict[str, Any]) -> None:
    for fact in facts_of(read_brief(row["brief"])):
        assert fact.fact
        assert fact.fact == "conflict" or (fact.value and fact.words and fact.source in ("text", "genre"))
