"""Films come in time whatever their stamps say: joined takes, gaps, wrong claims, order of decoding."""

import re
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.media.takes import copy_packets, delay_in_ts, draw_take, flashes, patch, tones

from diffbgm import media
from diffbgm.errors import VideoError


def seen(path: Path) -> list[tuple[float, np.ndarray]]:
    return list(media.frames(path, size=32))


def check_steady(path: Path, pictures: int) -> None:
    """Pictures every 40 ms, and `probe` says the same."""
    times = [time for time, _ in seen(path)]
    assert times == pytest.approx([i / 25 for i in range(pictures)], abs=2e-3)
    info = media.probe(path)
    assert (info.frames, info.duration) == (pictures, pytest.approx(pictures / 25, abs=2e-3))


def test_joined_takes_are_shown_one_after_the_other(tmp_path: Path):
    take = draw_take(tmp_path / "a.ts", options={"preset": "veryfast", "g": "25"}).read_bytes()
    for takes in (2, 3):
        path = tmp_path / f"{takes}.ts"
        path.write_bytes(take * takes)
        check_steady(path, 40 * takes)
        wanted = [0.8 + 1.6 * k for k in range(takes)]
        assert flashes(seen(path)) == pytest.approx(wanted, abs=0.01)
        assert tones(media.read_audio(path)) == pytest.approx(wanted, abs=0.02)
        assert "start again at 1.5" in media.probe(path).notes[0]


def test_pieces_that_overlap_lose_nothing(tmp_path: Path):
    """Broadcast: the stamps of the second piece begin before the first piece's pictures end; 5.1, then stereo."""
    options = {"preset": "veryfast", "g": "25"}
    first = draw_take(tmp_path / "a.ts", sounds=({"codec": "ac3", "layout": "5.1"},), options=options)
    second = draw_take(tmp_path / "b.ts", sounds=({"codec": "ac3"},), options=options, start=1.6)
    path = tmp_path / "layout.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    check_steady(path, 80)
    assert tones(media.read_audio(path)) == pytest.approx([0.8, 2.4], abs=0.02)


def test_one_take_has_nothing_to_put_right(tmp_path: Path):
    for name in ("a.ts", "a.mp4", "a.mkv", "a.flv"):
        assert media.probe(draw_take(tmp_path / name)).notes == ()


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("late", [range(39, 40), range(20, 21), range(20, 40), range(0, 1)])
def test_a_flipped_bit_of_a_stamp_makes_no_film_of_an_hour(tmp_path: Path, late: range, sound: bool):
    """In the last picture, one in the middle, all from the middle on, and the first."""
    path = delay_in_ts(draw_take(tmp_path / "a.ts", sounds=({},) if sound else ()), "video", late)
    check_steady(path, 40)
    (note,) = media.probe(path).notes
    assert re.search(r"49.7 minutes|25.7 hours", note)  # FFmpeg takes a first stamp that is late for a clock's overflow
    assert flashes(seen(path)) == pytest.approx([0.8], abs=0.01)
    if sound:
        assert tones(media.read_audio(path)) == pytest.approx([0.8], abs=0.02)


@pytest.mark.parametrize("name", ["a.ts", "a.flv"])
def test_a_picture_that_claims_to_wait_for_minutes(tmp_path: Path, name: str):
    """A flipped bit where a file says how long after decoding a picture is shown."""

    def wait(packet: Any, number: int) -> None:
        if packet.stream.type == "video" and number == 17:
            packet.pts += round(400 / packet.time_base)

    path = copy_packets(draw_take(tmp_path / f"whole-{name}"), tmp_path / name, wait)
    assert media.probe(path).duration == pytest.approx(1.6, abs=0.05)
    assert 1.5 < [time for time, _ in seen(path)][-1] < 1.7
    out = tmp_path / "out.mp4"
    sound = media.read_audio(path)
    assert sound is not None
    media.mux(path, sound, out, duration=1.6)
    assert 1.5 < max(time for time, _ in seen(out)) < 1.7


@pytest.mark.parametrize("late", [False, True])
def test_a_gap_without_sound_is_left_out(tmp_path: Path, late: bool):
    times = [i / 25 for i in range(40)]
    times[20 if late else 39 :] = [4200 + t for t in times[20 if late else 39 :]]
    path = draw_take(tmp_path / "gap.mkv", times=times, sounds=())
    check_steady(path, 40)
    assert "jump ahead by 70 minutes" in media.probe(path).notes[0]


