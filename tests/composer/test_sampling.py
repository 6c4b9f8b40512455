import itertools
import math

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

from diffbgm.composer.sampling import (
    ECHO_LEVEL,
    FIRST_LEVEL,
    SKETCH_LEVEL,
    Guidance,
    Method,
    ddim_step,
    draw,
    guide,
    lean,
    noise_levels,
    sample,
    signal,
)
from diffbgm.roll import key_scores, pitch_class_rows
from diffbgm.types import LOWEST_PITCH, PITCHES

STEPS = 12


def linear_denoiser(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
    """Logits whose mean is a bounded function of x_t that changes with the level."""
    return 1.5 * x - 0.3 + level


def oracle_mean(x: torch.Tensor, level: float) -> torch.Tensor:
    return torch.tanh(linear_denoiser(x, level, None) / 2)


def ours(method: str, x: torch.Tensor) -> torch.Tensor:
    return sample(linear_denoiser, lambda: x.clone(), noise_levels(STEPS), method=method, eta=0.0)  # type: ignore[arg-type]


def alphas(levels: list[float]) -> torch.Tensor:
    return torch.tensor([signal(t)[0] ** 2 for t in levels], dtype=torch.float64)


@pytest.mark.parametrize(("method", "scheduler_class"), [("ddim", DDIMScheduler), ("dpm", DPMSolverMultistepScheduler)])
def test_samplers_agree_with_diffusers(method: str, scheduler_class: type) -> None:
    """The same noise levels as a table of betas: the reference library takes the same steps."""
    levels = noise_levels(STEPS)[:-1]
    table = alphas(levels).flip(0)  # index 0 is the lowest noise
    ratio = table / torch.cat([torch.ones(1, dtype=torch.float64), table[:-1]])
    kind = {"algorithm_type": "dpmsolver++", "solver_order": 2} if method == "dpm" else {"clip_sample": False}
    kind |= (
        {"set_alpha_to_one": True, "steps_offset": 0}
        if method == "ddim"
        else {"final_sigmas_type": "zero", "lower_order_final": False, "timestep_spacing": "trailing"}
    )
    scheduler = scheduler_class(
        num_train_timesteps=STEPS, trained_betas=(1 - ratio).tolist(), prediction_type="sample", **kind
    )
    scheduler.set_timesteps(STEPS)
    assert list(scheduler.timesteps) == list(range(STEPS - 1, -1, -1))
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    theirs = x.clone()
    last = theirs
    for timestep in scheduler.timesteps:
        last = oracle_mean(theirs, levels[STEPS - 1 - int(timestep)])
        theirs = scheduler.step(last, timestep, theirs).prev_sample
    mean = torch.tanh(ours(method, x) / 2)
    assert torch.allclose(mean, last, atol=2e-4)


def test_levels_fall_from_noise_to_music() -> None:
    levels = noise_levels(5)
    assert levels[0] == FIRST_LEVEL
    assert levels[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(levels))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_keeps_the_marginals(eta: float) -> None:
    """Stepping down with the true x_0 leaves x at the lower level's mean and spread, whatever eta."""
    generator = torch.Generator().manual_seed(0)
    x0 = torch.ones(200_000)
    a, s = signal(0.8)
    x = a * x0 + s * torch.randn(x0.shape, generator=generator)
    y = ddim_step(x, x0, 0.8, 0.5, eta=eta, noise=lambda: torch.randn(x0.shape, generator=generator))
    b, r = signal(0.5)
    assert y.mean().item() == pytest.approx(b, abs=0.01)
    assert y.std().item() == pytest.approx(r, abs=0.01)


def test_sampling_finds_a_known_distribution() -> None:
    """Independent cells that are 1 with probability .3: the posterior is known, samples must match it."""
    prior = math.log(0.3 / 0.7)

    def exact(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
        a, s = signal(level)
        return prior + 2 * a / s**2 * x

    generator = torch.Generator().manual_seed(0)
    logits = sample(exact, lambda: torch.randn(50_000, generator=generator), noise_levels(50), eta=1.0)
    assert (logits > 0).float().mean().item() == pytest.approx(0.3, abs=0.02)


def test_guidance_moves_along_each_stream() -> None:
    null, dynamic, full = torch.tensor(1.0), torch.tensor(2.0), torch.tensor(5.0)
    assert guide(Guidance(1, 1, rescale=0), null, dynamic, full) == 5
    assert guide(Guidance(2, 1, rescale=0), null, dynamic, full) == 1 + 2 * 1 + 3
    assert guide(Guidance(0, 0, rescale=0), null, dynamic, full) == 1
    assert guide(Guidance(2, 2, rescale=0), null, None, full) == 1 + 2 * 4


def test_steps_are_told() -> None:
    told: list[int] = []
    sample(linear_denoiser, lambda: torch.zeros(2), noise_levels(3), on_step=told.append)
    assert told == [1, 2, 3]


def test_rescaled_guidance_keeps_the_mean_and_spread_of_each_window() -> None:
    generator = torch.Generator().manual_seed(0)
    null, full = (torch.randn(3, 4, 16, 88, generator=generator) * 2 - 4 for _ in range(2))
    wild = guide(Guidance(6, 6, rescale=0), null, None, full)
    tamed = guide(Guidance(6, 6, rescale=1), null, None, full)
    assert wild.std() > 3 * full.std()
    for moment in (torch.mean, torch.std):
        assert torch.allclose(moment(tamed, dim=(-2, -1)), moment(full, dim=(-2, -1)), atol=1e-4)
    assert torch.equal(tamed[0, 0].argsort(), wild[0, 0].argsort())  # what is likelier stays likelier
    half = guide(Guidance(6, 6, rescale=0.5), null, None, full)
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
    wishes = [(torch.arange(32), major)]
    sign = 1 if major else -1
    leads = [sign * lead_of(lean(strayed, wishes, strength)) for strength in (0.0, 0.5, 1.0)]
    assert leads[0] < leads[1] < leads[2]
    assert (lean(strayed, wishes, 0.5) - strayed).abs().max() <= 0.5 + 1e-6


def test_music_in_its_mode_and_other_steps_are_left_alone():
    plain = chords((0, 2, 4, 5, 7))
    assert lead_of(plain) > 0.2
    assert torch.equal(lean(plain, [(torch.arange(32), True)], 1.0), plain)
    half = lean(plain, [(torch.arange(16), False)], 1.0)
    assert torch.equal(half[:, 16:], plain[:, 16:])
    assert not torch.equal(half[:, :16], plain[:, :16])
    assert torch.isfinite(lean(torch.zeros(4, 8, PITCHES), [(torch.arange(8), True)], 1.0)).all()


def test_drawn_cells_keep_their_share() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([-3.0, 0.0, 2.0])[:, None].expand(3, 40_000)
    cells = draw(logits, lambda: torch.randn(logits.shape, generator=generator))
    assert set(cells.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose((cells > 0).float().mean(1), torch.sigmoid(logits[:, 0]), atol=0.01)


def test_bars_that_share_their_luck_are_alike_and_keep_every_cells_share() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.linspace(-3, 0, 16)[:, None].repeat(4, 10_000)  # four bars of which the same is believed

    def drawn(rhyme: float) -> torch.Tensor:
        return draw(logits, lambda: torch.randn(logits.shape, generator=generator), rhyme=rhyme).unflatten(0, (4, 16))

    alike = []
    for rhyme in (0.0, 0.5, 1.0):
        bars = drawn(rhyme)
        assert torch.allclose((bars > 0).float().mean((0, 2)), torch.sigmoid(logits[:16, 0]), atol=0.02)
        alike.append((bars[0] == bars[1]).float().mean().item())
    assert alike[0] + 0.02 < alike[1] < alike[2] - 0.02
    assert alike[2] == 1


@pytest.mark.parametrize("steps", [4, 32])
def test_ancestral_steps_keep_what_is_rare(steps: int) -> None:
    """Cells that are on one time in ten, nothing else known of them: a few long steps towards the mean lose them, as
    many towards a drawn x_0 do not."""
    generator = torch.Generator().manual_seed(1)

    def exact(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
        a, s = signal(level)
        return math.log(0.1 / 0.9) + 2 * a / max(s * s, 1e-9) * x

    def share(method: Method) -> float:
        logits = sample(
            exact,
            lambda: torch.randn(40_000, generator=generator),
            noise_levels(steps),
            method=method,
        )
        return (logits > 0).float().mean().item()

    assert share("ancestral") == pytest.approx(0.1, abs=0.02 if steps > 4 else 0.04)
    assert abs(share("ancestral") - 0.1) < abs(share("ddim") - 0.1)


def test_a_temperature_above_one_draws_less_likely_cells() -> None:
    logits = torch.full((20000,), -3.0)
    generator = torch.Generator().manual_seed(0)
    for temperature in (1.0, 2.0):
        cells = draw(logits, lambda: torch.randn(logits.shape, generator=generator), temperature)
        expected = torch.sigmoid(torch.tensor(-3.0 / temperature)).item()
        assert (cells > 0).float().mean().item() == pytest.approx(expected, abs=0.01)


def test_the_network_hears_itself_only_once_harmony_is_settled() -> None:
    shown: list[tuple[float, bool]] = []

    def denoise(x: torch.Tensor, level: float, estimate: torch.Tensor | None) -> torch.Tensor:
        shown.append((level, estimate is not None))
        return torch.zeros_like(x)

    generator = torch.Generator().manual_seed(0)
    sample(denoise, lambda: torch.randn(4, generator=generator), noise_levels(64), method="ancestral")
    assert {own for level, own in shown if level > ECHO_LEVEL} == {False}
    assert {own for level, own in shown if level <= ECHO_LEVEL} == {True}


@pytest.mark.parametrize(("level", "warm"), [(SKETCH_LEVEL + 0.1, True), (SKETCH_LEVEL - 0.1, False)])
def test_the_temperature_acts_while_the_piece_is_a_sketch(level: float, warm: bool) -> None:
    """One step from `level`, cells unlikely: what is played afterwards shows whether they were drawn warm."""

    def played(temperature: float) -> float:
        generator = torch.Generator().manual_seed(0)
        seen: list[torch.Tensor] = []

        def denoise(x: torch.Tensor, now: float, estimate: torch.Tensor | None) -> torch.Tensor:
            seen.append(x)
            return torch.full_like(x, -4.0)

        def noise() -> torch.Tensor:
            return torch.randn(20_000, generator=generator)

        sample(denoise, noise, [level, 0.3, 0.0], method="ancestral", temperature=temperature)
        return seen[1].mean().item()

    assert (played(4.0) > played(1.0) + 0.1) == warm
