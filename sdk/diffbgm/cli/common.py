"""What the commands share: the progress bar, an option for every setting, and numbers with their ranges."""

import argparse
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeAlias

from diffbgm.cli.signals import Stop
from diffbgm.errors import OptionError
from diffbgm.options import SETTINGS, parse_option
from diffbgm.setting import MOST_SEED, Setting

Tell = Callable[[float, str], None]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage]
"""What `add_subparsers` gives; argparse has no public name for it."""
stop = Stop()  # the signals of the command that runs


def add_settings(parser: argparse.ArgumentParser, *names: str, unset: bool = False) -> None:
    """An option for each of these settings, or for all of them.

    Args:
        parser: The command's.
        names: The settings; none means all.
        unset: Leave None what nobody sets, so that it can be told from what was set to its default.
    """
    for name in names or SETTINGS:
        setting = SETTINGS[name]
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=reader(name),
            action=Join if setting.many else "store",
            default=None if unset else setting.default,
            metavar=setting.metavar or f"{{{','.join(setting.choices)}}}",
            help=f"{setting.help} (default: {setting.unset or setting.default})".replace("%", "%%"),
        )


class Join(argparse.Action):
    """An option that may be given several times: its values are one text, joined by "; "."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: Any, option: object = None) -> None:
        """Add one more value."""
        before = getattr(namespace, self.dest) if self.dest in vars(namespace) else None
        setattr(namespace, self.dest, f"{before}; {values}" if before else values)


def reader(name: str) -> Callable[[str], Any]:
    """Reads the text of a setting; argparse prints what is wrong with it."""

    def read(text: str) -> Any:
        try:
            return parse_option(name, text)
        except OptionError as e:
            raise argparse.ArgumentTypeError(str(e).removeprefix(f"{name} ")) from e

    return read


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], Any]:
    """Reads a number of a command that is no setting of scoring, within its range; NaN is in none."""
    setting = Setting(kind, "look", "", low=low, high=high)

    def read(text: str) -> Any:
        try:
            return setting.parse("it", text)
        except OptionError as e:
            raise argparse.ArgumentTypeError(str(e).removeprefix("it ")) from e

    return read


COUNT = number(int, 1, 10**9)
SEED = number(int, 0, MOST_SEED)


def given(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that somebody set."""
    return {name: value for name in SETTINGS if (value := getattr(args, name, None)) is not None}


@contextmanager
def progress_bar() -> Generator[Tell]:
    """A bar on stderr where that is a terminal, nothing otherwise; a signal that got lost ends the work here."""
    from tqdm import tqdm

    shown = sys.stderr is not None and sys.stderr.isatty()
    form = "{percentage:3.0f}%|{bar:24}| {elapsed}<{remaining} {desc}"
    with tqdm(total=1.0, bar_format=form, file=sys.stderr, disable=not shown, leave=False) as bar:

        def tell(fraction: float, message: str) -> None:
            stop.check()
            bar.set_description_str(message, refresh=False)
            bar.update(max(0.0, fraction - bar.n))

        yield tell
