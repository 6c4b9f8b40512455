"""Rests: stretches in which no note begins, and music that stops, starts or comes back at a time."""

import re
from collections.abc import Sequence

from diffbgm.brief.arcs import QUIET
from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.hits import add_first_hit
from diffbgm.brief.model import Moment, Span
from diffbgm.brief.signs import HALTS, MUSIC, STARTS, STOPS
from diffbgm.brief.tacets import END, START

RINGING = 1.0  # seconds that a hit before a silence rings
PAUSE = 2.0  # seconds of a silence of which only the beginning is told
RESUMES = re.compile(
    r"\b(?:again|back|resumes?|returns?|continues?|restarts?|wieder|weiter|vuelve|reprend|riprende|volta|снова|опять)\b"
)
FULL_STOP = re.compile(r"\s*(?:a )?full stop\b")
THERE = re.compile(r"\b(?:there|then|during (?:it|this|that)|dort|dann|da|ahí|allí|là|lì|aí|там)\b")
AFTERWARDS = re.compile(r"\b(?:after|afterwards?|followed by|danach|después|après|dopo|потом)\b")


def read_rests_without_times(draft: Draft, clause: Clause, before: Clause | None, *, last: bool) -> str:
    """Rests of a clause without times: at its place in the film, of a length, or after a hit; "rest" or nothing.

    Args:
        draft: What has been read.
        clause: The clause.
        before: The clause before it.
        last: Whether no clause comes after it.

    """
    silent = clause.silences()
    stops = silent or (MUSIC.search(clause.text) and STOPS.search(clause.text) and THERE.search(clause.text))
    if stops and before is not None and before.spans and not (clause.follows or clause.plays or clause.length):
        level = before.level()  # "dialogue from 6 to 10 s, music must stop there", "quiet from 5 to 8 s, no notes"
        if before.kind == "talk" or (before.kind == "level" and level is not None and level <= QUIET):
            return _add_rests(draft, before.spans)
    if clause.has("place") and silent and not clause.has("arc"):
        return _rest_at_place(draft, clause)
    if silent and clause.length and (before is None or last):
        since = "start" if before is None else "end"
        ends = _in_order(Moment(0.0, since), Moment(clause.length, since))
        return _add_rests(draft, [(Span(*ends), "silence")])
    if silent and before is not None and before.kind == "hit" and clause.has("rest"):
        rung = before.moments[-1][0].later(RINGING)
        return _add_rests(draft, [(Span(rung, END), "silence")])  # "a hit at 7 s, then silence"
    return ""


def read_rests(draft: Draft, clause: Clause, before: Clause | None, after: str) -> str:
    """Rests at the times of a clause; returns "rest", or nothing where it asks for none.

    Args:
        draft: What has been read.
        clause: The clause, which names times.
        before: The clause before it.
        after: The words of the clause after it.

    """
    spans, moments = clause.spans, clause.moments
    silent, level = clause.silences(), clause.level()
    if moments and not spans and RESUMES.search(clause.text) and _resume(draft, clause, before):
        return "rest"
    opening = level is not None and level <= QUIET and any(span.start == START for span, _ in spans)
    if moments and spans and silent and clause.has("hit") and spans[0][0].start == START:
        add_first_hit(draft, clause)  # "a hit at 0:10 and silence until 0:12"
        return _add_rests(draft, [(Span(moments[0][0].later(RINGING), spans[0][0].end), spans[0][1])])
    if spans and silent and before is not None and before.kind == "hit" and spans[0][0].start == START:
        rung = before.moments[-1][0].later(RINGING)  # "a hit at 0:08, then silence until 0:10"
        if rung.since == spans[0][0].end.since == "start" and rung.value < spans[0][0].end.value:
            return _add_rests(draft, [(Span(rung, spans[0][0].end), spans[0][1])])
    if spans and (silent or (opening and STARTS.search(after))):
        return _add_rests(draft, spans)
    ends = "to silence" in clause.text or (MUSIC.search(clause.text) and STOPS.search(clause.text))
    if moments and silent and clause.length is None and ends:
        return _add_rests(draft, [(Span(at, END), said) for at, said in moments])
    alone = not clause.plays
    not_yet = alone and spans and clause.has("negation") and STARTS.search(clause.text) is not None
    if not_yet and spans[0][0].start == START:  # "don't start before 0:02"
        return _add_rests(draft, spans)
    halts = HALTS.match(clause.text) is not None and not clause.has("hit")
    of_all = level is None or "everything" in clause.words or FULL_STOP.match(clause.text) is not None
    if alone and halts and of_all and not silent and len(moments) < 2:
        ends = [(at, END if clause.length is None else at.later(clause.length), said) for at, said in moments]
        return _add_rests(draft, [*spans, *((Span(at, end), said) for at, end, said in ends)])
    if moments and not spans and clause.has("hit") and clause.has("rest") and AFTERWARDS.search(clause.text):
        add_first_hit(draft, clause)
        return _add_rests(draft, [(Span(moments[0][0].later(RINGING), END), "silence")])
    if moments and not spans and silent:
        length = clause.length or PAUSE
        return _add_rests(draft, [(Span(at, at.later(length)), said) for at, said in moments])
    if alone and MUSIC.search(clause.text) and not clause.has("hit") and level is None:
        if len(moments) > 1 and not spans and STARTS.search(clause.text) and STOPS.search(clause.text):
            (first, said), (last, other) = moments[:2]
            return _add_rests(draft, [(Span(START, first), said), (Span(last, END), other)])
        if STARTS.search(clause.text) or (clause.has("solo") and any(s.end == END for s, _ in spans)):
            starts = [(s.start, said) for s, said in spans] + moments
            return _add_rests(draft, [(Span(START, at), said) for at, said in starts])
        if moments and STOPS.search(clause.text):
            return _add_rests(draft, [(Span(at, END), said) for at, said in moments])
    return ""


def _resume(draft: Draft, clause: Clause, before: Clause | None) -> bool:
    """End a silence when the music comes back: "stops at 0:05 and starts again at 0:07"; False where none is told."""
    if clause.plays or clause.has("hit"):
        return False
    (first, said), *others = clause.moments
    if len(others) == 1 and (clause.silences() or STOPS.search(clause.text)):
        _add_rests(draft, [(Span(first, others[0][0]), said)])
        return True
    if others or before is None or before.kind != "rest" or not draft.rests:
        return False
    if draft.rests[-1].start.since == first.since and draft.rests[-1].start.value < first.value:
        draft.rests[-1] = Span(draft.rests[-1].start, first)
        draft.say(said, "the rest ends")
        return True
    return False


def _rest_at_place(draft: Draft, clause: Clause) -> str:
    """Silence at the start, in the middle or at the end, without figures: a tenth of the film."""
    for phrase in clause.phrases:
        if (place := phrase.has("place")) is not None:
            middle = min(max(float(place.value), 0.05), 0.95)
            span = Span(Moment(middle - 0.05, "share"), Moment(middle + 0.05, "share"))
            if clause.length and middle != float(place.value):
                since = "start" if middle < 0.5 else "end"
                span = Span(*_in_order(Moment(0.0, since), Moment(clause.length, since)))
            return _add_rests(draft, [(span, f"silence, {phrase.text}")])
    return ""


def _in_order(*moments: Moment) -> list[Moment]:
    return sorted(moments, key=lambda at: at.seconds(1e6))


def _add_rests(draft: Draft, spans: Sequence[tuple[Span, str]]) -> str:
    for span, said in spans:
        draft.rests.append(span)
        draft.say(said, "a rest")
    return "rest"
