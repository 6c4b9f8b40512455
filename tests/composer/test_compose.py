from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.music import make_plan, make_roll

from diffbgm.composer import Config, Denoiser
from diffbgm.composer.compose import Keep, bars_to_steps, compose, condition_of
from diffbgm.composer.guidance import mode_targets
from diffbgm.composer.precision import precision, with_cast_weights
from diffbgm.composer.sections import couple_sections, noise_source
from diffbgm.composer.windows import average_windows, window_starts
from diffbgm.errors import InputError, NoNotesError, PlanError
from diffbgm.options import ComposeOptions, Guidance
from diffbgm.types import GENRES, Key

FAST = ComposeOptions(seed=3, steps=2)


@pytest.mark.parametrize("bars", [1, 3, 8, 9, 21])
def test_any_length_is_one_roll(model: Denoiser, bars: int) -> None:
    roll = compose(model, make_plan(bars), FAST)
    assert roll.cells.shape == (4, 16 * bars, 88)
    assert roll.velocity is not None
    assert (roll.velocity > 0).tolist() == (roll.cells[0::2] > 0).tolist()


def test_windows_cover_every_beat_and_move_on() -> None:
    for beats in range(4, 400, 4):
        for turn in range(9):
            starts = window_starts(beats, 32, turn)
            assert starts[0] == 0
            assert len(starts) <= len(window_starts(beats, 32))
            assert 0 <= starts[-1] - max(0, beats - 32) <= (16 if beats > 32 else 0)  # to the end, not far past it
            assert all(start % 4 == 0 for start in starts)
            assert all(4 <= stride <= 28 for stride in np.diff(starts))  # at least a bar is shared
    inner = [start for turn in range(7) for start in window_starts(100, 32, turn)[1:-1]]
    assert sorted(inner) == list(range(4, 68, 4))  # in seven turns every bar once
    assert {window_starts(100, 32, turn)[-1] for turn in range(7)} == {68, 72, 76, 80, 84}


def test_the_seed_decides(model: Denoiser) -> None:
    plan = make_plan(9)
    a, b = compose(model, plan, FAST), compose(model, plan, FAST)
    assert a == b
    assert a != compose(model, plan, replace(FAST, seed=4))


def test_the_batch_size_hardly_changes_the_music(model: Denoiser) -> None:
    plan = make_plan(24)
    one, many = (compose(model, plan, replace(FAST, batch_size=n)) for n in (1, 16))
    assert (one.cells != many.cells).mean() < 1e-4


def test_the_plans_key_only_transposes(model: Denoiser) -> None:
    home = compose(model, make_plan(4, key=Key(0)), FAST)
    plan = make_plan(4, key=Key(2))
    higher = replace(
        plan,
        curves=replace(plan.curves, register=plan.curves.register + 2),
        sections=tuple(plan.sections),
    )
    moved = compose(model, higher, FAST)
    assert np.array_equal(home.cells[:, :, 5:70], moved.cells[:, :, 7:72])


def test_brightness_and_register_are_told_in_the_models_key(model: Denoiser) -> None:
    plan = make_plan(4, key=Key(3))
    told = condition_of(plan, [0], model)
    home = condition_of(replace(plan, key=Key(0)), [0], model)
    lower = replace(plan, key=Key(0), curves=replace(plan.curves, register=plan.curves.register - 3))
    assert not torch.equal(told.dynamic, home.dynamic)
    assert torch.allclose(told.dynamic, condition_of(lower, [0], model).dynamic)


@pytest.mark.parametrize("guidance", [Guidance(1, 1), Guidance(2, 2), Guidance(2, 1)])
def test_guidance_takes_one_two_or_three_evaluations(model: Denoiser, guidance: Guidance) -> None:
    calls = []
    handle = model.register_forward_hook(lambda *_: calls.append(1))
    compose(model, make_plan(4), replace(FAST, guidance=guidance, batch_size=1))
    handle.remove()
    assert len(calls) == FAST.steps * (1 + (guidance != Guidance(1, 1)) + (guidance.dynamic != guidance.semantic))


@pytest.mark.parametrize(("genre", "weight", "more"), [("pop", 2, 0), ("hymn", 2, 1), ("hymn", 1, 0)])
def test_a_genre_other_than_pop_is_guided(genre: str, weight: float, more: int) -> None:
    plan, options = replace(make_plan(4), genre=genre), replace(FAST, guidance=Guidance(genre=weight), batch_size=1)
    for known, wanted in ((GENRES, more), ((), 0)):
        model = Denoiser(Config.tiny(genres=known)).eval().requires_grad_(False)
        assert model.head.bias is not None
        model.head.bias[:4] = 0  # every other cell sounds
        calls: list[int] = []
        model.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        compose(model, plan, options)
        assert len(calls) == FAST.steps + wanted  # one of the two steps lies above the level


def test_returning_sections_share_their_noise() -> None:
    plan = make_plan(12, cuts=(4, 8))  # A B A
    source = noise_source(plan, 12 * 16)
    assert source is not None
    assert source[: 8 * 16].tolist() == list(range(8 * 16))
    assert source[8 * 16 :].tolist() == list(range(4 * 16))
    assert noise_source(make_plan(8, cuts=(4,)), 8 * 16) is None  # A B: nothing returns


