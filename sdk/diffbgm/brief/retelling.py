"""Wordings of who plays when, and of where the music begins and ends, told in an order of words that the reader knows.

"Start loud get quiet" becomes "start loud, then get quiet", and "only shaker for percussion" is a shaker.
"""

import re

from diffbgm.brief.lexicon import Lexicon
from diffbgm.brief.patterns import CLOCK, SECONDS, read_seconds
from diffbgm.brief.phrases import cut_phrases
from diffbgm.brief.signs import MUSIC, STOPS

NEAR = 150  # letters before a verb in which its clause begins
ALMOST = r"(?:(?:almost|nearly|practically|virtually|absolutely|next to|complete|total) )?"
_WHEN = r"(?:\d{1,3}:\d\d(?:\.\d+)?|\d+(?:\.\d+)? ?(?:s|secs?|seconds?)\b|half ?way\b)"
OUT_OF_SILENCE = re.compile(  # "music comes out of silence at 0:05": there is none before
    r"\b(?:comes?|coming|emerges?|emerging|rises?|grows?"
    r"|starts?|begins?|breaks?|fades? in|kommt|steigt|beginnt|entsteht|sale|surge|emerge|nace|sort|émerge|naît|commence"
    r"|esce|nasce|inizia)"
    rf"(?: up| in)? (?:out of|from|aus|del?|desde|du|dal|do) (?:the |der |dem |el |le |il |o )?{ALMOST}"
    r"(?:silence|nothing(?:ness)?|stille|nichts|silencio|nada|néant|silenzio|nulla|silêncio)"
    r" (?:at|from|by|um|bei|ab|en|a|à|em|aos|alle?) (?:the |el |la |le )?(?:(?:second|segundo|seconde|sekunde) )?"
    r"(?=\d{1,3}:\d\d|\d+(?:\.\d+)? ?(?:s|secs?|seconds?|sek|sekunden?|segundos?|secondes?|secondi)\b)",
    re.IGNORECASE,
)
FOR_THE_REST = re.compile(  # "piano for the first half, guitar for the rest"
    r",(?: and)? ([^,;.:\n\d]{2,30}?) "
    r"(?:for (?:all )?the (?:rest|remainder)\b(?: of (?:it|the \w+))?|after(?:wards?)?(?=\s*(?:[,;.\n]|$)))",
    re.IGNORECASE,
)
_BEGINS = (
    "starts?|begins?|opens?|starting|beginning|opening|empieza|comienza|commence|débute|beginnt|anfang|inizia|comincia"
    "|começa|empezar|commencer"
)
_ENDS = (
    "ends?|ending|finish(?:es)?|gets?|getting|becomes?|turns?|goes|closes?|closing|grows?|builds?|termina|acaba|finit"
    "|termine|endet|finisce|diventa|devient|wird"
)
TWO_ENDS = re.compile(  # "start loud get quiet"
    rf"\b((?:{_BEGINS}) (?:off |out )?)([^,;.:\n\d]{{2,30}}?)(?: (?:and|y|et|und|e))? ((?:{_ENDS}) )"
    r"(?=([^,;.:\n\d]{2,30}))",
    re.IGNORECASE,
)
ROLES = (
    "percussion|drums?|the beat|beat|rhythm|groove|harmon(?:y|ies)|chords?|accompaniment|backing|bass(?: ?line)?|pads?"
    "|schlagzeug|rhythmus|begleitung|harmonien?|akkorde|percusión|batería|ritmo|acompañamiento|armonía|acordes|percussions"
    "|batterie|rythme|accompagnement|harmonie|percussioni|batteria|accompagnamento|armonia"
)
_ONLY = "only|just|solely|nothing but|nur|bloß|sólo|solo|solamente|seulement|uniquement|soltanto|apenas"
_LITTLE = (
    "(?:(?:some|very|a bit of) )?(?:light|soft|subtle|gentle|minimal|sparse|leichte|sanfte|ligera|suave|légère) "
    "(?:percussions?|drums?|beats?|percusión|batterie)"
)
ONLY_IN_ROLE = (  # "only shaker for percussion": others play something else
    re.compile(
        rf"\b(?:{_ONLY}) ([^,;.:\n\d]{{2,30}}?) (?:for|as|on|in|als|für|como|para|comme|pour|come|per)"
        rf" (?:(?:the|its|die|das|der|la|el|le|il) )?(?:{ROLES})(?!\w)(?! section\b)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:\b(?:for|as|als|für|como|para|comme|pour|come|per) (?:the |die |das |la |el |le |il )?(?:{ROLES})"
        rf"(?: (?:we want|i want|use))?,?|\b(?:{ROLES}) ?[:=]) (?:{_ONLY}) ([^,;.:\n\d]{{2,30}})",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:{ROLES}) ?[:=] ?([^,;.:\n\d]{{2,30}}?) (?:only|alone)\b", re.IGNORECASE),
    re.compile(rf"\b(?:{_ONLY}) ({_LITTLE})", re.IGNORECASE),
    re.compile(rf"\b({_LITTLE}) only\b", re.IGNORECASE),
    re.compile(
        rf"\bthe only (?:{ROLES}) (?:is|are|should be|comes from|being)(?: from)? ([^,;.:\n\d]{{2,30}})",
        re.IGNORECASE,
    ),
)
ENDS_SAY = ("intensity", "mood", "tempo")
STARTS_PIANO = re.compile(
    r"\b(inizi\w*|cominci\w*|part[ei]\w*|finisc\w+|termin\w+) piano\b(?! solo)", re.IGNORECASE
)  # softly
LOW_PLAYERS = re.compile(
    r"(?<!just )(?<!just a )(?<!only )\blow (?=([^\W\d]{3,20}))", re.IGNORECASE
)  # a pitch, no level: "low strings"
ALL_BUT_ONE_STOP = re.compile(  # "everything drops out except the piano", "everything stops at 0:10 except the piano"
    r"\b(?:every(?:thing|one|body)|all(?: the)?(?: other)? instruments|the band|the orchestra|the rest)(?: else)? "
    r"(?:(?:drop|cut|fade|die|fall)s? (?:out|away|silent)|stops?|goes (?:away|silent)|disappears?|leaves?)"
    rf"(?P<when> (?:at|from|after|until) {_WHEN})?"
    r",? (?:except|but|apart from|besides|save)(?: for)? (?=[^\W\d])(?P<who>[^,;.:\n\d]{0,30})",
    re.IGNORECASE,
)
DOWN_TO = re.compile(  # "strip back to piano at 0:10"
    r"\b(?:(?:strip|drop|cut|thin)(?:s|ped|ned|ping|ning)? (?:it )?(?:back |down )?to (?:(?:just|only) )?"
    r"|(?:back|down) to (?:just|only) )(?:the |a )?(?=([^,;.:\n\d]{2,20}))",
    re.IGNORECASE,
)
_THEN = rf"(?P<when> (?:at|from|after) {_WHEN})"
_PLAYER = r"(?:the )?([^,;.:\n\d]{2,25}?)"
HANDS_OVER = (  # who plays until a time, who from then on, and when
    re.compile(
        rf"\b(?:switch|change|move|go|cross-?fade)(?:s|es)? from {_PLAYER} (?:in)?to {_PLAYER}{_THEN}",
        re.IGNORECASE,
    ),
    re.compile(rf"{_PLAYER},? (?:is |are |gets? )?replaced by {_PLAYER}{_THEN}", re.IGNORECASE),
)
TAKES_OVER = re.compile(rf"{_PLAYER} takes? over (?:from|for) {_PLAYER}{_THEN}", re.IGNORECASE)

