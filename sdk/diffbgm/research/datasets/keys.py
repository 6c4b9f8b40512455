"""Which major scale is in force in every bar, and rolls transposed to where the model works."""

import numpy as np

from diffbgm.roll import bar_pitch_classes, find_key, key_shift, transpose
from diffbgm.types import BEATS_PER_BAR, STEPS_PER_BEAT, Key, PianoRoll

MAJOR_SCALE = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], bool)
KEY_CHANGE_COST = 6.0  # nats: how sure the notes must be before a new scale is believed


def scales_by_bar(histograms: np.ndarray) -> np.ndarray:
    """[bars] tonic 0..11 of the major scale in force, from pitch class durations [bars, 12]: a Viterbi path."""
    weight = histograms / np.maximum(histograms.sum(1, keepdims=True), 1)
    inside = np.stack([np.roll(MAJOR_SCALE, k) for k in range(12)])  # [12, 12]
    score = (weight @ np.where(inside, np.log(0.97 / 7), np.log(0.03 / 5)).T) * 4.0  # [bars, 12]
    best, back = score[0], []
    for row in score[1:]:
        stay_or_move = np.maximum(best, best.max() - KEY_CHANGE_COST)
        back.append(np.where(best >= best.max() - KEY_CHANGE_COST, np.arange(12), best.argmax()))
        best = stay_or_move + row
    path = [int(best.argmax())]
    for pointer in reversed(back):
        path.append(int(pointer[path[-1]]))
    return np.array(path[::-1])


def normalise_keys(roll: PianoRoll, beats_per_bar: int = BEATS_PER_BAR) -> PianoRoll:
    """The roll with every stretch in one scale transposed to C major / A minor."""
    scales = scales_by_bar(bar_pitch_classes(roll.cells, beats_per_bar))
    out = roll.cells.copy()
    velocity = None if roll.velocity is None else np.array(roll.velocity)
    for tonic in np.unique(scales):
        moved = transpose(roll, key_shift(Key(int(tonic))))
        steps = np.repeat(scales == tonic, beats_per_bar * STEPS_PER_BEAT)[: roll.steps]
        out[:, steps] = moved.cells[:, steps]
        if velocity is not None and moved.velocity is not None:
            velocity[:, steps] = moved.velocity[:, steps]
    return PianoRoll(out, velocity)


def modes_by_bar(histograms: np.ndarray, around: int = 4) -> np.ndarray:
    """[bars] 1 where the eight bars around a bar sound major by `find_key`, 0 where minor."""
    sums = np.cumsum(np.pad(histograms, ((1, 0), (0, 0))), axis=0)
    at = np.arange(len(histograms))
    total = sums[np.minimum(at + around, len(at))] - sums[np.maximum(at - around, 0)]
    return np.array([float(find_key(h).mode == "major") for h in total])
