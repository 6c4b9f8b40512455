"""The instruments: one row for each palette.

Programs, ranges and levels were chosen with the small General MIDI font that comes with pretty_midi, because most
people hear that one: in tune within 10 cents and quick enough to speak on a cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from diffbgm.errors import PlanError
from diffbgm.types import Role

ROLES: tuple[Role, ...] = ("melody", "chords", "bass", "pad", "percussion")


@dataclass(frozen=True)
class Part:
    """One role's instrument.

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


@dataclass(frozen=True)
class Palette:
    """A band and how it plays.

    Attributes:
        name: What style tags call it.
        parts: The instruments by role.
        drums: Name of a style in `percussion.DRUM_STYLES`, or None.
        pedal: Whether the chords' instrument has a sustain pedal.
        strum: Seconds from one string to the next.
        swing: How late the off-sixteenths come, in beats.
        bass_pulse: Whether the bass repeats eighths where the music is loud.

    """

    name: str
    parts: Mapping[Role, Part] = field(default_factory=dict[Role, Part])
    drums: str | None = None
    pedal: bool = False
    strum: float = 0.0
    swing: float = 0.0
    bass_pulse: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))


_ROWS = (
    Palette(
        "piano",
        {
            "melody": Part(0, 48, 100, pan=0.08, rings=4, swell=8),
            "chords": Part(0, 28, 84, pan=-0.08, gain=-4, rings=4, swell=8, voices=6),
            "pad": Part(49, 50, 76, gain=-13, enter=0.45, swell=34),
        },
        pedal=True,
    ),
    Palette(
        "strings",
        {
            "melody": Part(40, 60, 93, pan=-0.15, voices=1, hold=0.5, swell=22),
            "chords": Part(42, 41, 72, pan=0.2, gain=-5, voices=4, hold=1, swell=20),
            "bass": Part(43, 28, 50, pan=0.25, gain=-7, enter=0.2, swell=16),
            "pad": Part(48, 52, 79, pan=-0.1, gain=-9, swell=34),
        },
    ),
    Palette(
        "guitar",
        {
            "melody": Part(24, 52, 83, pan=0.15, voices=2, hold=0.5, rings=2.5),
            "chords": Part(25, 40, 76, pan=-0.2, gain=-5, hold=2, rings=3),
            "bass": Part(32, 28, 50, gain=-6, enter=0.2, rings=2.5),
            "percussion": Part(0, 35, 81, pan=0.1, gain=-13, enter=0.45),
        },
        drums="shaker",
        strum=0.011,
    ),
    Palette(
        "music-box",
        {
            "melody": Part(10, 67, 100, pan=0.1, hold=1, rings=3),
            "chords": Part(46, 43, 84, pan=-0.15, gain=-6, voices=4, hold=2, rings=2.5),
            "pad": Part(89, 48, 72, gain=-12, enter=0.15, swell=30),
        },
    ),
    Palette(
        "synth",
        {
            "melody": Part(80, 55, 88, pan=0.1, gain=-1, voices=1, hold=0.4, swell=14),
            "chords": Part(90, 43, 79, pan=-0.2, gain=-5, hold=0.5, swell=14),
            "bass": Part(39, 28, 50, gain=-5, enter=0.15),
            "pad": Part(94, 52, 79, gain=-10, swell=34),
            "percussion": Part(25, 35, 81, gain=-7, enter=0.4),
        },
        drums="electronic",
        bass_pulse=True,
    ),
    Palette(
        "orchestral",
        {
            "melody": Part(71, 55, 88, pan=0.1, voices=1, hold=0.5, swell=18),
            "chords": Part(46, 36, 84, pan=-0.25, gain=-5, hold=2, rings=2.5),
            "bass": Part(43, 28, 50, pan=0.25, gain=-7, enter=0.2, swell=18),
            "pad": Part(48, 52, 79, pan=0.05, gain=-7, swell=38),
            "percussion": Part(48, 35, 81, gain=-8, enter=0.6),
        },
        drums="orchestral",
    ),
    Palette(
        "lo-fi",
        {
            "melody": Part(11, 55, 86, pan=0.15, gain=-1, voices=2, hold=0.5, rings=3),
            "chords": Part(4, 40, 76, pan=-0.15, gain=-3, hold=1, rings=5),
            "bass": Part(33, 28, 48, gain=-5, enter=0.15, rings=3),
            "pad": Part(91, 52, 76, gain=-15, enter=0.4, swell=26),
            "percussion": Part(32, 35, 81, gain=-8, enter=0.3),
        },
        drums="lo-fi",
        swing=0.06,
    ),
    Palette(
        "band",
        {
            "melody": Part(27, 52, 84, pan=0.15, voices=2, hold=0.4, rings=2.5),
            "chords": Part(0, 40, 81, pan=-0.15, gain=-4, rings=4),
            "bass": Part(33, 28, 48, gain=-5, enter=0.15, rings=3),
            "pad": Part(16, 52, 74, pan=0.05, gain=-15, enter=0.6, swell=26),
            "percussion": Part(0, 35, 81, gain=-7, enter=0.35),
        },
        drums="pop",
        bass_pulse=True,
        pedal=True,
    ),
)
PALETTES: Mapping[str, Palette] = MappingProxyType({row.name: row for row in _ROWS})


def find_palette(name: str) -> Palette:
    """Return the palette of that name; PlanError with the names there are."""
    if name not in PALETTES:
        raise PlanError(f"no palette is called {name!r}; there are {', '.join(PALETTES)}")
    return PALETTES[name]
