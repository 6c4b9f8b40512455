"""Named numbers that describe a stretch of music: what the two-sample test, the seams and the tables look at.

Every descriptor is a function of cells [4, T, 88] alone (no tempo); where nothing is there to measure (no melody, one
bar), it takes the neutral value given in its function. `DESCRIPTORS` says in a line what each one is.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.research.metrics.cells import FOLD, KEYS, as_cells, as_windows, jaccard, melody_line, note_lengths, onsets
from diffbgm.research.metrics.tonal import entropy, mean_groove_similarity
from diffbgm.roll import key_scores, sounding
from diffbgm.types import STEPS_PER_BAR, STEPS_PER_BEAT

MAJOR_SCALE = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11))
HARSH = (1, 6, 11)  # semitone, tritone, major seventh, octaves apart or not

DESCRIPTORS: dict[str, str] = {
    "groove": "grooving pattern similarity over all bar pairs",
    "melody_groove": "the same, melody alone",
    "on_beat": "share of onsets on a beat",
    "off_eighth": "share of onsets on the eighth between beats",
    "syncopation": "share of onsets on odd sixteenths",
    "rhythm_entropy": "entropy of the onsets' place in the bar, bits",
    "busy_steps": "share of sixteenths in which something strikes",
    "longest_gap": "longest time without an onset, beats",
    "melody_onsets": "melody onsets a bar",
    "accompaniment_onsets": "accompaniment onsets a bar",
    "density_spread": "standard deviation of the onsets a bar",
    "density_change": "mean change of the onsets from bar to bar",
    "polyphony": "keys sounding at once",
    "polyphony_spread": "its standard deviation over the steps",
    "chord_size": "notes struck together in the accompaniment",
    "empty_bars": "share of bars in which nothing starts",
    "silence": "share of steps in which nothing sounds",
    "melody_rests": "share of bars without a melody onset",
    "doublings": "share of melody onsets that the accompaniment strikes too, in any octave",
    "melody_length": "mean length of a melody note, beats",
    "accompaniment_length": "mean length of an accompaniment note, beats",
    "length_spread": "standard deviation of log2 of the lengths",
    "short_notes": "share of notes a sixteenth long",
    "register": "mean pitch of the accompaniment's onsets",
    "melody_register": "mean pitch of the melody",
    "bass_register": "mean of the lowest sounding pitch, beat by beat",
    "range": "semitones between the 5th and the 95th percentile of the onsets",
    "melody_range": "semitones between lowest and highest melody note",
    "crossings": "share of melody onsets with accompaniment sounding above",
    "pche": "pitch class histogram entropy, bits",
    "bar_pche": "the same bar by bar, mean",
    "in_scale": "share of onsets in the best major scale",
    "key_clarity": "correlation with the best key profile",
    "minor": "best minor minus best major profile correlation",
    "harsh": "share of harsh pairs (1, 6, 11 semitones, octaves folded) among accompaniment notes struck together",
    "harsh_sounding": "the same among all notes sounding together on the beats",
    "thirds": "share of thirds and sixths among accompaniment notes struck together",
    "chord_changes": "changes of the accompaniment's pitch classes a bar",
    "chord_tones": "share of melody onsets whose pitch class sounds in the accompaniment",
    "bass_steps": "share of bass moves of 1 or 2 semitones, beat to beat",
    "bass_leaps": "share of bass moves of more than 4 semitones",
    "bass_motion": "bass moves a bar",
    "steps": "share of melody intervals of 1 or 2 semitones",
    "leaps": "share of melody intervals of more than 4 semitones",
    "repeated_notes": "share of melody intervals of 0",
    "turns": "share of melody moves that change direction",
    "interval_entropy": "entropy of the melody intervals, bits",
    "melody_variety": "different melody pitches over melody notes",
    "phrase_ends": "share of two-bar groups whose last melody note is held or followed by rest for a beat or more",
    "halves": "Jaccard index of the onsets of the two halves",
    "halves_rhythm": "the same of their rhythm alone",
    "halves_melody": "the same of the melody alone",
    "halves_harmony": "correlation of the halves' pitch classes, bar by bar",
    "bar_repetition": "Jaccard index of onsets between neighbouring bars, mean",
    "two_bar_repetition": "the same at two bars' distance",
}


def describe(cells: ArrayLike) -> dict[str, float]:
    """Every one of `DESCRIPTORS` of cells [4, T, 88], T whole bars."""
    c = as_cells(cells)
    values = {**_rhythm(c), **_texture(c), **_pitch(c), **_harmony(c), **_melody(c), **_form(c)}
    return {name: float(values[name]) for name in DESCRIPTORS}


def describe_all(windows: ArrayLike, names: Sequence[str] = tuple(DESCRIPTORS)) -> np.ndarray:
    """[n, len(names)] descriptors of windows [n, 4, T, 88]."""
    return np.array([[row[name] for name in names] for row in map(describe, as_windows(windows))])


def harsh_pairs(onset: np.ndarray) -> tuple[int, int]:
    """(harsh, all) pairs of keys struck or sounding together in [T, 88]; distances are taken modulo 12."""
    by_distance = pair_distances(onset)
    return int(by_distance[list(HARSH)].sum()), int(by_distance.sum())


def pair_distances(onset: np.ndarray) -> np.ndarray:
    """[12] number of pairs of keys that are there together in [T, 88], by their distance modulo 12."""
    x = onset.astype(np.int64)
    x = x[x.sum(1) > 1]
    products = x.T @ x  # [88, 88]: in how many steps both keys are there
    low, high = np.triu_indices(products.shape[0], 1)
    return np.bincount((high - low) % 12, weights=products[low, high], minlength=12).astype(np.int64)


def _share(part: float, whole: float, otherwise: float = 0.0) -> float:
    return float(part) / float(whole) if whole else otherwise


def _rhythm(c: np.ndarray) -> dict[str, float]:
    strikes = onsets(c)
    by_step = strikes.sum((0, 2))
    total = int(by_step.sum())
    busy = by_step > 0
    edges = np.flatnonzero(np.concatenate([[True], busy, [True]]))
    return {
        "groove": mean_groove_similarity(busy.reshape(-1, STEPS_PER_BAR)),
        "melody_groove": mean_groove_similarity(strikes[0].any(1).reshape(-1, STEPS_PER_BAR)),
        "on_beat": _share(by_step[::STEPS_PER_BEAT].sum(), total),
        "off_eighth": _share(by_step[2::STEPS_PER_BEAT].sum(), total),
        "syncopation": _share(by_step[1::2].sum(), total),
        "rhythm_entropy": entropy(by_step.reshape(-1, STEPS_PER_BAR).sum(0)),
        "busy_steps": busy.mean(),
        "longest_gap": (np.diff(edges).max() - 1) / STEPS_PER_BEAT,
    }


def _texture(c: np.ndarray) -> dict[str, float]:
    strikes, sound = onsets(c), sounding(c)
    bars = c.shape[1] // STEPS_PER_BAR
    melody, accompaniment = strikes.sum(2).reshape(2, bars, STEPS_PER_BAR).sum(2)
    density = melody + accompaniment
    keys = sound.max(0).sum(1)
    chords = strikes[1].sum(1)
    lengths = note_lengths(c)
    every = lengths[lengths > 0]
    melody_classes, other_classes = (strikes @ FOLD) > 0
    return {
        "melody_onsets": melody.mean(),
        "accompaniment_onsets": accompaniment.mean(),
        "density_spread": density.std(),
        "density_change": np.abs(np.diff(density)).mean() if bars > 1 else 0.0,
        "polyphony": keys.mean(),
        "polyphony_spread": keys.std(),
        "chord_size": _share(chords.sum(), (chords > 0).sum()),
        "empty_bars": (density == 0).mean(),
        "silence": (keys == 0).mean(),
        "melody_rests": (melody == 0).mean(),
        "doublings": _share((melody_classes & other_classes).sum(), melody_classes.sum()),
        "melody_length": _share(lengths[0].sum(), (lengths[0] > 0).sum()) / STEPS_PER_BEAT,
        "accompaniment_length": _share(lengths[1].sum(), (lengths[1] > 0).sum()) / STEPS_PER_BEAT,
        "length_spread": np.log2(every).std() if len(every) else 0.0,
        "short_notes": _share((every == 1).sum(), len(every)),
    }


def chord_changes(sound: np.ndarray) -> int:
    """How often the pitch classes sounding in [T, 88] change by more than half (Jaccard < .5) from beat to beat."""
    beats = sound.reshape(-1, STEPS_PER_BEAT, sound.shape[1]).any(1)
    classes = (beats @ FOLD) > 0
    both = (classes[1:] & classes[:-1]).sum(1)
    either = (classes[1:] | classes[:-1]).sum(1)
    return int((both < 0.5 * either).sum())


def _lowest(sound: np.ndarray) -> np.ndarray:
    """[m] lowest sounding pitch at each beat at which something sounds, from [T, 88]."""
    on_beats = sound[::STEPS_PER_BEAT]
    on_beats = on_beats[on_beats.any(1)]
    return KEYS[on_beats.argmax(1)] if len(on_beats) else np.zeros(0, np.int64)


def _pitch(c: np.ndarray) -> dict[str, float]:
    """Neutral value of every register: 60 (middle C)."""
    strikes, sound = onsets(c), sounding(c)
    by_key = strikes.sum((0, 1))
    pitches = np.repeat(KEYS, by_key)
    accompaniment = np.repeat(KEYS, strikes[1].sum(0))
    steps, line = melody_line(c)
    bass = _lowest(sound.max(0))
    highest = np.where(sound[1].any(1), KEYS[-1] - sound[1][:, ::-1].argmax(1), 0)
    return {
        "register": accompaniment.mean() if len(accompaniment) else 60.0,
        "melody_register": line.mean() if len(line) else 60.0,
        "bass_register": bass.mean() if len(bass) else 60.0,
        "range": float(np.diff(np.percentile(pitches, (5, 95)))[0]) if len(pitches) else 0.0,
        "melody_range": np.ptp(line) if len(line) else 0.0,
        "crossings": (highest[steps] > line).mean() if len(line) else 0.0,
    }


def in_scale(cells: ArrayLike) -> float:
    """Share of onsets in the one of the twelve major scales that holds most of them; 1 without notes."""
    histogram = onsets(as_cells(cells)).sum((0, 1)) @ FOLD
    best = max(histogram[np.roll(MAJOR_SCALE, k)].sum() for k in range(12))
    return _share(best, histogram.sum(), 1.0)


def _harmony(c: np.ndarray) -> dict[str, float]:
    strikes, sound = onsets(c), sounding(c)
    bars = c.shape[1] // STEPS_PER_BAR
    by_bar = (strikes.sum(0) @ FOLD).reshape(bars, STEPS_PER_BAR, 12).sum(1)
    filled = [entropy(h) for h in by_bar if h.sum()]
    scores = key_scores(sound.sum((0, 1)) @ FOLD)
    distances = pair_distances(strikes[1])
    harsh, together = harsh_pairs(sound.max(0)[::STEPS_PER_BEAT])
    steps, line = melody_line(c)
    classes = (sound[1] @ FOLD) > 0
    with_chord = steps[classes[steps].any(1)] if len(steps) else steps
    fits = classes[steps, line % 12].sum() if len(steps) else 0
    moves = np.abs(np.diff(_lowest(sound[1])))
    moved = int((moves > 0).sum())
    return {
        "pche": entropy(by_bar.sum(0)),
        "bar_pche": _share(sum(filled), len(filled)),
        "in_scale": in_scale(c),
        "key_clarity": scores.max(),
        "minor": scores[1].max() - scores[0].max(),
        "harsh": _share(distances[list(HARSH)].sum(), distances.sum()),
        "harsh_sounding": _share(harsh, together),
        "thirds": _share(distances[[3, 4, 8, 9]].sum(), distances.sum()),
        "chord_changes": chord_changes(sound[1]) / bars,
        "chord_tones": _share(fits, len(with_chord)),
        "bass_steps": _share(((moves > 0) & (moves < 3)).sum(), moved),
        "bass_leaps": _share((moves > 4).sum(), moved),
        "bass_motion": moved / bars,
    }


def _melody(c: np.ndarray) -> dict[str, float]:
    steps, line = melody_line(c)
    intervals = np.diff(line)
    size = np.abs(intervals)
    moves = np.sign(intervals[intervals != 0])
    lengths = note_lengths(c)[0].max(1)  # [T] of the longest melody note struck at a step
    group = 2 * STEPS_PER_BAR
    ends = []
    for start in range(0, c.shape[1] - group + 1, group):
        inside = steps[(steps >= start) & (steps < start + group)]
        if len(inside):
            following = steps[steps > inside[-1]]
            wait = (following[0] if len(following) else c.shape[1]) - inside[-1]
            ends.append(max(wait, lengths[inside[-1]]) >= 2 * STEPS_PER_BEAT)
    n = len(intervals)
    return {
        "steps": _share(((size > 0) & (size < 3)).sum(), n),
        "leaps": _share((size > 4).sum(), n),
        "repeated_notes": _share((size == 0).sum(), n),
        "turns": _share((moves[1:] != moves[:-1]).sum(), len(moves) - 1) if len(moves) > 1 else 0.0,
        "interval_entropy": entropy(np.bincount(np.clip(intervals, -12, 12) + 12, minlength=25)),
        "melody_variety": _share(len(np.unique(line)), len(line)),
        "phrase_ends": _share(sum(ends), len(ends)),
    }


def _form(c: np.ndarray) -> dict[str, float]:
    """Halves are whole bars: with an odd number, the middle bar belongs to neither. A single bar repeats itself (1)."""
    strikes = onsets(c)
    bars = c.shape[1] // STEPS_PER_BAR
    half = bars // 2 * STEPS_PER_BAR
    first, second = strikes[:, :half], strikes[:, strikes.shape[1] - half :]
    by_bar = strikes.reshape(2, bars, STEPS_PER_BAR, -1).transpose(1, 0, 2, 3)
    chroma = (sounding(c).sum(0) @ FOLD).reshape(bars, STEPS_PER_BAR, 12).sum(1)

    def repeats(lag: int) -> float:
        return float(np.mean([jaccard(a, b) for a, b in zip(by_bar[lag:], by_bar[:-lag], strict=True)] or [1.0]))

    return {
        "halves": jaccard(first, second),
        "halves_rhythm": jaccard(first.any((0, 2)), second.any((0, 2))),
        "halves_melody": jaccard(first[0], second[0]),
        "halves_harmony": _correlation(chroma[: bars // 2], chroma[bars - bars // 2 :]),
        "bar_repetition": repeats(1),
        "two_bar_repetition": repeats(2),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two arrays of one shape; 1 where either does not vary."""
    x, y = a.ravel() - a.mean() if a.size else a.ravel(), b.ravel() - b.mean() if b.size else b.ravel()
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norm if norm > 0 else 1.0
