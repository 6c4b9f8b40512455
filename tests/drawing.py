"""Draw videos with known cuts, fades, frame rates, shapes and sound, for the tests. Nothing here is read from disk.

draw_video(path, shots, ...)    encodes a video of drawn scenes -> `Drawn` (path, cuts, fades, duration)
Shot(seconds, fade, dip, seed)  one of its shots, when a plain length is not enough
scene(seed, t, width, height)   a picture [h, w, 3] uint8 of a drawn scene at a time
steady_times, jittery_times     when pictures appear: fixed or variable frame rate
rotate_mp4(path, degrees)       writes a phone's rotation into an mp4's display matrix
own_scheduling()                keeps the scheduling policy of the thread that encodes
tone(seconds, rate)             an `Audio` of a quiet two-voice sound
"""

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from diffbgm.types import Audio

RATE = 48_000


@dataclass(frozen=True)
class Drawn:
    """A drawn video: hard cuts and the middles of fades, both in seconds."""

    path: Path
    cuts: tuple[float, ...]
    fades: tuple[float, ...]
    duration: float


@dataclass(frozen=True)
class Shot:
    """`seconds` long; `fade` seconds of dissolve into it from the shot before (0: a hard cut); `dip`: through black."""

    seconds: float
    fade: float = 0.0
    dip: bool = False
    seed: int | None = None


def scene(seed: int, t: float, width: int = 160, height: int = 90, speed: float = 0.15) -> np.ndarray:
    """A scene: a sky of two colours, a textured ground and a few discs that drift; every seed looks different."""
    sky, ground, colours, wave, discs, x, y = _backdrop(seed, width, height)
    grain = np.sin(x[:1] * wave[0] + t * speed * 6) * np.sin(y[:, :1] * wave[1])
    image = np.where(ground[..., None], colours + 25 * grain[..., None], sky)
    for cx, cy, vx, vy, radius, *colour in discs:
        inside = (x - cx - vx * speed * t) ** 2 + (y - cy - vy * speed * t) ** 2 < radius**2
        image[inside] = colour
    return np.clip(image, 0, 255).astype(np.uint8)


@lru_cache(maxsize=32)
def _backdrop(seed: int, width: int, height: int) -> tuple[np.ndarray, ...]:
    """What of a scene stands still: sky, where the ground is, its colour and waves, discs, coordinates."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.clip((np.cos(angle) * x + np.sin(angle) * y + 1) / 2.5, 0, 1)[..., None]
    sky = rng.uniform(10, 245, 3) * ramp + rng.uniform(10, 245, 3) * (1 - ramp)
    ground = y > rng.uniform(0.45, 0.8) + 0.05 * np.sin(4 * x + angle)
    colours, wave = rng.uniform(10, 230, 3), rng.uniform(8, 30, 2)
    low, high = [0, 0.1, -1, -0.5, 0.06, 0, 0, 0], [width / height, 0.9, 1, 0.5, 0.25, 255, 255, 255]
    return sky, ground, colours, wave, rng.uniform(low, high, (int(rng.integers(3, 7)), 8)), x, y


def steady_times(duration: float, rate: float) -> list[float]:
    """Picture times of a fixed frame rate, on a clock of 90 kHz."""
    return [round(i / rate * 90_000) / 90_000 for i in range(max(1, round(duration * rate)))]


def jittery_times(duration: float, rate: float, seed: int = 0) -> list[float]:
    """Picture times of a variable frame rate: steps between 0.4 and 2.5 times the mean, on a clock of 90 kHz."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.4, 1.6, int(duration * rate * 3)) * np.where(
        rng.random(int(duration * rate * 3)) < 0.1, 1.6, 1
    )
    times = np.concatenate([[0.0], np.cumsum(steps) / rate])
    return [round(float(t) * 90_000) / 90_000 for t in times if t < duration - 0.2 / rate]


def tone(seconds: float, rate: int = RATE) -> Audio:
    """A quiet sound that is never silent, different left and right."""
    t = np.arange(round(seconds * rate)) / rate
    return Audio(np.stack([0.3 * np.sin(2 * np.pi * 440 * t), 0.2 * np.sin(2 * np.pi * 660 * t)]), rate)


