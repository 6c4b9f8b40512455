"""The command line: `diffbgm score clip.mp4`. Exit codes: 0; 2 for what the caller can mend; 1 for a fault of ours."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from diffbgm import __version__, threads
from diffbgm.cli import batch, look, push, score
from diffbgm.errors import DiffBGMError, InputError

GROUPS = (score, look, batch, push)
RESEARCH = "diffbgm.research.cli"  # train, evaluate, dataset, ...: the other wing, which this one never imports by name
EXTRAS = {"sklearn": "research", "pyarrow": "research", "jinja2": "research", "transformers": "clip", "PIL": "clip"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    threads.behave()
    parser = make_parser()
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except InputError as e:
        return complain(e, 2)
    except DiffBGMError as e:
        return complain(e, 1)
    except ModuleNotFoundError as e:
        extra = EXTRAS.get((e.name or "").split(".")[0])
        if extra is None:
            raise
        return complain(f"this command needs {e.name}: pip install 'diffbgm[{extra}]'", 2)
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
    """All commands; each group of them adds its own, the research wing all of its own."""
    parser = argparse.ArgumentParser(prog="diffbgm", description="Background music for your video.")
    parser.add_argument("--version", action="version", version=f"diffbgm {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (*GROUPS, import_module(RESEARCH)):
        group.add_commands(commands)
    return parser
