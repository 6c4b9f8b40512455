"""What reading one file may cost: bounds that are checked from the headers, and again while decoding."""

import math
import time
from dataclasses import dataclass, fields
from os import PathLike

from diffbgm.errors import InputError, VideoError


@dataclass(frozen=True)
class Limits:
    """Bounds on one film; generous by default, for a public server give stricter ones.

    Attributes:
        seconds: length of the film.
        pixels: width x height of a picture as it is stored.
        total_pixels: pixels per picture times the number of pictures, which is what decoding costs.
        sound_seconds: length of sound that is read.
        wall_clock: seconds that one walk over the pictures may take.

    Raises:
        InputError: A bound is no number, not above 0, or NaN.
    """

    seconds: float = 3 * 3600.0
    pixels: float = 120e6
    total_pixels: float = 3e13  # three hours of 8K at 60 pictures per second are 2.2e13
    sound_seconds: float = 24 * 3600.0
    wall_clock: float = 6 * 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float) or not value > 0:  # infinite: no limit
                raise InputError(f"Limits.{field.name} must be a number above 0, got {value!r}")

    def check_length(self, path: str | PathLike[str], seconds: float) -> None:
        """Raises VideoError for a film longer than `seconds` allows."""
        if seconds > self.seconds:
            raise VideoError(
                f"{path}: is {as_time(seconds)} long; films of up to {as_time(self.seconds)} are taken: cut it first"
            )

    def check_pictures(self, path: str | PathLike[str], width: int, height: int, count: int = 1) -> None:
        """Raises VideoError for pictures that are too large, or too many for their size."""
        if width * height > self.pixels:
            raise VideoError(
                f"{path}: has pictures of {width} x {height} pixels; up to {self.pixels / 1e6:.1f} million pixels "
                "are taken: scale it down first"
            )
        if width * height * count > self.total_pixels:
            raise VideoError(
                f"{path}: has {count} pictures of {width} x {height} pixels, more than can be decoded here: "
                "give it fewer pictures per second, or smaller ones"
            )

    def check_sound(self, path: str | PathLike[str], seconds: float) -> None:
        """Raises VideoError where more sound would be read than `sound_seconds` allows."""
        if seconds > self.sound_seconds:
            raise VideoError(
                f"{path}: has {as_time(seconds)} of sound; up to {as_time(self.sound_seconds)} are read: cut it first"
            )

    def decoder_options(self) -> dict[str, str]:
        """FFmpeg's option that keeps its decoders from making room for larger pictures."""
        return {} if math.isinf(self.pixels) else {"max_pixels": str(min(int(self.pixels), 2**31 - 1))}


class Stopwatch:
    """Raises VideoError in `check` once a walk over a file took longer than `limits.wall_clock`."""

    def __init__(self, path: str | PathLike[str], limits: Limits) -> None:
        self.path, self.limits = path, limits
        self._start = time.monotonic()

    def check(self) -> None:
        """Raises VideoError where more than `limits.wall_clock` seconds have passed since the start."""
        if time.monotonic() - self._start > self.limits.wall_clock:
            raise VideoError(
                f"{self.path}: decoding it takes more than {as_time(self.limits.wall_clock)}: "
                "give it fewer pictures per second, or smaller ones"
            )


def as_time(seconds: float) -> str:
    """A length of time in words: "0.0002 s", "3.2 s", "70 minutes", "10 hours", "146 days"."""
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
