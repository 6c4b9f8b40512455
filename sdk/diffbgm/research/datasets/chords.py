"""A chord for every beat of a roll, from templates and a Viterbi path.

Templates over what sounds are smoothed by a Viterbi path that changes chords where bars and halves of bars begin (after
the template methods surveyed by McVicar et al., 2014).
"""

from dataclasses import dataclass

import numpy as np

from diffbgm.roll import pitch_class_rows, sounding
from diffbgm.types import BEATS_PER_BAR, LOWEST_PITCH, STEPS_PER_BEAT

QUALITIES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
}
TEMPLATES = np.stack(
    [np.isin((np.arange(12) - root) % 12, tones) for tones in QUALITIES.values() for root in range(12)]
).astype(np.float64)  # [states, 12]; state // 12 is the quality, state % 12 the root
RARE = np.repeat([0.0, 0.0, 0.25, 0.4, 0.3, 0.3, 0.4, 0.8], 12)  # what a quality costs, by state
MELODY_SHARE = 0.15  # of a melody note's weight against an accompaniment note's
OUTSIDE, MISSING, ROOT_IN_BASS, BASS_OUTSIDE = 1.0, 0.6, 0.9, 0.5
CHANGE = (0.5, 1.6, 0.9)  # cost of a new chord at a bar line, at another beat, in the middle of the bar


@dataclass(frozen=True, eq=False)
class Chords:
    """`state` [beats] the row of TEMPLATES, -1 where nothing sounds; `bass` [beats] the lowest pitch class, -1."""

    state: np.ndarray
    bass: np.ndarray

    @property
    def root(self) -> np.ndarray:
        """[beats] pitch class 0..11 of the root, -1 where nothing sounds."""
        return np.where(self.state >= 0, self.state % 12, -1)

    @property
    def quality(self) -> list[str]:
        """[beats] name of the chord's quality in QUALITIES, "" where nothing sounds."""
        names = list(QUALITIES)
        return [names[state // 12] if state >= 0 else "" for state in self.state.tolist()]

    def classes(self) -> np.ndarray:
        """[beats, 12] the chord's pitch classes."""
        return np.where(self.state[:, None] >= 0, TEMPLATES[self.state], 0.0)

    def bass_classes(self) -> np.ndarray:
        """[beats, 12] the bass's."""
        return np.where(self.bass[:, None] == np.arange(12), 1.0, 0.0)


def estimate_chords(cells: np.ndarray, beats_per_bar: int = BEATS_PER_BAR) -> Chords:
    """The chords of cells [4, T, 88]."""
    beats = cells.shape[1] // STEPS_PER_BEAT
    by_beat = sounding_weight(cells).reshape(beats, STEPS_PER_BEAT, -1).sum(1)  # [beats, 88]
    score, lowest = template_scores(by_beat)
    silent = lowest < 0
    state = _path(score, beats_per_bar)
    state[silent] = -1
    return Chords(state, lowest)


def sounding_weight(cells: np.ndarray) -> np.ndarray:
    """[T, 88] what sounds in cells [4, T, 88], the melody by `MELODY_SHARE`."""
    sound = sounding(cells).astype(np.float64)
    return sound[1] + MELODY_SHARE * sound[0]


def template_scores(by_span: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How well every one of TEMPLATES fits what sounds in spans [n, 88]: [n, states], 0 in silence.

    And the lowest pitch class of each, -1 in silence.
    """
    weight = np.sqrt(pitch_class_rows(by_span))
    total = weight.sum(1, keepdims=True)
    share = weight / np.maximum(total, 1e-9)
    heard = by_span > 0
    silent = ~heard.any(1)
    lowest = np.where(silent, -1, (heard.argmax(1) + LOWEST_PITCH) % 12)
    inside = share @ TEMPLATES.T  # [n, states]
    missing = (share[:, None, :] < 0.04) & (TEMPLATES[None] > 0)
    size = TEMPLATES.sum(1)
    in_bass = np.where(lowest[:, None] == np.arange(len(TEMPLATES)) % 12, ROOT_IN_BASS, 0.0)
    foreign = np.where(TEMPLATES[:, lowest].T > 0, 0.0, BASS_OUTSIDE)
    score = 4 * (inside - OUTSIDE * (1 - inside)) - MISSING * missing.sum(2) * 3 / size + in_bass - foreign - RARE
    score[silent] = 0.0
    return score, lowest


def _path(score: np.ndarray, beats_per_bar: int) -> np.ndarray:
    """[beats] the states that score best in all, with a cost for every change."""
    place = np.arange(len(score)) % beats_per_bar
    middle = beats_per_bar // 2 if beats_per_bar % 2 == 0 else -1
    cost = np.where(place == 0, CHANGE[0], np.where(place == middle, CHANGE[2], CHANGE[1]))
    best, back = score[0], np.empty(score.shape, np.int64)
    stay = np.arange(score.shape[1])
    for i in range(1, len(score)):
        top = int(best.argmax())
        moved = best[top] - cost[i]
        back[i] = np.where(best >= moved, stay, top)
        best = np.maximum(best, moved) + score[i]
    path = np.empty(len(score), np.int64)
    path[-1] = int(best.argmax())
    for i in range(len(score) - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path
