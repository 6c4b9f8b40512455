"""Parts of the film that follow one another, told by order or by length, as the stretches of time the reader knows.

"First piano, then guitar" is "piano for the first half, guitar for the second half", and "10 seconds of piano, then 10
seconds of strings" is "piano from 0 to 10 seconds, strings from 10 to 20 seconds".
"""

import re
from collections.abc import Sequence

from diffbgm.brief.lexicon import Lexicon
from diffbgm.brief.patterns import NO_TIME, SECONDS
from diffbgm.brief.phrases import Phrase, cut_phrases
from diffbgm.brief.retelling import names_only_players
from diffbgm.brief.signs import THEN

_THEN = (
    rf"(?:(?:and|und|y|et|e) )?(?:{THEN}|followed by|finally|lastly|later|zuletzt|schließlich|finalmente|por último"
    r"|enfin|infine|por fim)\b(?: on)?"
)
PARTED = re.compile(rf"(\s*[,;.\n]?\s*\b{_THEN}\s*|\s*[,;\n]\s*|\.\s+)", re.IGNORECASE)
_NUMBER = rf"(\d+(?:\.\d+)?)[ -]?{SECONDS}(?!\w)"
_NEXT = r"(?:(?:the |another )?(?:first|next|last|other|another) )?"
LENGTH_AHEAD = re.compile(rf"(?:the )?{_NEXT}{_NUMBER}(?: (?:of|de|von|di))? ([^\d:]{{2,40}})", re.IGNORECASE)
LENGTH_BEHIND = re.compile(rf"([^\d:]{{2,40}}?) (?:for|für|durante|por|pendant|per) {_NEXT}{_NUMBER}", re.IGNORECASE)
_FIRST = "first(?:ly)?|at first|initially|zuerst|erst|primero|d'abord|prima|dapprima|primeiro|сначала"
_BEGINS = r"(?:it |music )?(?:starts?|begins?|opens?)(?: off| out)? (?:with|on) (?:just )?"
OPENS = re.compile(
    rf"(?:(?:{_FIRST}) |(?P<begins>{_BEGINS}))(?P<who>[^\d:]{{2,40}})"
    r"|(?P<name>[^\d:]{2,40}?) (?:first|zuerst|primero)",
    re.IGNORECASE,
)
MOVES = re.compile(r"(?:moves?|switch(?:es)?|changes?|goes|go) (?:on )?(?:over )?to (?:the )?", re.IGNORECASE)
GOES_ON = re.compile(r"(?:add|adds|adding|plus|with|join|joins|joined by|bring in|brings in)\b", re.IGNORECASE)
SHARES = {  # by the number of parts
    2: ("for the first half", "for the second half"),
    3: ("for the first third", "for the middle third", "for the last third"),
}
ADDED = {  # the same, for those that join
    2: ("", "enter halfway through"),
    3: ("", "enter one third of the way through", "enter two thirds of the way through"),
}
_WORKS = (
    "piece|track|song|cue|clip|video|film|ad|advert|spot|commercial|trailer|teaser|reel|short|edit|bed|loop|promo|tune"
)
_BETWEEN = r"(?:(?!(?:of|the|an?|in|into|at|on|then|before|after|from|to|for|with|and|until|no)\b)[a-z-]+ )"
LENGTH_OF_ALL = re.compile(  # "a 30 second piece": it is as long as the film
    rf"(?<!first )(?<!last )(?<!next )(?<!final )\b{NO_TIME}\d+(?:\.\d+)?[ -]?(?:{SECONDS}|min(?:ute)?s?)(?:[ -]long)?"
    rf"(?= {_BETWEEN}{{0,3}}(?:{_WORKS})s?\b)",
    re.IGNORECASE,
)
PACES = {"slow": "calm", "slowly": "calm", "fast": "energetic", "quick": "energetic", "faster": "energetic"}
PACE = re.compile(rf"\b(?:{'|'.join(PACES)})\b(?! (?:fade|build|crescendo|swell|cuts?|paced|tempo))", re.IGNORECASE)
SAYS = ("mood", "scene", "intensity")
HAPPENS = ("hit", "rest", "ending", "arc", "enter", "leave", "speech", "negation")


