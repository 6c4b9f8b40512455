"""What a level of 0..1 means in physical units: the distribution of human-made music.

Measured with `roll.measure_curves` (bar by bar) and `roll.measure_texture` (windows of 8 bars) on 276 songs of POP909
(Wang et al., ISMIR 2020) in 4/4: 23,025 bars, 2,751 windows, every third song of the public part. Melody without the
quarter of the bars in which it rests; repetition from the fifth bar of a song on.
"""

from typing import Final

import numpy as np

QUANTILES: Final = (0.05, 0.25, 0.50, 0.75, 0.95)
POP909: Final[dict[str, tuple[float, ...]]] = {
    # curves, by bar
    "polyphony": (2.50, 3.31, 3.88, 4.38, 5.19),
    "density": (2.25, 3.75, 5.00, 6.25, 8.25),
    "register": (54.2, 57.9, 60.5, 63.1, 66.9),
    "melody": (0.25, 1.00, 1.25, 1.75, 2.50),
    "repetition": (0.00, 0.03, 0.09, 0.23, 0.69),
    # textures, by window of 8 bars
    "accompaniment_register": (55.0, 58.4, 60.4, 62.4, 66.0),
    "syncopation": (0.00, 0.02, 0.09, 0.26, 0.45),
    "note_length": (0.50, 0.62, 0.75, 0.95, 1.30),
    "harmonic_rhythm": (0.50, 0.88, 1.25, 1.63, 2.00),
}
REFERENCE_BPM: Final = 80.0  # the median tempo of those windows


def level_to_value(name: str, level: np.ndarray | float) -> np.ndarray:
    """Return the value at a level: 0 is the 5 % quantile of POP909, 0.25 to 0.75 its quartiles, 1 the 95 % quantile."""
    return np.interp(np.clip(level, 0.0, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0), POP909[name])


def density_at(level: np.ndarray | float, bpm: float) -> np.ndarray:
    """Onsets a beat at a level and tempo: faster music has fewer notes to the beat.

    In POP909 the median is 6.3 below 65 bpm, 5.0 at 75-90, 4.2 at 90-120 and 4.3 above: close to bpm ** -0.5.
    """
    return level_to_value("density", level) * np.clip((REFERENCE_BPM / bpm) ** 0.5, 0.75, 1.2)


def within(name: str, value: float) -> float:
    """`value` clipped to the range POP909 has (5 to 95 %)."""
    return float(np.clip(value, POP909[name][0], POP909[name][-1]))
