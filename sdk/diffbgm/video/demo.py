"""Short films drawn by us, with known cuts and moods that differ: for trying things out when no clip is at hand."""

import os
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from diffbgm import media

WIDTH, HEIGHT, RATE = 640, 360, 25
Shots = tuple[tuple[str, float], ...]  # what is seen, and for which share of the film
# A calm morning, play in the hills, lights of a town at night in quick cuts, rain, a still night, the morning again.
VALLEY: Shots = (
    ("morning", 0.21),
    ("hills", 0.16),
    ("violet lights", 0.06),
    ("teal lights", 0.06),
    ("amber lights", 0.06),
    ("rain", 0.15),
    ("night", 0.15),
    ("morning", 0.15),
)
# A ride through the lights of a town, cut by hand near a pulse but not on it.
NEON: Shots = (
    ("night", 0.205),
    ("violet lights", 0.098),
    ("teal lights", 0.103),
    ("amber lights", 0.102),
    ("blue lights", 0.052),
    ("violet lights", 0.048),
    ("teal lights", 0.097),
    ("amber lights", 0.105),
    ("night", 0.19),
)
Colour = tuple[int, int, int]
Scene = Callable[[float, np.random.Generator], np.ndarray]


def draw_demo(
    path: str | os.PathLike[str], seconds: float = 20.0, seed: int = 0, shots: Shots = VALLEY
) -> tuple[float, ...]:
    """Draw a film of `seconds` at 640x360 and 25 pictures per second as H.264; gives the times of its cuts in seconds.

    The same seed draws the same film. Raises OutputError where it cannot be written.
    """
    count = max(len(shots), round(seconds * RATE))
    shares = np.cumsum([0.0] + [share for _, share in shots])
    edges = [round(count * share / shares[-1]) for share in shares]
    media.write_video(_pictures(shots, edges, seed), path, end=count / RATE)
    return tuple(edge / RATE for edge in edges[1:-1])


def _pictures(shots: Shots, edges: list[int], seed: int) -> Iterator[tuple[float, np.ndarray]]:
    for i, (name, _) in enumerate(shots):
        for frame in range(edges[i], edges[i + 1]):
            # every picture of a shot starts from the same dice, so that only time moves things
            yield frame / RATE, SCENES[name]((frame - edges[i]) / RATE, np.random.default_rng([seed, i]))


def _ramp(*stops: tuple[float, Colour]) -> np.ndarray:
    """[HEIGHT, WIDTH, 3] uint8: colours from top (0) to bottom (1)."""
    at = np.linspace(0, 1, HEIGHT)
    columns = [np.interp(at, [s for s, _ in stops], [colour[k] for _, colour in stops]) for k in range(3)]
    return np.ascontiguousarray(np.repeat(np.stack(columns, -1)[:, None], WIDTH, 1).astype(np.uint8))


