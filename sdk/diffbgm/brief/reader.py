"""Text to brief: figures first, then phrases of the lexicon clause by clause, with negations and what they reach."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from diffbgm.brief import patterns
from diffbgm.brief.lexicon import LONGEST_PHRASE, Lexicon, Meaning, is_joined, lexicon, normalise
from diffbgm.brief.model import Brief, Hit, Moment, Reading, Span

LONGEST_TEXT = 2000  # characters that are read; a brief is a few lines
LONGEST_WORD = 40
INTENSE, QUIET = 0.7, 0.35  # levels from which on a clause counts as intense, up to which as quiet
ARCS: dict[str, tuple[tuple[float, float], ...]] = {  # (share of the film, level)
    "rise": ((0.0, 0.15), (0.5, 0.45), (1.0, 1.0)),
    "fall": ((0.0, 0.85), (0.5, 0.5), (1.0, 0.1)),
    "peak": ((0.0, 0.2), (0.5, 1.0), (1.0, 0.2)),
    "dip": ((0.0, 0.85), (0.5, 0.15), (1.0, 0.85)),
}
OPPOSITE_TEMPO = {"56 80": (84.0, 120.0), "116 152": (72.0, 104.0), "150 186": (84.0, 126.0), "46 60": (72.0, 104.0)}


def read_brief(text: str) -> Brief:
    """What a text asks of the music.

    Args:
        text: Free text in any of ten languages (en, es, de, fr, it, pt, ru, zh, ja, hi), mixed as people write.

    Returns:
        The brief. Nothing raises: what is not understood stands in `unread`, what goes beyond LONGEST_TEXT too.
    """
    original = unicodedata.normalize("NFKC", text)
    state = _State(lexicon())
    if len(original) > LONGEST_TEXT:
        state.unread.append(f"everything after {LONGEST_TEXT} characters")
        original = original[:LONGEST_TEXT]
    lowered = patterns.spell_numbers(normalise(original))
    rest = patterns.Text(lowered)
    if (bpm := patterns.take_bpm(rest)) is not None:
        state.bpm = bpm[0]
        state.say(bpm[1], f"tempo {bpm[0][0]:g}" if bpm[0][0] == bpm[0][1] else "tempo {:g} to {:g}".format(*bpm[0]))
    if (metre := patterns.take_metre(rest)) is not None:
        state.metre = metre[0]
        state.say(metre[1], f"metre {metre[0]}")
    if (key := patterns.take_key(rest, original)) is not None:
        state.tonic, state.mode = key[0]
        state.say(key[1], f"key with tonic {key[0][0]}, {key[0][1]}")
    clauses = re.split(
        r"[,;!?\n。，、；！？।]|\.(?!\d)|\bthen\b|\bdann\b|\bluego\b|\bpuis\b|\bpoi\b|\bdepois\b|\bпотом\b|然后",
        rest.left,
    )
    for number, clause in enumerate(clauses):
        following = next((later for later in clauses[number + 1 :] if later.strip()), "")
        _read_clause(state, clause, following)
    return state.finish()


@dataclass
class _State:
    """What has been read so far."""

    lexicon: Lexicon
    bpm: tuple[float, float] | None = None
    tonic: int | None = None
    mode: Literal["major", "minor"] | None = None
    metre: str | None = None
    genres: list[str] = field(default_factory=list)
    instruments: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    lead: str | None = None
    solo: bool = False
    drums: bool | None = None
    moods: list[tuple[float, float]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    tempo_word: tuple[float, float] | None = None
    scene_genres: list[str] = field(default_factory=list)
    placed: list[tuple[Moment, float]] = field(default_factory=list)
    arc: str | None = None
    hits: list[Hit] = field(default_factory=list)
    rests: list[Span] = field(default_factory=list)
    speech: bool = False
    ending: Literal["fade", "final", "cut"] | None = None
    readings: list[Reading] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def say(self, words: str, meaning: str) -> None:
        self.readings.append(Reading(words.strip(), meaning))

    def finish(self) -> Brief:
        """The brief: explicit figures beat words, words beat what a genre usually has."""
        known = self.lexicon.genres
        genre = self.genres[0] if self.genres else next(iter(self.scene_genres), None)
        row = known[genre] if genre else None
        waltz = next((known[g].metre for g in self.genres if known[g].metre != "4/4"), None)
        bpm = self.bpm or self.tempo_word
        if self.bpm is None and row is not None and self.genres:
            bpm = _meet(self.tempo_word, row.bpm)
        mode = self.mode
        valence = _mean([v for v, _ in self.moods])
        arousal = _mean([a for _, a in self.moods])
        if mode is None and valence is not None and abs(valence) >= 0.25:
            mode = "major" if valence > 0 else "minor"
        usual = next((known[name].mode for name in self.genres if known[name].mode), None)
        if mode is None and usual is not None:
            mode = "major" if usual == "major" else "minor"
        if row is not None:
            valence = row.valence if valence is None else valence
            arousal = row.arousal if arousal is None else arousal
        instruments = [name for name in self.instruments if not self._excluded(name)]
        percussion = any(self.lexicon.instruments[name].family in ("drums", "percussion") for name in instruments)
        drums = self.drums
        if drums is None and percussion:
            drums = True
        if drums is None and self.solo:
            drums = False
        if drums is None and row is not None and self.genres:
            drums = row.drums
        energy = tuple(sorted(self.placed, key=lambda point: point[0].seconds(1.0)))
        if self.arc and len({level for _, level in energy}) < 2:
            energy = tuple((Moment(share, "share"), level) for share, level in ARCS[self.arc])
        lead = self.lead if self.lead is None or not self._excluded(self.lead) else None
        return Brief(
            bpm=bpm,
            tonic=self.tonic,
            mode=mode,
            metre=self.metre or waltz,
            genre=genre,
            instruments=tuple(dict.fromkeys(instruments)),
            without=tuple(dict.fromkeys(self.without)),
            lead=lead,
            solo=self.solo and bool(instruments),
            drums=drums,
            valence=valence,
            arousal=arousal,
            tags=tuple(dict.fromkeys(self.tags)),
            energy=energy if len(energy) > 1 else (),
            hits=tuple(self.hits),
            rests=tuple(self.rests),
            speech=self.speech,
            ending=self.ending,
            readings=tuple(self.readings),
            unread=tuple(dict.fromkeys(self.unread)),
        )

    def _excluded(self, name: str) -> bool:
        return name in self.without or self.lexicon.instruments[name].family in self.without


@dataclass(frozen=True)
class _Phrase:
    """A phrase of a clause with its meanings (none: not understood)."""

    text: str
    meanings: tuple[Meaning, ...]

    def has(self, kind: str) -> Meaning | None:
        return next((meaning for meaning in self.meanings if meaning.kind == kind), None)


def _read_clause(state: _State, clause: str, following: str) -> None:
    """Reads one clause into the state."""
    text = patterns.Text(clause)
    spans = patterns.take_spans(text)
    moments = patterns.take_moments(text)
    phrases = list(_phrases(text.left, state.lexicon))
    kinds = {meaning.kind for phrase in phrases for meaning in phrase.meanings}
    timed = _read_times(state, phrases, spans, moments, kinds, following)
    if timed == "rest":
        phrases = [
            p for p in phrases if not (p.has("rest") or p.has("negation") or p.has("intensity") or p.has("speech"))
        ]
        if any(p.has("speech") for p in phrases):
            state.speech = True
    places = [float(m.value) for p in phrases if (m := p.has("place")) is not None]
    levels = [float(m.value) for p in phrases if (m := p.has("intensity")) is not None]
    placed = bool(places and levels) and timed is None
    if placed:
        _read_places(state, phrases)
    _read_phrases(state, phrases, placed=placed, spans=spans)


def _read_times(
    state: _State,
    phrases: Sequence[_Phrase],
    spans: Sequence[tuple[Span, str]],
    moments: Sequence[tuple[Moment, str]],
    kinds: set[str],
    following: str,
) -> str | None:
    """Rests, hits and levels at the times of a clause; "rest" where it was a rest, "level" where a level."""
    words = {phrase.text for phrase in phrases}
    silent = "rest" in kinds or (
        "negation" in kinds and words & {"music", "notes", "anything", "musik", "música", "musique"}
    )
    quiet = next((float(m.value) for p in phrases if (m := p.has("intensity")) is not None), None)
    opening = bool(
        re.search(r"\b(?:come|comes|enter|enters|start|starts|kick|kicks|drop|drops|join|joins)\b", following)
    )
    starts_at_once = any(span.start == Moment(0.0) for span, _ in spans)
    if spans and (silent or (quiet is not None and quiet <= QUIET and starts_at_once and opening)):
        for span, said in spans:
            state.rests.append(span)
            state.say(said, "a rest")
        return "rest"
    if moments and ("hit" in kinds):
        size = 1.0 if words & {"big", "huge", "massive", "loud", "hard", "strong"} else 0.7
        for moment, said in moments:
            state.hits.append(Hit(moment, size))
            state.say(said, "a hit")
        return "hit"
    if quiet is not None and (spans or moments):
        for span, said in spans:
            state.placed += [(span.start, quiet), (span.end, quiet)]
            state.say(said, f"energy {quiet:g}")
        for moment, said in moments:
            state.placed.append((moment, quiet))
            state.say(said, f"energy {quiet:g}")
        return "level"
    for _, said in (*spans, *moments):
        state.unread.append(said.strip())
    return None


def _read_places(state: _State, phrases: Sequence[_Phrase]) -> None:
    """Pairs of a place and a level nearest to one another: "starts quiet and builds to a big finish"."""
    places = [(i, float(m.value)) for i, p in enumerate(phrases) if (m := p.has("place")) is not None]
    levels = [(i, float(m.value)) for i, p in enumerate(phrases) if (m := p.has("intensity")) is not None]
    for at, place in places:
        near = min(levels, key=lambda level: (abs(level[0] - at), level[0]))
        share = {0.0: 0.05, 1.0: 0.95}.get(place, place)
        state.placed.append((Moment(share, "share"), near[1]))
        state.say(f"{phrases[at].text} {phrases[near[0]].text}", f"energy {near[1]:g} at {share:.0%}")


def _read_phrases(
    state: _State, phrases: Sequence[_Phrase], *, placed: bool, spans: Sequence[tuple[Span, str]]
) -> None:
    """Genres, instruments, moods and the rest of a clause, in order, with negations."""
    negated, fresh, softened = False, False, False
    ends = _negated_by_what_follows(phrases)
    for number, phrase in enumerate(phrases):
        if not phrase.meanings:
            state.unread.append(phrase.text)
            negated = negated and fresh
            continue
        if (
            (meaning := phrase.has("negation")) is not None
            and meaning.value == "before"
            and not any(m.kind in CONTENT for m in phrase.meanings)
        ):
            negated, fresh = True, True
            continue
        if phrase.has("but"):
            negated = False
        if phrase.has("soften"):
            softened = True
            continue
        content = [m for m in phrase.meanings if m.kind in CONTENT]
        if not content:
            continue
        no = negated or number in ends
        before = phrases[number - 1] if number else None
        joined = before is not None and before.has("join") is not None
        if negated and not fresh and not joined:
            no = number in ends
            negated = False
        _read_content(state, phrase, phrases, number, no=no, softened=softened and no, placed=placed)
        fresh, softened = False, False


CONTENT = (
    "genre",
    "instrument",
    "mood",
    "scene",
    "tempo",
    "mode",
    "arc",
    "ending",
    "lead",
    "solo",
    "speech",
    "intensity",
)


def _negated_by_what_follows(phrases: Sequence[_Phrase]) -> set[int]:
    """Numbers of phrases that a word after them negates, as in Japanese and Hindi."""
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


def _read_content(
    state: _State, phrase: _Phrase, phrases: Sequence[_Phrase], number: int, *, no: bool, softened: bool, placed: bool
) -> None:
    """One phrase that says something of the music."""
    if (genre := phrase.has("genre")) is not None:
        if not no:
            state.genres.append(genre.value)
            state.say(phrase.text, f"genre {genre.value}")
        else:
            state.say(phrase.text, f"not {genre.value}")
    if (instrument := phrase.has("instrument")) is not None:
        _read_instrument(state, phrase, phrases, number, instrument.value, no=no)
    for kind in ("mood", "scene"):
        meaning = phrase.has(kind)
        if meaning is None or (placed and phrase.has("intensity")):
            continue
        row = state.lexicon.moods[meaning.value]
        sign = -1.0 if no and not softened else 0.3 if softened else 1.0
        state.moods.append((sign * row.valence, sign * row.arousal))
        if not no:
            state.tags += row.tags
            if row.genre:
                state.scene_genres.append(row.genre)
        state.say(phrase.text, f"{'not ' if no else ''}{kind} ({sign * row.valence:+.1f}, {sign * row.arousal:+.1f})")
    if (tempo := phrase.has("tempo")) is not None:
        low, high = map(float, tempo.value.split())
        state.tempo_word = OPPOSITE_TEMPO.get(tempo.value, (low, high)) if no else (low, high)
        state.say(phrase.text, f"tempo {state.tempo_word[0]:g} to {state.tempo_word[1]:g}")
    if (mode := phrase.has("mode")) is not None:
        major = (mode.value == "major") != no
        state.mode = "major" if major else "minor"
        state.say(phrase.text, state.mode)
    if (arc := phrase.has("arc")) is not None and not no:
        state.arc = arc.value
        state.say(phrase.text, f"energy: {arc.value}")
    if (ending := phrase.has("ending")) is not None and not no:
        state.ending = "fade" if ending.value == "fade" else "final" if ending.value == "final" else "cut"
    if phrase.has("lead") and no:
        state.without.append("melody")
        state.say(phrase.text, "no melody")
    if phrase.has("speech") and not no:
        state.speech = True
        state.say(phrase.text, "room for speech")
    if phrase.has("solo") and not no and any(p.has("instrument") for p in phrases[number + 1 :]):
        state.solo = True
        state.say(phrase.text, "nothing else plays")


def _read_instrument(
    state: _State, phrase: _Phrase, phrases: Sequence[_Phrase], number: int, name: str, *, no: bool
) -> None:
    """An instrument wanted, unwanted, or in the lead."""
    family = state.lexicon.instruments[name].family
    if no:
        general = phrase.text in (family, name) or family in ("drums", "strings", "piano", "guitar", "brass", "synth")
        state.without.append(family if general else name)
        if family == "drums":
            state.drums = False
        state.say(phrase.text, f"no {family if general else name}")
        return
    if family == "drums" and state.drums is None:
        state.drums = True
    state.instruments.append(name)
    led = [p for p in phrases[max(0, number - 3) : number] if p.has("lead")]
    leads = number + 1 < len(phrases) and phrases[number + 1].has("lead") is not None
    if family != "drums" and (led or leads):
        state.lead = name
        state.say(phrase.text, f"{name} plays the melody")
    else:
        state.say(phrase.text, f"instrument {name}")


def _phrases(text: str, known: Lexicon) -> Iterator[_Phrase]:
    """The longest known phrases of a clause in order; runs of Han and Kana are cut by the longest known word."""
    words = list(_words(text))
    i = 0
    while i < len(words):
        if any(map(is_joined, words[i])):
            yield from _cut(words[i], known)
            i += 1
            continue
        for length in range(min(LONGEST_PHRASE, len(words) - i), 0, -1):
            phrase = " ".join(words[i : i + length])
            meanings = known.find(phrase)
            if not meanings and length == 1:
                meanings = _inflected(phrase, known)
            if meanings:
                yield _Phrase(phrase, meanings)
                i += length
                break
        else:
            yield _Phrase(words[i], ())
            i += 1


def _inflected(word: str, known: Lexicon) -> tuple[Meaning, ...]:
    """The meanings of a word by its stem, its parts or, last, with one slip mended."""
    for ending in ("'s", "s", "es", "ly", "ish", "y"):
        if word.endswith(ending) and (found := known.find(word[: -len(ending)])):
            return found
    elided = word.rsplit("'", 1)[-1]
    if elided != word and (found := known.find(elided)):
        return found
    if "-" in word:
        parts = [m for part in word.split("-") for m in known.find(part) if m.kind in CONTENT]
        if parts:
            return tuple(parts)
    corrected = known.correct(word)
    return known.find(corrected) if corrected else ()


def _cut(run: str, known: Lexicon) -> Iterator[_Phrase]:
    """A run without spaces cut into known words, the longest first at every place."""
    i, unknown = 0, ""
    while i < len(run):
        word = next((word for word in known.joined if run.startswith(word, i)), None)
        if word is None:
            unknown += run[i]
            i += 1
            continue
        if unknown:
            yield _Phrase(unknown, ())
            unknown = ""
        yield _Phrase(word, known.find(word))
        i += len(word)
    if unknown:
        yield _Phrase(unknown, ())


def _words(text: str) -> Iterator[str]:
    """Runs of letters, marks, digits, apostrophes, hyphens, & and /; runs of Han and Kana apart from others."""
    word, joined = "", False
    for character in text:
        inside = unicodedata.category(character)[0] in "LMN" or character in "'-&"
        if word and (not inside or is_joined(character) != joined):
            if word.strip("'-"):
                yield word.strip("'-") if len(word) <= LONGEST_WORD else word[:LONGEST_WORD]
            word = ""
        if inside:
            word, joined = word + character, is_joined(character)
    if word.strip("'-"):
        yield word.strip("'-") if len(word) <= LONGEST_WORD else word[:LONGEST_WORD]


def _meet(wanted: tuple[float, float] | None, usual: tuple[float, float]) -> tuple[float, float]:
    """The part of a genre's tempi that a word asks for: where both meet, else what the word says."""
    if wanted is None:
        return usual
    low, high = max(wanted[0], usual[0]), min(wanted[1], usual[1])
    return (low, high) if low <= high else wanted


def _mean(values: Sequence[float]) -> float | None:
    return max(-1.0, min(1.0, sum(values) / len(values))) if values else None


def without_readings(brief: Brief) -> Brief:
    """The brief without where it came from, to compare what two texts ask for."""
    return replace(brief, readings=(), unread=())
