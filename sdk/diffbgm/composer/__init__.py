"""How a plan becomes notes: discrete cells of a piano roll by diffusion, window by window, under the plan's tokens.

Read in this order:

compose.py              a plan in, a piano roll out: what happens at each step of the sampler, top to bottom
noise.py                the noise schedule
sampling.py             the sampler loop: ancestral steps towards cells that are drawn
guidance.py             classifier-free guidance of the two condition streams, and guidance towards a mode
windows.py              where the windows of a long piece lie, and how their predictions are averaged
sections.py             sections with one label share their noise and are coupled
batching.py             windows to batches of the network and back
workers.py              on a CPU, parts of a batch side by side, one per thread
continuous_batching.py  several pieces at once, whose windows share batches
precision.py, device.py what is computed in which precision, and where

and the network itself: config.py, condition.py (the plan as tokens), denoiser.py, attention.py.
"""

from diffbgm.composer.config import Config
from diffbgm.composer.denoiser import Denoiser

__all__ = ["Config", "Denoiser"]
