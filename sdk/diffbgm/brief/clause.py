"""A clause: its phrases and its times, and what these tell of who plays when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from diffbgm.brief.draft import Draft
from diffbgm.brief.model import Moment, Span
from diffbgm.brief.patterns import Text
from diffbgm.brief.phrases import Phrase, cut_phrases
from diffbgm.brief.signs import (
    ALONE_LAST,
    AT,
    AT_PLACE,
    EVERYBODY,
    LISTED,
    ONLY_THEN,
    STROKES,
    TELLS,
    TOTAL,
)
from diffbgm.brief.swells import direction_of
from diffbgm.brief.tacets import END, START
from diffbgm.brief.times import MAY_TELL_TIMES, take_length, take_moments, take_spans
from diffbgm.brief.turns import LAST


@dataclass
class Clause:
    """A clause: its phrases, its times, and what these are (`rest`, `hit`, `level`, or nothing)."""

    text: str
    phrases: list[Phrase]
    spans: list[tuple[Span, str]]
    moments: list[tuple[Moment, str]]
    length: float | None = None
    kind: str = ""
    follows: bool = False  # whether "then" stands before it
    since: Moment | None = None  # the last time of the clause before it, if it follows that with a "then"
    ends: bool = False  # whether no other clause follows it with a "then"
    others: bool = False  # whether other clauses name instruments or a genre, or follow it
    others_timed: bool = False  # whether other clauses name times
    backs: bool = False  # whether it, or the clause after it, says who plays with a soloist
    next_time: Moment | None = None  # the first time of a later clause that says who plays from then on
    placed: bool = False  # whether the clause before it is the time at which those it names come in
    shared: bool = False  # whether a clause beside it says who plays in the stretch after, or before, its own
    band: bool = False  # whether a band with drums plays, over which a solo is heard: "rock, guitar solo at 0:10"
    felt: float | None = None  # level of energy of its mood, where moods at times tell how the energy goes
    verb: str = ""  # "enter" or "leave", where that is what it says of instruments

    @classmethod
    def of(cls, part: str, draft: Draft) -> "Clause":
        """Take the times out of a part of the text, and cut the rest into phrases."""
        if not MAY_TELL_TIMES.search(part):
            return cls(part, list(cut_phrases(part, draft.lexicon)), [], [])
        text = Text(part)
        spans = take_spans(text)
        length = take_length(text)
        moments = take_moments(text)
        return cls(part, list(cut_phrases(text.left, draft.lexicon)), spans, moments, length)

    def has(self, kind: str) -> bool:
        """Whether a phrase has a meaning of this kind."""
        return any(phrase.has(kind) for phrase in self.phrases)

    @property
    def timed(self) -> bool:
        """Whether it names times."""
        return bool(self.spans or self.moments)

    def joined(self, after: "Clause") -> "Clause":
        """The clause and the one after it as one."""
        return Clause(
            f"{self.text} {after.text}",
            [*self.phrases, *after.phrases],
            [*self.spans, *after.spans],
            [*self.moments, *after.moments],
            self.length if after.length is None else after.length,
            follows=self.follows,
        )

    @property
    def plays(self) -> bool:
        """Whether it names instruments."""
        return any(phrase.plays for phrase in self.phrases)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its phrases."""
        return frozenset(word for phrase in self.phrases for word in phrase.text.split())

    @cached_property
    def places(self) -> list[str]:
        """The places in the film that it names, as shares of it."""
        return [m.value for p in self.phrases if (m := p.has("place")) is not None]

    def last_time(self) -> Moment | None:
        """The time up to which it tells, if it is not the end of the film."""
        times = [*(span.end for span, _ in self.spans), *(moment for moment, _ in self.moments)]
        return times[-1] if times and times[-1] != END else None

    def holds(self) -> tuple[Moment | None, Moment | None]:
        """From when to when it holds, where it tells: its span, its moment, or its place in the film."""
        if self.spans:
            end = self.spans[0][0].end
            return self.spans[0][0].start, None if end == Moment(1.0, "share") else end
        if self.moments:
            return self.moments[0][0], None
        place = next(iter(self.places), None)
        if place is None:
            return None, None
        return Moment(min(float(place), LAST), "share"), None

    @cached_property
    def first_player(self) -> int:
        """The number of its first phrase that names an instrument; that of its phrases where none does."""
        return next((i for i, p in enumerate(self.phrases) if p.plays), len(self.phrases))

    @cached_property
    def comes_at(self) -> bool:
        """Whether those it names come in at its single times, without a verb: "strings at 0:10", a list of times."""
        if not self.moments or self.spans or not self.plays or self.words & TELLS:
            return False
        if not all(phrase.meanings for phrase in self.phrases):
            return False
        listed = self.others_timed and LISTED.match(self.text) is not None
        placed = self.placed or all(at.since == "share" for at, _ in self.moments) or AT.search(self.text) is not None
        return placed or listed

    def strikes(self) -> bool:
        """Whether all that it names at a time is struck once there, as in "gong at 0:03"."""
        players = [phrase for phrase in self.phrases if phrase.plays]
        return self.comes_at and all(phrase.text in STROKES for phrase in players)

    def takes_turns(self, other: "Clause") -> bool:
        """Whether another clause says who plays in the stretch right before or after that of this one."""
        if len(self.spans) != 1 or not (self.plays and other.plays):
            return False
        if any(clause.has("solo") or clause.has("enter") for clause in (self, other)):
            return False
        span = self.spans[0][0]
        if other.follows and not other.timed:  # "piano for the first half, then strings"
            return span.start == START and not (other.has("but") or other.has("negation"))
        return len(other.spans) == 1 and (other.spans[0][0].start == span.end or other.spans[0][0].end == span.start)

    def goes_on(self, later: Sequence["Clause"]) -> Moment | None:
        """The time at which others come back after those it names: the first after its own of clauses that play."""
        own = next((span.start for span, _ in self.spans), None) or next((at for at, _ in self.moments), None)
        own = START if own is None and self.places == ["0.0"] else own
        if own is None:
            return None
        for clause in later:
            times = [*(span.start for span, _ in clause.spans), *(at for at, _ in clause.moments)]
            plays = clause.plays or clause.has("genre") or clause.words & EVERYBODY
            if plays and not clause.has("hit") and times and times[0].since == own.since and times[0].value > own.value:
                return times[0]
        return None

    def brings_all_back(self, before: "Clause | None") -> bool:
        """Whether it only says when those come back who rest while one plays alone in the clause before it."""
        if before is None or before.alone is None or before.next_time is None or self.plays:
            return False
        return bool(self.words & EVERYBODY) or (self.has("genre") and self.level() is None)

    def has_start(self) -> bool:
        """Whether it speaks of the beginning alone."""
        return not self.timed and self.places == ["0.0"]

    def silences(self) -> bool:
        """Whether it asks for no music."""
        return self.has("rest") or (self.has("negation") and bool(self.words & TOTAL))

    def acts(self) -> bool:
        """Whether it says what happens at a time."""
        kinds = ("hit", "intensity", "instrument", "ending", "arc")
        return self.silences() or any(map(self.has, kinds))

    def plays_alone_then(self) -> bool:
        """Whether who plays alone does so at a time only: at first, until a time, or "only" in a stretch."""
        return self.has_start() or self.alone is not None or (self.limits and (self.timed or bool(self.places)))

    @cached_property
    def leads(self) -> bool:
        """Whether somebody plays a solo, as in "guitar solo"; "solo guitar" may be alone."""
        return any(after.has("soloist") and before.plays for before, after in pairwise(self.phrases))

    @cached_property
    def alone(self) -> Span | None:
        """The stretch in which those it names play alone: "piano alone for the last 5 seconds"; None for all the film.

        A stretch from the start counts only where other clauses tell who plays later, a place only where none of them
        has times. Who plays a solo, or on top of others, is not alone.
        """
        moves = any((p.has("enter") or p.has("leave")) and not p.has("place") for p in self.phrases)
        leads = self.leads and (not self.timed or (self.band and not self.words & {"drum", "drums"}))
        if not (self.has("solo") and self.plays) or leads or moves or self.backs or self.has("lead"):
            return None
        if self.limits or (self.moments and self.has("hit")):
            return None
        if len(self.moments) == 1 and not self.spans:  # "solo cello at 0:10"
            at = self.moments[0][0]
            return Span(at, self.next_time or END if self.length is None else at.later(self.length))
        if self.moments:
            return None
        if self.spans:
            span = self.spans[0][0]
            span = replace(span, end=self.next_time) if span.end == END and self.next_time is not None else span
            return span if len(self.spans) == 1 and (span.start != START or self.others) else None
        places = set(self.places)
        if places == {"0.0"} and self.next_time is not None:
            return Span(START, self.next_time)  # "solo piano at the start, orchestra from 0:10"
        if places:
            return AT_PLACE.get(places.pop()) if len(places) == 1 and not self.others_timed else None
        if not self.follows or not self.ends:
            return None
        if self.since is not None:
            return Span(self.since, END)  # "a hit at 0:12, then only piano"
        return ALONE_LAST if self.others and not self.others_timed else None

    @cached_property
    def limits(self) -> bool:
        """Whether "only" is of a time: "the flute plays only in the first half"."""
        return ONLY_THEN.search(self.text) is not None

    def moves(self) -> bool:
        """Whether it says that instruments enter or leave."""
        return (self.has("enter") or self.has("leave")) and self.plays

    def rises(self) -> bool:
        """Whether it says, without a time, that the music grows."""
        return not self.timed and direction_of(self.phrases) == "rise"

    def level(self) -> float | None:
        """The first level of energy it names, else that of its mood; a solo on top of others is none."""
        named = (p for p in self.phrases if not (self.leads and p.has("soloist")))
        return next((float(m.value) for p in named if (m := p.has("intensity")) is not None), self.felt)
