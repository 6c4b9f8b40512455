"""Wordings of what is not to play, told in an order of words that the reader knows: "piano: off" as "no piano"."""

import re
from collections.abc import Callable

from diffbgm.brief.lexicon import Lexicon
from diffbgm.brief.phrases import cut_phrases
from diffbgm.brief.retelling import ALMOST, names_players

ENSEMBLES = frozenset({"brass section", "strings", "synth", "choir", "organ", "warm pad", "drums"})  # of whole families
KIND_DENIED = re.compile(  # "guitar, but not acoustic: electric", "piano, acoustic, not electric"
    r"\b(?:(?:acoustic|electric) )?(guitar|piano|bass)s?,? (?:but )?(?:(?:acoustic|electric),? )?(?:but )?"
    r"not (?:an? )?(acoustic|electric)\b(?! \w)(?:[:,;]? ?(?:but )?(?:an? )?(?:acoustic|electric)\b(?: one\b)?)?",
    re.IGNORECASE,
)
_THIS = r"([^,;.:\n]{2,40}?)"
REPLACED_BY = re.compile(  # "replace the piano with a harp", "swap drums for claps", "замени пианино на арфу"
    rf"\b(?:(?:replace|substitute|exchange|swap|switch)(?: out)? {_THIS} (?:with|for|by|to)|ersetzen? {_THIS} durch"
    rf"|remplace[rz]? {_THIS} par|(?:cambi|sustitu|reemplaz|tro[cq]u?|substitu)[a-zá]{{1,4}} {_THIS} por"
    rf"|sostitui\w{{2,4}} {_THIS} con|замени\w{{0,3}} {_THIS} на|{_THIS} (?:(?:is|are|to be) )?replaced (?:by|with))"
    rf" (?:un')?([^,;.:\n]{{2,40}})"
    rf"|([^,;.:、。\n]{{1,20}}?)(?:の代わりに| की जगह )([^,;.:、。\n]{{1,20}})",
    re.IGNORECASE,
)
USED_FOR = re.compile(r"用([^,;.:，。\n]{1,12}?)(?:代替|替代|取代)([^,;.:，。\n]{1,12})")
BRACKETS = re.compile(
    r"\(((?:not?|without|kein\w*|ohne|pas|sans|non|senza|sin|sem|не|без) [^()\n]{2,60})\)", re.IGNORECASE
)
KIND_OF_IT = re.compile(  # "guitar: acoustic"
    r"\b(guitar|piano|bass) ?: ?(acoustic|electric|upright|nylon|distorted|felt|synth)\b(?! \w)", re.IGNORECASE
)
JOINED_SOLO = re.compile(r"\b([^\W\d]{4,15})solo\b", re.IGNORECASE)  # "Klaviersolo"
EXCEPT_THEN = re.compile(  # "drums everywhere except 0:05-0:08"
    r"\b(?:everywhere|throughout|always|all the time|the whole time) (?:except|apart from|save|but not)"
    r"(?: for| from| in)?(?= ?\d)|\b(?:except|apart from|but not)(?: for| from| in| during)?"
    r"(?= \d?\d:\d\d| (?:the )?(?:first|last|final) (?:\d|half))"
)
LISTED_OUT = re.compile(  # "no: drums, strings", "Excluded: drums"
    r"\b(?:no|not|without|excluded?|avoid|excluding|don'?t (?:want|use)|omit|unwanted|forbidden|sans|ohne|kein"
    r"|sin|senza|sem|без)(?: the following| these)?(?: instruments)? ?: ?([^;.:\n]{2,80})",
    re.IGNORECASE,
)
SWITCHED_OFF = re.compile(  # "drums: off", "drums no", "drums? no"
    r"([^,;.:?/\n]{2,30}?)(?: ?[:?=] ?(?:(?:god|hell|please|absolutely|oh) )?"
    r"(?:none|no|off|0|nope|nein|keine?s?|non|aucune?|nada|ningun[oa]|nessun[oa]|nenhuma?|нет)"
    r"| off| no| nein| нет| not (?:ok|okay|wanted|needed|allowed|welcome))"
    r"(?=\s*(?:[,;.!/\n]|$))",
    re.IGNORECASE,
)
# "percussion-less", "brassless"
LACKING = re.compile(r"\b(?!key|horn)([^\W\d]{3,20})(?:-less|less|-?free)\b", re.IGNORECASE)
NO_SOLO = re.compile(  # "jazz trio, no piano solo": it plays, but no solo
    r"\b(?:no|without(?: any)?|avoid|ohne|kein|sans|sin|senza|sem) ((?:[^\W\d]{3,20} )?[^\W\d]{3,20}) solos?\b",
    re.IGNORECASE,
)
LED = re.compile(r"\b([^\W\d]{3,20})-(?:led|lead)\b", re.IGNORECASE)  # "flute-led"
ROLE = re.compile(
    r"\b(?:band|bass|pads?|keys|drums|percussion|rhythm) ?[:=] ?(?=([^,;.:/\n]{2,30}))",
    re.IGNORECASE,
)
COMES_IN = re.compile(  # "strings in at 0:05", "0:04 drums in"
    r"\b([^\W\d][^,;.:\n\d]{2,30}?)(?<!kick)(?<!kicks)(?<!fade)(?<!fades)(?<!join)(?<!joins)(?<!drop)(?<!drops)(?<!come)"
    r"(?<!comes)(?<!burst)(?<!bursts)(?<!set)(?<!sets)(?<!coming) in(?= (?:at|from|@|on) ?\d|[,;.\n]|$)",
    re.IGNORECASE,
)
NOT_ONLY = re.compile(  # "not only strings but also brass"
    r"\b(?:not (?:just|only|merely|simply)|nicht nur|pas (?:seulement|que)|no (?:s[oó]lo|solamente)|non solo"
    r"|non soltanto|não (?:só|apenas|somente)|не только)\b|不仅仅?是?|不只是?|不光是?",
    re.IGNORECASE,
)
NEITHER = re.compile(r"\bweder ([^,;.:\n]{2,40}?) noch ", re.IGNORECASE)
PREFERRED = (  # "I prefer a harp to a piano", "lieber Harfe als Klavier", "rather a harp than a piano"
    r"\b(?:prefer|préfère|prefiero|preferisco|prefiro) ([^,;.:\n]{2,30}?) (?:to|over|than|à|au|a|al) ",
    r"\b(?:lieber|eher) ([^,;.:\n]{2,30}?) als ",
    r"\brather ([^,;.:\n]{2,30}?) than ",
)
PREFERRED_TO = re.compile("|".join(rf"(?:{said}([^,;.:\n]{{2,30}}))" for said in PREFERRED), re.IGNORECASE)
SET_AGAINST = re.compile(  # "a flute rather than a violin for the melody", "as the lead instead of the flute"
    r"\b((?:instead of|rather than|not|in place of) [^,;.:\n]{2,30}?) (?:for|as|on) (?:the |a )?"
    r"(lead|melody|tune|theme)\b",
    re.IGNORECASE,
)
BROUGHT_IN = re.compile(r"\b(?:bring|let|fade) ([^,;.:\n]{3,30}?) (?:back )?in\b(?! \w+ing)", re.IGNORECASE)
TAKEN_OUT = re.compile(r"\b(?:take|cut|pull|bring|fade|drop|strip) ([^,;.:\n]{3,30}?) out\b(?! of)", re.IGNORECASE)
NEAR = 150  # letters before "take them out" in which they are named
THAT_ONE = re.compile(  # "the drums are too loud, take them out"
    r"\b(?:(?:take|leave|cut|keep|strip) (?:them|it|those|that) out|(?:remove|delete|lose|ditch|omit) (?:them|it|those)"
    r"|get rid of (?:them|it|those)|no need for (?:them|it))(?=\s*(?:[,;.!\n]|$))",
    re.IGNORECASE,
)
EXCEPTED = re.compile(  # "no brass except for the horn"
    r"\b(?:no|without|ohne|keine?|sans|pas de|sin|senza|sem|без) ([^,;.:\n]{2,30}?) (?:except(?: for)?|other than"
    r"|apart from|besides|außer|sauf|salvo|excepto|tranne|exceto|кроме) (?:(?:for|a|an|the) )*([^,;.:\n]{2,30})",
    re.IGNORECASE,
)
TAGGED_OUT = re.compile(r"#(?:no|without|sin|sans|ohne|senza|sem) ?(\w{3,30})", re.IGNORECASE)
SILENT_BEAT = re.compile(r"\ba (?:beat|bar|breath|moment) of (?=silence|nothing|rest)", re.IGNORECASE)
BREAK = re.compile(
    r"(?:^|(?<=[,;.:]))(\s*)(?:(?:a|one|short|brief|quick|little) )*break (?=(?:at|from|between) )", re.IGNORECASE
)
MINUS = re.compile(r"(?:^|(?<=[\s,;(]))[-−–]([^\W\d][^\s,;.:]{2,20})")  # "lo-fi, -drums"


