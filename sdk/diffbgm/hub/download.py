"""Weights from the Hub: the local cache is asked first, what comes down is checked, and what is damaged does not stay.

The Hub names a file after its content: the sha256 of a large file, git's sha1 of a small one. The cache keeps that
name, so every file can be checked each time it is used, without a network.
"""

import hashlib
import os
import re
from pathlib import Path

from diffbgm.errors import WeightsError
from diffbgm.files import file_sha256
from diffbgm.hub.weights import CONFIG, WEIGHTS

PATIENCE = 10.0  # seconds to wait for the Hub's first answer


def fetch(
    name: str,
    *,
    revision: str | None,
    cache_dir: str | os.PathLike[str] | None,
    token: str | None,
    local_files_only: bool,
) -> Path:
    """The cache's folder with config.json and model.safetensors of one commit of the repository `name`.

    Raises WeightsError: no such repository, revision or file, no access, no network, or a damaged download.
    """
    from huggingface_hub import (
        get_hf_file_metadata,  # pyright: ignore[reportUnknownVariableType]
        hf_hub_download,  # pyright: ignore[reportUnknownVariableType]
        hf_hub_url,
    )
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    cache = None if cache_dir is None else Path(cache_dir)

    def both(local: bool) -> Path:
        def get(file: str, at: str | None) -> Path:
            return Path(hf_hub_download(name, file, revision=at, cache_dir=cache, token=token, local_files_only=local))

        config = get(CONFIG, revision)
        get(WEIGHTS, config.parent.name)  # of the same commit, whatever is pushed in between
        return config.parent

    try:
        try:
            folder = both(local=True)
            if not (faults := damages(folder)):
                return folder
            drop(folder)
            if local_files_only:
                raise WeightsError(f"{name}: damaged in the local cache ({faults[0]}); download it again")
        except EntryNotFoundError:
            if local_files_only:
                raise
        # One question without retries: a missing network is found out at once, not after half a minute.
        get_hf_file_metadata(hf_hub_url(name, CONFIG, revision=revision), token=token, timeout=PATIENCE)
        folder = both(local=False)
    except (EntryNotFoundError, HFValidationError, *network_errors()) as e:
        raise WeightsError(f"{name}: {explain(e, revision, local_files_only)}") from e
    if faults := damages(folder):
        drop(folder)
        raise WeightsError(f"{name}: the download was damaged on its way ({faults[0]}); try again")
    return folder


def network_errors() -> tuple[type[Exception], ...]:
    """What a request to the Hub can fail with; the client's HTTP library, and so its errors, differ by version."""
    from huggingface_hub.errors import HfHubHTTPError

    kinds = [kind for kind in HfHubHTTPError.__mro__ if issubclass(kind, Exception) and kind is not Exception]
    return (OSError, *kinds)


def explain(error: BaseException, revision: str | None, local_files_only: bool) -> str:
    """What went wrong and what to do, in one line."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):
        return "access has to be asked for on the repository's page; then log in with `hf auth login` or pass token="
    if isinstance(error, RepositoryNotFoundError) or status in (401, 403):
        return "no such repository, or it is private; check the name, log in with `hf auth login` or pass token="
    if isinstance(error, RevisionNotFoundError):
        return f"has no revision {revision!r}; pass a branch, a tag or a commit that it has"
    if isinstance(error, HFValidationError):
        return f"not a Hub id ({reason}); it reads owner/name"
    if isinstance(error, (LocalEntryNotFoundError, OfflineModeIsEnabled)) or local_files_only:
        return "not in the local cache, and the network may not be asked; download it once, or pass a folder"
    if isinstance(error, EntryNotFoundError):
        return f"holds no {CONFIG} and {WEIGHTS}; not a repository of diffbgm weights"
    if "Consistency check failed" in reason:
        return "the download was cut short; try again"
    if status is not None:
        return f"the Hub answered {status} ({reason}); try again later"
    return f"not in the local cache, and the Hub cannot be reached ({reason}); try again, or pass a folder"


def damages(folder: Path) -> list[str]:
    """What is wrong with the cached files of a commit, by the digests they are named after; [] when all is well."""
    return [fault for file in (CONFIG, WEIGHTS) if (fault := damage(folder / file))]


def damage(pointer: Path) -> str:
    """How a cached file differs from what the Hub announced; "" when it does not, or cannot be told."""
    if not pointer.is_symlink():
        return ""  # a file system without links: the cache keeps no digest there
    announced = Path(os.readlink(pointer)).name
    if re.fullmatch("[0-9a-f]{64}", announced):
        found = file_sha256(pointer)
    elif re.fullmatch("[0-9a-f]{40}", announced):
        content = pointer.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    else:
        return ""
    return "" if found == announced else f"{pointer.name} has digest {found[:12]}, announced was {announced[:12]}"


def drop(folder: Path) -> None:
    """Takes both files of a commit out of the cache; WeightsError where the cache cannot be written."""
    for file in (CONFIG, WEIGHTS):
        pointer = folder / file
        try:
            stored = pointer.resolve()
            pointer.unlink(missing_ok=True)
            stored.unlink(missing_ok=True)
        except OSError as e:
            raise WeightsError(f"{pointer}: damaged, and cannot be removed ({e.strerror}); remove it by hand") from e
