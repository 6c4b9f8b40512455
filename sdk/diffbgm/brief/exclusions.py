"""Lists of what is not to play, told item by item: "no drums, bass or guitar" is no drums, no bass, no guitar."""

import re

from diffbgm.brief.lexicon import Lexicon
from diffbgm.brief.retelling import names_only_players, names_players

_NO = (
    r"no|without(?: an?y?)?(?: the)?|avoid(?:ing)?|exclud(?:e|ing)|leave out|skip|omit|ohne|keine?n?|sans|pas de|sin"
    r"|senza|sem|без"
)
_OR = r"or|nor|oder|noch|ni|o|né|ou|nem|или|ни|и"
_AND = r"and|und|et|y|e|&"
_ITEM = r"[^,;.:/\n\d]{2,25}?"
DENIED_LIST = re.compile(  # "no drums, bass or guitar", "avoid drums, guitars and brass"
    rf"\b({_NO}) ({_ITEM}(?:(?:, ?| ?/ ?){_ITEM})*)(?:,? ({_OR}|{_AND}) |, )({_ITEM})(?=\s*(?:[,;.:!?\n]|$))",
    re.IGNORECASE,
)
DENIED_PAIR = re.compile(rf"\b({_NO}) ({_ITEM}) ?/ ?({_ITEM})(?=\s*(?:[,;.:!?\n]|$))", re.IGNORECASE)
CLOSED = re.compile(  # after "without drums, piano and strings" who stands after the comma may be wanted
    r"avoid(?:ing)?|exclud(?:e|ing)|leave out|skip|omit", re.IGNORECASE
)
OF_ALL_KINDS = frozenset({"electronic", "acoustic", "orchestral", "synthetic"})
THEN_WANTED = re.compile(  # "no drums: piano and strings"
    rf"\b(({_NO}|nothing) ([^,;.:\n\d]{{2,60}}?)) ?: ?(?=([^;.:\n\d]{{2,80}}))", re.IGNORECASE
)
NOTHING_WITH = re.compile(
    r"\bnothing (?:with|featuring|using|containing|that has)(?: any)? (?=([^,;.:\n\d]{2,30}))", re.IGNORECASE
)
MUST_NOT_PLAY = re.compile(  # "the piano must not play"
    r"\b(?:the |any )?([^,;.:\n\d]{2,25}?) (?:must|should|shall|may|can|is|are|do|does)(?: ?n['o]t| never)"
    r" (?:to )?(?:play(?:ing)?|sound|appear|be (?:used|heard|there|in (?:it|there)|playing|included|present))\b",
    re.IGNORECASE,
)
FORGET = re.compile(
    r"\b(?:forget|never mind|we can do without)(?: about)? (?:the |any )?(?=([^,;.:\n\d]{2,25}))", re.IGNORECASE
)
NOT_WANTED = re.compile(r"\b(?:not (?:wanted|needed|allowed)|do not want|undesired) ?: ?", re.IGNORECASE)


def exclude(text: str, known: Lexicon) -> str:
    """Return a text with such lists told item by item; where they are not of instruments, it stays as it is."""

    def each(word: str, items: list[str]) -> str:
        return ", ".join(f"{word} {item.strip()}" for item in items)

    def listed(told: re.Match[str]) -> str:
        items = [*re.split(r"[,/]", told[2]), told[4]]
        joined = (told[3] or "").lower()
        if len(items) < 3 and not re.fullmatch(_OR, joined):
            return told[0]
        closed = re.fullmatch(_OR, joined) or CLOSED.fullmatch(told[1])
        return each(told[1], items) if closed and all(names_only_players(one, known) for one in items) else told[0]

    def pair(told: re.Match[str]) -> str:
        items = [told[2], told[3]]
        return each(told[1], items) if all(names_only_players(one, known) for one in items) else told[0]

    def then_wanted(told: re.Match[str]) -> str:
        named = names_players(told[3], known) or told[3] in OF_ALL_KINDS
        return f"{told[1]}. " if named and names_players(told[4], known) else told[0]

    def denied(told: re.Match[str]) -> str:
        return "no " if names_players(told[1], known) else told[0]

    def must_not(told: re.Match[str]) -> str:
        return f"no {told[1]}" if names_only_players(told[1], known) else told[0]

    for pattern, said in (
        (NOT_WANTED, "excluded: "), (NOTHING_WITH, denied), (FORGET, denied), (MUST_NOT_PLAY, must_not),
        (DENIED_PAIR, pair), (DENIED_LIST, listed), (THEN_WANTED, then_wanted),
    ):  # fmt: skip
        text = pattern.sub(said, text)
    return text
