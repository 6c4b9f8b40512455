"""Pictures are copied where that can be, in the order and at the times they are shown; else the report says why not."""

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.media.film import FLASH, SECONDS, beep, film, flash_and_tone, image, in_time, pictures_of, stored

from diffbgm import media
from diffbgm.errors import OutputError
from diffbgm.media.source import open_video


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("pix", ["yuv420p", "yuv420p10le"])
def test_av1_is_copied(tmp_path: Path, suffix: str, pix: str):
    def pq(context) -> None:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 1

    source = film(tmp_path / "av1.mp4", codec="libsvtav1", pix=pix, options={"preset": "12"}, set_up=pq)
    report = media.mux(source, beep(), tmp_path / f"out{suffix}")
    assert (report.pictures, report.why) == ("copied", "")
    assert stored(tmp_path / f"out{suffix}") == stored(source)
    with open_video(tmp_path / f"out{suffix}") as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace) == (9, 16, 9)
        assert context.pix_fmt == pix


@pytest.mark.parametrize("name", ["order.avi", "order.asf"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_b_frames_of_containers_that_know_only_the_order_of_decoding(tmp_path: Path, name: str, suffix: str):
    sounds = ({"codec": "libmp3lame"},)
    source = film(tmp_path / name, sounds=sounds, options={"g": "25", "bf": "3", "preset": "veryfast"})
    target = tmp_path / f"out{suffix}"
    assert media.mux(source, beep(), target).pictures == "copied"
    drawn = [image(i / 25).astype(float) for i in range(30)]
    found = []
    for i, (time, picture) in enumerate(pictures_of(target)):
        assert time == pytest.approx(i / 25, abs=2e-3)
        found.append(int(np.argmin([np.abs(picture - d).mean() for d in drawn])))
    assert found == [i if not FLASH <= i / 25 < FLASH + 0.2 else 15 for i in range(30)]
    assert in_time(target)


def two_edits(path: Path) -> Path:
    """Cuts an MP4 by its edit list to 0 to 0.4 s and 0.8 to 1.2 s of what is stored, as telephones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b"edts") - 4
    length = struct.unpack_from(">I", data, at)[0]
    clock = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)[0]
    body = struct.pack(">II", 0, 2) + struct.pack(">IiI", 400, 0, 1 << 16)
    body += struct.pack(">IiI", 400, round(0.8 * clock), 1 << 16)
    new = struct.pack(">I4s", 16 + len(body), b"edts") + struct.pack(">I4s", 8 + len(body), b"elst") + body
    for box in (b"moov", b"trak"):
        start = data.index(box) - 4
        struct.pack_into(">I", data, start, struct.unpack_from(">I", data, start)[0] - length + len(new))
    data[at : at + length] = new
    path.write_bytes(data)
    return path


def test_films_cut_by_an_edit_list_are_encoded_again_and_that_is_said(tmp_path: Path):
    source = two_edits(film(tmp_path / "cut.mp4", options={"g": "10", "bf": "0"}, sounds=()))
    report = media.mux(source, beep(), tmp_path / "out.mp4")
    assert report == media.plan_mux(source, ".mp4")
    assert report.pictures == "re-encoded"
    assert report.why.startswith("the film is stored as pieces (an edit list")
    assert report.why.endswith("encoded as H.264, 8 bits")
    shown = pictures_of(tmp_path / "out.mp4")
    assert [t for t, _ in shown] == pytest.approx([i / 25 for i in range(20)], abs=1e-3)
    assert np.abs(shown[15][1] - image(1.0).astype(float)).mean() < 4


@pytest.mark.parametrize(
    ("name", "codec", "pix", "suffix", "better"),
    [
        ("a.mov", "prores_ks", "yuv422p10le", ".mp4", ".mov"),
        ("a.webm", "libvpx", "yuv420p", ".mp4", ".mkv"),
        ("a.avi", "msvideo1", "rgb555le", ".mkv", None),
        ("a.mkv", "libvpx-vp9", "yuv420p", ".mov", ".mkv"),
    ],
)
def test_the_report_says_why_pictures_are_encoded_again(
    tmp_path: Path, name: str, codec: str, pix: str, suffix: str, better: str | None
):
    options = {"deadline": "realtime", "cpu-used": "8"} if codec.startswith("libvpx") else {}
    source = film(tmp_path / name, codec=codec, pix=pix, sounds=(), options=options)
    report = media.mux(source, beep(), tmp_path / f"out{suffix}")
    assert report == media.plan_mux(source, suffix)
    assert report.pictures == "re-encoded"
    assert "players do not take" in report.why
    assert (f"({better} holds them as they are)" in report.why) == (better is not None)
    assert in_time(tmp_path / f"out{suffix}")


def test_editors_codecs_are_copied_into_quicktime(tmp_path: Path):
    sounds = ({"codec": "pcm_s16le"},)
    source = film(tmp_path / "a.mov", codec="prores_ks", pix="yuv422p10le", sounds=sounds)
    assert media.mux(source, beep(), tmp_path / "out.mov").pictures == "copied"
    assert stored(tmp_path / "out.mov") == stored(source)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_the_last_picture_stays_until_longer_sound_ends(tmp_path: Path, suffix: str, codec: str):
    source = film(tmp_path / "short.mkv", codec=codec)
    target = tmp_path / f"out{suffix}"
    report = media.mux(source, beep(2.0), target, duration=2.0)
    assert report.duration == 2.0
    with open_video(target) as container:
        assert container.duration / 1e6 == pytest.approx(2.0, abs=0.04)
    sound = media.read_audio(target)
    assert sound is not None
    assert sound.duration == pytest.approx(2.0, abs=0.03)
    assert len(pictures_of(target)) == 30
    assert in_time(target)


def test_one_picture_with_talk(tmp_path: Path):
    source = film(tmp_path / "one.mp4", times=[0.0])
    media.mux(source, beep(), tmp_path / "out.mp4", duration=SECONDS)
    info = media.probe(tmp_path / "out.mp4")
    assert info.frames == 1
    assert info.duration == pytest.approx(SECONDS, abs=0.02)


def test_sound_outside_the_pictures_is_named(tmp_path: Path):
    source = film(tmp_path / "last.mkv", times=[i / 25 for i in range(10)])
    report = media.plan_mux(source, ".mp4", duration=0.4)
    (line,) = report.left_out
    assert line.endswith("s of sound after the end")
    assert float(line.split()[0]) == pytest.approx(SECONDS - 0.4, abs=0.05)
    assert media.plan_mux(source, ".mp4", duration=SECONDS + 0.03).left_out == ()


def test_plans_refuse_what_mux_refuses(tmp_path: Path):
    source = film(tmp_path / "a.mp4", sounds=())
    with pytest.raises(OutputError, match=r"cannot write \.webm; use one of \.mp4"):
        media.plan_mux(source, ".webm")


def test_flash_and_tone_are_measured_apart(tmp_path: Path):
    """The measure itself: a tone 0.2 s early is seen."""
    flash, tone = flash_and_tone(film(tmp_path / "off.mp4", sounds=({"at": FLASH - 0.2},)))
    assert tone - flash == pytest.approx(-0.2, abs=0.02)
