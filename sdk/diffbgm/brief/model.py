"""A brief as values: what a text asks of the music."""

from dataclasses import dataclass, replace
from typing import Literal

from diffbgm.errors import InputError
from diffbgm.typed import typed

LATER = 0.1  # share of the film that stands for some seconds where its length is not known


@dataclass(frozen=True)
@typed(InputError)
class Moment:
    """A time in a film whose length is not known yet.

    Attributes:
        value: Seconds after the start ("start"), seconds before the end ("end"), or a share 0..1 of the film ("share").
        since: What `value` counts from.
    """

    value: float
    since: Literal["start", "end", "share"] = "start"

    def seconds(self, duration: float) -> float:
        """The time in a film of `duration` seconds, within 0..duration."""
        time = {"start": self.value, "end": duration - self.value, "share": self.value * duration}[self.since]
        return min(max(time, 0.0), duration)

    def later(self, seconds: float) -> "Moment":
        """The moment some seconds later; of a share of the film, whose length is not known, the one `LATER` on."""
        if self.since == "share":
            return replace(self, value=min(1.0, self.value + LATER))
        return replace(self, value=self.value + seconds if self.since == "start" else max(0.0, self.value - seconds))


@dataclass(frozen=True)
@typed(InputError)
class Span:
    """From one moment to another."""

    start: Moment
    end: Moment

    def seconds(self, duration: float) -> tuple[float, float]:
        """(start, end) in a film of `duration` seconds, in rising order."""
        first, last = sorted((self.start.seconds(duration), self.end.seconds(duration)))
        return first, last


WHOLE = Span(Moment(0.0), Moment(0.0, "end"))  # the film


@dataclass(frozen=True)
@typed(InputError)
class Hit:
    """A moment at which the music strikes; `size` 0..1."""

    at: Moment
    size: float = 0.7


ALL_BUT = "all but "  # before the names of those who do not rest, joined by " and "


@dataclass(frozen=True)
@typed(InputError)
class Tacet:
    """A stretch in which an instrument, or a whole family of them, does not play; elsewhere it does.

    Where somebody plays alone there, `who` is all the others: "all but cello", "all but cello and piano".
    """

    who: str
    span: Span


@dataclass(frozen=True)
@typed(InputError)
class Scene:
    """A stretch of the film with a brief of its own; its shares and its ends are those of the stretch."""

    span: Span
    brief: "Brief"
    text: str = ""


@dataclass(frozen=True)
@typed(InputError)
class Reading:
    """A piece of the text and what it was taken to mean."""

    text: str
    meaning: str
    source: str = "text"  # or the name of the option that says it


@dataclass(frozen=True)
@typed(InputError)
class Brief:
    """What a text asks for; None and empty where it says nothing.

    Attributes:
        bpm: (low, high) beats per minute; equal for an exact tempo.
        tonic: 0..11, C = 0.
        mode: "major" or "minor".
        metre: "4/4", "3/4", "6/8" or "2/4".
        genre: A name of data/genres.tsv.
        instruments: Names of data/instruments.tsv that have to sound, in the order of the text.
        without: Names or families that must not sound; "melody" for music without one. A family does not rule out its
            members among `instruments`.
        lead: The instrument that plays the melody.
        parts: (role, instrument) of roles that are given to one instrument: melody, chords, bass, pad, percussion.
        solo: The instruments named are the only ones.
        drums: Whether percussion is wanted.
        valence, arousal: The mood, each -1..1.
        tags: Style tags of `planner.styles` that fit.
        energy: (moment, level 0..1) points of the energy over time, in order.
        hits, rests: Moments to strike at, spans in which no note begins.
        tacets: Who rests when: "drums come in at 0:10" is a rest of the drums until then.
        must, ignore: Cuts that have to lie on a beat, and cuts that count as if they were not there: single ones by
            their times, and all that lie in stretches.
        speech: People speak and want room.
        talks: Where they speak, as far as it is told.
        density, register: How busy and how high the music is, 0..1, as in a temp track.
        ending: How the music ends.
        typical: Instruments that the genre usually has, beside those named.
        scenes: Stretches of the film with briefs of their own, in order.
        chords: The harmony, as `planner.make_plan` reads it.
        asked: Names of the fields that an option set; these beat style tags and the text.
        conflicts: What contradicts what, and which of them counts.
        readings: What every understood part of the text was taken to mean.
        unread: The parts that were not understood.
    """

    bpm: tuple[float, float] | None = None
    tonic: int | None = None
    mode: Literal["major", "minor"] | None = None
    metre: str | None = None
    genre: str | None = None
    instruments: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    lead: str | None = None
    parts: tuple[tuple[str, str], ...] = ()
    solo: bool = False
    drums: bool | None = None
    valence: float | None = None
    arousal: float | None = None
    tags: tuple[str, ...] = ()
    energy: tuple[tuple[Moment, float], ...] = ()
    hits: tuple[Hit, ...] = ()
    rests: tuple[Span, ...] = ()
    tacets: tuple[Tacet, ...] = ()
    must: tuple[Moment | Span, ...] = ()
    ignore: tuple[Moment | Span, ...] = ()
    speech: bool = False
    talks: tuple[Span, ...] = ()
    density: float | None = None
    register: float | None = None
    ending: Literal["fade", "final", "cut"] | None = None
    typical: tuple[str, ...] = ()
    scenes: tuple[Scene, ...] = ()
    chords: str = ""
    asked: frozenset[str] = frozenset()
    conflicts: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    unread: tuple[str, ...] = ()
