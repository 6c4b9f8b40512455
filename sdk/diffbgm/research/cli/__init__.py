"""The commands of the research wing: `diffbgm dataset`, `train`, `average`, `train-*`, `evaluate`."""

from diffbgm.cli.common import Commands
from diffbgm.research.cli import critic, dataset, director, evaluate, train


def add_commands(commands: Commands) -> None:
    """Adds them to the command line."""
    for group in (dataset, train, director, critic, evaluate):
        group.add_commands(commands)
