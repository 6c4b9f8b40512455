"""`diffbgm retake`."""

import argparse
import sys
from pathlib import Path

from diffbgm.cli.common import number, progress_bar
from diffbgm.cli.score import OURS, VIDEO_SUFFIXES, remarks, summarise
from diffbgm.errors import InputError, OutputError


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `retake` to the command line."""
    retake = commands.add_parser(
        "retake",
        help="compose some bars of a take again and keep the rest",
        description=f"Reads a project that `diffbgm score --project` wrote, beside its video. {OURS}",
        allow_abbrev=False,
    )
    retake.add_argument("project", metavar="PROJECT")
    retake.add_argument("--bars", required=True, type=read_bars, metavar="5-8", help="from 1; such as 5-8 or 1,5-8")
    retake.add_argument("--video", help="where the video is, if not beside the project")
    retake.add_argument("-o", "--out", metavar="FILE", required=True, help="the scored video")
    retake.add_argument("--seed", type=number(int, 0, 2**63 - 1), help="of the new bars; by default a new one is drawn")
    retake.add_argument("--style", default="", metavar="TAGS", help="style tags for these bars")
    retake.add_argument("--prompt", default="", metavar="TEXT", help="words for these bars")
    retake.add_argument("--overwrite", action="store_true", help="replace files that are there, whoever wrote them")
    retake.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    retake.add_argument("--device", help="cpu, cuda, ...; by default the best there is")
    retake.set_defaults(run=run_retake)


def read_bars(text: str) -> list[int]:
    """`1,5-8`, counted from 1, as bars from 0."""
    bars: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if (
            not first.isdecimal()
            or not (last or first).isdecimal()
            or not 1 <= int(first) <= int(last or first) < 100_000
        ):
            raise argparse.ArgumentTypeError(f"must be bars from 1, such as 5-8 or 1,5-8, got {text!r}")
        bars |= set(range(int(first) - 1, int(last or first)))
    return sorted(bars)


def run_retake(args: argparse.Namespace) -> None:
    """Composes the bars again and writes video, MIDI, receipt and the new project."""
    from diffbgm.paths import check_targets, companion, local_path
    from diffbgm.pipeline import DiffBGM
    from diffbgm.project import SUFFIX, load_project, save_project

    source, out = local_path(args.project), Path(args.out)
    project = load_project(source)
    video = local_path(args.video) if args.video else source.parent / project.name
    if not video.is_file():
        raise InputError(f"{video}: the project's video is not there; name it with --video")
    if out.suffix.lower() not in VIDEO_SUFFIXES:
        raise OutputError(f"{out}: the scored video must be one of {', '.join(VIDEO_SUFFIXES)}")
    if args.bars[-1] >= project.plan.bars:
        raise InputError(f"--bars: the piece has {project.plan.bars} bars, got {args.bars[-1] + 1}")
    receipt, after = companion(out, ".receipt.json"), companion(out, SUFFIX)
    outputs = [out, companion(out, ".mid"), receipt, after]
    check_targets([video, source], outputs, overwrite=args.overwrite, receipt=receipt)
    with progress_bar() as tell:
        model = DiffBGM.from_pretrained(args.weights, device=args.device)
        take = model.restore(load_project(source, video))
        result = model.retake(take, args.bars, seed=args.seed, style=args.style, prompt=args.prompt, on_progress=tell)
        written, paths = result.save_files(out)
        paths.append(save_project(result, after))
    summarise(written, paths)
    for line in remarks(written["video"]):
        print(f"diffbgm: {line}", file=sys.stderr)