GROWS_FROM_NOTHING = re.compile(  # "starts from nothing", "builds out of silence": no rest, there is music
    r"\b(?:(?:start|begin|open|build|grow|ris|swell|com|emerg|evolv)(?:s|es|e|ing)?(?: up)? )?(?:from|out of) "
    rf"{ALMOST}(?:nothing(?:ness)?|silence|zero)\b(?! ?(?:but|else|at|for|in|until|till|other|to 0?\d))"
    r"(?: (?:in)?to (?=every|all))?",
    re.IGNORECASE,
)
STARTS_WITH_NOTHING = re.compile(  # "starts with nothing and ends with everything": the same, told by its two ends
    rf"\b(?:start|begin|open)(?:s|ning|ing)? (?:with|on|as|at) {ALMOST}nothing(?:ness)?(?: at all)?,?"
    r"(?: and| then| but)* (?=(?:it )?(?:end|finish|build|grow|swell|explod|close)\w*\b)",
    re.IGNORECASE,
)
VIBES = re.compile(  # "summer vibes" are no vibraphone; "piano and vibes", "with vibes" and "no vibes" are
    r"(?<!\w)(?!(?:and|with|on|plus|or|the|by|over|no|without|featuring|solo|add|some|lead) )([\w'-]+) vibes?\b"
    r"(?! (?:solo|lead|melody))",
    re.IGNORECASE,
)


