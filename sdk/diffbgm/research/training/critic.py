"""Fits the critic: what tells windows of training songs from windows composed under their plans."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.critic.features import look_at
from diffbgm.critic.model import Critic, save_critic
from diffbgm.options import FEW_TAKES, ComposeOptions
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.pop909 import is_validation, read_songs
from diffbgm.research.datasets.windows import Sampling, Window, prepare, whole_windows
from diffbgm.research.metrics.descriptors import describe_all
from diffbgm.research.metrics.statistics import interval, resampled_groups
from diffbgm.research.metrics.twosample import two_sample

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier

    from diffbgm.composer import Denoiser

BARS = 8
FOLDS = 5  # of a judge
DRAWS = 1000  # of a bootstrap
COUNTS = (1, 2, 4, FEW_TAKES, 8, 16)  # of takes to choose from
JUDGES = 5  # fitted afresh, whose means are stated: one alone is a matter of luck
TREES, RATE, SHARE = 600, 0.03, 0.5  # of the boosting: trees, how far each counts, of the windows that each sees


def fit(composed: np.ndarray, songs: np.ndarray) -> Critic:
    """A critic from the cells of composed and of songs' windows, each [n, 4, T, 88]."""
    return fit_rows(features_of(composed), features_of(songs))


def features_of(windows: np.ndarray) -> np.ndarray:
    """[n, F] features of windows [n, 4, T, 88]."""
    return np.array([look_at(cells) for cells in windows])


def fit_rows(composed: np.ndarray, songs: np.ndarray, seed: int = 0) -> Critic:
    """A critic from features [n, F] of composed and [m, F] of songs' windows."""
    from sklearn.ensemble import GradientBoostingClassifier

    rows = np.concatenate([composed, songs])
    labels = np.repeat([0, 1], [len(composed), len(songs)])
    boosted = GradientBoostingClassifier(
        n_estimators=TREES, learning_rate=RATE, subsample=SHARE, max_features="sqrt", random_state=seed
    ).fit(rows, labels)
    return critic_of(boosted, float(np.log(len(songs) / len(composed))))


def critic_of(boosted: "GradientBoostingClassifier", bias: float) -> Critic:
    """The trees of a boosting that starts from `bias`, in the critic's own layout."""
    parts = [tree.tree_ for tree in boosted.estimators_[:, 0]]
    edges = np.cumsum([0, *(part.node_count for part in parts)])

    def joined(name: str) -> np.ndarray:
        """[M] where a node leads; a leaf to itself."""
        here = [np.arange(part.node_count) for part in parts]
        ways = [getattr(part, name) for part in parts]
        return np.concatenate([e + np.where(w < 0, h, w) for e, w, h in zip(edges, ways, here, strict=False)])

    feature = np.concatenate([np.where(part.children_left < 0, -1, part.feature) for part in parts])
    threshold = np.concatenate([part.threshold for part in parts])
    value = RATE * np.concatenate([part.value[:, 0, 0] for part in parts])
    floor = threshold.astype(np.float32)  # rows are float32: one that is at most the threshold is at most this
    floor = np.where(floor > threshold, np.nextafter(floor, np.float32(-np.inf)), floor)
    return Critic(edges[:-1], feature, floor, joined("children_left"), joined("children_right"), value, bias)


