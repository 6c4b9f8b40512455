import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.errors import DataError, WeightsError
from diffbgm.hub import load_weights, save_weights
from diffbgm.options import ComposeOptions
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import Sampling, Window, hide
from diffbgm.research.training.average import average
from diffbgm.research.training.batches import batches
from diffbgm.research.training.options import TrainOptions
from diffbgm.research.training.own_music import best_and_worst, own_windows, plans_of
from diffbgm.research.training.train import split

STEPS = ["--steps", "2", "--batch", "2"]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_weights(Denoiser(Config.tiny()), tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def plans(songs: Path) -> list[Window]:
    return plans_of(split(read_songs(songs))[0], 3, 8, seed=0)


def test_own_windows_have_the_songs_plans_and_other_music(start: Path, plans: list[Window], tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    own = own_windows(load_weights(start), plans, ComposeOptions(), file, lambda f, m: None)
    assert all(np.array_equal(a.tokens.dynamic, b.tokens.dynamic) for a, b in zip(own, plans, strict=True))
    assert not any(np.array_equal(a.cells, b.cells) for a, b in zip(own, plans, strict=True))
    assert all(np.isnan(window.velocity).all() for window in own)
    other = ComposeOptions(seed=1)
    again = own_windows(
        load_weights(start), plans, other, file, lambda f, m: None
    )  # read, not composed with another seed
    assert all(np.array_equal(a.cells, b.cells) for a, b in zip(own, again, strict=True))
    with pytest.raises(DataError, match="3 windows"):
        own_windows(load_weights(start), plans[:2], ComposeOptions(), file, lambda f, m: None)


def test_training_on_its_own_music_moves_the_weights_and_away_is_the_other_way(
    songs: Path, start: Path, tmp_path: Path
) -> None:
    command = ["train", "--data", str(songs), "--own", "2", "--start-from", str(start), "--out", str(tmp_path / "own")]
    assert main([*command, *STEPS]) == 0
    assert (tmp_path / "own" / "own.npz").exists()
    folders = [str(start), str(tmp_path / "own" / "weights")]
    assert main(["average", *folders, "--share", "-0.5", "--out", str(tmp_path / "away")]) == 0
    a, b = (load_weights(folder).state_dict() for folder in folders)
    assert any(not torch.equal(a[name], b[name]) for name in a)
    first, other = map(load_weights, folders)
    away = average(first, [other], [-0.5]).state_dict()
    for name in a:
        assert torch.allclose(away[name], a[name] + 0.5 * (a[name] - b[name]), atol=1e-5), name


def test_takes_are_parted_into_the_best_and_the_worst(songs: Path, start: Path, tmp_path: Path) -> None:
    command = ["train", "--data", str(songs), "--own", "3", "--takes", "2", "--compose-batch", "3"]
    assert main([*command, "--start-from", str(start), "--out", str(tmp_path), *STEPS]) == 0
    folders = [str(tmp_path / name / "weights") for name in ("best", "worst")]
    shares = ["--share", "0.5", "-1.5"]
    assert main(["average", str(start), *folders, *shares, "--out", str(tmp_path / "led")]) == 0
    a, best, worst = (load_weights(folder).state_dict() for folder in (start, *folders))
    assert any(not torch.equal(best[name], worst[name]) for name in best)
    led = average(load_weights(start), [load_weights(folder) for folder in folders], [0.5, -1.5]).state_dict()
    for name in a:
        assert torch.allclose(led[name], a[name] + 0.5 * (best[name] - a[name]) - 1.5 * (worst[name] - a[name])), name


def test_the_best_take_is_the_one_that_is_like_songs(plans: list[Window]) -> None:
    rng = np.random.default_rng(0)
    plans = plans * 8
    noise = [replace(p, cells=(rng.random(p.cells.shape) < 0.02).astype(np.uint8)) for p in plans]
    likest = [i % 2 for i in range(len(plans))]  # in half of them the second take is a song's
    tried = [[(plans if take == which else noise)[i] for i, which in enumerate(likest)] for take in (0, 1)]
    parted = best_and_worst(plans, tried)
    assert all(np.array_equal(best.cells, plan.cells) for best, plan in zip(parted["best"], plans, strict=True))
    assert all(np.array_equal(worst.cells, bad.cells) for worst, bad in zip(parted["worst"], noise, strict=True))


def test_shares_that_do_not_fit_the_weights_are_refused(start: Path) -> None:
    model = load_weights(start)
    for others, shares in (
        ([], [0.5]),
        ([model], [0.5, 0.5]),
        ([model], [float("nan")]),
        ([model], [1.5]),
        ([model], [-2.5]),
    ):
        with pytest.raises(WeightsError, match="share"):
            average(model, others, shares)


def test_windows_are_seen_again_with_other_noise(songs: Path) -> None:
    pieces = split(read_songs(songs))[0]
    config, options = Config(), TrainOptions(batch=2, repeats=3)
    first = [batch.cells for batch in itertools.islice(batches(pieces, 0, options, config), 6)]
    assert [torch.equal(first[i], first[i + 1]) for i in range(5)] == [True, True, False, True, True]
    later = next(batches(pieces, 2, options, config)).cells  # a run that goes on in between
    assert torch.equal(later, first[2])


def test_own_music_needs_weights_to_start_from(songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", str(songs), "--own", "2", "--out", str(tmp_path)]) == 2
    assert "--start-from" in capsys.readouterr().err


def test_hiding_drops_what_is_asked_as_often_as_it_should(plans: list[Window]) -> None:
    rng = np.random.default_rng(0)
    assert hide(plans[0], rng, Sampling.plain()).tokens.has_dynamic
    kept = hide(plans[0], rng, Sampling.plain()).tokens
    assert np.array_equal(kept.dynamic, plans[0].tokens.dynamic)
    assert np.array_equal(kept.semantic, plans[0].tokens.semantic)
    some = [hide(plans[0], rng, Sampling()).tokens for _ in range(300)]
    assert np.mean([t.has_dynamic for t in some]) == pytest.approx(0.92 * 0.85, abs=0.08)
    assert np.mean([t.dynamic[0, 1] > 0 for t in some]) == pytest.approx(0.85, abs=0.07)
    known = plans[0].tokens.semantic[0, 1::2][: -1 if plans[0].tokens.semantic.shape[1] % 2 else None] > 0
    assert np.mean([(t.semantic[0, 1::2][: len(known)] > 0)[known] for t in some]) == pytest.approx(0.65, abs=0.05)
