"""Sound: length, loudness, peaks, stems, tuning; through every synthesizer that is here."""

import importlib.resources
import io
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest

from diffbgm import media
from diffbgm.arrange import PALETTES
from diffbgm.errors import Cancelled, RenderError
from diffbgm.media import blocks as store
from diffbgm.render import find_engine, find_soundfont, measure_loudness, mix, render, true_peak
from diffbgm.render.loudness import fade_curve, limiter_curve
from diffbgm.render.soundfont import FOLDERS, VARIABLE
from diffbgm.render.synth import TICKS, make_jobs, synthesize
from diffbgm.types import Control, Note, Score, TempoMap, Track

SMALL = Path(str(importlib.resources.files("pretty_midi") / "TimGM6mb.sf2"))
RATE = 48000
ENGINES = [
    "midirenderer",
    pytest.param("fluidsynth", marks=pytest.mark.skipif(not shutil.which("fluidsynth"), reason="no fluidsynth binary")),
]


def band(beats: int = 12) -> Score:
    tempo = TempoMap.steady(120, beats)
    melody = [Note(b, b + 0.9, 67 + b % 5, 60 + 5 * (b % 8)) for b in range(beats)]
    chords = [Note(b, b + 2, p, 70) for b in range(0, beats, 2) for p in (48, 55, 64)]
    bass = [Note(b, b + 2, 36, 80) for b in range(0, beats, 2)]
    drums = [Note(b / 2, b / 2 + 0.25, 42 if b % 2 else 36, 80) for b in range(2 * beats)]
    return Score(
        (
            Track("melody", 73, tuple(melody), (Control(0, 11, 100),), pan=0.3),
            Track("chords", 0, tuple(chords), (Control(0.2, 64, 127), Control(float(beats), 64, 0)), pan=-0.3, gain=-4),
            Track("bass", 33, tuple(bass), gain=-6),
            Track("percussion", 0, tuple(drums), gain=-8),
        ),
        tempo,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rendering_is_as_long_as_the_film_and_as_loud_as_asked(engine) -> None:
    duration = 5.9173
    sound = render(band(), duration=duration, soundfont=SMALL, synthesizer=engine)
    assert sound.mix.samples.shape == (2, round(duration * RATE))
    assert sound.synthesizer == engine
    assert sound.soundfont == SMALL.name
    assert abs(sound.lufs - -16) < 0.5
    assert sound.lufs == pytest.approx(measure_loudness(sound.mix.samples, RATE))
    assert sound.true_peak <= -1.0
    assert set(sound.stems) == {"melody", "chords", "bass", "percussion"}
    rest = sum(stem.samples for stem in sound.stems.values()) - sound.mix.samples
    assert np.abs(rest).max() < 1e-4, "the stems do not sum to the mix"
    assert not sound.mix.samples[:, -1].any()
    tail = np.abs(sound.mix.samples[:, -round(0.3 * RATE) :]).max(0)
    assert tail[: RATE // 50].max() > 3 * tail[-RATE // 50 :].max()


@pytest.mark.skipif(not shutil.which("fluidsynth"), reason="no fluidsynth binary")
def test_both_synthesizers_sound_alike() -> None:
    score = band()
    one, two = (render(score, duration=6, soundfont=SMALL, synthesizer=e) for e in ("midirenderer", "fluidsynth"))
    assert one.mix.samples.shape == two.mix.samples.shape
    assert abs(one.lufs - two.lufs) < 1
    for role, stem in one.stems.items():
        a, b = measure_loudness(stem.samples, RATE), measure_loudness(two.stems[role].samples, RATE)
        assert abs(a - b) < 1.5
    a, b = (np.abs(s.stems["percussion"].samples).sum(0) for s in (one, two))
    shift = np.correlate(a[:96000:8], np.pad(b[:96000:8], 600), "valid").argmax() - 600
    assert abs(shift) * 8 / RATE < 0.02


def test_without_the_binary_the_wheel_renders(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert find_engine() == "midirenderer"
    sound = render(band(4), duration=2.5, soundfont=SMALL)
    assert sound.synthesizer == "midirenderer"
    assert abs(sound.lufs - -16) < 0.5


def test_the_gain_and_place_of_a_track_mean_what_they_say() -> None:
    note = (Note(0, 7.5, 60, 90),)
    score = Score((Track("melody", 81, note, pan=-0.6), Track("pad", 48, note, gain=-9)), TempoMap.steady(120, 8))
    sound = render(score, duration=4, soundfont=SMALL, synthesizer="midirenderer", fade=0.1)
    level = {role: measure_loudness(stem.samples, RATE) for role, stem in sound.stems.items()}
    assert level["melody"] - level["pad"] == pytest.approx(9, abs=1)
    left, right = np.square(sound.stems["melody"].samples).mean(1)
    assert left > 3 * right


@pytest.mark.parametrize("duration", [0.05, 0.3, 0.41])
def test_very_short_pieces(duration: float) -> None:
    score = Score((Track("melody", 0, (Note(0, 1, 60, 90),)),), TempoMap.steady(120, 4))
    sound = render(score, duration=duration, soundfont=SMALL)
    assert sound.mix.samples.shape[1] == round(duration * RATE)
    assert np.isfinite(sound.lufs)
    assert sound.true_peak <= -1.0


def test_a_score_without_notes_is_silence() -> None:
    sound = render(Score((Track("melody", 0, ()),), TempoMap.steady(120, 4)), duration=1.0, soundfont=SMALL)
    assert not sound.mix.samples.any()
    assert sound.lufs == -np.inf
    assert sound.stems == {}


def test_progress_rises_and_may_cancel() -> None:
    seen: list[float] = []
    render(band(4), duration=2, soundfont=SMALL, on_progress=lambda f, m: seen.append(f), stems=False)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def stop(fraction: float, message: str) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        render(band(4), duration=2, soundfont=SMALL, on_progress=stop)


def test_other_rates() -> None:
    sound = render(band(4), duration=2, soundfont=SMALL, synthesizer="midirenderer", rate=44100)
    assert sound.mix.rate == 44100
    assert sound.mix.samples.shape[1] == 88200
    assert abs(sound.lufs - -16) < 0.5


def test_soundfonts_are_found_or_named(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find_soundfont().suffix == ".sf2"
    assert find_soundfont(SMALL) == SMALL
    monkeypatch.setenv(VARIABLE, str(SMALL))
    assert find_soundfont() == SMALL
    fake = tmp_path / "fake.sf2"
    fake.write_bytes(b"RIFFxxxxWAVE")
    for path in (fake, tmp_path / "missing.sf2", tmp_path):
        with pytest.raises(RenderError, match=path.name):
            find_soundfont(path)
    monkeypatch.setenv(VARIABLE, str(fake))
    with pytest.raises(RenderError, match=VARIABLE):
        find_soundfont()
    assert all(folder.startswith(("/", "~")) for folder in FOLDERS)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broken_soundfont_is_a_render_error(engine, tmp_path) -> None:
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(SMALL.read_bytes()[:4000])
    with pytest.raises(RenderError, match=r"broken\.sf2") as caught:
        render(band(4), duration=1, soundfont=broken, synthesizer=engine)
    assert "\n" not in str(caught.value)


def test_nothing_to_render() -> None:
    with pytest.raises(RenderError, match="duration"):
        render(band(4), duration=0.0, soundfont=SMALL)


def test_long_tracks_are_rendered_in_pieces_that_fit_together() -> None:
    tempo = TempoMap.steady(60, 400)
    notes = tuple(Note(b, b + 1, 60, 80) for b in range(400))
    jobs = make_jobs(0, Track("melody", 0, notes, (Control(3.0, 11, 77),)), tempo)
    assert [job.start for job in jobs] == [0.0, 150.0, 300.0]
    heard = []
    for job in jobs:
        now, volume = 0, None
        for message in mido.MidiFile(file=io.BytesIO(job.midi)).tracks[0]:
            now += message.time
            if message.type == "control_change" and message.control == 11:
                volume = message.value
            if message.type == "note_on":
                heard.append((round(job.start + now / TICKS, 4), volume))
        assert now / TICKS == pytest.approx(job.length, abs=1e-3)
    assert [time for time, _ in heard] == [float(b) for b in range(400)]
    assert {volume for time, volume in heard if time >= 3} == {77}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_melodic_program_of_the_first_palettes_is_in_tune(engine) -> None:
    """Each pitch of a scale by itself, its partials against equal temperament: within 10 cents."""
    first = list(PALETTES.values())[:8]  # of the others the font plays some bells 20 cents off
    pitched = [part for palette in first for role, part in palette.parts.items() if role != "percussion"]
    parts = sorted({(part.program, part.low, part.high) for part in pitched})
    scales = [[low + round((high - low) * i / 3) for i in range(4)] for _, low, high in parts]
    tracks = [
        Track("melody", part[0], tuple(Note(1.5 * i, 1.5 * i + 1.4, pitch, 90) for i, pitch in enumerate(scale)))
        for part, scale in zip(parts, scales, strict=True)
    ]
    stems = synthesize(tracks, TempoMap.steady(60, 6), 6 * RATE, RATE, engine, SMALL)
    for part, scale, stem in zip(parts, scales, stems, strict=True):
        heard = [stem.mean(0)[round((1.5 * i + 0.2) * RATE) : round((1.5 * i + 1.3) * RATE)] for i in range(4)]
        wrong = [cents_off(samples, pitch) for samples, pitch in zip(heard, scale, strict=True)]
        assert np.abs(wrong).max() < 10, f"program {part[0]}: {np.round(wrong, 1)} cents at {scale}"


def cents_off(samples: np.ndarray, pitch: int) -> float:
    """Cents between the strongest of the first four partials and where it belongs.

    A partial's place is the mean of its energy within half a semitone: sections and vibrato spread around their pitch.
    """
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18)) ** 2
    frequency = np.maximum(np.fft.rfftfreq(1 << 18, 1 / RATE), 1e-3)
    base = 440 * 2 ** ((pitch - 69) / 12)
    best = (0.0, 0.0)
    for partial in (1, 2, 3, 4):
        cents = 1200 * np.log2(frequency / (base * partial))
        near = np.abs(cents) < 50
        best = max(best, (float(power[near].sum()), float((power[near] * cents[near]).sum() / power[near].sum())))
    return best[1]


def test_the_limiter_keeps_the_ceiling_and_the_fade_ends_on_the_last_sample() -> None:
    rng = np.random.default_rng(0)
    envelope = np.abs(rng.normal(0, 0.3, 20000)).astype(np.float32)
    curve = limiter_curve(envelope, RATE, 0.5)
    assert (curve * envelope).max() <= 0.5 + 1e-6
    assert (limiter_curve(envelope * 0.1, RATE, 0.5) == 1).all()
    fade = fade_curve(1000, 1000, 0.25)
    assert len(fade) == 250
    assert fade[-1] == 0
    assert (np.diff(fade) < 0).all()


def test_true_peak_sees_between_the_samples() -> None:
    time = np.arange(4800) / RATE
    sine = np.sin(2 * np.pi * 12000 * time + np.pi / 4)[None]  # sampled at +-0.707 only
    assert 20 * np.log10(np.abs(sine).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak(sine[:, 500:-500]) == pytest.approx(0, abs=0.4)


def test_a_long_rendering_lies_in_files_and_sounds_like_a_short_one(monkeypatch, tmp_path: Path) -> None:
    """Long is what exceeds a block; the room's block stays longer than its ring."""
    whole = render(band(), duration=5.9, soundfont=SMALL)
    monkeypatch.setattr(store, "BLOCK", 70_000)
    monkeypatch.setattr(mix, "ROOM_BLOCK", 100_000)
    parts = render(band(), duration=5.9, soundfont=SMALL)
    assert isinstance(parts.mix.samples, np.memmap)
    assert not isinstance(whole.mix.samples, np.memmap)
    assert np.abs(parts.mix.samples - whole.mix.samples).max() < 1e-3
    rest = sum(np.asarray(stem.samples) for stem in parts.stems.values()) - parts.mix.samples
    assert np.abs(rest).max() < 1e-4
    assert (parts.lufs, parts.true_peak) == pytest.approx((whole.lufs, whole.true_peak), abs=0.05)
    media.write_audio(parts.mix, tmp_path / "a.wav")
    back = media.read_audio(tmp_path / "a.wav")
    assert np.abs(back.samples - parts.mix.samples).max() < 1e-4
