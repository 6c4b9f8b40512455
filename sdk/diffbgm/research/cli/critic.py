"""`diffbgm train-critic`."""

import argparse
from pathlib import Path

from diffbgm.cli.common import Commands, number, progress_bar


def add_commands(commands: Commands) -> None:
    """Adds `diffbgm train-critic`."""
    train = commands.add_parser(
        "train-critic", help="fit what ranks takes: songs' windows against windows composed under their plans"
    )
    train.add_argument("--data", type=Path, required=True, help="POP909, as an archive or a folder")
    train.add_argument("--weights", metavar="FOLDER|HUB_ID", help="whose takes; by default the bundled ones")
    train.add_argument("--out", type=Path, default=Path("critic.json"))
    train.add_argument("--n", type=number(int, 40, 100_000), default=960, help="windows of each kind to fit on")
    train.add_argument("--validation", type=number(int, 20, 10_000), default=96, help="windows to measure on")
    train.add_argument("--takes", type=number(int, 2, 16), default=8)
    train.add_argument("--batch-size", type=number(int, 1, 4096), help="windows composed at once")
    train.add_argument("--steps", type=number(int, 1, 1000), default=64)
    train.add_argument("--seed", type=number(int, 0, 2**31), default=0)
    train.set_defaults(run=run_train_critic)


def run_train_critic(args: argparse.Namespace) -> None:
    """Runs `diffbgm train-critic`; prints what was measured and the path of the critic."""
    import json

    from diffbgm import DiffBGM
    from diffbgm.options import ComposeOptions
    from diffbgm.research.training.critic import train_critic

    model = DiffBGM.from_pretrained(args.weights).model
    options = ComposeOptions(seed=args.seed, steps=args.steps, batch_size=args.batch_size)
    with progress_bar() as told:
        card = train_critic(
            model, args.data, args.out, n=args.n, n_validation=args.validation, takes=args.takes, options=options,
            on_progress=told,
        )  # fmt: skip
    print(json.dumps(card, indent=1))
    print(args.out)
