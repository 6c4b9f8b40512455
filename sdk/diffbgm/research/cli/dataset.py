"""`diffbgm dataset`: build BGM909 from videos, match it from music videos' features, report what is in it."""

import argparse
from pathlib import Path

from diffbgm.cli.common import COUNT, SEED, Commands, add_settings, progress_bar


def add_commands(commands: Commands) -> None:
    """Adds `diffbgm dataset` with its subcommands build, match and report."""
    dataset = commands.add_parser("dataset", help="pair POP909 with videos (BGM909): build, match, report")
    ways = dataset.add_subparsers(required=True, metavar="WAY")

    build = ways.add_parser(
        "build",
        help="from POP909 and a folder of videos; continues where it was stopped",
        description=(
            "A video belongs to the song whose three digits stand in its name (017.mp4), or to the one a table says: "
            "CSV with the columns song, video, offset. Where no offset is given, the song is looked for in the video's "
            "sound; what does not sound like it is listed in manifest.json, not guessed. Exit code 1 if none is left."
        ),
    )
    build.add_argument("--pop909", type=Path, required=True, metavar="DIR|ZIP")
    build.add_argument("--videos", type=Path, required=True, metavar="DIR")
    build.add_argument("--pairs", type=Path, metavar="CSV")
    build.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    add_settings(build, "semantics")
    build.set_defaults(semantics="colour")
    build.add_argument(
        "--captions",
        nargs="?",
        const=CAPTIONER,
        metavar="FOLDER|HUB_ID",
        help=f"caption every shot with a model of transformers (default: {CAPTIONER})",
    )
    build.add_argument("--processes", type=COUNT, help="default: one a core, or one where a model looks as well")
    build.set_defaults(run=run_build)

    match = ways.add_parser(
        "match", help="from POP909 and MuVi-Sync: beside each stretch of a song, videos whose music is like it"
    )
    match.add_argument("--pop909", type=Path, required=True, metavar="DIR|ZIP")
    match.add_argument("--muvisync", type=Path, required=True, metavar="DIR", help="holds its labels and CLIP features")
    match.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    match.add_argument("--top", type=COUNT, default=3, metavar="K", help="videos for each stretch (default: 3)")
    match.add_argument("--seed", type=SEED, default=0)
    match.set_defaults(run=run_match)

    report = ways.add_parser("report", help="draw what is in one: lengths, tempi, keys, shots, affect, alignment")
    report.add_argument("data", type=Path, metavar="DIR")
    report.add_argument("-o", "--out", type=Path, metavar="PNG", help="default: report.png in the data set")
    report.set_defaults(run=run_report)


CAPTIONER = "Salesforce/blip-image-captioning-base"


def run_build(args: argparse.Namespace) -> None:
    """Runs `diffbgm dataset build`; prints the number of pairs and each video that was left out."""
    from diffbgm.research.datasets.bgm909.build import BuildOptions, build

    options = BuildOptions(args.semantics, args.captions, args.processes)
    with progress_bar() as progress:
        manifest = build(args.pop909, args.videos, args.out, pairs=args.pairs, options=options, on_progress=progress)
    print(f"{sum(manifest['counts']['pairs'].values())} pairs in {args.out}")
    for left in manifest["left_out"]:
        print(f"left out: {left['video']}: {left['why']}")


def run_match(args: argparse.Namespace) -> None:
    """Runs `diffbgm dataset match`; prints the quality table and the number of pairs."""
    from diffbgm.research.datasets.bgm909.match import MatchOptions, match, quality_table
    from diffbgm.research.metrics.report import format_table

    options = MatchOptions(top=args.top, seed=args.seed)
    with progress_bar() as progress:
        manifest = match(args.pop909, args.muvisync, args.out, options=options, on_progress=progress)
    print(format_table(quality_table(manifest)))
    print(f"{sum(manifest['counts']['pairs'].values())} pairs in {args.out}")


def run_report(args: argparse.Namespace) -> None:
    """Runs `diffbgm dataset report`; prints the path of the PNG (default: report.png in the data set)."""
    from diffbgm.research.datasets.bgm909 import load
    from diffbgm.research.datasets.bgm909.report import draw_report

    print(draw_report(load(args.data), args.out or args.data / "report.png"))
