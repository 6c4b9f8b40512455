"""Fits the director of `planner.director` to MuVi-Sync, and says honestly how far it can be trusted.

Every figure is from outer folds that neither the regression nor the choice of its ridge has seen; beside it stands
ridge regression on plain means over the same folds, and the difference of the two with a bootstrap
interval over videos.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.errors import DataError
from diffbgm.planner.director import (
    SECTION_INPUTS,
    SPREAD,
    TARGETS,
    VIEWS,
    Director,
    Footage,
    Head,
    View,
    lift,
    save_director,
    summarise,
)
from diffbgm.research.datasets.muvisync import MusicVideo, find_music_videos, read_music_videos
from diffbgm.research.datasets.stretches import SPAN, cut_stretches, fit_scenes, held_out

OnProgress = Callable[[float, str], None]
SHIPPED: tuple[View, ...] = ("clip", "words")  # motion and cutting alone say next to nothing of a short clip
RIDGES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # of the kernel regression, per unit of mean kernel diagonal
BASE_RIDGES = tuple(10.0 ** np.arange(-1, 5.1, 0.5))  # of the baseline, on standardised inputs
WAVES: dict[View, int] = {"clip": 4096, "words": 1024, "motion": 256}
REACH: dict[View, float] = {"clip": 1.0, "words": 0.5, "motion": 0.3}  # |x - y|^2 times this over its median
LINEAR_SHARE: dict[View, float] = {"clip": 0.3, "words": 0.0, "motion": 0.0}  # of the linear kernel beside the Gaussian
LEAST_R = 0.1  # of a target that a view says anything about
FOLDS, INNER = 10, 5
DRAWS = 2000  # of the bootstrap
FEWEST = 40  # videos
EXCERPT = 30  # seconds: about the length of the clips that people score


@dataclass(frozen=True)
class DirectorOptions:
    """`repeats`: how often the videos are dealt into folds anew; `seed` decides the folds and the frequencies."""

    seed: int = 0
    repeats: int = 3


def train_director(
    data: Path | str,
    out: Path | str,
    *,
    options: DirectorOptions | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Reads MuVi-Sync in `data`, cross-validates, fits to everything, and writes `out` (.safetensors) and its .json.

    Returns the contents of the .json. Raises DataError for data that is not in the layout, or fewer than 40 videos.
    """
    options = options or DirectorOptions()
    tell = on_progress or (lambda fraction, message: None)
    labels, features = find_music_videos(data)
    videos = read_music_videos(labels, features, lambda f, m: tell(0.3 * f, m))
    figures = validate(videos, options=options, on_progress=lambda f, m: tell(0.3 + 0.6 * f, m))
    tell(0.9, "fitting to all videos")
    y = labels_of(videos)
    heads: dict[View, Head] = {}
    for view in SHIPPED:
        if view not in figures["views"]:
            continue
        ridges = [row["ridge"] for row in figures["views"][view]["targets"].values()]
        head = fit_head(summaries_of(videos, view), y, view, ridges, options.seed)
        weak = [row["r"] < LEAST_R for row in figures["views"][view]["targets"].values()]
        head.weights[:, weak] = 0.0
        head.bias[weak] = head.label_mean[weak]
        heads[view] = head
    scenes, inside = train_scenes(videos, y.std(0), options.seed)
    card = {
        "what": "levels of density and loudness and the probability of a minor key, from what a video looks like",
        "source": "MuVi-Sync (Kang, Poria & Herremans, Video2Music, 2024). Its licence could not be confirmed: "
        "this file is separate from the model and can be left out; diffbgm then plans without it.",
        "kept": list(heads),
        **figures,
        **({} if inside is None else {"scenes": inside}),
    }
    save_director(Director(heads, scenes), out, card)
    tell(1.0, "fitted the director")
    return card


def train_scenes(
    videos: Sequence[MusicVideo], scale: np.ndarray, seed: int
) -> tuple[np.ndarray | None, dict[str, Any] | None]:
    """(`Director.scenes` or None, figures on videos unheard of): changes from scene to scene.

    They are fitted where there are embeddings and both targets can be predicted.

    `scale` [3]: standard deviations of the labels over videos. Regression alone would say little of anything; here
    it is stretched until scenes differ as much as they do in music videos.
    """
    stretches = cut_stretches(videos)
    if stretches.inputs.shape[1] == len(SECTION_INPUTS) or len(np.unique(stretches.owner)) < FEWEST:
        return None, None
    said = held_out(stretches, seed)
    r = row_r(said.T, stretches.levels.T)
    if (r < LEAST_R).any():
        return None, None
    weights = fit_scenes(stretches)
    spread = stretches.levels.std(0) / np.maximum((stretches.inputs @ weights).std(0), 1e-9)
    figures = {"n": len(stretches.owner), "seconds": SPAN, **dict(zip(TARGETS, map(float, r), strict=False))}
    return weights * spread / scale[:2] / SPREAD, figures


def labels_of(videos: Sequence[MusicVideo]) -> np.ndarray:
    """[n, 3] TARGETS: mean notes a second, mean loudness, 1 where the key is minor."""
    return np.array([[v.density.mean(), v.loudness.mean(), float(v.minor)] for v in videos])


