"""Which chord sounds when: triads matched to what the roll plays, and how to voice them."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from diffbgm.roll import sounding
from diffbgm.types import (
    LOWEST_PITCH,
    PITCH_NAMES,
    PITCHES,
    STEPS_PER_BEAT,
    Key,
    MusicPlan,
    PianoRoll,
    PlannedChord,
)

FITS = 0.65  # share of what sounds
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


@dataclass(frozen=True)
class Chord:
    """The pitch classes to play from beat `start` to `end`, root first; `heard`: the roll plays it there."""

    start: int
    end: int
    classes: tuple[int, ...]
    heard: bool = True


def triad(key: Key) -> tuple[int, ...]:
    """Return the tonic chord's pitch classes."""
    return tuple((key.tonic + step) % 12 for step in (0, 4 if key.mode == "major" else 3, 7))


def symbol_of(classes: Sequence[int], *, flats: bool = False) -> str:
    """Return the symbol of a chord as `read_harmony` hears it: a triad, of which the third or the fifth may be missing.

    Args:
        classes: Pitch classes, root first.
        flats: Write black keys as flats.
    """
    tones = {(c - classes[0]) % 12 for c in classes}
    quality = "dim" if 6 in tones else "m" if 3 in tones else "" if 4 in tones else "5"
    return (FLAT_NAMES if flats else PITCH_NAMES)[classes[0]] + quality


def harmony_unit(beats_per_bar: int) -> int:
    """Return the beats by which harmony is read: two (half a bar of 4/4), or the whole bar where it has three."""
    return 2 if beats_per_bar % 2 == 0 else beats_per_bar


def home_chord(plan: MusicPlan) -> tuple[int, ...]:
    """Return the pitch classes of the chord the piece ends on: the one asked for its last bar, or the tonic chord."""
    asked = [chord for chord in plan.chords if chord.start <= plan.last_bar < chord.end]
    return asked[0].chord.classes if asked else triad(plan.key)


def read_harmony(roll: PianoRoll, key: Key, unit: int = 2, asked: Sequence[PlannedChord] = ()) -> list[Chord]:
    """Return chords that tile the roll, `unit` beats by `unit` beats, equal neighbours joined.

    Each unit takes the major, minor or diminished triad that covers most of what sounds (the accompaniment counts
    full, the melody half, the lowest note once more), triads of the key a little preferred; of it, what really
    sounds is kept, so that a pad never adds a third that the music leaves open. Silence keeps the chord before it.
    A chord that the plan asked for is taken whole where at least `FITS` of what sounds belongs to it, or where nothing
    sounds.
    """
    sound = sounding(roll.cells)
    keys = np.arange(PITCHES) + LOWEST_PITCH
    edges = sorted({*range(0, roll.beats, unit), roll.beats, *(b for c in asked for b in (c.start, c.end))})
    planned = {beat: c for c in asked for beat in range(c.start, c.end)}
    scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
    chords: list[Chord] = []
    for first, end in pairwise(edges):
        part = sound[:, first * STEPS_PER_BEAT : end * STEPS_PER_BEAT].sum(1).astype(np.float64)  # [2, 88]
        weight = np.bincount(keys % 12, weights=part[1] + part[0] / 2, minlength=12)
        low = np.flatnonzero(part.sum(0) >= 2)
        if len(low):
            weight[keys[low[0]] % 12] += 0.4 * weight.max()
        total = weight.sum()
        heard = bool(total > 0)
        wish = planned[first].chord.classes if first in planned else ()
        if wish and weight[list(wish)].sum() >= FITS * total:
            classes = wish
        else:
            classes = _best_triad(weight, scale) if heard else chords[-1].classes if chords else triad(key)
        if chords and (chords[-1].classes, chords[-1].heard) == (classes, heard):
            first = chords.pop().start
        chords.append(Chord(first, end, classes, heard))
    return chords


def _best_triad(weight: np.ndarray, scale: set[int]) -> tuple[int, ...]:
    best = (0, 4, 7)
    top, total = -np.inf, weight.sum()
    for root in range(12):
        for third, fifth, taste in ((4, 7, 0.0), (3, 7, 0.0), (3, 6, -0.06)):
            classes = (root, (root + third) % 12, (root + fifth) % 12)
            score = weight[list(classes)].sum() / total + 0.12 * weight[root] / total + taste
            score += 0.05 * (set(classes) <= scale)
            if score > top:
                best, top = classes, score
    kept = tuple(c for c in best if weight[c] > 0.05 * total or c == best[0])
    return kept if len(kept) > 1 else (best[0], (best[0] + 7) % 12)


def chord_at(chords: Sequence[Chord], beat: float) -> Chord:
    """Return the chord that sounds at a beat."""
    return chords[max(0, bisect_right(chords, beat, key=lambda chord: chord.start) - 1)]


def voice(classes: Sequence[int], previous: Sequence[int], low: int, high: int) -> tuple[int, ...]:
    """Voice a chord in pitches low..high, one per pitch class, moving as little as can be from `previous`.

    Without a previous chord the voices gather around the middle of the range.
    """
    options = [[p for p in range(low, high + 1) if p % 12 == c] for c in classes]
    centre = (low + high) / 2
    best: tuple[int, ...] = ()
    least = np.inf
    for pitches in product(*options):
        chord = tuple(sorted(pitches))
        gaps = np.diff(chord)
        cost = 0.15 * abs(float(np.mean(chord)) - centre)
        cost += sum(6.0 for gap in gaps if gap > 9) + (4.0 if len(gaps) and gaps[0] < 3 and chord[0] < 55 else 0.0)
        if previous:
            cost += sum(min(abs(p - q) for q in previous) for p in chord)
            cost += sum(min(abs(p - q) for p in chord) for q in previous)
        if cost < least:
            best, least = chord, cost
    return best
