"""Windows composed one by one under training windows' tokens: to be measured beside songs, or to be learnt from."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.composer.batching import guided, precision
from diffbgm.composer.sampling import lean, noise_levels, sample
from diffbgm.options import ComposeOptions
from diffbgm.research.datasets.windows import Window
from diffbgm.roll import notes_to_roll, roll_to_notes
from diffbgm.types import STEPS_PER_BEAT, PianoRoll

if TYPE_CHECKING:
    from torch import Tensor

    from diffbgm.composer import Denoiser

CHUNK = 8  # windows that share a generator, so that it decides the music as the seed does


def sample_windows(
    model: "Denoiser",
    windows: Sequence[Window],
    options: ComposeOptions,
    on_progress: Callable[[float, str], None],
) -> np.ndarray:
    """[n, 4, 128, 88] one window composed for the plan of each; every sustain belongs to an onset."""
    import torch

    from diffbgm.composer.condition import Condition

    device = next(model.parameters()).device
    wishes = [mode_wishes(w) for w in windows]
    condition = Condition.stack([w.tokens for w in windows]).to(device)
    out = []
    chunk = options.chunk or CHUNK
    for first in range(0, len(windows), chunk):
        part: Condition = condition[first : first + chunk]
        generator = torch.Generator().manual_seed((options.seed << 20) + first)
        shape = (len(part), *windows[0].cells.shape)

        def denoise(x, level, estimate, part=part, first=first):
            with precision(model, options.dtype):
                logits = guided(model, x, level, part, estimate, options.guidance)[0]
            asked = zip(logits, wishes[first : first + chunk], strict=True)
            return torch.stack([lean(one, wish, options.lean) for one, wish in asked])

        def noise(shape=shape, generator=generator):
            return torch.randn(shape, generator=generator).to(device)

        with torch.inference_mode():
            logits = sample(denoise, noise, noise_levels(options.steps), **options.manner())
        out += [clean((w > 0).cpu().numpy().astype(np.uint8)) for w in logits]
        on_progress(len(out) / len(windows), f"sampled {len(out)} of {len(windows)} windows")
    return np.stack(out)


def mode_wishes(window: Window) -> "list[tuple[Tensor, bool]]":
    """(steps, whether they are to be major) where a window's tokens ask for a mode: what `lean` wants to know."""
    import torch

    asked = mode_asked(window)
    return [
        (torch.from_numpy(np.flatnonzero(np.repeat(at, STEPS_PER_BEAT))), major)
        for at, major in ((asked > 0, True), (asked < 0, False))
        if at.any()
    ]


def mode_asked(window: Window) -> np.ndarray:
    """[L] how far each beat is asked to be in major: above 0, in minor: below, neither or unknown: 0."""
    from diffbgm.composer.condition import TEXTURE_SCALE

    column = 2 * list(TEXTURE_SCALE).index("mode")
    value, known = window.tokens.semantic[:, column], window.tokens.semantic[:, column + 1]
    return (value * known)[window.tokens.section]


def clean(cells: np.ndarray) -> np.ndarray:
    """Cells [4, T, 88] without sustains that no onset began."""
    return notes_to_roll(*roll_to_notes(PianoRoll(cells)), cells.shape[1] // 4).cells
