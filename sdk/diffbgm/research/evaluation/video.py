"""`diffbgm evaluate video`: any system's music for some videos, from its MIDI files alone.

Every figure that depends on the pairing stands beside the same music dealt to other videos: what music would reach
that never saw its video.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.errors import DataError
from diffbgm.media import COPYABLE
from diffbgm.options import Semantics
from diffbgm.planner.director import footage_of
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.muvisync import find_music_videos, read_music_videos
from diffbgm.research.evaluation.retrieval import retrieval_table
from diffbgm.research.metrics.affect import hear
from diffbgm.research.metrics.affect_by_bar import listen
from diffbgm.research.metrics.agreement import motion_agreement
from diffbgm.research.metrics.diversity import diversity
from diffbgm.research.metrics.files import MidiPiece, read_piece
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.retrieval import POOL, Retrieval, derangement, retrieve
from diffbgm.research.metrics.statistics import interval, spearman
from diffbgm.research.metrics.structure import structure_indicators
from diffbgm.research.metrics.sync import cut_hits, onset_hits, pool_hits
from diffbgm.research.metrics.tonal import gps, pche
from diffbgm.research.training.retrieval import TowerOptions, cut_footage, hear_all, see, train_retrieval
from diffbgm.types import STEPS_PER_BEAT, TempoMap, VideoFeatures
from diffbgm.video import analyze

VIDEOS = (*COPYABLE, ".webm", ".avi")
SUFFIXES = ("", "-scored")  # NAME.mp4 goes with NAME.mid or NAME-scored.mid
SHIFT = 0.5  # seconds: cuts moved by that much have nothing to do with the music
RESAMPLES = 2000
RANKED = 20  # videos: fewer say nothing of retrieval


@dataclass(frozen=True, eq=False)
class Pair:
    """A video and the music made for it."""

    name: str
    features: VideoFeatures
    piece: MidiPiece


def find_pairs(midi: Path | str, videos: Path | str) -> list[tuple[str, Path, Path]]:
    """(name, video, MIDI file) of every video that has one; DataError, naming what is missing, where some have not."""
    midi, videos = Path(midi), Path(videos)
    for folder in (midi, videos):
        if not folder.is_dir():
            raise DataError(f"{folder}: not a folder; give one with MIDI files and one with videos of the same names")
    files = {p.stem: p for p in sorted(midi.iterdir()) if p.suffix.lower() in (".mid", ".midi")}
    pairs, missing = [], []
    for video in sorted(p for p in videos.iterdir() if p.suffix.lower() in VIDEOS):
        music = next((files[video.stem + s] for s in SUFFIXES if video.stem + s in files), None)
        if music is None:
            missing.append(video.name)
        else:
            pairs.append((video.stem, video, music))
    if not pairs:
        raise DataError(f"{videos}: no video has a MIDI file of its name in {midi}; name them alike, a.mp4 and a.mid")
    if missing:
        raise DataError(f"{midi}: no MIDI file for {', '.join(missing[:5])} ({len(missing)} in all)")
    return pairs


def evaluate_video(
    midi: Path | str,
    videos: Path | str,
    *,
    seed: int = 0,
    semantics: Semantics = "auto",
    data: Path | str | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Measures the MIDI files in one folder against the videos of the same names in another.

    `data`, a folder with MuVi-Sync, adds retrieval: towers are fitted to all of its videos, and every video here ranks
    all the music here. That takes at least `RANKED` videos.
    """
    progress = on_progress or silent
    found = find_pairs(midi, videos)
    pairs = []
    for i, (name, video, music) in enumerate(found):
        progress(i / len(found), f"looking at {video.name}")
        pairs.append(Pair(name, analyze(video, semantics=semantics), read_piece(music)))
    progress(0.9, "measuring")
    report = video_report(pairs, seed)
    if data is None:
        return report
    found = rank(pairs, data, seed, part_of(progress, 0.9, 1))
    note = f"n = {found.n} videos, pools of {found.pool}, seed {seed}; towers trained on MuVi-Sync's music videos"
    table = retrieval_table("A video finds its music", {"these": found}, note)
    return replace(report, tables=(*report.tables, table), data={**report.data, "retrieval": found.to_dict()})


