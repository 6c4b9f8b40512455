"""Tables in TOML: those of the package and those of users."""

import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

from diffbgm.errors import InputError


def bundled(name: str) -> Mapping[str, Any]:
    """Return a table of the package's `data`."""
    return tomllib.loads((files("diffbgm.band") / "data" / name).read_text(encoding="utf-8"))


def from_file(path: str) -> Mapping[str, Any]:
    """Return the table in a user's file; InputError where it cannot be read."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: cannot be read as TOML ({reason}); see band/data/ensembles.toml for the format"
        ) from error
