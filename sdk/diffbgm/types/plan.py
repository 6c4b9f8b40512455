"""What is to be composed: tempo map, key, sections with textures, curves, and the plan that holds them."""

import math
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.typed import typed
from diffbgm.types.chord import ChordSymbol
from diffbgm.types.note import Note
from diffbgm.types.values import (
    PITCH_NAMES,
    SYNC_TOLERANCE,
    Value,
    check_range,
    frozen_array,
)
from diffbgm.types.video import VideoReference


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class TempoMap(Value):
    """`edges` [B + 1]: the time in seconds of every beat edge, rising; beat b lasts from edges[b] to the next."""

    edges: np.ndarray

    def __post_init__(self) -> None:
        edges = self._freeze("edges", np.float64, 1)
        if len(edges) < 2:
            raise PlanError(f"TempoMap: needs at least one beat (two edges), got {len(edges)} edge(s)")
        wrong = np.flatnonzero(np.diff(edges) <= 0)
        if len(wrong):
            i = int(wrong[0]) + 1
            raise PlanError(f"TempoMap: edges must rise; edge {i} is {edges[i]:.3f} s after {edges[i - 1]:.3f} s")

    @classmethod
    def steady(cls, bpm: float, beats: int, start: float = 0.0) -> "TempoMap":
        """`beats` beats of the same length."""
        return cls(start + np.arange(beats + 1) * (60.0 / bpm))

    @property
    def beats(self) -> int:
        """Number of beats, B."""
        return len(self.edges) - 1

    def time_at(self, beat: Any) -> Any:
        """Seconds at a beat position (scalar or array); linear inside a beat, last tempo held outside."""
        return _interpolate(np.asarray(beat, np.float64), np.arange(len(self.edges), dtype=np.float64), self.edges)

    def beat_at(self, time: Any) -> Any:
        """Beat position at a time in seconds (scalar or array); the inverse of `time_at`."""
        return _interpolate(np.asarray(time, np.float64), self.edges, np.arange(len(self.edges), dtype=np.float64))

    @property
    def mean_bpm(self) -> float:
        """Beats per minute of the whole."""
        return 60.0 * self.beats / float(self.edges[-1] - self.edges[0])

    def bpm(self) -> np.ndarray:
        """[B] beats per minute, beat by beat."""
        return 60.0 / np.diff(self.edges)


def _interpolate(x: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> Any:
    """Piecewise linear through (xs, ys), the outer pieces extended past the ends."""
    i = np.minimum(np.maximum(np.searchsorted(xs, x, side="right") - 1, 0), len(xs) - 2)
    y = ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i])
    return float(y) if np.ndim(y) == 0 else y


@dataclass(frozen=True)
@typed(PlanError)
class Key:
    """`tonic` 0..11 (C = 0) and mode."""

    tonic: int
    mode: Literal["major", "minor"] = "major"

    def __post_init__(self) -> None:
        if self.tonic not in range(12) or self.mode not in ("major", "minor"):
            raise PlanError(f"Key: tonic must be 0..11 and mode major or minor, got {self.tonic!r} {self.mode!r}")

    def __str__(self) -> str:
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"

    @property
    def sharps(self) -> int:
        """Sharps of the key signature, -5..6; flats are below zero."""
        major = self.tonic + (3 if self.mode == "minor" else 0)
        return (7 * major + 5) % 12 - 5


# Kinds of music that a plan may ask for; weights say which of them they were trained on.
GENRES = ("pop", "art song", "popular song", "piano", "dance", "chamber", "orchestra", "sacred", "hymn", "game")
# Metres that a plan may have, with their beats per bar; a beat is a quarter note, so that 6/8 has three of them.
METRES = {"4/4": 4, "3/4": 3, "6/8": 3, "2/4": 2}
# Beats of what music is planned and composed by: a bar, or two of 2/4, as the network learned it.
BAR_UNITS = {"4/4": 4, "3/4": 3, "6/8": 3, "2/4": 4}
Ending = Literal["fade", "final", "cut"]
CURVES = ("polyphony", "density", "register", "melody", "repetition")


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class Curves(Value):
    """What is asked of the music, beat by beat [B]; `roll.measure_curves` measures the same of a roll.

    Attributes:
        polyphony: Keys sounding at once, the mean over a bar (POP909: mean 3.8, 90 % between 2.5 and 5.2).
        density: Onsets per beat, all voices, the mean over a bar (POP909: mean 5.2, 90 % between 2.2 and 8.5).
        register: Mean MIDI pitch of what sounds in the bar (POP909: mean 60.5, 90 % between 54 and 67).
        melody: Melody onsets per beat, the mean over a bar; 0 where the melody rests.
        repetition: 0..1, how much of the bar is the bar four bars earlier (Jaccard index of onsets).

    """

    polyphony: np.ndarray
    density: np.ndarray
    register: np.ndarray
    melody: np.ndarray
    repetition: np.ndarray

    def __post_init__(self) -> None:
        for name in CURVES:
            if len(self._freeze(name, np.float32, 1)) != len(self.polyphony):
                raise PlanError(
                    f"Curves.{name}: {len(getattr(self, name))} beats, but polyphony has {len(self.polyphony)}"
                )

    @property
    def beats(self) -> int:
        """Number of beats, B."""
        return len(self.polyphony)


