"""Feature tracks drawn from numbers, for planner tests: scenes with a look each, and cuts between them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbgm.research.metrics.sync import random_cuts
from diffbgm.types import Cut, VideoFeatures

# motion, brightness, saturation, warmth, valence, arousal
BRIGHT = (0.6, 0.8, 0.7, 0.3, 0.6, 0.6)
DARK = (0.05, 0.15, 0.2, -0.3, -0.6, -0.6)
PLAIN = (0.3, 0.5, 0.4, 0.0, 0.0, 0.0)


def draw_features(
    duration: float,
    cuts: Sequence[Cut] = (),
    looks: Sequence[Sequence[float]] = (PLAIN,),
    *,
    seed: int = 0,
    **more: Any,
) -> VideoFeatures:
    """Features of a video whose i-th shot has looks[i % len(looks)], sampled twice a second with a little noise."""
    times = np.arange(0.0, duration, 0.5)
    shot = np.searchsorted([cut.time for cut in cuts], times, side="right")
    rows = np.array(looks, float)[shot % len(looks)] + np.random.default_rng(seed).normal(0, 0.02, (len(times), 6))
    return VideoFeatures(
        duration=duration,
        frame_rate=25.0,
        width=640,
        height=360,
        has_audio=False,
        cuts=tuple(cuts),
        times=times,
        motion=np.clip(rows[:, 0], 0, 1),
        colour=np.clip(rows[:, 1:4], [0, 0, -1], 1),
        affect=np.clip(rows[:, 4:6], -1, 1),
        **more,
    )


def draw_random(mean_shot: float, seed: int, looks: Sequence[Sequence[float]] = (PLAIN,)) -> VideoFeatures:
    """The features of a benchmark video of `random_cuts`."""
    duration, cuts = random_cuts(mean_shot, seed)
    return draw_features(duration, cuts, looks, seed=seed)


def every(seconds: float, duration: float, strength: float = 0.8) -> list[Cut]:
    """A cut every so many seconds."""
    return [Cut(float(t), strength) for t in np.arange(seconds, duration - 0.1, seconds)]
