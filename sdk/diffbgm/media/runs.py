"""Runs of packets whose stamps follow one another, and how the runs of a file are put behind one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from statistics import median_low
from typing import Any

from diffbgm.media.limits import as_time

RESTART = 0.5  # seconds that stamps of decoding go back where a recording starts again
RESTART_BROADCAST = 0.02  # the same in transport streams, where pieces joined with `cat` may overlap
LONG = 60.0  # seconds between two pictures that are believed without further evidence
LONG_BROADCAST = 10.0  # the same in transport streams, whose stamps may jump (FFmpeg's dts_delta_threshold)
UNUSUAL = 20.0  # times the usual step between pictures: a longer one may be a wrong stamp
SAME_JUMP = 2.0  # seconds by which jumps of pictures and sound at one place may differ
SAME_PLACE = 5.0  # seconds between the two in the file
MOST_JUMPS = 1000  # in one stream
FILLED = Fraction(8, 10)  # share of a gap between pictures that sound fills where the gap is believed
PIECE = 1.0  # seconds that a packet of sound may claim to last, however small it is
SPARSE = 100  # bytes per second below which a longer claim is not believed
STEPS_KEPT = 4096  # of which the usual step is the median


@dataclass
class Run:
    """Packets whose stamps follow one another; times in seconds, or in ticks while the packets pass."""

    first: int  # number of the first packet
    start: Any
    before: Any  # the latest stamp but one
    last: Any  # the latest stamp
    length: Any  # what the packet of the latest stamp claims to last
    packets: int = 1
    shift: Fraction = Fraction(0)

    def add(self, time: int, length: int) -> None:
        """Takes a packet stamped `time` that claims to last `length`, both in ticks."""
        self.packets += 1
        self.start = min(self.start, time)
        if time > self.last:
            self.before, self.last, self.length = self.last, time, length
        elif time == self.last:
            self.length = length
        else:
            self.before = max(self.before, time)

    @property
    def end(self) -> Any:
        """When the packet of the latest stamp ends, in the unit of the run."""
        return self.last + self.length

    def in_seconds(self, base: Fraction) -> "Run":
        """A copy in seconds of a run in ticks of `base` seconds, not shifted."""
        return Run(
            self.first, self.start * base, self.before * base, self.last * base, self.length * base, self.packets
        )


class Walk:
    """What is known of a stream while its packets pass."""

    def __init__(self, stream: Any, *, broadcast: bool) -> None:
        self.base = Fraction(stream.time_base)
        self.count = 0
        self.shown = 0  # packets from the first key frame on that are not hidden by an edit list
        self._begun = False
        self._patience = int((LONG_BROADCAST if broadcast else LONG) / self.base)
        self._restart = int((RESTART_BROADCAST if broadcast else RESTART) / self.base)
        self._untimed = 0  # summed lengths of packets without a stamp
        self._latest: int | None = None  # when the packet before is decoded
        self._sound = stream.type == "audio"
        self._tick = float(self.base)  # a fraction takes ten times as long, and there may be millions of packets
        self._runs: list[Run] = []
        self._steps: list[int] = []

    def add(self, packet: Any) -> None:
        """Takes the next packet; opens a new run where its stamp jumps."""
        number, self.count = self.count, self.count + 1
        self._begun = self._begun or packet.is_keyframe
        if packet.is_discard or not self._begun:
            return
        self.shown += 1
        length, time = packet.duration or 0, stamp_of(packet)
        if self._sound:
            length = min(length, int(max(PIECE, packet.size / SPARSE) / self._tick))
        if time is None:
            self._untimed += length
            return
        order = time if packet.dts is None else packet.dts
        step = 0 if self._latest is None else order - self._latest
        self._latest = order
        if step > 0 and len(self._steps) < STEPS_KEPT:
            self._steps.append(step)
        back = -step > (self._patience if packet.dts is None or not packet.is_keyframe else self._restart)
        far = bool(self._runs) and time > self._runs[-1].last + self._patience
        if not self._runs or ((back or far) and len(self._runs) <= MOST_JUMPS):
            self._runs.append(Run(number, time, time, time, length))
        else:
            self._runs[-1].add(time, length)

    @property
    def jumps(self) -> int:
        """The number of runs so far: one more than the places where the stamps jump."""
        return len(self._runs)

    @cached_property
    def runs(self) -> list[Run]:
        """In seconds as stamped, to be asked for once all packets have passed."""
        return [run.in_seconds(self.base) for run in self._runs]

    @property
    def untimed(self) -> Fraction:
        """The summed lengths of the packets without a stamp, in seconds."""
        return self._untimed * self.base

    @property
    def step(self) -> Fraction | None:
        """The usual time between packets in seconds, a median; None while there is none."""
        return median_low(self._steps) * self.base if self._steps else None


def stamp_of(packet: Any) -> int | None:
    """When a packet's picture is shown, in ticks; where only the time of decoding is known, that."""
    return packet.pts if packet.pts is not None else packet.dts


