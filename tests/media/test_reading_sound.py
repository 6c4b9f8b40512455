"""Sound is read by its stamps, from the right tracks, and whatever a decoder does becomes a sentence."""

import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tests.media.takes import HZ, copy_packets, delay_in_ts, draw_take, tones, wave

from diffbgm import media
from diffbgm.errors import VideoError


@pytest.mark.parametrize("name", ["gap.mkv", "gap.mp4"])
def test_a_hole_is_silence(tmp_path: Path, name: str):
    def lose(packet, number: int) -> bool:
        return packet.stream.type == "video" or not 0.2 < float(packet.pts * packet.time_base) < 0.6

    sound = media.read_audio(copy_packets(draw_take(tmp_path / "a.mkv"), tmp_path / name, lose))
    assert tones(sound) == pytest.approx([0.8], abs=0.01)
    assert sound is not None
    assert np.abs(sound.samples[:, round(0.3 * HZ) : round(0.5 * HZ)]).max() == 0.0
    assert np.abs(sound.samples[:, : round(0.2 * HZ)]).max() > 0.02


@pytest.mark.parametrize("late", [0.4, -0.4])
def test_a_late_start_stays_late(tmp_path: Path, late: float):
    path = draw_take(tmp_path / "a.mkv", start=0.6, sound_start=late, sounds=({"codec": "pcm_s16le"},))
    assert tones(media.read_audio(path)) == pytest.approx([0.8 + late], abs=0.01)


def test_a_change_of_rate_keeps_pitch_and_time(tmp_path: Path):
    first = draw_take(tmp_path / "a.ts", sounds=({"codec": "ac3"},))
    second = draw_take(tmp_path / "b.ts", sounds=({"codec": "ac3", "rate": 44_100},), start=1.6)
    path = tmp_path / "rate.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    sound = media.read_audio(path)
    assert tones(sound) == pytest.approx([0.8, 2.4], abs=0.02)
    assert sound is not None
    piece = sound.samples[0, round(2.42 * HZ) : round(2.58 * HZ)]
    assert np.abs(np.fft.rfft(piece)).argmax() * HZ / len(piece) == pytest.approx(3500, abs=10)


def test_one_wrong_stamp_costs_one_piece(tmp_path: Path):
    path = delay_in_ts(draw_take(tmp_path / "a.ts", sounds=({"codec": "mp2"},)), "audio", range(1, 2))
    for until in (1.6, None):
        assert tones(media.read_audio(path, until=until)) == pytest.approx([0.8], abs=0.02)
    assert media.probe(path).shown_duration < 1.8


def test_the_default_track_is_read(tmp_path: Path):
    tracks = ({"tags": {"language": "eng"}}, {"at": 0.2, "tags": {"language": "fra"}})
    assert tones(media.read_audio(draw_take(tmp_path / "a.mkv", sounds=tracks, default=0))) == pytest.approx(
        [0.8], abs=0.01
    )
    assert tones(media.read_audio(draw_take(tmp_path / "b.mkv", sounds=tracks, default=1))) == pytest.approx(
        [0.2], abs=0.01
    )


def test_the_microphones_of_a_camera_are_heard_together(tmp_path: Path):
    mono = {"codec": "pcm_s16le", "layout": "mono"}
    both = ({**mono, "at": None}, {**mono, "at": 0.8})
    assert tones(media.read_audio(draw_take(tmp_path / "mics.mov", sounds=both))) == pytest.approx([0.8], abs=0.01)
    languages = [{**sound, "tags": {"language": code}} for sound, code in zip(both, ("eng", "fra"), strict=True)]
    assert tones(media.read_audio(draw_take(tmp_path / "two.mov", sounds=languages))) == []


def test_what_is_no_number_is_silence(tmp_path: Path):
    broken = wave(1.6)
    broken[9600:9648] = np.nan
    broken[9700] = np.inf
    path = draw_take(tmp_path / "nan.mkv", sounds=({"codec": "pcm_f32le", "wave": broken},))
    sound = media.read_audio(path)
    assert sound is not None
    assert np.isfinite(sound.samples).all()
    assert not sound.samples[:, 9600:9648].any()
    assert tones(sound) == pytest.approx([0.8], abs=0.005)


def test_only_what_is_used_is_read(tmp_path: Path):
    long = {"codec": "pcm_s16le", "rate": 8000, "layout": "mono", "wave": np.tile(wave(2.0, 8000), 60)}
    path = draw_take(tmp_path / "long.mkv", sounds=(long,))
    media.probe(path)
    tracemalloc.start()
    sound = media.read_audio(path, until=1.6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sound is not None
    assert sound.duration == pytest.approx(1.6)
    assert tones(sound) == pytest.approx([0.8], abs=0.01)
    assert peak < 4e6
    whole = media.read_audio(path, rate=8000)
    assert whole is not None
    assert whole.duration == pytest.approx(120.0, abs=0.01)
    with pytest.raises(VideoError, match="2 minutes of sound"):
        media.read_audio(path, limits=media.Limits(sound_seconds=60))
    assert media.read_audio(path, until=1.0, limits=media.Limits(sound_seconds=60)) is not None


@pytest.mark.parametrize("channels", [3, 6, 9, 20])
def test_any_number_of_channels(tmp_path: Path, channels: int):
    data = np.repeat((wave(1.6) * 2**15).astype("<i2")[:, None], channels, 1).tobytes()
    form = struct.pack("<HHIIHH", 1, channels, HZ, HZ * channels * 2, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path = tmp_path / "many.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert tones(media.read_audio(path)) == pytest.approx([0.8], abs=0.01)


def test_sound_that_nothing_can_decode_is_an_error(tmp_path: Path):
    path = draw_take(tmp_path / "unknown.mkv")
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    assert media.probe(path).has_audio
    with pytest.raises(VideoError, match=r"sound is coded as .*keep_audio"):
        media.read_audio(path)
    path = draw_take(tmp_path / "claim.mkv", sounds=({"codec": "pcm_s16le", "layout": "mono"},))
    data = path.read_bytes()
    at = data.index(b"\xe1")  # an Audio element: its rate as a double behind b5 88
    rate = data.index(b"\xb5\x88", at) + 2
    path.write_bytes(data[:rate] + struct.pack(">d", 2e9) + data[rate + 8 :])
    with pytest.raises(VideoError):
        media.read_audio(path)


HOSTILE = """
import sys
from diffbgm import media
from diffbgm.errors import VideoError
data = open(sys.argv[1], "rb").read()
at = data.index(b"esds")
for k in range(8, 44):
    for bit in (8, 64):
        changed = bytearray(data)
        changed[at + k] ^= bit
        open(sys.argv[2], "wb").write(changed)
        try:
            sound = media.read_audio(sys.argv[2])
            assert sound is None or sound.duration < 10, sound.duration
        except VideoError as e:
            assert "\\n" not in str(e)
print("lives")
"""


def test_no_bit_of_a_decoder_configuration_ends_the_process(tmp_path: Path):
    path = draw_take(tmp_path / "a.mp4", seconds=0.2)
    line = [sys.executable, "-c", HOSTILE, str(path), str(tmp_path / "b.mp4")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "lives", done.stderr[-500:]
