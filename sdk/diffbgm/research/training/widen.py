"""A trained network with room for video embeddings in its semantic stream."""

from dataclasses import replace

import torch

from diffbgm.composer.denoiser import Denoiser
from diffbgm.errors import WeightsError


def widen(model: Denoiser, clip_width: int) -> Denoiser:
    """The same network with `clip_width` columns of embeddings.

    Columns that it did not have begin at zero, so that it answers as before whatever stands there. WeightsError for
    fewer columns than it has.
    """
    have = model.config.clip_width
    if clip_width <= have:
        if have and clip_width != have:
            raise WeightsError(
                f"the weights read embeddings {have} wide, the data gives {clip_width}; use other weights"
            )
        return model
    wider = Denoiser(replace(model.config, clip_width=clip_width))
    state = dict(model.state_dict())
    narrow = state["semantic.0.weight"]
    state["semantic.0.weight"] = torch.cat([narrow, narrow.new_zeros(len(narrow), clip_width - have)], dim=1)
    wider.load_state_dict(state, strict=True)
    return wider
