"""The values that walk from room to room: frozen, checked where they are born, numpy only.

Times are seconds (float64), musical positions are beats counted from the start of the piece; a bar has four beats and a
beat has four steps (sixteenths). Arrays carry their shape in square brackets.
"""

import itertools
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from diffbgm.errors import PlanError

BEATS_PER_BAR = 4
STEPS_PER_BEAT = 4
STEPS_PER_BAR = BEATS_PER_BAR * STEPS_PER_BEAT
LOWEST_PITCH = 21  # A0, the first of the 88 keys
PITCHES = 88
CHANNELS = ("melody onset", "melody sustain", "accompaniment onset", "accompaniment sustain")
PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


class Value:
    """Equality that looks into arrays, for frozen dataclasses that hold some."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]


def _same(a: Any, b: Any) -> bool:
    if not _is_array(a) and not _is_array(b):
        return bool(a == b)
    return _is_array(a) and _is_array(b) and a.dtype == b.dtype and np.array_equal(a, b)


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _array(value: Any, dtype: type[np.generic], ndim: int, name: str) -> np.ndarray:
    """A read-only copy of `value` with a fixed dtype and rank, every entry finite."""
    array = np.array(value, dtype=dtype)
    if array.ndim != ndim:
        raise PlanError(f"{name}: expected {ndim} dimension(s), got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PlanError(f"{name}: entry {int(np.flatnonzero(~np.isfinite(array).ravel())[0])} is not a finite number")
    array.setflags(write=False)
    return array


def _unit(value: float, name: str, low: float = 0.0, high: float = 1.0) -> None:
    if not low <= value <= high:
        raise PlanError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")


# --- what was seen -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """A change of shot. `time` in seconds (a fade counts by its middle); `strength` 0..1, how hard it hits the eye."""

    time: float
    strength: float = 1.0
    kind: Literal["cut", "fade"] = "cut"

    def __post_init__(self) -> None:
        _unit(self.strength, "Cut: strength")


@dataclass(frozen=True, eq=False)
class VideoFeatures(Value):
    """What the pictures say.

    duration    seconds: the end of the last frame.
    frame_rate  frames a second, the average; 0 when there is a single frame.
    cuts        rising in time, strictly inside (0, duration).
    times       [N] seconds at which the tracks below were sampled, rising.
    motion      [N] 0..1, how much moves.
    colour      [N, 3] brightness 0..1, saturation 0..1, warmth -1..1 (blue to orange).
    affect      [N, 2] valence, arousal, each -1..1.
    clip        [M, D] image embeddings at `clip_times` [M] seconds, or None.
    semantics   where the affect came from: "colour" or "clip".
    """

    duration: float
    frame_rate: float
    width: int
    height: int
    has_audio: bool
    cuts: tuple[Cut, ...]
    times: np.ndarray
    motion: np.ndarray
    colour: np.ndarray
    affect: np.ndarray
    clip: np.ndarray | None = None
    clip_times: np.ndarray | None = None
    semantics: str = "colour"

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not self.duration > 0:
            raise PlanError(f"VideoFeatures: duration must be positive, got {self.duration!r} s")
        put(self, "cuts", tuple(self.cuts))
        put(self, "times", _array(self.times, np.float64, 1, "VideoFeatures.times"))
        put(self, "motion", _array(self.motion, np.float32, 1, "VideoFeatures.motion"))
        put(self, "colour", _array(self.colour, np.float32, 2, "VideoFeatures.colour"))
        put(self, "affect", _array(self.affect, np.float32, 2, "VideoFeatures.affect"))
        n = len(self.times)
        for name, width in (("motion", None), ("colour", 3), ("affect", 2)):
            shape = (n,) if width is None else (n, width)
            if getattr(self, name).shape != shape:
                raise PlanError(f"VideoFeatures.{name}: expected shape {shape}, got {getattr(self, name).shape}")
        if n == 0 or (np.diff(self.times) <= 0).any():
            raise PlanError("VideoFeatures.times: must hold at least one time, and rise")
        _rising_inside([cut.time for cut in self.cuts], self.duration, "VideoFeatures.cuts")
        if (self.clip is None) != (self.clip_times is None):
            raise PlanError("VideoFeatures: clip and clip_times come together or not at all")
        if self.clip is not None:
            put(self, "clip", _array(self.clip, np.float32, 2, "VideoFeatures.clip"))
            put(self, "clip_times", _array(self.clip_times, np.float64, 1, "VideoFeatures.clip_times"))

    @property
    def shots(self) -> tuple[tuple[float, float], ...]:
        """(start, end) of every shot in seconds; they tile the video."""
        edges = (0.0, *(cut.time for cut in self.cuts), self.duration)
        return tuple(itertools.pairwise(edges))


def _rising_inside(times: list[float], end: float, name: str) -> None:
    previous = 0.0
    for i, time in enumerate(times):
        if not previous < time < end:
            raise PlanError(
                f"{name}: entry {i} is {time:.3f} s, but must lie after {previous:.3f} s and before {end:.3f} s"
            )
        previous = time


# --- what is to be composed ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TempoMap(Value):
    """`edges` [B + 1]: the time in seconds of every beat edge, rising; beat b lasts from edges[b] to the next."""

    edges: np.ndarray

    def __post_init__(self) -> None:
        edges = _array(self.edges, np.float64, 1, "TempoMap.edges")
        if len(edges) < 2:
            raise PlanError(f"TempoMap: needs at least one beat (two edges), got {len(edges)} edge(s)")
        wrong = np.flatnonzero(np.diff(edges) <= 0)
        if len(wrong):
            i = int(wrong[0]) + 1
            raise PlanError(f"TempoMap: edges must rise; edge {i} is {edges[i]:.3f} s after {edges[i - 1]:.3f} s")
        object.__setattr__(self, "edges", edges)

    @classmethod
    def steady(cls, bpm: float, beats: int, start: float = 0.0) -> "TempoMap":
        """`beats` beats of the same length."""
        return cls(start + np.arange(beats + 1) * (60.0 / bpm))

    @property
    def beats(self) -> int:
        return len(self.edges) - 1

    def time_at(self, beat: Any) -> Any:
        """Seconds at a beat position (scalar or array); linear inside a beat, last tempo held outside."""
        return _interpolate(np.asarray(beat, np.float64), np.arange(len(self.edges), dtype=np.float64), self.edges)

    def beat_at(self, time: Any) -> Any:
        """Beat position at a time in seconds (scalar or array); the inverse of `time_at`."""
        return _interpolate(np.asarray(time, np.float64), self.edges, np.arange(len(self.edges), dtype=np.float64))

    def bpm(self) -> np.ndarray:
        """[B] beats a minute, beat by beat."""
        return 60.0 / np.diff(self.edges)


def _interpolate(x: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> Any:
    """Piecewise linear through (xs, ys), the outer pieces extended past the ends."""
    i = np.minimum(np.maximum(np.searchsorted(xs, x, side="right") - 1, 0), len(xs) - 2)
    y = ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i])
    return float(y) if np.ndim(y) == 0 else y


@dataclass(frozen=True)
class Key:
    """`tonic` 0..11 (C = 0) and mode."""

    tonic: int
    mode: Literal["major", "minor"] = "major"

    def __post_init__(self) -> None:
        if self.tonic not in range(12) or self.mode not in ("major", "minor"):
            raise PlanError(f"Key: tonic must be 0..11 and mode major or minor, got {self.tonic!r} {self.mode!r}")

    def __str__(self) -> str:
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"


CURVES = ("polyphony", "density", "register", "melody", "repetition")


@dataclass(frozen=True, eq=False)
class Curves(Value):
    """What is asked of the music, beat by beat [B]; `roll.measure_curves` measures the very same from a roll.

    polyphony      keys sounding at once, the mean over a bar (POP909: mean 3.8, 90 % between 2.5 and 5.2).
    density     onsets a beat, all voices, the mean over a bar (POP909: mean 5.2, 90 % between 2.2 and 8.5).
    register    mean MIDI pitch of what sounds in the bar (POP909: mean 60.5, 90 % between 54 and 67).
    melody      melody onsets a beat, the mean over a bar; 0 where the melody rests.
    repetition  0..1: how much of the bar is the bar four bars earlier (Jaccard index of onsets).
    """

    polyphony: np.ndarray
    density: np.ndarray
    register: np.ndarray
    melody: np.ndarray
    repetition: np.ndarray

    def __post_init__(self) -> None:
        for name in CURVES:
            object.__setattr__(self, name, _array(getattr(self, name), np.float32, 1, f"Curves.{name}"))
            if getattr(self, name).shape != self.polyphony.shape:
                raise PlanError(
                    f"Curves.{name}: {len(getattr(self, name))} beats, but polyphony has {len(self.polyphony)}"
                )

    @property
    def beats(self) -> int:
        return len(self.polyphony)


@dataclass(frozen=True)
class Texture:
    """How a stretch of music is made, as far as anybody cares; None leaves it to the model.

    mode        1 major .. 0 minor.
    accompaniment_register  mean MIDI pitch of the accompaniment's onsets.
    density     onsets a beat, all voices.
    syncopation 0..1, share of onsets that fall between the beats' eighths (odd sixteenths).
    note_length  mean length of a note in beats.
    harmonic_rhythm  changes of the sounding pitch-class set a bar, at beat resolution.
    """

    mode: float | None = None
    accompaniment_register: float | None = None
    density: float | None = None
    syncopation: float | None = None
    note_length: float | None = None
    harmonic_rhythm: float | None = None


TEXTURE = tuple(f.name for f in fields(Texture))


@dataclass(frozen=True)
class Section:
    """A scene: beats `start_beat` (inclusive) to `end_beat` (exclusive). Sections with one label share their music."""

    start_beat: int
    end_beat: int
    label: str = "A"
    valence: float = 0.0
    arousal: float = 0.0
    texture: Texture = Texture()

    def __post_init__(self) -> None:
        if not 0 <= self.start_beat < self.end_beat:
            raise PlanError(f"Section: beats must rise from 0, got {self.start_beat} to {self.end_beat}")
        _unit(self.valence, "Section: valence", -1.0)
        _unit(self.arousal, "Section: arousal", -1.0)


@dataclass(frozen=True)
class PlannedCut:
    """What became of a cut: the nearest half beat, how far off it is, why it was let go if it was."""

    time: float
    strength: float
    beat: float
    error: float  # seconds, cut minus beat
    snapped: bool
    reason: str = ""


@dataclass(frozen=True, eq=False)
class MusicPlan(Value):
    """Everything the composer is asked for; JSON-able, so that people can edit it.

    The piece has whole bars (`tempo.beats` is a multiple of 4), ends at `tempo.edges[-1]` = `duration` seconds, and its
    sections tile its beats.
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

    def __post_init__(self) -> None:
        for name in ("sections", "cuts", "style", "why"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        beats = self.tempo.beats
        if beats % BEATS_PER_BAR:
            raise PlanError(f"MusicPlan: {beats} beats are not whole bars of {BEATS_PER_BAR}")
        if self.curves.beats != beats:
            raise PlanError(f"MusicPlan: curves cover {self.curves.beats} beats, the tempo map {beats}")
        edge = 0
        for i, section in enumerate(self.sections):
            if section.start_beat != edge:
                raise PlanError(
                    f"MusicPlan: section {i} starts at beat {section.start_beat}, the one before ends at {edge}"
                )
            edge = section.end_beat
        if edge != beats:
            raise PlanError(f"MusicPlan: the sections end at beat {edge}, the piece at {beats}")

    @property
    def beats(self) -> int:
        return self.tempo.beats

    @property
    def bars(self) -> int:
        return self.tempo.beats // BEATS_PER_BAR

    def with_curve(self, name: str, values: Any) -> "MusicPlan":
        """The same plan with one curve replaced; `values` [B], or fewer points that are stretched over the piece."""
        if name not in CURVES:
            raise PlanError(f"no curve is called {name!r}; there are {', '.join(CURVES)}")
        points = _array(values, np.float64, 1, f"Curves.{name}")
        if len(points) != self.beats:
            points = np.interp(np.linspace(0, 1, self.beats), np.linspace(0, 1, len(points)), points)
        return replace(self, curves=replace(self.curves, **{name: points}))

    def with_texture(self, section: int, **changes: float | None) -> "MusicPlan":
        """The same plan with another texture in one section (0 the first, -1 the last): fields of `Texture`, `valence`
        and `arousal`; None leaves a field to the model."""
        if not -len(self.sections) <= section < len(self.sections):
            raise PlanError(f"there is no section {section}; the plan has {len(self.sections)}")
        if unknown := sorted(set(changes) - {*TEXTURE, "valence", "arousal"}):
            raise PlanError(f"a texture has no {unknown[0]!r}; there are {', '.join((*TEXTURE, 'valence', 'arousal'))}")
        sections = list(self.sections)
        felt = {name: float(value or 0.0) for name, value in changes.items() if name not in TEXTURE}
        texture = replace(sections[section].texture, **{name: changes[name] for name in changes if name in TEXTURE})
        sections[section] = replace(sections[section], texture=texture, **felt)
        return replace(self, sections=tuple(sections))


# --- what was composed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PianoRoll(Value):
    """`cells` [4, T, 88] uint8, 0 or 1, in the order of `CHANNELS`, T = 4 B sixteenths, pitch 21 + index.

    A note is an onset followed by sustains; a sustain without an onset before it is no note.
    `velocity` [2, T, 88] uint8: MIDI velocity at the onsets of melody and accompaniment (0 elsewhere), or None.
    """

    cells: np.ndarray
    velocity: np.ndarray | None = None

    def __post_init__(self) -> None:
        cells = _array(self.cells, np.uint8, 3, "PianoRoll.cells")
        if cells.shape[0] != 4 or cells.shape[2] != PITCHES or cells.shape[1] % STEPS_PER_BEAT or not cells.shape[1]:
            raise PlanError(f"PianoRoll: cells must be [4, 4 B, {PITCHES}] with B >= 1, got {list(cells.shape)}")
        if cells.max(initial=0) > 1:
            raise PlanError("PianoRoll: cells must be 0 or 1")
        object.__setattr__(self, "cells", cells)
        if self.velocity is not None:
            velocity = _array(self.velocity, np.uint8, 3, "PianoRoll.velocity")
            if velocity.shape != (2, *cells.shape[1:]) or velocity.max(initial=0) > 127:
                raise PlanError(f"PianoRoll: velocity must be [2, T, {PITCHES}] of 0..127, got {list(velocity.shape)}")
            object.__setattr__(self, "velocity", velocity)

    @property
    def steps(self) -> int:
        return self.cells.shape[1]

    @property
    def beats(self) -> int:
        return self.steps // STEPS_PER_BEAT


@dataclass(frozen=True, order=True)
class Note:
    """From beat `start` to beat `end`; `pitch` and `velocity` as in MIDI (0..127)."""

    start: float
    end: float
    pitch: int
    velocity: int = 80

    def __post_init__(self) -> None:
        if not (self.start < self.end and 0 <= self.pitch <= 127 and 1 <= self.velocity <= 127):
            raise PlanError(
                f"not a playable note: beats {self.start:g}-{self.end:g}, pitch {self.pitch}, velocity {self.velocity}"
            )


@dataclass(frozen=True, order=True)
class Control:
    """A MIDI control change at a beat."""

    beat: float
    number: int
    value: int


@dataclass(frozen=True)
class Track:
    """One role of the arrangement on one instrument. `pan` -1 (left) .. 1 (right), `gain` in dB within the mix."""

    role: Literal["melody", "chords", "bass", "pad", "percussion"]
    program: int
    notes: tuple[Note, ...]
    controls: tuple[Control, ...] = ()
    pan: float = 0.0
    gain: float = 0.0

    @property
    def is_drum(self) -> bool:
        return self.role == "percussion"


@dataclass(frozen=True)
class Score:
    """Tracks of notes in beats over a tempo map in seconds. `markers`: (beat, text) for cuts and sections."""

    tracks: tuple[Track, ...]
    tempo: TempoMap
    markers: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Audio(Value):
    """`samples` [C, N] float32, full scale 1.0; `rate` in Hz.

    An array that nobody may write to is taken as it is: an hour of sound is not copied.
    """

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        given = np.asanyarray(self.samples)
        if given is self.samples and (given.dtype, given.ndim) == (np.float32, 2) and not given.flags.writeable:
            return
        object.__setattr__(self, "samples", _array(self.samples, np.float32, 2, "Audio.samples"))

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples.shape[1] / self.rate