def rank(pairs: Sequence[Pair], data: Path | str, seed: int, on_progress: Progress) -> Retrieval:
    """P@K among the music of all pairs, over as many seconds as all of them last."""
    if len(pairs) < RANKED:
        raise DataError(f"ranking takes at least {RANKED} videos, there are {len(pairs)}; leave --data out")
    labels, features = find_music_videos(data)
    clip = features is not None and all(p.features.clip is not None for p in pairs)
    videos = read_music_videos(labels, features if clip else None, lambda f, m: on_progress(0.4 * f, m))
    options = TowerOptions(seed=seed, clip=clip, words=False)
    towers = train_retrieval(videos, options=options, on_progress=lambda f, m: on_progress(0.4 + 0.6 * f, m))
    seconds = max(1, int(min(p.features.duration for p in pairs)))
    seen = see([cut_footage(footage_of(p.features), 0, seconds) for p in pairs], options)
    heard = hear_all([listen(p.piece.score, seconds) for p in pairs])
    return retrieve(towers.scores(seen, heard), pool=min(POOL, len(pairs)), seed=seed)


def video_report(pairs: Sequence[Pair], seed: int) -> Report:
    """The tables over all pairs and one by one."""
    own = [(p.features, p.piece) for p in pairs]
    order = derangement(len(pairs), seed) if len(pairs) > 1 else None
    dealt = None if order is None else [(p.features, pairs[k].piece) for p, k in zip(pairs, order, strict=True)]
    rows = [*fit_rows(own, dealt, seed), *music_rows([p.piece for p in pairs], seed)]
    data: dict[str, Any] = {"videos": len(pairs), "measures": {name: list(values) for name, *values in rows}}
    note = (
        f"n = {len(pairs)} videos, seed {seed}; other videos: the same music dealt to other videos, what music reaches "
        "that never saw its video; intervals: bootstrap over videos"
    )
    one_by_one = [
        (p.name, p.features.duration, p.piece.end - p.features.duration, len(p.features.cuts),
         hits_of(p.features, p.piece).hit, pche(p.piece.cells), gps(p.piece.cells))
        for p in pairs
    ]  # fmt: skip
    data["each"] = {name: list(values) for name, *values in one_by_one}
    tables = (
        Table("Music for videos", ("measure", "these", "95 %", "other videos", "chance", "n"), tuple(rows), note),
        Table(
            "One by one",
            ("video", "seconds", "music ends s later", "cuts", "cuts on half beats", "PCHE", "GPS"),
            tuple(one_by_one),
            "a dash where a video has no cut",
        ),
    )
    return Report("Music for videos", seed, tables, data)


def hits_of(features: VideoFeatures, piece: MidiPiece) -> Any:
    """Cuts on the music's half beats; the last tempo goes on where the music ends before the video."""
    cuts = features.cuts
    return cut_hits([c.time for c in cuts], [c.strength for c in cuts], until(piece.tempo, features.duration))


def until(tempo: TempoMap, seconds: float) -> TempoMap:
    """The tempo map prolonged to cover some seconds."""
    beats = max(tempo.beats, int(np.ceil(tempo.beat_at(seconds))))
    return TempoMap(tempo.time_at(np.arange(beats + 1)))


def onsets_of(piece: MidiPiece) -> np.ndarray:
    """[n] seconds at which notes start, drums too."""
    starts = [note.start for track in piece.score.tracks for note in track.notes]
    return np.atleast_1d(piece.score.tempo.time_at(np.array(starts)))


Dealt = Sequence[tuple[VideoFeatures, MidiPiece]]


