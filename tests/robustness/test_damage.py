"""A slice of `python -m tests.bench.robustness`, and what its full runs found: each drawn here again."""

import json
import random
import struct
from pathlib import Path

import av
import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.media.film import film
from tests.media.takes import tones
from tests.music import make_plan
from tests.research.datasets.archives import TRAINING, Drawn, write_archive
from tests.research.datasets.conftest import TRAINING as SONGS
from tests.research.datasets.conftest import write_song
from tests.robustness import campaign as watch
from tests.robustness.mutate import mutated

from diffbgm import codec, hub, media
from diffbgm.composer import Config, Denoiser
from diffbgm.errors import DataError, DiffBGMError, WeightsError
from diffbgm.media.sound import as_mono
from diffbgm.midi import read_midi
from diffbgm.options import SETTINGS, ScoreOptions, with_changes
from diffbgm.research.datasets.corpora import read_corpus
from diffbgm.research.datasets.pop909 import read_song, song_files
from diffbgm.types import Audio, MusicPlan


def test_damaged_inputs_are_read_or_refused_in_a_sentence() -> None:
    table = watch.campaign(160, seed=18)
    assert table.bad == [], str(table)
    assert sum(table.counts.values()) == 160
    taken = sum(table.counts[key] for key in table.counts if key[1] == "taken")
    assert 20 < taken < 140  # damage is neither harmless nor hopeless


START = """
import os, signal, time
if os.environ["HOW"] == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
much = b"x" * 400_000_000 if os.environ["HOW"] == "memory" else b""
time.sleep(60)
"""


@pytest.mark.parametrize(("how", "patience"), [("crash", 20.0), ("memory", 20.0), ("hang", 0.5)])
def test_the_watchdog(how: str, patience: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(START)  # what a child does before it reads anything
    monkeypatch.setenv("HOW", how)
    for name, value in (("ROOT", tmp_path), ("MEMORY", 2e8), ("HANG", patience)):
        monkeypatch.setattr(watch, name, value)
    assert watch.Child(tmp_path).ask("midi", tmp_path / "x.mid")[0] == how


def test_damage_is_the_same_for_a_seed_and_never_empty() -> None:
    data = bytes(range(256)) * 40
    for text in (False, True):
        first, again = (mutated(data, random.Random("3/5"), text=text) for _ in range(2))
        assert first == again
    assert sum(mutated(data, random.Random(i), text=False)[0] != data for i in range(50)) > 45


def test_a_packet_of_sound_does_not_last_an_hour_because_it_says_so(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"stts")  # of the sound: its packets last for 80 s each
    for entry in range(struct.unpack_from(">I", data, at + 8)[0]):
        struct.pack_into(">I", data, at + 12 + 8 * entry + 4, 80 * 48_000)
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert max(p.duration or 0 for p in container.demux(audio=0)) > 40 * 48_000
    assert media.probe(path).shown_duration < 10


def test_long_packets_of_sound_that_hold_their_samples_are_believed(tmp_path: Path) -> None:
    path = tmp_path / "film.mov"
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("libx264", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        out.mux([*pictures.encode(av.VideoFrame(64, 48, "yuv420p")), *pictures.encode(None)])
        piece = av.AudioFrame.from_ndarray(np.ones((1, 24_000), np.int16), format="s16", layout="mono")
        piece.sample_rate, piece.pts = 8000, 0
        out.mux([*sound.encode(piece), *sound.encode(None)])
    assert media.probe(path).shown_duration == pytest.approx(3.0, abs=0.05)


def test_a_copy_that_nobody_can_open_is_encoded_instead(tmp_path: Path) -> None:
    path = film(tmp_path / "film.ts", sounds=({"codec": "ac3"},), options={"g": "10", "preset": "veryfast"})
    data = bytearray(path.read_bytes())
    at = data.index(b"\0\0\0\1\x68")  # the first picture parameter set: FFmpeg then puts none into MP4's header
    data[at + 4] = 0x6C
    path.write_bytes(data)
    report = media.mux(path, Audio(np.zeros((2, 48_000), np.float32), 48_000), tmp_path / "out.mp4")
    assert (report.pictures, "headers" in report.why) == ("re-encoded", True)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10


@pytest.mark.parametrize("channels", [9, 11, 38])
def test_sound_of_more_than_eight_planes(tmp_path: Path, channels: int) -> None:
    """PyAV 18 reads beyond the planes of such pieces; the sound is the mean of all channels."""
    t = np.arange(1024) / 48_000
    layout = f"{channels} channels"
    pieces = []
    for k in range(30):
        wave = 0.5 * np.sin(2 * np.pi * 3500 * (t + k * 1024 / 48_000)) * (10 <= k < 20)
        packed = np.ascontiguousarray(np.tile(wave[:, None], (1, channels)).reshape(1, -1).astype(np.float32))
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = 48_000, k * 1024
        pieces += av.AudioResampler(format="fltp", layout=layout, rate=48_000).resample(frame)
    heard = np.concatenate([as_mono(piece).to_ndarray()[0] for piece in pieces])
    assert tones(Audio(np.tile(heard, (2, 1)), 48_000)) == [pytest.approx(10 * 1024 / 48_000, abs=0.01)]


def test_a_midi_file_of_millions_of_beats_is_refused(tmp_path: Path) -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=1)
    times = (0, 0x0FFFFFFF)
    file.tracks.append(mido.MidiTrack(mido.Message("note_on", note=60, velocity=64 * (not t), time=t) for t in times))
    file.save(str(tmp_path / "long.mid"))
    with pytest.raises(DataError, match="268435455 beats, more than 200000"):
        read_midi(tmp_path / "long.mid")


@pytest.mark.parametrize(
    ("name", "value"), [("clip_width", "[]"), ("depth", "[2]"), ("channels", "[]"), ("genres", "7")]
)
def test_a_list_where_a_number_belongs(tmp_path: Path, name: str, value: str) -> None:
    folder = hub.save_weights(Denoiser(Config.tiny()), tmp_path)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {name: value}))
    with pytest.raises(WeightsError, match=name):
        hub.load_weights(folder)


