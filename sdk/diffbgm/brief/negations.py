"""Negations: which phrases the words before and after them deny."""

from collections.abc import Sequence

from diffbgm.brief.phrases import CONTENT, Phrase
from diffbgm.brief.tacets import DEFINITE

_MUCH = (
    "much many lot lots mucho mucha muchos muchas viel viele vielen beaucoup tanto tanta tantos tantas molto molti "
    "molte muito muita muitos muitas много"
)
MUCH = frozenset(_MUCH.split(" "))  # after a "not": a wish for less, which is none for nothing


def lessens(phrase: Phrase) -> bool:
    """Whether it asks for less of what follows, as "fewer" does."""
    said = phrase.has("negation")
    return said is not None and said.value == "less"


def is_denied(phrases: Sequence[Phrase], number: int) -> bool:
    """Whether a negation stands before an instrument, with an article between at most."""
    at = number - 1 - (number > 0 and phrases[number - 1].text in DEFINITE)
    said = phrases[at].has("negation") if at >= 0 else None
    return said is not None and said.value == "before"


def is_joined(phrases: Sequence[Phrase], number: int, negated: int | None) -> bool:
    """Whether "and" stands before a phrase; with "the" between, where "the" stands before what was negated as well."""

    def after_article(at: int) -> bool:
        return at > 0 and phrases[at - 1].text.split(" ")[-1] in DEFINITE

    at = number - 1 if negated is not None and after_article(number) and after_article(negated) else number
    return at > 0 and phrases[at - 1].has("join") is not None


def negated_by_what_follows(phrases: Sequence[Phrase]) -> set[int]:
    """Numbers of phrases that a word after them negates, as in Japanese and Hindi, or "piano-free"."""
    found: set[int] = set()
    for number, phrase in enumerate(phrases):
        meaning = phrase.has("negation")
        if meaning is not None and meaning.value == "after" and number:
            back = next(
                (i for i in range(number - 1, -1, -1) if any(m.kind in CONTENT for m in phrases[i].meanings)), None
            )
            if back is not None:
                found.add(back)
    return found
