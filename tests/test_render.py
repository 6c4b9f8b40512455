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
from diffbgm.errors import Cancelled, OptionError, RenderError
from diffbgm.media import blocks as store
from diffbgm.midi import DRUM_CHANNEL, control_event, delta_track, file_bytes, note_events
from diffbgm.platforms import PLATFORMS
from diffbgm.render import find_engine, find_soundfont, measure_loudness, mix, render, target_of, true_peak
from diffbgm.render.levels import phrase, read_levels
from diffbgm.render.loudness import fade_curve, limiter_curve
from diffbgm.render.sf3 import HEADER, decode_font, font_presets
from diffbgm.render.soundfont import PACKAGED, VARIABLE, is_compressed
from diffbgm.render.synth import TICKS, make_jobs, synthesize
from diffbgm.research.metrics.sound import cents_off, onset_delay
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


def test_a_stem_that_swings_about_another_value_than_0_is_centred_and_others_are_left_alone():
    rng = np.random.default_rng(3)
    plain = (0.1 * rng.normal(size=(2, 3 * RATE))).astype(np.float32)
    lifted = plain + np.float32(0.15)
    centred, same = lifted.copy(), plain.copy()
    mix.remove_offset(centred, RATE)
    mix.remove_offset(same, RATE)
    np.testing.assert_array_equal(same, plain)
    later = slice(RATE // 2, None)
    assert abs(centred[:, later].mean()) < 1e-3
    assert 0.99 < centred[:, later].std() / plain[:, later].std() < 1.01
    mix.remove_offset(empty := np.zeros((2, 100), np.float32), RATE)
    assert not empty.any()


def test_no_stem_of_a_soft_pad_swings_about_another_value_than_0():
    notes = tuple(Note(4 * i, 4 * i + 4, p, 60) for i in range(3) for p in (55, 60, 64))
    score = Score((Track("pad", 89, notes), *band().tracks[:1]), TempoMap.steady(120, 12))
    pad = render(score, duration=6.0).stems["pad"].samples[:, RATE:-RATE]
    assert abs(pad.mean()) < 0.05 * pad.std()


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
    assert find_soundfont() == PACKAGED
    assert (PACKAGED.parent / "FluidR3Mono_License.md").is_file()
    assert find_soundfont(SMALL) == SMALL
    assert (is_compressed(PACKAGED), is_compressed(SMALL)) == (True, False)
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
        wrong = [cents_off(samples, RATE, pitch) for samples, pitch in zip(heard, scale, strict=True)]
        assert np.abs(wrong).max() < 10, f"program {part[0]}: {np.round(wrong, 1)} cents at {scale}"


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


def one_note_each(presets: list[tuple[int, int]], pitch: int = 60) -> bytes:
    """A note a second, each on another preset; drums play their snare."""
    events = []
    for number, (bank, program) in enumerate(presets):
        channel, at = (DRUM_CHANNEL, 38) if bank else (0, pitch)
        begin = number * TICKS
        events += [
            (begin, 1, mido.Message("program_change", channel=channel, program=program)),
            *note_events([Note(0, 0.5, at, 90)], channel, lambda beat, begin=begin: begin + round(beat * TICKS)),
        ]
    end = len(presets) * TICKS
    events += [(0, 0, mido.MetaMessage("set_tempo", tempo=1_000_000)), control_event(end, 0, 64, 0)]
    return file_bytes([delta_track(events, end)], TICKS)


def render_bytes(font: bytes, midi: bytes) -> np.ndarray:
    """[N] mono, as the synthesizer gives it."""
    import midirenderer
    from scipy.io import wavfile

    return wavfile.read(io.BytesIO(midirenderer.render_wave_from(font, midi)))[1].T.mean(0) / 32768


# Programs of the packaged font whose notes take more than 30 ms to come: bowed, blown, and effects.
SLOW = {21, 31, 40, 43, 49, 71, 72, 73, 74, 75, 76, 77, 78, 93, 95, 97, 101, 110, 119, 122, 125, 126}
UNPITCHED = {*range(112, 128), 47, 55, 97}


def test_every_general_midi_program_and_common_kit_speaks_in_tune() -> None:
    kits = [(128, k) for k in (0, 8, 16, 24, 25, 32, 40, 48)]
    presets = [*((0, p) for p in range(128)), *kits]
    assert set(presets) <= set(font_presets(PACKAGED))
    sound = render_bytes(decode_font(PACKAGED, presets), one_note_each(presets))
    wrong = []
    for number, (bank, program) in enumerate(presets):
        note = sound[number * RATE : (number + 1) * RATE]
        peak = np.abs(note).max()
        cents = 0.0 if bank or program in UNPITCHED else cents_off(note[RATE // 10 : RATE // 2], RATE, 60)
        late = onset_delay(note[: RATE // 2], RATE) > 0.03 and program not in SLOW
        if not 0.01 < peak < 0.9 or abs(cents) > 30 or late:
            wrong.append((bank, program, peak, cents, onset_delay(note[: RATE // 2], RATE)))
    assert not wrong


def test_only_what_is_played_is_decoded_and_an_unknown_kit_is_the_first() -> None:
    piano = decode_font(PACKAGED, [(0, 0)])
    assert len(piano) < PACKAGED.stat().st_size / 3
    assert not render_bytes(piano, one_note_each([(0, 73)])).any()
    kits = [render_bytes(decode_font(PACKAGED, [(128, k)]), one_note_each([(128, k)])) for k in (0, 100)]
    assert kits[0].any()
    assert np.array_equal(*kits)


def test_loops_lie_inside_of_the_samples() -> None:
    """Electric piano, bassoon and kalimba: short streams, of which FFmpeg alone leaves out the end, with the loop."""
    font = decode_font(PACKAGED, [(0, 5), (0, 70), (0, 108)])
    at = font.rfind(b"shdr")
    headers = np.frombuffer(font[at + 8 : at + 8 + int.from_bytes(font[at + 4 : at + 8], "little")], HEADER)[:-1]
    assert (headers["loop_end"] <= headers["end"]).all()
    assert (headers["end"] > 8 * 46).sum() > 20  # that are no silence


def test_a_damaged_sf3_is_a_render_error(tmp_path) -> None:
    data = bytearray(PACKAGED.read_bytes())
    data[500:14_000_000] = bytes(14_000_000 - 500)
    path = tmp_path / "torn.sf3"
    path.write_bytes(data)
    with pytest.raises(RenderError, match=r"torn\.sf3"):
        render(band(4), duration=1, soundfont=path)


def test_the_shipped_levels_are_those_of_the_font() -> None:
    for preset in ((0, 0), (0, 40), (128, 0)):
        track = phrase(preset)
        tempo = TempoMap.steady(120, 8)
        (stem,) = synthesize([track], tempo, 4 * RATE, RATE, "midirenderer", PACKAGED)
        assert measure_loudness(stem, RATE) == pytest.approx(read_levels()[preset], abs=0.3)


def test_the_default_font_is_named_with_its_licence() -> None:
    sound = render(band(4), duration=2, stems=False)
    assert (sound.soundfont, sound.licence) == ("FluidR3Mono_GM.sf3", "MIT")
    assert render(band(4), duration=2, stems=False, soundfont=SMALL).licence == ""


@pytest.mark.parametrize("loudness", [*PLATFORMS, -20, "-18.5"])
def test_loudness_by_number_or_platform(loudness) -> None:
    target = PLATFORMS.get(loudness) if loudness in PLATFORMS else float(loudness)
    assert target_of(loudness) == target
    if loudness in ("ebu", "spotify"):
        sound = render(band(), duration=5.9, soundfont=SMALL, loudness=loudness, stems=False)
        assert sound.lufs == pytest.approx(target, abs=0.2)
        assert sound.true_peak <= -1


@pytest.mark.parametrize("loudness", ["loud", -100, 3, "nan", None])
def test_other_loudness_is_refused(loudness) -> None:
    with pytest.raises(OptionError, match="loudness must be"):
        target_of(loudness)


def test_several_tracks_of_a_role_have_stems_of_their_own() -> None:
    score = band()
    twice = Score((*score.tracks, *score.tracks[1:2], *score.tracks[1:2]), score.tempo)
    sound = render(twice, duration=5.9, soundfont=SMALL)
    assert list(sound.stems) == ["melody", "chords", "bass", "percussion", "chords-2", "chords-3"]
    rest = sum(stem.samples for stem in sound.stems.values()) - sound.mix.samples
    assert np.abs(rest).max() < 1e-4


def at_pace(gap: float) -> Score:
    """Six seconds of one band that plays every `gap` beats (120 a minute)."""
    starts = np.arange(0, 12, gap)
    melody = [Note(b, b + gap, 72 + i % 5, 76) for i, b in enumerate(starts)]
    chords = [Note(b, b + gap, p, 76) for b in starts for p in (60, 64, 67)]
    drums = [Note(b, b + 0.2, 38 if i % 2 else 36, 76) for i, b in enumerate(starts)]
    tracks = (Track("melody", 27, tuple(melody)), Track("chords", 0, tuple(chords), gain=-4),
              Track("percussion", 0, tuple(drums), gain=-7))  # fmt: skip
    return Score(tracks, TempoMap.steady(120, 12))


def test_driving_music_is_brighter_and_its_drums_come_forward_and_no_part_is_over_its_gain() -> None:
    calm, driving = (render(at_pace(gap), duration=6) for gap in (2.0, 0.25))
    levels = [{n: measure_loudness(s.samples, RATE) for n, s in x.stems.items()} for x in (calm, driving)]
    over = [level["percussion"] - level["melody"] for level in levels]
    assert over[1] > over[0] + 3
    for level, lift in zip(levels, (0, 6), strict=True):
        assert level["chords"] - level["melody"] <= -4 + 0.5
        assert level["percussion"] - level["melody"] <= -7 + lift + 0.5
    bright = []
    for sound in (calm, driving):
        power = np.abs(np.fft.rfft(sound.stems["chords"].samples.mean(0))) ** 2
        split = 2500 * 6
        bright.append(10 * np.log10(power[split:].sum() / power[:split].sum()))
    assert bright[1] > bright[0] + 3
    for sound in (calm, driving):
        assert sound.lufs == pytest.approx(-16, abs=0.2)
        assert sound.true_peak <= -1


def test_what_the_limiter_takes_from_the_melody_lifts_no_other_part_over_its_gain() -> None:
    strokes = [Note(b / 2, b / 2 + 0.4, 60 + b % 3, 60 if b % 4 else 127) for b in range(24)]  # woodblocks
    held = [Note(b, b + 4, p, 100) for b in range(0, 12, 4) for p in (48, 55, 64)]
    tracks = (Track("melody", 115, tuple(strokes)), Track("chords", 48, tuple(held), gain=-1))
    sound = render(Score(tracks, TempoMap.steady(120, 12)), duration=6)
    over = measure_loudness(sound.stems["chords"].samples, RATE) - measure_loudness(sound.stems["melody"].samples, RATE)
    assert -4 < over <= -1 + 0.25
    rest = sum(stem.samples for stem in sound.stems.values()) - sound.mix.samples
    assert np.abs(rest).max() < 1e-4
