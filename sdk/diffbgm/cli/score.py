"""`diffbgm score` and `diffbgm demo`."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffbgm.cli.common import add_settings, progress_bar
from diffbgm.errors import OutputError
from diffbgm.options import settings_of

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    score = commands.add_parser(
        "score",
        help="compose music for a video and put it under the pictures",
        description=(
            "Writes OUT.mp4, OUT.mid and OUT.receipt.json. The pictures are copied untouched; where their codec does "
            "not fit the container (VP8, MJPEG, GIF, DivX, ...) they are encoded again as H.264. The sound is AAC and "
            "ends with the last frame."
        ),
    )
    score.add_argument("video", type=Path)
    score.add_argument(
        "-o",
        "--out",
        type=Path,
        help="the scored video, .mp4 .m4v .mov or .mkv (default: VIDEO-scored.mp4 beside VIDEO)",
    )
    add_scoring(score)
    score.set_defaults(run=run_score)

    demo = commands.add_parser("demo", help="score a clip that is at hand, to see that everything works")
    demo.add_argument("-o", "--out", type=Path, default=Path("diffbgm-demo.mp4"))
    add_scoring(demo)
    demo.set_defaults(run=run_demo)


def add_scoring(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)
    parser.add_argument("--plan", type=Path, metavar="JSON", help="a plan printed by `diffbgm plan`, maybe edited")
    parser.add_argument("--stems", action="store_true", help="also write OUT.ROLE.wav for every role")
    parser.add_argument("--format", choices=("wav", "flac", "mp3"), help="also write the sound alone")
    parser.add_argument("--plot", action="store_true", help="also write OUT.png, the plan over its piano roll")
    parser.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    parser.add_argument("--device", help="cpu, cuda, ...; by default the best there is")
    parser.add_argument("--json", action="store_true", help="print the receipt")


def run_score(args: argparse.Namespace) -> None:
    out = args.out or args.video.with_name(f"{args.video.stem}-scored.mp4")
    score_file(args, args.video, out)


def run_demo(args: argparse.Namespace) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder:
        clip = packaged_clip()
        if clip is None:
            from diffbgm.video.demo import draw_demo

            clip = Path(folder) / "drawn.mp4"
            draw_demo(clip)
        score_file(args, clip, args.out)


def packaged_clip() -> Path | None:
    """A real video that comes with gradio, where that is installed."""
    from importlib.util import find_spec

    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        return None
    clip = Path(spec.origin).parent / "media_assets" / "videos" / "world.mp4"
    return clip if clip.is_file() else None


def score_file(args: argparse.Namespace, video: Path, out: Path) -> None:
    """Scores `video` and writes what was asked for; a target that cannot be written is found out before the work."""
    if out.suffix.lower() not in VIDEO_SUFFIXES:
        raise OutputError(f"{out}: the scored video must be one of {', '.join(VIDEO_SUFFIXES)}")
    if out.exists() and video.exists() and out.samefile(video):
        raise OutputError(f"{out}: this is the video itself; choose another name with -o")
    from diffbgm.files import check_writable
    from diffbgm.media import probe

    check_writable(out)
    probe(video)
    from diffbgm.pipeline import DiffBGM
    from diffbgm.planner import read_plan

    plan = read_plan(args.plan) if args.plan else None
    with progress_bar() as tell:
        tell(0.0, "loading the model")
        model = DiffBGM.from_pretrained(args.weights, device=args.device)
        result = model.score(video, **settings_of(args), plan=plan, on_progress=tell)
    wanted = [out, out.with_suffix(".mid"), out.with_suffix(".receipt.json")]
    wanted += [out.with_suffix(f".{args.format}")] if args.format else []
    wanted += [out.with_suffix(".png")] if args.plot else []
    for path in wanted:
        result.save(path)
    if args.stems:
        from diffbgm.media import write_audio

        for role, audio in result.stems.items():
            wanted.append(out.with_suffix(f".{role}.wav"))
            write_audio(audio, wanted[-1])
    if args.json:
        print(json.dumps(dict(result.receipt), indent=2))
    else:
        summarise(result.receipt, wanted)


def summarise(r: Mapping[str, Any], paths: list[Path]) -> None:
    """The receipt in a line, and what was written."""
    hits = "no cuts" if r["cut_hit_rate"] is None else f"{r['cut_hit_rate']:.0%} of {len(r['cuts'])} cuts on beats"
    tempo = f"{r['tempo']['base']:.0f} beats a minute"
    print(f"{r['key']}, {tempo}, {r['bars']} bars, {r['palette']}; {hits}; seed {r['seed']}")
    for path in paths:
        print(path)
