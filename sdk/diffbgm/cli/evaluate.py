"""`diffbgm evaluate`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm.cli.common import progress_bar

if TYPE_CHECKING:
    from diffbgm.metrics.report import Report


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = commands.add_parser(
        "evaluate", help="measure the model or the synchrony; every number with its baseline"
    )
    kinds = evaluate.add_subparsers(required=True, metavar="WHAT")
    model = kinds.add_parser("model", help="windows composed under the plans of POP909 songs, beside those songs")
    model.add_argument("--data", type=Path, required=True, help="POP909, folder or zip")
    model.add_argument("--songs", default="", metavar="IDS", help="001,002,...: these instead of the validation songs")
    model.add_argument("--save", type=Path, metavar="DIR", help="keep the windows in DIR/windows.npz")
    model.add_argument("--steps", type=int, help="of the sampler")
    model.add_argument("--guidance", type=float)
    model.set_defaults(run=run_evaluate_model, kind="model")
    sync = kinds.add_parser("sync", help="how many cuts land on beats, in these videos and in made-up ones")
    sync.add_argument("videos", type=Path, nargs="*")
    sync.add_argument("--compose", action="store_true", help="also compose, to see whether notes sound at the cuts")
    sync.set_defaults(run=run_evaluate_sync, kind="sync")
    sound = kinds.add_parser("sound", help="composed pieces on several palettes: loudness, peaks, gaps, stems, ranges")
    sound.add_argument("--palettes", type=int, default=5)
    sound.add_argument("--steps", type=int, help="of the sampler")
    sound.set_defaults(run=run_evaluate_sound, kind="sound")
    semantics = kinds.add_parser("semantics", help="the director, what every style tag does, affect asked and heard")
    semantics.add_argument("--plans-only", action="store_true", help="measure the plans, compose nothing")
    semantics.set_defaults(run=run_evaluate_semantics, kind="semantics")
    pairs = kinds.add_parser("pairs", help="whether the model listens to the embeddings of BGM909's videos")
    pairs.add_argument("--data", type=Path, required=True, help="BGM909, a folder")
    pairs.set_defaults(run=run_evaluate_pairs, kind="pairs")
    for kind, count in ((model, 200), (sync, 40), (sound, 20), (semantics, 7), (pairs, 200)):
        kind.add_argument("--n", type=int, default=count, help="windows, videos of each kind, or pieces a tag")
        kind.add_argument("--seed", type=int, default=0)
        kind.add_argument("--json", action="store_true")
        kind.add_argument("--weights", metavar="FOLDER|HUB_ID")
        kind.add_argument("--card", type=Path, metavar="FOLDER", help="put the figures into FOLDER's model card")


def run_evaluate_model(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.model import evaluate_model
    from diffbgm.pipeline import DiffBGM, options_of

    model = DiffBGM.from_pretrained(args.weights).model
    songs = [s.strip() for s in args.songs.split(",") if s.strip()]
    options = options_of(args.seed, args.steps, args.guidance)
    with progress_bar() as tell:
        report = evaluate_model(
            model, args.data, n=args.n, songs=songs, options=options, save=args.save, on_progress=tell
        )
    show(report, args)


def run_evaluate_sync(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.sync import evaluate_sync
    from diffbgm.pipeline import DiffBGM

    model = DiffBGM.from_pretrained(args.weights) if args.compose else None
    with progress_bar() as tell:
        report = evaluate_sync(args.videos, n=args.n, seed=args.seed, model=model, on_progress=tell)
    show(report, args)


def run_evaluate_sound(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.sound import evaluate_sound
    from diffbgm.pipeline import DiffBGM

    model = DiffBGM.from_pretrained(args.weights)
    with progress_bar() as tell:
        report = evaluate_sound(
            model, n=args.n, palettes=args.palettes, seed=args.seed, steps=args.steps, on_progress=tell
        )
    show(report, args)


def run_evaluate_semantics(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.semantics import evaluate_semantics
    from diffbgm.pipeline import DiffBGM

    model = None if args.plans_only else DiffBGM.from_pretrained(args.weights)
    with progress_bar() as tell:
        report = evaluate_semantics(n=args.n, seed=args.seed, model=model, on_progress=tell)
    show(report, args)


def run_evaluate_pairs(args: argparse.Namespace) -> None:
    from diffbgm.evaluate.pairs import evaluate_pairs
    from diffbgm.pipeline import DiffBGM

    model = DiffBGM.from_pretrained(args.weights).model
    with progress_bar() as tell:
        report = evaluate_pairs(model, args.data, n=args.n, seed=args.seed, on_progress=tell)
    show(report, args)


def show(report: "Report", args: argparse.Namespace) -> None:
    """A report as tables or as JSON, and into the model card where that is asked for."""
    from diffbgm.metrics.report import format_report, to_json

    print(to_json(report) if args.json else format_report(report))
    if args.card:
        from diffbgm.evaluate.card import add_to_card

        add_to_card(report, args.kind, args.card)
