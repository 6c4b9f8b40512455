"""The command line: `diffbgm score clip.mp4`. Exit codes: 0; 2 for what the caller can mend; 1 for a fault of ours."""

import argparse
import sys
from collections.abc import Sequence

from diffbgm import __version__
from diffbgm.cli import batch, dataset, director, evaluate, look, push, score, train
from diffbgm.errors import DiffBGMError, InputError

GROUPS = (score, look, batch, dataset, train, director, evaluate, push)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except InputError as e:
        return complain(e, 2)
    except DiffBGMError as e:
        return complain(e, 1)
    except KeyboardInterrupt:
        return complain("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


def complain(problem: object, code: int) -> int:
    """One line on stderr."""
    print(f"diffbgm: {' '.join(str(problem).split())}", file=sys.stderr)
    return code


def make_parser() -> argparse.ArgumentParser:
    """All commands; each group of them adds its own."""
    parser = argparse.ArgumentParser(prog="diffbgm", description="Background music for your video.")
    parser.add_argument("--version", action="version", version=f"diffbgm {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add_commands(commands)
    return parser