AT_THE_END = re.compile(  # "flute at the end"
    r"(?:^|(?<=[,;.\n])|(?<=\band)) ?([^,;.:\n\d]{2,30}?) (?=(?:at|towards?|near) the (?:very )?end\b)", re.IGNORECASE
)
FRAME = re.compile(  # "piano intro", "guitar outro": alone
    r"\b((?:[^\W\d]{2,20} )?[^\W\d]{2,20}) (intro|introduction|outro)\b(?! (?:music|song|track|video|jingle|tune))",
    re.IGNORECASE,
)

_FEELS = r"([^\W\d]{3,20}(?: [^\W\d]{3,20})?)"
BUT_STARTS = (  # "uplifting but start sad", "happy, but dark at first"
    re.compile(
        rf"\b{_FEELS},? but (?:it )?(?:starts?|begins?|opens?|starting|beginning|opening)(?: out| off)? {_FEELS}"
        r"(?=\s*(?:[,;.\n]|$))",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b{_FEELS},? but (?:it is )?{_FEELS} (?:at first|at the (?:start|beginning|outset)|in the beginning)\b",
        re.IGNORECASE,
    ),
)
PICTURED = re.compile(  # "music stops when she screams at 0:17": what the pictures show
    rf"\b(?:(?:right |just |exactly )?when|as soon as|once) ([^,;.:\n\d]{{2,40}}?) (?=(?:at|@|around) {_WHEN})",
    re.IGNORECASE,
)


