"""Systems side by side under the plans of songs: the songs themselves, models, and music dealt to other plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.errors import DataError
from diffbgm.hub import Origin
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.compose_windows import sample_windows
from diffbgm.research.datasets.pop909 import is_validation, read_songs
from diffbgm.research.datasets.windows import prepare
from diffbgm.research.evaluation.model import BARS, FOLDS, draw, majors_asked
from diffbgm.research.metrics.agreement import curve_agreement, mode_agreement
from diffbgm.research.metrics.descriptors import DESCRIPTORS, describe_all
from diffbgm.research.metrics.overlap import self_similarity
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.retrieval import derangement
from diffbgm.research.metrics.structure import SCALES, structure_indicators
from diffbgm.research.metrics.twosample import real_against_real, two_sample
from diffbgm.types import Curves

if TYPE_CHECKING:
    from diffbgm.composer import Config, Denoiser
    from diffbgm.pipeline import DiffBGM

TRUTH, OURS, DEALT, UNTRAINED = "real songs", "this model", "this model, dealt to other plans", "untrained model"


def untrained(config: "Config", seed: int) -> "DiffBGM":
    """The same network with random weights, its last layer drawn too.

    A fresh last layer is 0 and writes nothing. Drawn, the network writes some 22 onsets a bar in no order, about as
    many as songs have.
    """
    import torch

    from diffbgm import __version__
    from diffbgm.composer import Denoiser
    from diffbgm.pipeline import DiffBGM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Denoiser(config).eval()
        torch.nn.init.kaiming_uniform_(model.head.weight, a=5**0.5)
    return DiffBGM(model, Origin("untrained", __version__, ""))


def evaluate_systems(
    model: "Denoiser",
    baseline: "Denoiser",
    data: Path | str,
    *,
    n: int = 100,
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """`n` windows of POP909's validation songs, and as many by both models for their plans, each measured alike."""
    progress = on_progress or silent
    options = options or ComposeOptions()
    songs = [s for s in read_songs(data, part_of(progress, 0.0, 0.1)) if is_validation(s.id) and s.bars >= BARS]
    if not songs:
        raise DataError(f"{data}: holds no validation song of {BARS} bars")
    windows, requested, owner = draw([prepare(song) for song in songs], n, options.seed)
    real = np.stack([w.cells for w in windows])
    ours = sample_windows(model, windows, options, part_of(progress, 0.1, 0.5))
    random = sample_windows(baseline, windows, options, lambda f, m: progress(0.5 + 0.4 * f, f"untrained model: {m}"))
    progress(0.92, "measuring")
    looks = {TRUTH: look_at(real), OURS: look_at(ours), UNTRAINED: look_at(random)}
    looks = {
        TRUTH: looks[TRUTH],
        OURS: looks[OURS],
        DEALT: deal(looks[OURS], options.seed),
        UNTRAINED: looks[UNTRAINED],
    }
    return systems_report(looks, requested, majors_asked(windows), owner, options.seed)


@dataclass(frozen=True, eq=False)
class Looks:
    """n windows [n, 4, T, 88] with what each of them measures by itself: `descriptors` [n, D], `structure` [n, 3]."""

    cells: np.ndarray
    descriptors: np.ndarray
    structure: np.ndarray


def look_at(cells: np.ndarray) -> Looks:
    """Measures descriptors and structure indicators of windows [n, 4, T, 88]."""
    structure = np.array([list(structure_indicators(window).values()) for window in cells])
    return Looks(cells, describe_all(cells), structure)


def deal(looks: Looks, seed: int) -> Looks:
    """The same windows, each in the place of another."""
    order = derangement(len(looks.cells), seed)
    return Looks(looks.cells[order], looks.descriptors[order], looks.structure[order])


def systems_report(
    systems: Mapping[str, Looks], requested: Sequence[Curves], asked: Sequence[bool], owner: Sequence[int], seed: int
) -> Report:
    """One column a system; the real windows stand under TRUTH. `asked` [n]: whether a window was to be in major."""
    real = systems[TRUTH]
    n, songs = len(real.cells), len(set(owner))
    groups = np.asarray(owner) if songs >= 2 * FOLDS else np.arange(n)
    found = {name: _measured(looks, real, requested, asked, groups, seed) for name, looks in systems.items()}
    names = list(next(iter(found.values())))
    rows = tuple((measure, *(found[system][measure] for system in systems)) for measure in names)
    note = (
        f"n = {n} windows of {BARS} bars of {songs} songs the model never saw, seed {seed}. Nearer to "
        "the real songs is better. Overlapping areas: 1 is best, against the real windows. AUC: a classifier between "
        "the system and real windows, .5 is best; for real songs, of halves of them. Chance for the density's r is 0"
    )
    column = list(DESCRIPTORS).index("pche")
    values = {name: looks.descriptors[:, column].tolist() for name, looks in systems.items()}
    return Report(
        "Systems",
        seed,
        (Table("Systems side by side", ("measure", *systems), rows, note),),
        {"n": n, "systems": found, "pche": values},
    )


def _measured(
    looks: Looks, real: Looks, requested: Sequence[Curves], asked: Sequence[bool], groups: np.ndarray, seed: int
) -> dict[str, Any]:
    mean = dict(zip(DESCRIPTORS, looks.descriptors.mean(0), strict=True))
    structure = looks.structure.mean(0)
    filled = bool(looks.cells[:, 0::2].any((1, 2, 3)).all())
    overlap = self_similarity(looks.cells, real.cells) if filled else None
    if looks is real:
        auc = real_against_real(real.descriptors, groups=groups, seed=seed).auc
    else:
        auc = two_sample(looks.descriptors, real.descriptors, groups=(groups, groups), seed=seed).auc
    return {
        "PCHE over 8 bars, bits": mean["pche"],
        "GPS": mean["groove"],
        **{f"structure indicator, {scale}": float(structure[i]) for i, scale in enumerate(SCALES)},
        "melody onsets a bar": mean["melody_onsets"],
        "accompaniment onsets a bar": mean["accompaniment_onsets"],
        "onsets in the best major scale": mean["in_scale"],
        "harsh pairs": mean["harsh"],
        "overlapping area, pitch": None if overlap is None else overlap.pitch_consistency,
        "overlapping area, duration": None if overlap is None else overlap.duration_consistency,
        "density asked and played, r": curve_agreement(requested, looks.cells)["density"],
        "mode asked and heard": mode_agreement(asked, looks.cells).share,
        "two-sample AUC": auc,
    }
