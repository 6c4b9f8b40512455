"""A text cut into the longest phrases that the lexicon knows, each with what it may mean."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from diffbgm.brief.lexicon import LONGEST_PHRASE, Lexicon, Meaning, is_joined

LONGEST_WORD = 40
CONTENT = frozenset({  # kinds that say something of the music
    "genre", "instrument", "group", "lacking", "mood", "scene", "tempo", "mode", "metre", "arc", "ending", "lead",
    "solo", "speech", "intensity",
})  # fmt: skip


@dataclass(frozen=True)
class Phrase:
    """A phrase of a clause with its meanings (none: not understood)."""

    text: str
    meanings: tuple[Meaning, ...]

    def has(self, kind: str) -> Meaning | None:
        """Return its first meaning of a kind."""
        return next((meaning for meaning in self.meanings if meaning.kind == kind), None)

    @property
    def fills(self) -> bool:
        """Whether it says nothing of the music: it fills or joins."""
        return self.has("filler") is not None or self.has("join") is not None

    @property
    def plays(self) -> bool:
        """Whether it names an instrument or a group of them."""
        return any(meaning.kind in ("instrument", "group") for meaning in self.meanings)


def cut_phrases(text: str, known: Lexicon) -> Iterator[Phrase]:
    """The longest known phrases of a clause in order; runs of Han and Kana are cut by the longest known word."""
    words = [_mended(word, known) for word in _words(text)]
    i = 0
    while i < len(words):
        if any(map(is_joined, words[i])):
            yield from _cut(words[i], known)
            i += 1
            continue
        for length in range(min(LONGEST_PHRASE, len(words) - i), 0, -1):
            phrase = " ".join(words[i : i + length])
            meanings = known.find(phrase)
            if not meanings and length == 1:
                meanings = _inflected(phrase, known)
            if meanings:
                yield Phrase(phrase, meanings)
                i += length
                break
        else:
            parts = [part for part in words[i].split("-") if part]
            if len(parts) > 1:
                words[i : i + 1] = parts
                continue
            yield Phrase(words[i], ())
            i += 1


def _mended(word: str, known: Lexicon) -> str:
    """A word with one slip mended where no phrase has it, so that it may be part of a longer phrase."""
    if word in known.parts or _inflected(word, known, mend=False):
        return word
    return known.correct(word) or word


def _inflected(word: str, known: Lexicon, *, mend: bool = True) -> tuple[Meaning, ...]:
    """The meanings of a word by its stem, its parts or, last, with one slip mended."""
    for ending in ("'s", "s", "es", "ly", "ish", "y", "musik", "svideo", "video", "sfilm", "film"):
        if word.endswith(ending) and (found := known.find(word[: -len(ending)])):
            return found
    if word.endswith("ier") and (found := known.find(f"{word[:-3]}y")):  # "happier"
        return found
    elided = word.rsplit("'", 1)[-1]
    if elided != word and (found := known.find(elided)):
        return found
    corrected = known.correct(word) if mend else None
    return known.find(corrected) if corrected else ()


def _cut(run: str, known: Lexicon) -> Iterator[Phrase]:
    """A run without spaces cut into known words, the longest first at every place."""
    i, unknown = 0, ""
    while i < len(run):
        word = next((word for word in known.joined if run.startswith(word, i)), None)
        if word is None:
            unknown += run[i]
            i += 1
            continue
        if unknown:
            yield Phrase(unknown, ())
            unknown = ""
        yield Phrase(word, known.find(word))
        i += len(word)
    if unknown:
        yield Phrase(unknown, ())


def _words(text: str) -> Iterator[str]:
    """Runs of letters, marks, digits, apostrophes, hyphens, & and /; runs of Han and Kana apart from others."""
    word, joined = "", False
    for character in text:
        inside = unicodedata.category(character)[0] in "LMN" or character in "'-&"
        if word and (not inside or is_joined(character) != joined):
            if word.strip("'-"):
                yield word.strip("'-") if len(word) <= LONGEST_WORD else word[:LONGEST_WORD]
            word = ""
        if inside:
            word, joined = word + character, is_joined(character)
    if word.strip("'-"):
        yield word.strip("'-") if len(word) <= LONGEST_WORD else word[:LONGEST_WORD]
