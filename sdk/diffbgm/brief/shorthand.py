"""Short forms of a text spelled out: "gtr" as guitar, "w/o" as without, "#SoloPiano" as two words."""

import re

from diffbgm.brief.lexicon import Lexicon

PLAYERS = {
    r"gtrs?": "guitar", r"pno": "piano", r"vlns?": "violin", r"vlas?": "viola", r"vcl?|vlc": "cello",
    r"tpts?": "trumpet", r"tbns?": "trombone", r"bsns?": "bassoon", r"clar": "clarinet", r"hrns?|hn\.": "french horn",
    r"ob\.": "oboe", r"fl\.": "flute", r"cl\.": "clarinet", r"strs?\.|strgs?": "strings", r"perc": "percussion",
    r"kbds?|keybs?": "keyboard", r"vox|vocs": "vocals", r"orch": "orchestra", r"dbl\.? bass": "double bass",
    r"hpsd": "harpsichord",
}  # fmt: skip
KINDS = {r"ac|acc|acous|acoust": "acoustic", r"el|elec|elect": "electric", r"cl|clas": "classical"}
_GUITAR = r"(?:gtrs?|guitars?)"
_ARTICLES = "los|las|les|des|dei|degli|dos|i|gli|os"
SHORT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<!\w)w/o(?:ut)?\b"), "without"),
    (re.compile(r"(?<!\w)w/(?=\s?\w)"), "with "),
    *((re.compile(rf"\b(?:{short})(?:\.|\.? |-){_GUITAR}\b", re.I), f"{kind} guitar") for short, kind in KINDS.items()),
    (re.compile(rf"\be(?:\.\s?|-){_GUITAR}\b|\be gtrs?\b", re.I), "electric guitar"),
    (re.compile(r"\be guitars?\b"), "electric guitar"),  # but "in E guitar" is a key
    (re.compile(r"\b(?:el|elec|elect)\. ?(?=bass\b|pianos?\b|organ\b)", re.I), "electric "),
    *(
        (re.compile(rf"(?<![\w'])(?:{short})(?![\w'])(?:\.(?=\s*(?-i:[a-z+&,/)])))?", re.I), long)
        for short, long in PLAYERS.items()
    ),
    (re.compile("[✗✘❌🚫⛔]\ufe0f?"), ", no "),
    (re.compile(r"\[(\d{1,3}:\d\d(?:\.\d+)?)\]"), r", \1 "),  # "[0:10] drums"
    (re.compile(r"(?<![\w:.])00:(\d\d:\d\d)(?![\w:])"), r"\1"),  # hours
    (re.compile(r"(?<![\w:.])(?=:\d\d(?!\w))|(?<![\w:.])(?=\.\d ?s\b)"), "0"),  # ":05", ".5 s"
    (re.compile("[✓✔✅]\ufe0f?"), ", "),
    (re.compile(r"\b(?:19)?([2-9]0)er(?:[ -]?jahren?)?\b", re.I), r"\1s"),
    (re.compile(rf"\b(?:(?:{_ARTICLES}) )?(?:años|années|anni|anos) '?(?:19)?([2-9]0)\b", re.I), r"\1s"),
    (re.compile(r"\b(until|till) (?:the )?(?:middle|half|mid[- ]?point|halfway point)\b(?! of)", re.I), r"\1 halfway"),
    (re.compile(r"\bapprox(?:imately|\.)?(?!\w)", re.I), "around"),
)
EMOJI = {
    "🎹": "piano", "🎻": "violin", "🎸": "guitar", "🥁": "drums", "🎺": "trumpet", "🎷": "saxophone", "🪕": "banjo",
    "🪗": "accordion", "😢": "sad", "😭": "sad", "😊": "happy", "😀": "happy", "😄": "happy",
    "😡": "angry", "😱": "scary",
}  # fmt: skip
_EMOJI = f"[{''.join(EMOJI)}]"
INSTEAD_OF_WORDS = re.compile(  # emoji that say something of their own: "🎹 + 🎻", "no 🥁"; in "🥁 no drums" they adorn
    rf"(?P<no>\b(?:no|without|kein|ohne|sin|sans|senza|sem) ?)(?P<denied>{_EMOJI})"
    rf"|(?P<before>(?:^|[,;.:\n+&/]|\b(?:only|solo|just|and|with|plus))\s*)(?P<row>{_EMOJI}(?:\ufe0f|\s|{_EMOJI})*)"
    r"(?=$|[,;.:\n+&/]|(?:only|solo|and)\b)",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"^\s*\d{1,2}[.)]\s+(?=[^\W\d])", re.MULTILINE)  # items of a list
TAG = re.compile(r"(?<![\w&])#\w{2,40}")
SHORTEST_PART = 3  # letters of a word that is run together with others in a tag
MOST_PARTS = 3
PARTS_OF_TAG = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"
TIMES_IN_RUN = re.compile(rf"(?<=[{IDEOGRAPHS}])(?=\d)|(?<=\d秒)(?=[{IDEOGRAPHS}])")


def spell_out(text: str, known: Lexicon) -> str:
    """Return a text without short forms; tags are cut into their words, and times are parted from ideographs."""
    text = TAG.sub(lambda tag: "#" + _words_of_tag(PARTS_OF_TAG.sub(" ", tag[0][1:]), known), text)
    for short, long in SHORT:
        text = short.sub(long, text)
    text = INSTEAD_OF_WORDS.sub(_in_words, text)
    text = NUMBERED.sub("", text) if len(NUMBERED.findall(text)) > 1 else text
    return TIMES_IN_RUN.sub(" ", text)


def _in_words(emoji: re.Match[str]) -> str:
    """Emoji that stand instead of words, in words."""
    if emoji["no"]:
        return f"{emoji['no'].rstrip()} {EMOJI[emoji['denied']]}"
    names = dict.fromkeys(EMOJI[character] for character in emoji["row"] if character in EMOJI)
    return f"{emoji['before']} {', '.join(names)} "


def _words_of_tag(tag: str, known: Lexicon) -> str:
    """Return a tag such as "epicpianomusic" cut into words of the lexicon; as it is where it is none of these."""
    return tag if known.find(tag.lower()) else " ".join(_cut(tag, known, MOST_PARTS)) or tag


def _cut(run: str, known: Lexicon, most: int) -> list[str]:
    """Return the fewest known words, `most` at most, that a run is made of; none where there are no such words."""
    if known.find(run.lower()):
        return [run]
    cuts = range(len(run) - SHORTEST_PART, SHORTEST_PART - 1, -1) if most > 1 else range(0)
    first = [run[:i] for i in cuts if known.find(run[:i].lower())]
    found = [[word, *rest] for word in first if (rest := _cut(run[len(word) :], known, most - 1))]
    return min(found, key=len) if found else []
