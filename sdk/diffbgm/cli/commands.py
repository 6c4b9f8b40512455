"""All commands, run one at a time: every way to fail becomes one line on stderr and an exit code."""

import argparse
import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from diffbgm import __version__
from diffbgm.cli import batch, common, look, push, retake, score
from diffbgm.cli.signals import Stop
from diffbgm.errors import Cancelled, DiffBGMError, InputError

GROUPS = (score, retake, look, batch, push)
RESEARCH = "diffbgm.research.cli"  # train, evaluate, dataset, ...: the other wing, which this one never imports by name
EXTRAS = {"sklearn": "research", "pyarrow": "research", "jinja2": "research", "transformers": "clip", "PIL": "clip"}
NO_MEMORY = ("can't allocate memory", "out of memory", "cannot allocate memory", "can't start new thread")


def run(arguments: Sequence[str] | None, stop: Stop) -> int:
    """Runs one command and returns its exit code."""
    common.stop = stop
    warnings.showwarning = show_warning
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a name with letters that the terminal lacks is printed with escapes
            reconfigure(errors="backslashreplace")
    try:
        parser = make_parser()
        args = parser.parse_args(arguments)
        args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt as e:
        return complain("stopped", getattr(e, "code", 130))
    except Exception as e:
        if stop.number is not None:  # a library made another error of it
            return complain("stopped", 128 + stop.number)
        found = explain(e)
        if found is None:
            raise
        if isinstance(e, OSError):
            forget_output()
        return complain(*found)
    return 0


def show_warning(message: "Warning | str", category: type[Warning], *_: object, **__: object) -> None:
    """One line on stderr for what a person should know; other warnings are for developers."""
    if issubclass(category, RuntimeWarning | FutureWarning):
        complain(message, 0)


def explain(e: Exception) -> "tuple[str, int] | None":
    """One line for an error, and the exit code; None for what only a traceback explains."""
    if isinstance(e, Cancelled):
        return str(e) or "stopped", 128 + e.number
    if isinstance(e, DiffBGMError):
        return str(e), 2 if isinstance(e, InputError) else 1
    if isinstance(e, BrokenPipeError):
        return "", 1
    if is_out_of_memory(e):
        return "there is not enough memory for this; close other programs, raise the limit, or take a shorter video", 2
    if isinstance(e, ModuleNotFoundError) and (extra := EXTRAS.get((e.name or "").split(".")[0])):
        return f"this command needs {e.name}: pip install 'diffbgm[{extra}]'", 2
    if isinstance(e, OSError):
        where = "standard output" if e.filename is None and e.errno == errno.ENOSPC else e.filename
        place = f"{os.fsdecode(where)}: " if isinstance(where, str | bytes) else ""
        return f"{place}{e.strerror or type(e).__name__}", 2
    return None


def is_out_of_memory(e: BaseException) -> bool:
    """Whether an error means that memory, or what the process may have of it, ran out."""
    if isinstance(e, MemoryError) or (isinstance(e, OSError) and e.errno == errno.ENOMEM):
        return True
    text = str(e).lower()
    if isinstance(e, ImportError):
        return "failed to map segment" in text or "cannot allocate memory" in text
    return isinstance(e, RuntimeError) and any(words in text for words in NO_MEMORY)


def complain(problem: object, code: int) -> int:
    """One line on stderr, where there is one, and the exit code."""
    text = " ".join(str(problem).split())
    if text and sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(f"diffbgm: {text}", file=sys.stderr, flush=True)
    return code


def forget_output() -> None:
    """Sends what is still to be printed nowhere, because Python prints it at its end, and complains once more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stdout is sys.__stdout__:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and which knows what a name with a dash in front looks like."""

    given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As its parent does; the top parser remembers what it was given."""
        if self.prog == "diffbgm":
            Parser.given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """As its parent does, which takes `--steps=--` for an option without a value and hands on an empty list."""
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "expected one argument")
        return super()._get_values(action, arg_strings)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]

    def error(self, message: str) -> NoReturn:
        """One line, and exit code 2."""
        hint = f"see {self.prog} --help"
        dashed = next((word for word in self.given if word.startswith("-") and os.path.lexists(word)), None)
        if dashed is not None:
            hint = f"a file whose name begins with a dash is written ./{dashed}"
        complain(f"{message}; {hint}", 2)
        raise SystemExit(2)


def make_parser() -> argparse.ArgumentParser:
    """All commands; each group of them adds its own, the research wing all of its own."""
    parser = Parser(prog="diffbgm", description="Background music for your video.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"diffbgm {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (*GROUPS, import_module(RESEARCH)):
        group.add_commands(commands)
    return parser
