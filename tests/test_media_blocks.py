"""Sound in temporary files: the same numbers as in memory, and memory that does not grow with the length."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diffbgm.media import blocks as store
from diffbgm.media.blocks import blocks, new_sound, reader, release
from diffbgm.render import loudness, measure_loudness, mix, true_peak
from diffbgm.render.loudness import fade_curve, limiter_curve, master, peak_envelope
from diffbgm.types import Audio, Track

RATE = 16000
LENGTH = 10 * RATE + 123


@pytest.fixture
def noise() -> np.ndarray:
    rng = np.random.default_rng(0)
    loud = np.abs(np.sin(np.arange(LENGTH) / RATE)) ** 3
    return (rng.normal(0, 0.3, (2, LENGTH)) * loud).astype(np.float32)


@pytest.fixture(params=["one block", "many"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether blocks are far shorter than the sound."""
    if request.param == "many":
        monkeypatch.setattr(store, "BLOCK", 9000)
        monkeypatch.setattr(mix, "ROOM_BLOCK", 40_000)
        monkeypatch.setattr(loudness, "FINE_BLOCK", 4000)
    return request.param == "many"


def mapped(sound: np.ndarray) -> np.ndarray:
    out = new_sound(*sound.shape)
    out[:] = sound
    release(out)
    return out


def test_a_long_sound_lies_in_a_file_and_survives_release(small: bool, noise: np.ndarray) -> None:
    sound = mapped(noise)
    assert isinstance(sound, np.memmap) == small
    assert (sound == noise).all()
    part = sound[:, 100:200]
    release(part)
    assert (part == noise[:, 100:200]).all()
    assert [b - a for a, b in blocks(25, 10)] == [10, 10, 5]


def test_loudness_peaks_and_limiter_do_not_depend_on_blocks(small: bool, noise: np.ndarray) -> None:
    import pyloudnorm

    sound = mapped(noise)
    expected = pyloudnorm.Meter(RATE, block_size=0.4).integrated_loudness(noise.T.astype(np.float64))
    assert measure_loudness(sound, RATE) == pytest.approx(expected, abs=1e-9)
    envelope = peak_envelope(sound)
    assert (envelope >= np.abs(noise).max(0)).all()
    assert true_peak(sound) == pytest.approx(20 * np.log10(envelope.max()))
    curve = limiter_curve(envelope, RATE, 0.5)
    assert (curve * envelope).max() <= 0.5 + 1e-6
    whole = loudness._limiter_block(np.array(envelope), 0, LENGTH, np.float32(1), RATE, 0.5)
    assert np.abs(curve - whole).max() < 1e-5


def test_a_quick_look_finds_the_same_peaks(small: bool, noise: np.ndarray) -> None:
    read, full = reader(mapped(noise)), loudness.peaks_between(reader(noise), 0, LENGTH, LENGTH)
    for least in (0.0, 0.3, 1.0, 1.5 * float(full.max())):
        quick = loudness._envelope(read, LENGTH, least=least)
        assert (quick <= full).all()
        assert (quick >= np.abs(noise).max(0)).all()
        assert (quick[full >= least] == full[full >= least]).all()
    assert (quick < full).any()
    assert true_peak(noise) == 20 * np.log10(full.max())


def test_between_its_samples_a_sound_rises_no_higher_than_said() -> None:
    from scipy.signal import resample_poly

    unit = np.zeros(101)
    unit[50] = 1.0
    taps = np.abs(resample_poly(unit, loudness.OVERSAMPLING, 1)).reshape(-1, loudness.OVERSAMPLING).sum(0)
    assert 0.99 * loudness.OVERSHOOT < taps.max() < loudness.OVERSHOOT


