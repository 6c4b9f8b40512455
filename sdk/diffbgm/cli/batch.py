"""`diffbgm batch`: every video of a manifest."""

import argparse
import sys
from pathlib import Path

from diffbgm.cli.common import number, progress_bar
from diffbgm.options import SETTINGS


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `batch` to the command line."""
    batch = commands.add_parser(
        "batch",
        help="score the videos of a manifest, on one process or many; continues where it was stopped",
        description=(
            f"MANIFEST is .csv or .jsonl with the columns video, {', '.join(SETTINGS)} and name; only video has to be "
            "there. Writes NAME.mp4, .mid, .receipt.json and .result.json per "
            "row, and results.csv over all. For many processes: torchrun --nproc_per_node 4 -m diffbgm.cli batch "
            "MANIFEST -o DIR (or accelerate launch). Exit code 1 if a row failed: results.csv says why, and the next "
            "run tries it again."
        ),
    )
    batch.add_argument("manifest", type=Path)
    batch.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    batch.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    batch.add_argument("--device", help="cpu, cuda, ...; by default the best there is")
    batch.add_argument(
        "--workers",
        type=number(int, 1, 256),
        metavar="N",
        help="processes beside each that analyze videos and render music (default: as many as it has cores, at most 8)",
    )
    batch.add_argument(
        "--overwrite", action="store_true", help="replace files of these names that no earlier run of this batch wrote"
    )
    batch.set_defaults(run=run_batch)


def run_batch(args: argparse.Namespace) -> None:
    """Scores the rows of the manifest."""
    from accelerate import PartialState

    from diffbgm.batch import score_batch
    from diffbgm.errors import DiffBGMError

    with progress_bar() as tell:
        outcomes = score_batch(
            args.manifest,
            args.out,
            weights=args.weights,
            device=args.device,
            workers=args.workers,
            overwrite=args.overwrite,
            on_progress=tell,
        )
    failed = [outcome for outcome in outcomes if outcome.error]
    if PartialState().is_main_process:
        results = args.out / f"results{args.manifest.suffix.lower()}"
        print(f"{len(outcomes) - len(failed)} of {len(outcomes)} done; {results}")
        if failed:
            first = f"{failed[0].row.name}: {failed[0].error}"
            raise DiffBGMError(f"{len(failed)} of {len(outcomes)} rows failed, see {results}; the first: {first}")
    elif failed:
        sys.exit(1)
