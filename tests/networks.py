"""A tiny network that plays something: fast, untrained, the same every time."""

import torch

from diffbgm.composer import Config, Denoiser


def playing_network(bias: float = -1.0, spread: float = 0.0) -> Denoiser:
    """A network of random weights, whose cells sound about as often as `bias` (a logit) says.

    Args:
        bias: Of onsets and sustains.
        spread: Standard deviation of what is added to the weights of the head: what plays then differs from cell to
            cell.
    """
    torch.manual_seed(0)
    model = Denoiser(Config.tiny())
    assert model.head.bias is not None
    model.head.bias.data[:4] = bias
    if spread:
        model.head.weight.data += spread * torch.randn(model.head.weight.shape)
    return model
