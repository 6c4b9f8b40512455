"""Noise levels, guidance and samplers, as plain functions of the network's opinion.

Noise level t runs from 1 (noise) to 0 (music); x_t = a x_0 + s eps with a = cos(pi t / 2), s = sin(pi t / 2). A
`denoise` function takes x_t, the level and the last estimate of x_0 (None at first) and returns the logits of x_0 = +1.
"""

import itertools
import math
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from diffbgm.options import Guidance, Method
from diffbgm.roll import pull_to_mode
from diffbgm.types import STEPS_PER_BAR

if TYPE_CHECKING:
    from torch import Tensor

    Denoise = Callable[[Tensor, float, Tensor | None], Tensor]
    Noise = Callable[[], Tensor]

LAST_LEVEL = 0.25  # the last that the network is asked about
FIRST_LEVEL = 0.999  # where pure noise starts: DPM-Solver needs a signal, however small
SKETCH_LEVEL = 0.6  # above it cells are drawn at the temperature asked for, below it at 1
ECHO_LEVEL = 0.8  # above it the network is not shown what it believed last


def noise_levels(steps: int) -> list[float]:
    """steps + 1 levels: evenly from `FIRST_LEVEL` to `LAST_LEVEL`, then 0 at once. Below it hardly a cell is in doubt,
    and the steps serve better where notes take their places."""
    return [FIRST_LEVEL - (FIRST_LEVEL - LAST_LEVEL) * i / max(steps - 1, 1) for i in range(steps)] + [0.0]


def signal(level: float) -> tuple[float, float]:
    """a, s at a level."""
    return math.cos(level * math.pi / 2), math.sin(level * math.pi / 2)


def guide(guidance: Guidance, null: "Tensor", dynamic: "Tensor | None", full: "Tensor") -> "Tensor":
    """Logits with each stream's pull scaled: null + rhythm (dynamic - null) + mood (full - dynamic).

    `dynamic` (the semantic stream dropped) is only needed where the two weights differ. As the likelihood of x_t is the
    same in all three, only the priors are moved.
    """
    if dynamic is None:
        guided = null + guidance.mood * (full - null)
    else:
        guided = null + guidance.rhythm * (dynamic - null) + guidance.mood * (full - dynamic)
    if not guidance.rescale:
        return guided
    over = (-2, -1)  # steps and pitches: each window and each kind of cell keeps its own scale
    ratio = full.std(over, keepdim=True) / guided.std(over, keepdim=True).clamp_min(1e-6)
    tamed = full.mean(over, keepdim=True) + ratio * (guided - guided.mean(over, keepdim=True))
    return guided + guidance.rescale * (tamed - guided)


def lean(logits: "Tensor", wishes: "Sequence[tuple[Tensor, bool]]", strength: float) -> "Tensor":
    """Logits [4, T, 88] of music in C major or A minor, pulled towards the mode that is wished for.

    `wishes` are (steps, major): indices of the steps that go together, and whether they are to sound major. Where the
    pitch classes expected there do not sound plainly enough like it, each gets log odds towards it, at most `strength`
    nats (`roll.pull_to_mode`); music that is in its mode already is left alone.
    """
    import torch

    if strength <= 0 or not wishes:
        return logits
    out = logits.clone()
    for steps, major in wishes:
        sounding = torch.sigmoid(logits[:, steps].float()).sum((0, 1)).cpu().numpy()  # [88]
        out[:, steps] += torch.as_tensor(strength * pull_to_mode(sounding, major)).to(logits)
    return out


class Noisy(NamedTuple):
    """What the network is shown: x_t, its noise level, the last estimate of x_0 (None at first)."""

    x: "Tensor"
    level: float
    estimate: "Tensor | None"


def sample(
    denoise: "Denoise",
    noise: "Noise",
    levels: list[float],
    *,
    method: Method = "ddim",
    eta: float = 1.0,
    temperature: float = 1.0,
    rhyme: float = 0.0,
    on_step: Callable[[int], None] | None = None,
) -> "Tensor":
    """From noise to the logits of x_0, by `method`; `noise()` gives fresh standard normal noise [..., T, P].

    "ancestral": DDIM steps towards an x_0 drawn, above `SKETCH_LEVEL` at a `temperature`, see `draw`; "ddim": towards
    its mean; "dpm": DPM-Solver++ 2M. A network that is shown its last estimate believes it more every time, and harmony
    grows plainer than in songs: above `ECHO_LEVEL`, where harmony is settled, it is not.
    """
    steps = sampling(noise, levels, method=method, eta=eta, temperature=temperature, rhyme=rhyme, on_step=on_step)
    try:
        shown = next(steps)
        while True:
            shown = steps.send(denoise(*shown))
    except StopIteration as end:
        return end.value


