"""The values that are passed between rooms: frozen, checked where they are made, numpy only.

Times are seconds (float64), musical positions are beats counted from the start of the piece; a bar has four beats and a
beat has four steps (sixteenths). Arrays carry their shape in square brackets.
"""

from diffbgm.types.chord import ChordSymbol
from diffbgm.types.music import Audio, Control, PianoRoll, Role, Score, Track
from diffbgm.types.note import Note
from diffbgm.types.plan import (
    BAR_UNITS,
    CURVES,
    GENRES,
    METRES,
    TEXTURE,
    Curves,
    Ending,
    Instrumentation,
    Key,
    MusicPlan,
    PlannedChord,
    PlannedCut,
    PlannedHit,
    PlannedScene,
    Section,
    TempoMap,
    Texture,
)
from diffbgm.types.values import (
    BEATS_PER_BAR,
    CHANNELS,
    LOWEST_PITCH,
    PITCH_NAMES,
    PITCHES,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    SYNC_TOLERANCE,
    Value,
)
from diffbgm.types.video import Cut, VideoFeatures, VideoReference

__all__ = [
    "BAR_UNITS", "BEATS_PER_BAR", "CHANNELS", "CURVES", "GENRES", "LOWEST_PITCH", "METRES", "PITCHES", "PITCH_NAMES",
    "STEPS_PER_BAR", "STEPS_PER_BEAT", "SYNC_TOLERANCE", "TEXTURE", "Audio", "ChordSymbol", "Control", "Curves", "Cut",
    "Ending", "Instrumentation", "Key", "MusicPlan", "Note", "PianoRoll", "PlannedChord", "PlannedCut", "PlannedHit",
    "PlannedScene", "Role", "Score", "Section", "TempoMap", "Texture", "Track", "Value", "VideoFeatures",
    "VideoReference",
]  # fmt: skip
