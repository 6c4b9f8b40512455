"""One training loop, read from the top. `diffbgm train --data FOLDER --out runs/first`."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from diffbgm.composer import Config, Denoiser
from diffbgm.composer.config import METRES
from diffbgm.composer.device import make_accelerator
from diffbgm.errors import Cancelled, DataError, OutputError
from diffbgm.files import make_folder, remove_abandoned
from diffbgm.hub import load_weights, save_weights
from diffbgm.research.datasets.bgm909 import is_bgm909, load
from diffbgm.research.datasets.corpora import CORPORA, corpora_in, is_corpus
from diffbgm.research.datasets.mix import Mix, kept_mix
from diffbgm.research.datasets.pairs import paired_pieces
from diffbgm.research.datasets.pop909 import Song, is_validation, read_songs
from diffbgm.research.datasets.windows import TrainingPiece, prepare
from diffbgm.research.training.batches import Source, batches
from diffbgm.research.training.checkpoint import State, load_checkpoint, save_checkpoint
from diffbgm.research.training.curve import write_curve
from diffbgm.research.training.loss import (
    TRANSPOSED_LEVEL,
    VALIDATION_LEVELS,
    batch_loss,
    levels_for,
    validation_bce,
    window_bce,
)
from diffbgm.research.training.options import TrainOptions, schedule
from diffbgm.research.training.stopping import stop_signals
from diffbgm.research.training.validation import validate, validation_windows
from diffbgm.research.training.widen import grown, widen
from diffbgm.types import GENRES

__all__ = [
    "TRANSPOSED_LEVEL",
    "VALIDATION_LEVELS",
    "TrainOptions",
    "begin",
    "levels_for",
    "schedule",
    "split",
    "train",
    "train_on",
    "validation_bce",
    "window_bce",
]
TELL_EVERY = 10  # steps after which the loss that is told is read anew
PIECES = "pieces.pickle"  # what a run on many corpora has read
Tell = Callable[[float, str], None]


def train(
    data: Path | str,
    out: Path | str,
    *,
    config: Config | None = None,
    options: TrainOptions | None = None,
    start_from: Path | str | None = None,
    mix: float = 0.5,
    on_progress: Tell | None = None,
) -> Path:
    """Trains and leaves weights, loss curve and checkpoints in `out`; continues a run there.

    Args:
        data: POP909 (folder or zip); an archive of `datasets.corpora` or a folder of them, POP909 among them or not,
            whose genre, metre and harmony the network is told then; or BGM909 (folder), where videos ask for the music.
        out: The folder of the run; made where it is not there.
        config: The network's shape; None for the usual one of this data.
        options: Steps, batch size, learning rate, seed and the like; None for the defaults.
        start_from: A weights folder to begin with, not random weights.
        mix: BGM909: the share of windows for which the music asks itself.
        on_progress: Called with the finished fraction (0..1) and a message.

    Returns the folder with the averaged weights. Raises DataError and WeightsError for data and weights that do not
    do, Cancelled where the process was asked to stop: then the checkpoint is written, and the same call goes on.
    """
    options = options or TrainOptions()
    out = make_folder(out)
    remove_abandoned(out)
    source: Source
    if is_bgm909(data):
        source, validation = paired_pieces(load(data), mix)
        usual = Config(clip_width=source[0].clip_width)
    elif archives := archives_of(Path(data)):
        pieces, held = kept_mix(archives, out / PIECES, on_progress)
        source, validation, usual = Mix.of(pieces), [packed.open() for packed in held], told_config()
    else:
        source, validation = split(read_songs(data))
        usual = Config(clip_width=source[0].clip_width)
    return train_on(source, validation, out, config or usual, options, start_from, on_progress)


def archives_of(data: Path) -> list[Path]:
    """The corpus archives that `data` is or holds; none where it is POP909 alone."""
    if data.is_dir() and (found := corpora_in(data)):
        return found
    return [data] if data.exists() and is_corpus(data, common=True) else []


def told_config(**changes: object) -> Config:
    """The usual network with room for everything that corpora tell of their pieces."""
    told = {"genres": GENRES, "corpora": tuple(CORPORA), "metres": tuple(METRES), "harmony": True}
    return replace(Config(), **{**told, **changes})  # type: ignore[arg-type]


def train_on(
    training: Source,
    validation: Sequence[TrainingPiece],
    out: Path,
    config: Config,
    options: TrainOptions,
    start_from: Path | str | None = None,
    on_progress: Tell | None = None,
) -> Path:
    """`train` on pieces, windows or a mix at hand; `out` is there."""
    tell = on_progress or (lambda fraction, message: None)
    accelerator = make_accelerator()
    state = begin(config, options, start_from, accelerator.device)
    if (taken := load_checkpoint(state, out)) is not None:
        tell(progress(state, options), f"going on from {taken.name}, step {state.step}")
    torch.backends.cudnn.benchmark = True  # windows have a few lengths, met again and again
    model, optimizer = accelerator.prepare(state.model, state.optimizer)
    examples = validation_windows(validation, options)
    if not state.step and isinstance(training, Mix):
        state.history = ({"step": 0, "seconds": 0.0, **validate(state, examples, options)},)
    began, saved = time.monotonic() - state.seconds, time.monotonic()
    running: list[dict[str, Tensor]] = []
    loss = math.nan  # read off the device now and then only: each time it is waited for
    with stop_signals() as stopped:
        drawn = batches(training, state.step, options, config)
        while (done := progress(state, options)) < 1:
            for group in state.optimizer.param_groups:
                group["lr"] = options.learning_rate * schedule(state.step, done, options)
            losses = batch_loss(model, next(drawn), options, state.step, accelerator)
            accelerator.backward(losses["loss"])
            accelerator.clip_grad_norm_(model.parameters(), options.clip_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            state.step += 1
            if state.step % options.ema_every == 0:
                update_average(state, options.ema)
            state.seconds = time.monotonic() - began
            running.append({name: value.detach() for name, value in losses.items()})
            if state.step % TELL_EVERY == 1 or math.isnan(loss):
                loss = float(running[-1]["loss"])
            tell(done, f"step {state.step}, loss {loss:.2f}, {state.seconds / 60:.1f} min")
            last = progress(state, options) >= 1
            if state.step % options.validate_every == 0 or last:
                means = {name: float(torch.stack([r[name] for r in running]).mean()) for name in running[0]}
                record = {"step": state.step, "seconds": round(state.seconds, 1), **means}
                state.history += ({**record, **validate(state, examples, options)},)
                running.clear()
                write_curve(state, options, out)
            if last or stopped or time.monotonic() - saved > 60 * options.checkpoint_minutes:
                keep_checkpoint(state, out, needed=last or bool(stopped))
                saved = time.monotonic()
            if stopped and not last:
                said = f"stopped at step {state.step}, which is saved; the same command goes on from there"
                raise Cancelled(said, stopped[0])
    average = Denoiser(state.model.config)
    average.load_state_dict(state.average)
    return save_weights(average, out / "weights", torch.bfloat16)


def keep_checkpoint(state: State, out: Path, *, needed: bool) -> None:
    """`save_checkpoint`; where the disk is full, a run that goes on goes on with a warning and its former ones."""
    try:
        save_checkpoint(state, out)
    except OutputError as e:
        if needed:
            raise
        warnings.warn(f"step {state.step} is not saved: {e}", stacklevel=2)


def split(songs: Sequence[Song]) -> tuple[list[TrainingPiece], list[TrainingPiece]]:
    """Training and validation pieces by the songs' fixed split; DataError when either is empty."""
    parts: tuple[list[TrainingPiece], list[TrainingPiece]] = ([], [])
    for song in songs:
        parts[is_validation(song.id)].append(prepare(song))
    if not parts[0] or not parts[1]:
        raise DataError(
            f"{len(songs)} usable songs leave {len(parts[0])} to train on, {len(parts[1])} to validate with; give more"
        )
    return parts


def begin(config: Config, options: TrainOptions, start_from: Path | str | None, device: torch.device) -> State:
    """Random weights from the seed, or those in a folder; the optimizer spares norms and biases its decay."""
    torch.manual_seed(options.seed)
    if start_from is None:
        model = Denoiser(config)
    else:
        start = widen(load_weights(start_from), config.clip_width)
        model = grown(start, config).requires_grad_(True).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = options.dropout
    model = model.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98))
    return State(model, optimizer, {name: t.detach().clone() for name, t in model.state_dict().items()})


def progress(state: State, options: TrainOptions) -> float:
    """0..1 of the run."""
    return max(state.step / options.steps, state.seconds / (60 * options.minutes))


def update_average(state: State, decay: float) -> None:
    """Exponential moving average of the weights, slower to forget as the run goes on."""
    decay = min(decay, (1 + state.step / 4) / (10 + state.step / 4))
    for name, value in state.model.state_dict().items():
        state.average[name].lerp_(value.detach().to(state.average[name].dtype), 1 - decay)
