"""`diffbgm train`, `diffbgm average` and `diffbgm validate`."""

import argparse
import math
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from diffbgm.cli.common import COUNT, SEED, Commands, Tell, number, progress_bar

LOG_SECONDS = 60.0  # between lines of a log


def add_commands(commands: Commands) -> None:
    """Adds `diffbgm train`, `diffbgm average` and `diffbgm validate`."""
    train = commands.add_parser(
        "train",
        help="train the model on POP909 (folder or zip), a folder of corpus archives, one of them, or BGM909 (folder); "
        "continues a run in OUT",
    )
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--out", type=Path, default=Path("runs/train"))
    train.add_argument("--steps", type=COUNT, help="default: 10000, with --own 300")
    train.add_argument("--minutes", type=number(float, 0, 1e6), default=float("inf"), help="stop after this long")
    train.add_argument("--batch", type=COUNT, default=16)
    train.add_argument(
        "--learning-rate", type=number(float, 0, 1), help="at its peak; default: 0.001, with --own 0.0003"
    )
    train.add_argument("--start-from", type=Path, metavar="FOLDER", help="weights to begin with")
    train.add_argument(
        "--mix", type=number(float, 0, 1), default=0.5, help="BGM909: share without a video (default: .5)"
    )
    train.add_argument("--seed", type=SEED, default=0)
    train.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that draw windows: as many as a GPU's CPU has cores",
    )
    train.add_argument(
        "--own",
        type=number(int, 0, 10**9),
        default=0,
        metavar="N",
        help="train the weights of --start-from on N windows that they compose under the songs' plans, not on the "
        "songs: what `average --share -.5` then leads away from",
    )
    train.add_argument(
        "--takes",
        type=COUNT,
        default=1,
        help="with --own: takes of each window; two runs, on what a critic finds best and worst, are left in OUT",
    )
    train.add_argument(
        "--repeats", type=COUNT, default=1, help="steps that see the same windows, each with noise of its own"
    )
    train.add_argument("--compose-batch", type=COUNT, metavar="N", help="with --own: windows composed at once")
    train.set_defaults(run=run_train)
    average = commands.add_parser(
        "average", help="the mean of the weights of runs, the others begun from the first, or away from the others"
    )
    average.add_argument("weights", type=Path, nargs="+", metavar="FOLDER")
    average.add_argument(
        "--share",
        type=number(float, -2, 1),
        nargs="+",
        default=[0.5],
        help="of each of the others, of what parts it from the first (default: .5); below 0: away from it",
    )
    average.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    average.set_defaults(run=run_average)
    validate = commands.add_parser(
        "validate", help="cross-entropy of weights, or of runs that are going on, on held-out pieces of every corpus"
    )
    validate.add_argument(
        "weights", type=Path, nargs="+", metavar="FOLDER", help="weights or runs; the first is the base"
    )
    validate.add_argument("--data", type=Path, required=True, help="a folder of corpus archives, or one of them")
    validate.add_argument("--n", type=COUNT, default=64, help="windows per corpus (default: 64)")
    validate.add_argument("--seed", type=SEED, default=0)
    validate.add_argument(
        "--pieces", type=Path, metavar="FILE", help="where what is read is kept, or found (as in a run)"
    )
    validate.add_argument("--only", nargs="+", metavar="CORPUS", help="these corpora")
    validate.set_defaults(run=run_validate)


def run_train(args: argparse.Namespace) -> None:
    """Runs `diffbgm train`, with `--own` on the model's own windows; prints the folder of weights.

    Raises InputError for `--own` without `--start-from`.
    """
    from diffbgm.errors import InputError
    from diffbgm.research.training.own_music import OWN, train_on_own
    from diffbgm.research.training.train import TrainOptions, train

    base = OWN if args.own else TrainOptions()
    options = replace(
        base,
        steps=base.steps if args.steps is None else args.steps,
        minutes=args.minutes,
        batch=args.batch,
        learning_rate=base.learning_rate if args.learning_rate is None else args.learning_rate,
        seed=args.seed,
        workers=args.workers,
        repeats=args.repeats,
    )
    if args.own and args.start_from is None:
        raise InputError("--own needs --start-from: the weights that compose and are trained")
    with progress_bar() as show, told_in_lines(show) as tell:
        if args.own:
            folders = train_on_own(
                args.data, args.out, args.start_from, n=args.own, takes=args.takes, batch_size=args.compose_batch,
                options=options, on_progress=tell,
            )  # fmt: skip
        else:
            start = args.start_from
            folders = (train(args.data, args.out, options=options, start_from=start, mix=args.mix, on_progress=tell),)
    print(*folders, sep="\n")


@contextmanager
def told_in_lines(show: Tell) -> Iterator[Tell]:
    """Progress to `show` and, where stderr is no terminal but a log, a line there now and then; warnings as lines."""
    last = -math.inf

    def tell(fraction: float, message: str) -> None:
        nonlocal last
        show(fraction, message)
        if not sys.stderr.isatty() and (time.monotonic() - last >= LOG_SECONDS or message.startswith("going on")):
            last = time.monotonic()
            print(f"{100 * fraction:5.1f} % {message}", file=sys.stderr, flush=True)

    def line(message: Warning | str, *rest: object) -> None:
        print(f"diffbgm: {message}", file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        warnings.showwarning = line
        yield tell


def run_average(args: argparse.Namespace) -> None:
    """Runs `diffbgm average`; writes the averaged weights as bfloat16 and prints their folder.

    Raises WeightsError for one folder alone, and for shares that are not one for each of the others.
    """
    import torch

    from diffbgm.hub import load_weights, save_weights
    from diffbgm.research.training.average import average

    first, *others = map(load_weights, args.weights)
    print(save_weights(average(first, others, args.share), args.out, torch.bfloat16))


def run_validate(args: argparse.Namespace) -> None:
    """Runs `diffbgm validate`; prints the cross-entropy of each network on the held-out pieces.

    Raises InputError for `--n` below 1, without corpus archives, and without a held-out piece of the corpora in
    `--only`.
    """
    from diffbgm.errors import InputError
    from diffbgm.research.datasets.mix import kept_mix, read_mix
    from diffbgm.research.training.compare import as_text, compare, open_weights
    from diffbgm.research.training.train import archives_of

    if args.n < 1:
        raise InputError(f"--n must be at least 1, got {args.n}")
    models = {str(folder): open_weights(folder) for folder in args.weights}
    archives = archives_of(args.data)
    if not archives:
        raise InputError(f"{args.data}: no corpus archives there; give a folder of them or one of them")
    with progress_bar() as show:
        _, held = kept_mix(archives, args.pieces, show) if args.pieces else read_mix(archives, on_progress=show)
        chosen = [packed.open() for packed in held if not args.only or packed.piece.corpus in args.only]
        if not chosen:
            raise InputError(f"--only {' '.join(args.only)}: no held-out piece of these corpora")
        rows = compare(models, chosen, windows=args.n, seed=args.seed, on_progress=show)
    print(as_text(rows, args.seed))
