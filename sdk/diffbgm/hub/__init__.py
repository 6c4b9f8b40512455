"""Weights in and out: a folder, the Hub, or the ones that come with the package. Only safetensors and JSON are read.

load            the model and where it came from; what Hub or cache hold damaged is dropped and fetched once more
find            the folder with the weights, without reading them
load_weights, save_weights, origin_of, bundled_folder, file_sha256    a folder's weights
card_files, space_files, push    what goes to a Hub repository or a Space, and sending it
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm.errors import WeightsError
from diffbgm.files import file_sha256
from diffbgm.hub.download import drop, fetch
from diffbgm.hub.upload import Files, card_files, checkout, push, size_of, space_files
from diffbgm.hub.weights import (
    CONFIG,
    WEIGHTS,
    Origin,
    bundled_folder,
    load_weights,
    origin_of,
    save_weights,
)

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

__all__ = [
    "CONFIG",
    "WEIGHTS",
    "Files",
    "Origin",
    "bundled_folder",
    "card_files",
    "checkout",
    "file_sha256",
    "find",
    "load",
    "load_weights",
    "origin_of",
    "push",
    "save_weights",
    "size_of",
    "space_files",
]


def find(
    name_or_path: str | os.PathLike[str] | None,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> tuple[Path, str]:
    """The folder with the weights and what to call them: bundled (None), a folder, or a Hub repository.

    The Hub's cache is asked before the network, so that nothing waits for a network that is not there. Raises
    WeightsError where there is nothing under that name.
    """
    if name_or_path is None:
        return bundled_folder(), "bundled"
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder, folder.resolve().name
    name = str(name_or_path)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise WeightsError(f"{name}: neither a folder nor a Hub id (owner/name)")
    return fetch(name, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only), name


def load(
    name_or_path: str | os.PathLike[str] | None,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> "tuple[Denoiser, Origin]":
    """The model (float32, eval mode) and where it came from; arguments as for `find`.

    Weights of a Hub repository that cannot be read leave the cache, so that they are never used again; where they came
    from the cache they are fetched anew. Raises WeightsError when the Hub's own are no better.
    """

    def look() -> tuple[Path, str]:
        return find(
            name_or_path, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only
        )

    folder, name = look()
    try:
        return load_weights(folder, name), origin_of(folder, name)
    except WeightsError:
        if name_or_path is None or Path(name_or_path).is_dir():
            raise
        drop(folder)
        if local_files_only:
            raise
    folder, name = look()
    try:
        return load_weights(folder, name), origin_of(folder, name)
    except WeightsError as e:
        drop(folder)
        raise WeightsError(f"{name}: the repository itself holds weights that cannot be used: {e}") from e
