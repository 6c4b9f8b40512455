"""`diffbgm train` and `diffbgm average`."""

import argparse
from dataclasses import replace
from pathlib import Path

from diffbgm.cli.common import progress_bar


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser(
        "train", help="train the model on POP909 (folder or zip) or BGM909 (folder); continues a run in OUT"
    )
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--out", type=Path, default=Path("runs/train"))
    train.add_argument("--steps", type=int, help="default: 10000, with --own 300")
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop after this long, if that is sooner")
    train.add_argument("--batch", type=int, default=16)
    train.add_argument("--start-from", type=Path, metavar="FOLDER", help="weights to begin with")
    train.add_argument("--mix", type=float, default=0.5, help="BGM909: share of windows without a video (default: .5)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--own",
        type=int,
        default=0,
        metavar="N",
        help="train the weights of --start-from on N windows that they compose under the songs' plans, not on the "
        "songs: what `average --share -.5` then leads away from",
    )
    train.set_defaults(run=run_train)
    average = commands.add_parser(
        "average", help="the mean of the weights of two runs, the second begun from the first, or away from the second"
    )
    average.add_argument("weights", type=Path, nargs=2, metavar="FOLDER")
    average.add_argument(
        "--share", type=float, default=0.5, help="of the second, -2 to 1 (default: .5); below 0: away from it"
    )
    average.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    average.set_defaults(run=run_average)


def run_train(args: argparse.Namespace) -> None:
    from diffbgm.errors import InputError
    from diffbgm.research.training.own_music import OWN, train_on_own
    from diffbgm.research.training.train import TrainOptions, train

    base = OWN if args.own else TrainOptions()
    options = replace(base, steps=args.steps or base.steps, minutes=args.minutes, batch=args.batch, seed=args.seed)
    if args.own and args.start_from is None:
        raise InputError("--own needs --start-from: the weights that compose and are trained")
    with progress_bar() as tell:
        if args.own:
            folder = train_on_own(args.data, args.out, args.start_from, n=args.own, options=options, on_progress=tell)
        else:
            start = args.start_from
            folder = train(args.data, args.out, options=options, start_from=start, mix=args.mix, on_progress=tell)
    print(folder)


def run_average(args: argparse.Namespace) -> None:
    import torch

    from diffbgm.hub import load_weights, save_weights
    from diffbgm.research.training.average import average

    first, second = map(load_weights, args.weights)
    print(save_weights(average(first, second, args.share), args.out, torch.bfloat16))
