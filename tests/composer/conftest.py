"""A network for the composer's tests."""

import pytest
from tests.networks import playing_network

from diffbgm.composer import Denoiser


@pytest.fixture(scope="module")
def model() -> Denoiser:
    return playing_network(spread=0.3).eval().requires_grad_(False)