@dataclass(frozen=True)
@typed(PlanError)
class Texture:
    """How the music of a section is made, as far as it is asked; None leaves it to the model.

    Attributes:
        mode: 1 major .. 0 minor.
        accompaniment_register: Mean MIDI pitch of the accompaniment's onsets.
        density: Onsets per beat, all voices.
        syncopation: 0..1, share of onsets that fall between the beats' eighths (odd sixteenths).
        note_length: Mean length of a note in beats.
        harmonic_rhythm: Changes of the sounding pitch-class set per four beats, at beat resolution.

    """

    mode: float | None = None
    accompaniment_register: float | None = None
    density: float | None = None
    syncopation: float | None = None
    note_length: float | None = None
    harmonic_rhythm: float | None = None


TEXTURE = tuple(f.name for f in fields(Texture))


@dataclass(frozen=True)
@typed(PlanError)
class Section:
    """Beats `start_beat` (inclusive) to `end_beat` (exclusive), with valence and arousal -1..1 and a texture.

    Sections with the same label share their music.
    """

    start_beat: int
    end_beat: int
    label: str = "A"
    valence: float = 0.0
    arousal: float = 0.0
    texture: Texture = Texture()

    def __post_init__(self) -> None:
        if not 0 <= self.start_beat < self.end_beat:
            raise PlanError(f"Section: beats must rise from 0, got {self.start_beat} to {self.end_beat}")
        check_range(self.valence, "Section: valence", -1.0)
        check_range(self.arousal, "Section: arousal", -1.0)

    @property
    def beats(self) -> int:
        """Number of beats."""
        return self.end_beat - self.start_beat


@dataclass(frozen=True)
@typed(PlanError)
class PlannedCut:
    """What became of a cut.

    Attributes:
        time: Seconds.
        strength: 0..1.
        beat: The nearest half beat.
        error: Seconds, cut minus beat.
        snapped: Whether the beat lies within `SYNC_TOLERANCE` of the cut.
        reason: Why it was let go, where it was.
        asked: "must" where it was asked to lie on a beat, "ignore" where it is to count as none.

    """

    time: float
    strength: float
    beat: float
    error: float
    snapped: bool
    reason: str = ""
    asked: Literal["", "must", "ignore"] = ""


