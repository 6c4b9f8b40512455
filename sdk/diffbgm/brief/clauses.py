"""Clauses: a text cut at its commas, its full stops and its words of order, each with its times."""

import re
from collections.abc import Mapping, Sequence

from diffbgm.brief.arcs import APART
from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.signs import (
    AT,
    BACKED,
    CLAUSE_ENDS,
    HALTS,
    JOINED_ENDS,
    JOINED_HALVES,
    JOINED_SCENES,
    MUSIC,
    STARTS,
    STOPS,
)


def cut_clauses(draft: Draft, text: str) -> list[Clause]:
    """The clauses of a text that say something, and how they hang together."""
    for joined in (JOINED_SCENES, JOINED_HALVES, JOINED_ENDS):
        text = joined.sub(r"\1, ", text)
    parts = re.split(rf"({CLAUSE_ENDS})", text)
    clauses: list[Clause] = []
    then = False
    for part, before in zip(parts[::2], ["", *parts[1::2]], strict=True):
        then = then or before.isalpha()
        clause = Clause.of(part, draft)
        if clause.phrases or clause.spans or clause.moments:
            clause.follows, then = then, False
            clauses.append(clause)
    clauses = _join_solos(clauses)
    genres = [m.value for c in clauses for p in c.phrases if (m := p.has("genre")) is not None]
    players = [
        name for c in clauses for p in c.phrases for m in p.meanings if m.kind == "group" for name in m.value.split("+")
    ]
    banded = "drums" in players or any(draft.lexicon.genres[genre].drums for genre in genres)
    telling = [number for number, c in enumerate(clauses) if c.follows or c.plays or c.has("genre")]
    timed = [number for number, c in enumerate(clauses) if c.timed]
    last_step = max((number for number, c in enumerate(clauses) if c.follows), default=-1)
    for number, clause in enumerate(clauses):
        others = [c for c in clauses[number : number + 2] if c.plays]
        clause.others = any(other != number for other in telling[:2])
        if clause.follows and number and not clauses[number - 1].silences():
            clause.since = clauses[number - 1].last_time()
        clause.ends = last_step <= number
        clause.others_timed = any(other != number for other in timed[:2])
        clause.next_time = clause.goes_on(clauses[number + 1 :])
        clause.shared = any(clause.takes_turns(c) for c in clauses[max(0, number - 1) : number + 2] if c is not clause)
        clause.band = banded
        clause.backs = any(BACKED.search(c.text) for c in others)
    return clauses


def _join_solos(clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses, with a word such as "solo" that is one of its own joined to who plays: "solo. piano. slow."."""
    out: list[Clause] = []
    waiting: Clause | None = None
    for clause in clauses:
        if waiting is not None:
            if clause.plays:
                clause = waiting.joined(clause)
            elif out and out[-1].plays:
                out[-1] = out[-1].joined(waiting)
            else:
                out.append(waiting)
            waiting = None
        if len(clause.phrases) == 1 and clause.has("solo") and not clause.timed:
            waiting = clause
        else:
            out.append(clause)
    if waiting is None:
        return out
    return [*out[:-1], out[-1].joined(waiting)] if out and out[-1].plays else [*out, waiting]


def give_times(clauses: Sequence[Clause]) -> None:
    """Times of a clause that says nothing else belong to its neighbour: "nothing while she speaks, 0:04 to 0:09"."""
    for number, clause in enumerate(clauses):
        said = MUSIC.search(clause.text) and (STOPS.search(clause.text) or STARTS.search(clause.text))
        if not clause.timed or clause.acts() or said or HALTS.match(clause.text):
            continue
        around = [clauses[i] for i in (number - 1, number + 1) if 0 <= i < len(clauses)]
        takes = next((c for c in around if not c.timed and (c.has("hit") or c.silences() or c.moves())), None)
        after = clauses[number + 1] if number + 1 < len(clauses) else None
        told = AT.search(clause.text) is not None or all(at.since == "share" for at, _ in clause.moments)
        bare = bool(clause.moments) and told and all(p.fills for p in clause.phrases)
        if takes is None and bare and after is not None and after.plays and not after.timed:
            takes, after.placed = after, True  # "at 0:10, drums"
        if takes is not None:
            takes.spans, takes.moments = clause.spans, clause.moments
            clause.spans, clause.moments = [], []


def give_levels(clauses: Sequence[Clause], felt: Mapping[str, float]) -> None:
    """Moods at times tell how the energy goes, where they lie apart: "chill first half, hype second half".

    Args:
        clauses: Of the text, with their times.
        felt: Level of energy of each mood and scene.

    """
    told: list[tuple[Clause, float]] = []
    for number, clause in enumerate(clauses):
        after = clause.follows and number > 0 and clauses[number - 1].timed
        if not (clause.timed or after) or clause.acts() or clause.moves():
            continue
        names = [m.value for p in clause.phrases for m in p.meanings if m.kind in ("mood", "scene") and m.value in felt]
        level = clause.level()
        if level is None and names:
            level = felt[names[0]]
        if level is not None and not clause.has("negation"):
            told.append((clause, level))
    levels = [level for _, level in told]
    if levels and max(levels) - min(levels) >= APART:
        for clause, level in told:
            if clause.level() is None:
                clause.felt = level
