"""From a video to what its pictures say: cuts, motion, colour, affect, in one walk over the pictures."""

from diffbgm.video.analysis import analyze
from diffbgm.video.describe import describe

__all__ = ["analyze", "describe"]
