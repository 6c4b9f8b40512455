"""Checkpoints of a training run: the last two, each whole or not there, with a checksum of what they hold."""

import json
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffbgm.composer import Config, Denoiser
from diffbgm.errors import WeightsError
from diffbgm.files import replacing, write_json

KEPT = 2
PATTERN = "checkpoint*.safetensors"


@dataclass
class State:
    """What a checkpoint holds; with the seed it fixes the rest of the run, as every step draws its own randomness."""

    model: Denoiser
    optimizer: torch.optim.AdamW
    average: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0
    history: tuple[dict[str, float], ...] = ()


def save_checkpoint(state: State, out: Path) -> Path:
    """Writes checkpoint-STEP.safetensors, then drops all but the newest KEPT.

    It holds weights, average, moments, step, time and history. Raises OutputError where that cannot be written (a full
    disk); those before are still there then.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    tensors = {f"model.{n}": t for n, t in state.model.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in state.average.items()}
    for name, parameter in state.model.named_parameters():
        for key, value in state.optimizer.state[parameter].items():
            tensors[f"optimizer.{key}.{name}"] = value
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    notes = {
        "step": state.step,
        "seconds": state.seconds,
        "history": state.history,
        "config": state.model.config.to_dict(),
        "crc32": checksum(tensors),
    }
    path = out / f"checkpoint-{state.step:08d}.safetensors"
    with replacing(path, SafetensorError) as temporary:
        save_file(tensors, temporary, {"notes": json.dumps(notes)})
    write_json(out / "checkpoint.json", {"step": state.step, "file": path.name, "config": notes["config"]})
    for old in checkpoints(out)[KEPT:]:
        old.unlink()
    return path


def checkpoints(out: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    return sorted(out.glob(PATTERN), reverse=True)


def load_checkpoint(state: State, out: Path) -> Path | None:
    """Puts a run back exactly where the newest checkpoint that is whole found it.

    Returns that file; None where there is no checkpoint. A damaged one is passed over with a warning. Raises
    WeightsError where all are damaged, or the run had another configuration.
    """
    found = checkpoints(out)
    for path in found:
        try:
            tensors, notes = _read(path)
        except Exception as e:  # whatever a damaged file makes of itself
            warnings.warn(f"{path}: this checkpoint is damaged ({e}) and is passed over", stacklevel=2)
            continue
        if notes.get("config") not in (None, state.model.config.to_dict()):
            raise WeightsError(f"{path}: this run has a network of another shape; train into another folder")
        _restore(state, tensors)
        state.step, state.seconds = notes["step"], notes["seconds"]
        state.history = tuple(notes["history"])
        return path
    if found:
        raise WeightsError(f"{out}: none of its {len(found)} checkpoints can be read; remove them to begin anew")
    return None


def averaged_model(out: Path) -> Denoiser | None:
    """The averaged weights of a run's newest whole checkpoint; None where there is none."""
    for path in checkpoints(out):
        try:
            tensors, notes = _read(path)
        except Exception as e:  # whatever a damaged file makes of itself
            warnings.warn(f"{path}: this checkpoint is damaged ({e}) and is passed over", stacklevel=2)
            continue
        model = Denoiser(Config.from_dict(notes["config"]))
        average = {n.removeprefix("average."): t for n, t in tensors.items() if n.startswith("average.")}
        model.load_state_dict(average)
        return model.eval().requires_grad_(False)
    return None


def checksum(tensors: dict[str, Tensor]) -> int:
    """CRC-32 of all bytes, in the order of the names."""
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, crc)
    return crc


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        notes = json.loads(file.metadata()["notes"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    if "crc32" in notes and notes["crc32"] != checksum(tensors):
        raise ValueError("its checksum does not fit")
    return tensors, notes


def _restore(state: State, tensors: dict[str, Tensor]) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

    state.model.load_state_dict(part("model."))
    device = next(state.model.parameters()).device
    state.average = {n: t.to(device) for n, t in part("average.").items()}
    for name, parameter in state.model.named_parameters():
        if f"optimizer.step.{name}" not in tensors:
            continue  # it has not been trained yet
        moments = {key: tensors[f"optimizer.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        like = {"memory_format": torch.channels_last} if parameter.ndim == 4 else {}
        state.optimizer.state[parameter] = {
            k: v if k == "step" else v.to(device).contiguous(**like) for k, v in moments.items()
        }
