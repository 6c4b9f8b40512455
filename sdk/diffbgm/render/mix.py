"""From raw stems to a mix: level, place, room."""

# The libraries are typed in part only.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import numpy as np

from diffbgm.media.blocks import blocks, release
from diffbgm.render.loudness import measure_loudness
from diffbgm.types import Track

STEM_LOUDNESS = -20.0  # LUFS of every stem before its own gain
ROOM = {"melody": 0.15, "chords": 0.13, "bass": 0.04, "pad": 0.22, "percussion": 0.08}  # reverb against the dry signal
WIDEST = 0.7  # side against middle, root mean square
DECAY = 1.7  # seconds for 60 dB
PRE_DELAY = 0.014  # seconds
ROOM_BLOCK = 1 << 21  # samples convolved at once


def balance(stem: np.ndarray, track: Track, rate: int) -> None:
    """Brings the stem [2, N], in place, to `STEM_LOUDNESS` while it sounds, then to the track's gain and place.

    Levelling by loudness makes `Track.gain` mean the same for every program and soundfont. Pan is equal-power.
    """
    narrow(stem)
    loudness = measure_loudness(stem, rate)
    if not np.isfinite(loudness):
        return
    gain = 10 ** ((STEM_LOUDNESS - loudness + track.gain) / 20)
    angle = (np.clip(track.pan, -1, 1) + 1) * np.pi / 4
    sides = np.sqrt(2) * gain * np.array([[np.cos(angle)], [np.sin(angle)]])
    for a, b in blocks(stem.shape[1]):
        stem[:, a:b] *= sides.astype(np.float32)
        release(stem)


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

    def filtered(order: int, cut: float, kind: str, signal: np.ndarray) -> np.ndarray:
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
    from scipy.signal import oaconvolve

    share = np.float32(ROOM[role])
    spans = list(blocks(stem.shape[1], ROOM_BLOCK))
    dry = stem[:, slice(*spans[0])].copy()
    for number, (start, _) in enumerate(spans, 1):
        wet = oaconvolve(dry, response, axes=1)[:, : stem.shape[1] - start]
        if number < len(spans):
            dry = stem[:, slice(*spans[number])].copy()  # before this block rings into it
        stem[:, start : start + wet.shape[1]] += share * wet.astype(np.float32)
        release(stem)
