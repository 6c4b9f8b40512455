"""Fits the two towers of `metrics.retrieval` to MuVi-Sync: what a video shows against what its music does.

Excerpts of `SECONDS` are drawn anew from every video; the loss is the symmetric contrastive one over all training
videos at once. A minute of one core; the same data, options and machine give the same towers. Videos whose id hashes
into the held-out quarter are never trained on, and everything that is said of retrieval is said of those.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.errors import DataError
from diffbgm.planner.director import Footage, summarise
from diffbgm.research.datasets.muvisync import MusicVideo
from diffbgm.research.metrics.affect_by_bar import Heard
from diffbgm.research.metrics.retrieval import Tower, Towers, Views, stack_views

if TYPE_CHECKING:
    from torch import Tensor

OnProgress = Callable[[float, str], None]
SECONDS = 60
HELD_OUT = 0.25  # of the videos
COMPONENTS = 48  # of the CLIP embeddings
FEWEST = 40  # videos to train on


@dataclass(frozen=True)
class TowerOptions:
    """What the towers read, their sizes, and how they are trained.

    `clip` and `words` (affect probabilities): what of the pictures is read beside motion and cuts. `width` of the
    summaries' embedding; `filters` of `reach` seconds over the tracks; `crops` excerpts a video.
    """

    seed: int = 0
    clip: bool = True
    words: bool = True
    steps: int = 300
    width: int = 16
    filters: int = 4
    reach: int = 5
    crops: int = 5
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    temperature: float = 0.1


def is_held_out(video_id: str) -> bool:
    """Whether a video belongs to the held-out quarter, by the hash of its id alone."""
    return zlib.crc32(f"retrieval {video_id}".encode()) / 2**32 < HELD_OUT


def excerpt_start(video: MusicVideo, number: int = 0) -> int:
    """First second of an excerpt: number 0 lies in the middle, the others anywhere, drawn from id and number."""
    room = len(video.density) - SECONDS
    if room < 0:
        raise DataError(f"video {video.id}: {len(video.density)} s are shorter than an excerpt of {SECONDS} s")
    if number == 0:
        return room // 2
    return int(np.random.default_rng([zlib.crc32(video.id.encode()), number]).integers(room + 1))


def cut_footage(footage: Footage, start: int, seconds: int = SECONDS) -> Footage:
    """Some whole seconds of what was seen; CLIP's embeddings stand two seconds apart."""
    cut = slice(start, start + seconds)
    clip = footage.clip
    if clip is not None:
        first = min(start // 2, len(clip) - 1)
        clip = clip[first : first + (seconds + 1) // 2]
    words = None if footage.words is None else footage.words[cut]
    return Footage(footage.motion[cut], footage.since_cut[cut], words, clip)


def see(footage: Sequence[Footage], options: TowerOptions) -> Views:
    """Footage of equal length as the video tower reads it."""
    summaries, tracks = [], []
    for f in footage:
        parts = [summarise(f, "words" if options.words else "motion")]
        parts += [summarise(f, "clip")] if options.clip else []
        if any(part is None for part in parts):
            raise DataError("the towers read affect words or CLIP features that this footage lacks")
        summaries.append(np.concatenate([part for part in parts if part is not None]))
        rows = [f.motion, (f.since_cut == 0).astype(np.float64)]
        if options.words and f.words is not None:
            rows += list(np.log(np.maximum(f.words[:, [0, 1, 3]], 1e-3)).T)  # exciting, fearful, sad
        tracks.append(np.stack(rows))
    return stack_views(summaries, tracks)


def hear_all(music: Sequence[Heard]) -> Views:
    """Music of equal length as the music tower reads it."""
    return stack_views([m.summary() for m in music], [m.tracks() for m in music])


def heard_in(video: MusicVideo, start: int, seconds: int = SECONDS) -> Heard:
    """What the video's own music does in an excerpt."""
    return Heard(video.density, video.loudness, video.chord, video.minor).excerpt(start, seconds)


def train_retrieval(
    videos: Sequence[MusicVideo], *, options: TowerOptions | None = None, on_progress: OnProgress | None = None
) -> Towers:
    """The towers, fitted to all videos given. DataError for fewer than `FEWEST`, or excerpts longer than a video."""
    import torch
    from torch.nn import functional as F

    options = options or TowerOptions()
    if len(videos) < FEWEST:
        raise DataError(f"retrieval: at least {FEWEST} videos are needed to train on, got {len(videos)}")
    seen, heard = [], []
    for number in range(options.crops):
        starts = [excerpt_start(v, number) for v in videos]
        seen.append(see([cut_footage(v.footage, s) for v, s in zip(videos, starts, strict=True)], options).standard())
        heard.append(hear_all([heard_in(v, s) for v, s in zip(videos, starts, strict=True)]).standard())
    basis = components(np.stack([views.summary for views in seen]), options)  # [F, C]
    generator = torch.Generator().manual_seed(options.seed)

    def tensor(x: np.ndarray) -> "Tensor":
        return torch.tensor(x, dtype=torch.float32)

    def weights(*shape: int, fan: int) -> "Tensor":
        return ((torch.rand(*shape, generator=generator) * 2 - 1) / fan**0.5).requires_grad_()

    reduced = tensor(np.stack([views.summary @ basis for views in seen]))  # [crops, n, C]
    music = tensor(np.stack([views.summary for views in heard]))
    pictures, sound = (tensor(np.stack([v.tracks for v in views])) for views in (seen, heard))
    count, size = options.filters, options.reach
    shapes = ((reduced.shape[2], pictures.shape[2]), (music.shape[2], sound.shape[2]))
    towers = [
        (
            weights(wide, options.width, fan=wide),
            weights(options.width, fan=wide),
            weights(count, tracks, size, fan=tracks * size),
        )
        for wide, tracks in shapes
    ]
    scales = torch.full((2,), float(-np.log(options.temperature)), requires_grad=True)
    parameters = [*towers[0], *towers[1], scales]
    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)
    target, rows = torch.arange(len(videos)), torch.arange(len(videos))

    def embed(tower: "tuple[Tensor, Tensor, Tensor]", summary: "Tensor", tracks: "Tensor") -> "tuple[Tensor, Tensor]":
        kept = torch.rand(summary.shape, generator=generator) >= options.dropout
        moved = F.conv1d(tracks, tower[2], padding=size // 2)
        moved = (moved - moved.mean(2, keepdim=True)).flatten(1)
        dropped = summary * kept / (1 - options.dropout)
        return F.normalize(dropped @ tower[0] + tower[1], dim=1), F.normalize(moved, dim=1)

    for step in range(options.steps):
        crop = torch.randint(options.crops, (len(videos),), generator=generator)
        a = embed(towers[0], reduced[crop, rows], pictures[crop, rows])
        b = embed(towers[1], music[crop, rows], sound[crop, rows])
        scale = scales.exp()
        scores = scale[0] * a[0] @ b[0].T + scale[1] * a[1] @ b[1].T
        loss = (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if on_progress:
            on_progress((step + 1) / options.steps, f"training the towers, step {step + 1} of {options.steps}")
    arrays = [tuple(t.detach().numpy().astype(np.float64) for t in tower) for tower in towers]
    video, sounds = Tower(basis @ arrays[0][0], *arrays[0][1:]), Tower(*arrays[1])
    first, second = (float(s) for s in scales.detach().exp())
    return Towers(video, sounds, (first, second))


def components(summaries: np.ndarray, options: TowerOptions) -> np.ndarray:
    """[F, C] the basis in which the video tower learns.

    Of CLIP's embedding it takes the first principal components, everything else as it is. `summaries` [crops, n, F] in
    standard scores.
    """
    flat = summaries.reshape(-1, summaries.shape[2])
    if not options.clip:
        return np.eye(flat.shape[1])
    own = len(summarise_width(options))
    embedding = flat[:, own:]
    count = min(COMPONENTS, *embedding.shape)
    values, vectors = np.linalg.eigh(embedding.T @ embedding / len(embedding))
    first = vectors[:, ::-1][:, :count] / np.sqrt(max(values[::-1][:count].mean(), 1e-9))
    basis = np.zeros((flat.shape[1], own + count))
    basis[:own, :own] = np.eye(own)
    basis[own:, own:] = first
    return basis


def summarise_width(options: TowerOptions) -> range:
    """The places of a summary that are not CLIP's."""
    blank = Footage(np.zeros(2), np.zeros(2), np.full((2, 6), 1 / 6))
    summary = summarise(blank, "words" if options.words else "motion")
    return range(0 if summary is None else len(summary))
