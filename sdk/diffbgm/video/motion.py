"""How much moves: from differences between pictures to a motion between 0 and 1.

The measure is the one of MuVi-Sync's motion labels (Kang, Poria & Herremans, Video2Music, 2024): the mean absolute RGB
difference of consecutive pictures. There it is taken at about 25 pictures per second; here it is counted per second of
real time and divided by 25, so that 60 pictures per second, repeated pictures and variable rates give the same value.
Cuts are taken out. The curve onto 0..1 follows the distribution of 671 music videos (172,000 seconds): their quartiles
2.1, 4.8 and 9.9 become .25, .50 and .73. Limits: a pan over fine texture counts more than one over sky, and
darkness hides motion.
"""

import numpy as np

REFERENCE_RATE = 25.0  # pictures per second at which MuVi-Sync's differences were taken
MEDIAN_DIFFERENCE = 4.8  # levels of 0..255
STEEPNESS = 1.35


def difference(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference of two pictures of the same shape, in levels of 0..255."""
    import cv2

    return cv2.norm(before, after, cv2.NORM_L1) / before.size


def shrink(picture: np.ndarray, size: int) -> np.ndarray:
    """A picture [h, w] or [h, w, 3] averaged down to `size` pixels on its longer side."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, size / max(width, height))
    return cv2.resize(
        picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )


def motion_from_difference(levels: np.ndarray) -> np.ndarray:
    """Motion 0..1 from mean absolute RGB differences of consecutive pictures, as MuVi-Sync stores them."""
    x = np.maximum(np.asarray(levels, np.float64), 0.0) / MEDIAN_DIFFERENCE
    return x**STEEPNESS / (1.0 + x**STEEPNESS)


def motion_from_change(levels_per_second: np.ndarray) -> np.ndarray:
    """Motion 0..1 from change in levels per second."""
    return motion_from_difference(np.asarray(levels_per_second) / REFERENCE_RATE)
