"""What the commands share: the progress bar, style options, writing reports."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[float, str], None]


def add_style(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--style", default="", metavar="TAGS", help="for example calm,piano (see: diffbgm styles)")
    parser.add_argument("--prompt", default="", metavar="TEXT", help='free text, for example "a lonely rainy night"')


def add_semantics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--semantics",
        choices=("auto", "colour", "clip"),
        default="auto",
        help="what reads the pictures: colour and motion, CLIP as well, or CLIP where it is at hand (default)",
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
