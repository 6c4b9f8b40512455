"""How loud a mix is made: a number in LUFS, or the platform that it is made for."""

import math

from diffbgm.errors import OptionError

DEFAULT_LOUDNESS = -16.0  # LUFS
PLATFORMS = {"youtube": -14.0, "spotify": -14.0, "podcast": -16.0, "ebu": -23.0, "atsc": -24.0}  # LUFS they play at
QUIETEST_TARGET, LOUDEST_TARGET = -40.0, -8.0


def target_of(loudness: float | str) -> float:
    """Return the LUFS that a number, a text of one, or the name of a platform stands for.

    Raises:
        OptionError: There is no such platform, or the number lies outside -40..-8.

    """
    try:
        target = PLATFORMS.get(str(loudness).strip().lower()) or float(loudness)
    except (TypeError, ValueError, OverflowError):
        target = math.nan
    if not QUIETEST_TARGET <= target <= LOUDEST_TARGET:
        raise OptionError(
            f"loudness must be a number from {QUIETEST_TARGET:g} to {LOUDEST_TARGET:g} (LUFS) or one of "
            f"{', '.join(PLATFORMS)}, got {loudness!r}"
        )
    return target
