"""What was seen: cuts and feature tracks of a video, and the reference by which a plan knows its video again."""

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffbgm.errors import PlanError
from diffbgm.typed import typed
from diffbgm.types.values import Value, check_range, check_rising


@dataclass(frozen=True)
@typed(PlanError)
class Cut:
    """A change of shot.

    Attributes:
        time: Seconds; a fade counts by its middle.
        strength: 0..1, how hard it hits the eye.
        kind: An immediate cut, or a fade.

    """

    time: float
    strength: float = 1.0
    kind: Literal["cut", "fade"] = "cut"

    def __post_init__(self) -> None:
        check_range(self.strength, "Cut: strength")


@dataclass(frozen=True)
@typed(PlanError)
class VideoReference:
    """The video that a plan was made for.

    Attributes:
        duration: Seconds.
        shots: Digest of the duration and the times of the cuts, both to the millisecond.

    """

    duration: float
    shots: str

    @classmethod
    def of(cls, duration: float, cuts: Iterable[Cut]) -> "VideoReference":
        """Return the reference of a video of `duration` seconds with these cuts."""
        text = ",".join(f"{time:.3f}" for time in (*(cut.time for cut in cuts), duration))
        return cls(float(duration), hashlib.sha256(text.encode()).hexdigest()[:16])


@dataclass(frozen=True, eq=False)
@typed(PlanError)
class VideoFeatures(Value):
    """What the pictures say.

    Attributes:
        duration: Seconds: the end of the last frame.
        frame_rate: Frames per second, the average; 0 when there is a single frame.
        width: Pixels.
        height: Pixels.
        has_audio: Whether the video has a sound of its own.
        cuts: Rising in time, strictly inside (0, duration).
        times: [N] seconds at which the tracks below were sampled, rising.
        motion: [N] 0..1, how much moves.
        colour: [N, 3] brightness 0..1, saturation 0..1, warmth -1..1 (blue to orange).
        affect: [N, 2] valence, arousal, each -1..1.
        clip: [M, D] image embeddings of CLIP at `clip_times`, or None.
        clip_times: [M] seconds, or None.
        semantics: Where the affect came from: "colour" or "clip".

    """

    duration: float
    frame_rate: float
    width: int
    height: int
    has_audio: bool
    cuts: tuple[Cut, ...]
    times: np.ndarray
    motion: np.ndarray
    colour: np.ndarray
    affect: np.ndarray
    clip: np.ndarray | None = None
    clip_times: np.ndarray | None = None
    semantics: str = "colour"

    def __post_init__(self) -> None:
        if not self.duration > 0:
            raise PlanError(f"VideoFeatures: duration must be positive, got {self.duration!r} s")
        self._freeze_tuples("cuts")
        n = len(self._freeze("times", np.float64, 1))
        shapes: tuple[tuple[str, tuple[int, ...]], ...] = (("motion", (n,)), ("colour", (n, 3)), ("affect", (n, 2)))
        for name, shape in shapes:
            if (got := self._freeze(name, np.float32, len(shape)).shape) != shape:
                raise PlanError(f"VideoFeatures.{name}: expected shape {shape}, got {got}")
        if n == 0 or (np.diff(self.times) <= 0).any():
            raise PlanError("VideoFeatures.times: must hold at least one time, and rise")
        check_rising([cut.time for cut in self.cuts], self.duration, "VideoFeatures.cuts")
        if (self.clip is None) != (self.clip_times is None):
            raise PlanError("VideoFeatures: clip and clip_times come together or not at all")
        if self.clip is not None:
            self._freeze("clip", np.float32, 2)
            self._freeze("clip_times", np.float64, 1)

    @property
    def shots(self) -> tuple[tuple[float, float], ...]:
        """(start, end) of every shot in seconds; they tile the video."""
        edges = (0.0, *(cut.time for cut in self.cuts), self.duration)
        return tuple(itertools.pairwise(edges))

    @property
    def reference(self) -> VideoReference:
        """By which a plan knows the video again."""
        return VideoReference.of(self.duration, self.cuts)
