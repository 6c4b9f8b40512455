"""Stems mixed again at other levels, without synthesising: as if they had been mixed so at first."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from diffbgm.errors import OptionError, RenderError
from diffbgm.media.blocks import blocks, new_sound, release
from diffbgm.platforms import target_of
from diffbgm.render import Rendering, add_sound
from diffbgm.render.loudness import fade_curve, master
from diffbgm.render.mix import energy_curve, glue_curve
from diffbgm.types import Audio, Score

LOUDEST = 24.0  # dB that a stem may be raised by


def check_gains(gains: Mapping[str, float], names: Mapping[str, object]) -> dict[str, float]:
    """Gains in dB as plain numbers; OptionError for a stem that there is not, or a gain that is none."""
    checked: dict[str, float] = {}
    for name, gain in gains.items():
        if name not in names:
            raise OptionError(f"no stem is called {name!r}; there are {', '.join(names)}")
        if not isinstance(cast("Any", gain), int | float | np.number) or not -math.inf <= gain <= LOUDEST:
            raise OptionError(f"gain of {name} must be a number of dB up to {LOUDEST:g}, or -inf, got {gain!r}")
        checked[name] = float(gain)
    return checked


def remix(
    sound: Rendering,
    score: Score,
    gains: Mapping[str, float],
    *,
    fade: float | None = None,
    old_fade: float | None = None,
    loudness: float | str | None = None,
) -> Rendering:
    """Mix a rendering's stems again, with the compressor, the limiter and the loudness of `render`.

    The gain that the first mix gave to all stems is taken out before, so that a stem which is muted no longer pushes
    the others down.

    Args:
        sound: Rendered with stems.
        score: What it plays.
        gains: dB by stem; -inf mutes, those left out stay.
        fade: Seconds of the final fade; None: as `render` has it.
        old_fade: That of `sound`.
        loudness: LUFS or a platform; None: as loud as `sound` is.

    Returns:
        The new mix and its stems; with no gains, the same fade and loudness, `sound` itself.

    Raises:
        RenderError: The rendering has no stems.
        OptionError: There is no such stem, gain or loudness.

    """
    gains = check_gains(gains, sound.stems)
    if sound.gain is None or not sound.stems:
        raise RenderError("this rendering kept no stems to mix again; render it with stems")
    if not any(gains.values()) and fade == old_fade and loudness is None:
        return sound
    first, rate = sound.gain, sound.mix.rate
    samples = len(first)
    duration = samples / rate
    factors = {name: np.float32(10 ** (gains.get(name, 0.0) / 20)) for name in sound.stems}
    stems = {name: new_sound(2, samples) for name in sound.stems}
    mix = new_sound(2, samples)
    for name, stem in stems.items():
        for a, b in blocks(samples):
            plain = np.maximum(first[a:b], np.float32(1e-9))  # the last sample of a fade has no gain left
            stem[:, a:b] = sound.stems[name].samples[:, a:b] * (factors[name] / plain)
            release(stem, sound.stems[name].samples, first)
        add_sound(mix, stem)
    ending = fade_curve(samples, rate, fade)
    heard = [track for track, name in zip((t for t in score.tracks if t.notes), stems, strict=False) if factors[name]]
    gain = glue_curve(mix, energy_curve(heard, score.tempo, duration), rate)
    gain[samples - len(ending) :] *= ending
    target = sound.lufs if loudness is None else target_of(loudness)
    mastered = master(lambda a, b: mix[:, a:b] * gain[a:b], samples, rate, target, -1.0)
    for a, b in blocks(samples):
        gain[a:b] *= mastered.curve[a:b]
        release(gain, mastered.curve)
    for part in (mix, *stems.values()):
        for a, b in blocks(samples):
            part[:, a:b] *= gain[a:b]
            release(part, gain)
        part.setflags(write=False)
    return replace(
        sound,
        mix=Audio(mix, rate),
        stems={name: Audio(stem, rate) for name, stem in stems.items()},
        lufs=mastered.lufs,
        true_peak=mastered.true_peak,
        gain=gain,
    )
