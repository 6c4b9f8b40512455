"""What a setting is: a value with a name, a type, a range, a default and a line of help, checked in one way."""

import errno
import functools
import inspect
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, ParamSpec, TypeVar

from diffbgm.errors import OptionError

Stage = Literal["look", "plan", "compose", "choose", "sound"]
MOST_SEED = 2**63 - 1
PATH = (str, os.PathLike)
WORDS: dict[type, str] = {
    str: "text",
    os.PathLike: "a path",
    Sequence: "a list",
    Mapping: "a dictionary",
    Iterable: "a list",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Setting:
    """One option as it is declared: what values it takes, and what people are told about it.

    Args:
        kind: The type of its values; `str` where they are words.
        stage: The part of the work it is for.
        help: One line for people.
        default: Its value where nobody sets it; None where that depends on the video or is drawn.
        choices: The words it may be, if not any text.
        low: The smallest number it may be.
        high: The largest one.
        metavar: What stands for its value in the help of the command line.
        unset: In words, what happens by default where `default` is None or empty.
        many: Whether it may be given several times; its values are one text then, joined by "; ".
    """

    kind: type[str] | type[int] | type[float]
    stage: Stage
    help: str
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    metavar: str | None = None
    unset: str = ""
    many: bool = False

    def check(self, name: str, value: Any) -> Any:
        """The value as a plain Python one; None is the default.

        Raises:
            OptionError: The value is none that this option can have.
        """
        if value is None:
            return self.default
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise OptionError(f"{name} must be one of {', '.join(self.choices)}, got {show(value)}")
            return str(value)
        if self.kind is str:
            if not isinstance(value, str):
                raise OptionError(f"{name} must be text, got {show(value)}")
            return str(value)
        return self.number(name, value)

    def number(self, name: str, value: Any) -> int | float:
        """A number within the range, numpy's as well; whole where whole ones are asked for, `7.0` among them."""
        number = whole(value) if self.kind is int else real(value)
        low, high = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        if number is None or not low <= number <= high:
            raise OptionError(f"{name} must be {self.values}, got {show(value)}")
        return number

    def parse(self, name: str, text: str) -> Any:
        """The value that a text stands for, as people type it: `7`, `7.0`."""
        if self.kind is str:
            return self.check(name, text)
        number = _number(text)
        return self.check(name, text if number is None else number)

    @property
    def values(self) -> str:
        """The values it takes, in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind is str:
            return "text"
        return f"a {'whole ' if self.kind is int else ''}number from {_edge(self.low)} to {_edge(self.high)}"


def declare(kind: type[str] | type[int] | type[float], stage: Stage, help: str, **more: Any) -> dict[str, Setting]:
    """The metadata of a dataclass field that is a setting; its default is the field's."""
    return {"setting": Setting(kind, stage, help, **more)}


def markdown_table(settings: Mapping[str, Setting]) -> str:
    """The declarations as a Markdown table, for the README."""
    lines = ["| option | values | default | what it does |", "|---|---|---|---|"]
    for name, setting in settings.items():
        values = " ".join(f"`{word}`" for word in setting.choices) or setting.values.removeprefix("a ")
        default = setting.unset or f"`{setting.default}`"
        lines.append(f"| `{name}` | {values} | {default} | {setting.help} |")
    return "\n".join(lines) + "\n"


def whole(value: Any) -> int | None:
    """A whole number, of Python, numpy or torch; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        number = real(value)
        return int(number) if number is not None and number.is_integer() else None


def real(value: Any) -> float | None:
    """A finite number, of Python or numpy; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _number(text: str) -> int | float | None:
    """The number that a text stands for; None where it is none."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


def show(value: Any) -> str:
    """A value in an error, in a few words."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _edge(number: float | None) -> str:
    """The end of a range, in words."""
    if number is None or math.isinf(number):
        return "any"
    return "2^63 - 1" if number == MOST_SEED else f"{number:.15g}"


def checked(**kinds: type | tuple[type, ...]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a function that people call, so that an argument of another type than `kinds` has is refused by name.

    None passes where it is the default; see `need`.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        optional = {name for name in kinds if signature.parameters[name].default is None}

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs).arguments
            for name in kinds.keys() & given.keys():
                if given[name] is not None or name not in optional:
                    need(name, given[name], kinds[name])
            return function(*args, **kwargs)

        return call

    return wrap


def need(name: str, value: Any, kinds: type | tuple[type, ...]) -> None:
    """OptionError where a value is of none of these types; numpy's numbers are numbers.

    Of paths (`PATH`) those are refused too that no system can have: with a zero byte, or too long.
    """
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    number = whole(value) if kinds == (int,) else real(value) if kinds == (float,) else None
    if number is None and (not isinstance(value, kinds) or kinds in ((int,), (float,))):
        raise OptionError(
            f"{name} must be {' or '.join(WORDS.get(k, f'a {k.__name__}') for k in kinds)}, got {show(value)}"
        )
    if kinds == PATH:
        try:
            os.stat(value)
        except ValueError as e:
            raise OptionError(f"{name}: no file can have this name, {show(value)}") from e
        except OSError as e:
            if e.errno == errno.ENAMETOOLONG:
                raise OptionError(f"{name}: the name is too long, {show(value)}; give a shorter one") from e


def need_all(name: str, values: Iterable[Any], kind: type | tuple[type, ...]) -> None:
    """OptionError where one of several values is of another type."""
    for value in values:
        need(f"every one of {name}", value, kind)