def summaries_of(videos: Sequence[MusicVideo], view: View) -> np.ndarray:
    """[n, F] of the videos' footage; DataError where one lacks that view."""
    rows = [summarise(v.footage, view) for v in videos]
    if missing := [v.id for v, row in zip(videos, rows, strict=True) if row is None]:
        raise DataError(f"no {view} features for video {missing[0]} ({len(missing)} in all)")
    return np.stack([row for row in rows if row is not None])


def fit_head(x: np.ndarray, y: np.ndarray, view: View, ridges: Sequence[float], seed: int) -> Head:
    """The regression of labels y [n, 3] on summaries x [n, F], a ridge for each target."""
    mean, scale = standard_of(x, view)
    standard = (x - mean) / scale
    spread, linear = kernel_of(standard, view)
    z = lift(standard, seed, WAVES[view], spread, linear)
    middle = y.mean(0)
    gram = z @ z.T
    unit = np.trace(gram) / len(gram)
    weights = np.stack(
        [z.T @ np.linalg.solve(gram + r * unit * np.eye(len(x)), y[:, k] - middle[k]) for k, r in enumerate(ridges)], 1
    )
    scalars = (np.array(seed), np.array(spread), np.array(linear))
    return Head(mean, scale, *scalars, weights, middle, middle.copy(), np.maximum(y.std(0), 1e-6))


