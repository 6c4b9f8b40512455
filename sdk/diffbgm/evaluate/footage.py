"""The pictures of music videos: how their affect spreads over the plane, and what of the music goes with them inside a
video."""

from collections.abc import Mapping, Sequence

import numpy as np

from diffbgm.data.muvisync import MusicVideo
from diffbgm.metrics.report import Table
from diffbgm.types import Cut, VideoFeatures
from diffbgm.video.affect import BRIGHTNESS, SATURATION, affect, cut_rate
from diffbgm.video.clip import words_to_affect

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SPAN = 20  # seconds of a stretch inside a video
LEAST_CUTS = 0.05
RIDGE = 0.03  # per stretch, on standardised inputs
FOLDS, DRAWS = 10, 500


def spread_table(videos: Sequence[MusicVideo], clips: Mapping[str, VideoFeatures]) -> Table:
    """Quantiles of valence and arousal: as CLIP's words have them and as motion and cuts (with colours at their middle)
    have them over the seconds of `videos`, and as colour, motion and cuts have them over the samples of `clips`."""
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
    to scene. First and last stretch are left out: titles and silence go together without meaning anything.
    """
    inputs, wanted, owner = stretches(videos)
    rows = []
    for name, x in inputs.items():
        for k, target in enumerate(("density", "loudness")):
            said = held_out(x, wanted[:, k], owner, seed)
            low, high = interval(said, wanted[:, k], owner, seed)
            rows.append((name, target, float(np.corrcoef(said, wanted[:, k])[0, 1]), f"{low:.2f} to {high:.2f}"))
    note = (
        f"n = {len(owner)} stretches of {SPAN} s of {len(np.unique(owner))} videos, each less its video's mean, seed"
        f" {seed}; ridge regression, {FOLDS} folds over videos; intervals by bootstrap over videos;"
        " one level a video has r = 0"
    )
    return Table("From scene to scene inside a video", ("from", "target", "r", "95 %"), tuple(rows), note)


def stretches(videos: Sequence[MusicVideo]) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """(inputs [n, F] by name, [n, 2] density and loudness, [n] number of the video), each less its video's mean."""
    moving, seen, wanted, owner = [], [], [], []
    for number, video in enumerate(videos):
        f = video.footage
        count = len(f.motion) // SPAN
        inner = [slice(i * SPAN, (i + 1) * SPAN) for i in range(1, count - 1)]
        if len(inner) < 3:
            continue
        cutting = [float(np.log((f.since_cut[s] == 0).mean() + LEAST_CUTS)) for s in inner]
        rows = [[f.motion[s].mean(), f.motion[s].std(), cuts] for s, cuts in zip(inner, cutting, strict=True)]
        if f.clip is not None:  # an embedding every two seconds
            last = len(f.clip) - 1
            places = [f.clip[min(s.start // 2, last) : max(s.stop // 2, 1)].mean(0) for s in inner]
            seen.append(np.array(places) - np.mean(places, axis=0))
        moving.append(np.array(rows) - np.mean(rows, axis=0))
        levels = np.array([[video.density[s].mean(), video.loudness[s].mean()] for s in inner])
        wanted.append(levels - levels.mean(0))
        owner.append(np.full(len(inner), number))
    if not moving:
        return {}, np.zeros((0, 2)), np.zeros(0, int)
    inputs = {"motion": np.concatenate(moving)[:, :1], "motion and cuts": np.concatenate(moving)}
    if len(seen) == len(moving):
        clip = np.concatenate(seen)
        main = np.linalg.svd(clip.T @ clip)[0][:, :32]  # the directions in which pictures differ most inside videos
        inputs["motion, cuts and CLIP"] = np.concatenate([inputs["motion and cuts"], clip @ main], axis=1)
    return inputs, np.concatenate(wanted), np.concatenate(owner)


def held_out(x: np.ndarray, y: np.ndarray, owner: np.ndarray, seed: int) -> np.ndarray:
    """[n] ridge regression's word on each stretch, fitted on the videos of the other folds."""
    ids = np.random.default_rng([seed, 19]).permutation(np.unique(owner))
    fold = {number: i % FOLDS for i, number in enumerate(ids)}
    folds = np.array([fold[number] for number in owner])
    said = np.zeros(len(y))
    for k in np.unique(folds):
        train = folds != k
        scale = x[train].std(0) + 1e-9
        rows = x[train] / scale
        gram = rows.T @ rows + RIDGE * len(rows) * np.eye(x.shape[1])
        said[~train] = x[~train] / scale @ np.linalg.solve(gram, rows.T @ y[train])
    return said


def interval(said: np.ndarray, y: np.ndarray, owner: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of their correlation, by bootstrap over videos."""
    ids, number = np.unique(owner, return_inverse=True)
    sums = np.stack([np.bincount(number, w) for w in (said * y, said**2, y**2)])  # both are centred in every video
    drawn = np.random.default_rng([seed, 23]).integers(len(ids), size=(DRAWS, len(ids)))
    cross, own, other = (s[drawn].sum(1) for s in sums)
    low, high = np.quantile(cross / np.maximum(np.sqrt(own * other), 1e-12), (0.025, 0.975))
    return float(low), float(high)
