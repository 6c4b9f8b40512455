"""The energy over a film from words of place, level and direction: "starts quiet and builds to a big finish"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffbgm.brief.model import Moment
from diffbgm.brief.phrases import Phrase

Points = tuple[tuple[Moment, float], ...]

QUIET, LOUD = 0.35, 0.7
NEAR_ENDS = {0.0: 0.05, 1.0: 0.95}
APART = 0.3  # between levels that are told apart
SHAPES: dict[str, tuple[tuple[float, float], ...]] = {  # (share of the film, level)
    "rise": ((0.0, 0.15), (0.5, 0.5), (1.0, 1.0)),
    "fall": ((0.0, 0.9), (0.5, 0.5), (1.0, 0.1)),
    "peak": ((0.0, 0.2), (0.4, 1.0), (0.6, 1.0), (1.0, 0.2)),
    "dip": ((0.0, 0.9), (0.4, 0.15), (0.6, 0.15), (1.0, 0.9)),
}
TURNED: dict[tuple[str, ...], str] = {("rise", "fall"): "peak", ("fall", "rise"): "dip"}
ALONE = {  # the shape of a film of which one end is told only: (place, is loud) -> shape
    (0.0, False): ((0.0, 0.2), (0.35, 0.55), (1.0, 0.75)),
    (1.0, True): ((0.0, 0.4), (0.6, 0.5), (1.0, 1.0)),
    (1.0, False): ((0.0, 0.75), (0.6, 0.6), (1.0, 0.1)),
    (0.5, True): SHAPES["peak"],
    (0.5, False): SHAPES["dip"],
}


@dataclass(frozen=True)
class Arc:
    """Points of the energy, the words they were read from, and the phrases (clause, number) that were used up."""

    points: Points = ()
    words: str = ""
    used: frozenset[tuple[int, int]] = frozenset()


def read_arc(
    clauses: Sequence[Sequence[Phrase]], timed: Sequence[bool], sequence: bool, moods: Mapping[str, float] | None = None
) -> Arc:
    """The arc of a text.

    Args:
        clauses: Its phrases, clause by clause.
        timed: Whether a clause has times of its own, whose levels are read elsewhere.
        sequence: Whether the text says that one thing follows another ("then", "from ... to").
        moods: Level of energy of each mood and scene, for a text whose words of mood follow each other.

    """
    placed: list[tuple[float, float]] = []
    told: list[tuple[float, float | None]] = []  # every level in the order of the text, with its place
    turns: list[str] = []
    used: set[tuple[int, int]] = set()
    loose_at: list[tuple[int, int]] = []
    for number, phrases in enumerate(clauses):
        if timed[number]:
            continue
        shapes = [m.value for p in phrases if (m := p.has("arc")) is not None and not _denied(phrases, p)]
        turns += shapes
        places = [(i, float(m.value)) for i, p in enumerate(phrases) for m in p.meanings if m.kind == "place"]
        directions = [i for i, p in enumerate(phrases) if p.has("arc")]
        levels = [
            (i, float(m.value))
            for i, p in enumerate(phrases)
            if (m := p.has("intensity")) is not None and not p.has("instrument") and not _denied(phrases, p)
        ]
        for at, place in places if levels else ():
            if at in {i + 1 for i in directions} and len(places) > 1:
                continue  # "calms down in the middle and ends loud"
            near = min(levels, key=lambda level: (abs(level[0] - at), level[0]))
            if any(min(near[0], at) < i < max(near[0], at) for i in directions):
                continue  # "begins softly and grows to the end" does not end softly
            placed.append((place, near[1]))
            used |= {(number, near[0])}
        told += [(level, places[0][1] if places else None) for _, level in levels]
        if not places:
            loose_at += [(number, i) for i, _ in levels]
    if not turns and (row := _row(told)) and (sequence or len(row) > 2):
        step = 1 / (len(row) - 1)
        words = "levels in a row"
        return Arc(_points([(i * step, level) for i, level in enumerate(row)]), words, frozenset([*used, *loose_at]))
    arc = _shape(placed, _turn(turns), used)
    if arc.points or not (sequence and moods):
        return arc
    felt = [
        (moods[m.value], float(place.value) if (place := p.has("place")) else None)
        for phrases, own in zip(clauses, timed, strict=True)
        for p in phrases
        for m in p.meanings
        if not own and m.kind in ("mood", "scene") and m.value in moods and not _denied(phrases, p)
    ]
    row = _row(felt)
    step = 1 / max(1, len(row) - 1)
    return Arc(_points([(i * step, level) for i, level in enumerate(row)]), "moods in a row") if row else Arc()


def _row(told: Sequence[tuple[float, float | None]]) -> list[float]:
    """Levels that follow each other, where at most the first and the last have a place, which is where they stand."""
    if any(place not in (None, {0: 0.0, len(told) - 1: 1.0}.get(i)) for i, (_, place) in enumerate(told)):
        return []
    levels = [level for level, _ in told]
    row = [level for i, level in enumerate(levels) if not i or abs(level - levels[i - 1]) >= APART]
    return row if len(row) > 1 else []


def _shape(
    placed: list[tuple[float, float]],
    turn: str | None,
    used: set[tuple[int, int]],
) -> Arc:
    """Placed levels first, then words of direction, then a single placed one."""
    where = dict(placed)
    if len(where) > 1 and max(where.values()) - min(where.values()) >= APART:
        last = max(where)
        if last < 1.0 and turn == "fall" and where[last] >= LOUD:
            where[1.0] = min(QUIET, where.get(0.0, QUIET))  # "calm, intense in the middle, then calms down"
        if last < 1.0 and turn == "rise" and where[last] <= QUIET:
            where[1.0] = max(LOUD, where.get(0.0, LOUD))
        shares = [(NEAR_ENDS.get(place, place), level) for place, level in sorted(where.items())]
        return Arc(_points(shares), "levels at their places", frozenset(used))
    end = where.get(1.0)
    if turn is not None:
        if end is not None:
            turn = "peak" if turn == "rise" and end <= QUIET else "dip" if turn == "fall" and end >= LOUD else turn
        if turn == "fall" and where.get(0.0, 1.0) <= QUIET:
            turn = "peak"
        return Arc(_points(SHAPES[turn]), f"energy: {turn}", frozenset(used))
    for place, level in where.items():
        if (alone := ALONE.get((place, level >= LOUD))) is not None and not QUIET < level < LOUD:
            return Arc(_points(alone), "a level at one end", frozenset(used))
    return Arc()


def _denied(phrases: Sequence[Phrase], phrase: Phrase) -> bool:
    """Whether the word right before is a negation."""
    at = next(i for i, p in enumerate(phrases) if p is phrase)
    before = phrases[at - 1].has("negation") if at else None
    return before is not None and before.value == "before"


def _turn(shapes: Sequence[str]) -> str | None:
    """One shape from several words: a rise and then a fall is a peak."""
    row = tuple(shape for i, shape in enumerate(shapes) if not i or shape != shapes[i - 1])
    if not row:
        return None
    whole = next((shape for shape in row if shape in ("peak", "dip")), None)
    return whole or TURNED.get(row[:2], row[-1])


def _points(shares: Sequence[tuple[float, float]]) -> Points:
    return tuple((Moment(share, "share"), level) for share, level in shares)
