"""The command line: `diffbgm score clip.mp4`.

Exit codes: 0; 2 for what the caller can mend; 1 for a fault of ours; 130 and 143 for what was stopped by Ctrl-C and
SIGTERM. Nothing is imported here before the signals are in hand, so that Ctrl-C is one line from the start.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

STOPPED = 128  # exit codes above it: this plus the signal


def console() -> int:
    """The program `diffbgm`: `main` for the arguments of the process, which ends with it."""
    import atexit
    import signal
    import sys

    shown = sys.unraisablehook  # a stop that falls into a callback is asked for later, see `signals.Stop`
    sys.unraisablehook = lambda lost: None if isinstance(lost.exc_value, KeyboardInterrupt) else shown(lost)
    codes = [1]
    atexit.register(_leave, codes)  # the first that is registered is the last to be called
    codes[0] = main()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the work is done: Ctrl-C in what is left ends it without a traceback
    return codes[0]


def _leave(codes: "Sequence[int]") -> None:
    """Ends the process where it stands if it was stopped, or while a thread still loads torch.

    Python would clear up under C++ that is at work, and the process would end with SIGABRT or SIGSEGV.
    """
    import os
    import sys
    import threading
    from contextlib import suppress

    if codes[0] > STOPPED or any(thread.daemon for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # there is none, nobody reads it, or it is closed
                stream.flush()
        os._exit(codes[0])


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Runs one command (None: that of the process) and returns its exit code."""
    try:
        from diffbgm.cli import signals

        with signals.stoppable() as stop:
            from diffbgm import threads
            from diffbgm.cli.commands import run

            threads.behave()
            return run(arguments, stop)
    except KeyboardInterrupt as e:  # while all that is still on its way
        import sys

        print("diffbgm: stopped", file=sys.stderr)
        return getattr(e, "code", 130)


def make_parser() -> "argparse.ArgumentParser":
    """The parser of all commands."""
    from diffbgm.cli import commands

    return commands.make_parser()
