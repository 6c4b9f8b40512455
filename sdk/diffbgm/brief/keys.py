"""Keys of a text, taken out of it as they are read."""

import re
from collections.abc import Mapping
from typing import Literal

from diffbgm.brief.patterns import Text

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
