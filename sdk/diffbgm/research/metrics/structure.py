"""Structure indicator: how well the best-repeating section of a piece explains it, on several time scales.

Wu & Yang (ISMIR 2020), equation 4: SI_l^u = max of the fitness scape over sections of l to u; the fitness of a
section is that of Müller, Jiang & Grosche, "A Robust Fitness Measure for Capturing Repetitions in Music Recordings"
(IEEE TASLP 21(3), 2013): an optimal path family over the section gives a normalised score and a normalised coverage,
and the fitness is their harmonic mean. The self-similarity is the cosine of the frames' pitch class vectors,
smoothed along the diagonal, and thresholded relatively with a penalty, as the SM Toolbox does. The paper's frames
are seconds of audio, ours are beats.
"""

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import FOLD, as_cells
from diffbgm.roll import sounding
from diffbgm.types import STEPS_PER_BEAT

# Wu & Yang's 3-8 s, 8-15 s and over 15 s as beats at 73 beats a minute, the median tempo of POP909.
SCALES: dict[str, tuple[int, int | None]] = {"short": (4, 9), "middle": (10, 18), "long": (19, None)}
PENALTY = -2.0  # what a cell below the threshold costs a path
KEPT = 0.2  # share of cells that stay above the threshold
SMOOTHING = 4  # beats along the diagonal


def beat_chroma(cells: ArrayLike, beats_per_frame: int = 1) -> np.ndarray:
    """[frames, 12] how long each pitch class sounds in each frame, scaled to length 1 (silent frames stay 0)."""
    sound = sounding(as_cells(cells)).sum(0) @ FOLD
    width = STEPS_PER_BEAT * beats_per_frame
    frames = np.pad(sound, ((0, -len(sound) % width), (0, 0))).reshape(-1, width, 12).sum(1)
    return frames / np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), 1e-9)


def similarity_matrix(features: np.ndarray, smoothing: int = SMOOTHING, kept: float = KEPT) -> np.ndarray:
    """[N, N] thresholded self-similarity of features [N, D] of length 1: 0..1 for the `kept` share, PENALTY below.

    The mean of `smoothing` cells forward along the diagonal and of as many backward, the larger of both, keeps
    repetitions apart from single coincidences and does not fade at their ends.
    """
    raw = features @ features.T
    similarity = np.maximum(_along_diagonal(raw, smoothing), _along_diagonal(raw[::-1, ::-1], smoothing)[::-1, ::-1])
    np.fill_diagonal(similarity, 1.0)
    threshold = min(float(np.quantile(similarity, 1.0 - kept)), 1.0 - 1e-6)
    scaled = (similarity - threshold) / (similarity.max() - threshold)
    matrix = np.where(similarity >= threshold, np.clip(scaled, 0.0, 1.0), PENALTY)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _along_diagonal(matrix: np.ndarray, length: int) -> np.ndarray:
    """Mean of up to `length` cells from each cell down its diagonal, as many as there are."""
    size = len(matrix)
    total, count = np.zeros_like(matrix), np.zeros_like(matrix)
    for k in range(min(length, size)):
        total[: size - k, : size - k] += matrix[k:, k:]
        count[: size - k, : size - k] += 1
    return total / count


def section_fitness(matrix: np.ndarray, length: int) -> np.ndarray:
    """[N - length + 1] fitness of every section of `length` frames in a self-similarity matrix [N, N].

    Dynamic programming over the rows, all sections at once: column 0 is the elevator between paths, columns 1..M are
    the section; a path steps by (1, 1), (2, 1) or (1, 2), starts in column 1 and ends in column M. Beside the score
    D run the number of cells L of the chosen paths and the rows C they cover.
    """
    size = len(matrix)
    if not 1 <= length <= size:
        raise InputError(f"section_fitness: length must lie between 1 and {size}, got {length}")
    sections = size - length + 1
    columns = np.arange(sections)[:, None] + np.arange(length)  # [sections, M]
    empty = np.full((sections, length + 1), -np.inf)
    empty[:, 0] = 0.0
    zero = np.zeros_like(empty)
    one, two = (empty, zero, zero), (empty, zero, zero)  # (D, L, C) one and two rows above
    for row in range(size):
        score, cells, cover = empty.copy(), zero.copy(), zero.copy()
        ended = one[0][:, -1] > one[0][:, 0]
        for new, old in zip((score, cells, cover), one, strict=True):
            new[:, 0] = np.where(ended, old[:, -1], old[:, 0])
        value = matrix[row][columns]
        score[:, 1], cells[:, 1], cover[:, 1] = score[:, 0] + value[:, 0], cells[:, 0] + 1, cover[:, 0] + 1
        if length > 1:
            straight = [x[:, 1:-1] for x in one]
            slow = [x[:, 1:-1] for x in two]
            fast = [np.pad(x[:, 1:-2], ((0, 0), (1, 0)), constant_values=-np.inf) for x in one]
            best = np.stack([straight[0], fast[0], slow[0]]).argmax(0)
            for new, a, b, c in zip((score, cells, cover), straight, fast, slow, strict=True):
                new[:, 2:] = np.choose(best, [a, b, c])
            score[:, 2:] += value[:, 1:]
            cells[:, 2:] += 1
            cover[:, 2:] += 1 + (best == 2)
        one, two = (score, cells, cover), one
    score, cells, cover = one
    last = np.where(score[:, -1] > score[:, 0], length, 0)
    pick = np.arange(sections)
    total, steps, rows = score[pick, last], cells[pick, last], cover[pick, last]
    gain = np.clip((total - length) / np.maximum(steps, 1), 0.0, None)  # normalised score, the trivial path taken off
    reach = np.clip((rows - length) / size, 0.0, None)  # normalised coverage
    return 2 * gain * reach / np.maximum(gain + reach, 1e-12)


def fitness_scape(
    cells: ArrayLike, shortest: int = 1, longest: int | None = None, beats_per_frame: int = 1
) -> np.ndarray:
    """[lengths, N] fitness of the sections at each start; 0 where none fits.

    Sections have `shortest` to `longest` frames (default: all).

    Cost grows with the fourth power of N: take `beats_per_frame=2` or 4 over about 160 beats.
    """
    matrix = similarity_matrix(beat_chroma(cells, beats_per_frame))
    size = len(matrix)
    lengths = range(shortest, min(longest or size, size) + 1)
    scape = np.zeros((len(lengths), size))
    for i, length in enumerate(lengths):
        values = section_fitness(matrix, length)
        scape[i, : len(values)] = values
    return scape


def structure_indicator(cells: ArrayLike, shortest: int, longest: int | None = None) -> float:
    """SI: the highest fitness, 0..1, of any section; 0 if none fits.

    Sections have `shortest` to `longest` beats (None: no upper limit).

    Pieces longer than 160 beats are measured in frames of two beats, over 320 of four, so that an hour of music ends.
    """
    beats = as_cells(cells).shape[1] // STEPS_PER_BEAT
    frame = 1 if beats <= 160 else 2 if beats <= 320 else 4
    scape = fitness_scape(
        cells, max(1, round(shortest / frame)), None if longest is None else max(1, round(longest / frame)), frame
    )
    return float(scape.max(initial=0.0))


def structure_indicators(cells: ArrayLike) -> dict[str, float]:
    """The structure indicator on each of `SCALES`."""
    return {name: structure_indicator(cells, low, high) for name, (low, high) in SCALES.items()}
