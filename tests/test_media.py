"""The door to FFmpeg: what goes in comes out, at the right time, and what cannot is said in one line."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.drawing import Drawn, draw_video, jittery_times, rotate_mp4, scene, steady_times, tone

from diffbgm import files, media
from diffbgm.errors import OutputError, VideoError
from diffbgm.types import Audio


def times_of(path: Path) -> list[float]:
    return [time for time, _ in media.frames(path, size=32)]


# --- reading -------------------------------------------------------------------------------------------------------


def test_probe_measures_a_plain_clip(clip: Drawn):
    info = media.probe(clip.path)
    assert info.duration == pytest.approx(4.0)
    assert info.last_frame == pytest.approx(3.96)
    assert (info.width, info.height, info.frames, info.codec) == (160, 90, 100, "h264")
    assert info.frame_rate == pytest.approx(25.0)
    assert info.has_audio
    assert "mp4" in info.container


def test_frames_are_small_upright_rgb_at_their_times(clip: Drawn):
    seen = list(media.frames(clip.path, size=80))
    assert [t for t, _ in seen] == pytest.approx(steady_times(4.0, 25.0), abs=1e-6)
    assert all(image.shape == (45, 80, 3) and image.dtype == np.uint8 for _, image in seen)
    drawn = scene(0, 0.0)[::2, ::2].astype(float)
    assert np.abs(seen[0][1] - drawn).mean() < 12
    assert len(list(media.frames(clip.path, every=0.5))) == 8


def test_small_videos_are_not_enlarged(clip: Drawn):
    assert next(media.frames(clip.path, size=512))[1].shape == (90, 160, 3)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_variable_frame_rate_keeps_its_times(draw, name: str):
    wanted = jittery_times(3.0, 25.0, seed=3)
    drawn = draw(name, (1.0, 2.0), times=wanted)
    assert times_of(drawn.path) == pytest.approx(wanted, abs=6e-4)  # Matroska counts in milliseconds
    assert np.std(np.diff(wanted)) > 0.005


@pytest.mark.parametrize("name", ["late.ts", "late.mkv"])
def test_a_late_start_counts_from_the_first_picture(draw, name: str):
    drawn = draw(name, start=2.5, sound=True)
    assert media.probe(drawn.path).duration == pytest.approx(4.0, abs=2e-3)
    assert times_of(drawn.path) == pytest.approx(steady_times(4.0, 25.0), abs=2e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.webm", {"codec": "libvpx-vp9", "sound": True}),
        ("a.avi", {"codec": "mpeg4"}),
        ("odd.avi", {"codec": "mjpeg", "pix_fmt": "yuvj444p", "size": (161, 91)}),
        ("a.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
        ("a.flv", {}),
        ("tall.mov", {"size": (90, 160), "options": {"bf": "3"}}),
        ("raw.h264", {}),
    ],
)
def test_many_containers(draw, name: str, options: dict):
    drawn = draw(name, **options)
    info = media.probe(drawn.path)
    assert info.duration == pytest.approx(4.0, abs=0.01)
    assert (info.width, info.height) == options.get("size", (160, 90))
    assert info.has_audio == options.get("sound", False)
    assert times_of(drawn.path) == pytest.approx(steady_times(4.0, 25.0), abs=0.01)


def test_a_single_picture(draw):
    drawn = draw("one.mp4", (0.04,))
    info = media.probe(drawn.path)
    assert (info.frames, info.frame_rate) == (1, 0.0)
    assert info.duration == pytest.approx(0.04)
    assert times_of(drawn.path) == [0.0]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_honoured(draw, degrees: int):
    drawn = draw("turned.mp4", (0.4,))
    before = next(media.frames(drawn.path))[1]
    rotate_mp4(drawn.path, degrees)
    after = next(media.frames(drawn.path))[1]
    assert np.array_equal(after, np.rot90(before, -degrees // 90))
    info = media.probe(drawn.path)
    assert (info.height, info.width) == after.shape[:2]


def broken(folder: Path, kind: str, clip: Drawn) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("no video at all\n" * 50)
    elif kind == "txt":
        path = folder / "notes.txt"
        path.write_text("no video at all\n" * 50)
    elif kind == "playlist":
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{clip.path}\n#EXT-X-ENDLIST\n")
    elif kind == "truncated":
        path.write_bytes(clip.path.read_bytes()[:3000])
    elif kind == "sound":
        path = folder / "sound.wav"
        media.write_audio(tone(0.5), path)
    elif kind == "still":
        path = folder / "still.png"
        with av.open(str(path), "w", format="image2") as out:
            stream = out.add_stream("png", rate=1)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("text", "not a video"),
        ("txt", "not a video"),
        ("playlist", "not a video"),
        ("truncated", "complete"),
        ("sound", "no picture"),
        ("still", "still picture"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, clip: Drawn, kind: str, says: str):
    path = broken(tmp_path, kind, clip)
    for read in (media.probe, lambda p: list(media.frames(p))):
        with pytest.raises(VideoError, match=says) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(draw):
    drawn = draw("cut.mkv", (2.0, 2.0))
    data = drawn.path.read_bytes()
    drawn.path.write_bytes(data[: len(data) * 6 // 10])
    times = times_of(drawn.path)
    assert 10 < len(times) < 95
    assert media.probe(drawn.path).duration < 3.9


def test_a_damaged_middle_is_passed_over(draw):
    drawn = draw("hurt.mkv", (2.0, 2.0), options={"g": "12"})
    data = bytearray(drawn.path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    drawn.path.write_bytes(bytes(data))
    times = times_of(drawn.path)
    assert len(times) > 50
    assert times == sorted(set(times))
    assert times[-1] > 3.5


# --- writing -------------------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.floats(0.004, 0.7), min_size=1, max_size=8),
    width=st.integers(2, 51),
    height=st.integers(2, 51),
)
def test_written_pictures_keep_their_times_and_the_end(tmp_path: Path, steps: list[float], width: int, height: int):
    times = [0.0, *np.cumsum(steps)]
    end = times[-1] + 0.3
    image = np.full((height, width, 3), 90, np.uint8)
    path = tmp_path / "written.mp4"
    media.write_video(((t, image) for t in times), path, end=end)
    assert times_of(path) == pytest.approx(times, abs=1e-4)
    info = media.probe(path)
    assert info.duration == pytest.approx(end, abs=1e-4)
    assert (info.width, info.height) == (width - width % 2, height - height % 2)


@pytest.mark.parametrize(("suffix", "error"), [(".wav", 1e-4), (".flac", 1e-4), (".mp3", 0.05)])
def test_sound_round_trip(tmp_path: Path, suffix: str, error: float):
    path = tmp_path / f"sound{suffix}"
    sound = tone(1.0)
    media.write_audio(sound, path)
    back = media.read_audio(path)
    assert back is not None
    assert back.rate == 48_000
    assert back.duration == pytest.approx(1.0, abs=0.03)
    n = min(back.samples.shape[1], 48_000)
    assert np.abs(back.samples[:, 100 : n - 100] - sound.samples[:, 100 : n - 100]).max() < error


def test_sound_of_a_video_starts_with_its_first_picture(draw, silent_clip: Drawn):
    assert media.read_audio(silent_clip.path) is None
    for name in ("a.ts", "a.mkv", "a.mp4"):
        sound = media.read_audio(draw(name, sound=True, start=1.5 if name != "a.mp4" else 0.0).path, rate=48_000)
        assert sound is not None
        assert sound.duration == pytest.approx(4.0, abs=0.05)
        loud = np.abs(sound.samples[0]) > 0.05
        assert int(np.argmax(loud)) < 0.03 * 48_000


def test_sound_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(OutputError, match=r"\.wav, \.flac, \.mp3"):
        media.write_audio(tone(0.1), tmp_path / "a.xyz")
    with pytest.raises(OutputError, match="3 channels"):
        media.write_audio(Audio(np.zeros((3, 10)), 48_000), tmp_path / "a.wav")
    assert list(tmp_path.iterdir()) == []


# --- sound under pictures ------------------------------------------------------------------------------------------

COPIED = [
    ("a.mp4", "out.mp4", {}),
    ("a.mp4", "out.mov", {}),
    ("a.mkv", "out.mp4", {"sound": True}),
    ("a.mkv", "out.MKV", {"start": 1.5}),
    ("a.ts", "out.mp4", {"start": 3.0, "sound": True}),
    ("a.flv", "out.mp4", {}),
    ("a.webm", "out.mp4", {"codec": "libvpx-vp9", "sound": True}),
    ("hevc.mp4", "out.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=error"}}),
    ("vfr.mp4", "out.mp4", {"times": jittery_times(1.43, 25.0)}),
    ("fast.mp4", "out.mp4", {"rate": 60.0, "shots": (0.5, 0.51)}),
    ("slow.mp4", "out.mp4", {"rate": 1.0, "shots": (3.0, 2.0)}),
    ("one.mp4", "out.mp4", {"shots": (0.04,)}),
    ("odd.mkv", "out.mkv", {"codec": "ffv1", "pix_fmt": "bgr0", "size": (33, 57), "times": jittery_times(1.43, 25.0)}),
    ("av1.mp4", "out.mp4", {"codec": "libsvtav1", "options": {"preset": "12"}}),
]
ENCODED = [
    ("v8.webm", "out.mp4", {"codec": "libvpx", "sound": True}),
    ("a.avi", "out.mp4", {"codec": "mpeg4"}),
    ("odd.avi", "out.mp4", {"codec": "mjpeg", "pix_fmt": "yuvj444p", "size": (61, 37)}),
    ("odd.mkv", "out.mp4", {"codec": "ffv1", "pix_fmt": "bgr0", "size": (33, 57), "times": jittery_times(1.43, 25.0)}),
    ("a.gif", "out.mp4", {"codec": "gif", "pix_fmt": "rgb8"}),
    ("v9.webm", "out.mov", {"codec": "libvpx-vp9"}),
]


@pytest.mark.parametrize(
    ("name", "out", "options", "how"),
    [(*case, "copied") for case in COPIED] + [(*case, "re-encoded") for case in ENCODED],
)
def test_mux_ends_the_sound_with_the_picture(draw, tmp_path: Path, name: str, out: str, options: dict, how: str):
    drawn = draw(name, **{"shots": (0.8, 0.63), "size": (64, 36), **options})
    target = tmp_path / out
    before, times = media.probe(drawn.path), times_of(drawn.path)
    frame = 1 / (before.frame_rate or 25.0)
    for given_sound in (before.duration + 2.0, before.duration - 0.02):
        assert media.mux(drawn.path, tone(given_sound), target).pictures == how
        after = media.probe(target)
        assert after.has_audio
        assert after.codec == (before.codec if how == "copied" else "h264")
        assert after.duration == pytest.approx(before.duration, abs=2e-3)
        assert times_of(target) == pytest.approx(times, abs=1.1e-3)
        sound = media.read_audio(target)
        assert sound is not None
        assert abs(sound.duration - before.duration) <= frame
        with av.open(str(target)) as container:
            assert abs(container.duration / av.time_base - before.duration) <= frame
            assert len(container.streams.audio) == len(container.streams.video) == 1
        heard = sound.samples[:, : round(min(before.duration, given_sound) * 48_000) - 100]
        error = heard - tone(heard.shape[1] / 48_000).samples
        assert np.sqrt((error**2).mean()) < 0.04  # ten samples late would be .09


def test_copied_packets_are_the_same_bytes(clip: Drawn, tmp_path: Path):
    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]

    media.mux(clip.path, tone(4.0), tmp_path / "out.mp4")
    assert packets(tmp_path / "out.mp4") == packets(clip.path)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_mux_keeps_the_picture_upright(draw, tmp_path: Path, codec: str):
    drawn = draw("phone.mp4", (0.6,), codec=codec)
    rotate_mp4(drawn.path, 90)
    media.mux(drawn.path, tone(0.6), tmp_path / "out.mp4")
    before, after = next(media.frames(drawn.path))[1], next(media.frames(tmp_path / "out.mp4"))[1]
    assert after.shape == before.shape == (160, 90, 3)
    assert np.abs(after.astype(float) - before).mean() < 4


def test_hidden_pictures_before_an_edit_stay_hidden(clip: Drawn, tmp_path: Path):
    """Phones trim a clip by an edit list: the pictures before it are only there to be decoded."""
    trimmed = tmp_path / "trimmed.mp4"
    with av.open(str(clip.path)) as source, av.open(str(trimmed), "w") as sink:
        stream = source.streams.video[0]
        copy = sink.add_stream_from_template(stream)
        back = round(1.0 / stream.time_base)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - back, packet.dts - back, copy
                sink.mux(packet)
    assert media.probe(trimmed).duration == pytest.approx(3.0, abs=0.05)
    assert len(times_of(trimmed)) == pytest.approx(75, abs=1)
    assert media.mux(trimmed, tone(3.0), tmp_path / "out.mp4").pictures == "copied"
    assert times_of(tmp_path / "out.mp4") == pytest.approx(times_of(trimmed), abs=1e-3)
    first = next(media.frames(trimmed))[1].astype(float)
    assert np.abs(first - next(media.frames(tmp_path / "out.mp4"))[1]).mean() < 2


@pytest.mark.parametrize("options", [{}, {"codec": "mpeg4"}])
def test_mux_can_end_earlier(draw, tmp_path: Path, options: dict):
    drawn = draw("long.mp4", **options)
    media.mux(drawn.path, tone(9.0), tmp_path / "out.mp4", duration=2.0)
    assert media.probe(tmp_path / "out.mp4").duration == pytest.approx(2.0, abs=0.09)
    sound = media.read_audio(tmp_path / "out.mp4")
    assert sound is not None
    assert sound.duration == pytest.approx(2.0, abs=0.04)


def test_mux_may_replace_its_own_input(draw):
    drawn = draw("self.mp4")
    assert media.mux(drawn.path, tone(4.0), drawn.path).pictures == "copied"
    assert media.probe(drawn.path).has_audio


def test_targets_that_cannot_be_written(clip: Drawn, tmp_path: Path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    cases = {
        tmp_path / "out.webm": "cannot write .webm",
        tmp_path / "nowhere" / "out.mp4": "does not exist",
        tmp_path / "folder.mp4": "is a folder",
        tmp_path / "file" / "out.mp4": "does not exist",
        Path("/proc/out.mp4"): "cannot be written",
    }
    for target, says in cases.items():
        if target.parts[1] == "proc" and not Path("/proc/self").exists():
            continue
        with pytest.raises(OutputError, match=says) as caught:
            media.mux(clip.path, tone(1.0), target)
        assert "\n" not in str(caught.value)
        if target.suffix == ".mp4":
            with pytest.raises(OutputError, match=says):
                files.check_writable(target)
    files.check_writable(tmp_path / "out.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.mp4"]


@pytest.mark.parametrize("options", [{}, {"codec": "mpeg4"}])
def test_a_cancelled_mux_leaves_nothing(draw, tmp_path: Path, options: dict):
    class Stop(Exception):
        pass

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.4:
            raise Stop

    drawn = draw("a.mp4", **options)
    target = tmp_path / "out.mp4"
    target.write_text("what was there before")
    with pytest.raises(Stop):
        media.mux(drawn.path, tone(4.0), target, on_progress=stop)
    assert target.read_text() == "what was there before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]


def test_written_files_have_ordinary_permissions(tmp_path: Path):
    media.write_audio(tone(0.1), tmp_path / "a.wav")
    (tmp_path / "b").touch()
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_draw_video_is_deterministic(tmp_path: Path):
    a, b = (draw_video(tmp_path / name, (0.5,)) for name in ("a.mp4", "b.mp4"))
    assert a.path.read_bytes() == b.path.read_bytes()
