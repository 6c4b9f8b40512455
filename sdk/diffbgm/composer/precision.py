"""In which precision the network computes: float32, or bfloat16 by autocast where the hardware is fast at it."""

import copy

import torch
from torch import nn

from diffbgm import threads
from diffbgm.composer.denoiser import Denoiser
from diffbgm.composer.device import has_fast_bf16


def compute_dtype(model: nn.Module, dtype: torch.dtype | None = None) -> torch.dtype:
    """`dtype`; where that is None, bfloat16 if the model's device is fast at it, else float32."""
    device = next(model.parameters()).device.type
    return dtype or (torch.bfloat16 if has_fast_bf16(device) else torch.float32)


def precision(model: nn.Module, dtype: torch.dtype | None = None) -> torch.autocast:
    """The autocast context in which to call the model; `dtype` as for `compute_dtype`."""
    chosen = compute_dtype(model, dtype)
    return torch.autocast(next(model.parameters()).device.type, chosen, enabled=chosen != torch.float32)


def with_cast_weights(model: Denoiser, dtype: torch.dtype | None = None) -> Denoiser:
    """The model with the weights of its matrices and convolutions rounded once, as autocast rounds them at every call.

    The results are the same bit for bit; a window takes up to a fifth less time, because weights that need no gradient
    are not kept by autocast's cache.

    Args:
        model: Is not changed; the new one shares all its other parameters.
        dtype: As for `compute_dtype`.

    Returns:
        `model` itself for float32. Otherwise a copy for inference, to be called within `precision(model, dtype)`.

    Raises:
        ForkedProcessError: see `threads.refuse_after_fork`.
    """
    threads.refuse_after_fork()
    chosen = compute_dtype(model, dtype)
    if chosen == torch.float32:
        return model
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    cast = copy.deepcopy(model, shared)
    for module in cast.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(parameter.detach().to(chosen), requires_grad=False))
    return cast
