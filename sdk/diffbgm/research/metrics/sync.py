"""How well cuts and beats meet, and how well they would by chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.types import Cut, TempoMap

GRIDS = {"downbeat": 4.0, "beat": 1.0, "half": 0.5}
STRONG = 1 / 3  # the share of cuts that count as strong


@dataclass(frozen=True)
class CutHits:
    """Shares (0..1) of `n` cuts, `n_strong` of them strong, within the tolerance of the grid.

    hit            of a downbeat, beat or half beat, by the grid asked for.
    strong_on_beat strong cuts (the top third by strength) of a whole beat.
    chance         the share of the piece's time that lies within the tolerance of the grid: what cuts anywhere would
                   hit.
    strong_chance  the same for whole beats.
    mean_error_ms  mean absolute distance to the grid, of the cuts that hit it.
    """

    n: int
    n_strong: int
    hit: float
    strong_on_beat: float
    chance: float
    strong_chance: float
    mean_error_ms: float


def cut_hits(
    cut_times: Sequence[float] | np.ndarray,
    strengths: Sequence[float] | np.ndarray,
    tempo: TempoMap,
    *,
    tolerance: float = 0.040,
    grid: str = "half",
) -> CutHits:
    """Measure cuts (seconds, strengths 0..1) against the "downbeat", "beat" or "half" beats of a tempo map.

    Without cuts the shares are nan. PlanError for an unknown grid or lists of different lengths.
    """
    times, strength = np.asarray(cut_times, np.float64), np.asarray(strengths, np.float64)
    if grid not in GRIDS:
        raise PlanError(f"cut_hits: grid must be one of {', '.join(GRIDS)}, got {grid!r}")
    if times.shape != strength.shape:
        raise PlanError(f"cut_hits: {times.size} times but {strength.size} strengths")
    errors = grid_errors(times, tempo, GRIDS[grid])
    on_beat = grid_errors(times, tempo, 1.0) <= tolerance
    strong = strong_cuts(strength)
    hit = errors <= tolerance
    return CutHits(
        n=len(times),
        n_strong=int(strong.sum()),
        hit=_share(hit),
        strong_on_beat=_share(on_beat[strong]),
        chance=covered(tempo, tolerance, GRIDS[grid]),
        strong_chance=covered(tempo, tolerance, 1.0),
        mean_error_ms=float(errors[hit].mean() * 1e3) if hit.any() else float("nan"),
    )


def grid_errors(times: np.ndarray, tempo: TempoMap, spacing: float) -> np.ndarray:
    """[C] seconds between each time and the nearest multiple of `spacing` beats within the piece."""
    if not len(times):
        return np.zeros(0)
    grid = tempo.time_at(np.arange(0.0, tempo.beats + 1e-9, spacing))
    right = np.clip(np.searchsorted(grid, times), 1, len(grid) - 1)
    return np.minimum(np.abs(times - grid[right - 1]), np.abs(times - grid[right]))


def strong_cuts(strengths: np.ndarray) -> np.ndarray:
    """[C] bool: the third of the cuts with the greatest strength (at least one, ties by order)."""
    out = np.zeros(len(strengths), bool)
    if len(strengths):
        out[np.argsort(-strengths, kind="stable")[: max(1, round(len(strengths) * STRONG))]] = True
    return out


def covered(tempo: TempoMap, tolerance: float, spacing: float) -> float:
    """The share of the piece's time within the tolerance of the grid."""
    grid = tempo.time_at(np.arange(0.0, tempo.beats + 1e-9, spacing))
    gaps = np.diff(grid)
    return float(np.minimum(gaps, 2 * tolerance).sum() / gaps.sum())


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def pool_hits(hits: Sequence[CutHits]) -> CutHits:
    """Several videos as one: every cut counts the same; chance levels are weighted by the cuts they apply to."""
    n = sum(h.n for h in hits)
    n_strong = sum(h.n_strong for h in hits)

    def mean(name: str, weights: Sequence[float]) -> float:
        pairs = [(getattr(h, name), w) for h, w in zip(hits, weights, strict=True) if w > 0]
        total = sum(w for _, w in pairs)
        return sum(value * w for value, w in pairs) / total if total else float("nan")

    return CutHits(
        n=n,
        n_strong=n_strong,
        hit=mean("hit", [h.n for h in hits]),
        strong_on_beat=mean("strong_on_beat", [h.n_strong for h in hits]),
        chance=mean("chance", [h.n for h in hits]),
        strong_chance=mean("strong_chance", [h.n_strong for h in hits]),
        mean_error_ms=mean("mean_error_ms", [h.hit * h.n if h.n else 0 for h in hits]),
    )


def fixed_tempo(tempo: TempoMap) -> TempoMap:
    """The baseline: the same number of beats over the same time at one steady tempo."""
    return TempoMap(np.linspace(tempo.edges[0], tempo.edges[-1], tempo.beats + 1))


def tempo_limits(tempo: TempoMap) -> tuple[float, float]:
    """(drift, step): the largest relative changes of the local tempo.

    drift: the largest share by which it leaves the piece's average; step: the largest by which neighbours differ.
    """
    lengths = np.diff(tempo.edges)
    drift = float(np.abs(lengths.mean() / lengths - 1).max())
    ratio = np.maximum(lengths[1:], lengths[:-1]) / np.minimum(lengths[1:], lengths[:-1])
    return drift, float(ratio.max(initial=1.0) - 1)


def onset_hits(
    cut_times: Sequence[float] | np.ndarray, onset_times: Sequence[float] | np.ndarray, tolerance: float = 0.040
) -> float:
    """The share (0..1) of cuts with a note's onset within the tolerance, all in seconds; nan without cuts."""
    cuts, onsets = np.asarray(cut_times, np.float64), np.sort(np.asarray(onset_times, np.float64))
    if not len(onsets):
        return _share(np.zeros(len(cuts), bool))
    right = np.clip(np.searchsorted(onsets, cuts), 0, len(onsets) - 1)
    nearest = np.minimum(np.abs(cuts - onsets[right]), np.abs(cuts - onsets[np.maximum(right - 1, 0)]))
    return _share(nearest <= tolerance)


def random_cuts(
    mean_shot: float, seed: int, *, shortest: float = 0.4, frame_rate: float = 25.0
) -> tuple[float, list[Cut]]:
    """(duration, cuts) of a made-up video for benchmarks: 60 to 120 s long, cuts on frames, strengths even in .2 to 1.

    Shots last `shortest` seconds plus a gamma variate of shape 1.5 that brings the mean to `mean_shot` seconds.
    """
    rng = np.random.default_rng([seed, round(mean_shot * 1000)])
    duration = round(float(rng.uniform(60.0, 120.0)) * frame_rate) / frame_rate
    cuts: list[Cut] = []
    time = 0.0
    while True:
        time += shortest + float(rng.gamma(1.5, (mean_shot - shortest) / 1.5))
        if time > duration - shortest:
            return duration, cuts
        cuts.append(Cut(round(time * frame_rate) / frame_rate, float(rng.uniform(0.2, 1.0))))
