"""What times and tempi are written with: numbers, units, and a text that patterns are taken out of."""

import re
from collections.abc import Callable

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_OTHERS = (
    "", "", "zwei dos deux due dois duas два две", "drei tres trois tre três три", "vier cuatro quatre quattro четыре",
    "fünf cinco cinq cinque пять", "sechs seis six sei шесть", "sieben siete sept sette sete семь",
    "acht ocho huit otto oito восемь", "neun nueve neuf nove девять", "zehn diez dix dieci dez десять",
)  # fmt: skip
NUMBERS = {name: number for number, name in enumerate(_UNITS.split(" "))} | {
    **{word: n for n, words in enumerate(_OTHERS) for word in words.split(" ") if word},
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
}
TENS = {
    word: 10 * n
    for n, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
SECONDS = r"(?:s|secs?|seconds?|second mark|sek|sekunden?|segundos?|secondes?|secondi|secondo|секунд[ыауе]?|सेकंड|秒)"
SECOND = r"(?:seconds?|segundos?|secondes?|secondo|secondi|sekunden?|секунды)"  # before a number
BPM = (
    r"(?:bpm|ppm|b\.p\.m\.?|beats? (?:per|a) min(?:ute)?|beats?/min|schläge(?:n)? (?:pro|in der) minute"
    r"|pulsaciones(?: por minuto)?|battements par minute|battiti al minuto|batidas por minuto"
    r"|ударов в минуту|уд/мин|拍(?!子)|ビート)"
)
NO_TIME = r"(?!(?:(?:1[89]|20)\d|[2-9])0s\b|808s|909s)"  # a decade or a drum machine follows
CLOCK = r"\d{1,3}:[0-5]?\d(?:[.,]\d+)?"

ONE_SECOND = r"(?:second|seconde|sekunde|segundo|secondo|секунд[аеы])"
UNTIL = "to|until|till|through|-|–|bis|hasta|a|à|jusqu'à|al?|ai|agli|aos|às|a los|a las|até|до|到|से|から"


Take = Callable[["re.Match[str]"], bool]


class Text:
    """A normalised text from which patterns are taken; what is taken becomes spaces, so that places stay."""

    def __init__(self, text: str) -> None:
        self.left = text

    def take(self, pattern: str, accept: Take) -> None:
        """Calls `accept` with every match, and takes out those for which it is true."""
        for match in list(re.finditer(pattern, self.left)):
            if accept(match):
                start, end = match.span()
                self.left = self.left[:start] + " " * (end - start) + self.left[end:]


def spell_numbers(text: str) -> str:
    """Number words of times and tempos as digits: "the first four seconds" -> "the first 4 seconds"."""
    words = "|".join(sorted(NUMBERS, key=len, reverse=True))
    unit = rf"(?:{SECONDS}|beats? per|bpm)\b"
    tens, units = "|".join(TENS), "|".join(_UNITS.split(" ")[1:10])

    def compound(match: "re.Match[str]") -> str:
        hundreds, ten, one = match.groups()
        number = (0 if hundreds is None else 200 if "two" in hundreds else 100) + TENS.get(ten, 0)
        return str(number + (NUMBERS[one] if one else 0)) if number else match.group(0)

    text = re.sub(  # "7,5 Sekunden", "von 2,5 bis 4 s"
        rf"(?<![\w.,:])(\d{{1,3}}),(\d)(?![\d,])(?=\s*(?:{SECONDS}(?!\w)|(?:{UNTIL})\s*\d))", r"\1.\2", text
    )
    the, ordinal = r"(?:(?:the|la|le|el|il) )?", r"(?:st|nd|rd|th|e|è?me|º|ª)"
    text = re.sub(  # "entre la 5e et la 8e seconde"
        rf"\b{the}(\d+){ordinal} (and|to|et|y|e|à|a) {the}(\d+){ordinal} {ONE_SECOND}(?!\w)", r"\1 s \2 \3 s", text
    )
    text = re.sub(r"[~≈] ?(?=\d)", "", text)
    text = re.sub(r"\bfor an? (?=second\b)", "for 1 ", re.sub(r"\bhalf a second\b", "0.5 seconds", text))
    text = re.sub(
        r"\b(?:(?:the|el|la|il|o|der) )?(?:second|segundo|seconde|secondo|sekunde|секунд[аыеу])\s+"
        rf"({CLOCK}|\d+(?:\.\d+)?)(?![\w:.]|\s*(?:{UNTIL})\s*\d)",
        r"\1 s",
        text,
    )
    text = re.sub(rf"\b(one|two) (?=(?:{tens})\b(?:[- ](?:{units}))?[- ]+{unit})", r"\1 hundred ", text)
    text = re.sub(
        rf"\b((?:an? |one |two )?hundred(?: and)?(?!\w))?\s*\b(?:({tens})\b)?[- ]?(?:\b({units}))?(?=[- ]+{unit})",
        compound,
        text,
    )
    joined = r"(?:\s*(?:,|and|&|y|und|et|e))+\s*"
    number = r"\d{1,3}(?:\.\d+)?"
    text = re.sub(
        r"\b((?:hits?|accents?|stabs?|sync points?|hit ?points?|impacts?|akzente|golpes|acentos)\s*"
        r"(?:at|on|bei|en|:|=|@)?\s*)"
        rf"({number}(?:{joined}{number})+)(?![\w:]|[.,]\d|\s*(?:{BPM}|{SECONDS}\b|%))",
        lambda m: m[1] + re.sub(rf"({number})", r"\1 s", m[2]),
        text,
    )  # "hits: 3, 7, 12"
    more = rf"\s*(?:,|-|and|to|und|y|et|e)\s*(?:{words}|\d+)\s*{unit}"
    return re.sub(
        rf"\b({words})\b(?=\s*{unit}|{more})|(?<=\bbetween )\b({words})\b(?=\s+and\b)",
        lambda m: str(NUMBERS[m.group(0)]),
        text,
    )


def spread_units(text: str) -> str:
    """Every time of a list with its unit, joined by "and": "at 4, 9 and 14 seconds", "at 0:04, 0:09"."""
    number_of_seconds = rf"\d+(?:\.\d+)?\s*{SECONDS}(?!\w)"
    number = rf"(\d+(?:\.\d+)?)\s*(?:,|and|&|und|y|et|e|и)\s*(?:and\s+)?(?=\d+(?:\.\d+)?\s*{SECONDS}(?!\w))"
    if re.search(rf"\b(?:after|at|from)\s+{number_of_seconds}", text):  # "piano after 4 seconds, cello after 8"
        text = re.sub(r"\b(after|from) (\d{1,3})(?=\s*(?:[,;.\n]|and\b|$))", r"\1 \2 s", text)
    before = ""
    while before != text:
        before, text = text, re.sub(rf"(?<![\w:.]){number}", r"\1 seconds and ", text)
    return re.sub(
        rf"({CLOCK}|\d\s*{SECONDS})\s*,\s*(?=(?:and\s+|at\s+)?(?:{CLOCK}|\d+(?:\.\d+)?\s*{SECONDS}))",
        r"\1 and ",
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
