"""Fits the ear of `affect` to VGMIDI's labels, and says how far it can be trusted.

`python -m diffbgm.research.metrics.ear_fit vgmidi.zip` prints the cross-validation and the contents of `ear.json`. The
phrases are only measured; nothing of them enters the package but the six rows of coefficients.
"""

import csv
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError, InputError
from diffbgm.research.metrics.affect import AROUSAL, FEATURES, VALENCE, Ear, Notes, measure
from diffbgm.research.metrics.statistics import interval, rank_auc

PENALTY = 4.0  # ridge penalty on scaled features; between 1 and 16 nothing changes by more than .01
TARGETS = (("valence", VALENCE), ("arousal", AROUSAL))


@dataclass(frozen=True)
class Labelled:
    """`features` [n, F] in the order of FEATURES, `labels` [n, 2] bool (valence, arousal positive), `game` [n]."""

    features: np.ndarray
    labels: np.ndarray
    game: np.ndarray


def read_vgmidi(path: str | Path) -> Labelled:
    """Measure every phrase in a zip that holds `labels.csv` (game, piece, midi, valence, arousal) and the phrases."""
    import pretty_midi

    try:
        with zipfile.ZipFile(path) as archive:
            table = next((name for name in archive.namelist() if name.endswith("labels.csv")), None)
            if table is None:
                raise DataError(f"{path} holds no labels.csv; is it VGMIDI's labelled phrases?")
            rows = list(csv.DictReader(io.StringIO(archive.read(table).decode("utf-8"))))
            folder = table.removesuffix("labels.csv")
            measured = []
            for row in rows:
                midi = pretty_midi.PrettyMIDI(io.BytesIO(archive.read(folder + row["midi"])))
                notes = [n for track in midi.instruments if not track.is_drum for n in track.notes if n.end > n.start]
                measured.append(
                    measure(
                        Notes(
                            np.array([n.start for n in notes]),
                            np.array([n.end - n.start for n in notes]),
                            np.array([n.pitch for n in notes]),
                        )
                    )
                )
    except (OSError, zipfile.BadZipFile, KeyError) as e:
        raise DataError(f"cannot read VGMIDI phrases from {path}: {e}") from e
    labels = np.array([[int(row["valence"]) > 0, int(row["arousal"]) > 0] for row in rows])
    features = np.array([[row[name] for name in FEATURES] for row in measured])
    return Labelled(features, labels, np.array([row["game"] for row in rows]))


def ridge_logistic(x: np.ndarray, y: np.ndarray, penalty: float = PENALTY) -> np.ndarray:
    """[1 + D] bias and weights of a ridge-penalised logistic regression, by Newton's method.

    Both classes weigh the same.

    Minimises sum_i c_i log(1 + exp(-s_i (b + w x_i))) + penalty / 2 |w|^2, c_i = n / (2 n of the class).
    """
    if y.all() or not y.any():
        raise InputError("ridge_logistic: needs both classes")
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    design = np.column_stack([np.ones(len(x)), x])
    ridge = np.diag([0.0, *[penalty] * x.shape[1]])
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (weight * (y - p)) - ridge @ beta
        step = np.linalg.solve((design.T * (weight * p * (1 - p))) @ design + ridge, gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return beta


def fit_ear(path: str | Path) -> Ear:
    """The ear fitted to every phrase of VGMIDI's zip; deterministic."""
    return fit(read_vgmidi(path))


def fit(data: Labelled) -> Ear:
    """The ear fitted to measured phrases, its numbers rounded to five significant digits."""
    names = list(FEATURES)
    mean, scale = data.features.mean(0), np.maximum(data.features.std(0), 1e-9)
    scaled = (data.features - mean) / scale
    weights, biases = [], []
    for k, (_, used) in enumerate(TARGETS):
        beta = ridge_logistic(scaled[:, [names.index(name) for name in used]], data.labels[:, k])
        biases.append(_round(beta[0]))
        weights.append({name: _round(w) for name, w in zip(used, beta[1:], strict=True)})
    sides = np.column_stack([np.ones(len(scaled)), np.where(data.labels, 1.0, -1.0)])
    tilt = np.linalg.lstsq(sides, data.features, rcond=None)[0]  # [3, F]
    return Ear(
        {name: _round(m) for name, m in zip(names, mean, strict=True)},
        {name: _round(s) for name, s in zip(names, scale, strict=True)},
        weights[0],
        weights[1],
        (biases[0], biases[1]),
        {name: (_round(t[0]), _round(t[1]), _round(t[2])) for name, t in zip(names, tilt.T, strict=True)},
    )


def _round(value: float) -> float:
    return float(f"{value:.5g}")


@dataclass(frozen=True)
class Trust:
    """Cross-validated AUC of one target, 95 % interval (bootstrap over phrases); `games`: no game on both sides."""

    target: str
    auc: float
    low: float
    high: float
    games: float
    n: int
    seed: int


def cross_validate(data: Labelled, seed: int = 0, folds: int = 10, repeats: int = 10) -> tuple[Trust, Trust]:
    """How well valence and arousal of phrases unheard are told: `repeats` times `folds`-fold, scores averaged."""
    names = list(FEATURES)
    found = []
    for k, (target, used) in enumerate(TARGETS):
        x, y = data.features[:, [names.index(name) for name in used]], data.labels[:, k]
        rng = np.random.default_rng([seed, k])
        scores = [_held_out(x, y, _folds(np.arange(len(y)), y, folds, rng)) for _ in range(repeats)]
        by_game = [_held_out(x, y, _folds(data.game, y, folds, rng)) for _ in range(repeats)]
        mean = np.mean(scores, axis=0)
        draws = (rng.integers(0, len(y), len(y)) for _ in range(2000))
        aucs = [rank_auc(mean[rows], y[rows]) for rows in draws if 0 < y[rows].sum() < len(rows)]
        low, high = interval(aucs)
        auc, games = (float(np.mean([rank_auc(s, y) for s in each])) for each in (scores, by_game))
        found.append(Trust(target, auc, float(low), float(high), games, len(y), seed))
    return found[0], found[1]


def _folds(groups: np.ndarray, y: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """[n] fold of each row: groups dealt out at random, those with more positives and negatives alike in turn."""
    ids = rng.permutation(np.unique(groups))
    share = np.array([y[groups == i].mean() for i in ids])
    order = ids[np.argsort(share, kind="stable")]
    fold_of = {group: i % folds for i, group in enumerate(order)}
    return np.array([fold_of[group] for group in groups])


def _held_out(x: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """[n] score of each row by a regression that never saw its fold; scaling, too, comes from the others."""
    scores = np.zeros(len(y))
    for k in np.unique(fold):
        train = fold != k
        mean, scale = x[train].mean(0), np.maximum(x[train].std(0), 1e-9)
        beta = ridge_logistic((x[train] - mean) / scale, y[train])
        scores[~train] = beta[0] + (x[~train] - mean) / scale @ beta[1:]
    return scores


def main() -> None:
    """Fits the ear to the VGMIDI zip in argv[1]: cross-validation to stderr, JSON to stdout."""
    data = read_vgmidi(sys.argv[1])
    for trust in cross_validate(data):
        print(
            f"{trust.target}: AUC {trust.auc:.3f} [{trust.low:.3f}, {trust.high:.3f}], over games {trust.games:.3f} "
            f"(n = {trust.n}, 10 x 10-fold, seed {trust.seed})",
            file=sys.stderr,
        )
    print(fit(data).to_json(), end="")


if __name__ == "__main__":
    main()
