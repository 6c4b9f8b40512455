"""Content: genres, instruments, moods and the rest of a clause, with what its negations reach."""

import re

from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.negations import MUCH, is_joined, lessens, negated_by_what_follows
from diffbgm.brief.phrases import CONTENT, Phrase
from diffbgm.brief.players import names_of, read_instrument, read_solo

DENIED = 0.3  # weight of a mood that is denied, beside others: "dark but not scary" is dark
LATE = 0.4  # weight of a mood that comes at the end only
OPPOSITE_TEMPO = {
    "56 80": (84.0, 120.0),
    "116 152": (72.0, 104.0),
    "150 186": (84.0, 126.0),
    "46 60": (72.0, 104.0),
    "50 66": (84.0, 120.0),
}
BAND = re.compile(  # a genre that is called by who plays it; "soul quartet" is none of strings
    r"(?!quartets?$).*(?:bands?|trios?|quartett?o?s?|quintett?o?s?|ensembles?|orchest(?:ra|ras|er|re)|quatuor|cuarteto"
    r"|orquestra|orquesta)\b"
)
DECADE = re.compile(r"(?:the )?(?:19|20)?\d0s|(?:the )?(?:twen|thir|for|fif|six|seven|eigh|nine)ties")


def read_content(draft: Draft, clause: Clause, used: set[int]) -> None:
    """Genres, instruments, moods and the rest of a clause, in order, with negations; phrases in `used` are read.

    A brief says who plays and who does not, but not how much: instruments of which less is asked for are not read.
    """
    phrases = clause.phrases
    negated, fresh, softened, adjective = False, False, False, False
    lessened: int | None = None  # the number of the negation that asks for less: "fewer", "not so much"
    negated_at, negated_noun = 0, None
    ends = negated_by_what_follows(phrases)
    for number, phrase in enumerate(phrases):
        if not phrase.meanings:
            draft.unread.append(phrase.text)
            negated = negated and fresh
            continue
        content = [m for m in phrase.meanings if m.kind in CONTENT]
        if (meaning := phrase.has("negation")) is not None and meaning.value != "after" and not content:
            negated, fresh, softened, negated_at = True, True, False, number
            lessened = number if lessens(phrase) else None
            continue
        if phrase.has("but") or (phrase.has("solo") and not fresh):
            negated = False
        if negated and fresh and (phrase.has("soften") or MUCH & set(phrase.text.split())):
            lessened = negated_at
        if phrase.has("soften"):
            softened = True
            continue
        if not content or number in used or (clause.kind == "hit" and phrase.plays and clause.strikes()):
            continue
        joined = is_joined(phrases, number, negated_noun)
        if negated and not (fresh or joined or (adjective and phrase.has("instrument"))):
            negated = False
        no = negated or number in ends
        if negated and lessened is not None and phrase.plays:
            draft.unread.append(" ".join(p.text for p in phrases[lessened : number + 1]))
            draft.fewer |= {draft.lexicon.instruments[name].family for name in names_of(phrase)}
            negated_noun, fresh, softened = number, False, False
            continue
        if clause.kind not in ("rest", "hit") or phrase.has("instrument") or phrase.has("genre"):
            noun = next((p for p in phrases[number + 1 : number + 2] if p.has("instrument")), None)
            adjective = no and noun is not None and not phrase.has("instrument")
            if not adjective:
                _read_phrase(draft, clause, number, no=no, softened=softened)
            negated_noun = number if no else negated_noun
        elif phrase.has("speech"):
            draft.speech = True
        fresh, softened = False, False


def _read_phrase(draft: Draft, clause: Clause, number: int, *, no: bool, softened: bool) -> None:
    """One phrase that says something of the music."""
    phrase = clause.phrases[number]
    if (genre := phrase.has("genre")) is not None:
        if not no:
            draft.genres.append(genre.value)
            if BAND.match(phrase.text):
                draft.bands.append(genre.value)
            if DECADE.fullmatch(phrase.text):
                draft.of_decades.add(genre.value)
        draft.say(phrase.text, f"{'not ' if no else 'genre '}{genre.value}")
    if (instrument := phrase.has("instrument")) is not None:
        read_instrument(draft, clause, number, instrument.value, no=no)
    of_genre = number > 0 and phrase.text == "band" and clause.phrases[number - 1].has("genre")  # who plays folk
    if not of_genre and (group := phrase.has("group")) is not None:
        for name in group.value.split("+"):
            read_instrument(draft, clause, number, name, no=no, general=True)
    for family in (m.value for m in phrase.meanings if m.kind == "lacking" and not no):
        draft.without.append(family)
        draft.drums = False if family == "drums" else draft.drums
        draft.say(phrase.text, f"no {family}")
    if clause.kind != "level" or clause.felt is not None:
        late = clause.places == ["1.0"]
        _read_mood(draft, phrase, no=no, softened=softened and no, weight=DENIED if no else LATE if late else 1.0)
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
    if phrase.has("lead") and no and clause.timed:
        draft.unread.append(f"no {phrase.text}")  # a brief has no melody all the way, or has one
    elif phrase.has("lead") and no:
        draft.without.append("melody")
        draft.say(phrase.text, "no melody")
    if phrase.has("speech") and not no:
        draft.speech = True
        draft.say(phrase.text, "room for speech")
    if phrase.has("solo") and not no and not clause.plays_alone_then():
        read_solo(draft, clause, number)


def _read_mood(draft: Draft, phrase: Phrase, *, no: bool, softened: bool, weight: float) -> None:
    """Moods and scenes: a place on the circumplex, tags, and for scenes a genre."""
    for kind in ("mood", "scene"):
        meaning = phrase.has(kind)
        if meaning is None or (phrase.has("genre") and kind == "scene"):
            continue
        row = draft.lexicon.moods[meaning.value]
        sign = 0.3 if softened else -0.6 if no else 1.0
        draft.moods.append(
            (sign * row.valence, sign * row.arousal, phrase.text if kind == "mood" and not no else "", weight)
        )
        if no:
            draft.unwanted |= set(row.tags)
        else:
            draft.tags += row.tags
            draft.scene_genres += [row.genre] if row.genre else []
        draft.say(phrase.text, f"{'not ' if no else ''}{kind} ({sign * row.valence:+.1f}, {sign * row.arousal:+.1f})")
