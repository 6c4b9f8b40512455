"""Wordings of what is not to play, told in an order of words that the reader knows: "piano: off" as "no piano"."""

import re

from diffbgm.brief.lexicon import Lexicon
from diffbgm.brief.phrases import cut_phrases

KIND_DENIED = re.compile(  # "guitar, but not acoustic: electric", "piano, acoustic, not electric"
    r"\b(?:(?:acoustic|electric) )?(guitar|piano|bass)s?,? (?:but )?(?:(?:acoustic|electric),? )?(?:but )?"
    r"not (?:an? )?(acoustic|electric)\b(?! \w)(?:[:,;]? ?(?:but )?(?:an? )?(?:acoustic|electric)\b(?: one\b)?)?",
    re.IGNORECASE,
)
REPLACED = re.compile(  # "replace the piano with a harp", "swap drums for claps"
    r"\b(?:replace|substitute|exchange|swap|switch) ([^,;.:\n]{2,40}?) (?:with|for|by|to) ([^,;.:\n]{2,40})",
    re.IGNORECASE,
)
LISTED_OUT = re.compile(  # "no: drums, strings"
    r"\b(?:no|not|without|exclude|avoid|sans|ohne|kein|sin|senza|sem|без) ?: ?([^;.:\n]{2,80})", re.IGNORECASE
)
SWITCHED_OFF = re.compile(
    r"([^,;.:\n]{2,30}?)(?: ?: ?(?:none|no|off|0|nein|non|nada|нет)| off)(?=\s*(?:[,;.\n]|$))", re.IGNORECASE
)
MINUS = re.compile(r"(?:^|(?<=[\s,;(]))[-−–]([^\W\d][^\s,;.:]{2,20})")  # "lo-fi, -drums"


def reword(text: str, known: Lexicon) -> str:
    """Return a text with such wordings replaced; where they are of no instruments, it stays as it is."""

    def plays(words: str) -> bool:
        phrases = list(cut_phrases(words.lower(), known))
        return any(p.plays or p.has("lead") for p in phrases) and not any(p.has("negation") for p in phrases)

    def kind_left(told: re.Match[str]) -> str:
        return f"{'electric' if told[2].lower() == 'acoustic' else 'acoustic'} {told[1].lower()}"

    def replaced(told: re.Match[str]) -> str:
        return f"{told[2]} instead of {told[1]}" if plays(told[1]) and plays(told[2]) else told[0]

    def listed_out(told: re.Match[str]) -> str:
        items = [item.strip() for item in re.split(r",|/|\band\b|\bor\b|&", told[1]) if item.strip()]
        return ", ".join(f"no {item}" for item in items) if all(map(plays, items)) else told[0]

    def denied(told: re.Match[str]) -> str:
        return f"no {told[1].strip()}" if plays(told[1]) else told[0]

    for pattern, said in ((KIND_DENIED, kind_left), (REPLACED, replaced), (LISTED_OUT, listed_out)):
        text = pattern.sub(said, text)
    for pattern in (SWITCHED_OFF, MINUS):
        text = pattern.sub(denied, text)
    return text
