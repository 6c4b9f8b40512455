"""A network for the composer's tests."""

import pytest
import torch

from diffbgm.composer import Config, Denoiser


@pytest.fixture(scope="module")
def model() -> Denoiser:
    torch.manual_seed(0)
    model = Denoiser(Config.tiny()).eval().requires_grad_(False)
    model.head.bias[:4] = -1.0  # an untrained network that plays something
    model.head.weight += 0.3 * torch.randn(model.head.weight.shape)
    return model
