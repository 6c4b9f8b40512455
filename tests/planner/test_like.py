"""A temp track: what is measured of sounds that are drawn with a known tempo, metre, key, loudness and brightness."""

from pathlib import Path

import numpy as np
import pytest

from diffbgm.brief import read_brief
from diffbgm.errors import OptionError
from diffbgm.media import write_audio
from diffbgm.planner.like import RATE, behind, measure_like, read_like
from diffbgm.types import Audio

SCALES = {"major": (0, 4, 7), "minor": (0, 3, 7)}


def draw(
    bpm: float = 110.0, bar: int = 4, tonic: int = 0, mode: str = "major", seconds: float = 24.0, octave: float = 1.0
) -> np.ndarray:
    """Chords I IV V I by the bar, a bass on the first beat and a tick on all, [N] at RATE."""
    time = np.arange(int(seconds * RATE)) / RATE
    beat = np.floor(time * bpm / 60 + 1e-9).astype(int)
    inside = time - beat * 60 / bpm
    shift = np.array([0, 5, 7, 0])[(beat // bar) % 4]
    sound = np.zeros_like(time)
    for step in SCALES[mode]:
        hertz = 261.6 * octave * 2 ** ((tonic + shift + np.where(shift == 7, SCALES["major"][1] * (step in (3, 4)), 0)
            + np.where((shift == 7) & (step in (3, 4)), 0, step)) / 12)  # fmt: skip
        sound += 0.2 * np.sin(2 * np.pi * hertz * time) * np.exp(-2 * inside)
    first = beat % bar == 0
    sound += 0.5 * first * np.sin(2 * np.pi * 65.4 * 2 ** ((tonic + shift) / 12) * time) * np.exp(-3 * inside)
    noise = np.random.default_rng(0).normal(size=len(time))
    return (sound + 0.15 * noise * np.exp(-80 * inside) * (1 + first)).astype(np.float32)


@pytest.mark.parametrize("bpm", [72.0, 84.0, 97.3, 110.0, 121.0])
def test_the_tempo_is_met(bpm: float) -> None:
    assert measure_like(draw(bpm)).bpm == (pytest.approx(bpm, rel=0.02),) * 2


@pytest.mark.parametrize(("bar", "metre"), [(3, "3/4"), (4, "4/4")])
def test_the_metre_is_met(bar: int, metre: str) -> None:
    assert measure_like(draw(120.0, bar)).metre == metre


@pytest.mark.parametrize("tonic", [0, 3, 6, 10])
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_the_key_is_met(tonic: int, mode: str) -> None:
    brief = measure_like(draw(tonic=tonic, mode=mode))
    assert (brief.tonic, brief.mode) == (tonic, mode)


def test_the_energy_follows_the_loudness() -> None:
    sound = draw() * np.linspace(0.05, 1.0, int(24 * RATE), dtype=np.float32)
    levels = [level for _, level in measure_like(sound).energy]
    assert levels[-1] > levels[len(levels) // 2] > levels[0]
    assert np.ptp([level for _, level in measure_like(draw()).energy]) < 0.2


def test_busy_and_bright_pieces_measure_so() -> None:
    dark, bright = measure_like(draw()), measure_like(draw(octave=4.0))
    slow, fast = measure_like(draw(60.0)), measure_like(draw(170.0))
    assert (dark.register or 0) < (bright.register or 0)
    assert (slow.density or 0) < (fast.density or 0)


def test_a_file_is_read_and_the_text_beats_it(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    write_audio(Audio(np.stack([draw(100.0)] * 2), RATE), path)
    like = read_like(path)
    assert like.bpm == (pytest.approx(100.0, rel=0.02),) * 2
    brief = behind(read_brief("128 bpm, solo piano"), like)
    assert (brief.bpm, brief.tonic, brief.instruments) == ((128, 128), 0, ("acoustic piano",))
    assert behind(read_brief("sad"), like).tonic == 9  # the relative minor
    assert behind(read_brief("slow"), like).bpm == (56, 80)
    assert {reading.source for reading in brief.readings} == {"text", "like"}


def test_what_is_no_music_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no sound")
    with pytest.raises(OptionError, match="like"):
        read_like(tmp_path / "x.wav")
    with pytest.raises(OptionError, match="no such file"):
        read_like(tmp_path / "none.wav")
    with pytest.raises(OptionError, match="silent"):
        measure_like(np.zeros(5 * RATE, np.float32))
    write_audio(Audio(np.stack([draw(seconds=1.0)] * 2), RATE), tmp_path / "short.wav")
    with pytest.raises(OptionError, match="less than 3 s"):
        read_like(tmp_path / "short.wav")
