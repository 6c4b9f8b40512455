"""What one window costs: network evaluations, FLOP, the share of the machine's matrix rate, beside the paper's network.

Everything is timed in turns in one process, so that whatever else the machine does falls on all of it alike.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from tests.bench.paper_unet import CONDITION, EVALUATIONS, SHAPE, STEPS, TOKENS, PaperUNet
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from diffbgm import DiffBGM
from diffbgm.composer.compose import condition_of
from diffbgm.composer.device import has_fast_bf16, make_accelerator
from diffbgm.options import ComposeOptions
from diffbgm.planner import make_plan
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.types import PITCHES, STEPS_PER_BEAT

SIZE = 1536  # of the square matrices


@dataclass(frozen=True)
class Sampling:
    """Seconds are medians. `per_window`: seconds of one evaluation a window, by batch; `gemm`: FLOP/s by precision."""

    precision: str
    gemm: dict[str, float]
    evaluations: int
    flop: float
    parameters: int
    per_window: dict[int, float]
    paper_flop: float
    paper_parameters: int
    paper_per_window: float

    @property
    def best_batch(self) -> int:
        return min(self.per_window, key=self.per_window.__getitem__)

    def utilisation(self, batch: int) -> float:
        """Model FLOP/s over the measured matrix rate at the model's precision."""
        return self.flop / self.per_window[batch] / self.gemm[self.precision]

    @property
    def ratio(self) -> float:
        """How much longer the paper's sampler takes for a window of eight bars."""
        ours = self.evaluations * self.per_window[self.best_batch]
        return STEPS * EVALUATIONS * self.paper_per_window / ours


def measure(batches: tuple[int, ...] = (1, 2, 4, 8, 16), rounds: int = 5) -> Sampling:
    model = DiffBGM.from_pretrained(device="cpu").model
    paper = PaperUNet().eval()
    accelerator = make_accelerator("cpu")
    precision = "bf16" if has_fast_bf16() else "fp32"
    options = ComposeOptions()
    plain = options.guidance.dynamic == options.guidance.semantic == 1
    evaluations = options.steps * (1 if plain else 2)  # beside the plan the null, for guidance
    runs: dict[object, Callable[[], object]] = {}
    for batch in batches:
        runs[batch] = one_evaluation(model, batch)
    runs["paper"] = paper_evaluation(paper)
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        if name == precision or name == "fp32":
            a, b = (torch.randn(SIZE, SIZE, dtype=dtype) for _ in range(2))
            runs[name] = lambda a=a, b=b: a @ b
    with torch.inference_mode():
        flop, paper_flop = (count(runs[name]) for name in (batches[0], "paper"))
        seconds = in_turns(runs, rounds, accelerator.autocast)
    gemm = {name: 2 * SIZE**3 / seconds[name] for name in ("fp32", "bf16") if name in seconds}
    return Sampling(
        precision,
        gemm,
        evaluations,
        flop / batches[0],
        sum(p.numel() for p in model.parameters()),
        {batch: seconds[batch] / batch for batch in batches},
        paper_flop,
        sum(p.numel() for p in paper.parameters()),
        seconds["paper"],
    )


def one_evaluation(model: "torch.nn.Module", batch: int) -> Callable[[], object]:
    """One evaluation of our network for a batch of windows of a plan."""
    plan = make_plan(drawn_features(24.0 * (batch + 1), []), bpm=80.0)
    starts = list(range(0, 16 * batch, 16))
    condition = condition_of(plan, starts, model)[:batch]  # type: ignore[arg-type]
    x = torch.randn(batch, 4, model.beats * STEPS_PER_BEAT, PITCHES)  # type: ignore[operator, attr-defined]
    t = torch.full((batch,), 0.5)
    return lambda: model(x, t, condition, torch.tanh(x))


def paper_evaluation(paper: PaperUNet) -> Callable[[], object]:
    """One of the paper's, for one window."""
    x, t, told = torch.randn(1, *SHAPE), torch.full((1,), 500.0), torch.randn(1, TOKENS, CONDITION)
    return lambda: paper(x, t, told)


def count(run: Callable[[], object]) -> float:
    """FLOP of one call, two for a multiplication with its addition; attention written out, or it would not count."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def in_turns(
    runs: dict[object, Callable[[], object]], rounds: int, autocast: Callable[[], AbstractContextManager[object]]
) -> dict[object, float]:
    """Median seconds of each, all of them once a round; a first round warms up."""
    taken: dict[object, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            with autocast():
                began = time.perf_counter()
                run()
                seconds = time.perf_counter() - began
            if turn:
                taken[name].append(seconds)
    return {name: float(np.median(values)) for name, values in taken.items()}
