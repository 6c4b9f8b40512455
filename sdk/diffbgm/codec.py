"""The values of `types` to and from JSON, exactly: what is read back equals what was written, bit by bit.

Every float keeps the shortest text that reads back as the same number (Python's `repr`), arrays become lists, and the
fields keep the names of the dataclass, so that people can edit the text.
"""

import codecs
import dataclasses
import json
import types
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from diffbgm.errors import PlanError

T = TypeVar("T")
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
LARGEST = 2.0**63  # numbers from there on are no lengths, beats or pixels of anything
# Fields as version 0.4 called them, by dataclass: read for one release more, with a warning that gives the new name.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "MusicPlan": {"segments": "sections"},
    "Section": {"mood": "texture"},
    "Texture": {"register": "accompaniment_register", "legato": "note_length", "harmony": "harmonic_rhythm"},
    "Curves": {"energy": "polyphony", "brightness": "register"},
}


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return a dataclass of `types` (or a tuple, list or dict of them) as JSON text."""
    return json.dumps(to_plain(value), indent=indent, allow_nan=False)


def to_plain(value: Any) -> Any:
    """Return the same as dicts, lists, numbers and strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, np.ndarray | np.generic):
        array: np.ndarray = np.asarray(cast("Any", value))
        # A float32 is written with the digits of a float32 (0.1, not 0.10000000149), which read back as the same one.
        return _shortest(array) if array.dtype == np.float32 else array.tolist()
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in cast("Sequence[Any]", value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise PlanError(f"a {type(value).__name__} cannot be written as JSON")


def _shortest(array: np.ndarray) -> Any:
    return array.astype("U32").astype(np.float64).tolist()


def from_json(kind: type[T], text: str | bytes) -> T:
    """Return the value of dataclass `kind` that `to_json` wrote.

    Args:
        kind: A dataclass of `types`.
        text: JSON, or its bytes in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark.

    Raises:
        PlanError: It is no JSON, or a field does not fit; the message names it in one line.

    """
    try:
        plain = json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text, parse_constant=_refuse)
    except UnicodeDecodeError as e:
        if e.encoding != "utf-8" and isinstance(text, bytes) and not text.startswith(BYTE_ORDER_MARKS):
            raise PlanError(f"{kind.__name__}: this is not JSON, but no text at all") from e
        raise PlanError(f"{kind.__name__}: byte {e.start} is no {e.encoding}; save the text as UTF-8") from e
    except RecursionError as e:
        raise PlanError(f"{kind.__name__}: this is not JSON: its brackets are nested too deeply") from e
    except ValueError as e:
        what = str(e).partition("; use sys.")[0]  # Python's hint, to programs
        raise PlanError(f"{kind.__name__}: this is not JSON: {what}") from e
    return from_plain(kind, plain)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def from_plain(kind: type[T], plain: Any) -> T:
    """Return the value of dataclass `kind` from dicts, lists, numbers and strings."""
    return _read(kind, plain, kind.__name__)


def _read(kind: Any, plain: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, plain, where)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(kind), plain, where)
    if origin is Literal:
        if plain not in get_args(kind):
            raise PlanError(f"{where} must be one of {', '.join(map(str, get_args(kind)))}; got {_show(plain)}")
        return plain
    if origin is tuple:
        return _read_tuple(get_args(kind), plain, where)
    if origin is Sequence:
        return _read_tuple((*get_args(kind), Ellipsis), plain, where)
    if kind is np.ndarray:
        return _read_array(plain, where)
    return _read_scalar(kind, plain, where)


def _read_dataclass(kind: Any, plain: Any, where: str) -> Any:
    if not isinstance(plain, Mapping):
        raise PlanError(f"{where} must be an object with the fields of {kind.__name__}; got {_show(plain)}")
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}
    given = _renamed(kind.__name__, cast("Mapping[str, Any]", plain))
    for name in given:
        if name not in fields:
            raise PlanError(f"{where} has no field {name!r}; its fields are {', '.join(fields)}")
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, f in fields.items():
        if name in given:
            values[name] = _read(hints[name], given[name], f"{where}.{name}")
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise PlanError(f"{where}.{name} is missing")
    try:
        return kind(**values)
    except PlanError as e:
        raise PlanError(str(e) if kind.__name__ in str(e) else f"{where}: {e}") from e


def _renamed(kind: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the same fields under the names of today."""
    old = {name: new for name, new in RENAMED.get(kind, {}).items() if name in given and new not in given}
    if not old:
        return given
    names = ", ".join(f"{name} is now {new}" for name, new in old.items())
    warnings.warn(f"{kind} as diffbgm 0.4 wrote it: {names}; diffbgm 0.6 will not read it", FutureWarning, stacklevel=2)
    return {old.get(name, name): value for name, value in given.items()}


def _read_union(kinds: Sequence[Any], plain: Any, where: str) -> Any:
    if plain is None and type(None) in kinds:
        return None
    return _read(_fitting([kind for kind in kinds if kind is not type(None)], plain), plain, where)


def _fitting(kinds: Sequence[Any], plain: Any) -> Any:
    """Which of the kinds of a union a plain value is of; the first where none fits better."""
    fitting: list[Any] = []
    if isinstance(plain, list | tuple):
        fitting = [kind for kind in kinds if get_origin(kind) in (tuple, Sequence)]
    elif isinstance(plain, Mapping):
        names = set(cast("Mapping[str, Any]", plain))
        fitting = [k for k in kinds if dataclasses.is_dataclass(k) and names <= {f.name for f in dataclasses.fields(k)}]
    return fitting[0] if fitting else kinds[0]


def _read_tuple(items: Sequence[Any], plain: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(plain, list | tuple):
        raise PlanError(f"{where} must be a list; got {_show(plain)}")
    entries = cast("Sequence[Any]", plain)
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_read(items[0], entry, f"{where}[{i}]") for i, entry in enumerate(entries))
    if len(entries) != len(items):
        raise PlanError(f"{where} must hold {len(items)} entries; got {len(entries)}")
    pairs = zip(items, entries, strict=True)
    return tuple(_read(kind, entry, f"{where}[{i}]") for i, (kind, entry) in enumerate(pairs))


def _read_array(plain: Any, where: str) -> np.ndarray:
    try:
        array = np.array(plain)
    except (ValueError, RecursionError) as e:
        raise PlanError(f"{where} must be a list of numbers whose rows are equally long") from e
    if isinstance(plain, list) and array.size == 0:
        return array.astype(np.float64)
    if not isinstance(plain, list) or array.dtype.kind not in "iuf":
        raise PlanError(f"{where} must be a list of numbers; got {_show(plain)}")
    return array


def _read_scalar(kind: Any, plain: Any, where: str) -> Any:
    number = isinstance(plain, int | float) and not isinstance(plain, bool) and abs(plain) < LARGEST
    if kind is float and number:
        return float(plain)
    if kind is int and number and plain == int(plain):
        return int(plain)
    if kind is bool and isinstance(plain, bool):
        return plain
    if kind is str and isinstance(plain, str) and not any("\ud800" <= letter <= "\udfff" for letter in plain):
        return plain
    wanted = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}.get(kind)
    if wanted is None:
        raise PlanError(f"{where}: values of type {kind} cannot be read from JSON")
    raise PlanError(f"{where} must be {wanted}; got {_show(plain)}")


def _show(plain: Any) -> str:
    try:
        text = json.dumps(plain)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list thousands deep
        text = type(plain).__name__
    return text if len(text) <= 60 else text[:57] + "..."