def in_times(text: str, known: Lexicon) -> str:
    """Return a text whose parts have times where it tells only their order or their lengths, else as it is."""
    text = LENGTH_OF_ALL.sub("", text)
    parts = PARTED.split(text)
    said, between = parts[::2], parts[1::2]
    phrases = [list(cut_phrases(part.lower(), known)) for part in said]
    _give_stretches(said, between, phrases)
    _give_shares(said, between, known)
    out = "".join(part + gap for part, gap in zip(said, [*between, ""], strict=True))
    return _without_paces(out) if any(map(_orders, between)) else out


def _orders(gap: str) -> bool:
    """Whether a gap says that what comes after it comes later."""
    return any(map(str.isalpha, gap))


def _tells(phrases: Sequence[Phrase]) -> bool:
    """Whether a part says who plays or how it feels, and nothing that happens at a time."""
    tells = any(p.plays or any(map(p.has, SAYS)) for p in phrases)
    return tells and not any(p.has(kind) for p in phrases for kind in HAPPENS)


def _length_of(part: str) -> tuple[float, str] | None:
    """Seconds that a part lasts, and what it says; None where it tells no length."""
    if told := LENGTH_AHEAD.fullmatch(part.strip()):
        return float(told[1]), told[2]
    if told := LENGTH_BEHIND.fullmatch(part.strip()):
        return float(told[2]), told[1]
    return None


def _give_stretches(said: list[str], between: list[str], phrases: Sequence[Sequence[Phrase]]) -> None:
    """Gives parts in a row that tell their lengths their stretches of time; the last goes on to the end."""
    first = 0
    while first < len(said):
        at, number = 0.0, first
        row: list[tuple[str, float]] = []  # what is said, and from when on
        while number < len(said) and (told := _length_of(said[number])):
            silent = number == 0 and bool(phrases[0]) and phrases[0][-1].has("rest")  # before all the others
            if not silent and not _tells(phrases[number]):
                break
            row.append((told[1], at))
            at, number = at + told[0], number + 1
        goes_on = number < len(said) and bool(row) and _orders(between[number - 1])
        goes_on = goes_on and not (len(row) == 1 and "first" in said[first].lower())  # which the reader knows
        if goes_on and _tells(phrases[number]) and not re.search(r"\d", said[number]):
            row.append((said[number], at))
        if len(row) > 1:
            ends = [*(f"to {until:g} seconds" for _, until in row[1:]), "seconds"]
            said[first : first + len(row)] = [
                f"{one} from {at:g} {end}" for (one, at), end in zip(row, ends, strict=True)
            ]
            between[first : first + len(row) - 1] = [", "] * (len(row) - 1)
        first = max(number, first + 1)


def _give_shares(said: list[str], between: list[str], known: Lexicon) -> None:
    """Gives players of whom only an order is told their shares of the film; who begins or is added stays to the end."""
    for first, part in enumerate(said):
        told = OPENS.fullmatch(part.strip())
        if told is None:
            continue
        who, last = [told["who"] or told["name"]], first + 1
        while last < len(said) and (_orders(between[last - 1]) or MOVES.match(said[last])):
            who.append(said[last].strip())
            last += 1
        moves = any(MOVES.match(one) for one in who)
        who = [MOVES.sub("", one) for one in who]
        adds = any(GOES_ON.match(one) for one in who) or (told["begins"] is not None and not moves)
        who = [GOES_ON.sub("", one).strip() for one in who]
        if len(who) not in SHARES or not all(names_only_players(one, known) for one in who):
            continue
        shares = ADDED[len(who)] if adds else SHARES[len(who)]
        said[first:last] = [f"{one} {share}".strip() for one, share in zip(who, shares, strict=True)]
        between[first : last - 1] = [", "] * (len(who) - 1)
        return


def _without_paces(text: str) -> str:
    """A text of both slow and fast parts, of which the music has one tempo: calm and energetic ones."""
    named = {PACES[told.group(0).lower()] for told in PACE.finditer(text)}
    return PACE.sub(lambda told: PACES[told.group(0).lower()], text) if len(named) > 1 else text
