"""Films for the tests of the muxer, and what is measured of the results.

A film has three shots of 160 x 96 and lasts 1.2 s; from 0.6 s to 0.8 s its picture is white and its sound a loud tone
of 3500 Hz, so that pictures and sound can be compared in time.
"""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from tests.drawing import own_scheduling

from diffbgm import media
from diffbgm.types import Audio

SECONDS, RATE, HZ, FLASH = 1.2, 25, 48_000, 0.6
SIZE = (160, 96)
MILLISECONDS = Fraction(1, 1000)


def image(t: float, width: int = SIZE[0], height: int = SIZE[1]) -> np.ndarray:
    """The picture at a time, [h, w, 3] uint8; no two are alike, but those of the flash."""
    y, x = np.mgrid[:height, :width]
    shot, k = min(2, int(t / 0.4)), int(t * 100)
    if FLASH <= t < FLASH + 0.2:
        return np.full((height, width, 3), 255, np.uint8)
    return np.stack([(x * (1 + shot) + k) % 200, (y * 2 + 60 * shot + k) % 200, x * 0 + 70 * shot], -1).astype(np.uint8)


def beep(seconds: float = SECONDS, at: float = FLASH) -> Audio:
    """A low hum, and the tone from `at` on."""
    t = np.arange(round(seconds * HZ)) / HZ
    loud = (t >= at) & (t < at + 0.2)
    wave = 0.1 * np.sin(2 * np.pi * 220 * t) + 0.6 * np.sin(2 * np.pi * 3500 * t) * loud
    return Audio(np.tile(wave, (2, 1)), HZ)


@own_scheduling()
def film(
    path: Path,
    *,
    codec: str = "libx264",
    pix: str = "yuv420p",
    options: dict[str, str] | None = None,
    times: Sequence[float] | None = None,
    size: tuple[int, int] = SIZE,
    draw: Callable[[float, int, int], np.ndarray] = image,
    sounds: Sequence[dict[str, Any]] = ({},),
    tags: dict[str, str] | None = None,
    picture_tags: dict[str, str] | None = None,
    set_up: Callable[[Any], None] = lambda context: None,
    touch: Callable[[Any], None] = lambda picture: None,
    more: Callable[[Any], Sequence[Any]] = lambda out: (),
    container: dict[str, str] | None = None,
) -> Path:
    """Draws and encodes a film.

    Args:
        path: The file; its suffix names the container.
        codec, pix, options: Of the pictures.
        times: Seconds at which pictures appear; by default 25 per second.
        size: Width and height.
        draw: The picture at a time.
        sounds: Per track, `codec`, `layout`, `tags`, `at` (seconds of the tone) and `default`.
        tags, picture_tags: Of the film, and of its pictures.
        set_up: Changes the context of the pictures' encoder.
        touch: Changes every picture before it is encoded.
        more: Adds streams to the container; gives their packets.
        container: Options of the muxer.
    """
    with av.open(str(path), "w", container_options=container or {}) as out:
        out.metadata.update(tags or {})
        defaults = {"g": "25", "preset": "superfast"} if codec == "libx264" else {}
        pictures: Any = out.add_stream(codec, rate=RATE, options=options or defaults)
        pictures.width, pictures.height, pictures.pix_fmt = *size, pix
        pictures.metadata.update(picture_tags or {})
        set_up(pictures.codec_context)
        if times is not None:
            pictures.time_base = pictures.codec_context.time_base = MILLISECONDS
        tracks = [_track(out, sound) for sound in sounds]
        packets = list(more(out))
        for i, t in enumerate(times if times is not None else np.arange(round(SECONDS * RATE)) / RATE):
            picture = av.VideoFrame.from_ndarray(draw(float(t), *size), format="rgb24").reformat(format=pix)
            picture.pts = i
            if times is not None:
                picture.pts, picture.time_base = round(t * 1000), MILLISECONDS
            touch(picture)
            out.mux(pictures.encode(picture))
        out.mux(pictures.encode(None))
        for stream, sound in tracks:
            _sing(out, stream, beep(at=sound.get("at", FLASH)).samples[0], sound.get("layout", "stereo"))
        for packet in packets:
            out.mux(packet)
    return path


def _track(out: Any, sound: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    stream = out.add_stream(sound.get("codec", "aac"), rate=HZ, layout=sound.get("layout", "stereo"))
    stream.metadata.update(sound.get("tags", {}))
    if "default" in sound:
        stream.disposition = int(sound["default"])
    return stream, sound


def _sing(out: Any, stream: Any, wave: np.ndarray, layout: str) -> None:
    size = stream.codec_context.frame_size or 1024
    fit = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=HZ)
    for k in range(0, len(wave), size):
        piece = np.tile(wave[None, k : k + size], (len(av.AudioLayout(layout).channels), 1)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = HZ, k, Fraction(1, HZ)
        for fitted in fit.resample(frame):
            out.mux(stream.encode(fitted))
    out.mux(stream.encode(None))


def packet(stream: Any, data: bytes, start: float, seconds: float) -> Any:
    """A packet on a clock of milliseconds."""
    made: Any = av.Packet(data)
    made.stream, made.time_base = stream, MILLISECONDS
    made.pts = made.dts = round(1000 * start)
    made.duration = round(1000 * seconds)
    return made


def display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Writes a display matrix into the first track of an MP4 or MOV."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows forty bytes of header
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def pictures_of(path: Path) -> list[tuple[float, np.ndarray]]:
    """(seconds, [h, w, 3] RGB) as stored, neither turned nor in square pixels, in FFmpeg's own colours."""
    with av.open(str(path)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.reformat(format="rgb24").to_ndarray())
            for frame in container.decode(container.streams.video[0])
        ]


def stored(path: Path, kind: str = "video", number: int = 0) -> list[bytes]:
    """The packets of a stream."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[number]
        return [bytes(p) for p in container.demux(stream) if p.size]


def flash_and_tone(path: Path) -> tuple[float, float]:
    """Seconds at which the picture turns white, and at which the tone begins in the first sound track."""
    flash = next(t for t, picture in pictures_of(path) if picture.mean() > 235)
    sound = media.read_audio(path)
    assert sound is not None
    size, hop = 480, 120
    starts = range(0, sound.samples.shape[1] - size, hop)
    window = np.hanning(size)
    power = np.array([abs(np.fft.rfft(sound.samples[0, s : s + size] * window))[35] for s in starts])
    return flash, float((np.argmax(power > power.max() / 2) * hop + size / 2) / HZ)


def in_time(path: Path) -> bool:
    """Whether flash and tone are at 0.6 s, within 20 ms of one another."""
    flash, tone = flash_and_tone(path)
    return abs(flash - FLASH) < 0.01 and abs(tone - flash) < 0.02
