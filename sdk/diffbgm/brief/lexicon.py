"""The words that the reader knows, from the tables in data/: phrases in ten languages and what each may mean.

A phrase may mean several things (`intense` is a mood and a level of energy); the reader decides by what is around.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

LONGEST_PHRASE = 5  # words
SHORTEST_FUZZY = 4  # letters; shorter words have too many neighbours


@dataclass(frozen=True)
class Meaning:
    """One meaning of a phrase: its kind (such as "genre" or "mood"), and the value in its table."""

    kind: str
    value: str


@dataclass(frozen=True)
class Instrument:
    """A row of instruments.tsv; `program` as in General MIDI from 0, None for percussion."""

    name: str
    program: int | None
    family: str


@dataclass(frozen=True)
class Genre:
    """A row of genres.tsv: what the genre usually has."""

    name: str
    bpm: tuple[float, float]
    metre: str
    mode: str | None
    valence: float
    arousal: float
    drums: bool | None
    instruments: tuple[str, ...]
    heard_as: str  # one of types.GENRES, which the composer was taught
    palettes: tuple[str, ...]  # the first of them that is one of planner.PALETTES


@dataclass(frozen=True)
class Mood:
    """A row of moods.tsv or scenes.tsv: a place on the circumplex, style tags and a genre that go with it."""

    valence: float
    arousal: float
    tags: tuple[str, ...]
    genre: str | None = None


@dataclass(frozen=True)
class Lexicon:
    """All tables, and every phrase with its meanings.

    Attributes:
        phrases: Normalised phrase (words joined by one space) to its meanings.
        parts: The words of all phrases.
        joined: Phrases of scripts without spaces, the longest first.
        ordinary: Words that are near to one of the tables, but are no slips: "show" is not "slow".
    """

    instruments: dict[str, Instrument]
    genres: dict[str, Genre]
    moods: dict[str, Mood]
    phrases: dict[str, tuple[Meaning, ...]]
    parts: frozenset[str]
    joined: tuple[str, ...]
    ordinary: frozenset[str]

    @cached_property
    def near(self) -> dict[str, tuple[str, ...]]:
        """Words of SHORTEST_FUZZY letters and more by every form with one letter left out."""
        near: dict[str, list[str]] = {}
        for word in self.phrases:
            if len(word) >= SHORTEST_FUZZY and word.isalpha() and not any(map(is_joined, word)):
                for form in {word, *_deletions(word)}:
                    near.setdefault(form, []).append(word)
        return {form: tuple(words) for form, words in near.items()}

    def find(self, phrase: str) -> tuple[Meaning, ...]:
        """The meanings of a normalised phrase, () where it is unknown."""
        return self.phrases.get(phrase, ())

    def correct(self, word: str) -> str | None:
        """The known word that is one slip away (a letter more, less, wrong, or two swapped); None for none or two."""
        if len(word) < SHORTEST_FUZZY or not word.isalpha() or word in self.ordinary:
            return None
        found = {
            known for form in {word, *_deletions(word)} for known in self.near.get(form, ()) if _is_slip(word, known)
        }
        if len(word) <= SHORTEST_FUZZY + 1:
            found = {known for known in found if known[0] == word[0]}
        ranked = sorted(found, key=lambda known: (known[0] != word[0], -len(known), known))
        return ranked[0] if ranked else None


def normalise(text: str) -> str:
    """Lower case, one form of every letter and quotation mark."""
    return (
        unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'").replace("\u2010", "-").replace("\u2011", "-")
    )


def is_joined(character: str) -> bool:
    """Whether a character belongs to a script that writes words without spaces between them (Han, Kana)."""
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character == "\u30fc"


@cache
def instruments() -> dict[str, Instrument]:
    """The instruments by name, without the phrases, read once."""
    rows = (row[:3] for row in _rows("instruments.tsv"))
    return {name: Instrument(name, None if program == "-1" else int(program), family) for name, program, family in rows}


@cache
def lexicon() -> Lexicon:
    """The tables of the package, read once."""
    genres: dict[str, Genre] = {}
    moods: dict[str, Mood] = {}
    phrases: dict[str, tuple[Meaning, ...]] = {}

    def add(kind: str, value: str, words: str) -> None:
        for word in words.split(","):
            key = " ".join(normalise(word).split())
            meaning = Meaning(kind, value)
            if key and meaning not in phrases.get(key, ()):
                phrases[key] = (*phrases.get(key, ()), meaning)

    for name, _, _, words in _rows("instruments.tsv"):
        add("instrument", name, f"{name},{words}")
    for name, low, high, metre, mode, valence, arousal, drums, band, heard_as, palettes, words in _rows("genres.tsv"):
        genres[name] = Genre(
            name,
            (float(low), float(high)),
            metre,
            None if mode == "-" else mode,
            float(valence),
            float(arousal),
            {"yes": True, "no": False}.get(drums),
            tuple(band.split(",")),
            heard_as,
            tuple(palettes.split(",")),
        )
        add("genre", name, f"{name},{words}")
    for number, (valence, arousal, tags, words) in enumerate(_rows("moods.tsv")):
        moods[f"mood {number}"] = Mood(float(valence), float(arousal), _listed(tags))
        add("mood", f"mood {number}", words)
    for number, (valence, arousal, genre, tags, words) in enumerate(_rows("scenes.tsv")):
        moods[f"scene {number}"] = Mood(float(valence), float(arousal), _listed(tags), None if genre == "-" else genre)
        add("scene", f"scene {number}", words)
    for kind, value, words in _rows("words.tsv"):
        add(kind, value, words)
    joined = sorted((p for p in phrases if any(map(is_joined, p))), key=len, reverse=True)
    return Lexicon(
        instruments(),
        genres,
        moods,
        phrases,
        frozenset(word for phrase in phrases for word in phrase.split()),
        tuple(joined),
        frozenset(row[0] for row in _rows("common.txt")),
    )


def _rows(table: str) -> Iterator[list[str]]:
    text = (files("diffbgm.brief") / "data" / table).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _listed(tags: str) -> tuple[str, ...]:
    return () if tags == "-" else tuple(tags.split(","))


def _deletions(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _is_slip(word: str, known: str) -> bool:
    """Whether one letter inserted, left out, replaced, or two neighbours swapped turn one word into the other."""
    if word == known:
        return True
    if abs(len(word) - len(known)) == 1:
        longer, shorter = (word, known) if len(word) > len(known) else (known, word)
        return shorter in _deletions(longer)
    if len(word) != len(known):
        return False
    wrong = [i for i, (a, b) in enumerate(zip(word, known, strict=True)) if a != b]
    swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1 and word[wrong[0]] == known[wrong[1]]
    return len(wrong) == 1 or (swapped and word[wrong[1]] == known[wrong[0]])
