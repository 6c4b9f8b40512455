"""Retrieval P@K: does a video find its own music among others? Two linear towers, and what their scores are worth.

Diff-BGM (Li et al., CVPR 2024) ranks 60 candidates and counts how often the right one is among the first K; its towers
and its draws are not published. Here one tower reads what a video shows, the other what music does (`hearing`), each
as a summary of the whole and as tracks second by second; the score is the cosine of both summaries' embeddings plus
that of both tracks' embeddings, each times a learnt scale. `train_retrieval` fits them with the contrastive loss of
CLIP (Radford et al., ICML 2021). Everything here is plain numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from diffbgm.errors import InputError
from diffbgm.research.metrics.statistics import interval

POOL = 60
RANKS = (5, 10, 20)
POOLS = 200  # a query: pools drawn
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Views:
    """n things as a tower reads them: `summary` [n, F], `tracks` [n, C, T] second by second."""

    summary: np.ndarray
    tracks: np.ndarray

    def __post_init__(self) -> None:
        if self.summary.ndim != 2 or self.tracks.ndim != 3 or len(self.summary) != len(self.tracks):
            raise InputError(
                f"Views: summary must be [n, F] and tracks [n, C, T], got {self.summary.shape}, {self.tracks.shape}"
            )

    def standard(self) -> "Views":
        """Every number as a standard score within the set; a number that is the same in all is 0."""
        return Views(_standard(self.summary, (0,)), _standard(self.tracks, (0, 2)))


def _standard(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    x = np.asarray(x, np.float64)
    spread = x.std(axes, keepdims=True)
    return (x - x.mean(axes, keepdims=True)) / np.where(spread > 1e-9, spread, np.inf)


@dataclass(frozen=True, eq=False)
class Tower:
    """`weights` [F, D] and `bias` [D] for summaries, `filters` [K, C, L] (L odd) for tracks."""

    weights: np.ndarray
    bias: np.ndarray
    filters: np.ndarray

    def embed(self, views: Views) -> tuple[np.ndarray, np.ndarray]:
        """([n, D], [n, K T]) each of length 1, of views in standard scores."""
        if views.summary.shape[1] != len(self.weights) or views.tracks.shape[1] != self.filters.shape[1]:
            raise InputError(
                f"Tower: reads {len(self.weights)} numbers and {self.filters.shape[1]} tracks, got "
                f"{views.summary.shape[1]} and {views.tracks.shape[1]}"
            )
        half = self.filters.shape[2] // 2
        padded = np.pad(views.tracks, ((0, 0), (0, 0), (half, half)))
        near = np.lib.stride_tricks.sliding_window_view(padded, self.filters.shape[2], axis=2)  # [n, C, T, L]
        heard = np.einsum("nctl,kcl->nkt", near, self.filters)
        heard = heard - heard.mean(2, keepdims=True)
        return _unit(views.summary @ self.weights + self.bias), _unit(heard.reshape(len(heard), -1))


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


@dataclass(frozen=True, eq=False)
class Towers:
    """Both towers and the `scales` of the two cosines."""

    video: Tower
    music: Tower
    scales: tuple[float, float]

    def scores(self, videos: Views, music: Views) -> np.ndarray:
        """[n, m] how well each piece of music goes with each video; both as measured, standardised here set by set."""
        return self._compare(self.video.embed(videos.standard()), self.music.embed(music.standard()))

    def music_scores(self, music: Views, others: Views) -> np.ndarray:
        """[n, m] how alike two sets of music are to the music tower: the paper's own protocol ranks with these."""
        return self._compare(self.music.embed(music.standard()), self.music.embed(others.standard()))

    def _compare(self, a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        if a[1].shape[1] != b[1].shape[1]:
            raise InputError(f"Towers: both sides must last equally long, got {a[1].shape[1]} and {b[1].shape[1]}")
        return self.scales[0] * a[0] @ b[0].T + self.scales[1] * a[1] @ b[1].T


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Precision at K and mean rank of n queries, with 95 % intervals (bootstrap over queries).

    Each query is asked in `pools` drawn pools of `pool` candidates; precision is the share whose own is among the first
    K. By chance it is K / pool, and the mean rank (pool + 1) / 2.

    `hits` [n, len(RANKS)] and `ranks` [n] are the queries' own means, for comparisons of two systems.
    """

    n: int
    pool: int
    pools: int
    seed: int
    precision: dict[int, float]
    intervals: dict[int, tuple[float, float]]
    chance: dict[int, float]
    mean_rank: float
    rank_interval: tuple[float, float]
    chance_rank: float
    hits: np.ndarray = field(repr=False)
    ranks: np.ndarray = field(repr=False)

    def to_dict(self) -> dict[str, object]:
        """Everything but the queries' own figures, as JSON holds it."""
        named = {name: value for name, value in vars(self).items() if name not in ("hits", "ranks")}
        return {
            name: {str(k): v for k, v in value.items()} if isinstance(value, dict) else value
            for name, value in named.items()
        }


def retrieve(scores: np.ndarray, *, pool: int = POOL, pools: int = POOLS, seed: int = 0) -> Retrieval:
    """`scores` [n, n]: row i ranks all candidates for query i, whose own is i. Equal scores are put in random order.

    Pools hold the query's own candidate and `pool` - 1 others, drawn without replacement, the same for every system of
    n with one seed. InputError where there are fewer candidates than that.
    """
    scores = np.asarray(scores, np.float64)
    n = len(scores)
    if scores.shape != (n, n) or not np.isfinite(scores).all():
        raise InputError(f"retrieve: scores must be finite and [n, n], got {scores.shape}")
    if not 2 <= pool <= n:
        raise InputError(f"retrieve: a pool of {pool} needs as many candidates, there are {n}")
    hits, ranks = np.zeros((n, len(RANKS))), np.zeros(n)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        others = np.delete(np.arange(n), i)
        drawn = others[rng.permuted(np.tile(np.arange(n - 1), (pools, 1)), axis=1)[:, : pool - 1]]
        rival = scores[i, drawn]
        ties = rng.integers(0, (rival == scores[i, i]).sum(1) + 1)
        rank = 1 + (rival > scores[i, i]).sum(1) + ties
        ranks[i] = rank.mean()
        hits[i] = [(rank <= k).mean() for k in RANKS]
    chosen = np.random.default_rng([seed, n, 7]).integers(0, n, (RESAMPLES, n))
    low, high = interval(hits[chosen].mean(1))
    around = interval(ranks[chosen].mean(1))
    return Retrieval(
        n=n,
        pool=pool,
        pools=pools,
        seed=seed,
        precision={k: float(hits[:, i].mean()) for i, k in enumerate(RANKS)},
        intervals={k: (float(low[i]), float(high[i])) for i, k in enumerate(RANKS)},
        chance={k: min(k / pool, 1.0) for k in RANKS},
        mean_rank=float(ranks.mean()),
        rank_interval=(float(around[0]), float(around[1])),
        chance_rank=(pool + 1) / 2,
        hits=hits,
        ranks=ranks,
    )


def derangement(n: int, seed: int) -> np.ndarray:
    """[n] a seeded order in which nobody keeps his place: the music of another video for each. n is at least 2."""
    if n < 2:
        raise InputError(f"derangement: needs at least two, got {n}")
    order = np.random.default_rng([seed, 23]).permutation(n)
    out = np.empty(n, np.int64)
    out[order] = np.roll(order, 1)
    return out


def stack_views(summaries: Sequence[np.ndarray], tracks: Sequence[np.ndarray]) -> Views:
    """Views of things that last equally long."""
    return Views(np.stack(summaries), np.stack(tracks))
