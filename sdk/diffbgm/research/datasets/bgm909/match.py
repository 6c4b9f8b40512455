"""Pairs without videos of one's own, from the music videos of MuVi-Sync.

Each stretch of a POP909 song is paired with the stretches of music videos whose own music is most like it. This stands
in where BGM909's videos are not to be had; every pair is marked `matched`.

Songs for validation are matched with videos for validation only, so that no video is on both sides. No video serves
more than MOST times the average, so that a few that are like everything do not take all.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm import __version__
from diffbgm.errors import DataError
from diffbgm.research.datasets.bgm909.finish import finish
from diffbgm.research.datasets.bgm909.format import Pair
from diffbgm.research.datasets.bgm909.likeness import POINTS, Scale, Stretch, stretches, windows
from diffbgm.research.datasets.bgm909.sources import store_song
from diffbgm.research.datasets.bgm909.store import StoredVideo, video_split, write_song, write_video
from diffbgm.research.datasets.muvisync import MusicVideo, find_music_videos, read_music_videos
from diffbgm.research.datasets.pop909 import read_songs, song_files
from diffbgm.research.metrics.report import Table
from diffbgm.types import Cut, VideoFeatures
from diffbgm.video.clip import words_to_affect

MOST = 4  # times the average that one video may serve


@dataclass(frozen=True)
class MatchOptions:
    """`top` videos for each stretch; `seed` of the order in which stretches choose, and of the random baseline."""

    top: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Choice:
    """A stretch beside second `start` of video number `video`; both sides in the same coordinates and as measured."""

    stretch: Stretch
    video: int
    start: float
    rank: int
    distance: float
    raw: np.ndarray


def match(
    pop909: Path | str,
    muvisync: Path | str,
    out: Path | str,
    *,
    options: MatchOptions | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Builds the data set in the folder `out`; the manifest, with the quality of the matches against random ones.

    The same inputs and options give the same bytes. Raises DataError where there is nothing to match.
    """
    options, root = options or MatchOptions(), Path(out)
    tell = on_progress or (lambda fraction, message: None)
    videos = read_music_videos(*find_music_videos(muvisync), on_progress=lambda f, m: tell(0.2 * f, m))
    files = song_files(pop909)
    songs = read_songs(pop909, on_progress=lambda f, m: tell(0.2 + 0.5 * f, m))
    stored = [store_song(song, files[song.id]) for song in songs]
    for folder in ("songs", "videos"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    chosen, drawn = [], []
    for split in ("train", "validation"):
        mine = [v for v in videos if video_split(v.id) == split]
        parts = [part for s in stored if s.split == split for part in stretches(s)]
        if parts and not mine:
            raise DataError(f"{muvisync}: none of its {len(videos)} videos is for {split}; give more of them")
        best, other = choose(parts, mine, options)
        chosen += [(choice, mine[choice.video]) for choice in best]
        drawn += [(choice, mine[choice.video]) for choice in other]
        tell(0.8, f"matched {len(parts)} stretches ({split})")
    pairs = [_pair(choice, video) for choice, video in chosen]
    used = {video.id: video for _, video in chosen}
    wanted = {pair.song for pair in pairs}
    for song in stored:
        if song.song.id in wanted:
            write_song(root, song)
    for video in used.values():
        write_video(root, store_video(video))
    about = {
        "made_by": "match",
        "semantics": "clip",
        "captioner": None,
        "left_out": [
            {"song": s.song.id, "video": "", "why": "shorter than a stretch"} for s in stored if s.song.id not in wanted
        ],
        "top": options.top,
        "seed": options.seed,
        "quality": {
            "matched": quality([c for c, _ in chosen]),
            "random": quality([c for c, _ in drawn]),
            "videos": {"used": len(used), "of": len(videos)},
        },
        "versions": {"diffbgm": __version__},
    }
    tell(0.9, "writing tables")
    return finish(root, pairs, about)


def choose(
    parts: Sequence[Stretch], videos: Sequence[MusicVideo], options: MatchOptions
) -> tuple[list[Choice], list[Choice]]:
    """(the `top` most alike of different videos for every stretch, one drawn at random for every stretch)."""
    if not parts:
        return [], []
    dice = np.random.default_rng(options.seed)
    of_songs = Scale.of(np.stack([p.raw for p in parts]))
    groups: dict[int, list[int]] = defaultdict(list)
    for i, part in enumerate(parts):
        groups[int(np.ceil(part.end - part.start))].append(i)
    order = dice.permutation(len(parts))
    served = np.zeros(len(videos), int)
    limit = max(1, int(np.ceil(MOST * options.top * len(parts) / len(videos))))
    chosen: dict[int, list[Choice]] = {}
    drawn: dict[int, Choice] = {}
    candidates = {seconds: windows(videos, float(seconds)) for seconds in groups}
    of_videos = Scale.of(np.concatenate([w.raw for w in candidates.values()]))
    coordinates = {seconds: of_videos(w.raw) for seconds, w in candidates.items()}
    for i in order:
        part = parts[i]
        seconds = int(np.ceil(part.end - part.start))
        found, rows = candidates[seconds], coordinates[seconds]
        if not len(rows):
            continue
        distance = ((rows - of_songs(part.raw)) ** 2).sum(1)
        picks: list[Choice] = []
        for j in np.argsort(distance, kind="stable"):
            video = int(found.video[j])
            if served[video] < limit and all(video != p.video for p in picks):
                served[video] += 1
                picks.append(_choice(part, found, int(j), len(picks) + 1, float(distance[j])))
                if len(picks) == options.top:
                    break
        chosen[int(i)] = picks
        j = int(dice.integers(len(rows)))
        drawn[int(i)] = _choice(part, found, j, 1, float(distance[j]))
    return [c for i in sorted(chosen) for c in chosen[i]], [drawn[i] for i in sorted(drawn)]


def _choice(part: Stretch, found: Any, j: int, rank: int, distance: float) -> Choice:
    return Choice(part, int(found.video[j]), float(found.start[j]), rank, distance, found.raw[j])


def quality(choices: Sequence[Choice]) -> dict[str, float | int]:
    """How alike both sides are: correlations of levels over pairs, of contours inside them, agreement of the mode."""
    a, b = np.stack([c.stretch.raw for c in choices]), np.stack([c.raw for c in choices])
    density, loudness = slice(0, POINTS), slice(POINTS, 2 * POINTS)

    def level(part: slice) -> float:
        x, y = a[:, part].mean(1), b[:, part].mean(1)
        return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else 0.0

    def contour(part: slice) -> float:
        x, y = (side[:, part] - side[:, part].mean(1, keepdims=True) for side in (a, b))
        norm = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        return float(((x * y).sum(1)[norm > 0] / norm[norm > 0]).mean())

    return {
        "n": len(choices),
        "distance": float(np.mean([c.distance for c in choices])),
        "density r": level(density),
        "density contour r": contour(density),
        "loudness r": level(loudness),
        "loudness contour r": contour(loudness),
        "chord changes r": level(slice(2 * POINTS, 2 * POINTS + 1)),
        "same mode": float((a[:, -1] == b[:, -1]).mean()),
    }


def quality_table(manifest: dict[str, Any]) -> Table:
    """The manifest's figures as a table."""
    good, chance = manifest["quality"]["matched"], manifest["quality"]["random"]
    videos = manifest["quality"]["videos"]
    return Table(
        "How alike matched stretches are",
        ("figure", "matched", "random"),
        tuple((name, good[name], chance[name]) for name in good),
        f"top {manifest['top']}, seed {manifest['seed']}; {videos['used']} of {videos['of']} videos serve",
    )


def store_video(video: MusicVideo) -> StoredVideo:
    """A music video as a video that was seen: tracks of one value a second, cuts to the second, colour unknown."""
    footage = video.footage
    seconds = len(footage.motion)
    assert footage.words is not None
    begins = np.flatnonzero(np.asarray(footage.since_cut) == 0)
    clip_times = None if footage.clip is None else np.minimum(2.0 * np.arange(len(footage.clip)) + 1.0, seconds)
    features = VideoFeatures(
        duration=float(seconds),
        frame_rate=0.0,
        width=0,
        height=0,
        has_audio=True,
        cuts=tuple(Cut(float(t)) for t in begins if 0 < t < seconds),
        times=np.arange(seconds) + 0.5,
        motion=footage.motion,
        colour=np.tile((0.5, 0.5, 0.0), (seconds, 1)),
        affect=words_to_affect(footage.words),
        clip=footage.clip,
        clip_times=clip_times,
        semantics="clip",
    )
    return StoredVideo(video.id, features, cut_resolution=1.0, colour_known=False)


def _pair(choice: Choice, video: MusicVideo) -> Pair:
    part = choice.stretch
    return Pair(
        part.song,
        video.id,
        "matched",
        part.start_bar,
        part.end_bar,
        choice.start - part.start,
        rank=choice.rank,
        distance=choice.distance,
    )