def sampling(
    noise: "Noise",
    levels: list[float],
    *,
    method: Method = "ddim",
    eta: float = 1.0,
    temperature: float = 1.0,
    rhyme: float = 0.0,
    on_step: Callable[[int], None] | None = None,
) -> "Generator[Noisy, Tensor, Tensor]":
    """`sample` for whoever asks the network himself: yields what to show it, is sent the logits, returns the last."""
    import torch

    step = dpm_step if method == "dpm" else ddim_step
    x, estimate, previous = noise(), None, None
    logits = x
    for i, (now, then) in enumerate(itertools.pairwise(levels)):
        logits = yield Noisy(x, now, estimate if now <= ECHO_LEVEL else None)
        last_estimate, estimate = estimate, torch.tanh(logits / 2)
        if then > 0:
            warmth = temperature if now > SKETCH_LEVEL else 1.0
            x0 = draw(logits, noise, warmth, rhyme) if method == "ancestral" else estimate
            x = step(x, x0, now, then, eta=eta, noise=noise, before=(previous, last_estimate))
        previous = now
        if on_step:
            on_step(i + 1)
    return logits


def draw(logits: "Tensor", noise: "Noise", temperature: float = 1.0, rhyme: float = 0.0) -> "Tensor":
    """x_0 = +-1, each cell drawn from the network's belief in it (its logits over `temperature`).

    q(x_s | x_t, x_0) is a Gaussian, q(x_s | x_t) is not: it spreads as x_0 is in doubt. A step towards the mean of x_0
    forgets that, and what is rare (a held note, a crossing voice) is lost a little at every step; a drawn x_0 keeps
    every cell's share, whatever the length of the step.

    The network's beliefs are of single cells; in music bars go together. `rhyme` 0..1 is the correlation of the luck
    that a cell of every bar is drawn with (a Gaussian copula): bars of which the network believes the same become more
    alike, and each cell keeps its share.
    """
    import torch

    luck = noise()
    if rhyme > 0:
        luck = math.sqrt(1 - rhyme) * luck + math.sqrt(rhyme) * first_bar(noise())
    below = 0.5 * (1 + torch.erf(luck / math.sqrt(2)))  # uniform in 0..1
    return 2.0 * (below < torch.sigmoid(logits / temperature)) - 1.0


def first_bar(x: "Tensor") -> "Tensor":
    """[..., T, P] the first bar again and again."""
    import torch

    return x[..., torch.arange(x.shape[-2], device=x.device) % STEPS_PER_BAR, :]


Before = tuple["float | None", "Tensor | None"]


def ddim_step(
    x: "Tensor", x0: "Tensor", now: float, then: float, *, eta: float, noise: "Noise", before: Before = (None, None)
) -> "Tensor":
    """DDIM (Song et al. 2021, eq. 12) from level `now` to `then`; eta 0 is deterministic, 1 is ancestral sampling."""
    a, s = signal(now)
    b, r = signal(then)
    sigma = eta * (r / s) * math.sqrt(max(0.0, 1 - (a / b) ** 2))
    direction = (x - a * x0) / s
    moved = b * x0 + math.sqrt(max(0.0, r * r - sigma * sigma)) * direction
    return moved + sigma * noise() if sigma > 0 else moved


def dpm_step(
    x: "Tensor", x0: "Tensor", now: float, then: float, *, eta: float = 0.0, noise: "Noise", before: Before
) -> "Tensor":
    """DPM-Solver++ 2M (Lu et al. 2022, algorithm 2), deterministic: a line through the last two estimates of x_0."""
    a, s = signal(now)
    b, r = signal(then)
    h = math.log(b / r) - math.log(a / s)
    level, last = before
    if level is not None and last is not None:
        c, q = signal(level)
        ratio = (math.log(a / s) - math.log(c / q)) / h
        x0 = x0 + (x0 - last) / (2 * ratio)
    return (r / s) * x - b * math.expm1(-h) * x0
