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

Rests = tuple[list[int], list[Span]]  # numbers of phrases that name instruments, and where these rest


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
        Two empty lists where the clause says nothing of that kind.

    """
    plays = [i for i, phrase in enumerate(phrases) if phrase.plays]
    verbs = [(i, kind) for i, phrase in enumerate(phrases) for kind in ("enter", "leave") if phrase.has(kind)]
    for at, kind in verbs:
        meaning = phrases[at].has(kind)
        who = _group(phrases, at, ahead=meaning is not None and meaning.value == "object")
        if not who:
            continue
        if kind == "enter" and PARTICLES & {phrase.text for phrase in phrases[who[-1] + 1 :]}:
            kind = "leave"
        rests = _entering(spans, moments) if kind == "enter" else _leaving(spans, moments, length)
        return who, rests
    if verb and plays and not denied:
        rests = _entering(spans, moments) if verb == "enter" else _leaving(spans, moments, length)
        return plays, rests
    if denied & set(plays):
        return [i for i in plays if i in denied], _leaving(spans, moments, length)
    stretches = [span for span in spans if span.start != START or until]
    if plays and stretches and not moments and len(stretches) == len(spans):
        return plays, _others(stretches)
    return [], []


def _group(phrases: Sequence[Phrase], at: int, *, ahead: bool) -> list[int]:
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


def _entering(spans: Sequence[Span], moments: Sequence[Moment]) -> list[Span]:
    """They rest until the first time that is told, and after a stretch that ends inside the film."""
    if spans:
        first = spans[0]
        if first.start == START:
            return [Span(START, first.end)]
        return [Span(START, first.start), *([Span(first.end, END)] if first.end != END else [])]
    return [Span(START, moments[0]), *(Span(moment, END) for moment in moments[1:2])]


def _leaving(spans: Sequence[Span], moments: Sequence[Moment], length: float | None) -> list[Span]:
    """They rest in the stretches that are told; from a moment on as long as is told, else until the end."""
    if spans:
        return list(spans)
    last = END if length is None else Moment(moments[0].value + length, moments[0].since)
    return [Span(moments[0], last)]


def _others(stretches: Sequence[Span]) -> list[Span]:
    """The film without some stretches of it, which are in order."""
    edges = [START, *(edge for span in stretches for edge in (span.start, span.end)), END]
    return [Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start != end]
