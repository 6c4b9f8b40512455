"""How near composed windows come to real ones: every row of the model's table that needs nothing but rolls.

`measure_model` compares windows composed under the curves of real ones with those real ones. It returns a plain dict
that goes into JSON as it is; `model_report` makes tables of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from diffbgm.errors import InputError
from diffbgm.research.metrics.agreement import curve_agreement, mode_agreement
from diffbgm.research.metrics.cells import as_windows
from diffbgm.research.metrics.copies import copies, training_set
from diffbgm.research.metrics.descriptors import DESCRIPTORS, describe_all, harsh_pairs
from diffbgm.research.metrics.overlap import self_similarity
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.statistics import resampled_groups
from diffbgm.research.metrics.twosample import TwoSample, effects, real_against_real, two_sample
from diffbgm.roll import measure_curves
from diffbgm.types import Curves

MEASURES: dict[str, str] = {  # descriptor: its name in the table
    "pche": "pitch class histogram entropy (PCHE), bits",
    "groove": "grooving pattern similarity (GPS)",
    "melody_onsets": "melody onsets per bar",
    "accompaniment_onsets": "accompaniment onsets per bar",
    "in_scale": "onsets in the best major scale",
    "harsh": "harsh pairs struck together in the accompaniment",
}


def measure_model(
    generated: ArrayLike,
    reference: ArrayLike,
    *,
    training: Iterable[ArrayLike] | None = None,
    requested: Sequence[Curves] | None = None,
    asked_major: Sequence[bool] | None = None,
    songs: Sequence[int] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Every measure of `generated` [n, 4, T, 88] beside the real windows `reference` [n, 4, T, 88].

    `generated` followed the curves of `reference`.

    training     training pieces as cells: whose melodies are looked for (left out: no copies row).
    requested    the n curves that were asked for; without them the reference's own are taken as the request.
    asked_major  [n] the mode that was asked for, True for major (left out: no mode row).
    songs        [n] the song each pair belongs to. The two-sample test then keeps a song on one side of every split.
                 Without it each pair counts as a song of its own.
    """
    a, b = as_windows(generated), as_windows(reference)
    if a.shape != b.shape:
        raise InputError(f"measure_model: generated {a.shape} and reference {b.shape} must have one shape")
    groups = np.arange(len(a)) if songs is None else np.asarray(songs)
    if groups.shape != (len(a),):
        raise InputError(f"measure_model: {groups.shape} songs for {len(a)} windows")
    names = list(DESCRIPTORS)
    x, y = describe_all(a), describe_all(b)
    test = two_sample(x, y, groups=(groups, groups), seed=seed)
    result: dict[str, Any] = {
        "n": len(a),
        "songs": len(np.unique(groups)),
        "seed": seed,
        "measures": _measures(names, x, y, groups, seed),
        "harsh_pairs_pooled": [_pooled_harsh(a), _pooled_harsh(b)],
        "two_sample": _without_importance(test),
        "two_sample_songs_mixed": _without_importance(two_sample(x, y, seed=seed)),
        "real_against_real": _without_importance(real_against_real(y, groups=groups, seed=seed)),
        "descriptors": len(names),
        "effects": [asdict(effect) for effect in effects(names, x, y, test.importance)],
    }
    if a.shape[2] >= 96:
        result["overlap"] = asdict(self_similarity(a, b))
    if training is not None:
        known = training_set(training)
        result["copies"] = {
            "generated": asdict(copies(a, known, seed=seed)),
            "reference": asdict(copies(b, known, seed=seed)),
        }
    asked = requested if requested is not None else [measure_curves(window) for window in b]
    result["agreement"] = curve_agreement(asked, a)
    if asked_major is not None:
        result["mode"] = {
            "played": asdict(mode_agreement(asked_major, a)),
            "reference": asdict(mode_agreement(asked_major, b)),
        }
    return result


def _without_importance(test: TwoSample) -> dict[str, Any]:
    return {name: value for name, value in asdict(test).items() if name != "importance"}


