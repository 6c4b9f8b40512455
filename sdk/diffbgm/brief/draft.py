"""What has been read of a text so far, and what it comes to in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from diffbgm.brief.lexicon import Genre, Lexicon
from diffbgm.brief.model import Brief, Hit, Moment, Reading, Scene, Span, Tacet

OPPOSED = 0.4  # valence to either side of 0 from which on two moods contradict each other
ACOUSTIC = frozenset({"piano", "mallets", "plucked", "organ", "reeds", "guitar", "strings", "voices", "flutes"})
LOUD_GUITARS = frozenset({"electric guitar", "distorted guitar", "overdriven guitar", "muted guitar"})
MEDIUM = (76.0, 104.0)  # a medium tempo is the genre's, where there is one
NARROW = 6.0  # beats per minute: a word of tempo counts alone where it shares less than that with the genre
KIND_OF = {  # who goes too where the more general is ruled out
    **dict.fromkeys(["jazz guitar", "muted guitar", "overdriven guitar", "distorted guitar"], "electric guitar"),
    **dict.fromkeys(["soprano saxophone", "tenor saxophone", "baritone saxophone"], "alto saxophone"),
    "muted trumpet": "trumpet", "nylon guitar": "acoustic guitar",
}  # fmt: skip
UNPITCHED = frozenset({"taiko", "melodic tom", "woodblock", "agogo"})  # drums that General MIDI has as instruments
BROAD = frozenset({  # kinds of film and of music that give way to a narrower one
    "epic orchestral", "cinematic", "electro", "classical", "latin", "orchestral", "folk", "world music", "corporate",
    "sport", "action", "horror", "thriller", "fantasy", "documentary", "game score", "film noir", "science fiction",
    "celtic", "pop",
})  # fmt: skip
FILMS = frozenset({  # kinds of film among them; "50s science fiction" is one, whatever else was played in these years
    "action", "cinematic", "documentary", "fantasy", "film noir", "game score", "horror", "science fiction", "sport",
    "spy", "thriller", "western",
})  # fmt: skip
HORN_SECTIONS = frozenset({  # genres whose "horns" are trumpets, trombones and saxophones
    "acid jazz", "afrobeat", "big band", "blues", "cumbia", "disco", "dixieland", "funk", "fusion", "gospel", "hip hop",
    "jazz", "latin", "latin jazz", "lo-fi hip hop", "mambo", "merengue", "pop", "r&b", "reggae", "rock",
    "rock and roll", "rocksteady", "salsa", "ska", "smooth jazz", "soul", "swing",
})  # fmt: skip
ENOUGH = 3  # named pitched instruments that need nobody beside them


LEVEL_AROUSAL = 0.8  # the arousal of all the energy there is


@dataclass
class Draft:
    """What has been read so far; `finish` weighs it: figures beat words, words beat what a genre usually has."""

    lexicon: Lexicon
    bpm: tuple[float, float] | None = None
    tonic: int | None = None
    mode: Literal["major", "minor"] | None = None
    metre: str | None = None
    genres: list[str] = field(default_factory=list[str])
    bands: list[str] = field(default_factory=list[str])  # those that are called by who plays: "for brass band"
    of_decades: set[str] = field(default_factory=set[str])  # genres that a decade stands for: "80s"
    instruments: list[str] = field(default_factory=list[str])
    by_name: set[str] = field(default_factory=set[str])  # instruments asked for in words that are not their family's
    named: set[str] = field(default_factory=set[str])  # instruments asked for in words that are not wide ones
    widely: set[str] = field(default_factory=set[str])  # families ruled out by wide words: "no keyboards"
    narrowly: set[str] = field(default_factory=set[str])  # instruments and families ruled out by others
    fewer: set[str] = field(default_factory=set[str])  # families of which less is asked for
    without: list[str] = field(default_factory=list[str])
    later: list[str] = field(default_factory=list[str])  # families that are not there at first
    lead: str | None = None
    soloist: str | None = None
    solo: bool = False
    alone: set[str] = field(default_factory=set[str])  # families of whom "only" is said
    drums: bool | None = None
    moods: list[tuple[float, float, str, float]] = field(
        default_factory=list[tuple[float, float, str, float]]
    )  # valence, arousal, words, weight
    tags: list[str] = field(default_factory=list[str])
    unwanted: set[str] = field(default_factory=set[str])  # tags of moods that are ruled out
    tempo_word: tuple[float, float] | None = None
    scene_genres: list[str] = field(default_factory=list[str])
    energy: tuple[tuple[Moment, float], ...] = ()
    level: float | None = None  # of energy, 0..1, where one is told for the whole film
    hits: list[Hit] = field(default_factory=list[Hit])
    rests: list[Span] = field(default_factory=list[Span])
    entries: list[Moment] = field(default_factory=list[Moment])  # when somebody comes in
    tacets: list[Tacet] = field(default_factory=list[Tacet])
    must: list[Span] = field(default_factory=list[Span])  # stretches whose cuts have to lie on beats
    ignore: list[Span] = field(default_factory=list[Span])  # and those whose cuts count as none
    scenes: tuple[Scene, ...] = ()
    speech: bool = False
    talks: list[Span] = field(default_factory=list[Span])
    ending: Literal["fade", "final", "cut"] | None = None
    conflicts: list[str] = field(default_factory=list[str])
    readings: list[Reading] = field(default_factory=list[Reading])
    unread: list[str] = field(default_factory=list[str])

    def say(self, words: str, meaning: str) -> None:
        """Note what a part of the text was taken to mean."""
        self.readings.append(Reading(words.strip(), meaning))

    def finish(self) -> Brief:
        """The brief."""
        known = self.lexicon.genres
        self._settle_bands()
        self._settle_who()
        self.genres = self._ranked_genres()
        self._settle_horns()
        genre = next(iter([*self.genres, *self.scene_genres]), None)
        row = known[genre] if genre else None
        named = known[self.genres[0]] if self.genres else None
        weights = [weight for *_, weight in self.moods]
        valence = _mean([mood[0] for mood in self.moods], weights)
        arousal = _mean([mood[1] for mood in self.moods], weights)
        if self.level is not None and not self.energy:
            told = LEVEL_AROUSAL * (2 * self.level - 1)
            arousal = told if arousal is None else (arousal + told) / 2
        mode = self.mode or self._usual_mode(valence)
        if row is not None:
            valence = row.valence if valence is None else valence
            arousal = row.arousal if arousal is None else arousal
        instruments = tuple(dict.fromkeys(name for name in self.instruments if not self._excluded(name)))
        families = {self.lexicon.instruments[name].family for name in instruments}
        if self.alone == {"drums"} and not families <= {"drums", "percussion"}:
            self.solo = False  # "piano, light percussion only" is percussion of that kind
        if self.solo and instruments and all(self.lexicon.instruments[n].family == "drums" for n in instruments):
            instruments += ("taiko",)  # drums that have pitches, for what is composed
        solo = (self.solo or (self.soloist is not None and len(instruments) == 1)) and bool(instruments)
        lead = self.lead or (self.soloist if not solo else None)
        drums = self._usual_drums(instruments, solo, named, arousal)
        self._tell_conflicts()
        return Brief(
            bpm=self.bpm or (self.tempo_word if named is None else _meet(self.tempo_word, named.bpm)),
            tonic=self.tonic,
            mode=mode,
            metre=self.metre or next((known[g].metre for g in self.genres if known[g].metre != "4/4"), None),
            genre=genre,
            instruments=instruments,
            without=tuple(dict.fromkeys(self.without)),
            lead=None if lead is None or self._excluded(lead) else lead,
            solo=solo,
            drums=drums,
            valence=valence,
            arousal=arousal,
            tags=tuple(dict.fromkeys(tag for tag in self.tags if tag not in self.unwanted)),
            energy=self.energy,
            hits=tuple(self.hits),
            rests=tuple(self.rests),
            tacets=tuple(self.tacets),
            must=tuple(self.must),
            ignore=tuple(self.ignore),
            scenes=self.scenes,
            speech=self.speech,
            talks=tuple(self.talks),
            ending=self.ending,
            typical=() if named is None or solo else self._typical(named, instruments, drums),
            conflicts=tuple(self.conflicts),
            readings=tuple(self.readings),
            unread=tuple(dict.fromkeys(self.unread)),
        )

    def _ranked_genres(self) -> list[str]:
        """The genres, narrow ones first; without those that only a decade stands for where a kind of film is named."""
        of_films = any(name in FILMS for name in self.genres)
        alone = {name for name in self.of_decades if of_films and self.genres.count(name) == 1}
        named = [name for name in self.genres if name not in alone]
        return sorted(named, key=lambda name: 2 * (name in BROAD) + (name in self.of_decades))

    def _settle_bands(self) -> None:
        """Take a genre that is called by who plays for its players where another is named: "tango for big band"."""
        others = [name for name in self.genres if name not in self.bands]
        if not set(others) - BROAD:
            return
        if len(set(self.instruments)) < ENOUGH:
            self.instruments += [name for band in self.bands for name in self.lexicon.genres[band].instruments]
        self.genres = others

    def _settle_horns(self) -> None:
        """Take "horns" for a section of brass where the genre has one."""
        told = next((r for r in self.readings if r.text == "horns" and r.meaning == "instrument french horn"), None)
        if told is None or not HORN_SECTIONS & {*self.genres[:1]}:
            return
        self.instruments = ["brass section" if name == "french horn" else name for name in self.instruments]
        self.readings[self.readings.index(told)] = replace(told, meaning="instrument brass section")

    def _settle_who(self) -> None:
        """Who is ruled out: those not there at first only where nobody asks for them, and the kinds of the general."""
        of = self.lexicon.instruments
        self.by_name |= {name for name in self.named if of[name].family in self.widely - self.narrowly}
        if "drums" in self.without and any(of[name].family == "drums" for name in self.by_name):
            self.without = [name for name in self.without if name != "drums"]  # "claps, no drums" are claps alone
            self.drums = True
        for family in self.later:
            wanted = {of[name].family for name in self.instruments} | {
                "drums" for n in self.instruments if n in UNPITCHED
            }
            if family not in wanted:
                self.without.append(family)
                self.drums = False if family == "drums" else self.drums
            elif not self.energy:
                self.energy = (Moment(0.0), 0.3), (Moment(1.0, "share"), 0.9)
            if family in wanted and family == "drums":
                self.drums = True
        self.without += [n for n, of_ in KIND_OF.items() if of_ in self.without and n not in self.instruments]

    def _usual_mode(self, valence: float | None) -> Literal["major", "minor"] | None:
        """The mode that moods suggest, or else the genre."""
        if valence is not None and abs(valence) >= 0.2:
            return "major" if valence > 0 else "minor"
        known = self.lexicon.genres
        usual = next((known[name].mode for name in self.genres if known[name].mode), None)
        return None if usual is None else "major" if usual == "major" else "minor"

    def _usual_drums(
        self, instruments: tuple[str, ...], solo: bool, genre: Genre | None, arousal: float | None
    ) -> bool | None:
        """Whether there are drums: as said; else as instruments, genre and mood have them."""
        families = {self.lexicon.instruments[name].family for name in instruments}
        if self.drums is not None:
            return self.drums
        if families & {"drums"} or UNPITCHED & {*instruments}:
            return True
        if solo:
            return False
        if genre is not None and genre.drums is not None:
            return genre.drums
        soft = (arousal is None or arousal < 0.5) and "drums" not in self.fewer
        return False if families and families <= ACOUSTIC and not LOUD_GUITARS & {*instruments} and soft else None

    def _typical(self, genre: Genre, instruments: tuple[str, ...], drums: bool | None) -> tuple[str, ...]:
        """What the genre has beside the named instruments: families that are not there yet."""
        of = self.lexicon.instruments
        have = {of[name].family for name in instruments}
        crowded = len([name for name in instruments if of[name].family != "drums"]) >= ENOUGH
        return tuple(
            name
            for name in genre.instruments
            if of[name].family not in have
            and not self._excluded(name)
            and (drums is not False or (of[name].family != "drums" and name not in UNPITCHED))
            and (not crowded or of[name].family in ("bass", "drums"))
        )

    def _excluded(self, name: str) -> bool:
        """Whether it is ruled out: by its name, or with its family where nobody asks for it by its own name."""
        family = self.lexicon.instruments[name].family
        return name in self.without or (family in self.without and name not in self.by_name)

    def _tell_conflicts(self) -> None:
        high = next((words for v, _, words, _ in self.moods if v >= OPPOSED and words), None)
        low = next((words for v, _, words, _ in self.moods if v <= -OPPOSED and words), None)
        if high and low and not self.scenes:
            self.conflicts.append(f"{high!r} and {low!r} contradict each other: the mood lies between them")
        for name in dict.fromkeys(self.instruments):
            if self._excluded(name):
                self.conflicts.append(f"{name} is asked for and ruled out: it does not sound")


def _meet(wanted: tuple[float, float] | None, usual: tuple[float, float]) -> tuple[float, float]:
    """The part of a genre's tempi that a word asks for: where both meet, else what the word says."""
    if wanted is None or wanted == MEDIUM:
        return usual
    low, high = max(wanted[0], usual[0]), min(wanted[1], usual[1])
    return (low, high) if high - low >= NARROW else wanted


def _mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    total = sum(value * weight for value, weight in zip(values, weights, strict=True))
    return max(-1.0, min(1.0, total / sum(weights))) if values else None
