import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.music import make_roll
from tests.research.datasets.conftest import TRAINING, write_song

from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.condition import Condition
from diffbgm.errors import DataError
from diffbgm.hub import load_weights, save_weights
from diffbgm.research.datasets.pop909 import Song
from diffbgm.research.datasets.windows import Sampling, Window, cut_window, prepare
from diffbgm.research.training.train import TRANSPOSED_LEVEL, TrainOptions, begin, grown, levels_for, schedule, train
from diffbgm.types import PianoRoll, TempoMap

OPTIONS = TrainOptions(steps=6, batch=2, warmup=2, validate_every=3, validation_windows=2, ema_every=1)


@pytest.fixture(scope="module")
def whole_run(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    train(songs, out, config=Config.tiny(), options=OPTIONS)
    return out


def test_a_run_leaves_weights_and_a_loss_curve(whole_run: Path) -> None:
    model = load_weights(whole_run / "weights")
    assert model.config == Config.tiny()
    history = json.loads((whole_run / "loss.json").read_text())["history"]
    assert [h["step"] for h in history] == [3, 6]
    assert all(np.isfinite(v) for h in history for v in h.values())
    assert (whole_run / "loss.png").stat().st_size > 1000


def test_an_interrupted_run_ends_in_the_same_weights(songs: Path, whole_run: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop_at_four(fraction: float, message: str) -> None:
        if message.startswith("step 4"):
            raise Stop

    options = TrainOptions(**{**vars(OPTIONS), "checkpoint_minutes": 0.0})
    with pytest.raises(Stop):
        train(songs, tmp_path, config=Config.tiny(), options=options, on_progress=stop_at_four)
    assert json.loads((tmp_path / "checkpoint.json").read_text())["step"] == 3
    train(songs, tmp_path, config=Config.tiny(), options=options)
    a, b = (load_weights(run / "weights").state_dict() for run in (whole_run, tmp_path))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_who_draws_the_windows_does_not_change_the_weights(songs: Path, whole_run: Path, tmp_path: Path) -> None:
    train(songs, tmp_path, config=Config.tiny(), options=replace(OPTIONS, workers=2))
    a, b = (load_weights(run / "weights").state_dict() for run in (whole_run, tmp_path))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_training_lowers_the_loss(songs: Path, tmp_path: Path) -> None:
    options = TrainOptions(steps=60, batch=4, warmup=5, validate_every=20, validation_windows=4, learning_rate=4e-3)
    options = replace(options, sampling=Sampling(transpose=0.0))  # whose low noise levels would blur the mean
    train(songs, tmp_path, config=Config.tiny(), options=options)
    history = json.loads((tmp_path / "loss.json").read_text())["history"]
    assert history[-1]["nats"] < 0.8 * history[0]["nats"]


def test_the_learning_rate_warms_up_and_falls() -> None:
    rates = [schedule(step, step / 1000, TrainOptions(warmup=100)) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01, rel=0.1)
    assert max(rates) == pytest.approx(rates[99], rel=0.05)
    assert rates[-1] < 0.02


def test_music_in_other_keys_is_shown_through_little_noise() -> None:
    levels = levels_for(torch.arange(400) % 2 == 1, torch.Generator().manual_seed(0))
    assert levels[1::2].max() <= TRANSPOSED_LEVEL
    assert levels[0::2].max() > 0.9
    assert levels.min() >= 0


def test_training_drops_out_and_the_trained_network_does_not() -> None:
    model = begin(Config.tiny(), TrainOptions(dropout=0.5), None, torch.device("cpu")).model
    with torch.no_grad():
        model.head.weight.normal_()  # it starts at zero, and nothing would reach the output
    x, tokens = torch.randn(1, 4, 128, 88), Condition.stack([plain_window().tokens])

    def twice() -> list[torch.Tensor]:
        with torch.inference_mode():
            return [model(x, torch.tensor([0.5]), tokens).logits for _ in range(2)]

    assert not torch.equal(*twice())
    model.eval()
    assert torch.equal(*twice())


def test_a_network_without_recall_grows_it_and_says_the_same_at_first(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = Denoiser(Config.tiny(recall=0)).eval()
    with torch.no_grad():
        for parameter in old.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    new = grown(old, Config.tiny()).eval()
    assert new.config == Config.tiny()
    x, tokens = torch.randn(1, 4, 128, 88), Condition.stack([plain_window().tokens])
    with torch.inference_mode():
        assert torch.equal(old(x, torch.tensor([0.5]), tokens).logits, new(x, torch.tensor([0.5]), tokens).logits)


def plain_window() -> Window:
    return cut_window(prepare(song_of(make_roll())), 0, 8, np.random.default_rng(0), Sampling.plain())


def song_of(roll: PianoRoll) -> Song:
    velocity = np.where(roll.cells[0::2] > 0, 80, 0).astype(np.uint8)
    return Song("001", PianoRoll(roll.cells, velocity), 96.0, (), TempoMap.steady(96.0, roll.beats).edges)


def test_too_few_songs_are_refused(tmp_path: Path) -> None:
    write_song(tmp_path / "songs", TRAINING[0], 0)
    with pytest.raises(DataError, match="validate"):
        train(tmp_path / "songs", tmp_path / "out", config=Config.tiny(), options=OPTIONS)


def test_two_runs_become_their_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for seed in range(2):
        torch.manual_seed(seed)
        save_weights(Denoiser(Config.tiny()), tmp_path / str(seed))
        runs.append(str(tmp_path / str(seed)))
    assert main(["average", *runs, "--share", "0.25", "--out", str(tmp_path / "mean")]) == 0
    a, b, mean = (load_weights(folder).state_dict() for folder in (*runs, tmp_path / "mean"))
    assert all(torch.allclose(mean[k], 0.75 * a[k] + 0.25 * b[k], atol=0.02) for k in a)
    assert any((mean[k] != a[k]).any() for k in a)
    with pytest.raises(SystemExit):
        main(["average", *runs, "--share", "1.5", "--out", str(tmp_path / "none")])
    assert "from -2 to 1" in capsys.readouterr().err
    save_weights(Denoiser(replace(Config.tiny(), recall=0)), tmp_path / "other")
    assert main(["average", runs[0], str(tmp_path / "other"), "--out", str(tmp_path / "none")]) != 0
    assert not (tmp_path / "none").exists()
