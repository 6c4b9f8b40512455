"""The video's own sound: speech is found, the music steps back under it and comes back."""

import shutil
import subprocess

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import butter, resample_poly, sosfilt

from diffbgm.render import measure_loudness, true_peak
from diffbgm.render.ducking import find_speech, mix_under
from diffbgm.types import Audio

RATE = 48000


def babble(seconds: float, seed: int = 0) -> np.ndarray:
    """[n] drawn speech: a gliding buzz through moving formants, in syllables with pauses."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    time = np.arange(n) / RATE
    knots = np.arange(0, seconds + 0.3, 0.22)
    pitch = 2 ** np.interp(time, knots, rng.normal(0, 0.25, len(knots)))
    buzz = np.zeros(n)
    phase = 2 * np.pi * np.cumsum(130 * pitch) / RATE
    for partial in range(1, 24):
        buzz += np.sin(partial * phase) / partial
    envelope = np.interp(time, knots, rng.permutation(np.resize([0.0, 1.0, 0.7, 0.05], len(knots))))
    fricative = np.interp(time, knots, rng.random(len(knots)) < 0.3)
    hiss = rng.normal(0, 1, n) * fricative
    formants = (butter(2, band, "band", fs=RATE, output="sos") for band in ((350, 800), (1000, 2200)))
    voiced = sum(np.asarray(sosfilt(sos, buzz)) for sos in formants)
    return 0.3 * (voiced * (1 - fricative) * envelope**2 + 0.1 * hiss)


def recording(duration: float, *parts: tuple[float, np.ndarray], noise: float = 1e-3) -> Audio:
    out = np.random.default_rng(9).normal(0, noise, round(duration * RATE))
    for start, samples in parts:
        at = round(start * RATE)
        out[at : at + len(samples)] += samples
    return Audio(np.stack([out, out]), RATE)


def tune(duration: float) -> Audio:
    """Held chords with vibrato-free partials, at -16 LUFS."""
    time = np.arange(round(duration * RATE)) / RATE
    out = np.zeros_like(time)
    for bar, chord in enumerate(np.resize([[220, 277, 330], [196, 247, 294]], (int(duration) + 1, 3))):
        inside = (time >= bar) & (time < bar + 1)
        for base in chord:
            partials = sum(np.sin(2 * np.pi * base * k * time) / k**2 for k in range(1, 5))
            out += inside * partials * np.exp(-1.5 * (time % 1))
    out *= 10 ** ((-16 - measure_loudness(np.stack([out, out]), RATE)) / 20)
    return Audio(np.stack([out, out]), RATE)


def distance(voice: Audio, music: np.ndarray, span: tuple[float, float]) -> float:
    """LU between voice and music in a span of seconds."""
    part = slice(round(span[0] * RATE), round(span[1] * RATE))
    return measure_loudness(voice.samples[:, part], RATE) - measure_loudness(music[:, part], RATE)


def test_drawn_speech_is_found_where_it_is() -> None:
    audio = recording(16, (3, babble(4)), (11, babble(3, seed=5)))
    spans = find_speech(audio)
    assert spans
    inside = sum(min(b, 7.2) - max(a, 2.8) for a, b in spans if a < 7.2 and b > 2.8)
    inside += sum(min(b, 14.2) - max(a, 10.8) for a, b in spans if a < 14.2 and b > 10.8)
    total = sum(b - a for a, b in spans)
    assert inside > 4.5
    assert total - inside < 0.5


def test_silence_noise_and_music_are_no_speech() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 8 * RATE))
    for audio in (Audio(np.zeros((1, RATE)), RATE), Audio(noise, RATE), tune(8), Audio(np.zeros((2, 10)), RATE)):
        assert find_speech(audio) == []


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng to speak with")
def test_spoken_words_are_found(tmp_path) -> None:
    text = "The river runs past the old mill, and nobody has been here for years."
    subprocess.run(["espeak-ng", "-w", str(tmp_path / "say.wav"), text], check=True)
    rate, pcm = wavfile.read(tmp_path / "say.wav")
    words = resample_poly(pcm / 65536, RATE, rate)
    ((start, end),) = find_speech(recording(12, (4, words)))
    assert start == pytest.approx(4, abs=0.3)
    assert end == pytest.approx(4 + len(words) / RATE, abs=0.7)


def test_music_lies_under_speech_and_comes_back_between() -> None:
    spans = [(3.0, 7.0), (11.0, 14.0)]
    voice = recording(18, (3, babble(4)), (11, babble(3, seed=5)))
    music = tune(18)
    plain = mix_under(voice, music, "mix").samples - voice.samples
    ducked = mix_under(voice, music, "duck", spans).samples - voice.samples
    for span in spans:
        assert distance(voice, ducked, span) >= 8
    between = slice(round(8.2 * RATE), round(10.2 * RATE))
    assert np.abs(ducked[:, between] - plain[:, between]).max() < 1e-3


def test_the_original_keeps_its_level_and_nothing_clips() -> None:
    loud = Audio(0.98 * np.sin(2 * np.pi * 300 * np.arange(4 * RATE) / RATE)[None], RATE)
    out = mix_under(loud, tune(4), "mix")
    assert out.samples.shape == (2, 4 * RATE)
    assert true_peak(out.samples) <= 0
    quiet = recording(4, (1, 0.3 * babble(2)))
    rest = mix_under(quiet, tune(4), "duck", [(1, 3)]).samples - quiet.samples
    assert np.isfinite(rest).all()
    assert measure_loudness(rest, RATE) < -16


def test_other_rates_lengths_and_channels_fit_the_music() -> None:
    music = tune(3)
    mono = Audio(np.full((1, 2 * 22050), 0.01), 22050)
    surround = Audio(np.full((6, 5 * RATE), 0.01), RATE)
    for original in (mono, surround, Audio(np.zeros((2, 0)), RATE)):
        out = mix_under(original, music, "duck")
        assert out.samples.shape == music.samples.shape
        assert out.rate == RATE
