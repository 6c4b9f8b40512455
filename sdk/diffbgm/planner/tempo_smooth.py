"""From the search's grid to a smooth tempo curve: exact where a cut is met, even in between, never past the limits."""

import numpy as np

PIN = 1e3  # weight that holds an edge where the search put it
ROUNDS = 12


def smooth_edges(
    edges: np.ndarray,
    beats: np.ndarray,
    times: np.ndarray,
    weights: np.ndarray,
    *,
    longest: float,
    shortest: float,
    max_step: float,
    tolerance: float,
    evenness: float,
) -> np.ndarray:
    """Edges [B + 1] moved so that positions `beats` [C] (in halves of a beat) meet `times` [C], as evenly as possible.

    Minimises sum weights (t(beats) - times)^2 + evenness sum (change of beat length)^2 with the first and last edge
    held: a linear system of bandwidth 2. Where its solution would break the limits (lengths between `shortest` and
    `longest` seconds, neighbours within a ratio of 1 + max_step) or miss a time by more than `tolerance`, the edges
    are held where they came from, which are taken to obey all that; so the result always does.
    """
    pins = np.zeros(len(edges))
    pins[[0, -1]] = PIN * 1e3
    smooth = edges
    for around in range(ROUNDS):
        smooth = _solve(edges, beats, times, weights, pins, evenness)
        broken = _broken(smooth, longest, shortest, max_step)
        missed = np.abs(_at(smooth, beats) - times) > tolerance
        if not broken.any() and not missed.any():
            return smooth
        broken[np.minimum(beats[missed].astype(int), len(broken) - 1)] = True
        for shift in range(-around, around + 3):  # edges of the offending beats, and more of them every round
            pins[np.clip(np.flatnonzero(broken) + shift, 0, len(edges) - 1)] += PIN
    share = 1.0
    while share > 0.01:
        share *= 0.7
        smooth = share * smooth + (1 - share) * edges
        if (
            not _broken(smooth, longest, shortest, max_step).any()
            and (np.abs(_at(smooth, beats) - times) <= tolerance).all()
        ):
            return smooth
    return edges


def _at(edges: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Seconds at beat positions."""
    return np.interp(beats, np.arange(len(edges)), edges)


def _broken(edges: np.ndarray, longest: float, shortest: float, max_step: float) -> np.ndarray:
    """[B] bool: beats that are too long, too short, or too different from the one before."""
    lengths = np.diff(edges)
    broken = (lengths > longest) | (lengths < shortest)
    low, high = np.minimum(lengths[1:], lengths[:-1]), np.maximum(lengths[1:], lengths[:-1])
    broken[1:] |= high > low * (1 + max_step)
    return broken


def _solve(
    edges: np.ndarray, beats: np.ndarray, times: np.ndarray, weights: np.ndarray, pins: np.ndarray, evenness: float
) -> np.ndarray:
    from scipy.linalg import solveh_banded

    n = len(edges)
    band = np.zeros((3, n))  # lower form: band[k, i] couples edge i with edge i + k
    right = pins * edges
    band[0] += pins
    if n > 2:
        for k, pattern in enumerate(((1, 4, 1), (-2, -2), (1,))):  # (1, -2, 1) squared, by distance
            for i, value in enumerate(pattern):
                band[k, i : i + n - 2] += evenness * value
    whole = np.minimum(np.floor(beats).astype(int), n - 2)
    part = beats - whole
    for i, share in ((whole, 1 - part), (whole + 1, part)):
        np.add.at(band[0], i, weights * share**2)
        np.add.at(right, i, weights * share * times)
    np.add.at(band[1], whole, weights * part * (1 - part))
    return solveh_banded(band, right, lower=True)
