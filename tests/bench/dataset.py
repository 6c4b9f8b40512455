"""Building BGM909 on one core: seconds of video a second of work, and memory for few and for many videos.

    PYTHONPATH=. python tests/bench/dataset.py [--videos 10 50] [--seconds 30]

The videos are drawn at 640x360, the songs made up and rendered into them once; every video stands beside a copy of the
same sound. Each build runs in a process of its own, so that its peak of memory is its own. Run it on an idle machine.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.research.datasets.films import draw_film, write_tune

from diffbgm import media
from diffbgm.video.demo import draw_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--one", nargs=3, metavar=("POP909", "VIDEOS", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        build_one(*map(Path, args.one))
        return
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as name:
        folder = Path(name)
        write_tune(folder / "POP909", "001", 0, bars=40)
        heard = draw_film(folder / "POP909", "001", folder / "sound.mp4", 0.0, 1.0, args.seconds, 0)
        draw_demo(folder / "silent.mp4", args.seconds)
        sound = media.read_audio(heard.path)
        assert sound is not None
        media.mux(folder / "silent.mp4", sound, folder / "001.mp4")
        for count in args.videos:
            videos = folder / f"videos{count}"
            videos.mkdir()
            for i in range(count):
                shutil.copy(folder / "001.mp4", videos / f"001 take {chr(97 + i // 26)}{chr(97 + i % 26)}.mp4")
            line = [sys.executable, __file__, "--one", str(folder / "POP909"), str(videos), str(folder / f"out{count}")]
            said = subprocess.run(line, check=True, env={**os.environ}, capture_output=True, text=True).stdout.split()
            wall, work, peak = map(float, said)
            total = count * args.seconds
            pace = f"{total / wall:5.1f} x real time, {total / work:5.1f} x real time a core"
            print(f"{count:3d} videos of {args.seconds:g} s: {pace}, peak {peak:.0f} MB")


def build_one(pop909: Path, videos: Path, out: Path) -> None:
    """Prints wall seconds, seconds of processor and peak memory in MB."""
    from diffbgm.research.datasets.bgm909.build import BuildOptions, build

    began, worked = time.monotonic(), time.process_time()
    build(pop909, videos, out, options=BuildOptions(processes=1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.monotonic() - began, time.process_time() - worked, peak)


if __name__ == "__main__":
    main()
