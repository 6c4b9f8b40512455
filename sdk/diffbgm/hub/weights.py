"""A folder of weights: config.json (the network's constructor arguments) and model.safetensors."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm import __version__
from diffbgm.errors import OutputError, WeightsError
from diffbgm.files import bundled_file, file_sha256, make_folder, replacing, write_json

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
    """The folder of the weights that come with the package; WeightsError for an installation without."""
    config = bundled_file(CONFIG)
    if config is None:
        raise WeightsError("this installation carries no weights; pass a folder or a Hub id to from_pretrained")
    return config.parent


def origin_of(folder: Path, name: str) -> Origin:
    """Which weights these are: for the receipt."""
    return Origin(name, __version__, file_sha256(folder / WEIGHTS))


def save_weights(model: "Denoiser", folder: Path | str, dtype: "torch.dtype | None" = None) -> Path:
    """Writes config.json and model.safetensors (cast to `dtype` if given); each is renamed into place when whole.

    Raises OutputError where that cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    folder = Path(folder)
    tensors = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
    try:
        with replacing(make_folder(folder) / WEIGHTS, SafetensorError) as weights:
            mode = weights.stat().st_mode
            save_file(tensors, weights)
            weights.chmod(mode)  # safetensors writes files that only their owner may read
        write_json(folder / CONFIG, model.config.to_dict(), indent=2)
    except OutputError as e:
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
