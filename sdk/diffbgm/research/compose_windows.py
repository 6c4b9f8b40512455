"""Windows composed one by one under training windows' tokens: to be measured beside songs, or to be learnt from."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from diffbgm.composer import Denoiser
from diffbgm.composer.condition import CURVE_SCALE, TEXTURE_SCALE, Condition
from diffbgm.composer.curves import CurveTargets, guide_to_curves, targets_of
from diffbgm.composer.guidance import ModeTarget, condition_variants, guide, guide_all_to_modes
from diffbgm.composer.noise import noise_levels
from diffbgm.composer.precision import precision, with_cast_weights
from diffbgm.composer.sampling import sample
from diffbgm.options import ComposeOptions
from diffbgm.research.datasets.windows import Window
from diffbgm.types import STEPS_PER_BEAT

BATCH = 8  # windows that share a generator, so that it decides the music as the seed does


def sample_windows(
    model: Denoiser,
    windows: Sequence[Window],
    options: ComposeOptions,
    on_progress: Callable[[float, str], None],
) -> np.ndarray:
    """Composes one window for the tokens of each.

    Args:
        model: The denoiser.
        windows: Of one width of T steps; n of them.
        options: Section coupling does not apply. The noise is drawn on the model's device, so that a GPU does not wait
            for it: kinds of devices draw other noise for the same seed.
        on_progress: Called with (fraction 0..1, message) after each batch.

    Returns:
        Cells [n, 4, T, 88]; every sustain belongs to an onset.
    """
    network = with_cast_weights(model, options.dtype)
    device = next(model.parameters()).device
    targets = [mode_targets_of(w) for w in windows]
    condition = Condition.stack([w.tokens for w in windows], model.config).to(device)
    out: list[np.ndarray] = []
    size = options.batch_size or BATCH
    for first in range(0, len(windows), size):
        part: Condition = condition[first : first + size]
        generator = torch.Generator(device).manual_seed((options.seed << 20) + first)
        shape = (len(part), *windows[0].cells.shape)
        curves = curve_targets_of(part, shape[2] // model.config.bars // STEPS_PER_BEAT)

        def denoise(
            x: Tensor,
            level: float,
            estimate: Tensor | None,
            part: Condition = part,
            first: int = first,
            curves: CurveTargets = curves,
        ) -> Tensor:
            t = x.new_full((len(x),), level)
            with precision(network, options.dtype):
                variants = condition_variants(part, options.guidance)
                logits = guide(options.guidance, [network(x, t, told, estimate).logits for told in variants])
            logits = guide_all_to_modes(logits, targets[first : first + size], options.mode_guidance)
            return guide_to_curves(logits, curves, options.curve_guidance)

        def noise(shape: tuple[int, ...] = shape, generator: torch.Generator = generator) -> Tensor:
            return torch.randn(shape, generator=generator, device=device)

        levels = noise_levels(options.steps)
        with torch.inference_mode():
            logits = sample(denoise, noise, levels, bar_correlation=options.bar_correlation)
        out += list(clean((logits > 0).cpu().numpy().astype(np.uint8)))
        on_progress(len(out) / len(windows), f"sampled {len(out)} of {len(windows)} windows")
    return np.stack(out)


def mode_targets_of(window: Window) -> list[ModeTarget]:
    """The modes that a window's tokens ask for, where they do."""
    asked = mode_asked(window)
    return [
        ModeTarget(torch.from_numpy(np.flatnonzero(np.repeat(at, STEPS_PER_BEAT))), major)
        for at, major in ((asked > 0, True), (asked < 0, False))
        if at.any()
    ]


def curve_targets_of(condition: Condition, beats_per_bar: int) -> CurveTargets:
    """What the dynamic tokens of windows ask of each of their bars, [B, bars]."""

    def by_bar(name: str) -> Tensor:
        column, (mean, sd) = 2 * list(CURVE_SCALE).index(name), CURVE_SCALE[name]
        value, known = condition.dynamic[..., column] * sd + mean, condition.dynamic[..., column + 1] > 0
        known = known & condition.has_dynamic[:, None]
        asked = torch.where(known, value, torch.nan)
        return torch.nanmean(torch.unflatten(asked, 1, (-1, beats_per_bar)), -1)

    return targets_of(by_bar("density"), by_bar("melody"), by_bar("polyphony"), beats_per_bar)


def mode_asked(window: Window) -> np.ndarray:
    """[L] how far each beat is asked to be in major: above 0, in minor: below, neither or unknown: 0."""
    column = 2 * list(TEXTURE_SCALE).index("mode")
    value, known = window.tokens.semantic[:, column], window.tokens.semantic[:, column + 1]
    return (value * known)[window.tokens.section]


def clean(cells: np.ndarray) -> np.ndarray:
    """Cells [..., 4, T, 88] without sustains that no onset began, and without those under an onset."""
    out = cells.copy()
    onset, sustain = out[..., 0::2, :, :], out[..., 1::2, :, :]
    before = np.zeros_like(onset[..., 0, :])
    for step in range(cells.shape[-2]):
        sustain[..., step, :] &= before & (1 - onset[..., step, :])
        before = onset[..., step, :] | sustain[..., step, :]
    return out