@contextmanager
def own_scheduling() -> Iterator[None]:
    """Leaves the calling thread as the scheduler had it.

    Where root opens SVT-AV1, the encoder gives the thread that opens it a real-time policy. All that this thread
    starts later inherits that, and everything else on the machine waits for as long as it computes.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


@own_scheduling()
def draw_video(
    path: Path,
    shots: Sequence[float | Shot] = (1.4, 1.2, 1.4),
    *,
    size: tuple[int, int] = (160, 90),
    rate: float = 25.0,
    times: Sequence[float] | None = None,
    sound: bool = False,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    start: float = 0.0,
    seed: int = 0,
    speed: float = 0.15,
    picture: Callable[[float], np.ndarray] | None = None,
    options: dict[str, str] | None = None,
) -> Drawn:
    """Draw and encode a video whose every shot is another `scene`.

    shots    lengths in seconds, or `Shot`s; a fade into a shot is centred on its start.
    size     (width, height); odd numbers need a codec and pix_fmt that take them (mjpeg with yuvj444p, ffv1 with bgr0).
    times    seconds at which pictures appear, for variable frame rate; else steady at `rate`.
    sound    adds a tone (AAC, in webm Opus).
    start    seconds at which the first picture is stamped.
    picture  draws another picture for a time instead of the scenes (cuts are then those of `shots`, still).
    """
    plan = [shot if isinstance(shot, Shot) else Shot(shot) for shot in shots]
    edges = np.concatenate([[0.0], np.cumsum([shot.seconds for shot in plan])])
    duration = float(edges[-1])
    moments = list(times) if times is not None else steady_times(duration, rate)
    paint = picture or (lambda t: _paint(plan, edges, t, size, seed, speed))
    clock = Fraction(1, 90_000)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=Fraction(rate).limit_denominator(1001), options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        if codec not in ("mpeg4", "gif"):
            stream.codec_context.time_base = stream.time_base = clock
        voice = None
        if sound:
            voice = out.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=RATE, layout="stereo")
        for t, until in zip(moments, [*moments[1:], duration], strict=True):
            frame = av.VideoFrame.from_ndarray(paint(t), format="rgb24")
            if codec in ("mpeg4", "gif"):
                frame.pts, frame.time_base = round(t * rate), Fraction(1) / Fraction(rate).limit_denominator(1001)
            else:
                frame.pts, frame.time_base = round((t + start) * 90_000), clock
                frame.duration = round((until - t) * 90_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if voice is not None:
            samples = tone(duration).samples
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, round(start * RATE), Fraction(1, RATE)
            out.mux(voice.encode(frame))
            out.mux(voice.encode(None))
    inner = list(zip(edges[1:-1], plan[1:], strict=True))
    on_screen = np.array(moments)
    hard = tuple(float(on_screen[on_screen >= e - 1e-9][0]) for e, shot in inner if not shot.fade)
    return Drawn(path, hard, tuple(float(e) for e, shot in inner if shot.fade), duration)


def _paint(plan: list[Shot], edges: np.ndarray, t: float, size: tuple[int, int], seed: int, speed: float) -> np.ndarray:
    """The picture at a time, mixed where a fade runs."""

    def of(i: int) -> np.ndarray:
        own = plan[i].seed
        return scene(1000 * seed + i if own is None else own, t - edges[i], *size, speed).astype(np.float32)

    i = int(np.clip(np.searchsorted(edges, t + 1e-9, side="right") - 1, 0, len(plan) - 1))
    for k in (i, i + 1):  # the fade into this shot, or into the next one
        if 0 < k < len(plan) and plan[k].fade and abs(t - edges[k]) < plan[k].fade / 2:
            share = float((t - edges[k]) / plan[k].fade + 0.5)
            if plan[k].dip:
                mixed = of(k - 1) * max(0.0, 1 - 2.2 * share) + of(k) * max(0.0, 2.2 * share - 1.2)
            else:
                mixed = of(k - 1) * (1 - share) + of(k) * share
            return np.clip(mixed, 0, 255).astype(np.uint8)
    return of(i).astype(np.uint8)


def rotate_mp4(path: Path, degrees: int) -> None:
    """Write a clockwise rotation (90, 180, 270) into the display matrix of an mp4's first track, as phones do."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows forty bytes of header
    matrix = (cos, sin, 0, -sin, cos, 0, 0, 0, 0x4000)
    data[at : at + 36] = b"".join(struct.pack(">i", v << 16) for v in matrix)
    path.write_bytes(bytes(data))
