"""Several pieces composed together: each comes out as if it had been alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tests.music import make_plan

from diffbgm import hub, threads
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.batching import CPU_BATCH, is_batch_invariant
from diffbgm.composer.compose import compose
from diffbgm.composer.continuous_batching import ComposeJob, compose_many
from diffbgm.composer.workers import side_by_side, workers
from diffbgm.options import ComposeOptions, Guidance
from diffbgm.types import PianoRoll

OPTIONS = ComposeOptions(steps=2)


PIECES = [
    ComposeJob("long", make_plan(13), replace(OPTIONS, seed=1)),
    ComposeJob("short", make_plan(3), replace(OPTIONS, seed=2, steps=3)),
    ComposeJob("free", make_plan(8), replace(OPTIONS, seed=3, guidance=Guidance(1, 1))),
    ComposeJob("dynamic", make_plan(5), replace(OPTIONS, seed=4, guidance=Guidance(2, 1))),
]


def in_turn(
    pieces: list[ComposeJob[str]], ready: Callable[[], bool] = lambda: True
) -> Callable[[bool], ComposeJob[str] | None]:
    """Hands the pieces out one after the other; without waiting only where `ready`."""
    left = iter(pieces)
    return lambda wait: next(left, None) if wait or ready() else None


def test_a_piece_is_the_same_alone_and_together(model: Denoiser) -> None:
    alone = {piece.key: compose(model, piece.plan, replace(piece.options, batch_size=16)) for piece in PIECES}
    assert dict(compose_many(model, in_turn(PIECES), batch_size=16)) == alone
    assert dict(compose_many(model, in_turn(PIECES[::-1]), batch_size=16)) == alone
    answers = iter([False, True, False, False, True] + [True] * 9)
    assert dict(compose_many(model, in_turn(PIECES, lambda: next(answers)), batch_size=16)) == alone


def test_pieces_share_batches(model: Denoiser) -> None:
    pieces = [ComposeJob(str(i), make_plan(2), replace(OPTIONS, seed=i)) for i in range(4)]
    assert is_batch_invariant(model, 8)  # which is tried once
    sizes: list[int] = []
    handle = model.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    together = list(compose_many(model, in_turn(pieces), batch_size=8))
    handle.remove()
    assert [key for key, _ in together] == ["0", "1", "2", "3"]
    assert sizes == [8] * OPTIONS.steps  # two windows a piece, guided: all four in one batch


def test_on_a_cpu_pieces_share_batches_of_any_size(model: Denoiser) -> None:
    pieces = [
        ComposeJob(str(bars), make_plan(bars), replace(OPTIONS, guidance=Guidance(1, 1), seed=bars))
        for bars in (3, 9, 13, 70)
    ]
    assert is_batch_invariant(model)
    sizes: list[int] = []
    handle = model.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    together = dict(compose_many(model, in_turn(pieces)))
    handle.remove()
    windows, at_once = 1 + 2 + 3 + 11, workers()  # of all four pieces
    assert len(sizes) == at_once * -(-windows // (CPU_BATCH * at_once)) * OPTIONS.steps
    assert sum(sizes) == windows * OPTIONS.steps
    assert max(sizes) - min(sizes) <= 1
    assert together == {piece.key: compose(model, piece.plan, piece.options) for piece in pieces}


def test_windows_in_parts_at_once_change_no_bit(model: Denoiser, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [compose(model, piece.plan, piece.options) for piece in PIECES]
    sizes: list[int] = []
    monkeypatch.setattr(threads, "_spread", [1])
    threads.spread(3)
    handle = model.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    assert [compose(model, piece.plan, piece.options) for piece in PIECES] == alone
    handle.remove()
    assert set(sizes) == {1}, "these have three windows at most"


@pytest.mark.parametrize("dtype", [None, torch.float32])
def test_the_number_of_threads_changes_no_bit(dtype: torch.dtype | None, set_threads: Callable[[int], None]) -> None:
    model = hub.load(None)[0]
    rolls = []
    for count in (1, 2, 3):
        set_threads(count)
        rolls.append(compose(model, make_plan(20), replace(OPTIONS, dtype=dtype)))
    assert rolls[0] == rolls[1] == rolls[2]


def test_a_thread_of_the_pool_uses_one_of_torchs(set_threads: Callable[[int], None]) -> None:
    set_threads(2)
    assert side_by_side(lambda _: torch.get_num_threads(), range(7), 5) == [1] * 7
    assert torch.get_num_threads() == 2


def test_batch_invariance_is_tried_once_for_each_size_and_number_of_threads(set_threads: Callable[[int], None]) -> None:
    model = Denoiser(Config.tiny()).eval().requires_grad_(False)
    sizes: list[int] = []
    model.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    for count in (1, 2, 1, 2):
        set_threads(count)
        assert is_batch_invariant(model)
        assert is_batch_invariant(model, 4)
    alone, beside = [1, 2, 3, 5, 5, 6], [1, 1, 1, 1, 2, 2, 3, 5, 6]  # on one thread, eleven in two batches; on two
    tried = [sorted(sizes[:10]), sorted(sizes[10:])]
    assert tried == [sorted([*alone, 4, 4, 4, 4]), sorted([*beside, 4, 4, 4, 4])]


@pytest.mark.parametrize("dtype", [None, torch.float32])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_bundled_network_composes_the_same_alone_and_together(
    threads: int, dtype: torch.dtype | None, set_threads: Callable[[int], None]
) -> None:
    """What the promise of the same bytes comes to; with products of the whole batch some processors broke it."""
    model = hub.load(None)[0]
    set_threads(threads)
    options = replace(OPTIONS, dtype=dtype)
    pieces = [ComposeJob(str(bars), make_plan(bars), replace(options, seed=bars)) for bars in (3, 9)]
    together = dict(compose_many(model, in_turn(pieces), dtype=dtype))
    assert together == {piece.key: compose(model, piece.plan, piece.options) for piece in pieces}


@pytest.mark.parametrize("dtype", [None, torch.float32])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_bundled_network_takes_each_window_by_itself(
    threads: int, dtype: torch.dtype | None, set_threads: Callable[[int], None]
) -> None:
    model = hub.load(None)[0]
    set_threads(threads)
    found = [is_batch_invariant(model, size, dtype) for size in (4, 16, None)]
    if not all(found):  # nothing of ours then makes it so: pieces are composed alone
        pytest.skip(f"this processor rounds by the number of rows: {found}")


class BatchDependent(Denoiser):
    """A network whose answer depends on the first window of the batch, as sums split by place do."""

    def forward(self, x, t, condition, estimate=None):  # type: ignore[no-untyped-def]
        out = super().forward(x, t, condition, estimate)
        return replace(out, logits=out.logits + 1e-6 * out.logits[:1])


def test_without_batch_invariance_every_piece_is_alone() -> None:
    torch.manual_seed(0)
    model = BatchDependent(Config.tiny()).eval().requires_grad_(False)
    assert not is_batch_invariant(model, 4)
    assert not is_batch_invariant(model)
    going: list[str] = []

    def take(wait: bool) -> ComposeJob[str] | None:
        going.append("wait" if wait else "more")
        return PIECES[len(going) - 1] if len(going) <= len(PIECES) else None

    assert {key for key, _ in compose_many(model, take, batch_size=4)} == {piece.key for piece in PIECES}
    assert going == ["wait"] * (len(PIECES) + 1)


def test_one_that_fails_leaves_the_others_alone(model: Denoiser) -> None:
    bad = ComposeJob("bad", make_plan(3), replace(OPTIONS, guidance=Guidance(1, 1)))
    object.__setattr__(bad.options, "seed", "no number")
    made = dict(compose_many(model, in_turn([PIECES[0], bad, PIECES[1]])))
    assert isinstance(made["bad"], Exception)
    assert isinstance(made["long"], PianoRoll)
    assert isinstance(made["short"], PianoRoll)
