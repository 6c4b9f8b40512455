"""What the commands share: the progress bar, and an option for every setting."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from diffbgm.options import SETTINGS, ScoreOptions

Tell = Callable[[float, str], None]


def add_settings(parser: argparse.ArgumentParser, *names: str) -> None:
    """An option for each of these settings, or for all of them."""
    unset = ScoreOptions()
    for name in names or SETTINGS:
        setting = SETTINGS[name]
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=setting.kind,
            default=getattr(unset, name),
            choices=setting.choices or None,
            metavar=setting.metavar,
            help=setting.help,
        )


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """A bar on stderr where that is a terminal, nothing otherwise."""
    from tqdm import tqdm

    form = "{percentage:3.0f}%|{bar:24}| {elapsed}<{remaining} {desc}"
    with tqdm(total=1.0, bar_format=form, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def tell(fraction: float, message: str) -> None:
            bar.set_description_str(message, refresh=False)
            bar.update(max(0.0, fraction - bar.n))

        yield tell
