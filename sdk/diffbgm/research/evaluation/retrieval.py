"""Does a video find its own music? Composed for held-out music videos, beside their true music and two baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.arrange import arrange
from diffbgm.errors import DataError
from diffbgm.options import ComposeOptions
from diffbgm.planner import make_plan
from diffbgm.planner.director import Director, Footage
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.muvisync import MusicVideo, find_music_videos, read_music_videos
from diffbgm.research.evaluation.composing import compose_together
from diffbgm.research.metrics.affect_by_bar import Heard, listen
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.retrieval import POOL, RANKS, Retrieval, Towers, Views, derangement, retrieve
from diffbgm.research.training.director import choose_ridges, fit_head, labels_of, summaries_of
from diffbgm.research.training.retrieval import (
    SECONDS,
    TowerOptions,
    cut_footage,
    excerpt_start,
    hear_all,
    heard_in,
    is_held_out,
    see,
    train_retrieval,
)
from diffbgm.types import Cut, Score, VideoFeatures

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

# Where the affect words lie on Russell's circumplex (1980): exciting, fearful, tense, sad, relaxing, neutral.
VALENCE = np.array([0.6, -0.7, -0.4, -0.7, 0.6, 0.0])
AROUSAL = np.array([0.8, 0.5, 0.6, -0.5, -0.7, 0.0])
GREY = (0.45, 0.35, 0.0)  # colour, of which MuVi-Sync says nothing
TRUTH, SHUFFLED = "true music (ceiling)", "music of other videos"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The held-out excerpts, and what was fitted to the other videos alone."""

    ids: tuple[str, ...]
    footage: tuple[Footage, ...]
    true: tuple[Heard, ...]
    elsewhere: tuple[Heard, ...]  # another excerpt of the same music
    towers: Towers
    director: Director | None
    trained_on: int
    options: TowerOptions

    @property
    def videos(self) -> Views:
        """The held-out footage as the video tower reads it."""
        return see(self.footage, self.options)


def hold_out(data: Path | str, *, n: int | None = None, seed: int = 0, on_progress: Progress | None = None) -> HeldOut:
    """Reads MuVi-Sync in `data`, fits towers and director, and cuts the held-out excerpts.

    Three quarters of the videos are fitted to. From the middle of every other one (of `n` of them, drawn by the seed)
    comes an excerpt of `SECONDS`.
    """
    progress = on_progress or silent
    labels, features = find_music_videos(data)
    videos = read_music_videos(labels, features, part_of(progress, 0.0, 0.3))
    known = [v for v in videos if not is_held_out(v.id)]
    kept = [v for v in videos if is_held_out(v.id) and len(v.density) >= SECONDS]
    if len(kept) < POOL:
        raise DataError(f"{data}: {len(kept)} held-out videos of {SECONDS} s, but a pool needs {POOL}")
    if n is not None and n < len(kept):
        order = np.random.default_rng([seed, 31]).permutation(len(kept))[: max(n, POOL)]
        kept = [kept[i] for i in sorted(order)]
    options = TowerOptions(seed=seed, clip=features is not None)
    towers = train_retrieval(known, options=options, on_progress=part_of(progress, 0.3, 0.8))
    progress(0.8, "fitting the director")
    director = fit_director(known, seed) if features is not None else None
    starts = [excerpt_start(v) for v in kept]
    return HeldOut(
        ids=tuple(v.id for v in kept),
        footage=tuple(cut_footage(v.footage, s) for v, s in zip(kept, starts, strict=True)),
        true=tuple(heard_in(v, s) for v, s in zip(kept, starts, strict=True)),
        elsewhere=tuple(heard_in(v, excerpt_start(v, 1)) for v in kept),
        towers=towers,
        director=director,
        trained_on=len(known),
        options=options,
    )


def fit_director(videos: Sequence[MusicVideo], seed: int) -> Director:
    """The director as `train-director` fits it, to these videos and from their CLIP features alone."""
    x, y = summaries_of(videos, "clip"), labels_of(videos)
    return Director({"clip": fit_head(x, y, "clip", choose_ridges(x, y, "clip", seed), seed)})


def features_of(footage: Footage) -> VideoFeatures:
    """Stored tracks as `analyze` would have seen them: whole seconds, cuts on their edges, no colour."""
    seconds = len(footage.motion)
    times = np.arange(seconds) + 0.5
    words = np.tile([0, 0, 0, 0, 0, 1.0], (seconds, 1)) if footage.words is None else footage.words
    cuts = tuple(Cut(float(t)) for t in np.flatnonzero(np.asarray(footage.since_cut) == 0) if 0 < t < seconds)
    clip_times = None if footage.clip is None else np.arange(len(footage.clip)) * 2.0 + 0.5
    return VideoFeatures(
        duration=float(seconds),
        frame_rate=25.0,
        width=640,
        height=360,
        has_audio=False,
        cuts=cuts,
        times=times,
        motion=footage.motion,
        colour=np.tile(GREY, (seconds, 1)),
        affect=np.clip(np.stack([words @ VALENCE, words @ AROUSAL], 1), -1, 1),
        clip=footage.clip,
        clip_times=clip_times,
        semantics="clip" if footage.clip is not None else "colour",
    )


