"""Levels of energy as forms and charts write them: "Energy: low, high" becomes "low energy, then high energy"."""

import re

_ENERGY = "energy|intensity|dynamics?|energie|intensität|energía|intensidad|énergie|intensité|energia|intensità|энергия"
_NAME = rf"\b(?:the\s+)?(?:{_ENERGY})(?:\s+(?:levels?|curves?|arcs?))?"
_LEADS = r"(?:\s*(?:[:=]|\s-\s|\b(?:is|are|stays?|should be|must be|goes|moves|from|starts?|begins?|at|von|de|da)\b))*"
_LEVELS = {
    "low": "very low|lowest|low|minimal|minimum|min|niedrig|gering|baja|bajo|basse|faible|bassa|basso|baixa|низкая",
    "medium": "medium|mid|middle|moderate|med|mittel|media|medio|moyenne|moyen|média|médio|средняя",
    "high": "very high|highest|high|maximum|maximal|max|hoch|alta|alto|élevée|haute|высокая",
}
_WORD = {word: level for level, words in _LEVELS.items() for word in words.split("|")}
_WORDS = "|".join(sorted(_WORD, key=len, reverse=True))
_LEVEL = rf"(?:({_WORDS})(?!\w)|(\d{{1,3}})\s*%|(\d{{1,2}})\s*(?:/|out of)\s*10(?!\d))"
_BETWEEN = r"(?:\s*(?:->|[,/>→–-]|\b(?:then|to|and|bis|a|à|al|dann|luego|puis|poi|depois|потом)\b))+\s*"
_CHART = re.compile(rf"{_NAME}{_LEADS}\s*(?={_LEVEL})(?P<body>[^;.\n:]*)")
_ONE = re.compile(_LEVEL)
_GAP = re.compile(_BETWEEN)
QUIET, LOUD = 1 / 3, 2 / 3  # shares below and above which a figure is low or high


def spell_levels(text: str) -> str:
    """A normalised text with the levels that follow the word energy spelt as phrases of the lexicon.

    Levels follow one another as long as nothing but commas, dashes and the like stands between them, or the clause says
    where in the film they lie ("low at the start, high at the end").
    """
    return _CHART.sub(lambda match: _spelt(match.group("body")), text)


def _spelt(body: str) -> str:
    """The levels "low, high - low at the end" as "low energy, then high energy, then low energy at the end"."""
    out, at = "", 0
    while (level := _ONE.match(body, at)) is not None or at < len(body):
        if level is not None:
            out, at = f"{out}{_name(level)} energy", level.end()
        gap = _GAP.match(body, at)
        if gap is not None and _ONE.match(body, gap.end()):
            out, at = f"{out}, then ", gap.end()
            continue
        rest = re.compile(rf"[^,]*?,\s*(?:then\s+)?(?={_LEVEL}\s+(?:at|in|by|for|during|toward|near)\b)").match(
            body, at
        )
        if rest is None:
            return out + body[at:]
        out, at = out + rest.group(0), rest.end()
    return out


def _name(level: "re.Match[str]") -> str:
    """The level a word, a percentage or a mark out of ten stands for."""
    word, percent, mark = level.groups()
    if word:
        return _WORD[word]
    share = int(percent) / 100 if percent else int(mark) / 10
    return "low" if share < QUIET else "high" if share > LOUD else "medium"
