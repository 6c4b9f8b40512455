"""Entrances: who enters, leaves or rests at the times of a clause."""

import re

from diffbgm.brief.clauses import MUSIC, Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.model import Span, Tacet
from diffbgm.brief.negations import is_denied, negated_by_what_follows
from diffbgm.brief.players import called, names_of
from diffbgm.brief.tacets import END, START, find_rests

UNTIL = re.compile(r"(?:until|till|up to|bis|hasta|jusqu'à|fino a|até|до)\b")


def read_entrances(draft: Draft, clause: Clause, before: Clause | None) -> str:
    """Who enters, leaves or rests at the times of a clause; returns "entry" or "level", or nothing."""
    spans, moments, phrases = [s for s, _ in clause.spans], [m for m, _ in clause.moments], clause.phrases
    verb = next((kind for kind in ("enter", "leave") if clause.has(kind)), "")
    if before is not None and not clause.timed and verb == "enter" and before.kind in ("", "level", "rest"):
        moments = [span.end for span, _ in before.spans if span.start == START]  # "solo for 6 s, then strings enter"
    carried = "" if before is None or verb else before.verb
    if before is not None and not clause.timed and clause.follows and before.kind == "entry" and not verb:
        moments = [span.end for span, _ in before.spans if span.start == START]  # "piano until 0:08, then strings"
        carried = "enter"
    if not (spans or moments) or (not verb and (clause.has("hit") or clause.has("speech") or clause.silences())):
        return ""
    if verb and before is not None and not any(p.plays for p in phrases) and not MUSIC.search(clause.text):
        named = [p for p in before.phrases if p.plays]  # "no drums at first, they come in at 0:10"
        draft.instruments += [name for p in named for name in names_of(p)]
        phrases = [*named, *phrases]
    denied = frozenset(negated_by_what_follows(phrases)) | {
        i for i, p in enumerate(phrases) if p.plays and is_denied(phrases, i)
    }
    if not verb and not denied and any(map(clause.has, ("intensity", "arc", "soloist", "ending"))):
        return ""
    until = bool(clause.spans) and UNTIL.match(clause.spans[0][1]) is not None and not clause.has("solo")
    until = until or clause.limits
    rests = find_rests(phrases, spans, moments, denied=denied, length=clause.length, until=until, verb=carried)
    for who, where in rests:
        resting = {called(draft, phrases[i], name): phrases[i].text for i in who for name in names_of(phrases[i])}
        for name, words in resting.items():
            draft.tacets += [Tacet(name, span) for span in where]
            draft.say(words, f"tacet {name} {' and '.join(map(_in_words, where))}")
    if not rests:
        return ""
    clause.verb = verb or (before.verb if before is not None else "")
    entries = [span.end for _, where in rests for span in where if span.start == START]
    if entries and (level := clause.level()) is not None and not denied:
        draft.energy += ((entries[0], level),)
        return "level"
    draft.entries += entries
    return "entry"


def _in_words(span: Span) -> str:
    """A stretch in words, as in "0 to 10 s"."""
    ends = (
        "the end" if at == END else f"{at.value:.0%}" if at.since == "share" else f"{at.value:g} s"
        for at in (span.start, span.end)
    )
    return " to ".join(ends)