def compose_for(model: "DiffBGM", held: HeldOut, *, seed: int, steps: int | None, on_progress: Progress) -> list[Score]:
    """A piece for every held-out excerpt, planned with the director that knows none of them."""
    plans = [make_plan(features_of(footage), director=held.director) for footage in held.footage]
    seeds = range(seed, seed + len(plans))
    options = ComposeOptions(dtype=model.dtype)
    options = options if steps is None else replace(options, steps=steps)
    rolls = compose_together(model.model, plans, seeds, options, on_progress)
    return [arrange(roll, plan, seed=one) for roll, plan, one in zip(rolls, plans, seeds, strict=True)]


def evaluate_retrieval(
    models: Mapping[str, "DiffBGM"],
    data: Path | str,
    *,
    n: int | None = None,
    seed: int = 0,
    steps: int | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """P@K of the true music, of each model's music for the same pictures, and of dealt pieces.

    Dealt pieces are the first model's, given to other videos. Then follows the paper's protocol, in which a composed
    piece has to find the true one.
    """
    progress = on_progress or silent
    held = hold_out(data, n=n, seed=seed, on_progress=part_of(progress, 0.0, 0.2))
    music = {TRUTH: hear_all(held.true)}
    for k, (name, model) in enumerate(models.items()):

        def report_part(f: float, m: str, k: int = k, name: str = name) -> None:
            progress(0.2 + 0.8 * (k + f) / len(models), f"{name}: {m}")

        scores = compose_for(model, held, seed=seed, steps=steps, on_progress=report_part)
        music[name] = hear_all([listen(score, SECONDS) for score in scores])
    return retrieval_report(held, music, seed=seed)


def retrieval_report(held: HeldOut, music: Mapping[str, Views], *, seed: int) -> Report:
    """`music`: what is heard of each system's pieces for the held-out videos, the true music under TRUTH."""
    n = len(held.ids)
    others = derangement(n, seed)
    true, videos = music[TRUTH], held.videos
    first = next((name for name in music if name != TRUTH), TRUTH)
    shuffled = Views(music[first].summary[others], music[first].tracks[others])
    found = {name: retrieve(held.towers.scores(videos, views), seed=seed) for name, views in music.items()}
    found[SHUFFLED] = retrieve(held.towers.scores(videos, shuffled), seed=seed)
    elsewhere = hear_all(held.elsewhere)
    by_music = {"another minute of the true music (ceiling)": retrieve(
        held.towers.music_scores(elsewhere, true), seed=seed)}  # fmt: skip
    for name, views in {**music, SHUFFLED: shuffled}.items():
        if name != TRUTH:
            by_music[name] = retrieve(held.towers.music_scores(views, true), seed=seed)
    note = (
        f"n = {n} videos of MuVi-Sync that neither towers nor director were trained on ({held.trained_on} were), "
        f"{SECONDS} s of each; {found[TRUTH].pools} pools of {POOL} a query, seed {seed}; 95 % intervals by bootstrap "
        "over videos; above chance: the interval of P@20 lies above it"
    )
    tables = (
        retrieval_table("A video finds its music", found, note),
        retrieval_table(
            "A piece finds the true music of its video (the paper's protocol)",
            by_music,
            f"{note}. The paper reports a P@20 of .441 among 60 or more candidates of its own data, with other towers",
        ),
    )
    data: dict[str, Any] = {
        "videos": {name: r.to_dict() for name, r in found.items()},
        "music": {name: r.to_dict() for name, r in by_music.items()},
        "ids": list(held.ids),
        "trained_on": held.trained_on,
    }
    return Report("Retrieval", seed, tables, data)


def retrieval_table(title: str, found: Mapping[str, Retrieval], note: str) -> Table:
    """One row a system, chance last."""
    rows = []
    for name, r in found.items():
        low, high = r.intervals[RANKS[-1]]
        precision = [r.precision[k] for k in RANKS]
        above = low > r.chance[RANKS[-1]]
        rank = f"{r.mean_rank:.1f} ({r.rank_interval[0]:.1f} to {r.rank_interval[1]:.1f})"
        rows.append((name, *precision, f"{low:.3f} to {high:.3f}", above, rank, r.n))
    one = next(iter(found.values()))
    rows.append(("chance", *(one.chance[k] for k in RANKS), "", "", f"{one.chance_rank:.1f}", one.n))
    columns = ("music", *(f"P@{k}" for k in RANKS), f"P@{RANKS[-1]} 95 %", "above chance", "mean rank", "n")
    return Table(title, columns, tuple(rows), note)
