"""The pictures of music videos: their affect, and what of the music goes with it.

Measured are how the affect spreads over the plane of valence and arousal, and which properties of the music go with the
pictures inside a video.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from diffbgm.planner.director import SECTION_INPUTS
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.research.datasets.stretches import FOLDS, SPAN, cut_stretches, held_out
from diffbgm.research.metrics.report import Table
from diffbgm.research.metrics.statistics import interval
from diffbgm.types import Cut, VideoFeatures
from diffbgm.video.affect import BRIGHTNESS, SATURATION, affect, cut_rate
from diffbgm.video.clip import words_to_affect

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DRAWS = 500  # of the bootstrap


def spread_table(videos: Sequence[MusicVideo], clips: Mapping[str, VideoFeatures]) -> Table:
    """A table of the quantiles of valence and arousal, by source of the affect.

    Over the seconds of `videos`: from CLIP's words, and from motion and cuts (with colours at their middle). Over the
    samples of `clips`: from colour, motion and cuts.
    """
    sources: list[tuple[str, np.ndarray]] = []
    note = "no music videos were given"
    if videos:
        worded = [words_to_affect(v.footage.words) for v in videos if v.footage.words is not None]
        moved = [moving_affect(v) for v in videos]
        sources += [("MuVi-Sync, CLIP's words", np.concatenate(worded))] if worded else []
        sources += [("MuVi-Sync, motion and cuts", np.concatenate(moved))]
        note = f"n = {len(videos)} music videos, second by second; colours are unknown there and count as ordinary"
        if len(worded) == len(moved):
            means = np.array([[a[:, 1].mean(), b[:, 1].mean()] for a, b in zip(worded, moved, strict=True)])
            note += f"; their two arousals correlate at r = {np.corrcoef(means.T)[0, 1]:.2f} over videos"
    sources += [(f"{name}, colour, motion and cuts", clip.affect) for name, clip in clips.items()]
    rows = []
    for name, felt in sources:
        for k, axis in enumerate(("valence", "arousal")):
            if np.ptp(felt[:, k]) > 0:
                rows.append((name, axis, len(felt), *np.quantile(felt[:, k], QUANTILES)))
    columns = ("of", "", "n", *(f"{q:.0%}" for q in QUANTILES))
    return Table("How the affect of pictures spreads (-1 to 1)", columns, tuple(rows), note)


def moving_affect(video: MusicVideo) -> np.ndarray:
    """[T, 2] the offline affect of a video of which only motion and cuts are known."""
    seconds = len(video.footage.motion)
    times = np.arange(seconds) + 0.5
    cuts = [Cut(float(t)) for t in np.flatnonzero(video.footage.since_cut == 0) if t > 0]
    colour = np.tile([BRIGHTNESS[0], SATURATION[0], 0.0], (seconds, 1))
    return affect(colour, video.footage.motion, cut_rate(cuts, times, float(seconds)))


def inside_table(videos: Sequence[MusicVideo], seed: int) -> Table:
    """How far density and loudness of stretches of a video, less the video's own mean, can be told from its pictures.

    A director that sees whole videos says nothing here (r = 0): whatever is above that is worth following from scene
    to scene.
    """
    stretches = cut_stretches(videos)
    plain = len(SECTION_INPUTS)
    told = {
        "motion": held_out(stretches.columns(1), seed),
        "motion and cuts": held_out(stretches.columns(plain), seed),
    }
    if stretches.inputs.shape[1] > plain:
        told["motion, cuts and CLIP"] = held_out(stretches, seed)
    rows = []
    for name, said in told.items():
        for k, target in enumerate(("density", "loudness")):
            pair = said[:, k], stretches.levels[:, k]
            low, high = correlation_interval(*pair, stretches.owner, seed)
            rows.append((name, target, float(np.corrcoef(*pair)[0, 1]), f"{low:.2f} to {high:.2f}"))
    note = (
        f"n = {len(stretches.owner)} stretches of {SPAN} s of {len(np.unique(stretches.owner))} videos, first and last"
        f" left out, each less its video's mean, seed {seed}; ridge regression, {FOLDS} folds over videos; intervals by"
        " bootstrap over videos; one level a video has r = 0"
    )
    return Table("From scene to scene inside a video", ("from", "target", "r", "95 %"), tuple(rows), note)


def correlation_interval(said: np.ndarray, y: np.ndarray, owner: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of their correlation, by bootstrap over videos."""
    ids, number = np.unique(owner, return_inverse=True)
    sums = np.stack([np.bincount(number, w) for w in (said * y, said**2, y**2)])  # both are centred in every video
    drawn = np.random.default_rng([seed, 23]).integers(len(ids), size=(DRAWS, len(ids)))
    cross, own, other = (s[drawn].sum(1) for s in sums)
    return interval(cross / np.maximum(np.sqrt(own * other), 1e-12))
