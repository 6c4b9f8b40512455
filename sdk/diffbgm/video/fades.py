"""Soft changes of shot: dissolves, and dips through a plain picture (black, white or one colour).

A dissolve is a straight walk from one picture to another: on the line from A to B the share of B rises steadily, and
what is left off the line stays small. Pans, tilts and slow light come close to that, so four more things must hold: the
details of A and B are different ones, the whole picture changes and not a title in it, neither end is plain, and the
picture changes faster than before and after. A dip is a picture that empties and fills again.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from diffbgm.types import Cut
from diffbgm.video.motion import difference

SIZE = 32  # pixels of the longer side of the luma thumbnails
STEP = 0.1  # seconds between those that are kept
REACH = 20  # steps kept on either side of the middle
HALVES = (3, 4, 6, 9, 13)  # half lengths of the windows in steps: dissolves of 0.3 to 2.4 s
LEAST_CHANGE = 12.0  # levels of 0..255 between the two ends
OFF_LINE = 0.3  # largest distance from the line, as a share of its length
LARGEST_STEP = 0.45  # of the way in one step; more is a cut
SAME_DETAIL = 0.5  # correlation of the two ends' details above which they show the same thing
SPREAD = 0.42  # how evenly the change covers the picture: 1 everywhere the same, 0 a single point
FASTER = 2.0  # change a step inside the dissolve over that outside
PLAINER = 0.3  # contrast of one end over that of the other below which it is a fade to or from a plain picture
PLAIN = 6.0  # standard deviation in levels below which a picture is plain
FADING = 0.6  # of its contrast: a picture that has less of it is fading
COMES_BACK = 0.4  # change across a flash, as a share of the change to the flash
LONGEST_DIP = 3.0  # seconds of plain picture that still join two fades into one change
SETTLE = 5  # steps before and after a dip at which the pictures are taken
CLEAR = 1000.0  # score of a dip, above any dissolve
SOFTNESS = 0.55  # a fade hits less hard than a cut of the same change
SOFT_CHANGE = 35.0  # levels: as for hard cuts
NEAR = 0.1  # seconds around a fade in which a hard cut rules it out
APART = 1.0  # seconds between fades, at least


@dataclass(frozen=True)
class Fade:
    """A soft change: its middle in seconds, the span it takes, the change in levels of 0..255, how clear it is."""

    time: float
    start: float
    end: float
    levels: float
    score: float

    @property
    def strength(self) -> float:
        """How much the fade counts as a cut, 0.02..1: it grows with the change in levels."""
        return float(np.clip(SOFTNESS * (1.0 - np.exp(-self.levels / SOFT_CHANGE)), 0.02, 1.0))


@dataclass(frozen=True)
class _Dip:
    """A stretch of plain pictures: when it began, the picture SETTLE steps earlier, the last one before it."""

    start: float
    settled: np.ndarray
    before: np.ndarray


class FadeFinder:
    """Feed thumbnails in order of time with `add`; `finish` gives the fades. Holds four seconds of them."""

    def __init__(self) -> None:
        self._kept: deque[np.ndarray] = deque(maxlen=2 * REACH + 1)  # one every STEP, the latest at _clock
        self._clock = 0.0
        self._last: np.ndarray | None = None  # the picture on the screen
        self._plain: _Dip | None = None  # a running one
        self._dips: list[tuple[float, float, np.ndarray]] = []  # start, end, picture before; waiting for the one after
        self._found: list[Fade] = []

    def add(self, time: float, luma: np.ndarray) -> None:
        """`luma` [h, w] float32, levels of 0..255, a few pixels."""
        if self._last is None:
            self._kept.extend([luma] * REACH)  # as if the first picture had always stood
            self._last = luma
            self._clock = time - STEP
        while self._clock + STEP <= time + 1e-9:
            self._keep(luma if time - self._clock < 2 * STEP - 1e-9 else self._last)
        self._watch_dips(time, luma)
        self._last = luma

    def finish(self, hard: list[float]) -> list[Cut]:
        """The fades; none in which a hard cut falls (`hard`: their times), none beside a clearer one."""
        if self._last is not None:
            for _ in range(REACH):
                self._keep(self._last)
            for start, end, before in self._dips:
                self._found += dip(start, end, before, self._last)
        chosen: list[Fade] = []
        for fade in sorted(self._found, key=lambda f: -f.score):
            cut_inside = any(fade.start - NEAR < t < fade.end + NEAR for t in hard)
            if not cut_inside and all(abs(fade.time - other.time) > APART for other in chosen):
                chosen.append(fade)
        return [Cut(fade.time, fade.strength, "fade") for fade in chosen]

    def _keep(self, luma: np.ndarray) -> None:
        self._clock += STEP
        self._kept.append(luma)
        if len(self._kept) < 2 * REACH + 1:
            return
        ends = [(self._kept[REACH - half], self._kept[REACH + half]) for half in HALVES]
        if max(difference(a, b) for a, b in ends) < LEAST_CHANGE:
            return
        pictures = np.stack(self._kept)
        times = self._clock + STEP * np.arange(-2 * REACH, 1)
        fades = [fade for half in HALVES if (fade := dissolve(times, pictures, half)) is not None]
        if fades:
            self._found.append(max(fades, key=lambda f: f.score))

    def _watch_dips(self, time: float, luma: np.ndarray) -> None:
        plain = is_plain(luma)
        if plain and self._plain is None and self._last is not None and not is_plain(self._kept[-SETTLE]):
            self._plain = _Dip(time, self._kept[-SETTLE], self._last)
        elif not plain and self._plain is not None:
            if self._last is None or not is_flash(self._plain.settled, self._plain.before, self._last, luma):
                self._dips.append((self._plain.start, time, self._plain.settled))
            self._plain = None
        while self._dips and time >= self._dips[0][1] + SETTLE * STEP:
            self._found += dip(*self._dips.pop(0), luma)


def dip(start: float, end: float, before: np.ndarray, after: np.ndarray) -> list[Fade]:
    """The fade of a picture that is plain from `start` to `end`; none where the same picture comes back.

    After a long stretch the change counts where the picture comes back, else in the middle.
    """
    levels = difference(before, after)
    if is_plain(before) or is_plain(after) or levels < LEAST_CHANGE or _same_detail(before, after):
        return []
    return [Fade((start + end) / 2 if end - start <= LONGEST_DIP else end, start, end, levels, CLEAR)]


def is_flash(settled: np.ndarray, before: np.ndarray, plain: np.ndarray, after: np.ndarray) -> bool:
    """Whether a plain picture stands in the middle of a shot, such as a photographer's flash.

    So it is where the picture `before` it had not begun to fade (from what it was at `settled`), and the one `after`
    it goes on where that one left off.
    """
    jump = min(difference(before, plain), difference(plain, after))
    whole = before.std() > FADING * settled.std()
    return bool(whole and jump > LEAST_CHANGE and difference(before, after) < COMES_BACK * jump)


def is_plain(luma: np.ndarray) -> bool:
    """One and the same light all over."""
    import cv2

    return float(cv2.meanStdDev(luma)[1][0, 0]) < PLAIN


def dissolve(times: np.ndarray, pictures: np.ndarray, half: int) -> Fade | None:
    """The dissolve within `half` steps of the middle of `pictures` [n, h, w] in levels of 0..255 at `times` [n]."""
    middle = len(pictures) // 2
    window = slice(middle - half, middle + half + 1)
    walk = pictures[window]
    start, end = walk[0], walk[-1]
    levels = difference(start, end)
    if levels < LEAST_CHANGE:
        return None
    contrasts = sorted((float(start.std()), float(end.std())))
    if contrasts[0] < max(PLAIN, PLAINER * contrasts[1]):
        return None
    way = (end - start).ravel()
    length = float(way @ way)
    walked = (walk - start).reshape(len(walk), -1)
    share = walked @ way / length  # [2 half + 1] 0 at the first picture, 1 at the last
    steps = np.diff(share)
    if steps.min() < -0.05 or steps.max() > LARGEST_STEP:
        return None
    off = np.linalg.norm(walked - share[:, None] * way, axis=1) / np.sqrt(length)
    spread = levels**2 * way.size / length
    if off.max() > OFF_LINE or spread < SPREAD or _same_detail(start, end):
        return None
    inside = np.flatnonzero((share > 0.05) & (share < 0.95)) + window.start
    if len(inside) == 0 or not _stands_out(pictures, inside[0] - 1, inside[-1] + 1):
        return None
    if any(is_plain(picture) for picture in pictures):  # then it is part of a dip, or of a beginning or an end
        return None
    time = float(np.interp(0.5, share, times[window]))
    return Fade(time, float(times[inside[0]]), float(times[inside[-1]]), levels, levels * (1.0 - float(off.mean())))


def _stands_out(pictures: np.ndarray, first: int, last: int) -> bool:
    """Whether the pictures change faster between `first` and `last` than around them."""
    change = np.abs(np.diff(pictures, axis=0)).mean((1, 2))  # [n - 1]
    outside = np.concatenate([change[:first], change[last:]])
    return len(outside) < 4 or float(change[first:last].mean()) > FASTER * float(np.median(outside))


def _same_detail(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the fine structure of two pictures rises and falls together: the same thing in another light."""
    import cv2

    a, b = (x - cv2.blur(x, (9, 9)) for x in (a, b))
    return float((a * b).sum()) > SAME_DETAIL * float(np.linalg.norm(a) * np.linalg.norm(b) + 1e-9)
