"""Errors a caller can act on. Each says what is wrong, with which value, and what to do next.

The tree: `DiffBGMError` over `InputError` (also a ValueError), `RenderError` and `Cancelled`; `InputError` over
`OptionError`, `VideoError`, `StyleError`, `PlanError`, `OutputError`, `DataError` and `WeightsError`.
"""

import signal


class DiffBGMError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(DiffBGMError, ValueError):
    """What was handed in cannot be used: the caller can mend it (command-line exit code 2)."""


class OptionError(InputError):
    """An option has no such name, or a value that it cannot have."""


class VideoError(InputError):
    """The video cannot be read, or has no picture."""


class StyleError(InputError):
    """A style tag is unknown, or two of them contradict each other."""


class PlanError(InputError):
    """A plan, or a value inside one, does not hold together."""


class OutputError(InputError):
    """The result cannot be written where it was asked for."""


class DataError(InputError):
    """A data set or a MIDI file is not in the layout it should be in."""


class WeightsError(InputError):
    """The model's weights are missing, damaged, or do not match its configuration."""


class NoNotesError(InputError):
    """The network composed no note at all: another seed or other weights may."""


class ForkedProcessError(DiffBGMError):
    """This process was forked from one that had used the model, whose threads it has lost."""


class RenderError(DiffBGMError):
    """No synthesizer or soundfont could turn the score into sound."""


class Cancelled(DiffBGMError):
    """The caller asked to stop, by Ctrl-C or by the signal `number`."""

    def __init__(self, message: str = "", number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.number = number
