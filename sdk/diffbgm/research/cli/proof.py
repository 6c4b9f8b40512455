"""`diffbgm evaluate listening` and `diffbgm evaluate judges`: ears, and listeners that others made."""

import argparse
import sys
from pathlib import Path

from diffbgm.cli.common import COUNT, Commands, progress_bar
from diffbgm.errors import InputError

BESIDE = "recordings to compare with"


def add_commands(kinds: Commands) -> list[argparse.ArgumentParser]:
    """Adds the commands to those of `diffbgm evaluate`; returns the parsers that print a report."""
    listening = kinds.add_parser("listening", help="make a blind listening test, or read what raters answered")
    listening.add_argument("--videos", type=Path, metavar="FOLDER", help="two videos or more")
    listening.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="for the page: open index.html there")
    listening.add_argument("--corpus", type=Path, metavar="POP909", help="real music as an anchor")
    listening.add_argument("--forms", type=COUNT, default=8, help="orders to choose from; index.html?form=3 takes one")
    listening.add_argument("--read", type=Path, nargs="+", metavar="FILE", help="results that raters saved")
    listening.add_argument("--steps", type=COUNT, help="of the sampler")
    listening.add_argument("--weights", metavar="FOLDER|HUB_ID")
    listening.set_defaults(run=run_evaluate_listening, kind="listening")
    judges = kinds.add_parser("judges", help="pieces heard by others' beat tracker, key finder and mood network")
    judges.add_argument("--n", type=COUNT, default=10, help="pieces a style")
    judges.add_argument("--data", type=Path, metavar="POP909", help="real songs through the same renderer: the ceiling")
    judges.add_argument("--beside", type=Path, nargs="+", default=(), metavar="DIR", help=BESIDE)
    add_judges(judges)
    judges.add_argument("--save", type=Path, metavar="DIR", help="keep the sound in DIR")
    judges.add_argument("--steps", type=COUNT, help="of the sampler")
    judges.add_argument("--weights", metavar="FOLDER|HUB_ID")
    judges.set_defaults(run=run_evaluate_judges, kind="judges")
    changes = kinds.add_parser("changes", help="which figures of two cards differ: before and after a release")
    changes.add_argument("before", type=Path, metavar="FOLDER")
    changes.add_argument("after", type=Path, metavar="FOLDER")
    changes.set_defaults(run=run_evaluate_changes, kind="changes")
    return [listening, judges, changes]


def add_judges(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which judges listen, and where they are installed."""
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="[JUDGE=]PATH",
        help="the Python that has librosa, basic-pitch or vibenet",
    )
    parser.add_argument("--judges", default="beats,key,notes,vibenet", metavar="NAMES", help="which of them listen")


def judges_of(args: argparse.Namespace) -> dict[str, str]:
    """The judges asked for and the Python of each; InputError for one that there is not."""
    from diffbgm.research.judges import JUDGES

    names = [name.strip() for name in args.judges.split(",") if name.strip()]
    own = dict(text.split("=", 1) if "=" in text else ("", text) for text in args.python)
    if unknown := {*names, *own} - {*JUDGES, ""}:
        raise InputError(f"no judge {min(unknown)!r}; there are {', '.join(JUDGES)}")
    return {name: own.get(name, own.get("", sys.executable)) for name in names}


def run_evaluate_listening(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate listening`: writes the page and prints its path, or reads results and prints tables.

    Raises:
        InputError: Neither results nor a folder of videos and one to write are named.
    """
    from diffbgm.research.cli.evaluate import load, show
    from diffbgm.research.evaluation.listening import write_test
    from diffbgm.research.evaluation.listening_results import report_results

    if args.read:
        return show(report_results(args.read, args.seed), args)
    if not args.videos or not args.out:
        raise InputError("evaluate listening: give --videos FOLDER and -o FOLDER, or --read results/*.json")
    with progress_bar() as progress:
        test = write_test(
            load(args), args.videos, args.out, corpus=args.corpus, forms=args.forms, seed=args.seed, steps=args.steps,
            on_progress=progress,
        )  # fmt: skip
    print(test.folder / "index.html")


def run_evaluate_judges(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate judges`: pieces in four styles, heard by judges in a Python of their own.

    Raises:
        InputError: A judge is unknown, or does not run.
    """
    from diffbgm.research.cli.evaluate import load, sampler_options, show
    from diffbgm.research.evaluation.judges import evaluate_judges

    judges = judges_of(args)
    model, options = load(args), sampler_options(args)
    with progress_bar() as progress:
        report = evaluate_judges(
            model, n=args.n, judges=judges, data=args.data, beside=args.beside, seed=args.seed, options=options,
            save=args.save, on_progress=progress,
        )  # fmt: skip
    show(report, args, model, options)


def run_evaluate_changes(args: argparse.Namespace) -> None:
    """Runs `diffbgm evaluate changes`: the figures of two weights folders beside each other."""
    from diffbgm.research.cli.evaluate import show
    from diffbgm.research.evaluation.changes import evaluate_changes

    show(evaluate_changes(args.before, args.after), args)
