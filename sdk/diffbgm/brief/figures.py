"""Figures: the key, the metre and the tempo of a text."""

import re

from diffbgm.brief.draft import Draft
from diffbgm.brief.keys import PITCH_NAMES, take_key
from diffbgm.brief.levels import spell_levels
from diffbgm.brief.lexicon import normalise
from diffbgm.brief.patterns import SECONDS, Text, spell_numbers, spread_units
from diffbgm.brief.tempi import take_bpm, take_metre

EVERY = "every|each|alle|cada|toutes les|ogni|a cada"  # "an accent every 4 seconds" is none at 4 s


def read_figures(draft: Draft, original: str) -> str:
    """Key, metre and tempo; returns the text without them."""
    rest = Text(normalise(original))
    if (key := take_key(rest, original)) is not None:
        (draft.tonic, draft.mode), words = key
        tonic = "" if draft.tonic is None else f" with tonic {PITCH_NAMES[draft.tonic]}"
        draft.say(words, f"key{tonic} {draft.mode or ''}".strip())

    def unread(said: re.Match[str]) -> bool:
        draft.unread.append(said.group(0))
        return True

    rest.left = spell_numbers(rest.left)
    tempi = take_bpm(rest)
    if tempi:
        draft.bpm, words = tempi[0]
        low, high = draft.bpm
        draft.say(words, f"tempo {low:g}" if low == high else f"tempo {low:g} to {high:g}")
        for other, said in tempi[1:]:
            if other != draft.bpm:
                draft.conflicts.append(f"{said!r} contradicts {words!r}: the first counts")
    if (metre := take_metre(rest)) is not None:
        draft.metre, words = metre
        draft.say(words, f"metre {draft.metre}")
    rest.take(r"(?<![\d/.:])(?:5|7|11|13)/(?:4|8)(?![\d/])", unread)
    rest.take(rf"\b(?:{EVERY})\s+\d+(?:\.\d+)?\s*{SECONDS}(?!\w)", unread)
    return spread_units(spell_levels(rest.left))
