"""Changes of shot: hard cuts by PySceneDetect's AdaptiveDetector, verified in their neighbourhood; fades by `fades`.

The detector compares every picture's change (hue, saturation, value) with that of the two pictures before and after.
That alone takes flashes and jerky motion (animation on threes, repeated pictures) for cuts, so a candidate is judged
half a second later: the picture must not come back, and the change must stand out from the whole neighbourhood.
"""

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from diffbgm.types import Cut
from diffbgm.video.colour import LUMA
from diffbgm.video.fades import SIZE as FADE_SIZE
from diffbgm.video.fades import FadeFinder
from diffbgm.video.motion import difference, shrink

THUMB_SIZE = 16  # pixels of the longer side of the thumbnails that tell flashes and motion from cuts
NEIGHBOURHOOD = 0.5  # seconds before and after a candidate that are compared
SHORTEST_SHOT = 0.2  # seconds; of two cuts closer than this the stronger stays
MIN_CONTENT = 9.0  # the detector's least change; below PySceneDetect's 15, for cuts between dark shots
STAND_OUT = 1.6  # a cut changes this much more than the third largest change around it
COMES_BACK = 0.4  # a flash: afterwards the picture differs from the one before by less than this share of the jump
MICROSECOND = Fraction(1, 1_000_000)
SOFT_JUMP = 35.0  # levels of 0..255: the change at which the eye has taken 63 % of the blow


@dataclass(frozen=True)
class Jump:
    """A verified hard cut between the pictures at `before` and `time` seconds; `change` as `add` was given it."""

    before: float
    time: float
    change: float
    strength: float


@dataclass(frozen=True)
class _Thumbnail:
    time: float
    thumb: np.ndarray  # [h, w, 3] float32
    step: float  # levels between this thumbnail and the one before
    change: float  # the same of the larger picture, for whoever asked


def strength_of(levels: float, around: float) -> float:
    """0..1: how hard a change of `levels` hits, among changes of `around` levels in its neighbourhood.

    The first factor saturates with the change itself, the second falls where everything moves anyway.
    """
    hit = 1.0 - math.exp(-levels / SOFT_JUMP)
    return float(np.clip(hit * (1.0 - min(1.0, around / max(levels, 1e-6))), 0.02, 1.0))


class ShotFinder:
    """Feed pictures in order of time with `add`; `finish` gives the cuts. Holds one second of thumbnails."""

    def __init__(self) -> None:
        from scenedetect.detectors import AdaptiveDetector

        self._detector = AdaptiveDetector(min_scene_len=0.0, min_content_val=MIN_CONTENT)
        self._fades = FadeFinder()
        self._recent: deque[_Thumbnail] = deque()
        self._waiting: list[float] = []
        self._jumps: list[Jump] = []

    def add(self, time: float, picture: np.ndarray, small: np.ndarray, change: float) -> None:
        """Takes the next picture.

        Args:
            time: Seconds.
            picture: [h, w, 3] uint8 BGR, for the detector.
            small: [h', w', 3] float32 RGB, the same picture in small.
            change: How much changed since the picture before, in any measure: it comes back in the jumps.
        """
        from scenedetect.common import FrameTimecode, Timecode

        thumb = shrink(small, THUMB_SIZE)
        step = difference(self._recent[-1].thumb, thumb) if self._recent else 0.0
        self._recent.append(_Thumbnail(time, thumb, step, change))
        self._fades.add(time, shrink(small @ LUMA, FADE_SIZE))
        stamp = FrameTimecode(Timecode(pts=round(time * 1e6), time_base=MICROSECOND), fps=25.0)
        self._waiting += [cut.seconds for cut in self._detector.process_frame(stamp, picture)]
        while self._waiting and time >= self._waiting[0] + NEIGHBOURHOOD:
            self._judge(self._waiting.pop(0))
        while self._recent[0].time < time - 3 * NEIGHBOURHOOD:
            self._recent.popleft()

    def finish(self, end: float) -> tuple[tuple[Cut, ...], tuple[Jump, ...]]:
        """All cuts and fades strictly inside (0, end), and the jumps behind the hard ones."""
        for time in self._waiting:
            self._judge(time)
        self._waiting = []
        jumps = _apart(self._jumps)
        cuts = [Cut(jump.time, jump.strength) for jump in jumps]
        cuts += self._fades.finish([jump.time for jump in jumps])
        inside = sorted((cut for cut in cuts if 0.0 < cut.time < end), key=lambda cut: cut.time)
        return tuple(_distinct(inside)), tuple(self._jumps)

    def _judge(self, time: float) -> None:
        """Keep a candidate that stands out and does not come back."""
        thumbs = list(self._recent)
        at = next((i for i, s in enumerate(thumbs) if abs(s.time - time) < 2e-6), 0)
        if at == 0:
            return
        before, first = thumbs[at - 1], thumbs[at]
        near = [i for i, s in enumerate(thumbs) if i != at and abs(s.time - time) <= NEIGHBOURHOOD]
        later = [s for i, s in enumerate(thumbs) if i > at and i in near]
        earlier = [s for i, s in enumerate(thumbs) if i < at - 1 and i in near]
        limit = COMES_BACK * first.step
        flash_begins = any(difference(s.thumb, before.thumb) < limit for s in later)
        flash_ends = any(difference(s.thumb, first.thumb) < limit for s in earlier)
        steps = sorted((thumbs[i].step for i in near), reverse=True)
        rival = steps[2] if len(steps) > 2 else 0.0
        if flash_begins or flash_ends or first.step < STAND_OUT * rival:
            return
        around = float(np.median(steps)) if steps else 0.0
        self._jumps.append(Jump(before.time, time, first.change, strength_of(first.step, around)))


def _apart(jumps: list[Jump]) -> list[Jump]:
    """Of jumps closer than the shortest shot only the strongest, in order of time."""
    kept: list[Jump] = []
    for jump in sorted(jumps, key=lambda j: -j.strength):
        if all(abs(jump.time - other.time) >= SHORTEST_SHOT for other in kept):
            kept.append(jump)
    return sorted(kept, key=lambda j: j.time)


def _distinct(cuts: list[Cut]) -> list[Cut]:
    """Without the second of two at the very same time."""
    return [cut for i, cut in enumerate(cuts) if i == 0 or cut.time > cuts[i - 1].time]