_AT_TIME = rf"(?:{CLOCK}|\d+(?:\.\d+)? ?{SECONDS}(?!\w))"
SILENCE_BEFORE = re.compile(  # "two seconds of silence before the hit at 0:10"
    rf"\b(\d+(?:\.\d+)?) ?{SECONDS} (?:of )?(?:silence|nothing|pause|rest|quiet) (?:right |just |immediately )?before "
    rf"(?:(?:the|a|an) )?([^,;.:\n\d]{{2,25}}?) (?:at|on) ({_AT_TIME})",
    re.IGNORECASE,
)
BUILD_TO = re.compile(  # "build to the reveal at 0:15"
    rf"\b(build(?:s|ing)?(?: up)?|rise|rises|grows?|crescendo) (?:in)?to (?:the |a |an )?([^,;.:\n\d]{{2,25}}?) at "
    rf"({_AT_TIME})",
    re.IGNORECASE,
)
MID_PEAK = re.compile(
    r"\b(?:climax|peak|climaxes|peaks|culminates)(?: is)? (?:at|in) (?:the )?"
    r"(?:half ?way(?: point| mark)?|mid ?point|centre|center|50 ?%)(?!\w)",
    re.IGNORECASE,
)
THEN_ALL = re.compile(  # "piano until 0:12, then the whole orchestra": the others wait
    r"(?:^|(?<=[,;.:\n])) ?([^,;.:\n\d]{2,30}?)"
    rf"(?= (?:until|till|up to|bis|hasta|jusqu'à|fino a|até) {_AT_TIME},? (?:and |und |y |et |e )?"
    r"(?:then|dann|luego|después|puis|ensuite|poi|depois) (?:(?:comes?|enters?|kommt|setzt|entra|entre) )?"
    r"(?:(?:the |das |die )?(?:whole |full |entire |complete |ganze |volle |toda la |toda a |tout l'|tutta l')"
    r"(?:orchestra|band|ensemble|group|orchester|orquesta|orchestre|orquestra)"
    r"|every(?:one|body|thing)|all(?: the)? (?:others|instruments)|alle|todos|tous|tout le monde|tutti)\b)",
    re.IGNORECASE,
)
LET_IT = re.compile(r"\b(?:please )?(?:have|let|make) (?:it|the music) (?=stop|end|start|begin)", re.IGNORECASE)
BARE_START = re.compile(  # "come in at 4 seconds", "only begin at the fourth second"
    r"(?:^|(?<=[.;\n]) ?)(?:please |only |just )*(?:start|begin|come in|enter)(?: only| in)? (?:only )?"
    rf"(?:at|from|after) (?:the )?(?=(?:{CLOCK}|\d+(?:\.\d+)? ?{SECONDS}|\d+th second)(?!\w))",
    re.IGNORECASE,
)


def names_players(words: str, known: Lexicon) -> bool:
    """Whether some words name instruments or a lead, and deny none."""
    phrases = list(cut_phrases(words.lower(), known))
    return any(p.plays or p.has("lead") for p in phrases) and not any(p.has("negation") for p in phrases)


def names_only_players(words: str, known: Lexicon) -> bool:
    """Whether some words name instruments and say nothing else."""
    phrases = list(cut_phrases(words.lower(), known))
    return any(p.plays for p in phrases) and all(p.plays or p.fills for p in phrases)