@dataclass(frozen=True)
@typed(PlanError)
class Instrumentation:
    """Which instruments are asked for by name, beside the plan's palette.

    Attributes:
        instruments: Names of `brief/data/instruments.tsv` that have to sound, the most important first.
        without: Names or families of it that must not sound; "drums" for no percussion, "melody" for no melody. A
            family does not rule out those of it that `instruments` names.
        lead: The instrument that plays the melody; empty: what the palette says.
        solo: Nothing but `instruments` sounds.
        drums: Whether percussion is wanted; None: what the palette says.
        parts: (role, instrument) of roles that this instrument plays instead of whoever the rest gives it to.

    """

    instruments: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    lead: str = ""
    solo: bool = False
    drums: bool | None = None
    parts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("instruments", "without", "parts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def with_part(self, role: str, instrument: str) -> "Instrumentation":
        """The same with an instrument in a role, whoever had it."""
        return replace(self, parts=(*(part for part in self.parts if part[0] != role), (role, instrument)))


@dataclass(frozen=True)
@typed(PlanError)
class PlannedHit:
    """A moment at which the music strikes.

    Attributes:
        time: Seconds, as asked.
        size: 0..1.
        beat: The half beat that lies on it.
        error: Seconds, hit minus beat.

    """

    time: float
    size: float
    beat: float
    error: float

    def __post_init__(self) -> None:
        check_range(self.size, "PlannedHit: size")


@dataclass(frozen=True)
@typed(PlanError)
class PlannedScene:
    """Beats `start_beat` (inclusive) to `end_beat` (exclusive) with a band of their own.

    Attributes:
        start_beat: Where its band begins.
        end_beat: Where its band ends.
        palette: The instruments, one of `planner.PALETTES`.
        instrumentation: Instruments asked for by name.

    """

    start_beat: int
    end_beat: int
    palette: str
    instrumentation: Instrumentation = Instrumentation()

    def __post_init__(self) -> None:
        if not 0 <= self.start_beat < self.end_beat:
            raise PlanError(f"PlannedScene: beats must rise from 0, got {self.start_beat} to {self.end_beat}")


@dataclass(frozen=True)
@typed(PlanError)
class PlannedChord:
    """A chord from beat `start` (inclusive) to beat `end` (exclusive), at the pitch where it sounds.

    Attributes:
        start: Beat.
        end: Beat.
        symbol: As musicians write it: `C`, `Am7`, `F/A`, `Bdim`.

    """

    start: int
    end: int
    symbol: str

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise PlanError(f"PlannedChord: beats must rise from 0, got {self.start} to {self.end}")
        ChordSymbol.parse(self.symbol)

    @property
    def chord(self) -> ChordSymbol:
        """What the symbol says."""
        return ChordSymbol.parse(self.symbol)


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class MusicPlan(Value):
    """Everything the composer is asked for; JSON-able, so that people can edit it.

    The piece has whole bars of its metre, its sections tile its beats, and it ends with the video at `duration`
    seconds: with its last bar, or inside it, where an exact tempo or a short video leaves no other way.

    Attributes:
        duration: Seconds of the video.
        tempo: When every beat is.
        key: Key of the whole piece.
        sections: Their music is asked for by textures.
        curves: What is asked beat by beat.
        cuts: What became of every cut of the video.
        style: Tags of `planner.STYLES`.
        palette: The instruments, one of `planner.PALETTES`.
        genre: The kind of music, one of `GENRES`; weights that were not told of genres do not hear it.
        why: Why the plan is as it is, one choice per line.
        video: The video it was made for; None in plans of version 0.4.
        metre: One of `METRES`; beats are quarter notes in all of them, so that a bar of 6/8 has three.
        chords: The harmony that is asked for, in order; empty leaves it to the model.
        instrumentation: Instruments asked for by name.
        hits: Moments at which the music strikes.
        rests: (start, end) in seconds in which no note begins.
        tacets: (who, start, end) in seconds in which an instrument, a family, "drums" or "all but" some do not play.
        ending: "fade", "final" (a chord that rings) or "cut" (off on the last frame).
        scenes: Stretches with a band of their own, in order; elsewhere `palette` and `instrumentation` play.
        talks: (start, end) in seconds where somebody speaks: the music is thinner there.
        energy: (seconds, level 0..1) points of how much is to happen over time; empty: the pictures decide.
        tune: A melody that is given, on sixteenths: up to `tune_end` the composer writes no other.

    Raises:
        PlanError: The parts do not fit one another.

    """

    duration: float
    tempo: TempoMap
    key: Key
    sections: tuple[Section, ...]
    curves: Curves
    cuts: tuple[PlannedCut, ...] = ()
    style: tuple[str, ...] = ()
    palette: str = "piano"
    why: tuple[str, ...] = field(default=())
    video: VideoReference | None = None
    genre: str = "pop"
    metre: str = "4/4"
    chords: tuple[PlannedChord, ...] = ()
    instrumentation: Instrumentation = Instrumentation()
    hits: tuple[PlannedHit, ...] = ()
    rests: tuple[tuple[float, float], ...] = ()
    ending: Ending = "final"
    energy: tuple[tuple[float, float], ...] = ()
    scenes: tuple[PlannedScene, ...] = ()
    talks: tuple[tuple[float, float], ...] = ()
    tune: tuple[Note, ...] = ()
    tacets: tuple[tuple[str, float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.genre not in GENRES:
            raise PlanError(f"MusicPlan: no genre is called {self.genre!r}; there are {', '.join(GENRES)}")
        if self.metre not in METRES:
            raise PlanError(f"MusicPlan: metre {self.metre!r} is none of {', '.join(METRES)}")
        if self.ending not in get_args(Ending):
            raise PlanError(f"MusicPlan: ending {self.ending!r} is none of {', '.join(get_args(Ending))}")
        self._freeze_tuples("sections", "cuts", "style", "why", "chords", "hits", "rests", "energy", "scenes")
        self._freeze_tuples("talks", "tune", "tacets")
        if self.beats % self.beats_per_bar:
            raise PlanError(f"MusicPlan: {self.beats} beats are not whole bars of {self.beats_per_bar} ({self.metre})")
        if self.curves.beats != self.beats:
            raise PlanError(f"MusicPlan: curves cover {self.curves.beats} beats, the tempo map {self.beats}")
        edge = 0
        for i, section in enumerate(self.sections):
            if section.start_beat != edge:
                raise PlanError(
                    f"MusicPlan: section {i} starts at beat {section.start_beat}, the one before ends at {edge}"
                )
            edge = section.end_beat
        if edge != self.beats:
            raise PlanError(f"MusicPlan: the sections end at beat {edge}, the piece at {self.beats}")
        for before, after in pairwise(self.chords):
            if after.start < before.end:
                raise PlanError(f"MusicPlan: chord {after.symbol} begins at beat {after.start}, inside {before.symbol}")
        for before, after in pairwise(self.scenes):
            if after.start_beat < before.end_beat:
                raise PlanError(f"MusicPlan: a scene begins at beat {after.start_beat}, inside the one before")
        if self.scenes and self.scenes[-1].end_beat > self.beats:
            raise PlanError(f"MusicPlan: scenes end at beat {self.scenes[-1].end_beat}, the piece at {self.beats}")
        if self.chords and self.chords[-1].end > self.beats:
            raise PlanError(f"MusicPlan: the chords end at beat {self.chords[-1].end}, the piece at {self.beats}")
        for name, spans in (("rest", self.rests), ("talk", self.talks), ("tacet", [t[1:] for t in self.tacets])):
            for start, end in spans:
                if not 0 <= start < end:
                    raise PlanError(
                        f"MusicPlan: a {name} lasts from {start:g} to {end:g} s; it must end after it begins"
                    )
        for note in self.tune:
            if not 0 <= note.start < note.end <= self.beats or note.start % 0.25 or note.end % 0.25:
                raise PlanError(
                    f"MusicPlan: a note of the tune lies at beats {note.start:g} to {note.end:g};"
                    f" it must be on sixteenths, within 0 to {self.beats}"
                )
        self._check_duration()

    def _check_duration(self) -> None:
        video, end = self.video, float(self.tempo.edges[-1])
        if video is not None and abs(self.duration - video.duration) > SYNC_TOLERANCE:
            raise PlanError(
                f"MusicPlan: duration is {self.duration:.2f} s, but its video lasts {video.duration:.2f} s"
                f" ({abs(self.duration - video.duration):.2f} s off); put that back, or fit the plan with `recut`"
            )
        last_bar = float(self.tempo.edges[-1 - min(self.unit, self.beats)])
        inside = self.beats <= self.unit or self.duration > last_bar + SYNC_TOLERANCE
        if not self.duration > 0 or self.duration - end > SYNC_TOLERANCE or not inside:
            raise PlanError(
                f"MusicPlan: duration is {self.duration:.2f} s, but the tempo map ends at {end:.2f} s;"
                " they must agree (fit the plan to another length with `recut`)"
            )

    @property
    def beats(self) -> int:
        """Number of beats, B."""
        return self.tempo.beats

    @property
    def bars(self) -> int:
        """Number of bars."""
        return self.tempo.beats // self.beats_per_bar

    @property
    def beats_per_bar(self) -> int:
        """Quarter notes in a bar of the metre."""
        return METRES[self.metre]

    @property
    def unit(self) -> int:
        """Beats of what music is planned and composed by, see `BAR_UNITS`."""
        return BAR_UNITS[self.metre]

    @property
    def last_bar(self) -> int:
        """The beat on which the last chord begins: one `unit` before the end, or 0."""
        return max(0, self.beats - self.unit)

    @property
    def tune_end(self) -> int:
        """The beat up to which the tune is all of the melody: the end of its last bar; 0 where none is given."""
        end = max((note.end for note in self.tune), default=0.0)
        return math.ceil(end / self.beats_per_bar) * self.beats_per_bar

    def with_curve(self, name: str, values: Any) -> "MusicPlan":
        """Return the same plan with one curve replaced by `values` [B], or by fewer points stretched over the piece."""
        if name not in CURVES:
            raise PlanError(f"no curve is called {name!r}; there are {', '.join(CURVES)}")
        points = frozen_array(values, np.float64, 1, f"Curves.{name}")
        if not len(points):
            raise PlanError(f"Curves.{name}: a curve has one point at least, got none")
        if len(points) != self.beats:
            points = np.interp(np.linspace(0, 1, self.beats), np.linspace(0, 1, len(points)), points)
        return replace(self, curves=replace(self.curves, **{name: points}))

    def with_texture(self, section: int, **changes: float | None) -> "MusicPlan":
        """Return the same plan with another texture in one section.

        Args:
            section: Its number from 0, or from -1 backwards.
            **changes: Fields of `Texture`, `valence` and `arousal`; None leaves a field to the model.

        Raises:
            PlanError: There is no such section or field, or a value is out of range.

        """
        if not -len(self.sections) <= section < len(self.sections):
            raise PlanError(f"there is no section {section}; the plan has {len(self.sections)}")
        if unknown := sorted(set(changes) - {*TEXTURE, "valence", "arousal"}):
            raise PlanError(f"a texture has no {unknown[0]!r}; there are {', '.join((*TEXTURE, 'valence', 'arousal'))}")
        sections = list(self.sections)
        affect = {name: float(value or 0.0) for name, value in changes.items() if name not in TEXTURE}
        texture = replace(sections[section].texture, **{name: changes[name] for name in changes if name in TEXTURE})
        sections[section] = replace(sections[section], texture=texture, **affect)
        return replace(self, sections=tuple(sections))
