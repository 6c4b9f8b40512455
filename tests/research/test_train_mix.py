"""Runs on corpora: what they learn from, how they stop, and how they go on."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.research.datasets.archives import TRAINING, VALIDATION, Drawn, write_archive

from diffbgm.cli import main
from diffbgm.composer import Config, Denoiser
from diffbgm.composer.config import METRES
from diffbgm.errors import Cancelled, InputError, OutputError, WeightsError
from diffbgm.hub import load_weights, save_weights
from diffbgm.options import ComposeOptions
from diffbgm.research.datasets.corpora import CORPORA
from diffbgm.research.datasets.mix import Mix, read_mix
from diffbgm.research.training.batches import Batch, draw_windows
from diffbgm.research.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from diffbgm.research.training.compare import interval, open_weights
from diffbgm.research.training.own_music import own_windows, plans_of_mix
from diffbgm.research.training.train import TrainOptions, begin, keep_checkpoint, told_config, train
from diffbgm.types import GENRES

TUNES = [np.random.default_rng(n).choice([60, 62, 64, 65, 67, 69, 71, 72], 48).tolist() for n in range(8)]
TINY = Config.tiny(genres=GENRES, corpora=tuple(CORPORA), metres=tuple(METRES), harmony=True)
OPTIONS = TrainOptions(steps=6, batch=2, warmup=2, validate_every=3, validation_windows=2, other_windows=2, ema_every=1)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    song = [Drawn(TRAINING[0], tune=TUNES[0]), Drawn(VALIDATION[0], tune=TUNES[1])]
    waltz = [Drawn(TRAINING[1], (3, 4), tune=TUNES[2]), Drawn(VALIDATION[1], (3, 4), tune=TUNES[3])]
    write_archive(folder / "openscore-lieder-train.zip", song)
    write_archive(folder / "nifc-piano-train.zip", waltz)
    return folder


@pytest.fixture(scope="module")
def whole_run(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    train(archives, out, config=TINY, options=OPTIONS)
    return out


def test_a_folder_of_archives_trains_and_is_validated_corpus_by_corpus(whole_run: Path) -> None:
    assert load_weights(whole_run / "weights").config == TINY
    history = json.loads((whole_run / "loss.json").read_text())["history"]
    assert [h["step"] for h in history] == [0, 3, 6]  # what it begins with, too
    for name in ("bce_0.5", "bce_0.5_told", "bce_0.8_nifc-piano", "bce_0.8_openscore-lieder"):
        assert all(np.isfinite(h[name]) for h in history), name
    assert history[-1]["bce_0.95_nifc-piano"] != history[0]["bce_0.95_nifc-piano"]


def test_an_interrupted_run_ends_in_the_same_weights(archives: Path, whole_run: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop_at_four(fraction: float, message: str) -> None:
        if message.startswith("step 4"):
            raise Stop

    options = replace(OPTIONS, checkpoint_minutes=0.0)
    with pytest.raises(Stop):
        train(archives, tmp_path, config=TINY, options=options, on_progress=stop_at_four)
    assert [path.name for path in checkpoints(tmp_path)] == [
        "checkpoint-00000003.safetensors",
        "checkpoint-00000002.safetensors",  # the last two, no more
    ]
    heard: list[str] = []
    train(archives, tmp_path, config=TINY, options=options, on_progress=lambda f, message: heard.append(message))
    assert "going on from checkpoint-00000003.safetensors, step 3" in heard
    a, b = (load_weights(run / "weights").state_dict() for run in (whole_run, tmp_path))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_ctrl_c_saves_and_says_so(archives: Path, tmp_path: Path) -> None:
    def interrupt(fraction: float, message: str) -> None:
        if message.startswith("step 2"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Cancelled, match="stopped at step 2, which is saved; the same command goes on"):
        train(archives, tmp_path, config=TINY, options=OPTIONS, on_progress=interrupt)
    assert checkpoints(tmp_path)[0].name == "checkpoint-00000002.safetensors"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_is_told_to_end_saves_and_says_so(archives: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.research.test_train_mix import TINY, OPTIONS\n"
        "from dataclasses import replace\n"
        "from diffbgm.errors import Cancelled\n"
        "from diffbgm.research.training.train import train\n"
        "try:\n"
        "    train(sys.argv[1], sys.argv[2], config=TINY, options=replace(OPTIONS, steps=10**5, validate_every=10**5),"
        " on_progress=lambda f, m: print(m, flush=True))\n"
        "except Cancelled as e:\n"
        "    print(e)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code, str(archives), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        deadline = time.monotonic() + 60
        for line in run.stdout:
            if line.startswith("step 2") or time.monotonic() > deadline:
                break
        run.send_signal(signal.SIGTERM)
        said = run.stdout.read()
    assert run.returncode == 0
    step = json.loads((tmp_path / "checkpoint.json").read_text())["step"]
    assert step >= 2
    assert f"stopped at step {step}" in said
    assert checkpoints(tmp_path)[0].name == f"checkpoint-{step:08d}.safetensors"


def saved_state(out: Path, step: int):
    state = begin(TINY, OPTIONS, None, CPU)
    state.step = step
    for parameter in state.model.parameters():
        parameter.grad = torch.full_like(parameter, 0.1 * step)
    state.optimizer.step()
    save_checkpoint(state, out)
    return state


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    saved_state(tmp_path, 1)
    saved_state(tmp_path, 2)
    newest = checkpoints(tmp_path)[0]
    body = bytearray(newest.read_bytes())
    body[-100] ^= 0xFF  # a bit that a disk lost; the length is right
    newest.write_bytes(bytes(body))
    state = begin(TINY, OPTIONS, None, CPU)
    with pytest.warns(UserWarning, match="00000002.*damaged.*checksum"):
        assert load_checkpoint(state, tmp_path) == checkpoints(tmp_path)[1]
    assert state.step == 1
    newest.write_bytes(bytes(body[:1000]))
    with pytest.warns(UserWarning, match="damaged"):
        load_checkpoint(begin(TINY, OPTIONS, None, CPU), tmp_path)
    checkpoints(tmp_path)[1].write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(WeightsError, match="none of its 2 checkpoints"):
        load_checkpoint(begin(TINY, OPTIONS, None, CPU), tmp_path)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    saved_state(tmp_path, 1)
    state = saved_state(tmp_path, 2)
    good = {path.name: path.read_bytes() for path in checkpoints(tmp_path)}
    state.step = 3
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # writing more fails as on a full disk
    try:
        with pytest.warns(UserWarning, match="step 3 is not saved"):
            keep_checkpoint(state, tmp_path, needed=False)
        with pytest.raises(OutputError):
            keep_checkpoint(state, tmp_path, needed=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name: path.read_bytes() for path in checkpoints(tmp_path)} == good
    assert not list(tmp_path.glob(".diffbgm-*"))
    keep_checkpoint(state, tmp_path, needed=False)
    assert checkpoints(tmp_path)[0].name == "checkpoint-00000003.safetensors"


def test_a_run_of_another_shape_is_refused(tmp_path: Path) -> None:
    saved_state(tmp_path, 1)
    with pytest.raises(WeightsError, match="another shape"):
        load_checkpoint(begin(Config.tiny(), OPTIONS, None, CPU), tmp_path)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--steps", "0"), ("--steps", "-1"), ("--minutes", "0"), ("--minutes", "nan"), ("--batch", "0"),
     ("--learning-rate", "nan"), ("--learning-rate", "-1"), ("--learning-rate", "inf")],
)  # fmt: skip
def test_numbers_that_train_nothing_are_refused(
    archives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    out = tmp_path / "out"
    try:
        code = main(["train", "--data", str(archives), "--out", str(out), option, value])
    except SystemExit as refused:  # by the parser
        code = refused.code
    said = capsys.readouterr().err
    assert code == 2
    assert option.removeprefix("--") in said.replace("_", "-")
    assert value in said
    assert not out.exists()
    with pytest.raises(InputError):
        TrainOptions(**{option.removeprefix("--").replace("-", "_"): float(value)})


def test_the_usual_network_for_corpora_begins_from_weights_that_know_none_of_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_weights(Denoiser(Config.tiny()), tmp_path)
    state = begin(TINY, OPTIONS, tmp_path, CPU)
    assert state.model.config == TINY
    assert told_config().genres == GENRES
    assert not state.model.names["genre"].to_noise.weight.any()  # pyright: ignore[reportAttributeAccessIssue]


def test_validate_puts_weights_and_a_run_side_by_side(
    archives: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_weights(Denoiser(Config.tiny()), tmp_path / "old")
    command = ["validate", str(tmp_path / "old"), str(whole_run), "--data", str(archives), "--n", "4"]
    assert main([*command, "--pieces", str(tmp_path / "kept.pickle")]) == 0
    table = capsys.readouterr().out
    assert (tmp_path / "kept.pickle").exists()
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| nifc-piano")]
    assert len(rows) == 3 * 4 * 2  # told, levels, networks
    assert {row[1].strip() for row in rows} == {"plan", "genre", "all"}
    old = {(row[1], row[2]): row[4] for row in rows if "old" in row[3]}
    assert old[(" plan ", " 0.5 ")] == old[(" all ", " 0.5 ")]  # it cannot be told more
    assert main(["validate", str(tmp_path), "--data", str(archives)]) == 2
    assert "neither weights" in capsys.readouterr().err
    assert main([*command, "--only", "freedoom"]) == 2


def test_the_average_of_a_run_that_goes_on_is_what_it_would_save(whole_run: Path) -> None:
    model, saved = open_weights(whole_run), load_weights(whole_run / "weights")
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, saved.state_dict()[name], atol=0.02)


def test_intervals_draw_whole_pieces() -> None:
    owner = np.repeat(np.arange(20), 10)
    values = np.repeat(np.random.default_rng(0).normal(1.0, 1.0, 20), 10)  # no spread within pieces
    low, high = interval(values, owner, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values[::10].std() / 20**0.5, rel=0.25)


def test_own_music_of_a_mix_keeps_each_metre(archives: Path, whole_run: Path, tmp_path: Path) -> None:
    mix = Mix.of(read_mix(sorted(archives.glob("*.zip")))[0])
    plans = plans_of_mix(mix, 200, 0)
    assert [window.cells.shape[1] for window in plans] == sorted((w.cells.shape[1] for w in plans), reverse=True)
    few = [plans[0], plans[1], plans[-1]]
    model, file = load_weights(whole_run / "weights"), tmp_path / "own.npz"
    own = own_windows(model, few, ComposeOptions(), file, lambda f, m: None)
    assert [window.cells.shape[1] for window in own] == [128, 128, 96]
    again = own_windows(model, few, ComposeOptions(), file, lambda f, m: None)
    assert all(np.array_equal(a.cells, b.cells) for a, b in zip(own, again, strict=True))
    lengths = {Batch.of(draw_windows(own, step, OPTIONS)).cells.shape[2] for step in range(20)}
    assert lengths == {128, 96}


def test_a_run_on_own_music_reads_a_folder_of_archives(archives: Path, whole_run: Path, tmp_path: Path) -> None:
    run = ["--out", str(tmp_path), "--own", "2", "--start-from", str(whole_run / "weights"), "--steps", "2"]
    assert main(["train", "--data", str(archives), *run, "--batch", "2"]) == 0
    a, b = (load_weights(folder / "weights").state_dict() for folder in (whole_run, tmp_path))
    assert any(not torch.equal(a[name], b[name]) for name in a)
