"""What a plan holds in seconds of its film (hits, rests, energy ...), in the seconds of a new edit of that film."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.planner.spotting import HIT, NEAR, RESUME, Asked, Span, level_at
from diffbgm.types import Cut, MusicPlan

JUMP = 1e-4  # seconds of the new edit, or less, over which the old film's time jumps: pictures were taken out


@dataclass(frozen=True)
class Edit:
    """Where the pictures of a film are in its new edit.

    Attributes:
        stretches: (start, end, new start, new end) in seconds: the stretches of the old film that are kept, in order.
    """

    stretches: tuple[tuple[float, float, float, float], ...]

    @classmethod
    def of(cls, new: np.ndarray, old: np.ndarray) -> "Edit":
        """From rising points of the new edit, and where the same pictures were in the old film, both in seconds."""
        ends = zip(old[:-1].tolist(), old[1:].tolist(), new[:-1].tolist(), new[1:].tolist(), strict=True)
        return cls(tuple((a, b, c, d) for a, b, c, d in ends if d - c > JUMP and b - a > JUMP))

    def time(self, old: float) -> float | None:
        """The new second of an old one; None where its pictures were taken out."""
        inside = [s for s in self.stretches if s[0] - JUMP <= old <= s[1] + JUMP]
        if not inside:
            return None
        start, end, new, new_end = inside[-1]  # at a cut what begins there
        return float(np.interp(old, (start, end), (new, new_end)))

    def spans(self, start: float, end: float) -> tuple[Span, ...]:
        """The new spans that show what the old film showed from `start` to `end`, those that touch joined."""
        out: list[Span] = []
        for low, high, new, new_end in self.stretches:
            a, b = np.interp([max(start, low), min(end, high)], [low, high], [new, new_end]).tolist()
            if min(end, high) <= max(start, low):
                continue
            if out and a - out[-1][1] <= 2 * JUMP:
                out[-1] = (out[-1][0], b)
            else:
                out.append((a, b))
        return tuple(out)


def retime(plan: MusicPlan, edit: Edit) -> MusicPlan:
    """The plan with hits, rests, energy and the like where their pictures are now; its beats are not moved.

    Hits still have the beats of the old tempo map.
    """
    moved = [(hit, edit.time(hit.time)) for hit in plan.hits]
    return replace(
        plan,
        hits=tuple(replace(hit, time=time) for hit, time in moved if time is not None),
        rests=tuple(span for start, end in plan.rests for span in edit.spans(start, end)),
        talks=tuple(span for start, end in plan.talks for span in edit.spans(start, end)),
        tacets=tuple((who, *span) for who, start, end in plan.tacets for span in edit.spans(start, end)),
        energy=retime_energy(plan.energy, edit),
    )


def retime_energy(points: Sequence[Span], edit: Edit) -> tuple[Span, ...]:
    """The energy's points in the new edit, with the levels at both ends of every stretch that is kept."""
    out: list[Span] = []
    for start, end, new, new_end in edit.stretches if points else ():
        inside = [(at, level) for at, level in points if start < at < end]
        at = [start, *(time for time, _ in inside), end]
        levels = level_at(points, np.array(at))
        out += zip(np.interp(at, (start, end), (new, new_end)).tolist(), levels.tolist(), strict=True)
    return tuple(dict.fromkeys(out))


def asked_again(plan: MusicPlan, edit: Edit, cuts: Sequence[Cut]) -> list[Asked]:
    """What the plan asks of each cut of the new edit: what it asked of the cut between the same pictures."""
    asked: list[Asked] = [""] * len(cuts)
    times = np.array([cut.time for cut in cuts])
    for cut in plan.cuts:
        time = edit.time(cut.time) if cut.asked else None
        near = int(np.abs(times - time).argmin()) if time is not None and len(times) else -1
        if time is not None and near >= 0 and abs(times[near] - time) <= NEAR:
            asked[near] = cut.asked
    return asked


def anchors_again(plan: MusicPlan, asked: Sequence[Asked], cuts: Sequence[Cut], duration: float) -> list[Span]:
    """(seconds, worth) of what wants a half beat in a plan that is retimed; compare `spotting.anchors_of`."""
    must = [cut.time for cut, word in zip(cuts, asked, strict=True) if word == "must"]
    returns = [end for _, end in plan.rests] + [end for _, _, end in plan.tacets]
    worth = [*((t, HIT) for t in (*(hit.time for hit in plan.hits), *must)), *((t, RESUME) for t in returns)]
    return sorted((t, w) for t, w in worth if 0.05 < t < duration - (0.5 if w == RESUME else 0.05))