def test_coupling_pulls_returning_sections_together() -> None:
    source = torch.tensor([0, 1, 0, 3])
    logits = torch.tensor([1.0, 5.0, 3.0, 7.0])[None, :, None].expand(4, 4, 88)
    coupled = couple_sections(logits, source, 1.0)
    assert coupled[0, :, 0].tolist() == [2.0, 5.0, 2.0, 7.0]
    assert couple_sections(logits, source, 0.0) is logits
    assert couple_sections(logits, None, 1.0) is logits


def test_mode_targets_are_the_sections_modes() -> None:
    plan = make_plan(8, cuts=(2, 4, 6))
    modes = (0.9, 0.1, None, 0.5)
    sections = tuple(replace(s, texture=replace(s.texture, mode=m)) for s, m in zip(plan.sections, modes, strict=True))
    (bright, major), (dim, minor) = mode_targets(replace(plan, sections=sections), torch.device("cpu"))
    assert (major, minor) == (True, False)
    assert bright.tolist() == list(range(32))
    assert dim.tolist() == list(range(32, 64))


def test_kept_bars_stay_and_others_change(model: Denoiser) -> None:
    plan = make_plan(8, key=Key(2))
    first = compose(model, plan, FAST)
    steps = bars_to_steps([0, 1, 6], 8)
    again = compose(model, plan, replace(FAST, seed=9), keep=Keep(first, steps))
    assert np.array_equal(first.cells[:, steps], again.cells[:, steps])
    assert np.array_equal(first.velocity[:, steps], again.velocity[:, steps])  # type: ignore[index]
    assert not np.array_equal(first.cells[:, ~steps], again.cells[:, ~steps])


def test_music_of_another_length_cannot_be_kept(model: Denoiser) -> None:
    with pytest.raises(PlanError, match="recut"):
        compose(model, make_plan(8), FAST, keep=Keep(make_roll(4), np.ones(64, bool)))


def test_progress_is_told_and_cancels(model: Denoiser) -> None:
    told: list[float] = []
    compose(model, make_plan(2), FAST, on_progress=lambda f, _: told.append(f))
    assert told == [0.5, 1.0]

    def stop(fraction: float, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compose(model, make_plan(2), FAST, on_progress=stop)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 2**63),
        ("seed", 1.5),
        ("steps", 0),
        ("steps", float("nan")),
        ("mode_guidance", -1),
        ("mode_guidance", float("nan")),
        ("curve_guidance", 2.1),
        ("bar_correlation", 1.1),
        ("section_coupling", float("inf")),
        ("batch_size", 0),
    ],
)
def test_options_out_of_range_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^{name} must"):
        ComposeOptions(**{name: value})


@pytest.mark.parametrize("numbers", [(11, 1), (1, -0.1), (float("nan"), 1), (1, 1, 2), ("loud", 1)])
def test_guidance_out_of_range_is_refused(numbers: tuple) -> None:
    with pytest.raises(InputError, match=r"(?i)guidance"):
        Guidance(*numbers)


def test_numbers_of_numpy_are_numbers() -> None:
    options = ComposeOptions(seed=np.int64(7), steps=np.int32(3))  # type: ignore[arg-type]
    assert (options.seed, options.steps) == (7, 3)
    assert type(options.seed) is int


def test_a_take_without_notes_names_seed_and_weights() -> None:
    torch.manual_seed(0)
    silent = Denoiser(Config.tiny()).eval().requires_grad_(False)
    silent.head.bias[:4] = -50.0
    object.__setattr__(silent, "source", "owner/quiet")
    with pytest.raises(NoNotesError, match="seed 3 and the weights owner/quiet"):
        compose(silent, make_plan(2), FAST)


def test_windows_are_averaged_by_triangles() -> None:
    ones = torch.ones(2, 1, 128, 88)
    values = torch.cat([ones[:1], 3 * ones[1:]])
    piece = average_windows(values, [0, 16], 224)[0, :, 0]  # windows of 32 beats, half of them shared
    assert torch.equal(piece[:64], torch.ones(64))
    assert torch.equal(piece[128:192], torch.full((64,), 3.0))
    shared = piece[64:128]
    assert (shared.diff() >= 0).all()  # the first fades into the second
    assert shared[31:33].mean().item() == pytest.approx(2.0, abs=1e-5)
    assert torch.equal(piece[192:], torch.zeros(32))


def test_weights_cast_once_give_the_same_bits(model: Denoiser) -> None:
    cast = with_cast_weights(model, torch.bfloat16)
    assert with_cast_weights(model, torch.float32) is model
    assert cast.stem.weight.dtype == torch.bfloat16
    assert model.stem.weight.dtype == torch.float32
    condition = condition_of(make_plan(8), [0], model)
    x = torch.randn(1, 4, 128, 88, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), precision(model, torch.bfloat16):
        every_time, once = (m(x, torch.tensor([0.5]), condition) for m in (model, cast))
    assert torch.equal(every_time.logits, once.logits)
    assert torch.equal(every_time.velocity, once.velocity)
