"""From raw stems to a mix: level, place, brightness, room, glue."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from diffbgm.media.blocks import blocks, new_sound, reader, release
from diffbgm.render.levels import own_level
from diffbgm.render.loudness import FRAME, in_blocks, loudness_under, measure_loudness
from diffbgm.threads import at_once
from diffbgm.types import TempoMap, Track

STEM_LOUDNESS = -20.0  # LUFS of the melody before its own gain
SHY = 4.0  # dB that a part may lie under its gain because it plays little or softly
DRUM_LIFT = 6.0  # dB that drums gain from the calmest music to the most driving
ROOM = {"melody": 0.15, "chords": 0.12, "pad": 0.22, "bass": 0.02, "percussion": 0.05}  # reverb against the dry signal
OTHER_ROOM = 0.12
LOWEST = 10.0  # Hz
OFFSET = 0.01  # share of a stem's power
SPLIT = 2500.0  # Hz: brightness is what lies above
DARK, BRIGHT = -6.0, 4.0  # dB of it in the calmest and in the most driving music
WIDEST = 0.7  # side against middle, root mean square
DECAY = 1.7  # seconds for 60 dB
PRE_DELAY = 0.014  # seconds
PIECE = 1 << 16  # samples brightened at once: they stay in the cache
ROOM_BLOCK = 7 << 16  # samples convolved at once: with the response a little more than half a million
ENERGY_RATE = 10  # values a second
CALM, DRIVING = 2.0, 8.0  # onsets a second of energy 0 and 1
TOGETHER = 0.02  # seconds: what is struck within them counts as one onset
USUAL = 76.0  # velocity of an onset that counts as one
SMOOTH = 1.5  # seconds, standard deviation
UNDER = 8.0  # dB under the mean level at which the bus compressor begins to work
RATIO = 3.0  # in the most driving music; 1 in the calmest
EASE = 11  # frames its gain is smoothed over


def balance(stems: Sequence[np.ndarray], tracks: Sequence[Track], rate: int, energy: float, *, known: bool) -> None:
    """Bring stems [2, N], in place, to the level and place that their tracks ask for.

    A track's gain is against the melody, by loudness, and no part is louder than that says. It is softer, by `SHY` dB
    at most, where the part plays less or softer than the melody does, each against a phrase on its own instrument:
    what a part does is heard. Drums lie `DRUM_LIFT` dB higher in driving music. Pan is equal-power.

    Args:
        stems: As they were synthesized, brightened or not.
        tracks: One for each stem.
        rate: Hz.
        energy: 0..1, see `energy_curve`.
        known: Whether the font is the one in the package, whose levels are known.

    """
    at_once(narrow, stems)
    loud = at_once(measure_loudness, stems, [rate] * len(stems))
    played = [level - (own_level(track) if known else level) for level, track in zip(loud, tracks, strict=True)]
    lead = max((p for p, track in zip(played, tracks, strict=True) if track.role == "melody"), default=-np.inf)
    lead = lead if np.isfinite(lead) else max(played, default=0.0)
    for stem, track, level, own in zip(stems, tracks, loud, played, strict=True):
        if not np.isfinite(level):
            continue
        gain = 10 ** ((STEM_LOUDNESS - level + asked_level(track, energy) + np.clip(own - lead, -SHY, 0.0)) / 20)
        angle = (np.clip(track.pan, -1, 1) + 1) * np.pi / 4
        sides = np.sqrt(2) * gain * np.array([[np.cos(angle)], [np.sin(angle)]])
        for a, b in blocks(stem.shape[1]):
            stem[:, a:b] *= sides.astype(np.float32)
            release(stem)


def asked_level(track: Track, energy: float) -> float:
    """Return the dB that a track may lie over a melody of gain 0: its gain, and what drums gain in driving music."""
    return track.gain + (DRUM_LIFT * energy if track.is_drum else 0.0)


def excess_gains(
    powers: Sequence[np.ndarray], tracks: Sequence[Track], gain: np.ndarray, rate: int, energy: float
) -> list[float]:
    """Return factors that bring back what room, glue and limiter have raised over a stem's level beside the melody.

    Args:
        powers: `loudness.framed_power` of the stems with their room.
        tracks: One for each stem.
        gain: [N] that of bus compressor and final fade, and about that of the limiter: it takes most from the part that
            peaks, which is often the melody.
        rate: Hz.
        energy: 0..1, see `energy_curve`.

    """
    loud = [loudness_under(power, gain, rate) for power in powers]
    over = [level - asked_level(track, energy) for level, track in zip(loud, tracks, strict=True)]
    lead = max((o for o, track in zip(over, tracks, strict=True) if track.role == "melody"), default=np.inf)
    return [float(10 ** (min(0.0, lead - o) / 20)) if np.isfinite(o) else 1.0 for o in over]


def remove_offset(stem: np.ndarray, rate: int) -> None:
    """Take out of the stem [2, N], in place, what lies under `LOWEST`, if that is `OFFSET` of its power or more.

    Some pads of fonts swing about another value than 0. Nobody hears it, but limiters work for it. A first-order high
    pass: linear, so that stems still sum.
    """
    from scipy.signal import butter, sosfilt

    read, spans = reader(stem), list(blocks(stem.shape[1], PIECE))
    offset = sum(float(np.square(read(a, b).mean(1)).sum()) * (b - a) for a, b in spans)
    if offset < OFFSET * sum(float(np.vdot(piece, piece)) for piece in (read(a, b) for a, b in spans)) or offset == 0:
        return
    sos = butter(1, LOWEST, "high", fs=rate, output="sos")
    state = np.zeros((1, len(stem), 2))
    for a, b in spans:
        stem[:, a:b], state = sosfilt(sos, stem[:, a:b], axis=1, zi=state)
        release(stem)


def brighten(stems: Sequence[np.ndarray], energy: np.ndarray, rate: int) -> None:
    """Give stems [2, N], in place, the brightness of the music's energy, as played instruments have it.

    A first-order split at `SPLIT`, whose upper part is `DARK` dB softer to `BRIGHT` dB louder: linear, so that it
    changes nothing in how stems sum.
    """
    from scipy.signal import butter, sosfilt

    sos = butter(1, SPLIT, "high", fs=rate, output="sos")

    def brighten_one(stem: np.ndarray) -> None:
        state = np.zeros((1, len(stem), 2))
        for a, b in blocks(stem.shape[1], PIECE):
            gain = (10 ** (at_samples(DARK + (BRIGHT - DARK) * energy, a, b, rate) / 20) - 1).astype(np.float32)
            high, state = sosfilt(sos, stem[:, a:b], axis=1, zi=state)
            stem[:, a:b] += gain * high.astype(np.float32)
            release(stem)

    at_once(brighten_one, stems)


def glue_curve(mix: np.ndarray, energy: np.ndarray, rate: int) -> np.ndarray:
    """[N] the gain of a bus compressor for the mix [2, N]: none in calm music, `RATIO` in driving music."""
    from scipy.ndimage import uniform_filter1d

    hop = round(FRAME * rate)

    def powers(start: int, end: int) -> np.ndarray:
        squares = np.square(mix[:, start:end], dtype=np.float64).mean(0)
        release(mix)
        return np.add.reduceat(squares, np.arange(0, end - start, hop))

    power = np.concatenate(in_blocks(powers, mix.shape[1], 512 * hop)) / hop
    level = 10 * np.log10(uniform_filter1d(power, 5) + 1e-12)
    over = np.maximum(level - 10 * np.log10(power.mean() + 1e-12) + UNDER, 0.0)
    ratio = 1 + (RATIO - 1) * np.interp(np.arange(len(power)) * FRAME, np.arange(len(energy)) / ENERGY_RATE, energy)
    gain = uniform_filter1d(uniform_filter1d(-over * (1 - 1 / ratio), EASE), EASE)
    curve = new_sound(mix.shape[1])

    def fill(start: int, end: int) -> None:
        at = (np.arange(start, end) / hop) - 0.5
        curve[start:end] = 10 ** (np.interp(at, np.arange(len(gain)), gain) / 20)
        release(curve, mix)

    in_blocks(fill, mix.shape[1])
    return curve


def energy_curve(tracks: Sequence[Track], tempo: TempoMap, duration: float) -> np.ndarray:
    """Return how driving the music is, 0..1, ten times a second: onsets a second, weighted by velocity."""
    from scipy.ndimage import gaussian_filter1d

    frames = max(2, int(np.ceil(duration * ENERGY_RATE)) + 1)
    struck: dict[int, int] = {}
    for track in tracks:
        for note, at in zip(track.notes, tempo.time_at(np.array([n.start for n in track.notes])), strict=True):
            moment = round(float(at) / TOGETHER)
            struck[moment] = max(struck.get(moment, 0), note.velocity)
    counts = np.zeros(frames)
    for moment, velocity in struck.items():
        counts[min(max(round(moment * TOGETHER * ENERGY_RATE), 0), frames - 1)] += (velocity / USUAL) ** 2
    rate = gaussian_filter1d(counts * ENERGY_RATE, SMOOTH * ENERGY_RATE, mode="reflect")
    return np.clip((rate - CALM) / (DRIVING - CALM), 0.0, 1.0)


def at_samples(values: np.ndarray, start: int, end: int, rate: int) -> np.ndarray:
    """Return a curve of `ENERGY_RATE` values a second at the samples from start to end."""
    return np.interp(np.arange(start, end) * (ENERGY_RATE / rate), np.arange(len(values)), values)


def narrow(stem: np.ndarray) -> None:
    """Limit the side signal of the stem [2, N], in place, to `WIDEST` of its middle: some pianos vanish in mono."""
    total = stem.shape[1]
    powers: list[list[np.floating]] = []
    for a, b in blocks(total):
        middle, side = _middle_and_side(stem, a, b)
        powers.append([np.mean(np.square(part)) for part in (side, middle)])
        release(stem)
    if len(powers) == 1:
        side_power, middle_power = powers[0]
    else:
        side_power, middle_power = np.average(powers, axis=0, weights=[b - a for a, b in blocks(total)])
    wide = float(np.sqrt(side_power)) / max(float(np.sqrt(middle_power)), 1e-9)
    if wide <= WIDEST:
        return
    for a, b in blocks(total):
        middle, side = _middle_and_side(stem, a, b)
        side *= np.float32(WIDEST / wide)
        stem[0, a:b], stem[1, a:b] = middle + side, middle - side
        release(stem)


def _middle_and_side(stem: np.ndarray, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.asarray(stem[0, start:end]), np.asarray(stem[1, start:end])
    return (left + right) / 2, (left - right) / 2


def room_response(rate: int) -> np.ndarray:
    """Return [2, n] a small hall's response, unit energy per side, always the same.

    Sparse early reflections, then exponentially decaying noise, darker with time: the statistical model of late
    reverberation (Moorer 1979, "About this reverberation business").
    """
    from scipy.signal import butter, sosfilt

    rng = np.random.default_rng(1979)
    n = round(DECAY * rate)
    time = np.arange(n) / rate
    noise = rng.normal(size=(2, n))

    def filtered(order: int, cut: float, kind: Literal["low", "high"], signal: np.ndarray) -> np.ndarray:
        return np.asarray(sosfilt(butter(order, cut, kind, fs=rate, output="sos"), signal, axis=1))

    bright, dark = filtered(1, 5200, "low", noise), filtered(1, 1500, "low", noise)
    fade = np.exp(-time / 0.25)
    late = (bright * fade + 1.6 * dark * (1 - fade)) * 10 ** (-3 * time / DECAY)
    late *= np.minimum(1, time / 0.02)
    early = np.zeros((2, n))
    for delay in rng.uniform(0.004, 0.05, (2, 7)).T:
        for side in (0, 1):
            early[side, round(delay[side] * rate)] += rng.choice([-1, 1]) * (1 - 10 * delay[side] / 0.6) * 5
    response = filtered(2, 180, "high", late + early)
    response /= np.sqrt((response**2).sum(1, keepdims=True))
    return np.pad(response, ((0, 0), (round(PRE_DELAY * rate), 0))).astype(np.float32)


def add_room(stem: np.ndarray, role: str, response: np.ndarray) -> None:
    """Add to the stem [2, N], in place, its share of the room; what rings past its end is cut."""
    from scipy.signal import fftconvolve

    share = np.float32(ROOM.get(role, OTHER_ROOM))
    spans = list(blocks(stem.shape[1], ROOM_BLOCK))
    dry = stem[:, slice(*spans[0])].copy()
    for number, (start, _) in enumerate(spans, 1):
        wet = fftconvolve(dry, response, axes=1)[:, : stem.shape[1] - start]
        if number < len(spans):
            dry = stem[:, slice(*spans[number])].copy()  # before this block rings into it
        stem[:, start : start + wet.shape[1]] += share * wet.astype(np.float32)
        release(stem)
