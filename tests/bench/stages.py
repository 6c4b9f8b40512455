"""How long each stage of scoring takes, as a share of the video's own length.

    python tests/bench/stages.py [VIDEO] [--seconds 30] [--steps 24]

Without a video one is drawn. Run it on an idle machine; quote ratios, not seconds.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import torch

from diffbgm import DiffBGM
from diffbgm.cli import make_parser
from diffbgm.video.demo import draw_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=24)
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    began = time.monotonic()
    make_parser().format_help()
    print(f"help text        {time.monotonic() - began:6.2f} s")
    began = time.monotonic()
    model = DiffBGM.from_pretrained()
    print(f"loading weights  {time.monotonic() - began:6.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        video = args.video
        if video is None:
            video = Path(folder) / "drawn.mp4"
            draw_demo(video, args.seconds)
        model.score(video, seed=0, steps=1)  # what is imported or compiled at first use
        began = time.monotonic()
        result = model.score(video, seed=0, steps=args.steps)
        whole = time.monotonic() - began
        began = time.monotonic()
        result.save(Path(folder) / "scored.mp4")
        muxing = time.monotonic() - began
    length = result.features.duration
    print(f"video of {length:.1f} s, {result.plan.bars} bars, {args.steps} steps; share of the video's length:")
    for stage, seconds in {**result.receipt["timings"], "mux": muxing, "all": whole + muxing}.items():
        print(f"  {stage:8}  {seconds / length:7.3f}")


if __name__ == "__main__":
    main()
