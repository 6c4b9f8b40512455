"""Hand-made plans and rolls that several tests compose and render with."""

import itertools

import numpy as np

from diffbgm.roll import notes_to_roll
from diffbgm.types import Curves, Key, MusicPlan, Note, PianoRoll, Section, TempoMap, Texture


def make_plan(bars: int = 12, *, bpm: float = 96.0, key: Key | None = None, cuts: tuple[int, ...] = (4,)) -> MusicPlan:
    """A plan with sections A B A ... that start at the bars in `cuts`."""
    beats = 4 * bars
    tempo = TempoMap.steady(bpm, beats)
    edges = [0, *(c for c in cuts if 0 < c < bars), bars]
    sections = tuple(
        Section(4 * a, 4 * b, "AB"[i % 2], 0.2, 0.1, Texture(mode=1.0, density=5.0))
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    )
    flat = np.ones(beats)
    curves = Curves(3.8 * flat, 5.0 * flat, 60.0 * flat, 1.0 * flat, 0.2 * flat)
    return MusicPlan(float(tempo.edges[-1]), tempo, key or Key(7), sections, curves)


def make_roll(bars: int = 12) -> PianoRoll:
    """Broken triads I IV V I in C major under a scale."""
    melody, below = [], []
    for bar in range(bars):
        root = (48, 53, 55, 48)[bar % 4]
        for beat in range(4):
            at = 4.0 * bar + beat
            melody.append(Note(at, at + 0.75, (72, 74, 76, 77, 79, 77, 76, 74)[(4 * bar + beat) % 8], 90))
            below += [Note(at + k / 4, at + (k + 1) / 4, root + step, 70) for k, step in enumerate((0, 7, 12, 16))]
    return notes_to_roll(melody, below, 4 * bars)
