"""Entrances: who enters, leaves or rests at the times of a clause."""

import re

from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.model import ALL_BUT, Moment, Span, Tacet
from diffbgm.brief.negations import is_denied, lessens, negated_by_what_follows
from diffbgm.brief.players import called, names_of
from diffbgm.brief.signs import AT_PLACE, MUSIC, STOPS_ALL
from diffbgm.brief.tacets import END, START, enter_at, find_rests, group_of

SILENCES = frozenset({"silence", "pause"})  # nouns too: "piano. silence until 0:05" is of all that plays
UNTIL = re.compile(r"(?:until|till|up to|bis|hasta|jusqu'à|fino a|até|до)\b")


def read_entrances(draft: Draft, clause: Clause, before: Clause | None) -> str:
    """Who enters, leaves or rests at the times of a clause; returns "entry" or "level", or nothing."""
    if (stretch := clause.alone) is not None and _read_alone(draft, clause, stretch):
        return "entry"
    if clause.brings_all_back(before):
        return "entry"  # "solo cello from 0:10, everyone from 0:15"
    spans, moments, phrases = [s for s, _ in clause.spans], [m for m, _ in clause.moments], clause.phrases
    if clause.limits and not clause.timed and len(set(clause.places)) == 1:
        spans = [AT_PLACE[place] for place in clause.places[:1] if place in AT_PLACE]  # "choir only at the end"
    nouns = frozenset[str]() if clause.plays else SILENCES
    verbs = [p for p in phrases if p.text not in nouns]
    verb = next((kind for kind in ("enter", "leave") if any(p.has(kind) for p in verbs)), "")
    opening = ("", "level", "rest") if before is None or before.alone is None else ("entry",)
    if before is not None and not clause.timed and verb == "enter" and before.kind in opening:
        moments = [span.end for span, _ in before.spans if span.start == START]  # "solo for 6 s, then strings enter"
    carried = "" if before is None or verb else before.verb
    if before is not None and not clause.timed and clause.follows and before.kind == "entry" and not verb:
        moments = [span.end for span, _ in before.spans if span.start == START]  # "piano until 0:08, then strings"
        carried = "enter"
    if not (spans or moments) or (not verb and (clause.has("hit") or clause.has("speech") or clause.silences())):
        return ""
    if (
        verb
        and before is not None
        and not any(p.plays for p in phrases)
        and not (MUSIC.search(clause.text) or STOPS_ALL.search(clause.text))
    ):
        named = [p for p in before.phrases if p.plays]  # "no drums at first, they come in at 0:10"
        draft.instruments += [name for p in named for name in names_of(p)]
        phrases = [*named, *phrases]
    if any(map(lessens, phrases)):
        return ""
    denied = frozenset(negated_by_what_follows(phrases)) | {
        i for i, p in enumerate(phrases) if p.plays and is_denied(phrases, i)
    }
    if not verb and not denied and any(map(clause.has, ("intensity", "arc", "soloist", "ending"))):
        return ""
    until = bool(clause.spans) and UNTIL.match(clause.spans[0][1]) is not None and not clause.has("solo")
    until = until or clause.limits or clause.shared
    rests = find_rests(phrases, spans, moments, denied=denied, length=clause.length, until=until, verb=carried)
    if not rests and not verb and not denied and clause.comes_at and not clause.strikes():
        rests = enter_at(phrases, moments, clause.length)
    entries = list[Moment]()
    for who, where in rests:
        resting = {called(draft, phrases[i], name): phrases[i].text for i in who for name in names_of(phrases[i])}
        for name, words in resting.items():
            for span in where:
                if span.start == span.end:
                    continue  # "piano at 0:00"
                returns = _returns(draft, name, span)
                draft.tacets.append(Tacet(name, returns or span))
                entries += [span.end] if span.start == START and returns is None else []
            draft.say(words, f"tacet {name} {' and '.join(map(_in_words, where))}")
    if not rests:
        return ""
    clause.verb = verb or (before.verb if before is not None else "")
    entries = list(dict.fromkeys(entries))
    if entries and (level := clause.level()) is not None and not denied:
        draft.energy += ((entries[0], level),)
        return "level"
    draft.entries += entries
    return "entry"


def _returns(draft: Draft, who: str, span: Span) -> Span | None:
    """The rest of somebody who comes in again after leaving: "drums out at 0:10, back in at 0:15"; None for others."""
    left = next((tacet for tacet in draft.tacets if tacet.who == who and tacet.span.end == END), None)
    if left is None or span.start != START or left.span.start.since != span.end.since:
        return None
    if left.span.start.value >= span.end.value:
        return None
    draft.tacets.remove(left)
    return Span(left.span.start, span.end)


def _read_alone(draft: Draft, clause: Clause, stretch: Span) -> bool:
    """Let all the others rest where somebody plays alone; False where that is denied, or the clause names nobody."""
    phrases = clause.phrases
    at = next(i for i, phrase in enumerate(phrases) if phrase.has("solo"))
    who = group_of(phrases, at, ahead=True)
    if not who or is_denied(phrases, at):
        return False
    names = dict.fromkeys(called(draft, phrases[i], name) for i in who for name in names_of(phrases[i]))
    others = ALL_BUT + " and ".join(names)
    if clause.leads and len(names) == 1 and names.keys() <= draft.lexicon.instruments.keys() - {"drums"}:
        draft.lead = draft.lead or next(iter(names))  # "violin solo from 0:08 to 0:14"
    draft.tacets.append(Tacet(others, stretch))
    draft.say(phrases[at].text, f"tacet {others} {_in_words(stretch)}")
    return True


def _in_words(span: Span) -> str:
    """A stretch in words, as in "0 to 10 s"."""
    ends = (
        "the end" if at == END else f"{at.value:.0%}" if at.since == "share" else f"{at.value:g} s"
        for at in (span.start, span.end)
    )
    return " to ".join(ends)