def retell(text: str, known: Lexicon) -> str:
    """Return a text with such wordings replaced; where they are of no instruments, it stays as it is."""

    def plays(words: str) -> bool:
        return names_players(words, known)

    def in_role(told: re.Match[str]) -> str:
        return told[1] if plays(told[1]) else told[0]

    def low(told: re.Match[str]) -> str:
        return "" if plays(told[1]) and not known.find(f"low {told[1]}") else told[0]

    def down_to(told: re.Match[str]) -> str:
        return "only " if plays(told[1]) else told[0]

    def out_of_silence(told: re.Match[str]) -> str:
        before = _clause_before(told, r"[,;.:\n]")
        return "enter at " if plays(before) else "silence until "

    def two_ends(told: re.Match[str]) -> str:
        first, last = (list(cut_phrases(told[i].lower(), known)) for i in (2, 4))
        tells = all(any(map(p.has, ENDS_SAY)) for p in (*first[:1], *last[:1])) and first and last
        return f"{told[1]}{told[2]}, then {told[3]}" if tells else told[0]

    def all_but_one(told: re.Match[str]) -> str:
        return f"only {told['who']}{told['when'] or ''}"

    def at_the_end(told: re.Match[str]) -> str:
        struck = any(p.has("hit") for p in cut_phrases(told[1].lower(), known))
        return f"{told[0]}only " if names_only_players(told[1], known) and not struck else told[0]

    def but_starts(told: re.Match[str]) -> str:
        both = (list(cut_phrases(told[i].lower(), known)) for i in (1, 2))
        return f"starts {told[2]}, then {told[1]}" if all(any(p.has("mood") for p in one) for one in both) else told[0]

    def pictured(told: re.Match[str]) -> str:
        phrases = list(cut_phrases(told[1].lower(), known))
        before = _clause_before(told, r"[,;.\n]").lower()
        stops = MUSIC.search(before) and STOPS.search(before)
        acts = any(p.plays or p.has("enter") or (p.has("hit") and not stops) for p in phrases)
        return told[0] if acts or MUSIC.search(told[1].lower()) else ""

    def frame(told: re.Match[str]) -> str:
        words = told[1].split()
        player = next((one for one in (told[1], words[-1]) if known.find(one.lower()) and plays(one)), None)
        if player is None:
            return told[0]
        where = "end" if told[2].lower() == "outro" else "start"
        return f"{told[1].removesuffix(player)}, {player} alone at the {where},"

    def silence_before(told: re.Match[str]) -> str:
        at = read_seconds(told[3])
        return f"silence from {max(0.0, at - float(told[1])):g} s to {at:g} s, {told[2]} at {told[3]}"

    def build_to(told: re.Match[str]) -> str:
        if names_players(told[2], known):
            return told[0]
        struck = any(p.has("hit") for p in cut_phrases(told[2].lower(), known))
        grows = told[1].lower().removesuffix(" up")
        return f"{grows} until {told[3]}" + (f", {told[2]} at {told[3]}" if struck else "")

    def hands_over(told: re.Match[str]) -> str:
        return _in_turn(told, told[1], told[2])

    def then_all(told: re.Match[str]) -> str:
        return f" only {told[1]}" if names_only_players(told[1], known) else told[0]

    def takes_over(told: re.Match[str]) -> str:
        return _in_turn(told, told[2], told[1])

    def _in_turn(told: re.Match[str], first: str, last: str) -> str:
        when = told["when"].split(" ", 2)[2]
        return f"{first.strip()} until {when}, then {last.strip()}" if plays(first) and plays(last) else told[0]

    for pattern, said in (
        *((pattern, in_role) for pattern in ONLY_IN_ROLE), (OUT_OF_SILENCE, out_of_silence),
        (ALL_BUT_ONE_STOP, all_but_one), (DOWN_TO, down_to), *((pattern, hands_over) for pattern in HANDS_OVER),
        (TAKES_OVER, takes_over), (LOW_PLAYERS, low), (STARTS_PIANO, r"\1 sommesso"), (TWO_ENDS, two_ends),
        (LET_IT, "the music "), (THEN_ALL, then_all), (MID_PEAK, "peak in the middle"), (BUILD_TO, build_to),
        (SILENCE_BEFORE, silence_before), (BARE_START, "the music starts at "), (PICTURED, pictured),
        *((pattern, but_starts) for pattern in BUT_STARTS),
        (FOR_THE_REST, r", then \1"), (FRAME, frame), (AT_THE_END, at_the_end),
    ):  # fmt: skip
        text = pattern.sub(said, text)
    return text


def _clause_before(told: re.Match[str], ends: str) -> str:
    """What stands before a match in its clause, near to it."""
    return re.split(ends, told.string[max(0, told.start() - NEAR) : told.start()])[-1]
