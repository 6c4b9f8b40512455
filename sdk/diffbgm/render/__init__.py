"""Score -> Audio and stems: every role through one synthesizer and soundfont, then level, place, room, loudness."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diffbgm.errors import RenderError
from diffbgm.files import StrPath
from diffbgm.media.blocks import Read, blocks, new_sound, release
from diffbgm.progress import Progress, part_of
from diffbgm.render.loudness import fade_curve, master_curve, measure_loudness, true_peak
from diffbgm.render.mix import add_room, balance, room_response
from diffbgm.render.soundfont import find_soundfont
from diffbgm.render.synth import Engine, find_engine, synthesize
from diffbgm.types import Audio, Score, Value

__all__ = ["Rendering", "find_engine", "find_soundfont", "measure_loudness", "render", "true_peak"]

SYNTHESIS = 0.75  # share of the time that goes into the synthesizer, for the progress


@dataclass(frozen=True, eq=False)
class Rendering(Value):
    """Sound and how it was made.

    Attributes:
        mix: The sum of the stems.
        stems: Role -> Audio of the same length; empty when they were not asked for.
        lufs: Integrated loudness (ITU-R BS.1770), -inf for silence.
        true_peak: dBTP, -inf for silence.
        synthesizer: Which one played.
        soundfont: Name of the file it played with.

    """

    mix: Audio
    stems: Mapping[str, Audio]
    lufs: float
    true_peak: float
    synthesizer: str
    soundfont: str


def render(
    score: Score,
    *,
    duration: float,
    target_lufs: float = -16.0,
    ceiling: float = -1.0,
    fade: float | None = None,
    soundfont: StrPath | None = None,
    synthesizer: Engine | None = None,
    rate: int = 48000,
    stems: bool = True,
    on_progress: Progress | None = None,
) -> Rendering:
    """Render a score to exactly round(duration * rate) samples, the last of them silent.

    Mix and stems share one gain curve, so the stems sum to the mix. Beyond three minutes they lie in temporary files
    (see `media.blocks`): memory does not grow with the length, but an hour takes 1.4 GB of disk per role.

    Args:
        score: What is played.
        duration: Seconds.
        target_lufs: Integrated loudness of the mix (ITU-R BS.1770).
        ceiling: dBTP that true peaks stay below.
        fade: Seconds of the final fade (None: 0.8, at most a fifth of the piece).
        soundfont: An .sf2 file (None: see `find_soundfont`).
        synthesizer: None: see `find_engine`.
        rate: Hz.
        stems: False drops the stems once they are mixed.
        on_progress: Hears a fraction and what is being done.

    Raises:
        RenderError: There is no synthesizer or soundfont, or the duration is not positive.

    """
    samples = round(duration * rate) if np.isfinite(duration) else 0
    if samples < 1:
        raise RenderError(f"cannot render {duration!r} s at {rate} Hz; the duration must be positive")
    engine = synthesizer or find_engine()
    font = find_soundfont(soundfont)
    tracks = [track for track in score.tracks if track.notes]
    raw = synthesize(tracks, score.tempo, samples, rate, engine, font, part_of(on_progress, 0.0, SYNTHESIS))
    report = part_of(on_progress, SYNTHESIS, 1.0)
    response = room_response(rate)
    mix = new_sound(2, samples)
    by_role: dict[str, np.ndarray] = {}
    for done, track in enumerate(tracks):
        stem, raw[done] = raw[done], np.zeros((2, 0), np.float32)
        balance(stem, track, rate)
        add_room(stem, track.role, response)
        add_sound(mix, stem)
        if stems and track.role in by_role:
            add_sound(by_role[track.role], stem)
        elif stems:
            by_role[track.role] = stem
        report(0.8 * (done + 1) / len(tracks), f"mixing {track.role}")

    ending = fade_curve(samples, rate, min(0.8, duration / 5) if fade is None else fade)
    master = master_curve(fading(mix, ending), samples, rate, target_lufs, ceiling)
    master[samples - len(ending) :] *= ending
    for sound in (mix, *by_role.values()):
        for a, b in blocks(samples):
            sound[:, a:b] *= master[a:b]
            release(sound, master)
        sound.setflags(write=False)
    report(1.0, "sound is ready")
    return Rendering(
        Audio(mix, rate),
        {role: Audio(stem, rate) for role, stem in by_role.items()},
        measure_loudness(mix, rate),
        true_peak(mix),
        engine,
        font.name,
    )


def add_sound(total: np.ndarray, part: np.ndarray) -> None:
    """`total` [C, N] += `part`, in blocks."""
    for a, b in blocks(total.shape[1]):
        total[:, a:b] += part[:, a:b]
        release(total, part)


def fading(sound: np.ndarray, ending: np.ndarray) -> Read:
    """Read sound [C, N] with its ending faded, leaving it as it is."""
    first = sound.shape[1] - len(ending)

    def read(start: int, end: int) -> np.ndarray:
        release(sound)
        part = sound[:, start:end]
        if end <= first:
            return part
        part = np.array(part)
        part[:, max(first - start, 0) :] *= ending[max(start - first, 0) : end - first]
        return part

    return read
