"""How happy and how excited each stretch of a song sounds to the ear, from sums by bar, so that any is quick."""

import numpy as np

from diffbgm.research.metrics.affect import TOGETHER, WINDOW, default_ear, notes_of
from diffbgm.roll import bar_pitch_classes, key_scores
from diffbgm.types import BEATS_PER_BAR, PianoRoll

COLUMNS = ("onsets", "notes", "log2 length", "pitch", "key clarity", "major")


def heard_by_bar(roll: PianoRoll, bpm: float) -> np.ndarray:
    """[bars, 6] the `COLUMNS` of a roll at a steady tempo.

    What begins in each bar is given as sums, the key around it as heard in the ear's window.
    """
    seconds = 60 * BEATS_PER_BAR / bpm
    bars = roll.beats // BEATS_PER_BAR
    notes = notes_of(roll, bpm)
    bar = np.minimum((notes.start / seconds + 1e-6).astype(int), bars - 1)
    first = np.concatenate([[True], np.diff(notes.start) > TOGETHER])[: len(bar)]
    sums = [
        np.bincount(bar, weights=values, minlength=bars)
        for values in (first, np.ones(len(bar)), np.log2(np.maximum(notes.length, 0.02)), notes.pitch)
    ]
    histograms = bar_pitch_classes(roll.cells)
    reach = max(0, round((WINDOW / seconds - 1) / 2))
    around = np.array([histograms[max(0, i - reach) : i + reach + 1].sum(0) for i in range(bars)])
    scores = [key_scores(h) if h.any() else np.zeros((2, 12)) for h in around]
    clarity = [s.max() for s in scores]
    major = [s[0].max() - s[1].max() for s in scores]
    return np.stack([*sums, clarity, major], axis=1)


def affect_of(heard: np.ndarray, bpm: float) -> tuple[float, float]:
    """(valence, arousal), each -1..1, of some bars [bars, 6] of `heard_by_bar`; silence is (0, -1)."""
    onsets, notes, length, pitch = heard[:, :4].sum(0)
    if not notes:
        return 0.0, -1.0
    seconds = 60 * BEATS_PER_BAR / bpm * len(heard)
    clarity, major = np.average(heard[:, 4:], axis=0, weights=heard[:, 1])
    return default_ear().judge(
        {
            "onset_rate": float(np.log2(onsets / seconds)),
            "note_rate": float(np.log2(notes / seconds)),
            "length": length / notes,
            "register": pitch / notes,
            "key_clarity": float(clarity),
            "major": float(major),
        }
    )
