"""Hits: moments at which the music strikes."""

from diffbgm.brief.arcs import LOUD
from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.model import Hit
from diffbgm.brief.swells import climax, direction_of

BIG = frozenset(
    {"big", "huge", "massive", "loud", "hard", "strong", "mighty", "heavy", "groß", "großer", "gran", "grand"}
)
SMALL = frozenset({"small", "soft", "little", "light"})
STRONG, USUAL, WEAK = 1.0, 0.7, 0.4  # sizes of hits


def read_hits(draft: Draft, clause: Clause, before: Clause | None) -> str:
    """Hits at the times of a clause; returns "hit", or nothing where it asks for none."""
    inherited = (
        before is not None and before.kind == "hit" and all(p.fills for p in clause.phrases)
    )  # "accent on second 5, then again at second 15"
    if not clause.moments or not (clause.has("hit") or inherited or clause.strikes()):
        return ""
    size = (
        STRONG if clause.words & BIG else WEAK if clause.words & SMALL else draft.hits[-1].size if inherited else USUAL
    )
    for moment, said in clause.moments:
        draft.hits.append(Hit(moment, size))
        draft.say(said, "a hit")
    rises = (before is not None and before.rises()) or direction_of(clause.phrases) == "rise"
    level = clause.level()
    if level is not None and level >= LOUD and rises:
        draft.energy += climax(clause.moments[0][0], level)
    return "hit"


def read_drop(draft: Draft, clause: Clause, before: Clause | None) -> str:
    """The hit of a clause without times where the music has built up to one: "build to 0:10, then drop"."""
    if before is None or before.kind != "level" or direction_of(before.phrases) != "rise":
        return ""
    times = [*(moment for moment, _ in before.moments), *(span.end for span, _ in before.spans)]
    if not (clause.follows and clause.has("hit") and times):
        return ""
    draft.hits.append(Hit(times[-1], USUAL))
    draft.say(clause.text, "a hit")
    return "hit"


def add_first_hit(draft: Draft, clause: Clause) -> None:
    """Add the hit at the first time of a clause."""
    moment, said = clause.moments[0]
    draft.hits.append(Hit(moment, STRONG if clause.words & BIG else USUAL))
    draft.say(said, "a hit")
