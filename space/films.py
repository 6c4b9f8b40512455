"""Example videos: two drawn by us, one that comes with gradio; and small pictures of any video for its time line."""

import base64
import getpass
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.errors import InputError
from diffbgm.files import replacing
from diffbgm.media import frames
from diffbgm.types import VideoFeatures
from space.limits import PAGE

if TYPE_CHECKING:
    from diffbgm.video.demo import Shots

WIDTH = 200  # pixels of a small picture
POSTER_WIDTH = 640
MOST_PICTURES = 28  # on a time line
DRAWING = threading.Lock()


@dataclass(frozen=True)
class Example:
    """`title` and `caption` stand under its `poster` [h, w, 3]; `path()` gives the file, drawing it the first time."""

    title: str
    caption: str
    poster: np.ndarray
    path: Callable[[], Path]


@dataclass(frozen=True)
class Still:
    """A picture of a video: from `start` to `end` seconds on the time line, as a JPEG file."""

    start: float
    end: float
    path: Path


@cache
def examples() -> tuple[Example, ...]:
    """What a visitor can try: two drawn films with cuts, and one long shot that comes with gradio."""
    from diffbgm.video.demo import NEON, SCENES, VALLEY

    def scene(name: str) -> np.ndarray:
        return SCENES[name](1.0, np.random.default_rng([0, 1]))

    found = [
        Example("Day in the valley", "20 s, 7 cuts", scene("hills"), lambda: drawn("valley", 20.0, 0, VALLEY)),
        Example("Neon ride", "12 s, 8 cuts", scene("violet lights"), lambda: drawn("neon", 12.0, 3, NEON)),
    ]
    clip = packaged("world.mp4")
    if clip is not None:
        found.append(Example("Earth at night", "30 s, one shot", poster_of(clip), lambda: copied("earth", clip)))
    return tuple(found)


def example(index: object) -> Path:
    """The file of an example; drawn now, should it not be there yet. InputError where there is none."""
    found = examples()
    if not isinstance(index, int) or not 0 <= index < len(found):
        raise InputError("There is no such example.")
    return found[index].path()


def packaged(name: str) -> Path | None:
    """A video that comes with gradio."""
    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        return None
    clip = Path(spec.origin).parent / "media_assets" / "videos" / name
    return clip if clip.is_file() else None


def drawn(name: str, seconds: float, seed: int, shots: "Shots") -> Path:
    """A drawn film, made once."""
    from diffbgm.video.demo import draw_demo

    path = folder() / f"{name}.mp4"
    with DRAWING:
        if not path.is_file():
            draw_demo(path, seconds, seed, shots)
    return path


def copied(name: str, clip: Path) -> Path:
    """A packaged video where the server may serve it from."""
    path = folder() / f"{name}.mp4"
    if not path.is_file():
        with replacing(path) as temporary:
            shutil.copyfile(clip, temporary)
    return path


def folder() -> Path:
    """Where the examples lie: in the temporary folder, one for every user of the machine."""
    path = Path(tempfile.gettempdir()) / f"diffbgm-examples-{getpass.getuser()}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def draw_ahead(then: Callable[[], object] = lambda: None) -> None:
    """Draws the films in the background, so that nobody waits for them; then does what else can be done ahead."""

    def run() -> None:
        for example in examples():
            example.path()
        then()

    threading.Thread(target=run, daemon=True, name="diffbgm-examples").start()


def poster_of(path: Path, at: float = 2.0) -> np.ndarray:
    """The first picture at or after `at` seconds, or the last one before."""
    picture = np.zeros((9, 16, 3), np.uint8)
    for time, picture in frames(path, size=320, every=0.5):  # noqa: B007 (the last one is wanted)
        if time >= at:
            break
    return picture


def stills(
    path: Path, features: VideoFeatures, folder: Path, look_up: Callable[[], object] = lambda: None
) -> tuple[tuple[Still, ...], Path]:
    """Small pictures along the video, and one larger: the one with most to see, for a player at rest.

    At least one in every shot that is wide enough to be seen, more in long ones. `look_up` is called at every picture;
    what it raises ends the walk.
    """
    slots = slots_of(features)
    wanted = [start + min(0.4 * (end - start), 1.0) for start, end in slots]
    out: list[Still] = []
    best = np.zeros((9, 16, 3), np.uint8)
    every = max(0.1, features.duration / 300)
    for time, picture in frames(path, size=POSTER_WIDTH, every=every, limits=PAGE):
        look_up()
        while len(out) < len(slots) and (time >= wanted[len(out)] or time + every > slots[len(out)][1]):
            file = folder / f"still-{len(out)}.jpg"
            file.write_bytes(to_jpeg(picture, WIDTH))
            out.append(Still(*slots[len(out)], file))
            best = max(best, picture, key=np.std)
        if len(out) == len(slots):
            break
    poster = folder / "poster.jpg"
    poster.write_bytes(to_jpeg(best))
    return tuple(out), poster


def slots_of(features: VideoFeatures) -> list[tuple[float, float]]:
    """(start, end) of the pictures: every shot cut into equal parts, at most MOST_PICTURES or so over the whole video.

    A shot too short for a picture of its own is shown with the shot before.
    """
    width = features.duration / MOST_PICTURES
    slots: list[tuple[float, float]] = []
    for start, end in features.shots:
        if slots and end - start < width / 3:
            slots[-1] = (slots[-1][0], end)
            continue
        edges = np.linspace(start, end, max(1, round((end - start) / width / 2)) + 1)
        slots += [(float(a), float(b)) for a, b in pairwise(edges)]
    return slots


def to_jpeg(picture: np.ndarray, width: int | None = None) -> bytes:
    """A picture as JPEG, made smaller where a width is given."""
    from PIL import Image

    out = BytesIO()
    image = Image.fromarray(picture)
    if width is not None:
        image.thumbnail((width, 4 * width), Image.Resampling.BILINEAR)
    image.save(out, "JPEG", quality=72)
    return out.getvalue()


def to_uri(picture: np.ndarray) -> str:
    """A JPEG as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(to_jpeg(picture)).decode()
