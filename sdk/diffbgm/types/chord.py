"""Chord symbols as musicians write them: `C`, `Am7`, `F/A`, `Bdim`."""

import re
from dataclasses import dataclass

from diffbgm.errors import PlanError
from diffbgm.typed import typed

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Semitones above the root by the way a quality is written; the first way of each is the one that is taught.
QUALITIES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("", "maj", "M"), (0, 4, 7)),
    **dict.fromkeys(("m", "min", "-"), (0, 3, 7)),
    **dict.fromkeys(("dim", "o", "°"), (0, 3, 6)),
    **dict.fromkeys(("aug", "+"), (0, 4, 8)),
    **dict.fromkeys(("sus4", "sus"), (0, 5, 7)),
    "sus2": (0, 2, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    **dict.fromkeys(("m6", "min6"), (0, 3, 7, 9)),
    "7": (0, 4, 7, 10),
    **dict.fromkeys(("maj7", "M7", "Δ"), (0, 4, 7, 11)),
    **dict.fromkeys(("m7", "min7", "-7"), (0, 3, 7, 10)),
    **dict.fromkeys(("mmaj7", "mM7"), (0, 3, 7, 11)),
    **dict.fromkeys(("m7b5", "ø", "ø7"), (0, 3, 6, 10)),
    **dict.fromkeys(("dim7", "o7", "°7"), (0, 3, 6, 9)),
    "7sus4": (0, 5, 7, 10),
    "add9": (0, 4, 7, 2),
    "madd9": (0, 3, 7, 2),
    "9": (0, 4, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
    "m9": (0, 3, 7, 10, 2),
    "7b9": (0, 4, 7, 10, 1),
    "13": (0, 4, 7, 10, 9),
}
_SYMBOL = re.compile(r"([A-G])([#♯b♭]?)(.*?)(?:/([A-G])([#♯b♭]?))?")


@dataclass(frozen=True)
@typed(PlanError)
class ChordSymbol:
    """A chord.

    Attributes:
        root: Pitch class 0..11 (C = 0).
        tones: Semitones above the root, 0 first.
        bass: Pitch class of the lowest note.

    """

    root: int
    tones: tuple[int, ...]
    bass: int

    @classmethod
    def parse(cls, text: str) -> "ChordSymbol":
        """Return the chord of a symbol; PlanError where it is none."""
        found = _SYMBOL.fullmatch(text)
        if found is None or found[3] not in QUALITIES:
            known = ", ".join(quality for quality in QUALITIES if quality.isascii() and quality)
            raise PlanError(
                f"chord {text!r} is not understood; write a root from A to G with # or b, then nothing or one of"
                f" {known}, then /BASS if another note is the lowest"
            )
        root = _pitch_class(found[1], found[2])
        return cls(root, QUALITIES[found[3]], _pitch_class(found[4], found[5]) if found[4] else root)

    @property
    def classes(self) -> tuple[int, ...]:
        """Its pitch classes, the root first; the bass last where it is none of the chord's tones."""
        own = tuple((self.root + tone) % 12 for tone in self.tones)
        return own if self.bass in own else (*own, self.bass)


def _pitch_class(letter: str, sign: str) -> int:
    return (LETTERS[letter] + {"": 0, "#": 1, "♯": 1}.get(sign, -1)) % 12
