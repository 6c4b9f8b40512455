"""A brief as a list of facts, for people: what is asked for, where it was said and in which words."""

import re
from typing import NamedTuple

from diffbgm.brief.model import Brief, Reading

# What the meanings of readings begin or end with, and which fact that is; the rest is its value.
PATTERNS = tuple(
    (re.compile(pattern), fact)
    for pattern, fact in (
        (r"tempo (?P<value>.+)", "tempo"),
        (r"key (?:with tonic )?(?P<value>.+)", "key"),
        (r"(?P<value>major|minor)", "key"),
        (r"metre (?P<value>.+)", "metre"),
        (r"genre (?P<value>.+)", "genre"),
        (r"instrument (?P<value>.+)", "instruments"),
        (r"(?P<value>.+) plays the melody", "lead"),
        (r"(?P<value>.+) plays alone, or leads", "lead"),
        (r"no (?P<value>.+)", "without"),
        (r"(?P<value>.+) later", "energy"),
        (r"nothing else plays", "solo"),
        (r"energy (?P<value>.+)", "energy"),
        (r"(?P<value>fades)", "energy"),
        (r"a hit", "hit"),
        (r"a rest", "rest"),
        (r"ending: (?P<value>.+)", "ending"),
        (r"(?:room for speech|people speak.*)", "speech"),
        (r"(?P<value>mood by scenes)", "scene"),
        (r"(?P<value>(?:not )?(?:mood|scene) .+)", "mood"),
    )
)


class Fact(NamedTuple):
    """One thing that is asked for.

    Attributes:
        fact: What it is about: an option's name where there is one, or "tempo", "solo", "speech", "unread", "conflict".
        value: What is asked.
        source: "text", the name of the option that says it, "scene", or "genre" for what the genre usually has.
        words: The words of the text or the value of the option; empty where nobody said it in words.

    """

    fact: str
    value: str
    source: str
    words: str


def facts_of(brief: Brief) -> tuple[Fact, ...]:
    """Everything that a brief says, in the order in which it was read; then what is usual, unread and contradicting."""
    facts = [_fact(reading) for reading in brief.readings]
    for scene in brief.scenes:
        facts += [_fact(r)._replace(source="scene", words=f"{scene.text}: {r.text}") for r in scene.brief.readings]
    facts += [Fact("instruments", name, "genre", brief.genre or "") for name in brief.typical]
    facts += [Fact("unread", words, "text", words) for words in brief.unread]
    facts += [Fact("conflict", sentence, "", "") for sentence in brief.conflicts]
    return tuple(dict.fromkeys(facts))


def _fact(reading: Reading) -> Fact:
    """The fact of a reading; an option's is its own name."""
    if reading.source not in ("text", "like"):
        return Fact(reading.source, reading.text, reading.source, reading.text)
    for pattern, fact in PATTERNS:
        if match := pattern.fullmatch(reading.meaning):
            value = match.groupdict().get("value") or reading.text
            return Fact(fact, value, reading.source, reading.text)
    fact, _, value = reading.meaning.partition(" ")
    return Fact(fact, value or fact, reading.source, reading.text)
