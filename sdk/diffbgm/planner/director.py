"""The director: which levels of density and loudness, and which mode, music videos have that look like this one.

Ridge regression on random Fourier features (Rahimi & Recht, NIPS 2007) of a summary of the pictures, beside the
summary itself: the kernel k(x, y) = exp(-|x - y|^2 / 2 s^2) + a x y without storing an example. Fitted on MuVi-Sync by
`train_director`; how far it can be trusted is in `director.json` beside the weights. Its file may be missing: then
there is no director, and the planner does without.

Inside a video a second, linear map predicts how much louder and denser a section is than the rest
(`Director.sections`).

Limits: it has seen pop music videos only; inside a video pictures and music go together loosely.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from diffbgm.errors import InputError, WeightsError
from diffbgm.files import bundled_file, replacing, write_json
from diffbgm.planner.bar_features import samples_between
from diffbgm.types import VideoFeatures

FILE = "director.safetensors"
FORMAT = 1
TARGETS = ("density", "loudness", "minor")
View = Literal["clip", "words", "motion"]
VIEWS: tuple[View, ...] = ("clip", "words", "motion")  # the best first
SECTION_INPUTS = ("motion", "its spread", "log of the cuts per second")  # of `summarise_section`, before the embedding
SECTION_LIMIT = 0.2  # how far a section's level may leave its video's
SPREAD = 3.29  # standard deviations between the 5 % and the 95 % quantile: what levels 0 and 1 are
LEAST_WORD = 1e-3  # probabilities below it are not told apart
LEAST_CUTS = 0.05


@dataclass(frozen=True, eq=False)
class Footage:
    """What is known of the pictures of T seconds, second by second.

    Attributes:
        motion: [T] 0..1, as `video.motion` defines it.
        since_cut: [T] whole seconds since the shot began; 0 in every second in which a shot begins.
        words: [T, 6] probabilities of exciting, fearful, tense, sad, relaxing, neutral, or None.
        clip: [M, D] unnormalised image embeddings of CLIP, or None.

    """

    motion: np.ndarray
    since_cut: np.ndarray
    words: np.ndarray | None = None
    clip: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.motion)
        if not n or len(self.since_cut) != n or (self.words is not None and self.words.shape != (n, 6)):
            shape = None if self.words is None else self.words.shape
            raise InputError(f"Footage: motion [{n}], since_cut [{len(self.since_cut)}] and words {shape} do not fit")


@dataclass(frozen=True)
class Levels:
    """What the director predicts.

    Attributes:
        density: Level 0..1, 0 the 5 % and 1 the 95 % quantile of music videos.
        loudness: Likewise.
        minor: Probability of a minor key.
        base: Share of minor keys among music videos.
        view: What it looked at.

    """

    density: float
    loudness: float
    minor: float
    base: float
    view: View


@dataclass(frozen=True, eq=False)
class Head:
    """One regression.

    Attributes:
        mean: [F] of the summaries.
        scale: [F] standard deviation of the summaries.
        seed: From which the frequencies are drawn wherever they are needed.
        spread: Standard deviation of the frequencies.
        linear: Factor of the linear part of the kernel.
        weights: [2 R + F, 3] on R cosines, R sines and the summary times `linear`.
        bias: [3] of the TARGETS.
        label_mean: [3] of the TARGETS.
        label_scale: [3] of the TARGETS.

    """

    mean: np.ndarray
    scale: np.ndarray
    seed: np.ndarray
    spread: np.ndarray
    linear: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    label_mean: np.ndarray
    label_scale: np.ndarray

    def predict(self, summaries: np.ndarray) -> np.ndarray:
        """[n, 3] TARGETS in the units of their labels, for summaries [n, F]."""
        x = (np.asarray(summaries, np.float64) - self.mean) / self.scale
        count = (len(self.weights) - len(self.mean)) // 2
        return lift(x, self.seed.item(), count, self.spread.item(), self.linear.item()) @ self.weights + self.bias


def lift(x: np.ndarray, seed: int, count: int, spread: float, linear: float) -> np.ndarray:
    """[n, 2 count + F] features whose inner products are the kernel, from standardised summaries x [n, F]."""
    angles = x @ (spread * frequencies(x.shape[1], count, seed))
    waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(count)
    return np.concatenate([waves, linear * x], axis=1)


@lru_cache(maxsize=4)
def frequencies(size: int, count: int, seed: int) -> np.ndarray:
    """[size, count] normal draws. RandomState, because its stream is promised never to change."""
    return np.random.RandomState(seed).standard_normal((size, count)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Director:
    """Predicts music from pictures.

    Attributes:
        heads: One for each view of the pictures it was fitted on.
        sections: [F, 2] turns what a section has more than its video (`summarise_section`) into more density and
            loudness, in levels; None where only whole videos are predicted.

    """

    heads: Mapping[View, Head]
    sections: np.ndarray | None = None

    def direct(self, footage: Footage) -> Levels | None:
        """Levels from the best view that is there; None when none is."""
        for view in VIEWS:
            head, summary = self.heads.get(view), summarise(footage, view)
            if head is None or summary is None or len(summary) != len(head.mean):
                continue
            said = head.predict(summary[None])[0]
            level = np.clip(0.5 + (said - head.label_mean) / head.label_scale / SPREAD, 0.0, 1.0)
            minor = float(np.clip(said[2], 0.02, 0.98))
            return Levels(float(level[0]), float(level[1]), minor, float(head.label_mean[2]), view)
        return None

    def direct_sections(self, sections: Sequence[Footage]) -> np.ndarray | None:
        """Return [n, 2] how much the level of density and of loudness rises in each section above the video's.

        None where the sections have no embeddings of the width it knows.
        """
        if self.sections is None or len(sections) < 2:
            return None
        rows = np.array([summarise_section(section) for section in sections])
        if rows.shape[1] != len(self.sections):
            return None
        seconds = np.array([len(section.motion) for section in sections], float)
        more = rows - np.average(rows, axis=0, weights=seconds)
        return np.clip(more @ self.sections, -SECTION_LIMIT, SECTION_LIMIT)


def _motion_and_cutting(footage: Footage) -> tuple[np.ndarray, float]:
    """Return motion [T], and the cuts per second; the cut that opens the footage is not counted."""
    motion = np.asarray(footage.motion, np.float64)
    opens: np.ndarray = np.asarray(footage.since_cut)[1:] == 0
    return motion, float(np.mean(opens)) if len(motion) > 1 else 0.0


def summarise_section(footage: Footage) -> np.ndarray:
    """Return [F] the SECTION_INPUTS of some seconds, then the mean embedding where there is one."""
    motion, cutting = _motion_and_cutting(footage)
    row = np.array([motion.mean(), motion.std(), np.log(cutting + LEAST_CUTS)])
    return row if footage.clip is None else np.concatenate([row, footage.clip.astype(np.float64).mean(0)])


def summarise(footage: Footage, view: View) -> np.ndarray | None:
    """[F] what a head looks at: the mean embedding; or affect words, motion and cutting; or the last two alone."""
    if view == "clip":
        return None if footage.clip is None or not len(footage.clip) else footage.clip.astype(np.float64).mean(0)
    motion, cutting = _motion_and_cutting(footage)
    change = float(np.abs(np.diff(motion)).mean()) if len(motion) > 1 else 0.0
    shot = float(np.log1p(np.mean(footage.since_cut)))
    moving = [motion.mean(), motion.std(), change, cutting, np.log(cutting + LEAST_CUTS), shot]
    if view == "motion":
        return np.array(moving)
    if footage.words is None:
        return None
    words = np.log(np.maximum(footage.words, LEAST_WORD))
    return np.concatenate([words.mean(0), words.std(0), moving])


def footage_of(features: VideoFeatures) -> Footage:
    """Return the footage of a video as `analyze` saw it, in whole seconds (at least one)."""
    seconds = max(1, int(features.duration))
    inside = np.minimum(features.times.astype(int), seconds - 1)
    count = np.bincount(inside, minlength=seconds)
    total = np.bincount(inside, weights=features.motion.astype(np.float64), minlength=seconds)
    motion = np.interp(np.arange(seconds), np.flatnonzero(count), (total / np.maximum(count, 1))[count > 0])
    starts = np.unique([0, *(min(int(cut.time), seconds - 1) for cut in features.cuts)])
    since = np.arange(seconds) - starts[np.searchsorted(starts, np.arange(seconds), side="right") - 1]
    return Footage(motion, since, clip=features.clip)


def section_footage(features: VideoFeatures, edges: Sequence[float]) -> list[Footage]:
    """Return the footage between neighbouring `edges` in seconds.

    Every section has at least a second, and an embedding where the video has any.
    """
    whole = footage_of(features)
    stretches = None
    if features.clip is not None and features.clip_times is not None:
        stretches = samples_between(features.clip_times, np.asarray(edges))
    sections: list[Footage] = []
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        first = min(int(start), len(whole.motion) - 1)
        span = slice(first, max(first + 1, min(round(end), len(whole.motion))))
        clip = None if features.clip is None or stretches is None else features.clip[stretches[number]]
        sections.append(Footage(whole.motion[span], whole.since_cut[span], clip=clip))
    return sections


def load_director(path: Path | str) -> Director:
    """Return the director in a file; WeightsError for one that is damaged or of another format."""
    from safetensors import SafetensorError, safe_open

    try:
        with cast("Any", safe_open)(path, "numpy") as file:
            about: dict[str, str] = file.metadata() or {}
            tensors: dict[str, np.ndarray] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as e:
        raise WeightsError(f"{path}: cannot be read as a director ({e}); fit it again or leave it out") from e
    if about.get("format") != str(FORMAT):
        raise WeightsError(f"{path}: a director of format {about.get('format')}, this version reads {FORMAT}")
    fields = Head.__dataclass_fields__
    try:
        heads: dict[View, Head] = {
            view: Head(**{name: tensors[f"{view}.{name}"] for name in fields})
            for view in VIEWS
            if f"{view}.bias" in tensors
        }
    except KeyError as e:
        raise WeightsError(f"{path}: damaged director, no tensor {e}; fit it again or leave it out") from e
    return Director(heads, tensors.get("scenes"))


def save_director(director: Director, path: Path | str, card: Mapping[str, object]) -> None:
    """Write the weights and, beside them, `card` as JSON; each is renamed into place when whole."""
    from safetensors.numpy import save

    tensors = {
        f"{view}.{name}": np.array(getattr(head, name), np.int64 if name == "seed" else np.float32, order="C")
        for view, head in director.heads.items()
        for name in Head.__dataclass_fields__
    }
    if director.sections is not None:
        tensors["scenes"] = np.array(director.sections, np.float32, order="C")
    path = Path(path)
    with replacing(path) as part:
        part.write_bytes(save(tensors, metadata={"format": str(FORMAT)}))
    write_json(path.with_suffix(".json"), card, indent=2)


@cache
def bundled_director() -> Director | None:
    """Return the director that comes with the package, or None where it was left out."""
    file = bundled_file(FILE)
    return None if file is None else load_director(file)


def bundled_director_card() -> dict[str, Any] | None:
    """Return what was measured when that director was fitted, or None where it was left out."""
    file = bundled_file(FILE)
    card = None if file is None else file.with_suffix(".json")
    return json.loads(card.read_text(encoding="utf-8")) if card is not None and card.is_file() else None
