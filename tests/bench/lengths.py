"""Scoring drawn 480p films of several lengths, each in a fresh process: wall time, peak memory, share of each stage.

    python -m tests.bench.lengths VIDEO OUT STEPS      one film, in this process; the figures as JSON

The film is half a minute drawn once and repeated by copying its packets, so that an hour is there at once.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from tests.drawing import draw_video

ROOT = Path(__file__).parents[2]
DRAWN = 30.0  # seconds
SHOTS = (3.2, 4.4, 2.4, 5.6, 3.6, 4.8, 6.0)
SIZE = (854, 480)
STAGES = ("start-up", "analyze", "plan", "compose", "arrange", "render", "mux")


@dataclass(frozen=True)
class Length:
    """One film: `seconds` long; `stages` seconds of each; `peaks` MB of each, children's synthesizers apart; `wall`
    from the start of the process to its end."""

    seconds: float
    wall: float
    stages: dict[str, float]
    peaks: dict[str, float]
    peak: float
    children: float


def measure(seconds: float, steps: int, folder: Path, tree: Path = ROOT) -> Length:
    """Score a film of some length in a process of its own, with the code of a working tree."""
    film = draw_film(seconds, folder)
    began = time.perf_counter()
    line = [sys.executable, "-m", "tests.bench.lengths", str(film), str(folder / "scored.mp4"), str(steps)]
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'sdk'}{os.pathsep}{tree}", "OMP_WAIT_POLICY": "PASSIVE"}
    out = subprocess.run(line, check=True, capture_output=True, text=True, cwd=tree, env=environment).stdout
    wall = time.perf_counter() - began
    film.unlink()
    found = json.loads(out.splitlines()[-1])
    found["stages"]["start-up"] += wall - sum(found["stages"].values())
    return Length(seconds, wall, **found)


def compare(revision: str, seconds: float, steps: int, folder: Path, rounds: int) -> tuple[Length, Length]:
    """The medians of this tree and of a commit, measured in turn."""
    tree = folder / "before"
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), revision], check=True, cwd=ROOT)
    try:
        runs = [[measure(seconds, steps, folder, one) for one in (ROOT, tree)] for _ in range(rounds)]
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], check=True, cwd=ROOT)
    return tuple(
        Length(
            seconds,
            statistics.median(run.wall for run in own),
            {name: statistics.median(run.stages[name] for run in own) for name in STAGES},
            own[0].peaks,
            own[0].peak,
            own[0].children,
        )
        for own in zip(*runs, strict=True)
    )


def draw_film(seconds: float, folder: Path) -> Path:
    """A film of 854x480 at 25 pictures a second, a cut every four seconds or so."""
    base, film = folder / "base.mp4", folder / f"{seconds:g}.mp4"
    if not base.exists():
        draw_video(base, SHOTS, size=SIZE, options={"preset": "veryfast", "bf": "0"})
    with av.open(str(film), "w") as sink:
        picture: Any = None
        for turn in range(int(-(-seconds // DRAWN))):
            with av.open(str(base)) as source:
                stream = source.streams.video[0]
                picture = picture or sink.add_stream_from_template(stream)
                offset = round(turn * DRAWN / float(stream.time_base))
                for packet in source.demux(stream):
                    if packet.dts is None or float((packet.pts + offset) * packet.time_base) >= seconds - 1e-6:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, picture
                    sink.mux(packet)
    return film


def main() -> None:
    """The stages of scoring as the front door takes them, measured one by one."""
    began = time.perf_counter()
    parser = argparse.ArgumentParser()
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("steps", type=int)
    args = parser.parse_args()
    stages: dict[str, float] = {}
    peaks: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        forget_peak()
        start = time.perf_counter()
        yield
        stages[name] = time.perf_counter() - start
        peaks[name] = peak_now()

    forget_peak()
    from diffbgm import DiffBGM
    from diffbgm.media import mux
    from diffbgm.planner import make_plan
    from diffbgm.render import render
    from diffbgm.video import analyze

    model = DiffBGM.from_pretrained()
    stages["start-up"], peaks["start-up"] = time.perf_counter() - began, peak_now()
    with stage("analyze"):
        features = analyze(args.video, semantics="colour")
    with stage("plan"):
        plan = make_plan(features)
    with stage("compose"):
        roll = model.compose(plan, seed=0, steps=args.steps)
    with stage("arrange"):
        from diffbgm.arrange import arrange

        score = arrange(roll, plan, seed=0)
    with stage("render"):
        sound = render(score, duration=plan.duration)
    with stage("mux"):
        mux(args.video, sound.mix, args.out, duration=plan.duration)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"stages": stages, "peaks": peaks, "peak": max(peaks.values()), "children": children}))


def forget_peak() -> None:
    """Let the kernel count this process's peak memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_now() -> float:
    """MB of memory of this process at its most since `forget_peak`; files mapped into memory are not counted."""
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()
