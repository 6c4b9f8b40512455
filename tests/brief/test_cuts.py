"""Texts that ask something of all cuts of a film."""

import pytest

from diffbgm.brief import facts_of, read_brief
from diffbgm.brief.model import WHOLE

MET = """hit on every cut
land a hit on every cut
upbeat electronic, all cuts on the beat
every cut must land on a beat, techno
sync to each edit
accents on all the cuts, please
cuts on the beat
auf jeden Schnitt ein Akzent
un acento en cada corte
un accent sur chaque coupe
un accento su ogni taglio"""
IGNORED = """ignore the cuts
calm ambient that ignores the cuts
don't follow the cuts
the music should not be synced to the cuts
independent of the edits
no hits on the cuts
ignoriere die Schnitte
ignora los cortes, piano tranquilo
ignorer les coupes"""
NEITHER = """no need to hit every cut
don't hit every cut
clean cut, sharp edits, modern
quick cuts of a city
a video with cuts between the couple and the guests
end with a hard cut
hit at 0:04, then a cut to black"""


@pytest.mark.parametrize("text", MET.splitlines())
def test_all_cuts_are_to_be_met(text: str) -> None:
    brief = read_brief(text)
    assert (brief.must, brief.ignore) == ((WHOLE,), ())
    assert any(fact.fact == "must" for fact in facts_of(brief))


@pytest.mark.parametrize("text", IGNORED.splitlines())
def test_all_cuts_are_to_be_ignored(text: str) -> None:
    brief = read_brief(text)
    assert (brief.must, brief.ignore) == ((), (WHOLE,))
    assert any(fact.fact == "ignore" for fact in facts_of(brief))


@pytest.mark.parametrize("text", NEITHER.splitlines())
def test_nothing_is_asked_of_all_cuts(text: str) -> None:
    brief = read_brief(text)
    assert (brief.must, brief.ignore) == ((), ())


def test_who_asks_for_both_is_told() -> None:
    brief = read_brief("ignore the cuts, a hit on every cut")
    assert brief.ignore == (WHOLE,)
    assert not brief.must
    assert any("met and ignored" in sentence for sentence in brief.conflicts)