def fit_rows(own: Dealt, dealt: Dealt | None, seed: int) -> list[tuple]:
    """What depends on the pairing."""

    def cuts(pairs: Dealt) -> tuple[np.ndarray, np.ndarray]:
        """[n] share of cuts on half beats and weights; nan where a video has none."""
        hits = [hits_of(f, p) for f, p in pairs]
        return np.array([h.hit for h in hits]), np.array([h.n for h in hits], float)

    def heard(pairs: Dealt) -> tuple[np.ndarray, np.ndarray]:
        shares = [onset_hits([c.time for c in f.cuts], onsets_of(p)) for f, p in pairs]
        return np.array(shares), np.array([len(f.cuts) for f, _ in pairs], float)

    def follows(pairs: Dealt) -> tuple[np.ndarray, np.ndarray]:
        values = [motion_agreement(f.times, f.motion, p.cells, p.tempo) for f, p in pairs]
        return np.array(values), np.ones(len(pairs))

    def apart(column: int) -> Callable[[Dealt], tuple[np.ndarray, np.ndarray]]:
        def distance(pairs: Dealt) -> tuple[np.ndarray, np.ndarray]:
            gaps = [abs(float(f.affect[:, column].mean()) - hear(p.score)[column]) for f, p in pairs]
            return np.array(gaps), np.ones(len(pairs))

        return distance

    pooled = pool_hits([hits_of(f, p) for f, p in own])
    moved = [onset_hits([(c.time + SHIFT) % f.duration for c in f.cuts], onsets_of(p)) for f, p in own]
    weights = [len(f.cuts) for f, _ in own]
    by_chance = float(np.average(np.nan_to_num(moved), weights=weights)) if sum(weights) else None
    rows = []
    for name, measure, chance, n in (
        ("cuts within 40 ms of a half beat", cuts, pooled.chance if pooled.n else None, pooled.n),
        ("cuts with an onset within 40 ms", heard, by_chance, pooled.n),
        ("motion and onsets a second, rank r over bars", follows, 0.0, len(own)),
        ("valence seen and heard, distance", apart(0), None, len(own)),
        ("arousal seen and heard, distance", apart(1), None, len(own)),
    ):
        values, weight = measure(own)
        other = None if dealt is None else _mean(*measure(dealt))
        rows.append((name, _mean(values, weight), _interval(values, weight, seed), other, chance, n))
    for column, name in enumerate(("valence", "arousal")):
        if len(own) >= 5:
            seen, sound = (np.array(x) for x in zip(*((float(f.affect[:, column].mean()), hear(p.score)[column])
                                                      for f, p in own), strict=True))  # fmt: skip
            rows.append((f"{name} seen and heard, rank r over videos", spearman(seen, sound), "", None, 0.0, len(own)))
    late = np.array([abs(p.end - f.duration) for f, p in own])
    ones = np.ones(len(own))
    rows.append(
        ("end of the music and of the video, s apart", _mean(late, ones), _interval(late, ones, seed), None, None,
         len(own))
    )  # fmt: skip
    return rows


def music_rows(pieces: Sequence[MidiPiece], seed: int) -> list[tuple]:
    """What the music is like by itself."""
    structure = [structure_indicators(p.cells) for p in pieces]
    columns = {
        **{f"PCHE over bars, {bars} at a time, bits": [pche(p.cells, bars) for p in pieces] for bars in (8, 4, 1)},
        "GPS over all pairs of bars": [gps(p.cells) for p in pieces],
        **{f"structure indicator, {scale}": [s[scale] for s in structure] for scale in structure[0]},
        "onsets a second": [float(p.cells[0::2].sum() / p.tempo.time_at(p.cells.shape[1] / STEPS_PER_BEAT))
                            for p in pieces],
    }  # fmt: skip
    ones = np.ones(len(pieces))
    rows: list[tuple] = [
        (name, float(np.mean(values)), _interval(np.array(values), ones, seed), None, None, len(pieces))
        for name, values in columns.items()
    ]
    if len(pieces) > 1:
        apart = diversity([[p.cells] for p in pieces], seed=seed)
        rows.append(("diversity across videos, onsets", apart.across_onsets, "", None, None, apart.pairs[1]))
        rows.append(("diversity across videos, descriptors", apart.across_descriptors, "", None, None, apart.pairs[1]))
    return rows


def _mean(values: np.ndarray, weights: np.ndarray) -> float | None:
    known = np.isfinite(values) & (weights > 0)
    return float(np.average(values[known], weights=weights[known])) if known.any() else None


def _interval(values: np.ndarray, weights: np.ndarray, seed: int) -> str:
    """95 % by bootstrap over videos."""
    known = np.flatnonzero(np.isfinite(values) & (weights > 0))
    if len(known) < 2:
        return ""
    drawn = known[np.random.default_rng([seed, 41]).integers(0, len(known), (RESAMPLES, len(known)))]
    means = (values[drawn] * weights[drawn]).sum(1) / weights[drawn].sum(1)
    low, high = interval(means)
    return f"{low:.3f} to {high:.3f}"
