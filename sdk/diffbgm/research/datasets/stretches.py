"""Stretches of music videos, each against its own video: what pictures say of the music from scene to scene."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.planner.director import SECTION_INPUTS, Footage, summarise_section
from diffbgm.research.datasets.muvisync import MusicVideo

SPAN = 20  # seconds
FEWEST = 3  # stretches of a video
RIDGE = 0.03  # per stretch, on standardised inputs
DIRECTIONS = 32  # in which embeddings differ most inside videos
FOLDS = 10


@dataclass(frozen=True, eq=False)
class Stretches:
    """Inputs and levels of n stretches, each less the mean of its video.

    `inputs` [n, F] as `summarise_section` has them, `levels` [n, 2] of density and loudness; `owner` [n] the number of
    the video.
    """

    inputs: np.ndarray
    levels: np.ndarray
    owner: np.ndarray

    def columns(self, count: int) -> "Stretches":
        """With the first inputs alone."""
        return replace(self, inputs=self.inputs[:, :count])


def cut_stretches(videos: Sequence[MusicVideo]) -> Stretches:
    """Cuts videos into stretches of SPAN seconds, without the first and the last.

    Those two are left out: titles and silence go together without meaning anything. Videos with fewer than FEWEST
    others are left out as well.
    """
    inputs, levels, owner = [], [], []
    for number, video in enumerate(videos):
        spans = [slice(i * SPAN, (i + 1) * SPAN) for i in range(1, len(video.footage.motion) // SPAN - 1)]
        if len(spans) < FEWEST:
            continue
        rows = np.array([summarise_section(part(video.footage, span)) for span in spans])
        wanted = np.array([[video.density[span].mean(), video.loudness[span].mean()] for span in spans])
        inputs.append(rows - rows.mean(0))
        levels.append(wanted - wanted.mean(0))
        owner.append(np.full(len(spans), number))
    if not inputs:
        return Stretches(np.zeros((0, len(SECTION_INPUTS))), np.zeros((0, 2)), np.zeros(0, int))
    return Stretches(np.concatenate(inputs), np.concatenate(levels), np.concatenate(owner))


def part(footage: Footage, span: slice) -> Footage:
    """Some seconds of it; embeddings are two seconds apart."""
    clip = footage.clip
    if clip is not None:
        first = min(span.start // 2, len(clip) - 1)
        clip = clip[first : max(span.stop // 2, first + 1)]
    return Footage(footage.motion[span], footage.since_cut[span], clip=clip)


def fit_scenes(stretches: Stretches) -> np.ndarray:
    """[F, 2] ridge regression of the levels on the inputs, embeddings seen along DIRECTIONS only."""
    x, plain = stretches.inputs, len(SECTION_INPUTS)
    basis = np.eye(x.shape[1])
    if x.shape[1] > plain:
        clip = x[:, plain:]
        basis = np.zeros((x.shape[1], plain + min(DIRECTIONS, clip.shape[1])))
        basis[:plain, :plain] = np.eye(plain)
        basis[plain:, plain:] = np.linalg.eigh(clip.T @ clip)[1][:, ::-1][:, :DIRECTIONS]
    rows = x @ basis
    scale = rows.std(0) + 1e-9
    rows = rows / scale
    gram = rows.T @ rows + RIDGE * len(rows) * np.eye(rows.shape[1])
    return basis @ (np.linalg.solve(gram, rows.T @ stretches.levels) / scale[:, None])


def held_out(stretches: Stretches, seed: int) -> np.ndarray:
    """[n, 2] levels told by `fit_scenes` on the videos of the other folds."""
    ids = np.random.default_rng([seed, 19]).permutation(np.unique(stretches.owner))
    fold = np.zeros(int(stretches.owner.max()) + 1, int)
    fold[ids] = np.arange(len(ids)) % FOLDS
    folds = fold[stretches.owner]
    said = np.zeros_like(stretches.levels)
    for k in np.unique(folds):
        train = folds != k
        others = Stretches(stretches.inputs[train], stretches.levels[train], stretches.owner[train])
        said[~train] = stretches.inputs[~train] @ fit_scenes(others)
    return said
