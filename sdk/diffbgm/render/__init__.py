"""Score -> Audio and stems: every track through one synthesizer and soundfont, then level, tone, room, loudness."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffbgm.errors import RenderError
from diffbgm.files import StrPath
from diffbgm.media.blocks import blocks, new_sound, release
from diffbgm.progress import Progress, part_of
from diffbgm.render.loudness import fade_curve, master_curve, measure_loudness, target_of, true_peak
from diffbgm.render.mix import add_room, balance, brighten, energy_curve, glue_curve, room_response
from diffbgm.render.soundfont import LICENCES, PACKAGED, find_soundfont
from diffbgm.render.synth import Engine, find_engine, synthesize
from diffbgm.types import Audio, Score, Track, Value

__all__ = [
    "Rendering",
    "find_engine",
    "find_soundfont",
    "measure_loudness",
    "render",
    "stem_names",
    "target_of",
    "true_peak",
]

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
    loudness: float | str = -16.0,
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
        loudness: Integrated loudness of the mix (ITU-R BS.1770) in LUFS, or a platform (see `loudness.PLATFORMS`).
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
    target = target_of(loudness)
    engine = synthesizer or find_engine()
    font = find_soundfont(soundfont)
    tracks = [track for track in score.tracks if track.notes]
    names = stem_names(tracks)
    raw = synthesize(tracks, score.tempo, samples, rate, engine, font, part_of(on_progress, 0.0, SYNTHESIS))
    report = part_of(on_progress, SYNTHESIS, 1.0)
    energy = energy_curve(tracks, score.tempo, duration)
    balance(raw, tracks, rate, float(energy.mean()), known=font == PACKAGED)
    response = room_response(rate)
    mix = new_sound(2, samples)
    kept: dict[str, np.ndarray] = {}
    for done, (name, track) in enumerate(zip(names, tracks, strict=True)):
        stem, raw[done] = raw[done], np.zeros((2, 0), np.float32)
        if track.role != "bass":
            brighten(stem, energy, rate)
        add_room(stem, track.role, response)
        add_sound(mix, stem)
        if stems:
            kept[name] = stem
        report(0.8 * (done + 1) / len(tracks), f"mixing {name}")

    ending = fade_curve(samples, rate, min(0.8, duration / 5) if fade is None else fade)
    glue = glue_curve(mix, energy, rate)
    glue[samples - len(ending) :] *= ending
    master = master_curve(lambda a, b: mix[:, a:b] * glue[a:b], samples, rate, target, ceiling)
    for a, b in blocks(samples):
        master[a:b] *= glue[a:b]
        release(master, glue)
    for sound in (mix, *kept.values()):
        for a, b in blocks(samples):
            sound[:, a:b] *= master[a:b]
            release(sound, master)
        sound.setflags(write=False)
    report(1.0, "sound is ready")
    return Rendering(
        Audio(mix, rate),
        {name: Audio(stem, rate) for name, stem in kept.items()},
        measure_loudness(mix, rate),
        true_peak(mix),
        engine,
        font.name,
        LICENCES.get(font.name, ""),
        master if stems else None,
    )


def stem_names(tracks: Sequence[Track]) -> list[str]:
    """Return a name for every track: its role, numbered from the second of a role on: chords, chords-2."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for track in tracks:
        seen[track.role] += 1
        names.append(track.role if seen[track.role] == 1 else f"{track.role}-{seen[track.role]}")
    return names


def add_sound(total: np.ndarray, part: np.ndarray) -> None:
    """`total` [C, N] += `part`, in blocks."""
    for a, b in blocks(total.shape[1]):
        total[:, a:b] += part[:, a:b]
        release(total, part)
