import itertools
import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from diffbgm.composer.guidance import ModeTarget, guide, guide_to_mode
from diffbgm.composer.noise import LEVELS, noise_levels, signal_and_noise
from diffbgm.composer.sampling import SELF_CONDITIONING_FROM, ancestral_step, draw_cells, sample
from diffbgm.options import Guidance
from diffbgm.roll import key_scores, pitch_class_rows
from diffbgm.types import LOWEST_PITCH, PITCHES

STEPS = 12


def linear_denoiser(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
    """Logits whose mean is a bounded function of x_t that changes with the level."""
    return 1.5 * x - 0.3 + level


def alphas(levels: list[float]) -> torch.Tensor:
    return torch.tensor([signal_and_noise(t)[0] ** 2 for t in levels], dtype=torch.float64)


@pytest.mark.parametrize("kind", [DDIMScheduler, DDPMScheduler])
def test_ancestral_steps_agree_with_diffusers(kind: type) -> None:
    """The same noise levels as a table of betas: the reference library takes the same steps, noise included."""
    levels = noise_levels(STEPS)[:-1]
    table = alphas(levels).flip(0)  # index 0 is the lowest noise
    ratio = table / torch.cat([torch.ones(1, dtype=torch.float64), table[:-1]])
    scheduler = kind(
        num_train_timesteps=STEPS, trained_betas=(1 - ratio).tolist(), prediction_type="sample", clip_sample=False
    )
    scheduler.set_timesteps(STEPS)
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    for i, (now, then) in enumerate(itertools.pairwise(levels)):
        x_0 = torch.tanh(linear_denoiser(x, now, None) / 2)
        noise = torch.randn(3, 5, generator=torch.Generator().manual_seed(i))
        ours = ancestral_step(x, x_0, now, then, lambda noise=noise: noise)
        generator = torch.Generator().manual_seed(i)
        own = {"eta": 1.0} if kind is DDIMScheduler else {}
        theirs = scheduler.step(x_0, STEPS - 1 - i, x, generator=generator, **own).prev_sample
        assert torch.allclose(ours, theirs, atol=1e-4)
        x = ours


def test_the_schedule_is_one_for_numbers_and_tensors() -> None:
    levels = noise_levels(7)
    a, s = signal_and_noise(torch.tensor(levels))
    assert torch.allclose(a.square() + s.square(), torch.ones(8))
    for level, x, y in zip(levels, a, s, strict=True):
        assert signal_and_noise(level) == (pytest.approx(x.item(), abs=1e-6), pytest.approx(y.item(), abs=1e-6))


def test_levels_fall_from_noise_to_music() -> None:
    assert noise_levels(1) == [LEVELS[0], 0]
    levels = noise_levels(7)
    assert levels == pytest.approx([0.999, 0.8992, 0.7994, 0.6996, 0.5998, 0.5, 0.25, 0])
    assert sum(level >= 0.5 for level in noise_levels(60)) == 50  # five in six


def test_ancestral_steps_keep_the_marginals() -> None:
    """Stepping down with the true x_0 leaves x at the lower level's mean and spread."""
    generator = torch.Generator().manual_seed(0)
    x_0 = torch.ones(200_000)
    a, s = signal_and_noise(0.8)
    x = a * x_0 + s * torch.randn(x_0.shape, generator=generator)
    y = ancestral_step(x, x_0, 0.8, 0.5, lambda: torch.randn(x_0.shape, generator=generator))
    b, r = signal_and_noise(0.5)
    assert y.mean().item() == pytest.approx(b, abs=0.01)
    assert y.std().item() == pytest.approx(r, abs=0.01)


def test_sampling_finds_a_known_distribution() -> None:
    """Independent cells that are 1 with probability .3: the posterior is known, samples must match it."""
    prior = math.log(0.3 / 0.7)

    def exact(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
        a, s = signal_and_noise(level)
        return prior + 2 * a / s**2 * x

    generator = torch.Generator().manual_seed(0)
    logits = sample(exact, lambda: torch.randn(1, 50_000, generator=generator), noise_levels(50))
    assert (logits > 0).float().mean().item() == pytest.approx(0.3, abs=0.02)


def test_guidance_moves_along_each_stream() -> None:
    null, dynamic, full = torch.tensor(1.0), torch.tensor(2.0), torch.tensor(5.0)
    assert guide(Guidance(1, 1, rescale=0), [full, null, dynamic]) == 5
    assert guide(Guidance(2, 1, rescale=0), [full, null, dynamic]) == 1 + 2 * 1 + 3
    assert guide(Guidance(0, 0, rescale=0), [full, null, dynamic]) == 1
    assert guide(Guidance(2, 2, rescale=0), [full, null]) == 1 + 2 * 4
    assert guide(Guidance(), [full]) == 5


def test_guidance_by_genre_comes_on_top() -> None:
    null, dynamic, full, genreless = (torch.tensor(x) for x in (1.0, 2.0, 5.0, 4.0))
    assert guide(Guidance(rescale=0, genre=3), [full, genreless], by_genre=True) == 5 + 2 * 1
    assert guide(Guidance(2, 2, 0, genre=3), [full, null, genreless], by_genre=True) == 1 + 2 * 4 + 2 * 1
    assert guide(Guidance(2, 1, 0, genre=3), [full, null, dynamic, genreless], by_genre=True) == 1 + 2 + 3 + 2


def test_rescaled_guidance_keeps_the_mean_and_spread_of_each_window() -> None:
    generator = torch.Generator().manual_seed(0)
    null, full = (torch.randn(3, 4, 16, 88, generator=generator) * 2 - 4 for _ in range(2))
    wild = guide(Guidance(6, 6, rescale=0), [full, null])
    tamed = guide(Guidance(6, 6, rescale=1), [full, null])
    assert wild.std() > 3 * full.std()
    for moment in (torch.mean, torch.std):
        assert torch.allclose(moment(tamed, dim=(-2, -1)), moment(full, dim=(-2, -1)), atol=1e-4)
    assert torch.equal(tamed[0, 0].argsort(), wild[0, 0].argsort())  # what is likelier stays likelier
    half = guide(Guidance(6, 6, rescale=0.5), [full, null])
    assert torch.allclose(half, (wild + tamed) / 2, atol=1e-4)


def chords(classes: tuple[int, ...], sure: float = 1.0) -> torch.Tensor:
    """Logits of 32 steps in which these pitch classes sound between C3 and B4."""
    logits = torch.full((4, 32, PITCHES), -6.0)
    for octave in (48, 60):
        for p in classes:
            logits[3, :, octave + p - LOWEST_PITCH] = sure
    return logits


def lead_of(logits: torch.Tensor) -> float:
    """How much more major than minor it sounds."""
    heard = torch.sigmoid(logits).sum((0, 1)).numpy()
    scores = key_scores(pitch_class_rows(heard[None])[0])
    return float(scores[0].max() - scores[1].max())


@pytest.mark.parametrize("major", [True, False])
def test_music_that_strays_is_pulled_to_its_mode(major: bool):
    strayed = chords((9, 0, 4) if major else (0, 4, 7))  # A minor's chord where C major is asked, and the reverse
    targets = [ModeTarget(torch.arange(32), major)]
    sign = 1 if major else -1
    leads = [sign * lead_of(guide_to_mode(strayed, targets, strength)) for strength in (0.0, 0.5, 1.0)]
    assert leads[0] < leads[1] < leads[2]
    assert (guide_to_mode(strayed, targets, 0.5) - strayed).abs().max() <= 0.5 + 1e-6


def test_music_in_its_mode_and_other_steps_are_left_alone():
    plain = chords((0, 2, 4, 5, 7))
    assert lead_of(plain) > 0.2
    assert torch.equal(guide_to_mode(plain, [ModeTarget(torch.arange(32), True)], 1.0), plain)
    half = guide_to_mode(plain, [ModeTarget(torch.arange(16), False)], 1.0)
    assert torch.equal(half[:, 16:], plain[:, 16:])
    assert not torch.equal(half[:, :16], plain[:, :16])
    assert torch.isfinite(guide_to_mode(torch.zeros(4, 8, PITCHES), [ModeTarget(torch.arange(8), True)], 1.0)).all()


def test_drawn_cells_keep_their_share() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([-3.0, 0.0, 2.0])[:, None].expand(3, 40_000)
    cells = draw_cells(logits, lambda: torch.randn(logits.shape, generator=generator))
    assert set(cells.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose((cells > 0).float().mean(1), torch.sigmoid(logits[:, 0]), atol=0.01)


def test_correlated_bars_are_alike_and_keep_every_cells_share() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.linspace(-3, 0, 16)[:, None].repeat(4, 10_000)  # four bars of which the same is believed

    def drawn(correlation: float) -> torch.Tensor:
        cells = draw_cells(logits, lambda: torch.randn(logits.shape, generator=generator), correlation)
        return cells.unflatten(0, (4, 16))

    alike = []
    for correlation in (0.0, 0.5, 1.0):
        bars = drawn(correlation)
        assert torch.allclose((bars > 0).float().mean((0, 2)), torch.sigmoid(logits[:16, 0]), atol=0.02)
        alike.append((bars[0] == bars[1]).float().mean().item())
    assert alike[0] + 0.02 < alike[1] < alike[2] - 0.02
    assert alike[2] == 1


@pytest.mark.parametrize("steps", [4, 32])
def test_ancestral_steps_keep_what_is_rare(steps: int) -> None:
    """Cells that are on one time in ten, nothing else known of them: however long the steps, as many are on."""
    generator = torch.Generator().manual_seed(1)

    def exact(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
        a, s = signal_and_noise(level)
        return math.log(0.1 / 0.9) + 2 * a / max(s * s, 1e-9) * x

    logits = sample(exact, lambda: torch.randn(1, 40_000, generator=generator), noise_levels(steps))
    assert (logits > 0).float().mean().item() == pytest.approx(0.1, abs=0.02 if steps > 4 else 0.04)


def test_self_conditioning_begins_once_harmony_is_settled() -> None:
    shown: list[tuple[float, bool]] = []

    def denoise(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
        shown.append((level, estimate is not None))
        return torch.zeros_like(x)

    generator = torch.Generator().manual_seed(0)
    sample(denoise, lambda: torch.randn(1, 4, generator=generator), noise_levels(64))
    assert {own for level, own in shown if level > SELF_CONDITIONING_FROM} == {False}
    assert {own for level, own in shown if level <= SELF_CONDITIONING_FROM} == {True}
