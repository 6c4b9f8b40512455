"""A folder of weights: config.json (the network's constructor arguments) and model.safetensors."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import diffbgm
from diffbgm.errors import OutputError, WeightsError

if TYPE_CHECKING:
    import torch

    from diffbgm.composer import Denoiser

WEIGHTS, CONFIG = "model.safetensors", "config.json"


@dataclass(frozen=True)
class Origin:
    """Where weights came from: `id` (bundled, a folder's name, a Hub id), package `version`, the file's sha256."""

    id: str
    version: str
    sha256: str


def bundled_folder() -> Path:
    """The weights that come with the package: inside the wheel, or beside `sdk/` in a checkout."""
    here = Path(diffbgm.__file__).resolve().parent
    for folder in (here / "weights_card", here.parents[1] / "weights_card"):
        if (folder / CONFIG).is_file():
            return folder
    raise WeightsError("this installation carries no weights; pass a folder or a Hub id to from_pretrained")


def origin_of(folder: Path, name: str) -> Origin:
    """Which weights these are: for the receipt."""
    return Origin(name, diffbgm.__version__, file_sha256(folder / WEIGHTS))


def save_weights(model: "Denoiser", folder: Path | str, dtype: "torch.dtype | None" = None) -> Path:
    """Writes config.json and model.safetensors (cast to `dtype` if given); each is renamed into place when whole.

    Raises OutputError where that cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    folder = Path(folder)
    tensors = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config, weights = folder / (CONFIG + ".part"), folder / (WEIGHTS + ".part")
        config.write_text(json.dumps(model.config.to_dict(), indent=2) + "\n")
        save_file(tensors, weights)
        shutil.copymode(config, weights)  # safetensors writes files that only their owner may read
        os.replace(weights, folder / WEIGHTS)
        os.replace(config, folder / CONFIG)
    except (OSError, SafetensorError) as e:
        raise OutputError(f"{folder}: cannot write weights there ({e}); choose another folder") from e
    return folder


def load_weights(folder: Path | str) -> "Denoiser":
    """The model in a folder, float32, in eval mode; every tensor must be there and none more (WeightsError)."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

    from diffbgm.composer import Config, Denoiser

    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder}: no {name} there; a weights folder holds {CONFIG} and {WEIGHTS}")
    try:
        config = Config.from_dict(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        tensors = load_file(folder / WEIGHTS)
    except (ValueError, TypeError, SafetensorError) as e:  # ValueError: JSON, UTF-8; TypeError: JSON of another shape
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
