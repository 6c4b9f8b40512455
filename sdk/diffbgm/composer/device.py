"""Which device to compute on, and whether it is fast at bfloat16."""

from typing import TYPE_CHECKING

import torch

from diffbgm.errors import OptionError

if TYPE_CHECKING:
    from accelerate import Accelerator


def has_fast_bf16(device: str | None = None) -> bool:
    """Whether bfloat16 matrix products are faster than float32 on a kind of device (None: the best there is).

    They are on GPUs since Ampere and on CPUs with AVX512-BF16 or AMX. Other CPUs emulate them, a hundred times slower.
    """
    if device != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def make_accelerator(device: str | None = None) -> "Accelerator":
    """The device of accelerate's choice ("cpu" forces the CPU), with bf16 autocast where the hardware has it."""
    from accelerate import Accelerator  # 0.3 s beside torch, which choosing a device by name does without

    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if has_fast_bf16(device) else "no")


def find_device(device: torch.device | str | None) -> torch.device:
    """The device of that name, or accelerate's choice.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", ...; None lets accelerate choose.

    Returns:
        A device that a tensor can be put on.

    Raises:
        OptionError: there is no such kind of device, or none in this machine.
    """
    if device is None:
        if hasattr(torch, "accelerator") and not torch.accelerator.is_available():  # before 2.6 accelerate looks
            return torch.device("cpu")
        return make_accelerator().device
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as e:  # torch raises all of these
        there = "cpu, cuda" if torch.cuda.is_available() else "mps, cpu" if torch.backends.mps.is_available() else "cpu"
        raise OptionError(f"device {str(device)!r} cannot be used here; this machine has: {there}") from e
    return found
