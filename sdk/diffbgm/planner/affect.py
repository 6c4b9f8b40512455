"""From affect to music: which mode, key, tempo and palette the pictures ask for, once the style has had its say."""

import zlib
from dataclasses import replace

import numpy as np

from diffbgm.planner.director import Levels
from diffbgm.planner.styles import Style
from diffbgm.types import PITCH_NAMES, Key, VideoFeatures

SLOWEST, FASTEST = 60.0, 140.0  # beats per minute, where nobody asks for a tempo
PACE_SHARE = 0.6  # of the pace of the cuts in the preferred tempo; the rest is arousal
LEVEL_LIMIT = 0.25  # how far the director moves a level 0..1
MODE_SWAY = 0.3  # valence for each unit by which its log odds of minor leave those of all music videos
MODE_LIMIT = 0.3
ROOM = 1.3  # ratio by which the base tempo may leave the preferred one so that more cuts are met
# Tonics with few accidentals come first in people's music; these lie well under the hands.
MAJOR_TONICS = tuple(PITCH_NAMES.index(name) for name in ("C", "G", "D", "F", "A", "Bb", "Eb", "E"))
MINOR_TONICS = tuple(PITCH_NAMES.index(name) for name in ("A", "D", "E", "B", "G", "C", "F#", "F"))


def steer_affect(features: VideoFeatures, style: Style) -> VideoFeatures:
    """Move the features' affect to where the style wants its middle; its ups and downs stay, at most 0.6 wide."""
    affect = features.affect.astype(np.float64).copy()
    for column, target in enumerate((style.valence, style.arousal)):
        if target is None:
            continue
        track = affect[:, column]
        affect[:, column] = target + np.clip(0.6 * (track - track.mean()), -0.3, 0.3)
    return replace(features, affect=np.clip(affect, -1.0, 1.0))


def mean_affect(features: VideoFeatures) -> tuple[float, float]:
    """(valence, arousal) of the whole video."""
    valence, arousal = features.affect.astype(np.float64).mean(0)
    return float(valence), float(arousal)


def choose_mode(valence: float, style: Style, levels: Levels | None = None) -> str:
    """Choose major or minor: what the style asks for, else by the sign of the valence (Gabrielsson & Lindström, 2010).

    The director moves the border where it is asked, by at most a valence of MODE_LIMIT; not where a style sets valence.
    """
    if levels is not None and style.valence is None:
        odds = np.log(levels.minor / (1 - levels.minor)) - np.log(levels.base / (1 - levels.base))
        valence -= float(np.clip(MODE_SWAY * odds, -MODE_LIMIT, MODE_LIMIT))
    return style.mode or ("major" if valence >= 0 else "minor")


def direct_style(style: Style, levels: Levels | None) -> Style:
    """Move the style's density and polyphony to the director's levels, by at most LEVEL_LIMIT.

    Where the style sets either, or arousal, it stays.
    """
    if levels is None or style.arousal is not None:
        return style
    density, polyphony = (
        float(np.clip(level - 0.5, -LEVEL_LIMIT, LEVEL_LIMIT)) for level in (levels.density, levels.loudness)
    )
    return replace(style, density=style.density or density, polyphony=style.polyphony or polyphony)


def choose_key(features: VideoFeatures, mode: str) -> Key:
    """Choose a tonic that depends on the pictures alone: the same video always gets the same key."""
    means = [*features.colour.mean(0), features.motion.mean(), features.duration]
    tonics = MAJOR_TONICS if mode == "major" else MINOR_TONICS
    number = zlib.crc32(",".join(f"{x:.3f}" for x in means).encode())
    return Key(tonics[number % len(tonics)], "major" if mode == "major" else "minor")


def choose_bpm(arousal: float, pace: float, style: Style) -> tuple[float, tuple[float, float]]:
    """(preferred, (low, high)) beats a minute: from 60 to 140 with rising arousal, evenly in ratio.

    The preferred tempo lies between that and `pace`, the tempo that suits the cutting. Without a tempo from the style
    the range is ROOM to either side of it.
    """
    low, high = style.bpm or (SLOWEST, FASTEST)
    lively = np.clip((arousal + 1.0) / 2.0, 0.0, 1.0)
    felt = low * (high / low) ** lively
    preferred = float(felt ** (1 - PACE_SHARE) * np.clip(pace, low, high) ** PACE_SHARE)
    if style.bpm is None:
        low, high = max(low, preferred / ROOM), min(high, preferred * ROOM)
    return preferred, (float(low), float(high))
