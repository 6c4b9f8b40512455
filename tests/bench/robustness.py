"""The campaign of damaged inputs in full: outcomes by kind of input; exit code 1 where one is bad.

    python -m tests.bench.robustness [--n 10000] [--seed 0] [--only video] [--keep FOLDER]

Bad is an error that is not of the package's own tree or no sentence, a process that dies, more than 20 s or 3 GB.
"""

import argparse
import sys
from pathlib import Path

from tests.robustness.campaign import campaign


def main() -> None:
    """Prints the bad ones as they come, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="inputs whose kind or name holds this")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="save the inputs that are bad here")
    args = parser.parse_args()
    table = campaign(
        args.n, args.seed, only=args.only, keep=args.keep, on_bad=lambda *bad: print(*bad, sep=" | ", flush=True)
    )
    print(f"\n{table}\n\n{args.n} inputs, seed {args.seed}; the slowest took {table.slowest:.1f} s")
    sys.exit(bool(table.bad))


if __name__ == "__main__":
    main()
