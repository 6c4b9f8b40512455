"""`diffbgm train-director`."""

import argparse
from pathlib import Path

from diffbgm.cli.common import COUNT, SEED, Commands, progress_bar


def add_commands(commands: Commands) -> None:
    """Adds `diffbgm train-director`."""
    train = commands.add_parser(
        "train-director", help="fit what looks of a video suggest of its music, on MuVi-Sync; cross-validated"
    )
    train.add_argument("--data", type=Path, required=True, help="folder with MuVi-Sync's labels and CLIP features")
    train.add_argument("--out", type=Path, default=Path("director.safetensors"))
    train.add_argument("--repeats", type=COUNT, default=3, help="how often the videos are dealt into folds anew")
    train.add_argument("--seed", type=SEED, default=0)
    train.set_defaults(run=run_train_director)


def run_train_director(args: argparse.Namespace) -> None:
    """Runs `diffbgm train-director`; prints the cross-validation table and the path of the weights."""
    from diffbgm.research.evaluation.semantics import director_table
    from diffbgm.research.metrics.report import format_table
    from diffbgm.research.training.director import DirectorOptions, train_director

    options = DirectorOptions(seed=args.seed, repeats=args.repeats)
    with progress_bar() as progress:
        card = train_director(args.data, args.out, options=options, on_progress=progress)
    print(format_table(director_table(card)))
    print(args.out)
