"""Energy: levels and swells at the times of a clause, the level of a whole film, and the curve they make."""

import re
from collections.abc import Sequence
from itertools import pairwise

from diffbgm.brief.arcs import APART, LOUD, QUIET
from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.model import Moment
from diffbgm.brief.swells import climax, direction_of, swell
from diffbgm.brief.tacets import END, START

ENTRY = (0.3, 0.75)  # energy before and after an instrument enters
ENERGY_LEVEL = re.compile(r"(?:low|medium|moderate|high|max)[- ](?:energy|intensity|volume)")


def read_level_at(draft: Draft, clause: Clause, before: Clause | None) -> str:
    """A level, a fade or a swell at the times of a clause; returns "level", or nothing where it tells none."""
    spans, moments, level = clause.spans, clause.moments, clause.level()
    if level is not None and level >= LOUD and moments and not spans and before is not None and before.rises():
        draft.energy += climax(moments[0][0], level)
        draft.say(moments[0][1], f"energy rises to {level:g}")
        return "level"
    if level is not None:
        draft.energy += tuple((moment, level) for moment, _ in moments)
        draft.energy += tuple((at, level) for span, _ in spans for at in (span.start, span.end))
        for _, said in (*spans, *moments):
            draft.say(said, f"energy {level:g}")
        return "level"
    if clause.has("ending") and spans and direction_of(clause.phrases) != "rise":
        draft.energy += ((spans[0][0].start, 0.6), (spans[0][0].end, 0.08))
        draft.say(spans[0][1], "fades")
        return "level"
    return read_swell(draft, clause)


def read_swell(draft: Draft, clause: Clause) -> str:
    """Energy that rises or falls in the stretch, or over the seconds, of a clause; "level" where there is any."""
    spans, moments = [span for span, _ in clause.spans], [moment for moment, _ in clause.moments]
    points = swell(clause.phrases, spans, moments, clause.length)
    if not points:
        return ""
    draft.energy += points
    said = next((said for _, said in (*clause.spans, *clause.moments)), clause.text.strip())
    draft.say(said, "energy " + ", ".join(f"{level:g}" for _, level in points))
    return "level"


def whole(points: tuple[tuple[Moment, float], ...], clauses: Sequence[Clause]) -> tuple[tuple[Moment, float], ...]:
    """Points in order, with a level before and after them: that of the clauses around, or one that sets them off."""
    if not points:
        return ()
    ordered = sorted(points, key=lambda point: point[0].seconds(60.0))
    first, last = ordered[0], ordered[-1]
    timed = [number for number, clause in enumerate(clauses) if clause.kind == "level"]
    before = [level for c in clauses[: min(timed, default=0)] if (level := c.level()) is not None]
    after = [level for c in clauses[max(timed, default=0) + 1 :] if (level := c.level()) is not None]
    if first[0].seconds(60.0) > 6.0:
        other = before[0] if before else 0.4 if first[1] >= LOUD else 0.7 if first[1] <= QUIET else first[1]
        ordered = [(Moment(0.0), other), (first[0], other), *ordered]
    turn = direction_of([p for c in clauses[max(timed, default=0) + 1 :] for p in c.phrases])
    turned = {"rise": LOUD, "fall": QUIET}.get(turn)
    if last[0].seconds(60.0) < 54.0 and last[0].since != "end" and len(points) > 1:
        told = after[0] if after else turned
        other = told if told is not None else 0.6 if abs(last[1] - 0.6) >= APART else last[1]
        ordered += [(last[0], other), (Moment(0.0, "end"), other)]
    elif last[0].seconds(60.0) < 54.0 and turned is not None:
        ordered.append((Moment(0.0, "end"), turned))
    return tuple(ordered) if len(ordered) > 1 else ((Moment(0.0), first[1]), (Moment(0.0, "end"), first[1]))


def steps(entries: Sequence[Moment]) -> tuple[tuple[Moment, float], ...]:
    """Energy that rises by a step whenever somebody enters."""
    if not entries:
        return ()
    low, high = ENTRY
    edges = [START, *sorted(entries, key=lambda at: at.seconds(60.0)), END]
    levels = [low + (high - low) * i / len(entries) for i in range(len(entries) + 1)]
    return tuple((at, level) for pair, level in zip(pairwise(edges), levels, strict=True) for at in pair)


def read_level(draft: Draft, clauses: Sequence[Clause]) -> None:
    """The one level of energy of the whole film: "low energy", where no other is told."""
    phrases = [phrase for clause in clauses for phrase in clause.phrases if ENERGY_LEVEL.fullmatch(phrase.text)]
    told = {float(m.value) for phrase in phrases if (m := phrase.has("intensity")) is not None}
    if len(told) == 1:
        draft.level = told.pop()
        draft.say(phrases[0].text, f"energy {draft.level:g} all the way")
