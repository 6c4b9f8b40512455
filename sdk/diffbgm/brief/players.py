"""Players: instruments wanted and unwanted, who leads and who plays alone."""

from collections.abc import Sequence

from diffbgm.brief.clause import Clause
from diffbgm.brief.draft import Draft
from diffbgm.brief.phrases import Phrase

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
_OF_THE_KIT = (
    "cymbals,cymbal,hi-hat,hi-hats,hihat,hi hats,snare,snares,snare drum,kick,kick drum,becken,caisse claire,rullante"
)
OF_THE_KIT = frozenset(_OF_THE_KIT.split(","))
_WIDE = (
    "keyboard,keyboards,keys,keyboard instruments,tasteninstrument,tasteninstrumente,teclado,teclados,clavier,claviers"
    ",tastiera,tastiere,vocal,vocals,voice,voices,singing,singer,singers"
    ",gesang,stimmen,voces,voix,voci,vozes,percussion,percussions,percussive,rhythm section,percusión,percusiones"
    ",schlagwerk,percussioni,percussão,ударные,вокал"
)
WIDE = frozenset(_WIDE.split(","))  # words for more than who is called by a name: "no keyboards" leaves a piano
BEFORE_LEAD = frozenset(["the", "a", "its", "main", "as", "for", "in", "at", "पर", "का"])  # between a player and "lead"
OVER = frozenset(["over", "on top of", "above", "sobre", "über", "sur", "au-dessus de", "sopra", "su", "sugli", "над"])


def read_instrument(draft: Draft, clause: Clause, number: int, name: str, *, no: bool, general: bool = False) -> None:
    """An instrument wanted, unwanted, or in the lead."""
    phrases, phrase = clause.phrases, clause.phrases[number]
    family = draft.lexicon.instruments[name].family
    if no and phrase.text in OF_THE_KIT:
        draft.unread.append(f"no {phrase.text}")  # "with drums but without cymbals": the kit is one
        return
    if no and clause.kind != "entry" and clause.has_start():
        draft.later.append(family)  # "no drums at first": they come later
        draft.say(phrase.text, f"{family} later")
        return
    if no and clause.kind != "entry":
        who = family if general else called(draft, phrase, name)
        draft.without.append(who)
        (draft.widely if phrase.text in WIDE else draft.narrowly).add(who)
        if family == "drums":
            draft.drums = False
        draft.say(phrase.text, f"no {who}")
        return
    if family == "drums" and draft.drums is None:
        draft.drums = True
    draft.instruments.append(name)
    if phrase.text not in WIDE and not general:
        draft.named.add(name)
    if not general and name != family and (family == "drums" or called(draft, phrase, name) == name):
        draft.by_name.add(name)  # "cello and piano, no strings section" keeps the cello
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


def read_solo(draft: Draft, clause: Clause, number: int) -> None:
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
        _play_alone(draft, clause, number)
    elif before is not None and phrases[number].has("soloist"):
        if clause.timed and clause.band:
            draft.lead = draft.lead or before.value  # "jazz trio, flute solo at 0:10"
        else:
            draft.soloist = before.value
        draft.say(phrases[number].text, f"{before.value} plays alone, or leads")
    elif before is not None or clause.first_player < number:
        _play_alone(draft, clause, number)


def _play_alone(draft: Draft, clause: Clause, number: int) -> None:
    """Let nobody else play than the instruments of a clause, with an "only" at a number, and those of other clauses."""
    draft.solo = True
    draft.alone |= {draft.lexicon.instruments[name].family for phrase in clause.phrases for name in names_of(phrase)}
    draft.say(clause.phrases[number].text, "nothing else plays")


def _is_on_top(phrases: Sequence[Phrase], solo: int, at: int) -> bool:
    """Whether an instrument called solo plays over others: "solo oboe on top", "over it a solo violin"."""
    near = [*phrases[max(0, solo - 2) : solo], *phrases[at + 1 : at + 2]]
    return any(p.has("lead") for p in near) or any(p.text in OVER for p in phrases[at + 1 : at + 2])


def called(draft: Draft, phrase: Phrase, name: str) -> str:
    """The name of an instrument, or its family where the words stand for that: "guitars" are electric ones too."""
    family = draft.lexicon.instruments[name].family
    general = (name in GENERAL and not SPECIFIC & set(phrase.text.split())) or family == "drums"
    return family if general or phrase.text == family or phrase.has("group") else name


def names_of(phrase: Phrase) -> list[str]:
    """The instruments that a phrase names."""
    return [name for m in phrase.meanings if m.kind in ("instrument", "group") for name in m.value.split("+")]
