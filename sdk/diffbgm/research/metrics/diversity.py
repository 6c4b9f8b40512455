"""How different pieces are: between takes of one video, and between videos.

Two distances, each 0 for equal pieces: the Jaccard distance of the onsets (what is literally the same), and the
Euclidean distance of standardised descriptors divided by the root of their number (what sounds alike). A generator
that ignores its video is as diverse inside a video as across; one that always writes the same piece is diverse nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.cells import as_cells, jaccard, onsets
from diffbgm.research.metrics.descriptors import describe


def onset_distance(a: ArrayLike, b: ArrayLike) -> float:
    """1 - Jaccard index of the onsets of two pieces [4, T, 88]; the end of the longer one counts too."""
    x, y = onsets(as_cells(a)), onsets(as_cells(b))
    steps = max(x.shape[1], y.shape[1])
    x, y = (np.pad(v, ((0, 0), (0, steps - v.shape[1]), (0, 0))) for v in (x, y))
    return 1.0 - jaccard(x, y)


@dataclass(frozen=True)
class Diversity:
    """Mean distances of pairs of takes, by onsets and by descriptors.

    `within`: takes of one video; `across`: takes of different videos; None where there is no such pair. `takes` and
    `videos` count what was compared.
    """

    within_onsets: float | None
    across_onsets: float | None
    within_descriptors: float | None
    across_descriptors: float | None
    takes: int
    videos: int
    pairs: tuple[int, int]
    seed: int


def diversity(takes_by_video: Sequence[Sequence[ArrayLike]], max_pairs: int = 500, seed: int = 0) -> Diversity:
    """`takes_by_video`: for each video, its takes as cells [4, T, 88]. Over `max_pairs` pairs a kind, a seeded draw."""
    owner = np.repeat(np.arange(len(takes_by_video)), [len(takes) for takes in takes_by_video])
    pieces = [as_cells(take) for takes in takes_by_video for take in takes]
    if len(pieces) < 2:
        raise InputError(f"diversity: needs at least two pieces, got {len(pieces)}")
    values = np.array([list(describe(piece).values()) for piece in pieces])
    spread = values.std(0)
    scaled = (values - values.mean(0))[:, spread > 0] / spread[spread > 0]
    rng = np.random.default_rng(seed)
    means: dict[str, tuple[float | None, float | None]] = {}
    counts = []
    for kind in ("within", "across"):
        pairs = [(i, j) for i, j in combinations(range(len(pieces)), 2) if (owner[i] == owner[j]) == (kind == "within")]
        counts.append(len(pairs))
        if len(pairs) > max_pairs:
            pairs = [pairs[k] for k in rng.choice(len(pairs), max_pairs, replace=False)]
        by_onset = [onset_distance(pieces[i], pieces[j]) for i, j in pairs]
        by_sound = [float(np.sqrt(np.mean((scaled[i] - scaled[j]) ** 2))) if scaled.size else 0.0 for i, j in pairs]
        means[kind] = (float(np.mean(by_onset)), float(np.mean(by_sound))) if pairs else (None, None)
    return Diversity(
        means["within"][0],
        means["across"][0],
        means["within"][1],
        means["across"][1],
        len(pieces),
        len(takes_by_video),
        (min(counts[0], max_pairs), min(counts[1], max_pairs)),
        seed,
    )
