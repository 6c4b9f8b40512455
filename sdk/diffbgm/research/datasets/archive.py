"""Zip files that other people packed, opened so that every kind of damage is one error that names the file."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffbgm.errors import DataError

# What zipfile raises over damaged tables, checksums, packed bytes, and methods or passwords that it does not know.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file to read from; what is read inside the `with` may raise as well.

    Raises:
        DataError: It is damaged, or packed in a way that Python does not know.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except DataError:
        raise
    except DAMAGE as e:
        raise DataError(f"{path}: is a damaged zip file ({e}); download it again") from e
