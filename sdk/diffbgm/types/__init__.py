"""The values that are passed between rooms: frozen, checked where they are made, numpy only.

Times are seconds (float64), musical positions are beats counted from the start of the piece; a bar has four beats and a
beat has four steps (sixteenths). Arrays carry their shape in square brackets.
"""

from diffbgm.types.music import Audio, Control, Note, PianoRoll, Role, Score, Track
from diffbgm.types.plan import CURVES, TEXTURE, Curves, Key, MusicPlan, PlannedCut, Section, TempoMap, Texture
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
    "Audio", "BEATS_PER_BAR", "CHANNELS", "CURVES", "Control", "Curves", "Cut", "Key", "LOWEST_PITCH", "MusicPlan",
    "Note", "PITCHES", "PITCH_NAMES", "PianoRoll", "PlannedCut", "Role", "STEPS_PER_BAR", "STEPS_PER_BEAT",
    "SYNC_TOLERANCE", "Score", "Section", "TEXTURE", "TempoMap", "Texture", "Track", "Value", "VideoFeatures",
    "VideoReference",
]  # fmt: skip