def test_a_still_that_sound_goes_on_under_is_believed(tmp_path: Path):
    """A lecture: one slide for 90 s, then the speaker again."""
    times = [i / 25 for i in range(10)] + [90 + i / 25 for i in range(10)]
    talk = {"codec": "pcm_s16le", "rate": 8000, "layout": "mono", "wave": np.zeros(8000 * 90, np.float32)}
    info = media.probe(draw_take(tmp_path / "slide.mkv", times=times, sounds=(talk,)))
    assert info.duration == pytest.approx(90.4, abs=0.01)
    assert info.notes == ()
    slides = media.probe(draw_take(tmp_path / "slides.mkv", times=[0, 70, 150, 230], sounds=()))
    assert slides.last_frame == pytest.approx(230)
    assert slides.notes == ()


def test_no_claim_of_a_header_is_believed(tmp_path: Path):
    weeks = struct.pack(">I", 0x7FFFFFFF)
    duration = media.probe(patch(draw_take(tmp_path / "mvhd.mp4"), b"mvhd", 20, weeks)).duration
    assert duration == pytest.approx(1.6, abs=0.01)
    many = patch(draw_take(tmp_path / "count.mp4"), b"stts", 12, struct.pack(">I", 0x00FFFFFF))
    assert media.probe(many).frames == 40
    info = media.probe(patch(draw_take(tmp_path / "length.mp4"), b"stts", 16, weeks))
    assert info.duration <= 1.7
    assert "not believed" in info.notes[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_what_is_not_believed_is_not_handed_on(tmp_path: Path, suffix: str):
    """The last picture of the copy lasts until the film ends, whatever it claimed: players show that."""
    weeks = struct.pack(">I", 0x7FFFFFFF)
    path = patch(draw_take(tmp_path / "length.mp4"), b"stts", 16, weeks)
    sound = media.read_audio(path)
    assert sound is not None
    media.mux(path, sound, out := tmp_path / f"out{suffix}")
    assert 1.5 < media.probe(out).duration < 1.7
    assert not media.probe(out).notes
    with av.open(str(out)) as container:
        assert container.duration / 1e6 == pytest.approx(1.6, abs=0.1)


def test_pictures_that_all_have_one_time_are_one_still(tmp_path: Path):
    """The last counts, for as long as it claims or the sound goes on."""
    path = patch(draw_take(tmp_path / "still.mp4"), b"stts", 16, struct.pack(">I", 0))
    info = media.probe(path)
    assert (info.last_frame, info.shown_duration) == (0.0, pytest.approx(1.6, abs=0.03))
    assert [time for time, _ in seen(path)] == [0.0]
    sound = media.read_audio(path)
    assert sound is not None
    media.mux(path, sound, out := tmp_path / "out.mp4")
    assert media.probe(out).shown_duration == pytest.approx(1.6, abs=0.03)


@pytest.mark.parametrize("name", ["b.avi", "b.asf"])
def test_containers_that_know_the_order_of_decoding_only(tmp_path: Path, name: str):
    path = draw_take(tmp_path / name, options={"bf": "3", "g": "25"}, sounds=({"codec": "libmp3lame"},))
    check_steady(path, 40)
    pictures = [image.astype(float) for _, image in seen(path)]
    plain = [image.astype(float) for _, image in seen(draw_take(tmp_path / "plain.mp4"))]
    assert max(np.abs(a - b).mean() for a, b in zip(pictures, plain, strict=True)) < 8
    assert flashes(seen(path)) == pytest.approx([0.8], abs=1e-6)


def test_players_show_the_last_picture_until_the_sound_ends(tmp_path: Path):
    last = media.probe(draw_take(tmp_path / "last.mkv", times=[i / 25 for i in range(10)]))
    assert (last.duration, last.shown_duration) == (pytest.approx(0.4, abs=0.01), pytest.approx(1.6, abs=0.03))
    one = media.probe(draw_take(tmp_path / "one.mp4", times=[0.0]))
    assert (one.frames, one.shown_duration) == (1, pytest.approx(1.6, abs=0.03))
    same = media.probe(draw_take(tmp_path / "same.mp4"))
    assert same.shown_duration == same.duration
    early = media.probe(draw_take(tmp_path / "early.mkv", start=0.6, sound_start=-0.5))
    assert early.sound_start == pytest.approx(-0.5, abs=0.03)


def test_a_film_that_jumps_all_the_time_is_refused(tmp_path: Path):
    times = np.cumsum([100.0 if i % 2 else 0.04 for i in range(2100)])
    with pytest.raises(VideoError, match="jump more than 1000 times"):
        media.probe(draw_take(tmp_path / "wild.mkv", times=list(times), sounds=()))