def train_critic(
    model: "Denoiser",
    data: Path | str,
    out: Path,
    *,
    n: int = 960,
    n_validation: int = 96,
    takes: int = 8,
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Composes windows under the plans of training songs, fits a critic, and measures it on validation songs.

    Args:
        model: The denoiser whose takes are to be ranked.
        data: POP909 as an archive or a folder.
        out: The file of the critic.
        n: Training windows of each kind.
        n_validation: Windows of validation songs, each composed `takes` times.
        takes: Takes that the critic chooses from.
        options: Of composing; the seed draws everything.
        on_progress: Called with (fraction 0..1, message).

    Returns:
        What was measured, see `measure`.

    Raises:
        DataError: The songs cannot be read.

    """
    options, told = options or ComposeOptions(), on_progress or silent
    songs = read_songs(data)
    drawn: dict[bool, tuple[list[Window], list[str]]] = {}
    for validation, count in ((False, n), (True, n_validation)):
        pieces = [prepare(s) for s in songs if is_validation(s.id) == validation and s.bars >= BARS]
        rows = whole_windows(pieces, count, BARS, np.random.default_rng([options.seed, 2]), Sampling.plain())
        drawn[validation] = [window for _, _, window in rows], [pieces[i].id for i, _, _ in rows]
    windows = drawn[False][0]
    composed = sample_windows(model, windows, options, part_of(told, 0.0, n / (n + n_validation * takes)))
    critic = fit(composed, np.stack([w.cells for w in windows]))
    tried: list[np.ndarray] = []
    for take in range(takes):
        seed = ComposeOptions(**{**vars(options), "seed": options.seed + 1 + take})
        tried.append(sample_windows(model, drawn[True][0], seed, silent))
        told((n + n_validation * (take + 1)) / (n + n_validation * takes), f"take {take + 1} of {takes}")
    card = measure(critic, np.stack(tried), np.stack([w.cells for w in drawn[True][0]]), drawn[True][1])
    card |= {"n": n, "steps": options.steps, "seed": options.seed, "data": "POP909, songs that are not for validation"}
    save_critic(critic, out, card)
    return card


def measure(
    critic: Critic, tried: np.ndarray, songs: np.ndarray, owner: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """How well a classifier that is fitted afresh, on other descriptors, tells the critic's choice from songs.

    Args:
        critic: That chooses.
        tried: [takes, n, 4, T, 88] windows composed under the plans of `songs`.
        songs: [n, 4, T, 88].
        owner: [n] the song of each; the judge never has one song on both sides of a split.
        seed: Of the first judge; `JUDGES` of them judge, each with the seed after.

    Returns:
        By number of takes the AUC with its 95 % interval: means over the judges, and over groups of so many takes, each
        from one take on, after the last of which comes the first.

    """
    judged = np.stack([describe_all(one) for one in tried])
    reference = describe_all(songs)
    scores = np.array([[critic.judge(cells) for cells in one] for one in tried])
    groups = (np.array(owner), np.array(owner))
    auc: dict[str, list[float]] = {}
    total = len(tried)
    for count in (k for k in COUNTS if k <= total):
        rows = [[(first + k) % total for k in range(count)] for first in range(total if count < total else 1)]
        found = [
            two_sample(best_of(scores, judged, row), reference, groups=groups, seed=seed + judge)
            for row in rows
            for judge in range(JUDGES)
        ]
        auc[str(count)] = [round(float(np.mean([getattr(f, n) for f in found])), 3) for n in ("auc", "low", "high")]
    shares = [in_better_half(scores, judged, reference, owner, seed + judge) for judge in range(JUDGES)]
    better = [round(float(value), 3) for value in np.mean(shares, axis=0)]
    return {
        "auc of a fresh judge by takes, 95 % interval": auc,
        "share of choices in a fresh judge's better half, 95 % interval": better,
        "n_validation": len(songs),
        "songs": len(set(owner)),
    }


def best_of(scores: np.ndarray, judged: np.ndarray, takes: Sequence[int]) -> np.ndarray:
    """[n, D] descriptors of the critic's choice among some takes of each window.

    Args:
        scores: [takes, n] of the critic.
        judged: [takes, n, D] descriptors.
        takes: Numbers of the takes to choose from.

    """
    which = np.array(takes)[scores[list(takes)].argmax(0)]
    return judged[which, np.arange(judged.shape[1])]


def in_better_half(
    scores: np.ndarray, judged: np.ndarray, reference: np.ndarray, owner: Sequence[str], seed: int = 0
) -> tuple[float, float, float]:
    """How often the critic's choice lies in the better half of the takes to a judge that is fitted afresh.

    Args:
        scores: [takes, n] of the critic; the highest is its choice.
        judged: [takes, n, D] descriptors of the takes.
        reference: [n, D] descriptors of the songs.
        owner: [n] the song of each; the judge of a song never learned from it.
        seed: Of the judge, and of the draws.

    Returns:
        The share of the n windows, half a window where the choice is the judge's median, and its 95 % interval by
        bootstrap over songs. Chance is 0.5.

    """
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.model_selection import GroupKFold

    takes, n, width = judged.shape
    songlike = np.zeros((takes, n))
    for known, new in GroupKFold(FOLDS).split(reference, groups=owner):
        rows = np.concatenate([judged[:, known].reshape(-1, width), reference[known]])
        labels = np.repeat([0, 1], [takes * len(known), len(known)])
        weights = np.where(labels == 1, 1.0, 1.0 / takes)
        judge = GradientBoostingClassifier(random_state=seed, subsample=0.8, max_features="sqrt")
        judge.fit(rows, labels, sample_weight=weights)
        songlike[:, new] = judge.decision_function(judged[:, new].reshape(-1, width)).reshape(takes, len(new))
    chosen = songlike[scores.argmax(0), np.arange(n)]
    median = np.median(songlike, axis=0)
    better = (chosen > median) + 0.5 * (chosen == median)
    draws = resampled_groups(owner, np.random.default_rng([seed, 59]), DRAWS)
    return float(better.mean()), *interval([better[rows].mean() for rows in draws])
