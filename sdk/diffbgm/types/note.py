"""A note: what plans, rolls, tracks and files all hold."""

import math
from dataclasses import dataclass

from diffbgm.errors import PlanError
from diffbgm.typed import typed


@dataclass(frozen=True, order=True)
@typed(PlanError)
class Note:
    """From beat `start` to beat `end`; `pitch` and `velocity` as in MIDI (0..127)."""

    start: float
    end: float
    pitch: int
    velocity: int = 80

    def __post_init__(self) -> None:
        if not (self.start < self.end < math.inf and 0 <= self.pitch <= 127 and 1 <= self.velocity <= 127):
            raise PlanError(
                f"not a playable note: beats {self.start:g}-{self.end:g}, pitch {self.pitch}, velocity {self.velocity}"
            )
