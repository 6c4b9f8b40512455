"""`diffbgm score` and `diffbgm demo`."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm.cli.common import Commands, add_settings, given, progress_bar
from diffbgm.errors import InputError, OutputError
from diffbgm.options import SETTINGS, ScoreOptions, with_changes

if TYPE_CHECKING:
    from diffbgm.media import VideoInfo

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
OURS = (
    "A file that is there already is only replaced where an earlier run wrote it (its receipt names it, and nobody has "
    "changed it since), where it is empty, or with --overwrite. What is read is never written."
)


def add_commands(commands: Commands) -> None:
    """Adds `score` and `demo` to the command line."""
    score = commands.add_parser(
        "score",
        help="compose music for a video and put it under the pictures",
        description=(
            "Writes OUT.mp4, OUT.mid and OUT.receipt.json. The pictures are copied untouched; where their codec does "
            "not fit the container (VP8, MJPEG, GIF, DivX, ...) they are encoded again as H.264. The sound is AAC and "
            f"ends with the last frame. {OURS}"
        ),
        allow_abbrev=False,
    )
    score.add_argument(
        "video", metavar="VIDEO", help="a file (or its file: URL); ./-x.mp4 where its name has a dash first"
    )
    score.add_argument(
        "-o",
        "--out",
        metavar="FILE|FOLDER",
        help="the scored video, .mp4 .m4v .mov or .mkv, or a folder for it (default: VIDEO-scored.mp4 beside VIDEO)",
    )
    add_scoring(score)
    score.set_defaults(run=run_score)

    demo = commands.add_parser(
        "demo",
        help="draw a short film with cuts and score it, to see that everything works",
        description=f"Writes diffbgm-demo.mp4, .mid and .receipt.json. {OURS}",
        allow_abbrev=False,
    )
    demo.add_argument("-o", "--out", metavar="FILE|FOLDER", default="diffbgm-demo.mp4")
    add_scoring(demo)
    demo.set_defaults(run=run_demo)


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """The options of both."""
    add_settings(parser, unset=True)
    parser.add_argument(
        "--receipt", metavar="JSON", help="take the options of the take with this receipt; others given here count more"
    )
    parser.add_argument("--plan", metavar="JSON", help="a plan printed by `diffbgm plan`, maybe edited")
    parser.add_argument(
        "--keep-takes",
        action="store_true",
        help="also write the other takes: OUT.take2.mp4, ...",
    )
    parser.add_argument("--project", action="store_true", help="also write OUT.project.json, for `diffbgm retake`")
    parser.add_argument("--stems", action="store_true", help="also write OUT.STEM.wav for every instrument")
    parser.add_argument("--format", choices=("wav", "flac", "mp3"), help="also write the sound alone")
    parser.add_argument("--plot", action="store_true", help="also write OUT.png, the plan over its piano roll")
    parser.add_argument("--musicxml", action="store_true", help="also write OUT.musicxml, the score on staves")
    parser.add_argument(
        "--lead-sheet", action="store_true", help="also write OUT.lead.musicxml: melody, chord symbols and sections"
    )
    parser.add_argument(
        "--otio", action="store_true", help="also write OUT.otio (and OUT.wav): a timeline of film, mix and stems"
    )
    parser.add_argument("--fcpxml", action="store_true", help="the same as OUT.fcpxml, for Final Cut Pro")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there, whoever wrote them")
    parser.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    parser.add_argument("--device", help="cpu, cuda, ...; by default the best there is")
    parser.add_argument("--json", action="store_true", help="print the receipt")


def run_score(args: argparse.Namespace) -> None:
    """Scores the video that was named."""
    from diffbgm.paths import local_path

    score_file(args, local_path(args.video))


def run_demo(args: argparse.Namespace) -> None:
    """Draws a short film with cuts and scores it; a style that is none is refused before the film is drawn."""
    import tempfile

    from diffbgm.planner import combine_styles
    from diffbgm.video.demo import draw_demo

    combine_styles(read_options(args).style or "")
    with tempfile.TemporaryDirectory(prefix="diffbgm-") as folder:
        clip = Path(folder) / "diffbgm-demo.mp4"
        draw_demo(clip)
        score_file(args, clip)


def score_file(args: argparse.Namespace, video: Path) -> None:
    """Scores `video` and writes what was asked for; what cannot be written is found out before the work."""
    from diffbgm.files import remove_abandoned
    from diffbgm.media import probe
    from diffbgm.paths import check_targets, companion, local_path
    from diffbgm.render import possible_stems
    from diffbgm.result import LEAD_SHEET, with_mix

    options = read_options(args)
    info = probe(video)
    out = read_target(args, video)
    kinds = [f".{args.format}"] if args.format else []
    kinds += [f".{kind}" for kind in ("musicxml", "otio", "fcpxml") if getattr(args, kind)]
    kinds += [LEAD_SHEET] if args.lead_sheet else []
    kinds = with_mix([*kinds, ".png"] if args.plot else kinds)
    if args.otio:
        from diffbgm.timeline import check_otio

        check_otio(companion(out, ".otio"))
    read = (args.plan, args.receipt, options.cues, options.like, options.melody)
    inputs = [video, *(local_path(path) for path in read if path), *weight_files(args.weights)]
    receipt = companion(out, ".receipt.json")
    outputs = [out, companion(out, ".mid"), receipt, *(companion(out, kind) for kind in kinds)]
    if args.stems:
        outputs += [companion(out, f".{name}.wav") for name in possible_stems()]
    others = [out.with_name(f"{out.stem}.take{n}{out.suffix}") for n in range(2, options.takes_for(info.duration) + 1)]
    outputs += others if args.keep_takes else []
    outputs += [companion(out, ".project.json")] if args.project else []
    room = room_for(video, info, outputs)
    check_targets(inputs, outputs, overwrite=args.overwrite, receipt=receipt, room=room)
    remove_abandoned(out.absolute().parent)
    from diffbgm.pipeline import DiffBGM
    from diffbgm.planner import read_plan

    plan = read_plan(local_path(args.plan)) if args.plan else None
    with progress_bar() as tell:
        model = DiffBGM.from_pretrained(args.weights, device=args.device, wait=False)
        result = model.score(video, options, plan=plan, on_progress=tell)
        written, paths = result.save_files(out, kinds, stems=args.stems)
        if args.project:
            from diffbgm.project import save_project

            paths.append(save_project(result, companion(out, ".project.json")))
        for place, path in enumerate(others[: len(result.takes) - 1] if args.keep_takes else (), 1):
            model.use(result, place).write_video(path)
            paths.append(path)
    if args.json:
        print(json.dumps(written, indent=2))
    else:
        summarise(written, paths)
    for line in remarks(written["video"]):
        print(f"diffbgm: {line}", file=sys.stderr)


def read_options(args: argparse.Namespace) -> ScoreOptions:
    """The options of the receipt that was named, if any, with those of the command line over them."""
    from diffbgm.paths import local_path

    changes = given(args)
    for name in changes:
        if args.plan and SETTINGS[name].stage == "plan":
            raise InputError(f"--{name} shapes a plan, and --plan gives one: edit the plan, or leave one of them out")
    base = ScoreOptions.from_receipt(local_path(args.receipt)) if args.receipt else None
    return with_changes(base, changes)


def read_target(args: argparse.Namespace, video: Path) -> Path:
    """The scored video that is to be written."""
    from diffbgm.media import default_suffix
    from diffbgm.paths import output_path

    out = output_path(args.out, video, default_suffix(video))
    if out.suffix.lower() not in VIDEO_SUFFIXES:
        raise OutputError(
            f"{out}: the scored video must be one of {', '.join(VIDEO_SUFFIXES)}, or a folder that is there"
        )
    return out


def weight_files(weights: str | None) -> list[Path]:
    """The files of a folder of weights, which are read as well."""
    return [path for path in Path(weights).iterdir() if path.is_file()] if weights and Path(weights).is_dir() else []


def room_for(video: Path, info: "VideoInfo", outputs: Sequence[Path]) -> int:
    """About how many bytes will be written: pictures that are copied, and sound by its length."""
    from diffbgm.media import COPYABLE

    copied = info.codec in COPYABLE.get(outputs[0].suffix.lower(), ())
    waves = sum(path.suffix.lower() in (".wav", ".flac") for path in outputs)
    return (video.stat().st_size if copied else 0) + int(info.duration * (24_000 + 192_000 * waves))


def remarks(video: Mapping[str, Any]) -> list[str]:
    """What a person should know of how the video was written: pictures encoded again, and what was left out."""
    again = [f"the pictures were encoded again: {video['why']}"] if video["pictures"] == "re-encoded" else []
    return [*again, *(f"left out: {what}" for what in video["left_out"])]


def summarise(r: Mapping[str, Any], paths: Sequence[Path]) -> None:
    """The receipt in a line, and what was written."""
    hits = "no cuts" if r["cut_hit_rate"] is None else f"{r['cut_hit_rate']:.0%} of {len(r['cuts'])} cuts on beats"
    tempo = f"{r['tempo']['base']:.0f} beats per minute"
    for place, take in enumerate(r.get("takes", ()), 1):
        print(f"take {place}, seed {take['seed']}: {', '.join(take['reasons'])}")
    print(f"{r['key']}, {tempo}, {r['bars']} bars, {r['palette']}; {hits}; seed {r['seed']}")
    for path in paths:
        print(path)
