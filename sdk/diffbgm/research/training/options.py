"""How a training run goes: its length, its optimizer, what it saves and measures."""

import math
from dataclasses import dataclass, field

from diffbgm.errors import InputError
from diffbgm.research.datasets.windows import Sampling

SMALLEST_RATE = 0.01  # of the peak learning rate, where a run ends


@dataclass(frozen=True)
class TrainOptions:
    """`steps` or `minutes`, whichever comes first, end the run; the learning rate falls to a hundredth along the way.

    A run that ends after steps can be continued exactly; one that ends after minutes depends on the machine's pace.
    """

    steps: int = 10_000
    minutes: float = math.inf
    batch: int = 16
    repeats: int = 1  # steps that see the same windows, each with noise of its own: for a GPU that waits for windows
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.1
    dropout: float = 0.1  # in the beat transformer
    clip_norm: float = 1.0
    ema: float = 0.996
    ema_every: int = 4
    self_condition: float = 0.5
    velocity_weight: float = 2.0
    seed: int = 0
    checkpoint_minutes: float = 10.0
    validate_every: int = 500
    validation_windows: int = 128
    other_windows: int = 8  # of every corpus besides, where there are several
    workers: int = 0  # processes that draw windows beside the training, which a GPU needs
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "repeats", "warmup", "validate_every", "validation_windows", "ema_every"):
            if getattr(self, name) < 1:
                raise InputError(f"training: {name} must be at least 1, got {getattr(self, name)}")
        if self.workers < 0:
            raise InputError(f"training: workers must be at least 0, got {self.workers}")
        for name in ("minutes", "learning_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"training: {name} must be above 0, got {getattr(self, name)}")
        if not math.isfinite(self.learning_rate):
            raise InputError(f"training: learning_rate must be finite, got {self.learning_rate}")


def schedule(step: int, done: float, options: TrainOptions) -> float:
    """Share of the peak learning rate: a warm-up, then a cosine down to SMALLEST_RATE."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return min(1.0, (step + 1) / options.warmup) * (SMALLEST_RATE + (1 - SMALLEST_RATE) * cosine)