def test_a_damaged_archive_of_pieces_is_named(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "nottingham.zip", [Drawn(TRAINING[0], bars=2)]).read_bytes()
    for find, at in ((b"PK\x03\x04", 40), (b"PK\x01\x02", 0), (b"PK\x01\x02", 10)):
        data = bytearray(whole)
        data[data.index(find) + at] ^= 0x55
        (tmp_path / "nottingham.zip").write_bytes(data)
        with pytest.raises(DataError, match=r"nottingham\.zip"):
            read_corpus(tmp_path / "nottingham.zip")


@pytest.mark.parametrize("damage", [b"1e999 1 1\n", b"words\n", b"", b"1 2\n3\n", b"3 1 1\n2 1 0\n"])
def test_a_damaged_song_is_named(tmp_path: Path, damage: bytes) -> None:
    write_song(tmp_path, SONGS[0], 0, bars=4)
    files = song_files(tmp_path)[SONGS[0]]
    with pytest.raises(DataError, match=f"song {SONGS[0]}"):
        read_song(SONGS[0], {**files, "beat_midi.txt": damage})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([2**63, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
ODD = st.sampled_from(["1e9", "nan", "١٢", "7.0", b"7", np.int64(3), np.float32("inf"), np.zeros(2), {1, 2}, 1j])


def sentence(error: DiffBGMError) -> str:
    """What an error says, which must be one line."""
    said = str(error)
    assert said.strip()
    assert "\n" not in said
    return said


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(SETTINGS)), value=JSON | ODD)
def test_any_value_of_an_option_is_taken_or_refused_by_name(name: str, value: object) -> None:
    said = ""
    try:
        options = with_changes(None, {name: value})
    except DiffBGMError as error:
        said = sentence(error)
    else:
        assert ScoreOptions.from_receipt({"options": json.loads(codec.to_json(options))}) == options
    assert not said or name.split("_")[0] in said


PLAN = codec.to_plain(make_plan(4))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(PLAN)), value=JSON)
def test_any_value_in_a_plan_is_taken_or_refused(name: str, value: object) -> None:
    try:
        plan = codec.from_plain(MusicPlan, {**PLAN, name: value})
    except DiffBGMError as error:
        sentence(error)
    else:
        assert codec.from_json(MusicPlan, codec.to_json(plan)) == plan