def _pooled_harsh(windows: np.ndarray) -> float:
    """Harsh share over the pairs of all windows at once: a window counts by how many chords it has."""
    harsh, together = np.sum([harsh_pairs(window[2]) for window in windows], axis=0)
    return float(harsh / together) if together else 0.0


def _measures(
    names: list[str], x: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int
) -> dict[str, dict[str, Any]]:
    """Mean, spread and difference of MEASURES, with a 95 % interval (bootstrap over songs)."""
    rng = np.random.default_rng(seed)
    draws = resampled_groups(groups, rng, 1000)
    result = {}
    for name, title in MEASURES.items():
        i = names.index(name)
        g, r = float(x[:, i].mean()), float(y[:, i].mean())
        gaps = [x[rows, i].mean() - y[rows, i].mean() for rows in draws]
        result[name] = {
            "title": title,
            "generated": g,
            "generated_spread": float(x[:, i].std()),
            "reference": r,
            "reference_spread": float(y[:, i].std()),
            "gap": g - r,
            "gap_low": float(np.quantile(gaps, 0.025)),
            "gap_high": float(np.quantile(gaps, 0.975)),
        }
    return result


def model_report(result: dict[str, Any]) -> Report:
    """`measure_model`'s dict as tables: the measures, and what the classifier sees."""
    n, rows = result["n"], []
    for m in result["measures"].values():
        both = [f"{m[side]:.3f} ± {m[side + '_spread']:.3f}" for side in ("generated", "reference")]
        between = f"{m['gap']:+.3f} [{m['gap_low']:+.3f}, {m['gap_high']:+.3f}]"
        rows.append((m["title"], both[0], both[1], between, n))
    test, real = result["two_sample"], result["real_against_real"]
    rows.append(
        (
            f"two-sample AUC, {result['descriptors']} descriptors",
            _auc(test),
            f"real/real {_auc(real)}",
            "",
            n,
        )
    )
    if "copies" in result:
        g, r = result["copies"]["generated"], result["copies"]["reference"]
        shares = [f"{c['share']:.3f} [{c['low']:.3f}, {c['high']:.3f}]" for c in (g, r)]
        rows.append(
            ("8-note melody n-grams found in training", *shares, f"{g['share'] - r['share']:+.3f}", g["ngrams"])
        )
    density = result["agreement"]["density"]
    rows.append(("density asked against played, bar by bar, r", f"{density:.3f}", "", "", n))
    if "mode" in result:
        played, truth = result["mode"]["played"], result["mode"]["reference"]
        rows.append(("mode asked against heard", f"{played['share']:.3f}", f"{truth['share']:.3f}", "", n))
    mixed = result["two_sample_songs_mixed"]["auc"]
    main = Table(
        "Composed windows beside real ones",
        ("measure", "composed", "real", "difference [95 %]", "n"),
        tuple(rows),
        f"n = {n} windows of {result['songs']} songs, seed {result['seed']}; intervals: bootstrap over songs; "
        f"real/real: range over halvings. The AUC keeps a song on one side of "
        f"each split; with songs mixed it is {mixed:.3f}.",
    )
    seen = Table(
        "What the classifier sees",
        ("descriptor", "composed", "real", "spread", "effect d", "AUC", "importance", "meaning"),
        tuple(
            (
                e["name"],
                e["generated"],
                e["reference"],
                e["spread"],
                e["d"],
                e["auc"],
                e["importance"],
                DESCRIPTORS[e["name"]],
            )
            for e in result["effects"][:20]
        ),
        "d: difference of means over the pooled standard deviation; the 20 largest.",
    )
    asked = Table(
        "Asked against played, bar by bar",
        ("curve", "correlation"),
        tuple(result["agreement"].items()),
        f"n = {n} windows.",
    )
    return Report("Model", result["seed"], (main, seen, asked), result)


def _auc(test: dict[str, Any]) -> str:
    return f"{test['auc']:.3f} [{test['low']:.3f}, {test['high']:.3f}]"
