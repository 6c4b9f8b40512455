"""Weights in and out: a folder, the Hub, or the ones that come with the package. Only safetensors and JSON are read."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import diffbgm
from diffbgm.errors import WeightsError

if TYPE_CHECKING:
    import torch

    from diffbgm.model import Denoiser

WEIGHTS, CONFIG = "model.safetensors", "config.json"


@dataclass(frozen=True)
class Origin:
    """Where weights came from: `id` (bundled, a folder's name, a Hub id), package `version`, the file's sha256."""

    id: str
    version: str
    sha256: str


def bundled_folder() -> Path:
    """The weights that come with the package: inside the wheel, or beside `sdk/` in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "weights_card", here.parents[1] / "weights_card"):
        if (folder / CONFIG).is_file():
            return folder
    raise WeightsError("this installation carries no weights; pass a folder or a Hub id to from_pretrained")


def find(
    name_or_path: str | os.PathLike[str] | None,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> tuple[Path, str]:
    """The folder with the weights and what to call them: bundled (None), a folder, or a Hub repository.

    The Hub's cache is asked before the network, so that nothing waits for a network that is not there.
    """
    if name_or_path is None:
        return bundled_folder(), "bundled"
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder, folder.name
    name = str(name_or_path)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise WeightsError(f"{name}: neither a folder nor a Hub id (owner/name)")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    cache = None if cache_dir is None else Path(cache_dir)

    def fetch(local: bool) -> Path:
        paths = [
            hf_hub_download(name, file, revision=revision, cache_dir=cache, token=token, local_files_only=local)
            for file in (CONFIG, WEIGHTS)
        ]
        return Path(paths[0]).parent

    try:
        try:
            return fetch(local=True), name
        except EntryNotFoundError:
            if local_files_only:
                raise
            return fetch(local=False), name
    except (OSError, EntryNotFoundError, HfHubHTTPError, HFValidationError) as e:
        reason = str(e).strip().splitlines()[0]
        raise WeightsError(f"{name}: cannot get {CONFIG} and {WEIGHTS} from the Hub ({reason})") from e


def origin_of(folder: Path, name: str) -> Origin:
    """Which weights these are: for the receipt."""
    return Origin(name, diffbgm.__version__, file_sha256(folder / WEIGHTS))


def save_weights(model: "Denoiser", folder: Path | str, dtype: "torch.dtype | None" = None) -> Path:
    """Writes config.json and model.safetensors (cast to `dtype` if given); each is renamed into place when whole."""
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
    part = folder / (WEIGHTS + ".part")
    save_file(tensors, part)
    os.replace(part, folder / WEIGHTS)
    part = folder / (CONFIG + ".part")
    part.write_text(json.dumps(model.config.to_dict(), indent=2) + "\n")
    os.replace(part, folder / CONFIG)
    return folder


def load_weights(folder: Path | str) -> "Denoiser":
    """The model in a folder, float32, in eval mode; every tensor must be there and none more (WeightsError)."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from diffbgm.model import Config, Denoiser

    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder}: no {name} there; a weights folder holds {CONFIG} and {WEIGHTS}")
    try:
        config = Config.from_dict(json.loads((folder / CONFIG).read_text()))
        tensors = load_file(folder / WEIGHTS)
    except (json.JSONDecodeError, SafetensorError, UnicodeDecodeError) as e:
        raise WeightsError(f"{folder}: damaged weights ({e}); download them again") from e
    with torch.device("meta"):
        model = Denoiser(config)
    try:
        model.load_state_dict({k: t.float() for k, t in tensors.items()}, strict=True, assign=True)
    except RuntimeError as e:
        raise WeightsError(f"{folder}: {WEIGHTS} does not match {CONFIG}: {e}") from e
    return model.eval().requires_grad_(False)


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
