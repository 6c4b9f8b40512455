import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from diffbgm.composer import Config, Denoiser
from diffbgm.composer.attention import Attention, segment_mask, turn_of
from diffbgm.composer.condition import CURVE_SCALE, Condition, SectionCondition, harmony_tokens, window_tokens
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
    masked = attention(x, context, turn_of(at, 4), turn_of(at, 4), bias)
    for i in range(6):
        mine = (section[0] == section[0, i]).nonzero()[:, 0]
        alone = attention(x[:, i : i + 1], context[:, mine], turn_of(at[i : i + 1], 4), turn_of(at[mine], 4))
        assert torch.allclose(masked[:, i : i + 1], alone, atol=1e-6)


def test_rotary_positions_are_relative() -> None:
    torch.manual_seed(5)
    attention = Attention(8, 2).eval()
    x = torch.randn(1, 4, 8)
    here, there = (attention(x, x, turn, turn) for turn in (turn_of(torch.arange(4) + k, 4) for k in (0, 9)))
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


TOLD = Config.tiny(genres=("pop", "game"), corpora=("a", "b"), metres=("4/4", "3/4", "6/8", "2/4"), harmony=True)


@pytest.fixture(scope="module")
def grown_model() -> tuple[Denoiser, Denoiser]:
    """A network without the further conditions, and the same grown by them, before any training."""
    torch.manual_seed(0)
    old = Denoiser(Config.tiny()).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for parameter in old.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    new = Denoiser(TOLD).eval().requires_grad_(False)
    new.load_state_dict(old.state_dict(), strict=False)
    return old, new


@pytest.fixture(scope="module")
def told_model(grown_model: tuple[Denoiser, Denoiser]) -> Denoiser:
    """The same after training: nothing is zero but what is unknown."""
    model = copy.deepcopy(grown_model[1])
    generator = torch.Generator().manual_seed(2)
    for name, parameter in model.named_parameters():
        if name.startswith(("names.", "metre.", "harmony.")):
            noise = 0.3 * torch.randn(parameter.shape, generator=generator)
            parameter += noise * (torch.arange(len(parameter)) > 0)[:, None] if "harmony" not in name else noise
    return model


def further(**changes: Any) -> Condition:
    harmony = harmony_tokens(32, **changes.pop("harmony", {}))
    window = replace(window_tokens_of(tokens(), 0), harmony=harmony, **changes)
    return Condition.stack([window], TOLD)


def chord_of(*classes: int) -> np.ndarray:
    return np.tile(np.isin(np.arange(12), classes).astype(np.float64), (32, 1))


FURTHER = {
    "genre": {"genre": "game"},
    "corpus": {"corpus": "b"},
    "metre": {"metre": "2/4"},
    "scale share": {"harmony": {"scale_share": 0.9}},
    "harshness": {"harmony": {"harshness": 0.1}},
    "chord": {"harmony": {"chord": chord_of(0, 4, 7)}},
    "bass": {"harmony": {"chord": chord_of(0, 4, 7), "bass": chord_of(4)}},
}


@pytest.mark.parametrize("what", list(FURTHER))
def test_further_conditions_begin_at_zero(grown_model: tuple[Denoiser, Denoiser], what: str) -> None:
    old, new = grown_model
    assert torch.equal(run(old, tokens()), run(new, tokens()))
    assert torch.equal(run(old, tokens()), run(new, further(**copy.deepcopy(FURTHER[what]))))


@pytest.mark.parametrize("what", list(FURTHER))
def test_further_conditions_reach_the_output_and_unknown_is_the_network_without(
    grown_model: tuple[Denoiser, Denoiser], told_model: Denoiser, what: str
) -> None:
    unknown = run(told_model, further())
    assert torch.equal(unknown, run(grown_model[0], tokens()))
    assert not torch.allclose(unknown, run(told_model, further(**copy.deepcopy(FURTHER[what]))), atol=1e-4)


def test_other_values_say_something_else(told_model: Denoiser) -> None:
    pairs = [
        ({"genre": "pop"}, {"genre": "game"}),
        ({"harmony": {"scale_share": 0.9}}, {"harmony": {"scale_share": 1.0}}),
        ({"harmony": {"chord": chord_of(0, 4, 7)}}, {"harmony": {"chord": chord_of(9, 0, 4)}}),
        ({"metre": "4/4"}, {"metre": "2/4"}),
    ]
    for a, b in pairs:
        assert not torch.allclose(run(told_model, further(**a)), run(told_model, further(**b)), atol=1e-4)
    nobody = further(genre="a genre that the network does not know")
    assert torch.equal(run(told_model, nobody), run(told_model, further()))


def test_a_chord_speaks_at_its_own_beats_and_pitches(told_model: Denoiser) -> None:
    assert told_model.harmony is not None
    half = chord_of(0, 4, 7)
    half[16:] = 0
    told = further(harmony={"chord": half, "bass": half * (np.arange(12) == 0)}).harmony
    maps = told_model.harmony.by_pitch(told, 96)
    assert maps.shape == (1, 4, 128, 96)
    assert maps[:, :, :64].any()
    assert not maps[:, :, 64:].any()
    column = maps[0, :, 0]  # keys from A0 up
    assert torch.equal(column[:, 3], column[:, 15])  # C1 and C2
    assert torch.equal(column[:, 7], column[:, 10])  # E and G: in the chord, not in the bass
    assert not torch.equal(column[:, 3], column[:, 7])  # C is in the bass too
    assert not torch.equal(column[:, 7], column[:, 8])  # F is in neither


@pytest.mark.parametrize("metre", ["3/4", "6/8"])
def test_bars_of_twelve_sixteenths(grown_model: tuple[Denoiser, Denoiser], metre: str) -> None:
    _, new = grown_model
    curves = {name: np.full(36, mean) for name, (mean, _) in CURVE_SCALE.items()}
    window = window_tokens(curves, [SectionCondition(0, 36, {"mode": 1.0})], 36, 0, 24, beats_per_bar=3)
    condition = Condition.stack([replace(window, metre=metre)], TOLD)
    x = torch.randn(1, 4, 96, 88, generator=torch.Generator().manual_seed(2))
    out = new(x, torch.tensor([0.6]), condition)
    assert out.logits.shape == (1, 4, 96, 88)
    assert out.velocity.shape == (1, 2, 96, 88)
    at = new.places(24, torch.device("cpu"))
    assert at[::3].tolist() == pytest.approx([4.0 * bar for bar in range(8)])  # a bar is as far away as in 4/4
    assert new.metre is not None
    common = torch.arange(16.0).reshape(1, 1, 16, 1).expand(1, 4, 16, 1)
    places = new.metre.steps(common, condition.metre, 12)[0, 0, :, 0].tolist()
    assert places == {"3/4": [*range(12)], "6/8": [*range(6), *range(8, 14)]}[metre]


def test_weights_without_the_further_conditions_are_still_read() -> None:
    plain = {"format": 1, "channels": [16, 32, 64, 64], "width": 384, "clip_width": 0}
    assert Config.from_dict(plain) == Config()
    assert Config.from_dict(TOLD.to_dict()) == TOLD
    with pytest.raises(WeightsError, match="5/4"):
        Config(metres=("5/4",))
