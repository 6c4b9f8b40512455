"""Times of a clause: stretches, lengths and single moments, taken out of it as they are read."""

import re

from diffbgm.brief.model import Moment, Span
from diffbgm.brief.patterns import CLOCK, NO_TIME, ONE_SECOND, SECOND, SECONDS, UNTIL, Text, read_seconds

_TIME = rf"(?:{CLOCK}|\d+(?:\.\d+)?\s*{SECONDS}?(?![\w:]))"
# A time that cannot be another number, such as a decade.
_TIMED = rf"(?:{CLOCK}|{NO_TIME}\d+(?:\.\d+)?\s*{SECONDS}(?!\w))"
_THE = r"(?:(?:the|los|las|les|den|die|der|i|gli|os|as)\s+)?"  # before a time

_BEFORE_END = (  # "2 seconds before the end"
    rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*{SECONDS}\s+(?:before|vor|avant|antes de|antes|prima|до)\s+"
    r"(?:(?:the|very|dem|la|el|il|della|del|do)\s+)*(?:end|ending|ende|schluss|fin|final|fine|fim|конца)\b"
)
MAY_TELL_TIMES = re.compile(
    r"\d|\bhalf|\bthirds?\b|\bquarters?\b|\bmid(?:point|dle)\b|hälfte|mitad|moitié|metà|metade|половин|半"
)  # without these no pattern of times is found


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

    since = "from|starting at|von|ab|desde|desde los|desde las|de|de los|de las|del|da|dal|dalle|dai|dagli|dos|das|с|从"
    between = "between|zwischen|entre|tra|fra|между"
    clause.take(rf"\b(?:until|till|up to|bis|hasta|jusqu'à|fino a|até|до)\s+{_BEFORE_END}", until_ending)
    clause.take(rf"\b(?:from|ab|desde|à partir de|da|a partir de|с)\s+{_BEFORE_END}", ending)
    clause.take(
        rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*{SECONDS}\s+(?:before|vor|avant|antes de|prima di)\s+({_TIMED})", some_before
    )
    clause.take(rf"\b(?:right|just|immediately|shortly) before\s+{_THE}({_TIME})", just_before)
    clause.take(rf"\b(?:{between})\s+{_THE}(?:{SECOND}\s+)?({_TIME})\s*(?:and|und|y|et|e|и)\s*{_THE}({_TIME})", both)
    clause.take(rf"(?:\b(?:{since})|从)\s*({_TIME})\s*(?:{UNTIL})\s*({_TIME})", both)
    clause.take(rf"\b{SECOND}\s+({_TIME})\s*(?:{UNTIL})\s*({_TIME})", both)
    clause.take(rf"(?<![\w:])({CLOCK})\s*(?:{UNTIL})\s*({CLOCK})", both)
    clause.take(rf"(?<![\w:.])(\d+(?:\.\d+)?)\s*{SECONDS}?\s*(?:{UNTIL})\s*(\d+(?:\.\d+)?\s*{SECONDS})(?!\w)", both)
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

    def share(match: "re.Match[str]") -> bool:
        count, part, over, under = match.groups()
        top = int(over) if over else {"two": 2, "three": 3}.get(count, 1)
        bottom = int(under) if under else 3 if part == "third" else 4
        found.append((Moment(min(1.0, top / bottom), "share"), match.group(0)))
        return True

    clause.take(_BEFORE_END, before_end)
    clause.take(
        rf"(?:(?:\b(?:at|on|by|um|bei|a los|al|à|alle|al|aos|em|в|на)|@)\s+)?(?:the\s+)?(?<![\w:.])({_TIMED})", at
    )
    clause.take(rf"(?:\b(?:at|on)|@)\s+({_TIME})", at)
    clause.take(
        rf"(?:\b(?:at|on|an?|bei|in|à|en|al?|no|na|в|на|the|la|le|el|il|der) )*(?<![\w:.])(\d+)"
        rf"(?:st|nd|rd|th|e|è?me|º|ª|\.|-?[йя])? {ONE_SECOND}(?!\w)",
        at,
    )
    second = r"(?:en el segundo|à la seconde|al secondo|no segundo|bei sekunde|at second|second|на секунде|第)"
    clause.take(rf"{second}\s*(\d+(?:\.\d+)?)\s*{SECONDS}?(?!\w)", at)
    clause.take(
        r"(?:\bat )?(?:\b(one|two|three|a)[ -](third|quarter)s? (?:of the way(?: (?:through|in))?|through|in)"
        r"|(?<![\d/.])([1-3])/([34]) of the way(?: (?:through|in))?)\b(?! (?:the )?(?:first|last))",
        share,
    )
    clause.take(
        r"\b(?:half ?way(?: through)?|at the half|midpoint)\b",
        lambda m: found.append((Moment(0.5, "share"), m.group(0))) or True,
    )
    return found