def chain(runs: list[Run], step: Fraction, heard: Sequence[Walk]) -> list[str]:
    """Sets the shifts of the pictures' runs; gives what was done, in words."""
    notes: list[str] = []
    at = 0  # the run that the next one follows
    if _first_is_wrong(runs, heard):
        runs[0].shift, at = runs[1].start - step - runs[0].last, 1
        notes.append(f"its first time stamp is wrong by {as_time(abs(float(runs[0].shift)))}: passed over")
    for i in range(at + 1, len(runs)):
        before, run = runs[at], runs[i]
        place = f"at {as_time(float(before.last + before.shift - runs[0].start - runs[0].shift))}"
        run.shift = before.shift
        gap = run.start - before.last
        if _is_outlier(runs, at, i):
            run.shift += before.last + step - run.start
            notes.append(f"time stamps {place} are wrong by {as_time(abs(float(gap)))}: passed over")
            continue
        at = i
        filled = _filled(heard, before.last, run.start)
        if gap < 0:
            run.shift += before.last + step - run.start
            notes.append(f"its time stamps start again {place}: joined there")
        elif gap > UNUSUAL * step and filled < FILLED * gap:
            rest = sum((later.last - later.start for later in runs[i:]), step)
            run.shift += before.last + max(step, filled - rest) - run.start  # sound that goes on belongs to the rest
            notes.append(f"its time stamps jump ahead by {as_time(float(gap))} {place}: the gap is left out")
    return notes


def _first_is_wrong(runs: list[Run], heard: Sequence[Walk]) -> bool:
    """Whether only the first stamp is off: it lies later than the second, or sound begins with the second."""
    if len(runs) < 2 or runs[0].packets > 1:
        return False
    begin = min((walk.runs[0].start for walk in heard if walk.runs), default=runs[0].start)
    return runs[1].start < runs[0].start or abs(begin - runs[1].start) < min(LONG_BROADCAST, abs(begin - runs[0].start))


def _is_outlier(runs: list[Run], at: int, i: int) -> bool:
    """Whether, after run `i`, stamps go on as they stood in run `at`."""
    far = abs(runs[i].start - runs[at].last) > LONG_BROADCAST
    return far and i + 1 < len(runs) and -SAME_JUMP < runs[i + 1].start - runs[at].last < LONG_BROADCAST


def last_picture(
    runs: list[Run], frames: int, start: Fraction, step: Fraction, usual: Fraction
) -> tuple[Fraction, Fraction]:
    """When the last picture appears after `start`, and how long it claims to last."""
    if not runs:
        return usual * max(0, frames - 1), usual
    run = max(runs, key=lambda r: r.last + r.shift)
    length = run.length or (run.last - run.before) or (step if len(runs) > 1 else usual)
    last = run.last + run.shift - start
    if not last and frames > 1 and run.packets < frames:  # only the first has a stamp
        return usual * (frames - 1), usual
    return last, length


def _filled(heard: Sequence[Walk], start: Fraction, end: Fraction) -> Fraction:
    """How long, from `start` on, sound goes on between two stamps."""
    inside = [
        min(run.end, end) - start
        for walk in heard
        for run in walk.runs
        if run.start < start + RESTART and run.end > start
    ]
    return max(inside, default=Fraction(0))


def follow(runs: list[Run], seen: list[Run]) -> None:
    """Moves a stream's runs as the pictures moved at the same jump; where it alone starts again, it goes on."""
    jumps = [(before.last, run.start - before.last, run.shift - before.shift) for before, run in pairwise(seen)]
    at = 0
    for i in range(1, len(runs)):
        before, run = runs[at], runs[i]
        run.shift = before.shift
        gap = run.start - before.end
        same = [jump for jump in jumps if abs(jump[1] - gap) < SAME_JUMP and abs(jump[0] - before.end) < SAME_PLACE]
        if same:
            near = min(same, key=lambda jump: abs(jump[1] - gap))
            run.shift += near[2]
            del jumps[: jumps.index(near) + 1]
        elif _is_outlier(runs, at, i):
            run.shift -= gap
            continue
        elif gap < -RESTART:
            run.shift -= gap
        at = i


def span_of(heard: Sequence[Walk], start: Fraction, pictures: float) -> tuple[float, float] | None:
    """(start, end) of the sound after `start`; runs that begin long after the pictures ended are not believed."""
    spans = [
        (float(run.start + run.shift - start), float(run.end + run.shift - start))
        for walk in heard
        for run in walk.runs
    ]
    believed = [span for span in spans if span[0] < pictures + LONG]
    untimed = [(0.0, float(walk.untimed)) for walk in heard if not walk.runs and walk.untimed]
    if not believed + untimed:
        return None
    return min(a for a, _ in believed + untimed), max(b for _, b in believed + untimed)
