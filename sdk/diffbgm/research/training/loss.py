"""What a network is trained to lower, and the same on windows it never saw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from diffbgm.composer import Denoiser
from diffbgm.composer.denoiser import signal_and_noise
from diffbgm.composer.device import make_accelerator
from diffbgm.research.datasets.windows import Window
from diffbgm.research.training.batches import Batch
from diffbgm.research.training.options import TrainOptions

VALIDATION_LEVELS = (0.2, 0.5, 0.8, 0.95)
TRANSPOSED_LEVEL = 0.45  # up to here the key is heard through the noise, and music in any key teaches the network


def batch_loss(model: Any, batch: Batch, options: TrainOptions, step: int, accelerator: Any) -> dict[str, Tensor]:
    """Binary cross-entropy of x_0 in nats a sixteenth (over its 352 cells) and squared error of the velocities."""
    batch = batch.to(accelerator.device)
    cells, velocity, condition = batch.cells, batch.velocity, batch.condition
    seed = (options.seed << 32) + step
    dice = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # for dropout
    t = levels_for(batch.transposed, dice).to(cells)
    a, s = (part[:, None, None, None] for part in signal_and_noise(t))
    of_noise = dice if cells.device.type == "cpu" else torch.Generator(cells.device).manual_seed(seed)
    x = a * (2 * cells - 1) + s * torch.randn(cells.shape, generator=of_noise, device=cells.device)
    estimate = None
    if torch.rand((), generator=dice) < options.self_condition:
        with torch.no_grad(), accelerator.autocast():
            estimate = torch.tanh(model(x, t, condition).logits / 2)
    with accelerator.autocast():
        out = model(x, t, condition, estimate)
    cross_entropy = F.binary_cross_entropy_with_logits(out.logits, cells, reduction="none")
    nats = cross_entropy.sum((1, 3)).mean(1)  # [B] by window
    balanced = (level_weight(t) * nats).mean()
    there = ~velocity.isnan()
    error = ((out.velocity - 0.5) * 2 - velocity.nan_to_num()).square()
    loud = (error * there).sum() / there.sum().clamp_min(1)
    return {
        "loss": balanced + options.velocity_weight * loud,
        "nats": nats.mean().detach(),
        "velocity": loud.detach(),
    }


def levels_for(transposed: Tensor, dice: torch.Generator) -> Tensor:
    """[n] noise levels: below `TRANSPOSED_LEVEL` where `transposed` [n], in another key than the model works in."""
    t = draw_levels(len(transposed), dice)
    return torch.where(transposed, TRANSPOSED_LEVEL * t, t)


def draw_levels(n: int, dice: torch.Generator) -> Tensor:
    """[n] noise levels, drawn from a mixture of three distributions.

    Three in ten lie anywhere, three below 0.35, where the last doubtful cells are settled, the others logit-normal
    around 0.43, where notes take their places (after Esser et al. 2024, who found most to be learnt in the middle of
    the range).
    """
    anywhere = torch.rand(n, generator=dice)
    middle = torch.sigmoid(0.7 * torch.randn(n, generator=dice) - 0.3)
    which = torch.rand(n, generator=dice)
    return torch.where(which < 0.3, anywhere, torch.where(which < 0.6, 0.35 * anywhere, middle))


def level_weight(t: Tensor) -> Tensor:
    """Weight of the loss at noise level t: about 1 at pure noise, more where little is left to learn.

    It follows the uncertainty weighting of Karras et al. (2024); a trained model's loss is about 12 sin(pi t / 2)^6
    nats.
    """
    return 12 / (0.05 + 12 * signal_and_noise(t)[1] ** 6)


def validation_bce(
    model: Denoiser, windows: Sequence[Window], seed: int, batch: int = 16, *, again: bool = False
) -> dict[float, float]:
    """Noise level -> binary cross-entropy of x_0 in nats a sixteenth, conditions given.

    It is that of one evaluation, or with `again` of a second one with the estimate of the first at hand
    (self-conditioning, as the sampler always has it).
    """
    levels = VALIDATION_LEVELS
    return {level: float(window_bce(model, windows, level, seed, batch, again=again).mean()) for level in levels}


@torch.inference_mode()
def window_bce(
    model: Denoiser, windows: Sequence[Window], level: float, seed: int, batch: int = 16, *, again: bool = False
) -> np.ndarray:
    """[n] what `validation_bce` is the mean of, at one noise level: the same noise for every model."""
    device = next(model.parameters()).device
    accelerator = make_accelerator(device.type)
    dice, out = torch.Generator().manual_seed(seed), np.zeros(len(windows))
    lengths = np.array([window.cells.shape[1] for window in windows])
    for length in sorted(set(lengths.tolist()), reverse=True):
        alike = np.flatnonzero(lengths == length)
        for i in range(0, len(alike), batch):
            here = alike[i : i + batch]
            drawn = Batch.of([windows[j] for j in here], model.config).to(device)
            cells, condition = drawn.cells, drawn.condition
            t = torch.full((len(cells),), level, device=device)
            a, s = (part[:, None, None, None] for part in signal_and_noise(t))
            x = a * (2 * cells - 1) + s * torch.randn(cells.shape, generator=dice).to(cells)
            with accelerator.autocast():
                logits = model(x, t, condition).logits
                if again:
                    logits = model(x, t, condition, torch.tanh(logits / 2)).logits
            nats = F.binary_cross_entropy_with_logits(logits, cells, reduction="none").double()
            out[here] = nats.sum((1, 3)).mean(1).cpu().numpy()
    return out
