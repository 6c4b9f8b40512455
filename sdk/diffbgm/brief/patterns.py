"""What a brief says in figures: tempo, key, metre, times. Every pattern is taken out of the text as it is read."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from diffbgm.brief.model import Moment, Span

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBERS = {name: number for number, name in enumerate(_UNITS.split(" "))} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
}
TONICS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
SOLFEGE = {
    "do": 0, "re": 2, "ré": 2, "mi": 4, "fa": 5, "sol": 7, "la": 9, "lá": 9, "si": 11,
    "до": 0, "ре": 2, "ми": 4, "фа": 5, "соль": 7, "ля": 9, "си": 11,
}  # fmt: skip
_MAJOR = "major maj dur mayor majeur maggiore maior мажор мажоре 大调 大調 長調 मेजर"
_MINOR = "minor min moll menor mineur minore минор миноре 小调 小調 短調 माइनर"
MODES: Mapping[str, Literal["major", "minor"]] = {
    **dict.fromkeys(_MAJOR.split(" "), "major"),
    **dict.fromkeys(_MINOR.split(" "), "minor"),
}
_MODE = "|".join(sorted(map(re.escape, MODES), key=len, reverse=True))
_SECONDS = r"(?:s|secs?|seconds?|sekunden?|segundos?|secondes?|secondi|секунд[ыа]?|секунды|秒)"
_CLOCK = r"\d{1,3}:[0-5]?\d(?:[.,]\d+)?"
_TIME = rf"(?:{_CLOCK}|\d+(?:\.\d+)?\s*{_SECONDS}?(?![\w:]))"
_TIMED = rf"(?:{_CLOCK}|(?![1-9]0s\b)\d+(?:\.\d+)?\s*{_SECONDS}(?!\w))"  # a time that cannot be another number

METRES = {
    "2/4": "2/4",
    "3/4": "3/4",
    "4/4": "4/4",
    "6/8": "6/8",
    "2/2": "4/4",
    "12/8": "6/8",
    "3/8": "3/4",
    "9/8": "6/8",
}


Take = Callable[["re.Match[str]"], bool]


class Text:
    """A normalised text from which patterns are taken; what is taken becomes spaces, so that places stay."""

    def __init__(self, text: str) -> None:
        self.left = text

    def take(self, pattern: str, accept: Take, *, keep: bool = False) -> None:
        """Calls `accept` with every match, and takes out those for which it is true (not with `keep`)."""
        for match in list(re.finditer(pattern, self.left)):
            if accept(match) and not keep:
                start, end = match.span()
                self.left = self.left[:start] + " " * (end - start) + self.left[end:]


def spell_numbers(text: str) -> str:
    """Number words of times and tempos as digits: "the first four seconds" -> "the first 4 seconds"."""
    words = "|".join(sorted(NUMBERS, key=len, reverse=True))
    return re.sub(
        rf"\b({words})\b(?=\s*(?:seconds?|secs?|beats? per|bpm)\b)|(?<=\bbetween )\b({words})\b(?=\s+and\b)",
        lambda m: str(NUMBERS[m.group(0)]),
        text,
    )


def read_seconds(text: str) -> float:
    """Seconds of "0:05", "1:02.5" or "12.4 s"."""
    if ":" in text:
        minutes, seconds = text.replace(",", ".").split(":")
        return 60 * float(minutes) + float(seconds)
    match = re.match(r"\d+(?:\.\d+)?", text)
    assert match is not None
    return float(match.group(0))


def take_bpm(text: Text) -> tuple[tuple[float, float], str] | None:
    """(low, high) beats per minute, within 20..300, and the words it stood in."""
    found: list[tuple[tuple[float, float], str]] = []

    def accept(match: "re.Match[str]") -> bool:
        numbers = [float(n) for n in match.groups() if n]
        if not all(20 <= n <= 300 for n in numbers):
            return False
        found.append(((min(numbers), max(numbers)), match.group(0).strip()))
        return True

    number = r"(\d{2,3}(?:\.\d+)?)"
    unit = r"(?:bpm|b\.p\.m\.?|beats? (?:per|a) minute|beats/min|schläge pro minute|拍)"
    text.take(rf"(?<![\d.]){number}\s*(?:-|–|to|bis|a|à)\s*{number}\s*{unit}", accept)
    text.take(rf"(?<![\d.]){number}\s*{unit}", accept)
    text.take(rf"\bbpm\s*(?:of|=|:)?\s*{number}", accept)
    text.take(rf"\b(?:tempo|tempi|темп)\s*(?:of|=|:|is|around|about)?\s*{number}(?!\s*{_SECONDS})(?![\d:])", accept)
    text.take(rf"(?:♩|quarter note)\s*=\s*{number}", accept)
    return found[0] if found else None


def take_metre(text: Text) -> tuple[str, str] | None:
    """The metre and the words it stood in."""
    found: list[tuple[str, str]] = []

    def accept(match: "re.Match[str]") -> bool:
        metre = METRES.get(f"{match.group(1)}/{match.group(2)}")
        if metre:
            found.append((metre, match.group(0).strip()))
        return metre is not None

    text.take(
        r"(?:\bin\s+)?(?<![\d/])(\d{1,2})\s*/\s*(\d)(?![\d/])(?:\s*(?:time|takt|metre|meter|compás|拍子?))?", accept
    )
    for words, metre in (
        (r"three[- ]four(?: time)?", "3/4"),
        (r"six[- ]eight(?: time)?", "6/8"),
        (r"triple (?:metre|meter|time)", "3/4"),
    ):
        text.take(rf"\b{words}\b", lambda match, metre=metre: found.append((metre, match.group(0))) or True)
    return found[0] if found else None


def take_key(text: Text, original: str) -> tuple[tuple[int, Literal["major", "minor"]], str] | None:
    """((tonic, mode), words). `original` is the text before it was put in lower case: "a minor role" is no key."""
    found: list[tuple[tuple[int, Literal["major", "minor"]], str]] = []
    accidental = r"\s*(?:-?\s*(sharp|flat|dur-flat)|(#|♯|b(?![a-z])|♭)|(is|es)(?=[-\s]?(?:dur|moll)))?"

    def tonic_of(letter: str, *marks: str | None) -> int:
        tonic, sign = TONICS[letter], next((m for m in marks if m), "")
        if letter == "b" and not sign and german:
            tonic = 10
        return (tonic + {"sharp": 1, "#": 1, "♯": 1, "is": 1, "flat": -1, "b": -1, "♭": -1, "es": -1}.get(sign, 0)) % 12

    german = bool(re.search(r"\b(?:dur|moll)\b", text.left))

    def with_mode(match: "re.Match[str]") -> bool:
        letter, sharp, sign, ending, mode = match.groups()
        start = match.start(1)
        said = text.left[max(0, start - 8) : start]
        upper = original[start : start + 1].isupper() if len(original) == len(text.left) else False
        plain = letter == "a" and not (sharp or sign or upper or re.search(r"\b(?:in|key of|key:?)\s*$", said))
        if plain and mode in ("major", "minor"):
            return False
        found.append(((tonic_of(letter, sharp, sign, ending), MODES[mode]), match.group(0).strip()))
        return True

    def named(match: "re.Match[str]") -> bool:
        mode: Literal["major", "minor"] = "minor" if match.group(0).rstrip().endswith("m") else "major"
        found.append(((tonic_of(match.group(1), match.group(2), match.group(3)), mode), match.group(0).strip()))
        return True

    def solfege(match: "re.Match[str]") -> bool:
        sign = {"#": 1, "sostenido": 1, "dièse": 1, "diesis": 1, "диез": 1}.get(match.group(2) or "", 0)
        sign -= (match.group(2) or "") in ("bemol", "bémol", "bemolle", "♭", "бемоль")
        found.append((((SOLFEGE[match.group(1)] + sign) % 12, MODES[match.group(3)]), match.group(0).strip()))
        return True

    text.take(rf"(?<![\w'])([a-h]){accidental}[-\s]*({_MODE})(?!\w)", with_mode)
    names = "|".join(sorted(SOLFEGE, key=len, reverse=True))
    signs = "sostenido|bemol|dièse|bémol|diesis|bemolle|диез|бемоль"
    text.take(rf"(?<!\w)({names})\s*({signs})?[-\s]*({_MODE})(?!\w)", solfege)
    text.take(r"\bkey\s*(?:of|:|is)\s*([a-g])\s*(?:-?\s*(sharp|flat)|(#|♯|b|♭))?m?(?!\w)", named)
    return found[0] if found else None


def take_spans(clause: Text) -> list[tuple[Span, str]]:
    """Stretches of time of one clause, in order."""
    found: list[tuple[Span, str]] = []

    def both(match: "re.Match[str]") -> bool:
        span = Span(Moment(read_seconds(match.group(1))), Moment(read_seconds(match.group(2))))
        found.append((span, match.group(0)))
        return True

    def until(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(0.0), Moment(read_seconds(match.group(1)))), match.group(0)))
        return True

    def onwards(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(read_seconds(match.group(1))), Moment(0.0, "end")), match.group(0)))
        return True

    def last(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(read_seconds(match.group(1)), "end"), Moment(0.0, "end")), match.group(0)))
        return True

    def first_or_last_half(match: "re.Match[str]") -> bool:
        early = match.group(1) in ("first", "erste", "primera", "première", "prima", "primeira")
        found.append(
            (Span(Moment(0.0 if early else 0.5, "share"), Moment(0.5 if early else 1.0, "share")), match.group(0))
        )
        return True

    clause.take(rf"\bbetween\s+({_TIME})\s+and\s+({_TIME})", both)
    clause.take(
        rf"\b(?:from|von|desde|de|da|с)\s+({_TIME})\s*(?:to|until|till|-|–|bis|hasta|à|a|até|до)\s*({_TIME})", both
    )
    clause.take(rf"(?<![\w:])({_CLOCK})\s*(?:-|–|to|until|bis)\s*({_CLOCK})", both)
    clause.take(rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(\d+(?:\.\d+)?\s*{_SECONDS})(?!\w)", both)
    clause.take(rf"\b(?:until|till|up to|before|bis|hasta|jusqu'à|fino a|até|до)\s+({_TIME})", until)
    clause.take(rf"\b(?:for |in |during )?(?:the )?(?:first|opening)\s+({_TIMED})", until)
    clause.take(rf"\b(?:for |in |during )?(?:the )?(?:last|final|closing)\s+({_TIMED})", last)
    clause.take(r"\b(?:in |for |during )?(?:the )?(first|second|last) half\b", first_or_last_half)
    clause.take(rf"\b(?:from|after|since|ab|desde|after the first)\s+({_TIMED})(?:\s+(?:on|onwards?))?", onwards)
    return found


def take_moments(clause: Text) -> list[tuple[Moment, str]]:
    """Single moments of one clause, in order."""
    found: list[tuple[Moment, str]] = []

    def at(match: "re.Match[str]") -> bool:
        found.append((Moment(read_seconds(match.group(1))), match.group(0)))
        return True

    clause.take(rf"(?:\b(?:at|on|@|by|um|bei|a los|à|alle|aos|в|на)\s+)?(?<![\w:.])({_TIMED})", at)
    clause.take(rf"\b(?:at|on|@)\s+({_TIME})", at)
    clause.take(
        r"\b(?:half ?way(?: through)?|at the half)\b",
        lambda m: found.append((Moment(0.5, "share"), m.group(0))) or True,
    )
    return found
