"""Where and how precisely to compute, chosen by accelerate."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accelerate import Accelerator


def has_fast_bf16(device: str | None = None) -> bool:
    """Whether bfloat16 matrix products are faster than float32 on a kind of device (None: the best there is): on GPUs
    since Ampere, CPUs with AVX512-BF16 or AMX.

    On other CPUs bfloat16 is emulated, a hundred times slower.
    """
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def make_accelerator(device: str | None = None) -> "Accelerator":
    """accelerate's choice of device ("cpu" forces the CPU), with bf16 autocast where the hardware has it."""
    from accelerate import Accelerator

    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if has_fast_bf16(device) else "no")
