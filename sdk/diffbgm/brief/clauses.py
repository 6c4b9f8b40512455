"""Clauses: a text cut at its commas, its full stops and its words of order, each with its times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from diffbgm.brief import patterns
from diffbgm.brief.draft import Draft
from diffbgm.brief.model import Moment, Span
from diffbgm.brief.phrases import Phrase, cut_phrases
from diffbgm.brief.swells import direction_of
from diffbgm.brief.tacets import START
from diffbgm.brief.turns import LAST

CLAUSE_ENDS = (
    r"[,;!?\n。，、；！？।]|\.(?!\d)|\bthen\b|\bdann\b|\bdanach\b|\bluego\b|\bdespués\b|\bpuis\b|\bensuite\b|\bpoi\b"
    r"|\bdepois\b|\bпотом\b|\bзатем\b|然后|それから"
)
JOINED_SCENES = re.compile(  # "begins as a whisper and explodes in the last five seconds" says two things
    rf"\b((?:starts?|begins?|opens?)\b[^,;.]{{0,60}}?)\s+and\s+(?=[^,;.]{{0,80}}(?:\d:\d\d|\d\s*{patterns.SECONDS}\b))"
)
MUSIC = re.compile(
    r"\b(?:music|score|everything|song|track|piece|it|all|musik|música|musique|musica|музыка)\b|音乐|音楽"
)
STARTS = re.compile(
    r"\bin (?:at|from)\b|\berst\b"
    r"|\b(?:come|comes|enter|enters|starts?|begins?|kicks?|drops?|joins?|setzt|beginnt|empieza|entra|entran|commence|entre"
    r"|inizia|começa|начинается|вступают?)\b|开始|始まる"
)
STOPS = re.compile(
    r"\b(?:(?<!fade )(?<!fades )out (?:at|by|from)|drops out"
    r"|stops?|ends?|cuts?|kills?|over|done|endet|aufhört|para|termina|s'arrête|finisce"
    r"|fim|кончается)\b"
)
HALTS = re.compile(
    r"\s*(?:the\s+)?(?:music\s+)?(?:(?:a\s+)?(?:sudden|abrupt|hard|full|dead)\s+stop|stops?|ends?|cut|pause|mute)\b"
)  # at the head of a clause
BACKED = re.compile(  # the others, where somebody is called solo
    r"\b(?:backed|accompanied|supported|backing|underneath|behind|begleitet|accompagné\w*|acompañad\w*|accompagnat\w"
    r"|acompanhad\w|сопровождени\w|под аккомпанемент|на фоне|sur fond|su fondo|sobre (?:un )?fondo)\b|伴奏"
)
ONLY_THEN = re.compile(r"\b(?:only|just) (?:in|during|for|until|from|between|at|over|after|before)\b")
TOTAL = frozenset({"music", "notes", "anything", "sound", "musik", "música", "musique", "musica", "музыки"})


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
    others: bool = False  # whether other clauses name instruments
    backs: bool = False  # whether it, or the clause after it, says who plays with a soloist
    verb: str = ""  # "enter" or "leave", where that is what it says of instruments

    @classmethod
    def of(cls, part: str, draft: Draft) -> "Clause":
        """Take the times out of a part of the text, and cut the rest into phrases."""
        if not patterns.MAY_TELL_TIMES.search(part):
            return cls(part, list(cut_phrases(part, draft.lexicon)), [], [])
        text = patterns.Text(part)
        spans = patterns.take_spans(text)
        length = patterns.take_length(text)
        moments = patterns.take_moments(text)
        return cls(part, list(cut_phrases(text.left, draft.lexicon)), spans, moments, length)

    def has(self, kind: str) -> bool:
        """Whether a phrase has a meaning of this kind."""
        return any(phrase.has(kind) for phrase in self.phrases)

    @property
    def timed(self) -> bool:
        """Whether it names times."""
        return bool(self.spans or self.moments)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its phrases."""
        return frozenset(word for phrase in self.phrases for word in phrase.text.split())

    @cached_property
    def places(self) -> list[str]:
        """The places in the film that it names, as shares of it."""
        return [m.value for p in self.phrases if (m := p.has("place")) is not None]

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

    def opens_only(self) -> bool:
        """Whether who plays alone does so at a time only: at first, until a time, or "only" in a stretch."""
        until = bool(self.spans) and self.spans[0][0].start == START and self.others
        return self.has_start() or (self.timed and self.limits) or until

    @cached_property
    def limits(self) -> bool:
        """Whether "only" is of a time: "the flute plays only in the first half"."""
        return ONLY_THEN.search(self.text) is not None

    def moves(self) -> bool:
        """Whether it says that instruments enter or leave."""
        return (self.has("enter") or self.has("leave")) and any(p.plays for p in self.phrases)

    def rises(self) -> bool:
        """Whether it says, without a time, that the music grows."""
        return not self.timed and direction_of(self.phrases) == "rise"

    def level(self) -> float | None:
        """The first level of energy it names."""
        return next((float(m.value) for p in self.phrases if (m := p.has("intensity")) is not None), None)


def cut_clauses(draft: Draft, text: str) -> list[Clause]:
    """The clauses of a text that say something, and how they hang together."""
    parts = re.split(rf"({CLAUSE_ENDS})", JOINED_SCENES.sub(r"\1, ", text))
    clauses: list[Clause] = []
    then = False
    for part, before in zip(parts[::2], ["", *parts[1::2]], strict=True):
        then = then or before.isalpha()
        clause = Clause.of(part, draft)
        if clause.phrases or clause.spans or clause.moments:
            clause.follows, then = then, False
            clauses.append(clause)
    for number, clause in enumerate(clauses):
        others = [c for c in clauses[number : number + 2] if any(p.plays for p in c.phrases)]
        clause.others = any(c.follows or any(p.plays for p in c.phrases) for c in clauses if c is not clause)
        clause.backs = any(BACKED.search(c.text) for c in others)
    return clauses


def give_times(clauses: Sequence[Clause]) -> None:
    """Times of a clause that says nothing else belong to its neighbour: "nothing while she speaks, 0:04 to 0:09"."""
    for number, clause in enumerate(clauses):
        said = MUSIC.search(clause.text) and (STOPS.search(clause.text) or STARTS.search(clause.text))
        if not clause.timed or clause.acts() or said or HALTS.match(clause.text):
            continue
        around = [clauses[i] for i in (number - 1, number + 1) if 0 <= i < len(clauses)]
        takes = next((c for c in around if not c.timed and (c.has("hit") or c.silences() or c.moves())), None)
        if takes is not None:
            takes.spans, takes.moments = clause.spans, clause.moments
            clause.spans, clause.moments = [], []
