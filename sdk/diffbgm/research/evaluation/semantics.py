"""`diffbgm evaluate semantics`: the director on held-out videos, what every style tag does, affect asked and heard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.planner import STYLES, make_plan
from diffbgm.planner.director import TARGETS, bundled_director_card
from diffbgm.planner.styles import ENSEMBLES
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.research.evaluation.footage import inside_table, spread_table
from diffbgm.research.evaluation.plane import plane_table, points_of
from diffbgm.research.evaluation.tags import TaggedPiece, contrast_table, planned, played, tag_table
from diffbgm.research.metrics.affect import hear
from diffbgm.research.metrics.report import Report, Table
from diffbgm.types import Cut, MusicPlan, PianoRoll, VideoFeatures

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser
    from diffbgm.options import ComposeOptions

MEASURED = tuple(tag for tag in STYLES if tag not in {row.name for row in ENSEMBLES})  # what says more than who plays


@dataclass(frozen=True)
class Amount:
    """`n` pieces a tag, `plane` plans over the plane of valence and arousal, videos of about `seconds`."""

    n: int = 40
    plane: int = 200
    seconds: float = 18.0


def evaluate_semantics(
    amount: Amount | None = None,
    *,
    seed: int = 0,
    model: "Denoiser | None" = None,
    options: "ComposeOptions | None" = None,
    music_videos: Sequence[MusicVideo] = (),
    clips: Mapping[str, VideoFeatures] | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Measures what style tags do and whether the affect that is asked for is heard.

    For every tag there are n pieces, each beside the piece for the same video without a tag, and there are pieces for
    plans over the plane of valence and arousal; with `model` they are composed and heard, without it only planned.

    `music_videos` (of MuVi-Sync) and `clips` (by name) add how the affect of their pictures spreads, and what of the
    music goes with the pictures inside a video.
    """
    amount = amount or Amount()
    progress = on_progress or silent
    videos = [drawn_video(seed, i, seconds=amount.seconds) for i in range(amount.n)]
    points = points_of(amount.plane, seed)
    asked = [drawn_video(seed, i, (v, a), seconds=amount.seconds) for i, (v, a) in enumerate(points)]
    plans = [make_plan(video, tag) for tag in ("", *MEASURED) for video in videos]
    plans += [make_plan(video) for video in asked]
    seeds = [seed + i for _ in ("", *MEASURED) for i in range(amount.n)] + [seed + i for i in range(amount.plane)]
    rolls = None
    if model is not None:
        from diffbgm.options import ComposeOptions
        from diffbgm.research.evaluation.composing import compose_together

        rolls = compose_together(model, plans, seeds, options or ComposeOptions(), part_of(progress, 0.0, 0.9))
    progress(0.9, "measuring")
    groups = len(MEASURED) + 1
    pieces = pieces_of(plans[: groups * amount.n], rolls, seeds)
    by_tag = {tag: pieces[k * amount.n : (k + 1) * amount.n] for k, tag in enumerate(("", *MEASURED))}
    plain = by_tag.pop("")
    how = "composed" if rolls else "planned"
    heard, names = hear_all(plans[groups * amount.n :], rolls and rolls[groups * amount.n :])
    tables = [
        tag_table(by_tag, plain, how, seed),
        contrast_table(by_tag, how, seed),
        plane_table(points, heard, names, how, seed),
    ]
    if (card := bundled_director_card()) is not None:
        tables.insert(0, director_table(card))
    if music_videos or clips:
        tables.append(spread_table(music_videos, clips or {}))
    if music_videos:
        tables.insert(1, inside_table(music_videos, seed))
    data = {
        "composed": rolls is not None,
        "plain": [dict(piece.values) for piece in plain],
        "tags": {tag: [dict(piece.values) for piece in group] for tag, group in by_tag.items()},
        "plane": np.concatenate([points, heard], axis=1).tolist(),
    }
    progress(1.0, "measured")
    return Report("Semantics", seed, tuple(tables), data)


def pieces_of(plans: Sequence[MusicPlan], rolls: Sequence[PianoRoll] | None, seeds: Sequence[int]) -> list[TaggedPiece]:
    """The pieces as composed, where there are rolls, else as planned."""
    if rolls is None:
        return [planned(plan) for plan in plans]
    return [played(rolls[i], plan, seeds[i]) for i, plan in enumerate(plans)]


def hear_all(plans: Sequence[MusicPlan], rolls: Sequence[PianoRoll] | None) -> tuple[np.ndarray, tuple[str, str]]:
    """[n, 2] valence and arousal as the ear hears them; of plans alone, mode and onsets a second. And what that is."""
    if rolls is None:
        values = [planned(plan).values for plan in plans]
        return np.array([[v["major"], v["onset rate"]] for v in values]), ("major planned", "onsets a second planned")
    heard = [hear(roll, plan.tempo) for roll, plan in zip(rolls, plans, strict=True)]
    return np.array(heard), ("valence heard", "arousal heard")


def director_table(card: Mapping[str, Any]) -> Table:
    """The director's figures as they stand in `director.json`."""
    rows = []
    for view, found in card["views"].items():
        for target in TARGETS:
            row = found["targets"][target]
            (low, high), (under, over) = row["interval"], row["difference interval"]
            ridge, gain = row["ridge regression"], f"{row['difference']:+.3f} ({under:+.3f} to {over:+.3f})"
            rows.append((view, target, row["r"], f"{low:.2f} to {high:.2f}", ridge, gain))
    columns = ("from", "target", "r", "95 %", "ridge, same folds", "difference (95 %)")
    note = f"n = {card['n']} videos of MuVi-Sync, seed {card['seed']}; {card['how']}; words: with motion and cuts; "
    note += f"kept in the file: {', '.join(card['kept'])}"
    return Table("The director on videos it has not seen", columns, tuple(rows), note)


def drawn_video(
    seed: int, number: int, affect: tuple[float, float] | None = None, *, seconds: float = 18.0
) -> VideoFeatures:
    """Features of a made-up video of about `seconds`.

    Its affect is drawn from the plane (or given); cuts, motion and colour follow from it.
    """
    rng = np.random.default_rng([seed, number, 17])
    valence, arousal = rng.uniform(-0.9, 0.9, 2) if affect is None else affect
    duration = round(seconds * float(rng.uniform(0.85, 1.15)), 2)
    times = np.arange(0.125, duration, 0.25)
    shot = 5.0 * 2.0 ** (-arousal)
    cuts, at = [], shot * rng.uniform(0.6, 1.4)
    while at < duration - 1.0:
        cuts.append(Cut(round(float(at), 2), float(rng.uniform(0.4, 1.0))))
        at += shot * rng.uniform(0.6, 1.4)
    wave = 0.1 * np.sin(2 * np.pi * (times / duration + rng.uniform()))
    look = np.array([0.45 + 0.2 * valence, 0.35 + 0.1 * (valence + arousal), 0.2 * valence])
    colour = np.clip(look + rng.normal(0, 0.02, (len(times), 3)), [0, 0, -1], 1)
    felt = np.stack([valence + 0.5 * wave, arousal + wave], 1)
    return VideoFeatures(
        duration=duration,
        frame_rate=25.0,
        width=640,
        height=360,
        has_audio=False,
        cuts=tuple(cuts),
        times=times,
        motion=np.clip(0.35 + 0.25 * arousal + wave, 0.0, 1.0),
        colour=colour,
        affect=np.clip(felt, -1, 1),
    )
