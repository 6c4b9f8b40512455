"""Who plays when: instruments that enter, leave or rest at the times of a clause, as in "drums come in at 0:10"."""

from collections.abc import Sequence

from diffbgm.brief.model import Moment, Span
from diffbgm.brief.phrases import Phrase

START, END = Moment(0.0), Moment(0.0, "end")
# After these words another sentence begins: in "piano until the drums come in" only the drums do.
_SUBORDINATORS = (
    "until till when once while as before after bis wenn sobald hasta cuando quand quando fino até пока когда"
)
SUBORDINATORS = frozenset([*_SUBORDINATORS.split(" "), "jusqu'à"])
PARTICLES = frozenset(["out", "away", "off", "aus", "weg", "auf"])  # of verbs that part: "setzt das Schlagzeug aus"
_ARTICLES = "the der die das den dem el la los las le les l' il lo gli i o os as"
DEFINITE = frozenset(_ARTICLES.split(" "))

Rests = list[tuple[list[int], list[Span]]]  # numbers of phrases that name instruments, and where these rest


def find_rests(
    phrases: Sequence[Phrase],
    spans: Sequence[Span],
    moments: Sequence[Moment],
    *,
    denied: frozenset[int] = frozenset(),
    length: float | None = None,
    until: bool = False,
    verb: str = "",
) -> Rests:
    """Where the instruments of a clause rest, by its verbs of entering and leaving, or by its stretches of time.

    Args:
        phrases: The clause.
        spans: Its stretches of time.
        moments: Its single times.
        denied: Numbers of the phrases that are negated.
        length: Seconds that what is told lasts, where that is told.
        until: Whether a stretch from the start is told as an end ("piano until 0:10").
        verb: "enter" or "leave", of the clause before, for one without a verb: "bass joins at 5 s, drums at 9 s".

    Returns:
        Empty where the clause says nothing of that kind.

    """
    plays = [i for i, phrase in enumerate(phrases) if phrase.plays]
    acts = _acts(phrases)
    if not acts and verb and not denied:
        acts = [(verb, plays)] if plays else []
    if len(moments) > 1 and not spans and len(acts) == 1 and len(plays) == len(moments) >= len(acts[0][1]):
        acts = [(acts[0][0], [i]) for i in plays]  # "bass enters at 5 s and drums at 0:09"
    if len(acts) > 1 and len(acts) == len(moments) and not spans:
        return [(who, _resting(kind, [], [at], length)) for (kind, who), at in zip(acts, moments, strict=True)]
    if acts:
        kind, who = acts[-1]  # "the piano starts alone and drums enter at 8 s"
        return [(who, _resting(kind, spans, moments, length))]
    if denied & set(plays):
        return [([i for i in plays if i in denied], _resting("leave", spans, moments, length))]
    stretches = [span for span in spans if span.start != START or until]
    if plays and stretches and not moments and len(stretches) == len(spans):
        return [(plays, _others(stretches))]
    return []


def enter_at(phrases: Sequence[Phrase], moments: Sequence[Moment], length: float | None) -> Rests:
    """Where those rest who come in at single times, without a verb; empty where it is not clear who does at which."""
    plays = [i for i, phrase in enumerate(phrases) if phrase.plays]
    if len(moments) == 1:
        last = [] if length is None else [moments[0].later(length)]
        return [(plays, _resting("enter", [], [*moments, *last], None))]
    if len(plays) != len(moments):
        return []
    return [([i], _resting("enter", [], [at], None)) for i, at in zip(plays, moments, strict=True)]


def _acts(phrases: Sequence[Phrase]) -> list[tuple[str, list[int]]]:
    """("enter" or "leave", numbers of the instruments that do so) of a clause's verbs that are about instruments."""
    found: list[tuple[str, list[int]]] = []
    for at, phrase in enumerate(phrases):
        for kind in ("enter", "leave"):
            meaning = phrase.has(kind)
            who = [] if meaning is None else group_of(phrases, at, ahead=meaning.value == "object")
            if who and who not in [row for _, row in found]:
                parted = PARTICLES & {after.text for after in phrases[max(at, who[-1]) + 1 :]}
                found.append(("leave" if parted else kind, who))
    return found


def group_of(phrases: Sequence[Phrase], at: int, *, ahead: bool) -> list[int]:
    """The instruments that a verb is about: those right before it, else (or with `ahead`) those right after it."""
    before, after = _row(phrases, range(at - 1, -1, -1)), _row(phrases, range(at + 1, len(phrases)))
    return (after or before) if ahead else (before or after)


def _row(phrases: Sequence[Phrase], order: range) -> list[int]:
    """Numbers of the instruments that follow each other in an order, joined by "and"."""
    found: list[int] = []
    for i in order:
        phrase = phrases[i]
        if phrase.plays:
            found.append(i)
            continue
        joins = phrase.has("join") is not None
        closed = not (joins or phrase.text in DEFINITE) if found else joins
        if closed or phrase.text in SUBORDINATORS or phrase.has("but"):
            break
    return sorted(found)


def _resting(kind: str, spans: Sequence[Span], moments: Sequence[Moment], length: float | None) -> list[Span]:
    """Where those rest who enter or leave at the times of a clause.

    Who leaves rests in the stretches that are told, or from a moment on as long as is told, else until the end. Who
    enters rests until the first time, and after a stretch that ends inside the film or from a second moment on.
    """
    if kind == "leave":
        last = END if length is None or spans else Moment(moments[0].value + length, moments[0].since)
        last = moments[1] if len(moments) > 1 else last  # "drop out at 0:10 and return at 0:14"
        return list(spans) or [Span(moments[0], last)]
    if not spans:
        return [Span(START, moments[0]), *(Span(moment, END) for moment in moments[1:2])]
    first = spans[0]
    if first.start == START:
        return [Span(START, first.end)]
    return [Span(START, first.start), *([Span(first.end, END)] if first.end != END else [])]


def _others(stretches: Sequence[Span]) -> list[Span]:
    """The film without some stretches of it, which are in order."""
    edges = [START, *(edge for span in stretches for edge in (span.start, span.end)), END]
    return [Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start != end]
