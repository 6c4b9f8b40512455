"""Text to brief: figures first, then phrases of the lexicon clause by clause, with negations and what they reach."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from diffbgm.brief import patterns
from diffbgm.brief.arcs import APART, LOUD, QUIET, read_arc
from diffbgm.brief.draft import Draft
from diffbgm.brief.levels import spell_levels
from diffbgm.brief.lexicon import lexicon, normalise
from diffbgm.brief.model import Brief, Hit, Moment, Scene, Span, Tacet
from diffbgm.brief.phrases import CONTENT, Phrase, cut_phrases
from diffbgm.brief.rewording import reword
from diffbgm.brief.shorthand import spell_out
from diffbgm.brief.swells import climax, direction_of, swell
from diffbgm.brief.tacets import DEFINITE, END, START, find_rests
from diffbgm.brief.turns import LAST, Placed, read_turns

LATE = 0.4  # weight of a mood that comes at the end only
ENTRY = (0.3, 0.75)  # energy before and after an instrument enters
RINGING = 1.0  # seconds that a hit before a silence rings
PAUSE = 2.0  # seconds of a silence of which only the beginning is told
LONGEST_TEXT = 2000  # characters that are read; a brief is a few lines
OPPOSITE_TEMPO = {
    "56 80": (84.0, 120.0),
    "116 152": (72.0, 104.0),
    "150 186": (84.0, 126.0),
    "46 60": (72.0, 104.0),
    "50 66": (84.0, 120.0),
}
CLAUSE_ENDS = (
    r"[,;!?\n。，、；！？।]|\.(?!\d)|\bthen\b|\bdann\b|\bdanach\b|\bluego\b|\bdespués\b|\bpuis\b|\bensuite\b|\bpoi\b"
    r"|\bdepois\b|\bпотом\b|\bзатем\b|然后|それから"
)
FOLLOWS = (  # words that tell that levels named one after the other also come one after the other
    r"\b(?:then|from|to|into|until|first|finally|again|later|becomes?|turns?|dann|von|zuerst|danach|luego|después|desde"
    r"|puis|ensuite|poi|depois)\b|->|→|\w\s+[-–—]\s+\w|然后|\w-\w+-\w|从[^\d]{1,30}到|から[^\d]{1,30}へ"
)
THEN = (  # the same, strictly
    r"\b(?:then|later|becomes?|turns?|from [^\d,;.]{1,60} to|dann|danach|luego|después|puis|ensuite|poi|depois|затем)\b"
    r"|然后"
)
MUSIC = re.compile(
    r"\b(?:music|score|everything|song|track|piece|it|all|musik|música|musique|musica|музыка)\b|音乐|音楽"
)
STARTS = re.compile(
    r"\bin (?:at|from)\b|\berst\b"
    r"|\b(?:come|comes|enter|enters|starts?|begins?|kicks?|drops?|joins?|setzt|beginnt|empieza|entra|entran|commence|entre"
    r"|inizia|começa|начинается|вступают?)\b|开始|始まる"
)
RESUMES = re.compile(
    r"\b(?:again|back|resumes?|returns?|continues?|restarts?|wieder|weiter|vuelve|reprend|riprende|volta|снова|опять)\b"
)
STOPS = re.compile(
    r"\b(?:(?<!fade )(?<!fades )out (?:at|by|from)|drops out"
    r"|stops?|ends?|cuts?|kills?|over|done|endet|aufhört|para|termina|s'arrête|finisce"
    r"|fim|кончается)\b"
)
ENERGY_LEVEL = re.compile(r"(?:low|medium|moderate|high|max)[- ](?:energy|intensity|volume)")
FULL_STOP = re.compile(r"\s*(?:a )?full stop\b")
HALTS = re.compile(
    r"\s*(?:the\s+)?(?:music\s+)?(?:(?:a\s+)?(?:sudden|abrupt|hard|full|dead)\s+stop|stops?|ends?|cut|pause|mute)\b"
)  # at the head of a clause
AFTERWARDS = re.compile(r"\b(?:after|afterwards?|followed by|danach|después|après|dopo|потом)\b")
ONLY_THEN = re.compile(r"\b(?:only|just) (?:in|during|for|until|from|between|at|over|after|before)\b")
UNTIL = re.compile(r"(?:until|till|up to|bis|hasta|jusqu'à|fino a|até|до)\b")
BIG = frozenset(
    {"big", "huge", "massive", "loud", "hard", "strong", "mighty", "heavy", "groß", "großer", "gran", "grand"}
)
GENERAL = frozenset(  # whose names stand for their families: "no guitar" is no electric one either
    {
        "acoustic piano",
        "acoustic guitar",
        "strings",
        "brass section",
        "synth",
        "bass guitar",
        "choir",
        "organ",
        "warm pad",
    }
)
SPECIFIC = frozenset(
    {"acoustic", "nylon", "classical", "upright", "grand"}
)  # words that keep a name from being general
OVER = frozenset(["over", "on top of", "above", "sobre", "über", "sur", "au-dessus de", "sopra", "su", "sugli", "над"])
JOINED_SCENES = re.compile(  # "begins as a whisper and explodes in the last five seconds" says two things
    rf"\b((?:starts?|begins?|opens?)\b[^,;.]{{0,60}}?)\s+and\s+(?=[^,;.]{{0,80}}(?:\d:\d\d|\d\s*{patterns.SECONDS}\b))"
)
BEFORE_LEAD = frozenset(["the", "a", "its", "main", "as", "for", "in", "at", "पर", "का"])  # between a player and "lead"
BACKED = re.compile(  # the others, where somebody is called solo
    r"\b(?:backed|accompanied|supported|backing|underneath|behind|begleitet|accompagné\w*|acompañad\w*|accompagnat\w"
    r"|acompanhad\w|сопровождени\w|под аккомпанемент|на фоне|sur fond|su fondo|sobre (?:un )?fondo)\b|伴奏"
)
OF_THE_KIT = frozenset(["cymbals", "cymbal", "hi-hat", "hi-hats", "hihat", "snare", "snares", "kick", "becken"])
DECADE = re.compile(r"(?:the )?(?:19|20)?\d0s|(?:the )?(?:twen|thir|for|fif|six|seven|eigh|nine)ties")
TOTAL = frozenset({"music", "notes", "anything", "sound", "musik", "música", "musique", "musica", "музыки"})


def read_brief(text: str, *, genre: str | None = None) -> Brief:
    """What a text asks of the music.

    Args:
        text: Free text in any of ten languages (en, es, de, fr, it, pt, ru, zh, ja, hi), mixed as people write.
        genre: A row of genres.tsv that is settled already and counts before those of the text.

    Returns:
        The brief. Nothing raises: what is not understood stands in `unread`, what goes beyond LONGEST_TEXT too.
    """
    original = unicodedata.normalize("NFKC", text[: 4 * LONGEST_TEXT])
    original = re.sub(r"[^\S\n]+", " ", re.sub(r"\s*\n\s*", "\n", re.sub(r"\d{9,}", "#", original)))
    draft = Draft(lexicon(), genres=[genre] if genre else [])
    if len(original) > LONGEST_TEXT:
        draft.unread.append(f"everything after {LONGEST_TEXT} characters")
        original = original[:LONGEST_TEXT]
    original = spell_out(original)
    left = reword(_read_figures(draft, original), draft.lexicon)
    clauses = _cut_clauses(draft, JOINED_SCENES.sub(r"\1, ", left))
    _give_times(clauses)
    for number, clause in enumerate(clauses):
        after = clauses[number + 1].text if number + 1 < len(clauses) else ""
        before = clauses[number - 1] if number else None
        clause.kind = _read_tacets(draft, clause, before) or _read_times(draft, clause, before, after)
    follows = re.search(FOLLOWS, f"{normalise(original)}\n{left}") is not None
    strictly = re.search(THEN, normalise(original)) is not None
    felt = {name: 0.55 + 0.45 * row.arousal for name, row in lexicon().moods.items()} if strictly else None
    arc = read_arc([c.phrases for c in clauses], [c.kind != "" for c in clauses], follows, felt)
    if arc.points and not draft.energy:
        draft.energy = arc.points
        draft.say(arc.words, "energy " + ", ".join(f"{level:g} at {at.value:.0%}" for at, level in arc.points))
    draft.energy = _whole(draft.energy, clauses) or _steps(draft.entries)
    if not draft.energy:
        _read_level(draft, clauses)
    for number, clause in enumerate(clauses):
        _read_phrases(draft, clause, {i for c, i in arc.used if c == number})
    _read_turns(draft, clauses, strictly)
    return draft.finish()


def _cut_clauses(draft: Draft, text: str) -> list["_Clause"]:
    """The clauses of a text that say something, and how they hang together."""
    parts = re.split(rf"({CLAUSE_ENDS})", text)
    clauses: list[_Clause] = []
    then = False
    for part, before in zip(parts[::2], ["", *parts[1::2]], strict=True):
        then = then or before.isalpha()
        clause = _Clause.of(part, draft)
        if clause.phrases or clause.spans or clause.moments:
            clause.follows, then = then, False
            clauses.append(clause)
    for number, clause in enumerate(clauses):
        others = [c for c in clauses[number : number + 2] if any(p.plays for p in c.phrases)]
        clause.others = any(c.follows or any(p.plays for p in c.phrases) for c in clauses if c is not clause)
        clause.backs = any(BACKED.search(c.text) for c in others)
    return clauses


def _read_turns(draft: Draft, clauses: Sequence["_Clause"], follows: bool) -> None:
    """Moods one after the other: a scene each; the key is that of the first."""
    placed = [Placed(c.phrases, *c.holds()) for c in clauses if c.kind not in ("hit", "rest")]
    turns = read_turns(placed, draft.lexicon.moods, follows)
    if not turns:
        return
    draft.scenes = tuple(Scene(span, read_brief(words), words) for span, words in turns)
    draft.mode = draft.mode or draft.scenes[0].brief.mode
    draft.say(", then ".join(words for _, words in turns), "mood by scenes")
    draft.moods.clear()  # elsewhere the pictures decide
    draft.tags = [tag for tag in draft.tags if all(tag not in scene.brief.tags for scene in draft.scenes)]
    times = {said.strip() for c in clauses if c.has("mood") or c.has("scene") for _, said in (*c.spans, *c.moments)}
    draft.unread = [words for words in draft.unread if words not in times]


@dataclass
class _Clause:
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
    def of(cls, part: str, draft: Draft) -> "_Clause":
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
        words = {word for phrase in self.phrases for word in phrase.text.split()}
        return self.has("rest") or (self.has("negation") and bool(words & TOTAL))

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


def _give_times(clauses: Sequence[_Clause]) -> None:
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


def _read_figures(draft: Draft, original: str) -> str:
    """Key, metre and tempo; returns the text without them."""
    rest = patterns.Text(normalise(original))
    if (key := patterns.take_key(rest, original)) is not None:
        (draft.tonic, draft.mode), words = key
        tonic = "" if draft.tonic is None else f" with tonic {patterns.PITCH_NAMES[draft.tonic]}"
        draft.say(words, f"key{tonic} {draft.mode or ''}".strip())
    rest.left = patterns.spell_numbers(rest.left)
    tempi = patterns.take_bpm(rest)
    if tempi:
        draft.bpm, words = tempi[0]
        low, high = draft.bpm
        draft.say(words, f"tempo {low:g}" if low == high else f"tempo {low:g} to {high:g}")
        for other, said in tempi[1:]:
            if other != draft.bpm:
                draft.conflicts.append(f"{said!r} contradicts {words!r}: the first counts")
    if (metre := patterns.take_metre(rest)) is not None:
        draft.metre, words = metre
        draft.say(words, f"metre {draft.metre}")
    return patterns.spread_units(spell_levels(rest.left))


def _read_tacets(draft: Draft, clause: _Clause, before: _Clause | None) -> str:
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
        draft.instruments += [name for p in named for name in _names(p)]
        phrases = [*named, *phrases]
    denied = frozenset(_negated_by_what_follows(phrases)) | {
        i for i, p in enumerate(phrases) if p.plays and _is_denied(phrases, i)
    }
    if not verb and not denied and any(map(clause.has, ("intensity", "arc", "soloist", "ending"))):
        return ""
    until = bool(clause.spans) and UNTIL.match(clause.spans[0][1]) is not None and not clause.has("solo")
    until = until or clause.limits
    rests = find_rests(
        phrases, spans, moments, denied=denied, length=clause.length, until=until,
        verb=carried,
    )  # fmt: skip
    for who, where in rests:
        called = {_called(draft, phrases[i], name): phrases[i].text for i in who for name in _names(phrases[i])}
        for name, words in called.items():
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


def _names(phrase: Phrase) -> list[str]:
    """The instruments that a phrase names."""
    return [name for m in phrase.meanings if m.kind in ("instrument", "group") for name in m.value.split("+")]


def _is_denied(phrases: Sequence[Phrase], number: int) -> bool:
    """Whether a negation stands before an instrument, with an article between at most."""
    at = number - 1 - (number > 0 and phrases[number - 1].text in DEFINITE)
    said = phrases[at].has("negation") if at >= 0 else None
    return said is not None and said.value == "before"


def _in_words(span: Span) -> str:
    """A stretch in words, as in "0 to 10 s"."""
    ends = (
        "the end" if at == END else f"{at.value:.0%}" if at.since == "share" else f"{at.value:g} s"
        for at in (span.start, span.end)
    )
    return " to ".join(ends)


def _steps(entries: Sequence[Moment]) -> tuple[tuple[Moment, float], ...]:
    """Energy that rises by a step whenever somebody enters."""
    if not entries:
        return ()
    low, high = ENTRY
    edges = [START, *sorted(entries, key=lambda at: at.seconds(60.0)), END]
    levels = [low + (high - low) * i / len(entries) for i in range(len(entries) + 1)]
    return tuple((at, level) for pair, level in zip(pairwise(edges), levels, strict=True) for at in pair)


def _read_times(draft: Draft, clause: _Clause, before: _Clause | None, after: str) -> str:
    """Rests, hits and levels at the times of a clause; returns which of them it was."""
    spans, moments = clause.spans, clause.moments
    words = {word for phrase in clause.phrases for word in phrase.text.split()}
    silent = clause.silences()
    level = clause.level()
    if clause.has("place") and silent and not spans and not moments and not clause.has("arc"):
        return _rest_at_place(draft, clause)
    if silent and clause.length and not clause.timed and (before is None or not after):
        since = "start" if before is None else "end"
        ends = sorted((Moment(0.0, since), Moment(clause.length, since)), key=lambda at: at.seconds(1e6))
        return _add_rests(draft, [(Span(*ends), "silence")])
    if not clause.timed and silent and before is not None and before.kind == "hit" and clause.has("rest"):
        return _add_rests(
            draft, [(Span(_after(before.moments[-1][0]), END), "silence")]
        )  # "a hit at 7 s, then silence"
    if not clause.timed:
        return _read_swell(draft, clause) if clause.length else ""
    if moments and not spans and RESUMES.search(clause.text) and _resume(draft, clause, before):
        return "rest"
    opening = level is not None and level <= QUIET and any(span.start == Moment(0.0) for span, _ in spans)
    if moments and spans and silent and clause.has("hit") and spans[0][0].start == START:
        draft.hits.append(Hit(moments[0][0], 1.0 if words & BIG else 0.7))  # "a hit at 0:10 and silence until 0:12"
        draft.say(moments[0][1], "a hit")
        return _add_rests(draft, [(Span(_after(moments[0][0]), spans[0][0].end), spans[0][1])])
    if spans and (silent or (opening and STARTS.search(after))):
        return _add_rests(draft, spans)
    halts = "to silence" in clause.text or (MUSIC.search(clause.text) and STOPS.search(clause.text))
    if moments and silent and clause.length is None and halts:
        return _add_rests(draft, [(Span(at, Moment(0.0, "end")), said) for at, said in moments])
    alone = not any(p.plays for p in clause.phrases)
    not_yet = alone and spans and clause.has("negation") and STARTS.search(clause.text) is not None
    if not_yet and spans[0][0].start == START:  # "don't start before 0:02"
        return _add_rests(draft, spans)
    stops = HALTS.match(clause.text) is not None and not clause.has("hit")
    if alone and (level is None or "everything" in words or FULL_STOP.match(clause.text)) and not silent and stops:
        ends = Moment(0.0, "end")
        return _add_rests(draft, [*spans, *((Span(at, ends), said) for at, said in moments)])
    if moments and not spans and clause.has("hit") and clause.has("rest") and AFTERWARDS.search(clause.text):
        draft.hits.append(Hit(moments[0][0], 1.0 if words & BIG else 0.7))
        draft.say(moments[0][1], "a hit")
        return _add_rests(draft, [(Span(_after(moments[0][0]), END), "silence")])
    if moments and not spans and silent:
        length = clause.length or PAUSE
        return _add_rests(draft, [(Span(at, replace(at, value=at.value + length)), said) for at, said in moments])
    if alone and MUSIC.search(clause.text) and not clause.has("hit") and level is None:
        ends = Moment(0.0, "end")
        if len(moments) > 1 and not spans and STARTS.search(clause.text) and STOPS.search(clause.text):
            (first, said), (last, other) = moments[:2]
            return _add_rests(draft, [(Span(START, first), said), (Span(last, ends), other)])
        if STARTS.search(clause.text) or (clause.has("solo") and any(s.end == ends for s, _ in spans)):
            starts = [(s.start, said) for s, said in spans] + moments
            return _add_rests(draft, [(Span(Moment(0.0), at), said) for at, said in starts])
        if moments and STOPS.search(clause.text):
            return _add_rests(draft, [(Span(at, ends), said) for at, said in moments])
    inherited = (
        before is not None and before.kind == "hit" and all(p.has("filler") or p.has("join") for p in clause.phrases)
    )
    if moments and (clause.has("hit") or inherited):
        size = (
            1.0
            if words & BIG
            else 0.4
            if words & {"small", "soft", "little", "light"}
            else draft.hits[-1].size
            if inherited
            else 0.7
        )
        for moment, said in moments:
            draft.hits.append(Hit(moment, size))
            draft.say(said, "a hit")
        rises = (before is not None and before.rises()) or direction_of(clause.phrases) == "rise"
        if level is not None and level >= LOUD and rises:
            draft.energy += climax(moments[0][0], level)
        return "hit"
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
    if _read_swell(draft, clause):
        return "level"
    if clause.has("speech") and spans:
        draft.talks += [span for span, _ in spans]
        draft.say(spans[0][1], "people speak: thinner there")
        return "talk"
    draft.unread += [said.strip() for _, said in (*spans, *moments)]
    return ""


def _resume(draft: Draft, clause: _Clause, before: _Clause | None) -> bool:
    """End a silence when the music comes back: "stops at 0:05 and starts again at 0:07"; False where none is told."""
    if any(p.plays for p in clause.phrases) or clause.has("hit"):
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


def _add_rests(draft: Draft, spans: Sequence[tuple[Span, str]]) -> str:
    for span, said in spans:
        draft.rests.append(span)
        draft.say(said, "a rest")
    return "rest"


def _after(hit: Moment) -> Moment:
    """When a hit has rung."""
    return replace(hit, value=hit.value + RINGING)


def _read_swell(draft: Draft, clause: _Clause) -> str:
    """Energy that rises or falls in the stretch, or over the seconds, of a clause; "level" where there is any."""
    spans, moments = [span for span, _ in clause.spans], [moment for moment, _ in clause.moments]
    points = swell(clause.phrases, spans, moments, clause.length)
    if not points:
        return ""
    draft.energy += points
    said = next((said for _, said in (*clause.spans, *clause.moments)), clause.text.strip())
    draft.say(said, "energy " + ", ".join(f"{level:g}" for _, level in points))
    return "level"


def _rest_at_place(draft: Draft, clause: _Clause) -> str:
    """Silence at the start, in the middle or at the end, without figures: a tenth of the film."""
    for phrase in clause.phrases:
        if (place := phrase.has("place")) is not None:
            middle = min(max(float(place.value), 0.05), 0.95)
            span = Span(Moment(middle - 0.05, "share"), Moment(middle + 0.05, "share"))
            if clause.length and middle != float(place.value):
                since = "start" if middle < 0.5 else "end"
                span = Span(Moment(0.0, since), Moment(clause.length, since))
            return _add_rests(draft, [(span, f"silence, {phrase.text}")])
    return ""


def _whole(points: tuple[tuple[Moment, float], ...], clauses: Sequence[_Clause]) -> tuple[tuple[Moment, float], ...]:
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


def _read_level(draft: Draft, clauses: Sequence[_Clause]) -> None:
    """The one level of energy of the whole film: "low energy", where no other is told."""
    phrases = [phrase for clause in clauses for phrase in clause.phrases if ENERGY_LEVEL.fullmatch(phrase.text)]
    told = {float(m.value) for phrase in phrases if (m := phrase.has("intensity")) is not None}
    if len(told) == 1:
        draft.level = told.pop()
        draft.say(phrases[0].text, f"energy {draft.level:g} all the way")


def _read_phrases(draft: Draft, clause: _Clause, used: set[int]) -> None:
    """Genres, instruments, moods and the rest of a clause, in order, with negations; phrases in `used` are read."""
    phrases = clause.phrases
    negated, fresh, softened, adjective = False, False, False, False
    negated_noun: int | None = None
    ends = _negated_by_what_follows(phrases)
    for number, phrase in enumerate(phrases):
        if not phrase.meanings:
            draft.unread.append(phrase.text)
            negated = negated and fresh
            continue
        content = [m for m in phrase.meanings if m.kind in CONTENT]
        if (meaning := phrase.has("negation")) is not None and meaning.value == "before" and not content:
            negated, fresh, softened = True, True, False
            continue
        if phrase.has("but") or (phrase.has("solo") and not fresh):
            negated = False
        if phrase.has("soften"):
            softened = True
            continue
        if not content or number in used:
            continue
        joined = _is_joined(phrases, number, negated_noun)
        if negated and not (fresh or joined or (adjective and phrase.has("instrument"))):
            negated = False
        no = negated or number in ends
        if clause.kind not in ("rest", "hit") or phrase.has("instrument") or phrase.has("genre"):
            noun = next((p for p in phrases[number + 1 : number + 2] if p.has("instrument")), None)
            adjective = no and noun is not None and not phrase.has("instrument")
            if not adjective:
                _read_content(draft, clause, number, no=no, softened=softened)
            negated_noun = number if no else negated_noun
        elif phrase.has("speech"):
            draft.speech = True
        fresh, softened = False, False


def _is_joined(phrases: Sequence[Phrase], number: int, negated: int | None) -> bool:
    """Whether "and" stands before a phrase; with "the" between, where "the" stands before what was negated as well."""

    def after_article(at: int) -> bool:
        return at > 0 and phrases[at - 1].text.split(" ")[-1] in DEFINITE

    at = number - 1 if negated is not None and after_article(number) and after_article(negated) else number
    return at > 0 and phrases[at - 1].has("join") is not None


def _negated_by_what_follows(phrases: Sequence[Phrase]) -> set[int]:
    """Numbers of phrases that a word after them negates, as in Japanese and Hindi, or "piano-free"."""
    found: set[int] = set()
    for number, phrase in enumerate(phrases):
        meaning = phrase.has("negation")
        if meaning is not None and meaning.value == "after" and number:
            back = next(
                (i for i in range(number - 1, -1, -1) if any(m.kind in CONTENT for m in phrases[i].meanings)), None
            )
            if back is not None:
                found.add(back)
    return found


def _read_content(draft: Draft, clause: _Clause, number: int, *, no: bool, softened: bool) -> None:
    """One phrase that says something of the music."""
    phrase = clause.phrases[number]
    if (genre := phrase.has("genre")) is not None:
        if not no:
            draft.genres.append(genre.value)
            if DECADE.fullmatch(phrase.text):
                draft.of_decades.add(genre.value)
        draft.say(phrase.text, f"{'not ' if no else 'genre '}{genre.value}")
    if (instrument := phrase.has("instrument")) is not None:
        _read_instrument(draft, clause, number, instrument.value, no=no)
    of_genre = number > 0 and phrase.text == "band" and clause.phrases[number - 1].has("genre")  # who plays folk
    if not of_genre and (group := phrase.has("group")) is not None:
        for name in group.value.split("+"):
            _read_instrument(draft, clause, number, name, no=no, general=True)
    for family in (m.value for m in phrase.meanings if m.kind == "lacking" and not no):
        draft.without.append(family)
        draft.drums = False if family == "drums" else draft.drums
        draft.say(phrase.text, f"no {family}")
    if clause.kind != "level":
        late = clause.places == ["1.0"]
        _read_mood(draft, phrase, no=no, softened=softened and no, weight=LATE if late else 1.0)
    if (tempo := phrase.has("tempo")) is not None:
        low, high = map(float, tempo.value.split())
        draft.tempo_word = OPPOSITE_TEMPO.get(tempo.value, (low, high)) if no else (low, high)
        draft.say(phrase.text, f"tempo {draft.tempo_word[0]:g} to {draft.tempo_word[1]:g}")
    if (mode := phrase.has("mode")) is not None:
        draft.mode = draft.mode or ("major" if (mode.value == "major") != no else "minor")
        draft.say(phrase.text, draft.mode)
    if (metre := phrase.has("metre")) is not None and not no:
        draft.metre = draft.metre or metre.value
        draft.say(phrase.text, f"metre {metre.value}")
    if (ending := phrase.has("ending")) is not None:
        word = "final" if no else ending.value
        draft.ending = "fade" if word == "fade" else "cut" if word == "cut" else "final"
        draft.say(phrase.text, f"ending: {draft.ending}")
    if phrase.has("lead") and no:
        draft.without.append("melody")
        draft.say(phrase.text, "no melody")
    if phrase.has("speech") and not no:
        draft.speech = True
        draft.say(phrase.text, "room for speech")
    if phrase.has("solo") and not no and not clause.opens_only():
        _read_solo(draft, clause, number)


def _read_mood(draft: Draft, phrase: Phrase, *, no: bool, softened: bool, weight: float) -> None:
    """Moods and scenes: a place on the circumplex, tags, and for scenes a genre."""
    for kind in ("mood", "scene"):
        meaning = phrase.has(kind)
        if meaning is None or (phrase.has("genre") and kind == "scene"):
            continue
        row = draft.lexicon.moods[meaning.value]
        sign = 0.3 if softened else -0.6 if no else 1.0
        draft.moods.append((sign * row.valence, sign * row.arousal, phrase.text if kind == "mood" else "", weight))
        if no:
            draft.unwanted |= set(row.tags)
        else:
            draft.tags += row.tags
            draft.scene_genres += [row.genre] if row.genre else []
        draft.say(phrase.text, f"{'not ' if no else ''}{kind} ({sign * row.valence:+.1f}, {sign * row.arousal:+.1f})")


def _read_solo(draft: Draft, clause: _Clause, number: int) -> None:
    """Tell soloists: "solo cello" and "only strings" are alone; "a cello solo" leads where others play too."""
    phrases = clause.phrases
    before = phrases[number - 1].has("instrument") if number else None
    following = range(number + 1, min(number + 3, len(phrases)))
    at = next((i for i in following if phrases[i].plays), None)
    after = None if at is None else phrases[at]
    meaning = phrases[number].has("solo")
    if after is None and meaning is not None and meaning.value == "closing":  # "piano and cello, nothing else"
        draft.solo = bool(draft.instruments)
        return
    if after is None and phrases[number].text == "just":  # "the guitar just strums"
        return
    on_top = at is not None and (clause.backs or _is_on_top(phrases, number, at))
    if before is not None and clause.backs and (at is None or phrases[number + 1].has("but")):
        draft.soloist = before.value  # "小提琴独奏,钢琴伴奏"
        return
    if at is not None and on_top and (name := phrases[at].has("instrument")) is not None:
        draft.soloist = name.value
        draft.say(phrases[number].text, f"{name.value} plays alone, or leads")
        return
    if after is not None and not (before is not None and phrases[number].text in ("solo", "solos", "solo,")):
        draft.solo = True
        draft.say(phrases[number].text, "nothing else plays")
    elif before is not None and phrases[number].has("soloist"):
        draft.soloist = before.value
        draft.say(phrases[number].text, f"{before.value} plays alone, or leads")
    elif before is not None or clause.first_player < number:
        draft.solo = True
        draft.say(phrases[number].text, "nothing else plays")


def _is_on_top(phrases: Sequence[Phrase], solo: int, at: int) -> bool:
    """Whether an instrument called solo plays over others: "solo oboe on top", "over it a solo violin"."""
    near = [*phrases[max(0, solo - 2) : solo], *phrases[at + 1 : at + 2]]
    return any(p.has("lead") for p in near) or any(p.text in OVER for p in phrases[at + 1 : at + 2])


def _read_instrument(draft: Draft, clause: _Clause, number: int, name: str, *, no: bool, general: bool = False) -> None:
    """An instrument wanted, unwanted, or in the lead."""
    phrases, phrase = clause.phrases, clause.phrases[number]
    family = draft.lexicon.instruments[name].family
    if no and clause.kind != "entry" and clause.has_start():
        draft.later.append(family)  # "no drums at first": they come later
        draft.say(phrase.text, f"{family} later")
        return
    if no and draft.drums and phrase.text in OF_THE_KIT:
        return  # "with drums but without cymbals"
    if no and clause.kind != "entry":
        who = family if general else _called(draft, phrase, name)
        draft.without.append(who)
        if family == "drums":
            draft.drums = False
        draft.say(phrase.text, f"no {who}")
        return
    if family == "drums" and draft.drums is None:
        draft.drums = True
    draft.instruments.append(name)
    back = phrases[max(0, number - 4) : number]
    led = [i for i, p in enumerate(back) if p.has("lead")]
    led = led and not any(p.has("instrument") or p.has("but") or p.has("join") for p in back[led[-1] + 1 :])
    following = [p for p in phrases[number + 1 : number + 5] if p.text not in BEFORE_LEAD]
    if following[:1] and following[0].has("takes"):
        following = following[1:]
    leads = (bool(following) and following[0].has("lead") is not None) or phrase.text.endswith(" lead")
    if family != "drums" and (led or leads):
        draft.lead = name
        draft.say(phrase.text, f"{name} plays the melody")
    else:
        draft.say(phrase.text, f"instrument {name}")


def _called(draft: Draft, phrase: Phrase, name: str) -> str:
    """The name of an instrument, or its family where the words stand for that: "guitars" are electric ones too."""
    family = draft.lexicon.instruments[name].family
    general = (name in GENERAL and not SPECIFIC & set(phrase.text.split())) or family == "drums"
    return family if general or phrase.text == family or phrase.has("group") else name
