"""The denoiser: a small convolutional U-Net around a transformer of beat tokens that reads the plan."""

from diffbgm.composer.config import Config
from diffbgm.composer.denoiser import Denoiser

__all__ = ["Config", "Denoiser"]
