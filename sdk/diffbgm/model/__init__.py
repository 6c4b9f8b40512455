"""The denoiser: a small convolutional U-Net around a transformer of beat tokens that reads the plan."""

from diffbgm.model.config import Config
from diffbgm.model.denoiser import Denoiser

__all__ = ["Config", "Denoiser"]
