"""Score -> Audio and stems: every track through one synthesizer and soundfont, then level, tone, room, loudness."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import get_args

import numpy as np

from diffbgm.errors import RenderError
from diffbgm.files import StrPath
from diffbgm.media.blocks import blocks, new_sound, release, trim
from diffbgm.platforms import DEFAULT_LOUDNESS, target_of
from diffbgm.progress import Progress, part_of
from diffbgm.render.loudness import (
    fade_curve,
    framed_power,
    master,
    measure_loudness,
    rough_master,
    true_peak,
)
from diffbgm.render.mix import (
    add_room,
    balance,
    brighten,
    energy_curve,
    excess_gains,
    glue_curve,
    remove_offset,
    room_response,
)
from diffbgm.render.soundfont import LICENCES, PACKAGED, find_soundfont
from diffbgm.render.synth import Engine, find_engine, synthesize
from diffbgm.threads import at_once, cores
from diffbgm.types import Audio, Role, Score, Track, Value

__all__ = [
    "Rendering",
    "find_engine",
    "find_soundfont",
    "measure_loudness",
    "possible_stems",
    "prepare",
    "render",
    "stem_names",
    "target_of",
    "true_peak",
]

MOST_OF_A_ROLE = 6  # tracks whose files are checked before the work
LEVELLED = 4  # times, at most, that parts over their gain are brought back: the limiter then works otherwise
SLIGHT = 10 ** (-0.5 / 20)  # a gain after which it works hardly otherwise
SYNTHESIS = 0.75  # share of the time that goes into the synthesizer, for the progress


@dataclass(frozen=True, eq=False)
class Rendering(Value):
    """Sound and how it was made.

    Attributes:
        mix: The sum of the stems.
        stems: Name (see `stem_names`) -> Audio of the same length; empty when they were not asked for.
        lufs: Integrated loudness (ITU-R BS.1770), -inf for silence.
        true_peak: dBTP, -inf for silence.
        synthesizer: Which one played.
        soundfont: Name of the file it played with.
        licence: Of the soundfont; "" where it is not known.
        gain: [N] the gain that mix and stems share, the final fade included; None when no stems were asked for.

    """

    mix: Audio
    stems: Mapping[str, Audio]
    lufs: float
    true_peak: float
    synthesizer: str
    soundfont: str
    licence: str = ""
    gain: np.ndarray | None = None


def render(
    score: Score,
    *,
    duration: float,
    loudness: float | str = DEFAULT_LOUDNESS,
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
        loudness: Integrated loudness of the mix (ITU-R BS.1770) in LUFS, or one of `platforms.PLATFORMS`.
        ceiling: dBTP that true peaks stay below.
        fade: Seconds of the final fade (None: 0.8, at most a fifth of the piece).
        soundfont: An .sf2 or .sf3 file (None: see `find_soundfont`).
        synthesizer: None: see `find_engine`.
        rate: Hz.
        stems: False drops the stems once they are mixed.
        on_progress: Hears a fraction and what is being done.

    Raises:
        RenderError: There is no synthesizer or soundfont, or the duration is not positive.
        OptionError: There is no such loudness.

    """
    samples = round(duration * rate) if np.isfinite(duration) else 0
    if samples < 1:
        raise RenderError(f"cannot render {duration!r} s at {rate} Hz; the duration must be positive")
    trim(samples)  # of what composing took
    target = target_of(loudness)
    engine = synthesizer or find_engine()
    font = find_soundfont(soundfont)
    tracks = [track for track in score.tracks if track.notes]
    names = stem_names(tracks)
    raw = synthesize(tracks, score.tempo, samples, rate, engine, font, part_of(on_progress, 0.0, SYNTHESIS))
    report = part_of(on_progress, SYNTHESIS, 1.0)
    trim(samples)
    energy = energy_curve(tracks, score.tempo, duration)
    at_once(remove_offset, raw, [rate] * len(raw))
    brighten([stem for stem, track in zip(raw, tracks, strict=True) if track.role != "bass"], energy, rate)
    balance(raw, tracks, rate, float(energy.mean()), known=font == PACKAGED)
    response = room_response(rate)
    mix = new_sound(2, samples)
    with ThreadPoolExecutor(cores()) as pool:
        roomy = pool.map(add_room, raw, [track.role for track in tracks], [response] * len(raw))
        for done, (stem, track, _) in enumerate(zip(raw, tracks, roomy, strict=True), 1):
            add_sound(mix, stem)
            report(0.7 * done / len(tracks), f"mixing {track.role}")

    trim(samples)
    ending = fade_curve(samples, rate, fade)
    glue = np.ones(0, np.float32)

    def glued(start: int, end: int) -> np.ndarray:
        release(mix, glue)
        return mix[:, start:end] * glue[start:end]

    powers = at_once(framed_power, raw, [rate] * len(raw))
    for _ in range(LEVELLED):
        glue = glue_curve(mix, energy, rate)
        glue[samples - len(ending) :] *= ending
        rough = rough_master(glued, samples, rate, target, ceiling)
        for a, b in blocks(samples):
            rough[a:b] *= glue[a:b]
            release(rough, glue)
        factors = excess_gains(powers, tracks, rough, rate, float(energy.mean()))
        for stem, power, factor in zip(raw, powers, factors, strict=True):
            if factor < 1:
                add_sound(mix, stem, factor - 1)
                add_sound(stem, stem, factor - 1)
                power *= factor**2
        if min(factors, default=1.0) > SLIGHT:
            break
    mastered = master(glued, samples, rate, target, ceiling)
    gain = mastered.curve
    for a, b in blocks(samples):
        gain[a:b] *= glue[a:b]
        release(gain, glue)

    def finish(sound: np.ndarray) -> None:
        for a, b in blocks(samples):
            sound[:, a:b] *= gain[a:b]
            release(sound, gain)
        sound.setflags(write=False)

    at_once(finish, (mix, *raw) if stems else (mix,))
    report(1.0, "sound is ready")
    return Rendering(
        Audio(mix, rate),
        {name: Audio(stem, rate) for name, stem in zip(names, raw, strict=True)} if stems else {},
        mastered.lufs,
        mastered.true_peak,
        engine,
        font.name,
        LICENCES.get(font.name, ""),
        gain if stems else None,
    )


def prepare() -> None:
    """Import what rendering needs, which takes more than half a second, while something else is waited for."""
    for name in ("scipy.signal", "scipy.ndimage", "scipy.io.wavfile", "pyloudnorm", "mido"):
        import_module(name)


def possible_stems() -> list[str]:
    """Return the names that stems may have, as far as `MOST_OF_A_ROLE` tracks go."""
    roles = get_args(Role)
    return [*roles, *(f"{role}-{number}" for role in roles for number in range(2, MOST_OF_A_ROLE + 1))]


def stem_names(tracks: Sequence[Track]) -> list[str]:
    """Return a name for every track: its role, numbered from the second of a role on: chords, chords-2."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for track in tracks:
        seen[track.role] += 1
        names.append(track.role if seen[track.role] == 1 else f"{track.role}-{seen[track.role]}")
    return names


def add_sound(total: np.ndarray, part: np.ndarray, gain: float = 1.0) -> None:
    """`total` [C, N] += `part` times a gain, in blocks."""
    for a, b in blocks(total.shape[1]):
        total[:, a:b] += part[:, a:b] * np.float32(gain)
        release(total, part)
