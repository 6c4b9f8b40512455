"""What a brief says in figures: tempo, key, metre, times. Every pattern is taken out of the text as it is read."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from diffbgm.brief.model import Moment, Span

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
PITCH_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
TONICS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
SOLFEGE = {
    "do": 0, "ut": 0, "dó": 0, "fá": 5, "re": 2, "ré": 2, "mi": 4, "fa": 5, "sol": 7, "la": 9, "lá": 9, "si": 11,
    "до": 0, "ре": 2, "ми": 4, "фа": 5, "соль": 7, "ля": 9, "си": 11,
}  # fmt: skip
_MAJOR = "major maj ionian lydian mixolydian dur mayor majeur maggiore maior мажор мажоре 大调 大調 長調 मेजर"
_MINOR = "minor min aeolian dorian phrygian moll menor mineur minore минор миноре 小调 小調 短調 माइनर"
MODES: Mapping[str, Literal["major", "minor"]] = {
    **dict.fromkeys(_MAJOR.split(" "), "major"),
    **dict.fromkeys(_MINOR.split(" "), "minor"),
}
Mode = Literal["major", "minor"]
SIGNS = {
    **dict.fromkeys(
        ["sharp", "#", "♯", "is", "sostenido", "sustenido", "dièse", "diese", "diesis", "диез", "升", "嬰"], 1
    ),
    **dict.fromkeys(["flat", "b", "♭", "es", "s", "bemol", "bémol", "bemolle", "бемоль", "降", "変"], -1),
}
KANA = {"ハ": 0, "ニ": 2, "ホ": 4, "ヘ": 5, "ト": 7, "イ": 9, "ロ": 11}
_SIGNS = "#|♯|♭|b(?![a-z])|sostenido|sustenido|dièse|diese|bémol|bemolle|bemol|diesis|диез|бемоль"
_ACCIDENTAL = r"\s*(?:-?\s*(sharp|flat)|(#|♯|b(?:(?![a-z])|(?=maj|min))|♭)|(is|es|s)(?=[-\s]?(?:dur|moll)))?"
_MODE_EAST = "大调|大調|長調|小调|小調|短調"
_MODE = "|".join(sorted(map(re.escape, MODES), key=len, reverse=True))
SECONDS = r"(?:s|secs?|seconds?|second mark|sek|sekunden?|segundos?|secondes?|secondi|secondo|секунд[ыауе]?|सेकंड|秒)"
_ONE_SECOND = r"(?:second|seconde|sekunde|segundo|secondo|секунд[аеы])"
SECOND = r"(?:seconds?|segundos?|secondes?|secondo|secondi|sekunden?|секунды)"  # before a number
_BPM = (
    r"(?:bpm|ppm|b\.p\.m\.?|beats? (?:per|a) min(?:ute)?|beats?/min|schläge(?:n)? (?:pro|in der) minute"
    r"|pulsaciones(?: por minuto)?|battements par minute|battiti al minuto|batidas por minuto"
    r"|ударов в минуту|уд/мин|拍(?!子)|ビート)"
)
_CLOCK = r"\d{1,3}:[0-5]?\d(?:[.,]\d+)?"
_TIME = rf"(?:{_CLOCK}|\d+(?:\.\d+)?\s*{SECONDS}?(?![\w:]))"
# A time that cannot be another number, such as a decade.
_TIMED = rf"(?:{_CLOCK}|(?!(?:(?:1[89]|20)\d|[2-9])0s\b|808s|909s)\d+(?:\.\d+)?\s*{SECONDS}(?!\w))"

_TO = "to|until|till|through|-|–|bis|hasta|a|à|jusqu'à|al?|até|до|到|से|から"
_THE = r"(?:(?:the|los|las|les|den|die|der|i|gli|os|as)\s+)?"  # before a time

_BEFORE_END = (  # "2 seconds before the end"
    rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*{SECONDS}\s+(?:before|vor|avant|antes de|antes|prima|до)\s+"
    r"(?:(?:the|very|dem|la|el|il|della|del|do)\s+)*(?:end|ending|ende|schluss|fin|final|fine|fim|конца)\b"
)

WIDER = (0.75, 1.25)  # how far below or above a limit of the tempo it may lie
MAY_TELL_TIMES = re.compile(
    r"\d|\bhalf|\bthird\b|\bmid(?:point|dle)\b|hälfte|mitad|moitié|metà|metade|половин|半"
)  # without these no pattern of times is found
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

    text = re.sub(r"\bfor an? (?=second\b)", "for 1 ", re.sub(r"\bhalf a second\b", "0.5 seconds", text))
    text = re.sub(
        r"\b(?:(?:the|el|la|il|o|der) )?(?:second|segundo|seconde|secondo|sekunde|секунд[аыеу])\s+"
        rf"({_CLOCK}|\d+(?:\.\d+)?)(?![\w:.]|\s*(?:{_TO})\s*\d)",
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
        rf"({number}(?:{joined}{number})+)(?![\w:]|[.,]\d|\s*(?:{_BPM}|{SECONDS}\b|%))",
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
        rf"({_CLOCK}|\d\s*{SECONDS})\s*,\s*(?=(?:and\s+|at\s+)?(?:{_CLOCK}|\d+(?:\.\d+)?\s*{SECONDS}))",
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


def take_bpm(text: Text) -> list[tuple[tuple[float, float], str]]:
    """[((low, high) beats per minute within 20..300, the words it stood in)], in the order of their patterns."""
    found: list[tuple[tuple[float, float], str]] = []

    def accept(match: "re.Match[str]") -> bool:
        numbers = [float(n.replace(",", ".")) for n in match.groups() if n]
        if not all(20 <= n <= 300 for n in numbers):
            return False
        found.append(((min(numbers), max(numbers)), match.group(0).strip()))
        return True

    def slower(match: "re.Match[str]") -> bool:
        return bounded(match, WIDER[0], 1.0)

    def faster(match: "re.Match[str]") -> bool:
        return bounded(match, 1.0, WIDER[1])

    def bounded(match: "re.Match[str]", low: float, high: float) -> bool:
        limit = float(match.group(1).replace(",", "."))
        if not 20 <= limit <= 300:
            return False
        found.append(((limit * low, limit * high), match.group(0).strip()))
        return True

    number = r"(\d{2,3}(?:[.,]\d+)?)(?:-?ish)?"
    least, most = r"min(?:imum|\.)?:?", r"max(?:imum|\.)?:?"
    text.take(rf"\b{least}\s*{number}\s*{_BPM}?\s*[,/-]?\s*(?:and )?{most}\s*{number}\s*{_BPM}", accept)
    edge = rf"(?:than |of |tempo )*{number}\s*{_BPM}"
    text.take(rf"\b(?:not?|never|nothing)\s+(?:go(?:ing)? |be )?(?:faster|over|above|more|higher)\s+{edge}", slower)
    text.take(rf"\b(?:not?|never|nothing)\s+(?:go(?:ing)? |be )?(?:slower|under|below|less|lower)\s+{edge}", faster)
    text.take(rf"\b(?:slower|under|below|less|max(?:imum)?|at most|no (?:faster|more))\s+{edge}", slower)
    text.take(rf"\b(?:faster|over|above|more|min(?:imum)?|at least|no (?:slower|less))\s+{edge}", faster)
    about = r"(?:of|=|:|is|at|around|about|ca\.?|um|von|de|di|à|a|около|～|約|约)"
    text.take(rf"(?<![\d.:]){number}\s*(?:-|–|to|and|bis|und|a|à|y|et|e|до)\s*{number}\s*{_BPM}", accept)
    text.take(rf"(?<![\d.:]){number}(?:er)?[\s-]*{_BPM}", accept)
    text.take(rf"\bbpm\s*{about}?\s*{number}(?:\s*(?:-|–|to|bis|a|до)\s*{number})?", accept)
    text.take(rf"每分钟\s*{number}\s*拍", accept)
    tempo = r"(?:\b(?:tempo|tempi|темп)|速度|テンポ|टेम्पो)"
    text.take(rf"{tempo}\s*{about}?\s*{number}\s*(?:-|–|to|bis|a|до)\s*{number}(?!\s*{SECONDS})(?![\d:/])", accept)
    text.take(rf"{tempo}\s*{about}?\s*{number}(?!\s*{SECONDS})(?![\d:/])", accept)
    if not found:  # a number that stands alone; beside other numbers only where nothing follows that it could count
        follows = "" if len(re.findall(r"\d+", text.left)) == 1 else r"(?=\s*(?:[,;!?\n]|\.(?!\d)|$))"
        noun = r"\s*(?:%|s\b|sec|min|bit|year|instrument|bar|fps|frame|hz|mm|px|p\b|people|player|voice|piece)"
        alone = r"([5-9]\d|1\d\d|200)"
        text.take(rf"(?<![\w.,:/#-]){alone}\s?[-–]\s?{alone}(?![\w:/-]|[.,]\d|{noun})", accept)
        text.take(rf"(?<![\d.,:/#])\b{alone}(?![\w:/-]|[.,]\d|{noun}){follows}", accept)
    text.take(rf"(?:♩|\bq|\bcrotchet|\bquarter(?: note)?)\s*=\s*{number}", accept)
    return found


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
        (r"(?:three|3)[- ]quarters?(?: time)?(?= time)|drei ?viertel(?:takt)?|tres por cuatro|tre quarti", "3/4"),
        (r"(?:three|3) beats (?:to|per|in) (?:the|a|each|every)? ?(?:bar|measure)", "3/4"),
        (r"(?:compás|tempo|compasso) tern[aá]rio|mesure ternaire|três por quatro|три четверти", "3/4"),
        (r"(?:four|4) beats (?:to|per|in) (?:the|a|each|every)? ?(?:bar|measure)|quattro quarti", "4/4"),
        (r"vier ?viertel(?:takt)?", "4/4"),
        (r"seis por ocho|sei ottavi|seis por oito|six[- ]huit|sechs ?achtel(?:takt)?|шесть восьмых", "6/8"),
        (r"(?:compás|tempo|compasso) bin[aá]rio|mesure binaire|due quarti|две четверти", "2/4"),
        (r"three[- ]four(?: time)?", "3/4"),
        (r"six[- ]eight(?: time)?", "6/8"),
        (r"triple (?:metre|meter|time)", "3/4"),
        (r"two[- ]four(?: time)?|cut time", "2/4"),
        (r"four[- ]four(?: time)?|common time", "4/4"),
        (r"compound (?:metre|meter|time)|twelve[- ]eight", "6/8"),
        (r"dreivierteltakt|walzertakt|à trois temps|en tres por cuatro|in tre|in three", "3/4"),
        *((rf"in {n}(?=\s*(?:[,;.!?]|$))", m) for n, m in zip("2346", ("2/4", "3/4", "4/4", "6/8"), strict=True)),
        (r"sechsachteltakt", "6/8"),
        (r"zweivierteltakt|à deux temps", "2/4"),
    ):
        text.take(rf"\b(?:{words})\b", lambda match, metre=metre: found.append((metre, match.group(0))) or True)
    for words, metre in (("8分の6拍子|6拍子", "6/8"), ("4分の3拍子|3拍子", "3/4"), ("2拍子", "2/4"), ("4拍子", "4/4")):
        text.take(words, lambda match, metre=metre: found.append((metre, match.group(0))) or True)
    return found[0] if found else None


def take_key(text: Text, original: str) -> tuple[tuple[int | None, Mode | None], str] | None:
    """((tonic, mode), words), either None where it is not said.

    `original` is the text before it was put in lower case: "Am" is a key, "am" is none, and "a minor role" neither.
    """
    found: list[tuple[tuple[int | None, Mode | None], str]] = []
    german = bool(re.search(r"\b(?:dur|moll)\b", text.left))
    same = len(original) == len(text.left)

    def upper(at: int) -> bool:
        return same and original[at : at + 1].isupper()

    def tonic_of(letter: str, *marks: str | None) -> int:
        tonic, sign = TONICS[letter], next((m for m in marks if m), "")
        if letter == "b" and not sign and german:
            tonic = 10
        return (tonic + SIGNS.get(sign, 0)) % 12

    def only_mode(match: "re.Match[str]") -> bool:
        found.append(((None, MODES[match.group(1)]), match.group(0).strip()))
        return True

    def with_mode(match: "re.Match[str]") -> bool:
        letter, sharp, sign, ending, mode = match.groups()
        start = match.start(1)
        said = text.left[max(0, start - 8) : start]
        plain = letter == "a" and not (sharp or sign or upper(start) or re.search(r"\b(?:in|key of|key:?)\s*$", said))
        if plain and mode in ("major", "minor"):
            return False
        found.append(((tonic_of(letter, sharp, sign, ending), MODES[mode]), match.group(0).strip()))
        return True

    def named(match: "re.Match[str]") -> bool:
        mode: Mode = "minor" if match.group(0).rstrip().endswith("m") else "major"
        found.append(((tonic_of(match.group(1), match.group(2), match.group(3)), mode), match.group(0).strip()))
        return True

    def short(match: "re.Match[str]") -> bool:
        """Am, F#m, Bbm; and "in E", which leaves the mode open."""
        if not upper(match.start(1)) or (match.group(3) == "b" and upper(match.start(3))):  # "GB" is no key
            return False
        mode: Mode | None = "minor" if match.group(0).endswith("m") else None
        found.append(((tonic_of(match.group(1), match.group(2), match.group(3)), mode), match.group(0).strip()))
        return True

    def solfege(match: "re.Match[str]") -> bool:
        tonic = SOLFEGE[match.group(1)] + SIGNS.get(match.group(2) or "", 0)
        found.append(((tonic % 12, MODES[match.group(3)]), match.group(0).strip()))
        return True

    def solfege_short(match: "re.Match[str]") -> bool:
        """Read "la m" and "sol M", as written in Spain and in Italy."""
        if not same:
            return False
        tonic = SOLFEGE[match.group(1)] + SIGNS.get(match.group(2) or "", 0)
        found.append(((tonic % 12, "major" if upper(match.start(3)) else "minor"), match.group(0).strip()))
        return True

    def eastern(match: "re.Match[str]") -> bool:
        sign, letter, mode = match.groups()
        tonic = (KANA.get(letter) if letter in KANA else TONICS[letter]) or 0
        found.append((((tonic + SIGNS.get(sign or "", 0)) % 12, MODES[mode]), match.group(0).strip()))
        return True

    text.take(
        r"\b(?:in |in an? |an? )(?:sad |dark |bright |happy )?(major|minor) (?:key|mode|tonality|scale|feel)\b",
        only_mode,
    )
    text.take(rf"(升|降|嬰|変)?\s*([a-gハニホヘトイロ])\s*({_MODE_EAST})", eastern)
    text.take(rf"(?<![\w'])([a-h]){_ACCIDENTAL}[-\s]*({_MODE})(?!\w)", with_mode)
    names = "|".join(sorted(SOLFEGE, key=len, reverse=True))
    text.take(rf"(?<!\w)({names})[-\s]*({_SIGNS})?[-\s]*({_MODE})(?!\w)", solfege)
    text.take(
        r"\b(?:key|tonality|tonic)\s*(?:of|:|is|=)?\s*([a-g])\s*(?:-?\s*(sharp|flat)|(#|♯|b|♭))?m?(?![\w'])", named
    )
    text.take(r"(?<![\w'])([a-g])(?:-?(sharp|flat)|(#|♯|b|♭))?m(?![\w'])(?! i\b)", short)
    text.take(r"\bin ([a-g])(?:[ -]?(sharp|flat)|(#|♯|b|♭))?(?![\w'-])", short)
    text.take(rf"(?<!\w)({names}) ?({_SIGNS})? ?(m)(?=\s*(?:[,;.]|$))", solfege_short)
    text.take(r"(?:^|(?<=[,;.] ))([a-g])(?:[ -]?(sharp|flat)|(#|♯|♭|b))?(?=\s*(?:[,;.]|$))", short)
    text.take(r"\b(ionian|dorian|phrygian|lydian|mixolydian|aeolian)\b(?: mode)?", only_mode)
    if len(found) < 2 or None not in found[0][0] or None not in found[1][0]:
        return found[0] if found else None
    (first, mode), (second, other) = found[0][0], found[1][0]
    return (second if first is None else first, mode or other), f"{found[0][1]}, {found[1][1]}"  # "phrygian, E"


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

    def just_before(match: "re.Match[str]") -> bool:
        at = read_seconds(match.group(1))
        found.append((Span(Moment(max(0.0, at - 1.0)), Moment(at)), match.group(0)))
        return True

    def some_before(match: "re.Match[str]") -> bool:
        length, at = read_seconds(match.group(1)), read_seconds(match.group(2))
        found.append((Span(Moment(max(0.0, at - length)), Moment(at)), match.group(0)))
        return True

    def until_half(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(0.0), Moment(0.5, "share")), match.group(0)))
        return True

    def half_on(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(0.5, "share"), Moment(0.0, "end")), match.group(0)))
        return True

    def ending(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(read_seconds(match.group(1)), "end"), Moment(0.0, "end")), match.group(0)))
        return True

    def until_ending(match: "re.Match[str]") -> bool:
        found.append((Span(Moment(0.0), Moment(read_seconds(match.group(1)), "end")), match.group(0)))
        return True

    def third(match: "re.Match[str]") -> bool:
        number = {"first": 0, "middle": 1}.get(match.group(1), 2)
        start = Moment(number / 3, "share") if number else Moment(0.0)
        end = Moment((number + 1) / 3, "share") if number < 2 else Moment(0.0, "end")
        found.append((Span(start, end), match.group(0)))
        return True

    def first_or_last_half(match: "re.Match[str]") -> bool:
        early = (
            re.match(r"first|1|erst|prim|premi|перв|前|上", next(word for word in match.groups() if word)) is not None
        )
        found.append(
            (Span(Moment(0.0), Moment(0.5, "share")), match.group(0))
            if early
            else (Span(Moment(0.5, "share"), Moment(0.0, "end")), match.group(0))
        )
        return True

    since = "from|starting at|von|ab|desde|de|del|da|dal|dalle|с|从"
    between = "between|zwischen|entre|tra|fra|между"
    clause.take(rf"\b(?:until|till|up to|bis|hasta|jusqu'à|fino a|até|до)\s+{_BEFORE_END}", until_ending)
    clause.take(rf"\b(?:from|ab|desde|à partir de|da|a partir de|с)\s+{_BEFORE_END}", ending)
    clause.take(
        rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*{SECONDS}\s+(?:before|vor|avant|antes de|prima di)\s+({_TIMED})", some_before
    )
    clause.take(rf"\b(?:right|just|immediately|shortly) before\s+{_THE}({_TIME})", just_before)
    clause.take(rf"\b(?:{between})\s+{_THE}(?:{SECOND}\s+)?({_TIME})\s*(?:and|und|y|et|e|и)\s*{_THE}({_TIME})", both)
    clause.take(rf"(?:\b(?:{since})|从)\s*({_TIME})\s*(?:{_TO})\s*({_TIME})", both)
    clause.take(rf"\b{SECOND}\s+({_TIME})\s*(?:{_TO})\s*({_TIME})", both)
    clause.take(rf"(?<![\w:])({_CLOCK})\s*(?:{_TO})\s*({_CLOCK})", both)
    clause.take(rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*{SECONDS}?\s*(?:{_TO})\s*(\d+(?:\.\d+)?\s*{SECONDS})(?!\w)", both)
    first = "first|opening|initial|ersten?|primer[oa]s?|premi[eè]res?|prim[ie]|primeiros|перв(?:ые|ых)|前|最初の"
    last = "last|final|closing|letzten?|últim[oa]s?|derni[eè]res?|ultim[ie]|последни[ех]|最后|最後の"
    into = r"(?<!fade )(?<!fades )(?<!fading )in"
    of = rf"(?:(?:for|{into}|during|over|the|die|den|in den|los|las|les|pendant|durante|i|gli|nei|os|nos)\s+)*"
    clause.take(rf"{of}(?<!\w)(?:{first})\s*({_TIMED})", until)
    counted = rf"(\d+(?:\.\d+)?)\s+(?:{first})\s+{SECONDS}(?!\w)"  # "les 3 premières secondes"
    clause.take(rf"{of}(?<![\w:.]){counted}", until)
    clause.take(rf"{of}(?<![\w:.])(\d+(?:\.\d+)?)\s+(?:{last})\s+{SECONDS}(?!\w)", ending)
    before = "until|till|up to|before|bis|hasta|antes de|jusqu'à|avant|fino a|prima di|até|до"
    clause.take(rf"\b(?:{before})\s+{_THE}(?:{last})\s*({_TIMED})", until_ending)
    clause.take(rf"{of}(?<!\w)(?:{last})\s*({_TIMED})", ending)
    clause.take(rf"\b(?:{before})\s+(?:zu\s+)?{_THE}({_TIME})", until)
    clause.take(
        r"\b(?:until|till|up to)\s+(?:the )?(?:half(?:way)?|midpoint)(?: (?:point|mark|through))?\b", until_half
    )
    clause.take(rf"直到\s*({_TIME})", until)
    clause.take(rf"({_TIMED})\s*(?:まで|之前)", until)
    halves = (
        r"(?:in |for |during )?(?:the )?(first|second|last|1st|2nd) half|(?:in der |die )?\b(erste|zweite)n? hälfte"
        r"|(?:en )?(?:la )?\b(primera|segunda) mitad|(?:dans )?(?:la )?\b(première|seconde|deuxième) moitié"
        r"|(?:nella )?(?:la )?\b(prima|seconda) metà|(?:na )?(?:a )?\b(primeira|segunda) metade"
        r"|(?:в(?:о)? )?(перв|втор)(?:ая|ой|ую) половин[аеу]"
    )
    clause.take(rf"\b(?:{halves})\b|(前|后|後|上|下)半(?:段|部分?)?", first_or_last_half)
    clause.take(r"\b(?:in |for |during )?(?:the )?(first|middle|last|final) third\b", third)
    clause.take(
        r"\b(?:from|after|past|starting(?: at)?|since)\s+(?:the )?(?:half(?:way)?|midpoint|middle)"
        r"(?: (?:point|mark|through|on|onwards?))*\b",
        half_on,
    )
    clause.take(rf"\bafter\s+({_TIMED})(?=\s+of\s+(?:silence|nothing|rest)\b)", until)
    after = (
        "from|after|since|past|ab|nach|desde|después de|après|à partir de|dopo|a partire da|dalle|dal|da|após"
        "|a partir de|после|с"
    )
    clause.take(rf"\b(?:{after})\s+(?:the first\s+|{_THE})({_TIMED})(?:\s+(?:on|onwards?)\b)?", onwards)
    noun = r"(?!\s+(?:the|an?|my|our|his|her|its|their|this|that|every|each)\b)"  # "at 16 s on the logo"
    clause.take(rf"(?<![\w:.])({_TIMED})\s+(?:on{noun}|onwards?)\b", onwards)
    return found


PAUSES_OF = (
    "pause of", "silence of", "gap of", "break of", "silencio de", "pausa de", "silence de", "pause de", "silenzio di",
    "pausa di", "silêncio de", "stille von", "pause von", "пауза в", "тишина в",
)  # fmt: skip


def take_length(clause: Text) -> float | None:
    """Seconds that something lasts: "for two seconds"."""
    found: list[float] = []

    def lasts(match: "re.Match[str]") -> bool:
        found.append(read_seconds(match.group(1)))
        return True

    def held(match: "re.Match[str]") -> bool:
        found.append(read_seconds(match.group(2)))
        return False

    clause.take(
        rf"\b(?:for|over|within|lasting|für|über|durante|por|pendant|per|на(?!\s+\d+\s+секунде))\s+(?:about\s+)?(\d+(?:\.\d+)?)\s*{SECONDS}(?!\w)",
        lasts,
    )
    clause.take(
        rf"(?<![\w:.])(\d+(?:\.\d+)?)[\s-]*{SECONDS}"
        r"(?=\s+(?:long )?(?:of (?:silence|nothing|rest|quiet)|silence|pause|rest|break|gap|hole"
        r"|fade|crescendo|build|swell)\b)",
        lasts,
    )
    clause.take(
        rf"(?<![\w:.])(\d+(?:\.\d+)?)[\s-]*{SECONDS}"
        r"(?=\s+(?:(?:de|di|of|von)\s+)?"
        r"(?:silencio|silence|pausa?|pause|stille|ruhe|silenzio|silêncio|тишины|паузы)\b)",
        lasts,
    )
    clause.take(rf"(?<=hold)([^,;.\d]{{1,24}}) (?:for )?(\d+(?:\.\d+)?)\s*{SECONDS}(?!\w)", held)
    fades = "|".join(f"(?<=fade{dash}{way}{gap})" for dash in " -" for way in ("in", "out") for gap in (" ", ": "))
    clause.take(rf"(?:{fades})(\d+(?:\.\d+)?)\s*{SECONDS}(?!\w)", lasts)
    lone = len(re.findall(r"\(", clause.left)) == 1
    if lone and re.search(r"\d\D*\(|\b(?:start|beginning|end)\b", clause.left):  # "pause at 0:10 (2 s)"
        clause.take(rf"\((?:for )?(\d+(?:\.\d+)?)\s*{SECONDS}\)", lasts)
    pauses = "|".join(f"(?<={said} )" for said in PAUSES_OF)
    clause.take(rf"(?:{pauses})(\d+(?:\.\d+)?)\s*{SECONDS}(?!\w)", lasts)
    return found[0] if found else None


def take_moments(clause: Text) -> list[tuple[Moment, str]]:
    """Single moments of one clause, in order."""
    found: list[tuple[Moment, str]] = []

    def at(match: "re.Match[str]") -> bool:
        found.append((Moment(read_seconds(match.group(1))), match.group(0)))
        return True

    def before_end(match: "re.Match[str]") -> bool:
        found.append((Moment(read_seconds(match.group(1)), "end"), match.group(0)))
        return True

    clause.take(_BEFORE_END, before_end)
    clause.take(
        rf"(?:(?:\b(?:at|on|by|um|bei|a los|al|à|alle|al|aos|em|в|на)|@)\s+)?(?:the\s+)?(?<![\w:.])({_TIMED})", at
    )
    clause.take(rf"(?:\b(?:at|on)|@)\s+({_TIME})", at)
    clause.take(
        rf"(?:\b(?:at|on|an?|bei|in|à|en|al?|no|na|в|на|the|la|le|el|il|der) )*(?<![\w:.])(\d+)"
        rf"(?:st|nd|rd|th|e|è?me|º|ª|\.|-?[йя])? {_ONE_SECOND}(?!\w)",
        at,
    )
    second = r"(?:en el segundo|à la seconde|al secondo|no segundo|bei sekunde|at second|second|на секунде|第)"
    clause.take(rf"{second}\s*(\d+(?:\.\d+)?)\s*{SECONDS}?(?!\w)", at)
    clause.take(
        r"\b(?:half ?way(?: through)?|at the half|midpoint)\b",
        lambda m: found.append((Moment(0.5, "share"), m.group(0))) or True,
    )
    return found
