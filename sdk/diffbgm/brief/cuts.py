"""What a text asks of all cuts of the film: that each is met, or that the music takes no notice of them."""

import re

from diffbgm.brief.draft import Draft
from diffbgm.brief.model import WHOLE
from diffbgm.brief.patterns import Text

_CUT = r"(?:(?:scene|shot|hard|picture) )?(?:cut|edit|scene change|shot change)"
_BEAT = r"(?:a|the|every|its)? ?(?:down)?beats?"
_STRIKE = (
    r"(?:hit|accent|stab|strike|boom|impact|sync|land|fall|change|mark|emphasi[sz]e|underline|punctuate|match|meet|follow"
    r"|nail|catch|drum hit|cymbal|beat)(?:s|ed|es|ing)?"
)
_NOT = (
    r"(?:ignor(?:e|es|ing)|disregard(?:s|ing)?|independent(?:ly)? (?:of|from)|regardless of|forget about"
    r"|(?:do not|don't|does not|doesn't|should not|shouldn't|must not|mustn't|need not|needn't|not|never|no need to)"
    r" (?:have to |try to |need to |be )?(?:follow|hit|sync|match|accent|react|respond|mark|chase|mickey[- ]mouse|tie)"
    r"(?:ed|s|ing|d|c?ed)?(?: up)?(?: to| with| on)?"
    r"|no (?:hits?|accents?|syncs?|sync points?) (?:on|at|to|with)|unaffected by|without (?:hitting|following))"
)
_EVERY = r"(?:every|each|all)(?: (?:of )?(?:the|my|these))?(?: single)?"
EVERY_CUT = (
    r"\b(?:(?:land|put|place|add|want|with) (?:an? )?)?"
    rf"{_STRIKE}(?: (?:up|right|exactly|hard))?(?: (?:on|at|to|with))? {_EVERY} {_CUT}s?\b",
    rf"\b{_EVERY} {_CUT}s? (?:(?:must|should|has to|have to|needs? to|to) )?"
    rf"(?:(?:hit|land|fall|be|sit|lie)s?(?: exactly)? )?(?:on|to|with) {_BEAT}\b",
    rf"\b{_CUT}s (?:(?:must|should|have to|need to) )?(?:(?:hit|land|fall|be|sit) )?(?:all )?on {_BEAT}\b",
    r"\b(?:auf|bei|mit|zu) (?:jede[nmr]|alle[n]?) (?:bild|film)?schnitt(?:en?)?\b(?: ein(?:en)? (?:akzent|schlag))?",
    r"\b(?:en|con|a) (?:cada corte|todos los cortes)\b|\b(?:à|sur) (?:chaque coupe|toutes les coupes|chaque plan)\b",
    r"\b(?:a|su|con) (?:ogni (?:taglio|stacco)|tutti (?:i tagli|gli stacchi))\b",
    r"\b(?:em|a) (?:cada corte|todos os cortes)\b",
)
NO_CUT = (
    rf"\b{_NOT} (?:(?:the|any|my|all|all the) )?(?:{_CUT}s|editing|cutting)\b",
    r"\b(?:ignoriere?|beachte) (?:die|alle) schnitte(?: nicht)?\b|\bschnitte (?:ignorieren|nicht beachten)\b"
    r"|\bunabhängig von den schnitten\b",
    r"\bignor(?:a|ar|ando|er|e|ez|are|i)?(?: todos| tous| tutti)? (?:los|les|i|gli|os)"
    r" (?:cortes|coupes|tagli|stacchi)\b",
)
DENIED = re.compile(  # "no need to hit every cut" asks for nothing
    r"(?:\b(?:not|never|no|nicht|no need to|don't|doesn't|without|pas|non)|n't)\s+(?:\w+\s+){0,2}$"
)


def read_cuts(draft: Draft, text: str) -> str:
    """Cuts that are all to be met, or all ignored; returns the text without that."""
    rest = Text(text)

    def must(said: "re.Match[str]") -> bool:
        if DENIED.search(said.string[: said.start()]):
            return False
        draft.must.append(WHOLE)
        draft.say(said.group(0), "must all cuts on beats")
        return True

    def ignore(said: "re.Match[str]") -> bool:
        draft.ignore.append(WHOLE)
        draft.say(said.group(0), "ignore all cuts")
        return True

    for pattern in NO_CUT:
        rest.take(pattern, ignore)
    for pattern in EVERY_CUT:
        rest.take(pattern, must)
    if draft.must and draft.ignore:
        draft.conflicts.append("all cuts are to be met and ignored: they are ignored")
        draft.must.clear()
    return rest.left
