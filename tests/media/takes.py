"""Films for the tests of reading: what cameras, recorders and editors write, and where its tone and pictures lie.

A take lasts 1.6 s, 64 x 36, 25 pictures per second; from 0.8 s to 1.0 s its picture is white and its sound a loud tone
of 3500 Hz over a quiet hum.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from diffbgm.types import Audio

SECONDS, RATE, HZ, TONE = 1.6, 25, 48_000, 0.8
MILLISECONDS = Fraction(1, 1000)


def picture(t: float) -> np.ndarray:
    y, x = np.mgrid[:36, :64]
    if TONE <= t < TONE + 0.2:
        return np.full((36, 64, 3), 255, np.uint8)
    return np.stack([(3 * x + 60 * t) % 200, (4 * y) % 180, x * 0 + 40], -1).astype(np.uint8)


def wave(seconds: float, rate: int = HZ, at: float | None = TONE) -> np.ndarray:
    """[N] the hum, with the tone from `at` on (None: without)."""
    t = np.arange(round(seconds * rate)) / rate
    loud = np.zeros_like(t) if at is None else (t >= at) & (t < at + 0.2)
    return (0.05 * np.sin(2 * np.pi * 220 * t) + 0.6 * np.sin(2 * np.pi * 3500 * t) * loud).astype(np.float32)


def draw_take(
    path: Path,
    *,
    seconds: float = SECONDS,
    times: Sequence[float] | None = None,
    start: float = 0.0,
    sounds: Sequence[dict[str, Any]] = ({},),
    sound_start: float = 0.0,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    size: tuple[int, int] = (64, 36),
    default: int | None = None,
) -> Path:
    """Draws a film.

    Args:
        path: Its suffix chooses the container.
        seconds: Length of pictures and sound.
        times: When pictures are stamped, on a clock of milliseconds; they show what a steady rate would show.
        start: Seconds at which pictures and sound begin.
        sounds: One track each: `codec`, `rate`, `layout`, `wave` [N] or `at` (of the tone), `tags`.
        sound_start: Seconds by which the sound begins later (below 0: earlier) than the pictures.
        options: Of the encoder of the pictures; without B-frames by default.
        container: Options of the container.
        size: Width and height.
        default: The sound track that is the default one.
    """
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream("libx264", rate=RATE, options=options or {"bf": "0", "g": "25", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if times is not None:
            stream.time_base = stream.codec_context.time_base = MILLISECONDS
        tracks = []
        for k, sound in enumerate(sounds):
            track = out.add_stream(
                sound.get("codec", "aac"), rate=sound.get("rate", HZ), layout=sound.get("layout", "stereo")
            )
            track.metadata.update(sound.get("tags", {}))
            if default is not None:
                track.disposition = Disposition.default if k == default else Disposition(0)
            tracks.append((track, sound))
        for i in range(round(seconds * RATE) if times is None else len(times)):
            shown = np.kron(picture(i / RATE), np.ones((size[1] // 36, size[0] // 64, 1), np.uint8))
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
            frame.pts = i + round(start * RATE)
            if times is not None:
                frame.pts, frame.time_base = round((times[i] + start) * 1000), MILLISECONDS
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for track, sound in tracks:
            write_sound(out, track, sound, seconds, start + sound_start)
    return path


def write_sound(out: Any, track: Any, sound: dict[str, Any], seconds: float, start: float) -> None:
    rate, layout = sound.get("rate", HZ), sound.get("layout", "stereo")
    samples = sound["wave"] if "wave" in sound else wave(seconds, rate, sound.get("at", TONE))
    size = track.codec_context.frame_size or 1024
    fit = av.AudioResampler(format=track.codec_context.format.name, layout=layout, rate=rate)
    channels = len(av.AudioLayout(layout).channels)
    for at in range(0, len(samples), size):
        piece = np.ascontiguousarray(np.tile(samples[None, at : at + size], (channels, 1)))
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, at + round(start * rate), Fraction(1, rate)
        for ready in fit.resample(frame):
            out.mux(track.encode(ready))
    out.mux(track.encode(None))


def copy_packets(source: Path, target: Path, change: Any) -> Path:
    """Copies a film; `change(packet, number in its stream)` may alter its stamps, or says False to leave it out."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        numbers = dict.fromkeys(streams, 0)
        for packet in old.demux():
            if packet.dts is None:
                continue
            index = packet.stream.index
            number, numbers[index] = numbers[index], numbers[index] + 1
            if change(packet, number) is not False:
                packet.stream = streams[index]
                new.mux(packet)
    return target


def delay_in_ts(path: Path, kind: str, late: range) -> Path:
    """Flips bit 28 in the stamps (50 minutes, on a clock of 90 kHz) of some packets of a transport stream."""
    data = bytearray(path.read_bytes())
    code, number, at = {"video": b"\0\0\1\xe0", "audio": b"\0\0\1\xc0"}[kind], 0, -1
    while (at := data.find(code, at + 1)) >= 0:
        if number in late:
            data[at + 10] ^= 0x40  # PTS
            if data[at + 7] & 0x40:
                data[at + 15] ^= 0x40  # DTS
        number += 1
    path.write_bytes(data)
    return path


def patch(path: Path, find: bytes, at: int, new: bytes, which: int = 0) -> Path:
    """Overwrites bytes `at` bytes behind the start of a box's name."""
    data, i = bytearray(path.read_bytes()), -1
    for _ in range(which + 1):
        i = data.index(find, i + 1)
    data[i + at : i + at + len(new)] = new
    path.write_bytes(data)
    return path


def tones(audio: Audio | None) -> list[float]:
    """When the tone of 3500 Hz begins, in seconds, to a few milliseconds; each must last for 0.2 s."""
    assert audio is not None
    size = audio.rate // 200
    mono = audio.samples.mean(0)[: audio.samples.shape[1] // size * size].reshape(-1, size)
    probe = np.exp(-2j * np.pi * 3500 * np.arange(size) / audio.rate)
    loud = np.abs(mono @ probe) / size > 0.08
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    starts, lengths = edges[::2] / 200, (edges[1::2] - edges[::2]) / 200
    assert all(abs(length - 0.2) < 0.02 for length in lengths), lengths
    return [float(start) for start in starts]


def flashes(seen: list[tuple[float, np.ndarray]]) -> list[float]:
    """When the picture turns white, in seconds."""
    white = [image.mean() > 230 for _, image in seen]
    return [seen[i][0] for i in range(len(seen)) if white[i] and not (i and white[i - 1])]