@pytest.mark.parametrize("long", [False, True], ids=["whole", "in excerpts"])
def test_loudness_under_a_gain_is_told_from_frames(
    long: bool, small: bool, noise: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    if long:
        monkeypatch.setattr(loudness, "LONG", 4.0)
        monkeypatch.setattr(loudness, "EXCERPT", 1.0)
    power = loudness.framed_power(mapped(noise), RATE)
    slow = (0.6 + 0.3 * np.sin(np.arange(LENGTH) / RATE)).astype(np.float32)
    for gain in (np.ones(LENGTH, np.float32), slow, 0.1 * slow):
        assert loudness.loudness_under(power, gain, RATE) == pytest.approx(
            measure_loudness(noise * gain, RATE), abs=0.05
        )
    assert loudness.loudness_under(loudness.framed_power(0 * noise, RATE), slow, RATE) == -np.inf
    brief = noise[:, 20_000:21_000]  # shorter than what is measured at once
    power = loudness.framed_power(brief, RATE)
    assert loudness.loudness_under(power, slow[:1000], RATE) == pytest.approx(
        measure_loudness(brief * 0.6, RATE), abs=0.3
    )


def test_stems_are_levelled_and_get_their_room_block_by_block(small: bool, noise: np.ndarray) -> None:
    sound = mapped(noise * np.float32([[1.0], [-0.4]]))  # wide
    from scipy.signal import fftconvolve

    response = mix.room_response(RATE)
    dry = np.array(sound)
    mix.narrow(sound)
    middle, side = (sound[0] + sound[1]) / 2, (sound[0] - sound[1]) / 2
    assert np.sqrt((side**2).mean() / (middle**2).mean()) == pytest.approx(mix.WIDEST, rel=1e-3)
    assert np.abs((sound[0] + sound[1]) - (dry[0] + dry[1])).max() < 1e-6
    mix.balance([sound], [Track("pad", 0, (), pan=0.5, gain=-3)], RATE, 0.5, known=False)
    before = np.array(sound)
    mix.add_room(sound, "pad", response)
    wet = fftconvolve(before, response, axes=1)[:, :LENGTH]
    assert np.abs(sound - (before + mix.ROOM["pad"] * wet)).max() < 1e-4


def test_mastering_meets_loudness_and_ceiling(small: bool, noise: np.ndarray) -> None:
    sound = mapped(noise)
    curve, lufs, peak = master(reader(sound), LENGTH, RATE, -14.0, -1.0)
    assert measure_loudness(noise * curve, RATE) == pytest.approx(-14, abs=0.6)
    assert true_peak(noise * curve) <= -1.0 + 1e-6
    assert (lufs, peak) == pytest.approx((measure_loudness(noise * curve, RATE), true_peak(noise * curve)), abs=1e-4)
    assert (master(reader(0 * sound), LENGTH, RATE, -14.0, -1.0).curve == 1).all()
    assert len(fade_curve(100, RATE, 1.0)) == 100


def test_what_nobody_may_write_to_is_not_copied(noise: np.ndarray) -> None:
    assert Audio(noise, RATE).samples is not noise
    noise.setflags(write=False)
    assert Audio(noise, RATE).samples is noise


MEASURE = """
import numpy as np
from pathlib import Path
from diffbgm.media import blocks as store
from diffbgm.render import loudness
store.BLOCK = 1 << 18
loudness.PIECE = loudness.FINE_BLOCK = 1 << 16
sound = store.new_sound(2, {samples})
for a, b in store.blocks(sound.shape[1]):
    sound[:, a:b] = 0.1 * np.sin(np.arange(a, b) / 20)
    store.release(sound)
loudness.master(store.reader(sound), sound.shape[1], 48000, -16.0, -1.0)
status = Path("/proc/self/status").read_text()
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to say its peak memory")
def test_memory_does_not_grow_with_the_length() -> None:
    short, long = peak(MEASURE, samples=1 << 19), peak(MEASURE, samples=1 << 21)  # sound, envelope, curve: 8 and 34 MB
    assert long - short < 13


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to say its peak memory")
def test_the_memory_of_rendering_does_not_grow_with_the_length() -> None:
    short, long = peak(RENDER, seconds=20), peak(RENDER, seconds=80)  # stems, mix and curves: 34 and 138 MB
    assert long - short < 40


def peak(code: str, **values: int) -> int:
    """MB that a process took at most, files mapped into memory counted."""
    line = [sys.executable, "-c", code.format(**values)]
    return int(subprocess.run(line, capture_output=True, text=True, check=True, env=os.environ).stdout) // 1024


RENDER = """
from pathlib import Path
from diffbgm.media import blocks as store
from diffbgm.render import loudness, mix, render, synth
from diffbgm.types import Note, Score, TempoMap, Track
store.BLOCK, loudness.PIECE, loudness.FINE_BLOCK, mix.ROOM_BLOCK, synth.CHUNK = 1 << 18, 1 << 16, 1 << 16, 1 << 18, 5.0
beats = 2 * {seconds}
tracks = [
    Track(role, program, tuple(Note(i, i + 0.9, pitch + i % 5, 90) for i in range(beats)))
    for role, program, pitch in (("melody", 0, 72), ("chords", 24, 60), ("pad", 48, 55))
]
score = Score(tuple(tracks), TempoMap.steady(120, beats))
Path("/proc/self/clear_refs").write_text("5")
render(score, duration={seconds})
status = Path("/proc/self/status").read_text()
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""
