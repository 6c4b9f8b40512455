"""Tempo and metre of a text, taken out of it as they are read."""

import re

from diffbgm.brief.patterns import BPM, SECONDS, Text

WIDER = (0.75, 1.25)  # how far below or above a limit of the tempo it may lie
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
    text.take(rf"\b{least}\s*{number}\s*{BPM}?\s*[,/-]?\s*(?:and )?{most}\s*{number}\s*{BPM}", accept)
    edge = rf"(?:than |of |tempo )*{number}\s*{BPM}"
    text.take(rf"\b(?:not?|never|nothing)\s+(?:go(?:ing)? |be )?(?:faster|over|above|more|higher)\s+{edge}", slower)
    text.take(rf"\b(?:not?|never|nothing)\s+(?:go(?:ing)? |be )?(?:slower|under|below|less|lower)\s+{edge}", faster)
    text.take(rf"\b(?:slower|under|below|less|max(?:imum)?|at most|no (?:faster|more))\s+{edge}", slower)
    text.take(rf"\b(?:faster|over|above|more|min(?:imum)?|at least|no (?:slower|less))\s+{edge}", faster)
    about = r"(?:of|=|:|is|at|around|about|ca\.?|um|von|de|di|à|a|около|～|約|约)"
    text.take(rf"(?<![\d.:]){number}\s*(?:-|–|to|and|bis|und|a|à|y|et|e|до)\s*{number}\s*{BPM}", accept)
    text.take(rf"(?<![\d.:]){number}(?:er)?[\s-]*{BPM}", accept)
    text.take(rf"(?:♩|\bq|\bcrotchet|\bquarter(?: note)?)\s*=\s*{number}", accept)
    text.take(rf"\bbpm\s*(?:between|zwischen|entre|tra)\s*{number}\s*(?:and|und|y|et|e)\s*{number}", accept)
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
        counts = "(?<!frame )(?<!bar )(?<!scene )(?<!shot )(?<!take )(?<!page )"
        text.take(rf"{counts}(?<![\d.,:/#])\b{alone}(?![\w:/-]|[.,]\d|{noun}){follows}", accept)
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
        r"(?:\bin\s+)?(?<![\d/])(\d{1,2})\s*/\s*(\d)(?![\d/])(?! of the)(?:\s*(?:time|takt|metre|meter|compás|拍子?))?",
        accept,
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
