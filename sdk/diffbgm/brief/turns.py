"""Moods that follow one another in a text: "starts happy, turns sad halfway" is two scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffbgm.brief.lexicon import Mood
from diffbgm.brief.model import Moment, Span
from diffbgm.brief.phrases import Phrase
from diffbgm.brief.tacets import END, START

APART = 0.6  # of valence between moods that are two scenes
LAST = 0.75  # share of the film from which on a mood holds that it ends with
MOST = 6


@dataclass
class Placed:
    """Phrases of a clause, and from when to when what it says holds; None where it does not tell."""

    phrases: Sequence[Phrase]
    start: Moment | None = None
    end: Moment | None = None


@dataclass
class _Turn:
    words: list[str]
    valence: float
    start: Moment | None
    end: Moment | None


def read_turns(clauses: Sequence[Placed], moods: Mapping[str, Mood], follows: bool) -> list[tuple[Span, str]]:
    """The spans and words of moods that take turns; empty where a text has one mood, or does not tell any order.

    Args:
        clauses: Of the text, in order.
        moods: Rows of the lexicon by name.
        follows: Whether the text says that one thing comes after another ("then", "from ... to").

    """
    turns: list[_Turn] = []
    for clause in clauses:
        for at, phrase in enumerate(clause.phrases):
            row = next(
                (moods[m.value] for m in phrase.meanings if m.kind in ("mood", "scene") and m.value in moods), None
            )
            before = clause.phrases[at - 1] if at else None
            if row is None or abs(row.valence) < APART / 3 or (before is not None and before.has("negation")):
                continue
            if turns and abs(turns[-1].valence - row.valence) < APART:
                turns[-1].words.append(phrase.text)
            else:
                turns.append(_Turn([phrase.text], row.valence, clause.start, clause.end))
    told = follows or any(turn.start or turn.end for turn in turns)
    return _spans(turns) if told and 1 < len(turns) <= MOST else []


def _spans(turns: Sequence[_Turn]) -> list[tuple[Span, str]]:
    """Each until the next; those that no time is told of share the film evenly, and the first comes back at the end."""
    starts: list[Moment] = []
    for number, turn in enumerate(turns):
        ended = turns[number - 1].end if number else START
        starts.append(turn.start or ended or Moment(number / len(turns), "share"))
    end = turns[-1].end or END
    out = [
        (Span(start, until), " ".join(turn.words))
        for turn, start, until in zip(turns, starts, [*starts[1:], end], strict=True)
    ]
    return out if end == END else [*out, (Span(end, END), " ".join(turns[0].words))]