def _glow(image: np.ndarray, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
    """Light that falls off around a point, added in place."""
    reach = 3 * radius
    x0, x1 = (int(np.clip(v, 0, WIDTH)) for v in (x - reach, x + reach + 1))
    y0, y1 = (int(np.clip(v, 0, HEIGHT)) for v in (y - reach, y + reach + 1))
    if x0 >= x1 or y0 >= y1:
        return
    dy, dx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    light = strength * np.exp(-((dx - x) ** 2 + (dy - y) ** 2) / (2 * (radius * 0.8) ** 2))[..., None]
    part = image[y0:y1, x0:x1].astype(np.float32)
    image[y0:y1, x0:x1] = np.clip(part + light * np.array(colour, np.float32), 0, 255).astype(np.uint8)


def _hill(image: np.ndarray, height: float, swell: float, phase: float, colour: Colour) -> None:
    """A ridge across the picture, filled to the bottom, in place; `height` from the top, 0..1."""
    import cv2

    x = np.linspace(0, 1, 81)
    y = height + swell * (np.sin(5 * x + phase) + 0.4 * np.sin(11 * x + 2.3 * phase))
    line = np.stack([x * WIDTH, y * HEIGHT], 1)
    shape = np.concatenate([line, [[WIDTH, HEIGHT], [0, HEIGHT]]]).astype(np.int32)
    cv2.fillPoly(image, [shape], colour, cv2.LINE_AA)


def _morning(t: float, rng: np.random.Generator) -> np.ndarray:
    """The sun comes up over a quiet sea."""
    import cv2

    image = _ramp(
        (0, (88, 130, 196)),
        (0.35, (240, 176, 150)),
        (0.58, (255, 220, 160)),
        (0.6, (120, 120, 150)),
        (1, (40, 62, 104)),
    )
    sun_x, sun_y = WIDTH * (0.35 + 0.3 * rng.random()), HEIGHT * (0.5 - 0.02 * t)
    _glow(image, sun_x, sun_y, 70, (120, 90, 40), 1.0)
    cv2.circle(image, (int(sun_x * 16), int(sun_y * 16)), 30 * 16, (255, 244, 214), -1, cv2.LINE_AA, 4)
    sea = int(HEIGHT * 0.59)
    image[sea:] = _ramp((0, (204, 160, 140)), (0.1, (120, 120, 150)), (1, (40, 62, 104)))[: HEIGHT - sea]
    for _ in range(90):
        depth = rng.random() ** 1.5
        y = sea + 3 + depth * (HEIGHT - sea)
        x = sun_x + rng.normal() * (12 + 90 * depth) + 6 * np.sin(1.3 * t + 9 * depth)
        long = 4 + 18 * depth * (0.6 + 0.4 * np.sin(2 * t + rng.random() * 6.3))
        cv2.line(image, (int(x - long), int(y)), (int(x + long), int(y)), (255, 222, 176), 1, cv2.LINE_AA)
    return image


def _hills(t: float, rng: np.random.Generator) -> np.ndarray:
    """Balls hop over green hills under a bright sky."""
    import cv2

    image = _ramp((0, (104, 186, 250)), (0.7, (208, 240, 255)), (1, (220, 246, 255)))
    for _ in range(5):
        x, y = (rng.random() * 1.4 * WIDTH + 14 * t) % (1.4 * WIDTH) - 0.2 * WIDTH, HEIGHT * (0.1 + 0.25 * rng.random())
        for k in range(4):
            cv2.ellipse(
                image, (int(x + 26 * k), int(y + 7 * (k % 2))), (30, 15), 0, 0, 360, (250, 253, 255), -1, cv2.LINE_AA
            )
    _hill(image, 0.62, 0.05, 0.6 + 0.1 * t, (120, 196, 96))
    _hill(image, 0.74, 0.05, 2.2 + 0.2 * t, (84, 172, 72))
    for k in range(6):
        hop = abs(np.sin(3.4 * t + 1.1 * k))
        x = (0.18 * k * WIDTH + 90 * t + 60 * rng.random()) % (WIDTH + 60) - 30
        colour = [(250, 92, 80), (255, 196, 60), (240, 110, 190), (255, 140, 50), (90, 120, 240), (250, 240, 90)][k]
        cv2.circle(image, (int(x), int(HEIGHT * 0.8 - 110 * hop)), 20, colour, -1, cv2.LINE_AA)
        cv2.circle(image, (int(x - 6), int(HEIGHT * 0.8 - 110 * hop - 7)), 5, (255, 255, 255), -1, cv2.LINE_AA)
    _hill(image, 0.9, 0.03, 4.0 + 0.3 * t, (56, 140, 60))
    return image


def _lights(t: float, rng: np.random.Generator, low: Colour, high: Colour) -> np.ndarray:
    """Neon that rushes past, before a ramp of two colours."""
    import cv2

    image = _ramp((0, low), (1, high))
    centre = np.array([WIDTH * (0.35 + 0.3 * rng.random()), HEIGHT * (0.4 + 0.2 * rng.random())])
    for k in range(70):
        angle, start = rng.random() * 6.283, rng.random()
        depth = (start + 1.1 * t) % 1.0
        near, far = 30 + 520 * depth**2, 30 + 520 * max(0.0, depth - 0.1) ** 2
        way = np.array([np.cos(angle), np.sin(angle)])
        colour = [(255, 60, 160), (60, 230, 255), (255, 210, 60)][k % 3]
        a, b = centre + far * way, centre + near * way
        cv2.line(image, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), colour, 1 + int(6 * depth), cv2.LINE_AA)
    _glow(image, centre[0], centre[1], 40 + 8 * np.sin(12 * t), (220, 160, 255), 1.0)
    return image


