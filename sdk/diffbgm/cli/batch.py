"""`diffbgm batch`: every video of a manifest."""

import argparse
from pathlib import Path

from diffbgm.cli.common import number, progress_bar
from diffbgm.options import SETTINGS


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `batch` to the command line."""
    batch = commands.add_parser(
        "batch",
        help="score the videos of a manifest, on one machine or many; continues where it was stopped",
        description=(
            f"MANIFEST is .csv or .jsonl with the columns video, {', '.join(SETTINGS)} and name; only video has to be "
            "there. Writes NAME.mp4, .mid, .receipt.json and .result.json per row, and results.csv over all, which is "
            "kept up to date meanwhile. Videos and DIR may be addresses (s3://, gs://, hf://, https:// to read). Many "
            'machines: --ray (pip install "diffbgm[ray]"), or --shard on each. Exit code 1 if a row failed: '
            "results.csv says why, and the next run tries it again."
        ),
    )
    batch.add_argument("manifest", type=Path)
    batch.add_argument("-o", "--out", required=True, metavar="DIR", help="a folder or an address for the files")
    batch.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    batch.add_argument("--device", help="cpu, cuda, ...; by default the best there is")
    batch.add_argument(
        "--workers",
        type=number(int, 1, 256),
        metavar="N",
        help="processes beside this one that analyze videos and render music (default: one a core, at most 8)",
    )
    batch.add_argument(
        "--ray",
        metavar="auto|local|ray://HOST:10001",
        help="let Ray run the rows: auto (the cluster this machine is part of, else local), local (this machine), or "
        "the cluster at an address, whose machines see the videos and DIR under the same paths or addresses",
    )
    batch.add_argument(
        "--shard", type=read_shard, metavar="I/N", help="only the I-th of N parts of the rows; parts may run at once"
    )
    batch.add_argument("--limit", type=number(int, 1, 10**9), metavar="N", help="score N rows at most")
    batch.add_argument("--retry-failed", action="store_true", help="score only the rows that failed before")
    batch.add_argument(
        "--overwrite", action="store_true", help="replace files of these names that no earlier run of this batch wrote"
    )
    batch.set_defaults(run=run_batch)


def read_shard(text: str) -> tuple[int, int]:
    """`2/4` as the second of four parts."""
    try:
        part, parts = (int(word) for word in text.split("/"))
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"must be like 1/4, got {text!r}") from e
    if not 1 <= part <= parts:
        raise argparse.ArgumentTypeError(f"must be from 1/{parts} to {parts}/{parts}, got {text!r}")
    return part, parts


def run_batch(args: argparse.Namespace) -> None:
    """Scores the rows of the manifest."""
    from diffbgm.batch import score_batch
    from diffbgm.batch.outcomes import WAITING, table_of
    from diffbgm.batch.storage import place
    from diffbgm.errors import DiffBGMError

    names = ("weights", "device", "workers", "ray", "shard", "limit", "retry_failed", "overwrite")
    chosen = {name: getattr(args, name) for name in names}
    with progress_bar() as tell:
        outcomes = score_batch(args.manifest, args.out, on_progress=tell, **chosen)
    results = table_of(place(args.out), args.manifest, args.shard)
    done = sum(not outcome.error for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.error not in ("", WAITING)]
    print(f"{done} of {len(outcomes)} done; {results}")
    if failed:
        first = f"{failed[0].row.name}: {failed[0].error}"
        raise DiffBGMError(f"{len(failed)} of {len(outcomes)} rows failed, see {results}; the first: {first}")
