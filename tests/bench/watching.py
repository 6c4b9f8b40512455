"""How fast `analyze` looks at a video without CLIP, and what share of that is decoding.

    python -m tests.bench.watching [VIDEO] [--seconds 30]

Without a video one is drawn (854x480, 25 pictures a second). Both are timed in one run: decoding alone, then all of it.
The wall clock counts on an idle machine; seconds of processor, over all threads, also mean something on a busy one.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.drawing import draw_video

from diffbgm import media
from diffbgm.video import analyze
from diffbgm.video.analysis import PICTURE_SIZE


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall and of processor."""
    wall, processor = time.monotonic(), time.process_time()
    work()
    return time.monotonic() - wall, time.process_time() - processor


def decode(video: Path) -> None:
    with closing(media.frames(video, size=PICTURE_SIZE)) as pictures:
        for _ in pictures:
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=30.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = args.video
        if video is None:
            video = Path(folder) / "drawn.mp4"
            draw_video(video, (args.seconds / 6,) * 6, size=(854, 480))
        info = media.probe(video)
        analyze(video, semantics="colour")  # what is imported at first use
        decoding = timed(lambda: decode(video))
        whole = timed(lambda: analyze(video, semantics="colour"))
    print(f"{info.width}x{info.height}, {info.duration:.1f} s, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, part, total in zip(("wall clock", "processor"), decoding, whole, strict=True):
        print(f"{name}: {info.duration / total:.1f} times as fast as it plays; decoding is {part / total:.0%} of it")


if __name__ == "__main__":
    main()
