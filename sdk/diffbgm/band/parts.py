"""An instrument in its role, and the band that several of them make."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from diffbgm.types import Role

ROLES: tuple[Role, ...] = ("melody", "chords", "bass", "pad", "percussion")


@dataclass(frozen=True)
class Part:
    """One instrument in one role.

    Attributes:
        program: General MIDI program from 0; for percussion the drum kit.
        low: MIDI pitch that the part is kept above, inside what the instrument can play.
        high: MIDI pitch that it is kept below.
        pan: Place in the mix, -1..1.
        gain: dB against the melody.
        enter: Level of a section (0..1) from which on the role plays; 0: always.
        voices: Notes that may start together.
        hold: Beats by which a note may be lengthened: until the part's next onset or, where the instrument rings, until
            the next change of harmony.
        rings: Seconds after which a held note has faded away; None for bowed, blown and electronic sounds.
        swell: Depth of the CC11 swell, in steps of the controller.
        role: What it plays.
        instrument: Name of the instrument in `data/instruments.tsv`.
        pattern: Of `data/patterns.toml`, for percussion grooves of `data/grooves.toml` joined by "+"; empty: what was
            composed.
        frets: Tuning that chords are fingered on, of `arrange.voicings`; empty for what has no frets.
        strum: Seconds from one string to the next.
        pedal: Whether there is a sustain pedal to use.

    """

    program: int
    low: int
    high: int
    pan: float = 0.0
    gain: float = 0.0
    enter: float = 0.0
    voices: int = 5
    hold: float = 0.3
    rings: float | None = None
    swell: int = 0
    role: Role = "chords"
    instrument: str = ""
    pattern: str = ""
    frets: str = ""
    strum: float = 0.0
    pedal: bool = False


@dataclass(frozen=True)
class Palette:
    """A band and how it plays.

    Attributes:
        name: What style tags call it.
        players: Its parts in the order of `ROLES`; the first of a role leads it.
        swing: How late the off-sixteenths come, in beats.
        bass_pulse: Whether a composed bass repeats eighths where the music is loud.
        description: What people read of it.
        mechanical: Whether a machine plays, on the grid but for the swing.

    """

    name: str
    players: tuple[Part, ...] = ()
    swing: float = 0.0
    bass_pulse: bool = False
    description: str = ""
    mechanical: bool = False

    @property
    def is_free(self) -> bool:
        """Whether people play, and nobody keeps time: they may shape it."""
        return not self.mechanical and not self.of("percussion")

    @property
    def parts(self) -> Mapping[Role, Part]:
        """The first part of every role."""
        return MappingProxyType({part.role: part for part in reversed(self.players)})

    def of(self, role: Role) -> tuple[Part, ...]:
        """Return the parts of a role."""
        return tuple(part for part in self.players if part.role == role)
