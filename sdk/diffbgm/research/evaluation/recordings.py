"""Recordings that others made, as a baseline for how music sounds: excerpts as long and as loud as our pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError, VideoError
from diffbgm.media import read_audio
from diffbgm.render import measure_loudness
from diffbgm.types import Audio

ENDINGS = (".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav")
LOUDNESS = -16.0  # LUFS, that of a mix by default


@dataclass(frozen=True, eq=False)
class Recording:
    """An excerpt of a recording, and the name of the folder that it comes from."""

    group: str
    sound: Audio


def read_recordings(folders: Sequence[Path], *, n: int, seconds: float, seed: int = 0) -> Iterator[Recording]:
    """Yield excerpts from the middle of recordings, at `LOUDNESS`.

    Args:
        folders: Where sound files lie, at any depth; the folder's name is the group's.
        n: Recordings of each folder, drawn by the seed among those that are long enough.
        seconds: Of each excerpt.
        seed: Of the choice.

    Raises:
        DataError: A folder has no recording of that length.

    """
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
        found = 0
        for i in np.random.default_rng([seed, 61]).permutation(len(files)):
            if found == n:
                break
            sound = _middle(files[i], seconds)
            if sound is not None:
                found += 1
                yield Recording(folder.name, sound)
        if not found:
            raise DataError(f"{folder}: no sound file of {seconds:g} s or more ({', '.join(ENDINGS)})")


def _middle(path: Path, seconds: float) -> Audio | None:
    """The middle of a recording, levelled; None where it cannot be read, is shorter, or silent there."""
    try:
        whole = read_audio(path)
    except VideoError:
        return None
    if whole is None or whole.duration < seconds:
        return None
    length = round(seconds * whole.rate)
    start = (whole.samples.shape[1] - length) // 2
    samples = np.array(whole.samples[:, start : start + length], np.float32)
    level = measure_loudness(samples, whole.rate)
    return Audio(samples * np.float32(10 ** ((LOUDNESS - level) / 20)), whole.rate) if np.isfinite(level) else None
