"""Values that refuse fields of a wrong kind by name: the type hints of a dataclass, checked when one is made.

    @dataclass(frozen=True)
    @typed(PlanError)
    class Note: ...

`Note(start="x", ...)` raises "Note.start must be a finite number, got 'x'". Ranges are each class's own affair.
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Literal, TypeGuard, TypeVar, Union, get_args, get_origin, get_type_hints

from diffbgm.errors import InputError
from diffbgm.setting import WORDS, real, show, whole

C = TypeVar("C", bound=type)
Fits = Callable[[Any], bool]
INF = float("inf")
KINDS: Mapping[Any, str] = {
    **WORDS, int: "a whole number", float: "a finite number", bool: "true or false", tuple: "a list"
}  # fmt: skip


def typed(error: type[InputError]) -> Callable[[C], C]:
    """Let a dataclass check its fields against their type hints, before its own `__post_init__`.

    Apply it below `@dataclass`. Numbers may be numpy's, must be finite, and are no booleans; lists pass for tuples;
    arrays are left to `types.frozen_array`.

    Args:
        error: What is raised where a field is of another kind.
    """

    def wrap(cls: C) -> C:
        then = cls.__dict__.get("__post_init__")

        def check(self: object) -> None:
            for name, fits, words in _checks(type(self)):
                value = getattr(self, name)
                if not fits(value):
                    raise error(f"{type(self).__name__}.{name} must be {words}, got {show(value)}")
            if then is not None:
                then(self)

        cls.__post_init__ = check  # pyright: ignore[reportAttributeAccessIssue]
        return cls

    return wrap


@cache
def _checks(kind: type) -> tuple[tuple[str, Fits, str], ...]:
    """(field, whether a value fits it, what it must be) for the fields of a dataclass whose type says something."""
    hints = get_type_hints(kind)
    found = ((f.name, _fits(hints[f.name]), _words(hints[f.name])) for f in fields(kind))
    return tuple((name, fits, words) for name, fits, words in found if fits is not None)


def _fits(hint: Any) -> Fits | None:
    """Whether a value is of a type; None where any is."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in (Any, object) or isinstance(hint, TypeVar) or getattr(hint, "__name__", "") == "ndarray":
        return None
    if hint is float:
        return lambda v: (type(v) is float and -INF < v < INF) or real(v) is not None
    if hint is int:
        return lambda v: type(v) is int or whole(v) is not None
    if hint is bool:
        return lambda v: type(v).__name__ in ("bool", "bool_")  # numpy's too, which is not to be loaded for this
    if origin is Literal:
        return lambda v: isinstance(v, str | int) and v in inner
    if origin in (Union, types.UnionType):
        each = [_fits(one) for one in inner]
        return None if None in each else lambda v: any(fits(v) for fits in each if fits is not None)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        item = _fits(inner[0])
        return lambda v: _is_listed(v) and (item is None or all(map(item, v)))
    if origin is tuple:
        items = [_fits(one) for one in inner]
        return lambda v: (
            _is_listed(v)
            and len(v) == len(items)
            and all(fits is None or fits(one) for fits, one in zip(items, v, strict=True))
        )
    plain = origin or hint
    if plain is Callable or origin is Callable:
        return callable
    if not isinstance(plain, type):
        return None
    if plain in (Sequence, Iterable):
        return lambda v: isinstance(v, plain) and not isinstance(v, str | bytes)
    return lambda v: isinstance(v, plain)


def _is_listed(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether a value passes for a tuple."""
    return isinstance(value, tuple | list)


def _words(hint: Any) -> str:
    """What a value of a type is called."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one) for one in inner)
    if hint is type(None):
        return "None"
    if origin is tuple:
        count = "" if inner[-1] is Ellipsis else f" of {len(inner)}"
        return f"a list{count}: {', '.join(dict.fromkeys(_words(one) for one in inner if one is not Ellipsis))}"
    plain = origin or hint
    return KINDS.get(plain, f"a {getattr(plain, '__name__', plain)}")