def reword(text: str, known: Lexicon) -> str:
    """Return a text with such wordings replaced; where they are of no instruments, it stays as it is."""

    def plays(words: str) -> bool:
        return names_players(words, known)

    def kind_left(told: re.Match[str]) -> str:
        return f"{'electric' if told[2].lower() == 'acoustic' else 'acoustic'} {told[1].lower()}"

    def replaced(told: re.Match[str]) -> str:
        old, new = (words for words in told.groups() if words)
        return f"{new} instead of {old}" if plays(old) and plays(new) else told[0]

    def used_for(told: re.Match[str]) -> str:
        return f"{told[1]}，不要{told[2]}" if plays(told[1]) and plays(told[2]) else told[0]

    def solo(told: re.Match[str]) -> str:
        return f"{told[1]} solo" if plays(told[1]) else told[0]

    def listed_out(told: re.Match[str]) -> str:
        items = [item.strip() for item in re.split(r",|/|\band\b|\bor\b|&", told[1]) if item.strip()]
        return ", ".join(f"no {item}" for item in items) if all(map(plays, items)) else told[0]

    def denied(told: re.Match[str]) -> str:
        return f"no {told[1].strip()}" if plays(told[1]) else told[0]

    def led(told: re.Match[str]) -> str:
        return f"{told[1]} lead" if plays(told[1]) else told[0]

    def no_solo(told: re.Match[str]) -> str:
        return "" if plays(told[1]) else told[0]

    def role(told: re.Match[str]) -> str:
        return "" if plays(told[1]) else told[0]

    def comes_in(told: re.Match[str]) -> str:
        return f"{told[1]} come in" if plays(told[1]) else told[0]

    def neither(told: re.Match[str]) -> str:
        return f"kein {told[1]}, kein "

    def preferred(told: re.Match[str]) -> str:
        wanted, other = (words for words in told.groups() if words)
        return f"{wanted} instead of {other}" if plays(wanted) and plays(other) else told[0]

    def set_against(told: re.Match[str]) -> str:
        return f"for the {told[2]} {told[1]}" if plays(told[1].split(" ", 1)[1]) else told[0]

    def moved(verb: str) -> Callable[[re.Match[str]], str]:
        return lambda told: f"{verb} {told[1]}" if plays(told[1]) else told[0]

    def that_one(told: re.Match[str]) -> str:
        named = [
            p.text
            for p in cut_phrases(told.string[max(0, told.start() - NEAR) : told.start()].lower(), known)
            if p.plays
        ]
        return f"no {named[-1]}" if named else told[0]

    def excepted(told: re.Match[str]) -> str:
        names, families = _names_in(told[1], known), {known.instruments[n].family for n in _names_in(told[1], known)}
        kept = _names_in(told[2], known)
        if not names or not kept or not {known.instruments[name].family for name in kept} <= families:
            return told[0]
        gone = [
            n for n, row in known.instruments.items() if row.family in families and n not in kept and n not in ENSEMBLES
        ]
        return f"{told[2]}, {', '.join(f'no {name}' for name in gone)}"

    for pattern, said in (
        (STARTS_WITH_NOTHING, "grows, "), (GROWS_FROM_NOTHING, " grows "),
        (VIBES, r"\1"), (NO_SOLO, no_solo), (TAGGED_OUT, denied), (NOT_ONLY, " "),
        (KIND_DENIED, kind_left), (REPLACED_BY, replaced),
        (USED_FOR, used_for), (BRACKETS, r", \1, "), (KIND_OF_IT, r"\2 \1"), (JOINED_SOLO, solo),
        (EXCEPT_THEN, "stop"), (NEITHER, neither), (PREFERRED_TO, preferred), (SET_AGAINST, set_against),
        (LISTED_OUT, listed_out), (LACKING, denied), (LED, led), (ROLE, role), (BROUGHT_IN, moved("bring in")),
        (TAKEN_OUT, moved("mute")), (THAT_ONE, that_one), (COMES_IN, comes_in),
        (SILENT_BEAT, ""), (BREAK, r"\1pause "),
    ):  # fmt: skip
        text = pattern.sub(said, text)
    text = EXCEPTED.sub(excepted, text, count=1)
    for pattern in (SWITCHED_OFF, MINUS):
        text = pattern.sub(denied, text)
    return text


def _names_in(words: str, known: Lexicon) -> list[str]:
    """The instruments that some words name."""
    found = [
        m.value for p in cut_phrases(words.lower(), known) for m in p.meanings if m.kind in ("instrument", "group")
    ]
    return [name for value in found for name in value.split("+")]
