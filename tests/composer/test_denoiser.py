import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from diffbgm.composer import Config, Denoiser
from diffbgm.composer.attention import Attention, segment_mask
from diffbgm.composer.condition import CURVE_SCALE, Condition, SectionCondition, window_tokens
from diffbgm.composer.denoiser import signal_and_noise
from diffbgm.errors import WeightsError


@pytest.fixture(scope="module")
def model() -> Denoiser:
    torch.manual_seed(0)
    model = Denoiser(Config.tiny()).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():  # no zero-initialised layer may hide a path
        parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model


def tokens(density: float = 5.0, cut: int = 16, mode: float | None = 1.0) -> Condition:
    curves = {name: np.full(48, mean) for name, (mean, _) in CURVE_SCALE.items()}
    curves["density"] = np.full(48, density)
    sections = [
        SectionCondition(0, cut, {"mode": mode, "tempo": 90.0}),
        SectionCondition(cut, 48, {"mode": 0.0, "accompaniment_register": 60.0}),
    ]
    return Condition.stack([window_tokens(curves, sections, 48, 0, 32)])


def run(model: Denoiser, condition: Condition, t: float = 0.6) -> torch.Tensor:
    x = torch.randn(1, 4, 128, 88, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        return model(x, torch.tensor([t]), condition).logits


def test_shapes_and_the_analytic_likelihood(model: Denoiser) -> None:
    x = torch.zeros(1, 4, 128, 88)
    x[0, 0, 5, 40] = 1.0
    t = torch.tensor([0.3])
    out = model(x, t, tokens())
    assert out.logits.shape == (1, 4, 128, 88)
    assert out.velocity.shape == (1, 2, 128, 88)
    a, s = signal_and_noise(t)
    almost_clean = model(x, torch.tensor([1e-4]), tokens()).logits
    assert almost_clean[0, 0, 5, 40] - almost_clean[0, 0, 6, 40] > 30  # 2 a / s^2 is at its ceiling of 60
    assert a.item() == pytest.approx(math.cos(0.15 * math.pi))
    assert (a * a + s * s).item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "other",
    [tokens(density=9.0), tokens(cut=20), tokens(mode=0.0), tokens(mode=None)],
    ids=["curve", "cut", "mood", "unknown"],
)
def test_every_condition_reaches_the_output(model: Denoiser, other: Condition) -> None:
    assert not torch.allclose(run(model, tokens()), run(model, other), atol=1e-5)


def test_a_dropped_stream_equals_the_null(model: Denoiser) -> None:
    assert torch.equal(
        run(model, tokens(density=5.0).without(dynamic=True)), run(model, tokens(density=9.0).without(dynamic=True))
    )
    assert torch.equal(
        run(model, tokens(mode=1.0).without(semantic=True)), run(model, tokens(mode=0.0).without(semantic=True))
    )
    both = tokens().without(dynamic=True, semantic=True)
    assert torch.equal(run(model, both), run(model, tokens(density=2.0, mode=0.0).without(dynamic=True, semantic=True)))
    assert not torch.allclose(run(model, both), run(model, tokens()), atol=1e-5)


def test_beats_see_their_own_section_only(model: Denoiser) -> None:
    visible = model.visible(tokens(cut=16))[0]
    assert visible.shape == (32, 32 + 8)
    assert visible[0, :16].all()
    assert not visible[0, 16:32].any()
    assert visible[0, 32:].tolist() == [True] + [False] * 7
    assert visible[20, 32:].tolist() == [False, True] + [False] * 6
    open_model = Denoiser(replace(model.config, segment_mask=False))
    assert open_model.visible(tokens(cut=16))[0, :, :34].all()


def test_the_papers_selector_switches_streams_by_noise() -> None:
    torch.manual_seed(3)
    model = Denoiser(Config.tiny(selector="paper")).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(parameter)))
    a, b = tokens(density=5.0), tokens(density=9.0)
    assert torch.allclose(run(model, a, t=0.6), run(model, b, t=0.6), atol=1e-5)
    assert not torch.allclose(run(model, a, t=0.1), run(model, b, t=0.1), atol=1e-5)
    c = tokens(mode=0.0)
    assert torch.allclose(run(model, a, t=0.1), run(model, c, t=0.1), atol=1e-5)
    assert not torch.allclose(run(model, a, t=0.6), run(model, c, t=0.6), atol=1e-5)


def test_masked_attention_equals_a_naive_loop() -> None:
    torch.manual_seed(4)
    attention = Attention(8, 2).eval()
    x, context = torch.randn(1, 6, 8), torch.randn(1, 6, 8)
    at = torch.arange(6)
    section = torch.tensor([[0, 0, 1, 1, 1, 2]])
    mask = segment_mask(section, section)
    bias = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
    masked = attention(x, context, at, at, bias)
    for i in range(6):
        mine = (section[0] == section[0, i]).nonzero()[:, 0]
        alone = attention(x[:, i : i + 1], context[:, mine], at[i : i + 1], at[mine])
        assert torch.allclose(masked[:, i : i + 1], alone, atol=1e-6)


def test_rotary_positions_are_relative() -> None:
    torch.manual_seed(5)
    attention = Attention(8, 2).eval()
    x = torch.randn(1, 4, 8)
    here = attention(x, x, torch.arange(4), torch.arange(4))
    there = attention(x, x, torch.arange(4) + 9, torch.arange(4) + 9)
    assert torch.allclose(here, there, atol=1e-5)


def test_the_likelihood_term_is_bayes_rule() -> None:
    """For one cell with prior log odds b: log p(x_t | +1) - log p(x_t | -1) is 2 a x_t / s^2 for Gaussian noise."""
    t = torch.tensor(0.4)
    a, s = signal_and_noise(t)
    x = torch.linspace(-2, 2, 9)
    gaussian = torch.distributions.Normal
    bayes = gaussian(a, s).log_prob(x) - gaussian(-a, s).log_prob(x)
    assert torch.allclose(bayes, 2 * a / s**2 * x, atol=1e-5)


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(6)
    model = Denoiser(Config.tiny())
    x, condition = torch.randn(2, 4, 128, 88), tokens()
    pair = Condition.stack([window_tokens_of(condition, 0)] * 2)
    for _ in range(3):  # zero-initialised layers open up after a step
        out = model(x, torch.tensor([0.3, 0.9]), pair, torch.zeros_like(x))
        loss = F.softplus(out.logits).mean() + out.velocity.mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p += 0.05 * torch.randn_like(p)
    missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == ["no_stream"] or not missing  # `no_stream` speaks only where a gate is not fully open


def window_tokens_of(condition: Condition, i: int):
    from diffbgm.composer.condition import WindowTokens

    return WindowTokens(
        condition.dynamic[i].numpy(),
        condition.semantic[i].numpy(),
        condition.section[i].numpy(),
        condition.section_at[i].numpy(),
    )


def test_config_describes_itself() -> None:
    config = Config.tiny(selector="paper")
    assert Config.from_dict(config.to_dict()) == config
    with pytest.raises(WeightsError, match="format"):
        Config.from_dict({**config.to_dict(), "format": 99})
    with pytest.raises(WeightsError, match="colour"):
        Config.from_dict({**config.to_dict(), "colour": 1})
    with pytest.raises(WeightsError, match="width"):
        Config(width=100, heads=3)