def standard_of(x: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """(mean, scale), each [F]: embeddings keep their proportions, everything else becomes standard scores."""
    scale = x.std(0) + 1e-6
    return x.mean(0), np.full(x.shape[1], float(np.sqrt((scale**2).mean()))) if view == "clip" else scale


def kernel_of(x: np.ndarray, view: View) -> tuple[float, float]:
    """(spread of the frequencies, weight of the linear part) of the kernel for standardised x [n, F].

    The kernel is exp(-REACH d^2 / median d^2) + a x y.
    """
    squares = (x**2).sum(1)
    distances = squares[:, None] + squares - 2 * x @ x.T
    middle = max(float(np.median(distances[np.triu_indices(len(x), 1)])), 1e-9)
    return float(np.sqrt(2 * REACH[view] / middle)), float(np.sqrt(LINEAR_SHARE[view] / max(squares.mean(), 1e-9)))


# --- how far it can be trusted -------------------------------------------------------------------------------------


def validate(
    videos: Sequence[MusicVideo],
    *,
    views: Sequence[View] = VIEWS,
    options: DirectorOptions | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Nested cross-validation of every view the videos have.

    For each target: r with its 95 % interval, that of ridge regression on plain means over the same folds, their
    difference with its interval, what is left of r when only 30 s are seen, and the ridge chosen on all videos.
    """
    options = options or DirectorOptions()
    if len(videos) < FEWEST:
        raise DataError(f"{len(videos)} videos are too few to fit a director to; at least {FEWEST} are needed")
    views = [view for view in views if all(summarise(v.footage, view) is not None for v in videos)]
    tell = on_progress or (lambda fraction, message: None)
    y = labels_of(videos)
    found: dict[str, Any] = {}
    for i, view in enumerate(views):
        tell(i / len(views), f"cross-validating with {view}")
        x = summaries_of(videos, view)
        plain, pieces = plain_of(videos, view), [excerpt(v, k) for k, v in enumerate(videos)]
        short, own = summaries_of(pieces, view), labels_of(pieces)
        ours, theirs, parts = (np.zeros((options.repeats, *y.shape)) for _ in range(3))
        for repeat in range(options.repeats):
            for test, train in deal(len(x), FOLDS, options.seed + repeat):
                ridges = choose_ridges(x[train], y[train], view, options.seed)
                head = fit_head(x[train], y[train], view, ridges, options.seed)
                ours[repeat, test] = head.predict(x[test])
                parts[repeat, test] = head.predict(short[test])
                theirs[repeat, test] = baseline(plain[train], y[train], plain[test], options.seed)
            tell((i + (repeat + 1) / options.repeats) / len(views), f"cross-validating with {view}")
        chosen = choose_ridges(x, y, view, options.seed)
        rows = {}
        for k, target in enumerate(TARGETS):
            rows[target] = {
                **compare(ours[..., k], theirs[..., k], y[:, k], options.seed),
                "r from 30 s of pictures": mean_r(parts[..., k], y[:, k]),
                "r of 30 s of music, from those 30 s": mean_r(parts[..., k], own[:, k]),
                "r of 30 s of music, from the whole video": mean_r(ours[..., k], own[:, k]),
                "ridge": chosen[k],
            }
        found[view] = {"inputs": x.shape[1], "targets": rows}
    how = f"{FOLDS} outer and {INNER} inner folds over videos, dealt {options.repeats} times; r pooled over folds"
    return {"n": len(videos), "seed": options.seed, "how": how, "views": found}


def plain_of(videos: Sequence[MusicVideo], view: View) -> np.ndarray:
    """[n, F] what the baseline looks at: means, and nothing else, of embedding, or of affect, motion and cutting."""
    if view == "clip":
        return summaries_of(videos, view)
    rows = []
    for footage in (v.footage for v in videos):
        words = footage.words.mean(0) if view == "words" and footage.words is not None else np.zeros(0)
        rows.append([*words, footage.motion.mean(), float((footage.since_cut[1:] == 0).mean())])
    return np.array(rows)


def excerpt(video: MusicVideo, number: int) -> MusicVideo:
    """EXCERPT seconds from somewhere in the video, the place drawn from its number."""
    whole = video.footage
    start = int(np.random.default_rng([number, 3]).integers(max(1, len(whole.motion) - EXCERPT)))
    cut = slice(start, start + EXCERPT)
    clip = whole.clip
    if clip is not None:  # an embedding every two seconds
        first = min(start // 2, len(clip) - 1)
        clip = clip[first : first + EXCERPT // 2]
    words = None if whole.words is None else whole.words[cut]
    footage = Footage(whole.motion[cut], whole.since_cut[cut], words, clip)
    return MusicVideo(video.id, footage, video.density[cut], video.loudness[cut], video.minor, video.chord[cut])


def choose_ridges(x: np.ndarray, y: np.ndarray, view: View, seed: int) -> list[float]:
    """For each target the ridge whose predictions on inner folds have the least squared error."""
    mean, scale = standard_of(x, view)
    standard = (x - mean) / scale
    z = lift(standard, seed, WAVES[view], *kernel_of(standard, view))
    gram = z @ z.T
    unit = np.trace(gram) / len(gram)
    errors = np.zeros((len(RIDGES), y.shape[1]))
    for test, train in deal(len(x), INNER, seed + 1000):
        middle = y[train].mean(0)
        values, vectors = np.linalg.eigh(gram[np.ix_(train, train)])
        turned = vectors.T @ (y[train] - middle)
        across = gram[np.ix_(test, train)] @ vectors
        for i, ridge in enumerate(RIDGES):
            guess = across @ (turned / (values + ridge * unit)[:, None]) + middle
            errors[i] += ((guess - y[test]) ** 2).sum(0)
    return [RIDGES[i] for i in errors.argmin(0)]


def baseline(x: np.ndarray, y: np.ndarray, wanted: np.ndarray, seed: int) -> np.ndarray:
    """[m, 3] ridge regression on standardised inputs, its ridge chosen on inner folds for each target."""
    mean, scale = x.mean(0), x.std(0) + 1e-6
    x, wanted = (x - mean) / scale, (wanted - mean) / scale
    gram = x @ x.T
    errors = np.zeros((len(BASE_RIDGES), y.shape[1]))
    for test, train in deal(len(x), INNER, seed + 1000):
        middle = y[train].mean(0)
        values, vectors = np.linalg.eigh(gram[np.ix_(train, train)])
        turned = vectors.T @ (y[train] - middle)
        across = gram[np.ix_(test, train)] @ vectors
        for i, ridge in enumerate(BASE_RIDGES):
            errors[i] += ((across @ (turned / (values + ridge)[:, None]) + middle - y[test]) ** 2).sum(0)
    out = np.zeros((len(wanted), y.shape[1]))
    middle = y.mean(0)
    values, vectors = np.linalg.eigh(gram)
    across = wanted @ x.T @ vectors
    for k, i in enumerate(errors.argmin(0)):
        out[:, k] = across @ ((vectors.T @ (y[:, k] - middle[k])) / (values + BASE_RIDGES[i])) + middle[k]
    return out


def deal(n: int, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(test, train) indices of every fold."""
    order = np.random.default_rng([seed, 11]).permutation(n)
    return [(np.sort(order[i::folds]), np.sort(np.delete(order, np.s_[i::folds]))) for i in range(folds)]


def row_r(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[m] Pearson's r of the rows of a and b, each [m, n]; 0 where one does not vary."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(norm > 1e-12, (a * b).sum(1) / np.maximum(norm, 1e-12), 0.0)


def mean_r(predicted: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r of predictions [repeats, n] and labels [n], mean over repeats."""
    return float(row_r(predicted, np.broadcast_to(y, predicted.shape)).mean())


def compare(ours: np.ndarray, theirs: np.ndarray, y: np.ndarray, seed: int) -> dict[str, Any]:
    """The r of both predictions [repeats, n], with 95 % bootstrap intervals over videos.

    The intervals are of ours and of the difference.
    """
    rng = np.random.default_rng([seed, 13])
    drawn = rng.integers(len(y), size=(DRAWS, len(y)))
    deals = rng.integers(len(ours), size=DRAWS)[:, None]
    mine_drawn, base_drawn = (row_r(guess[deals, drawn], y[drawn]) for guess in (ours, theirs))
    gain = mine_drawn - base_drawn
    mine, base = mean_r(ours, y), mean_r(theirs, y)
    return {
        "r": mine,
        "interval": [float(q) for q in np.quantile(mine_drawn, (0.025, 0.975))],
        "ridge regression": base,
        "difference": mine - base,
        "difference interval": [float(q) for q in np.quantile(gain, (0.025, 0.975))],
    }
