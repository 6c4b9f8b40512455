"""Scoring half a minute of film beside what others run for it, on this machine: idle, and beside two busy neighbours.

    python -m tests.bench --only peers

None of CMT, Video2Music, EMSYNC, VidMuse and the paper's own code is in a package registry, and none publishes a time
(searched: papers, READMEs and model cards). So what is timed is the network that each evaluates, as large as published,
with random weights, which cost the same: lower bounds, without the video encoder, the sound and the film. Ours is the
program as a user starts it, from film to scored film.

Sources: `paper_unet` for the paper's sampler. VidMuse (Tian et al., CVPR 2025) decodes EnCodec tokens at 32 kHz with
MusicGen's language model, 50 steps per second of music; timed is the smallest of MusicGen (Copet et al., NeurIPS 2023)
with 300 M parameters: its first steps only, when it attends to little.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tests.bench.lengths import draw_film
from tests.bench.paper_unet import EVALUATIONS, STEPS, PaperUNet
from tests.bench.sampling import paper_evaluation
from tests.bench.start import run
from tests.bench.threads import NEIGHBOURS, neighbours

from diffbgm.composer.device import make_accelerator
from diffbgm.options import FEW_TAKES

FILM = 30.0  # seconds
WINDOW = 8 * 4 * 60 / 120  # seconds of eight bars at 120 beats per minute
TOKEN_STEPS = 50  # of MusicGen's language model per second of music
TRIED = 25  # of them that are timed
ONE, FEW = "diffbgm, one take", f"diffbgm, {FEW_TAKES} takes, the default"
PAPER, TOKENS = "Diff-BGM's sampler alone", "VidMuse's decoder alone, as small as MusicGen's smallest"


@dataclass(frozen=True)
class Peers:
    """Median seconds for the film by what was run: on an idle machine, and beside busy neighbours."""

    idle: dict[str, float]
    busy: dict[str, float]

    @property
    def rows(self) -> list[tuple[str, float, float, float]]:
        """What, its time as a share of the film's length idle and busy, and its idle time against one of our takes."""
        return [(n, s / FILM, self.busy[n] / FILM, s / self.idle[ONE]) for n, s in self.idle.items()]


def measure(steps: int = 64, rounds: int = 3) -> Peers:
    """Everything in turn, `rounds` times after one to warm up."""
    paper, decode = paper_evaluation(PaperUNet().eval()), decoder()
    windows = math.ceil(FILM / WINDOW)
    taken: dict[bool, dict[str, list[float]]] = {False: {}, True: {}}
    with tempfile.TemporaryDirectory(prefix="diffbgm-bench-") as folder:
        film = draw_film(FILM, Path(folder))
        line = ["-m", "diffbgm.cli", "score", str(film), "--overwrite", "--steps", str(steps)]
        what: dict[str, Callable[[], float]] = {
            ONE: lambda: run([*line, "--seed", "1"])[0],
            FEW: lambda: run(line)[0],
            PAPER: lambda: windows * STEPS * EVALUATIONS * timed(paper),
            TOKENS: lambda: FILM * TOKEN_STEPS * timed(decode) / TRIED,
        }
        for turn in range(rounds + 1):
            for busy, rows in taken.items():
                for name, seconds in what.items():
                    with neighbours(NEIGHBOURS if busy else 0):
                        found = seconds()
                    if turn:
                        rows.setdefault(name, []).append(found)
    medians = [{name: statistics.median(s) for name, s in rows.items()} for rows in taken.values()]
    return Peers(*medians)


def timed(do: Callable[[], object]) -> float:
    """Seconds of one call, in the precision that suits the machine."""
    with torch.inference_mode(), make_accelerator("cpu").autocast():
        began = time.perf_counter()
        do()
        return time.perf_counter() - began


def decoder() -> Callable[[], object]:
    """`TRIED` steps of MusicGen's smallest language model with random weights, without guidance or text."""
    from transformers import MusicgenDecoderConfig, MusicgenForCausalLM

    config = MusicgenDecoderConfig()  # 24 layers of width 1024: the small one
    model = MusicgenForCausalLM(config).eval()
    first = torch.full((config.num_codebooks, 1), config.pad_token_id)

    def decode() -> None:
        cache = None
        for _ in range(TRIED):
            cache = model(input_ids=first, past_key_values=cache, use_cache=True).past_key_values

    return decode
