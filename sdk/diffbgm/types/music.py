"""What was composed: piano roll, notes, tracks, score and sound."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.typed import typed
from diffbgm.types.note import Note
from diffbgm.types.plan import Key, TempoMap
from diffbgm.types.values import BEATS_PER_BAR, PITCHES, STEPS_PER_BEAT, Value

Role = Literal["melody", "chords", "bass", "pad", "percussion"]


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class PianoRoll(Value):
    """Two voices on a grid of sixteenths. A note is an onset followed by sustains.

    Attributes:
        cells: [4, T, 88] uint8, 0 or 1, in the order of `CHANNELS`, T = 4 B sixteenths, pitch 21 + index. A sustain
            without an onset before it is no note.
        velocity: [2, T, 88] uint8, MIDI velocity at the onsets of melody and accompaniment (0 elsewhere), or None.

    """

    cells: np.ndarray
    velocity: np.ndarray | None = None

    def __post_init__(self) -> None:
        cells = self._freeze("cells", np.uint8, 3)
        if cells.shape[0] != 4 or cells.shape[2] != PITCHES or cells.shape[1] % STEPS_PER_BEAT or not cells.shape[1]:
            raise PlanError(f"PianoRoll: cells must be [4, 4 B, {PITCHES}] with B >= 1, got {list(cells.shape)}")
        if cells.max(initial=0) > 1:
            raise PlanError("PianoRoll: cells must be 0 or 1")
        if self.velocity is not None:
            velocity = self._freeze("velocity", np.uint8, 3)
            if velocity.shape != (2, *cells.shape[1:]) or velocity.max(initial=0) > 127:
                raise PlanError(f"PianoRoll: velocity must be [2, T, {PITCHES}] of 0..127, got {list(velocity.shape)}")

    @property
    def steps(self) -> int:
        """Number of sixteenths, T."""
        return self.cells.shape[1]

    @property
    def beats(self) -> int:
        """Number of beats, B."""
        return self.steps // STEPS_PER_BEAT


@dataclass(frozen=True, order=True)
@typed(PlanError)
class Control:
    """A MIDI control change at a beat."""

    beat: float
    number: int
    value: int


@dataclass(frozen=True)
@typed(PlanError)
class Track:
    """One role of the arrangement on one instrument.

    Attributes:
        role: What it plays.
        program: General MIDI program from 0; for percussion the drum kit.
        notes: Its notes.
        controls: Its control changes.
        pan: -1 (left) .. 1 (right).
        gain: dB within the mix.

    """

    role: Role
    program: int
    notes: tuple[Note, ...]
    controls: tuple[Control, ...] = ()
    pan: float = 0.0
    gain: float = 0.0

    @property
    def is_drum(self) -> bool:
        """Whether it plays on the drum channel."""
        return self.role == "percussion"


@dataclass(frozen=True)
@typed(PlanError)
class Score:
    """Tracks of notes in beats over a tempo map in seconds.

    Attributes:
        tracks: One for each role.
        tempo: When every beat is.
        markers: (beat, text) of cuts and sections.
        key: Key of the piece; None where it is not known.
        metre: (beats per bar, beat unit): 4/4 unless a MIDI file says otherwise.

    """

    tracks: tuple[Track, ...]
    tempo: TempoMap
    markers: tuple[tuple[float, str], ...] = ()
    key: Key | None = None
    metre: tuple[int, int] = (BEATS_PER_BAR, 4)

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar: 3 in 6/8, 2.5 in 5/8."""
        return 4 * self.metre[0] / self.metre[1]


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class Audio(Value):
    """Sound in memory; an array that nobody may write to is taken as it is: an hour of sound is not copied.

    Attributes:
        samples: [C, N] float32, full scale 1.0.
        rate: Hz.

    """

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        given = np.asanyarray(self.samples)
        if given is self.samples and (given.dtype, given.ndim) == (np.float32, 2) and not given.flags.writeable:
            return
        self._freeze("samples", np.float32, 2)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples.shape[1] / self.rate
