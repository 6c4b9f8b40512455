"""From raw stems to a mix: level, place, room."""

import numpy as np

from diffbgm.render.loudness import measure_loudness
from diffbgm.types import Track

STEM_LOUDNESS = -20.0  # LUFS of every stem before its own gain
ROOM = {"melody": 0.15, "chords": 0.13, "bass": 0.04, "pad": 0.22, "percussion": 0.08}  # reverb against the dry signal
WIDEST = 0.7  # side against middle, root mean square
DECAY = 1.7  # seconds for 60 dB
PRE_DELAY = 0.014  # seconds
BLOCK = 1 << 21  # samples convolved at once


def balance(stem: np.ndarray, track: Track, rate: int) -> np.ndarray:
    """The stem [2, N] brought to `STEM_LOUDNESS` while it sounds, then to the track's gain and place.

    Levelling by loudness makes `Track.gain` mean the same for every program and soundfont. Pan is equal-power.
    """
    stem = narrow(stem)
    loudness = measure_loudness(stem, rate)
    if not np.isfinite(loudness):
        return stem
    gain = 10 ** ((STEM_LOUDNESS - loudness + track.gain) / 20)
    angle = (np.clip(track.pan, -1, 1) + 1) * np.pi / 4
    sides = np.sqrt(2) * gain * np.array([[np.cos(angle)], [np.sin(angle)]])
    return (stem * sides.astype(np.float32)).astype(np.float32)


def narrow(stem: np.ndarray) -> np.ndarray:
    """The stem [2, N] with its side signal at most `WIDEST` of its middle: some fonts' pianos vanish in mono else."""
    middle, side = (stem[0] + stem[1]) / 2, (stem[0] - stem[1]) / 2
    wide = float(np.sqrt(np.mean(np.square(side)))) / max(float(np.sqrt(np.mean(np.square(middle)))), 1e-9)
    if wide <= WIDEST:
        return stem
    side *= np.float32(WIDEST / wide)
    return np.stack([middle + side, middle - side])


def room_response(rate: int) -> np.ndarray:
    """[2, n] a small hall: sparse early reflections, then exponentially decaying noise, darker with time, unit energy
    a side.

    Noise with an exponential envelope is the statistical model of late reverberation (Moorer 1979, "About this
    reverberation business"). Always the same, so that renderings repeat.
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


def add_room(stem: np.ndarray, role: str, response: np.ndarray) -> np.ndarray:
    """The stem [2, N] with its share of the room; what rings past its end is cut."""
    from scipy.signal import oaconvolve

    out = stem.copy()
    share = np.float32(ROOM[role])
    for start in range(0, stem.shape[1], BLOCK):
        wet = oaconvolve(stem[:, start : start + BLOCK], response, axes=1)[:, : stem.shape[1] - start]
        out[:, start : start + wet.shape[1]] += share * wet.astype(np.float32)
    return out