def _rain(t: float, rng: np.random.Generator) -> np.ndarray:
    """Grey rain before a dim row of houses."""
    import cv2

    image = _ramp((0, (92, 102, 116)), (0.7, (120, 128, 138)), (1, (70, 78, 90)))
    for k in range(9):
        x, high = 76 * k - 20, 70 + 90 * rng.random()
        cv2.rectangle(image, (x, int(HEIGHT * 0.86 - high)), (x + 70, int(HEIGHT * 0.86)), (56, 62, 74), -1)
        for window in range(3):
            lit = (150, 140, 110) if rng.random() < 0.25 else (66, 73, 86)
            cv2.rectangle(
                image,
                (x + 10 + 20 * window, int(HEIGHT * 0.86 - high + 14)),
                (x + 20 + 20 * window, int(HEIGHT * 0.86 - high + 30)),
                lit,
                -1,
            )
    cv2.rectangle(image, (0, int(HEIGHT * 0.86)), (WIDTH, HEIGHT), (62, 70, 82), -1)
    for _ in range(160):
        speed = 260 + 200 * rng.random()
        x, y = rng.random() * WIDTH, (rng.random() * HEIGHT + speed * t) % HEIGHT
        cv2.line(image, (int(x), int(y)), (int(x - 2), int(y + 11)), (158, 168, 180), 1, cv2.LINE_AA)
    return image


def _night(t: float, rng: np.random.Generator) -> np.ndarray:
    """Stars and a moon over dark hills; almost nothing moves."""
    import cv2

    image = _ramp((0, (6, 8, 26)), (0.75, (22, 30, 66)), (1, (30, 38, 76)))
    for _ in range(140):
        x, y = int(rng.random() * WIDTH), int(rng.random() * HEIGHT * 0.75)
        light = int(90 + 120 * rng.random() + 40 * np.sin(1.5 * t + rng.random() * 6.3))
        cv2.circle(image, (x, y), int(rng.random() < 0.15), (light, light, min(255, light + 20)), -1, cv2.LINE_AA)
    x, y = WIDTH * 0.7 - 2 * t, HEIGHT * 0.28
    _glow(image, x, y, 60, (40, 44, 60), 1.0)
    cv2.circle(image, (int(x * 16), int(y * 16)), 24 * 16, (232, 232, 220), -1, cv2.LINE_AA, 4)
    _hill(image, 0.78, 0.05, 1.4, (12, 16, 34))
    _hill(image, 0.88, 0.04, 3.4, (6, 9, 20))
    return image


SCENES: dict[str, Scene] = {
    "morning": _morning,
    "hills": _hills,
    "violet lights": partial(_lights, low=(52, 8, 96), high=(150, 16, 128)),
    "teal lights": partial(_lights, low=(4, 70, 92), high=(10, 150, 130)),
    "blue lights": partial(_lights, low=(8, 24, 110), high=(20, 110, 190)),
    "amber lights": partial(_lights, low=(150, 60, 10), high=(210, 24, 60)),
    "rain": _rain,
    "night": _night,
}
