"""analyze() as a whole: any video, one walk, tracks that tell the truth."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tests.drawing import Drawn, jittery_times, rotate_mp4, scene
from tests.media.takes import draw_take

from diffbgm import media
from diffbgm.errors import VideoError
from diffbgm.types import Cut, VideoFeatures
from diffbgm.video import analyze, describe
from diffbgm.video.demo import draw_demo
from diffbgm.video.tracks import Tracks


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((90, 160, 3), colour, np.uint8)


def test_features_of_a_clip(clip: Drawn, silent_clip: Drawn):
    features = analyze(clip.path)
    assert features.duration == pytest.approx(4.0)
    assert (features.width, features.height, features.has_audio) == (160, 90, True)
    assert features.frame_rate == pytest.approx(25.0)
    assert [cut.time for cut in features.cuts] == pytest.approx(clip.cuts)
    assert len(features.times) == 16
    assert features.times == pytest.approx(np.arange(16) / 4 + 0.125)
    assert features.semantics == "colour"
    assert features == analyze(clip.path)
    assert not analyze(silent_clip.path).has_audio


def test_colour_follows_the_pictures(draw):
    red, blue = flat((255, 110, 0)), flat((20, 40, 160))
    features = analyze(draw("c.mp4", (2.0,), picture=lambda t: red if t < 1 else blue).path)
    warm, cold = features.colour[1], features.colour[-2]
    assert warm[0] > cold[0]
    assert warm[2] > 0.6
    assert cold[2] < -0.6
    assert min(warm[1], cold[1]) > 0.8
    grey = analyze(draw("g.mp4", (1.0,), picture=lambda t: flat((128, 128, 128))).path)
    assert grey.colour[:, 0] == pytest.approx(0.5, abs=0.02)
    assert np.abs(grey.colour[:, 1:]).max() < 0.03
    black = analyze(draw("b.mp4", (1.0,), picture=lambda t: flat((0, 0, 0))).path)
    assert np.abs(black.colour).max() < 0.02


def test_motion_follows_movement_and_not_cuts(draw):
    still = analyze(draw("still.mp4", (1.0, 1.0, 1.0), speed=0.0).path)
    assert len(still.cuts) == 2
    assert still.motion.max() < 0.1
    slow = analyze(draw("slow.mp4", (3.0,), speed=0.1).path).motion.mean()
    fast = analyze(draw("fast.mp4", (3.0,), speed=0.8).path).motion.mean()
    assert still.motion.mean() < slow < fast - 0.1


def test_motion_does_not_depend_on_the_frame_rate(draw):
    rates = [analyze(draw(f"{rate}.mp4", (2.0,), rate=rate, speed=0.4).path).motion.mean() for rate in (15, 30, 60)]
    assert max(rates) - min(rates) < 0.1
    held = analyze(draw("held.mp4", (2.0,), rate=60, picture=lambda t: scene(0, np.floor(t * 30) / 30, speed=0.4)).path)
    assert held.motion.mean() == pytest.approx(rates[1], abs=0.06)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tall.mp4", {"size": (90, 160)}),
        ("vfr.mkv", {"times": jittery_times(4.0, 20.0)}),
        ("late.ts", {"start": 4.0, "sound": True}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("odd.avi", {"codec": "mjpeg", "pix_fmt": "yuvj444p", "size": (161, 91)}),
        ("tiny.mp4", {"size": (16, 8)}),
        ("wide.mp4", {"size": (640, 16)}),
    ],
)
def test_any_video(draw, name: str, options: dict):
    drawn = draw(name, **options)
    features = analyze(drawn.path)
    assert features.duration == pytest.approx(4.0, abs=0.1)
    assert (features.width, features.height) == options.get("size", (160, 90))
    if min(features.width, features.height) > 20:
        assert [cut.time for cut in features.cuts] == pytest.approx(drawn.cuts, abs=2e-3)


def test_slow_frame_rates(draw):
    features = analyze(draw("slow.mp4", (6.0, 6.0), rate=1.0).path)
    assert features.duration == pytest.approx(12.0)
    assert len(features.times) == 48


def test_a_single_picture(draw):
    features = analyze(draw("one.mp4", (0.04,)).path)
    assert features.duration == pytest.approx(0.04)
    assert features.frame_rate == 0.0
    assert features.cuts == ()
    assert features.times == pytest.approx([0.02])


def test_a_phone_held_upright(draw):
    drawn = draw("phone.mp4", (1.0, 1.0))
    rotate_mp4(drawn.path, 90)
    features = analyze(drawn.path)
    assert (features.width, features.height) == (90, 160)
    assert [cut.time for cut in features.cuts] == pytest.approx([1.0])


def test_a_video_that_breaks_off_ends_where_it_can_be_seen(draw):
    drawn = draw("broken.mp4", (2.0, 2.0, 2.0), options={"g": "25"})
    data = bytearray(drawn.path.read_bytes())
    box = data.index(b"mdat")
    size = int.from_bytes(data[box - 4 : box], "big")
    data[box + size // 2 : box - 4 + size] = bytes(size - 4 - size // 2)  # the second half never arrived
    drawn.path.write_bytes(bytes(data))
    features = analyze(drawn.path)
    assert 1.5 < features.duration < 4.5
    assert features.times[-1] < features.duration


def test_progress_rises_and_cancels(clip: Drawn):
    seen: list[float] = []
    analyze(clip.path, on_progress=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert len(seen) > 5

    def stop(fraction: float, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(clip.path, on_progress=stop)


def test_errors_come_from_the_door(tmp_path: Path):
    with pytest.raises(VideoError, match="no such file"):
        analyze(tmp_path / "nothing.mp4")


def test_memory_does_not_grow_with_the_length(draw):
    def peak(seconds: float) -> int:
        drawn = draw(f"{seconds}.mp4", (seconds,), size=(64, 36), speed=0.3)
        tracemalloc.start()
        analyze(drawn.path)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    analyze(draw("warm.mp4", (0.2,)).path)  # imports are not counted
    assert peak(16.0) < peak(6.0) + 200_000


def test_tracks_average_over_time_not_over_pictures():
    tracks = Tracks(1.0)
    tracks.show(0.0, 0.05, np.array([1.0, 0.0, 0.0]))
    tracks.show(0.05, 1.0, np.array([0.0, 0.0, 0.0]))
    tracks.change(0.0, 0.5, 10.0)
    tracks.change(0.5, 0.6, 90.0)
    tracks.change(0.5, 0.6, 90.0, sign=-1)
    track = tracks.until(1.0)
    assert track.colour[:, 0] == pytest.approx([0.2, 0, 0, 0])
    assert track.change_rate == pytest.approx([20.0, 20.0, 20.0, 20.0])
    assert tracks.until(0.6).times == pytest.approx([0.125, 0.375, 0.55])


def test_description_names_what_is_there(draw):
    bright = analyze(draw("bright.mp4", (0.7,) * 6, picture=None, speed=0.5).path)
    dark = analyze(draw("dark.mp4", (3.0,), picture=lambda t: (scene(5, 0.0) * [0.1, 0.1, 0.25]).astype(np.uint8)).path)
    said, whispered = " ".join(describe(bright)), " ".join(describe(dark))
    assert "5 cuts" in said
    assert "A single shot of 3.0 s" in whispered
    assert "dark" in whispered
    assert "cool" in whispered
    assert "hardly anything moves" in whispered
    assert all(sentence.endswith(".") for sentence in describe(bright))


def test_a_mood_that_turns_is_told():
    n = 40
    affect = np.repeat([[0.6, -0.5], [-0.5, 0.6]], n // 2, axis=0)
    still, grey = np.zeros(n), np.zeros((n, 3))
    times = np.arange(n) / 4 + 0.125
    features = VideoFeatures(10.0, 25.0, 64, 36, False, (Cut(5.0),), times, still, grey, affect)
    assert describe(features)[-1] == "The mood goes from serene (0 s) to tense (5 s)."


def test_the_demo_film_has_its_cuts(tmp_path: Path):
    cuts = draw_demo(tmp_path / "demo.mp4", seconds=6.0)
    features = analyze(tmp_path / "demo.mp4")
    assert features.duration == pytest.approx(6.0)
    assert (features.width, features.height) == (640, 360)
    assert [cut.time for cut in features.cuts] == pytest.approx(cuts)
    assert np.ptp(features.affect[:, 0]) > 0.8
    assert np.ptp(features.affect[:, 1]) > 0.8


def test_a_film_lasts_until_its_sound_ends_where_that_is_kept(tmp_path: Path):
    path = draw_take(tmp_path / "last.mkv", times=[i / 25 for i in range(10)])
    with pytest.warns(RuntimeWarning, match="goes on for 1.2") as caught:
        assert analyze(path, semantics="colour").duration == pytest.approx(0.4, abs=0.01)
    assert caught[0].filename == __file__
    kept = analyze(path, semantics="colour", with_sound=True)
    assert kept.duration == pytest.approx(1.6, abs=0.03)
    assert kept.times[-1] > 1.3
    assert kept.motion[-1] < 0.05
    with pytest.warns(RuntimeWarning, match="left out"):
        short = analyze(path, semantics="colour", with_sound=True, limits=media.Limits(seconds=1))
    assert short.duration == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(("seconds", "pictures", "stays"), [(50.0, 10, True), (70.0, 10, False), (70.0, 1, True)])
def test_moving_pictures_stand_still_for_a_minute_of_sound_at_most(
    tmp_path: Path, seconds: float, pictures: int, stays: bool
):
    sound = {"wave": np.full(round(seconds * 8000), 0.1, np.float32), "rate": 8000}
    path = draw_take(tmp_path / "tail.mkv", sound_start=0.2, times=[i / 25 for i in range(pictures)], sounds=[sound])
    if stays:
        assert analyze(path, semantics="colour", with_sound=True).duration == pytest.approx(seconds + 0.2, abs=0.2)
    else:
        with pytest.warns(RuntimeWarning, match="goes on for 69.* left out"):
            assert analyze(path, semantics="colour", with_sound=True).duration == pytest.approx(0.4, abs=0.01)


def test_sound_before_the_first_picture_is_mentioned(tmp_path: Path):
    path = draw_take(tmp_path / "early.mkv", start=0.6, sound_start=-0.4)
    with pytest.warns(RuntimeWarning, match="0.4 s of its sound lie before"):
        analyze(path, semantics="colour", with_sound=True)


def test_joined_takes_are_analysed_whole(tmp_path: Path):
    take = draw_take(tmp_path / "a.ts", sounds=()).read_bytes()
    (tmp_path / "joined.ts").write_bytes(take * 2)
    with pytest.warns(RuntimeWarning, match="start again"):
        features = analyze(tmp_path / "joined.ts", semantics="colour")
    assert features.duration == pytest.approx(3.2, abs=0.01)


def test_of_many_pictures_per_second_some_are_passed_over(draw, monkeypatch: pytest.MonkeyPatch):
    taken = []
    real = media.frames

    def counting(*args, **options):
        for time, picture in real(*args, **options):
            taken.append(time)
            yield time, picture

    monkeypatch.setattr(media, "frames", counting)
    fast = analyze(draw("fast.mp4", (0.6, 0.6), rate=240.0).path, semantics="colour")
    assert 55 <= len(taken) / 1.2 <= 75
    assert [cut.time for cut in fast.cuts] == pytest.approx([0.6], abs=1 / 60)
    taken.clear()
    analyze(draw("sixty.mkv", (0.5,), rate=60.0).path, semantics="colour")
    assert len(taken) == 30


def test_what_is_too_short_or_too_long_is_refused(draw, clip: Drawn):
    crowd = draw("crowd.mp4", (1.0,), times=[i / 90_000 for i in range(200)], size=(64, 36))
    with pytest.raises(VideoError, match=r"0.00222 s long; a film to score lasts at least"):
        analyze(crowd.path)
    with pytest.raises(VideoError, match="is 4 s long; films of up to 3 s"):
        analyze(clip.path, limits=media.Limits(seconds=3))
