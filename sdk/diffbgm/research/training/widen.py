"""A trained network with room for more conditions: video embeddings, names, metre, harmony."""

from dataclasses import replace

import torch

from diffbgm.composer.config import Config
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


def grown(model: Denoiser, config: Config) -> Denoiser:
    """The same network in the shape of `config`, with the parts that it lacked begun at zero.

    Recall, names, metre and harmony may be added. WeightsError where anything else is missing.
    """
    have = model.config
    shape = replace(
        have,
        recall=have.recall or config.recall,
        genres=have.genres or config.genres,
        corpora=have.corpora or config.corpora,
        metres=have.metres or config.metres,
        harmony=have.harmony or config.harmony,
    )
    wider = Denoiser(shape)
    added = wider.load_state_dict(model.state_dict(), strict=False).missing_keys
    if alien := [name for name in added if not name.startswith(("recall.", "names.", "metre.", "harmony."))]:
        raise WeightsError(f"the weights to start from lack {', '.join(alien)}; they are of another shape")
    return wider
