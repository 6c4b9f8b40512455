"""One training loop, read from the top. `diffbgm train --data POP909.zip --out runs/first`."""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffbgm.composer import Config, Denoiser
from diffbgm.composer.condition import Condition
from diffbgm.composer.denoiser import signal_and_noise
from diffbgm.composer.device import make_accelerator
from diffbgm.errors import DataError, WeightsError
from diffbgm.hub import load_weights, save_weights
from diffbgm.research.datasets.bgm909 import is_bgm909, load
from diffbgm.research.datasets.pairs import paired_pieces
from diffbgm.research.datasets.pop909 import Song, is_validation, read_songs
from diffbgm.research.datasets.windows import (
    Sampling,
    TrainingPiece,
    Window,
    cut_window,
    draw_window,
    hide,
    prepare,
    view_window,
)
from diffbgm.research.training.widen import widen

VALIDATION_LEVELS = (0.2, 0.5, 0.8, 0.95)
TRANSPOSED_LEVEL = 0.45  # up to here the key is heard through the noise, and music in any key teaches the network


@dataclass(frozen=True)
class TrainOptions:
    """`steps` or `minutes`, whichever comes first, end the run; the learning rate falls to a tenth along the way."""

    steps: int = 10_000
    minutes: float = math.inf
    batch: int = 16
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.1
    dropout: float = 0.1  # in the beat transformer
    clip_norm: float = 1.0
    ema: float = 0.996
    ema_every: int = 4
    self_condition: float = 0.5
    velocity_weight: float = 2.0
    seed: int = 0
    checkpoint_minutes: float = 10.0
    validate_every: int = 500
    validation_windows: int = 128
    sampling: Sampling = field(default_factory=Sampling)


@dataclass
class State:
    """What a checkpoint holds; with the seed it fixes the rest of the run, as every step draws its own randomness."""

    model: Denoiser
    optimizer: torch.optim.AdamW
    average: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0
    history: tuple[dict[str, float], ...] = ()


def train(
    data: Path | str,
    out: Path | str,
    *,
    config: Config | None = None,
    options: TrainOptions | None = None,
    start_from: Path | str | None = None,
    mix: float = 0.5,
    on_progress: Callable[[float, str], None] | None = None,
) -> Path:
    """Trains on POP909 (folder or zip) and leaves weights, loss curve and checkpoint in `out`; continues a run there.

    `start_from`: a weights folder to begin with, not random weights. Returns the folder with the averaged weights.
    On a BGM909 folder the videos ask for the music; in a share `mix` of the windows the music asks for itself.
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    training, validation = paired_pieces(load(data), mix) if is_bgm909(data) else split(read_songs(data))
    config = config or Config(clip_width=training[0].clip_width)
    options = options or TrainOptions()
    return train_on(training, validation, Path(out), config, options, start_from, on_progress)


def train_on(
    training: Sequence[TrainingPiece] | Sequence[Window],
    validation: Sequence[TrainingPiece],
    out: Path,
    config: Config,
    options: TrainOptions,
    start_from: Path | str | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> Path:
    """`train` on pieces, or windows, at hand; `out` is there."""
    accelerator = make_accelerator()
    state = begin(config, options, start_from, accelerator.device)
    if (out / "checkpoint.json").exists():
        load_checkpoint(state, out)
    model, optimizer = accelerator.prepare(state.model, state.optimizer)
    examples = validation_batch(validation, options)
    began, saved = time.monotonic() - state.seconds, time.monotonic()
    running: list[dict[str, float]] = []
    while (done := progress(state, options)) < 1:
        for group in state.optimizer.param_groups:
            group["lr"] = options.learning_rate * schedule(state.step, done, options)
        losses = batch_loss(model, draw_batch(training, state.step, options), options, state.step, accelerator)
        accelerator.backward(losses["loss"])
        accelerator.clip_grad_norm_(model.parameters(), options.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state.step += 1
        if state.step % options.ema_every == 0:
            update_average(state, options.ema)
        state.seconds = time.monotonic() - began
        running.append({name: float(value.detach()) for name, value in losses.items()})
        if on_progress:
            on_progress(done, f"step {state.step}, loss {running[-1]['loss']:.2f}, {state.seconds / 60:.1f} min")
        last = progress(state, options) >= 1
        if state.step % options.validate_every == 0 or last:
            means = {name: float(np.mean([r[name] for r in running])) for name in running[0]}
            record = {"step": state.step, "seconds": round(state.seconds, 1), **means}
            state.history += ({**record, **validate(state, examples, options)},)
            running.clear()
            write_curve(state, options, out)
        if last or time.monotonic() - saved > 60 * options.checkpoint_minutes:
            save_checkpoint(state, out)
            saved = time.monotonic()
    average = Denoiser(state.model.config)
    average.load_state_dict(state.average)
    return save_weights(average, out / "weights", torch.bfloat16)


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


def grown(model: Denoiser, config: Config) -> Denoiser:
    """The same network in the shape of `config`, which may add the recall it lacked: that begins at zero."""
    wider = Denoiser(replace(model.config, recall=model.config.recall or config.recall))
    added = wider.load_state_dict(model.state_dict(), strict=False).missing_keys
    if alien := [name for name in added if not name.startswith("recall.")]:
        raise WeightsError(f"the weights to start from lack {', '.join(alien)}; they are of another shape")
    return wider


def progress(state: State, options: TrainOptions) -> float:
    """0..1 of the run."""
    return max(state.step / options.steps, state.seconds / (60 * options.minutes))


def schedule(step: int, done: float, options: TrainOptions) -> float:
    """Share of the peak learning rate: a warm-up, then a cosine down to a hundredth."""
    return min(1.0, (step + 1) / options.warmup) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def draw_batch(source: Sequence[TrainingPiece] | Sequence[Window], step: int, options: TrainOptions) -> list[Window]:
    """Windows of pieces, or of those at hand."""
    rng = np.random.default_rng([options.seed, step])
    pieces = [each for each in source if isinstance(each, TrainingPiece)]
    if pieces:
        return [draw_window(pieces, rng, options.sampling) for _ in range(options.batch)]
    windows = [each for each in source if isinstance(each, Window)]
    return [hide(windows[int(i)], rng, options.sampling) for i in rng.integers(len(windows), size=options.batch)]


def collate(windows: Sequence[Window], device: torch.device) -> tuple[Tensor, Tensor, Condition]:
    """Cells [B, 4, T, 88] as 0/1 floats, velocities [B, 2, T, 88] (NaN = no onset), conditions."""
    cells = torch.from_numpy(np.stack([w.cells for w in windows])).to(device).float()
    velocity = torch.from_numpy(np.stack([w.velocity for w in windows])).to(device)
    return cells, velocity, Condition.stack([w.tokens for w in windows]).to(device)


def batch_loss(
    model: Any, windows: list[Window], options: TrainOptions, step: int, accelerator: Any
) -> dict[str, Tensor]:
    """Binary cross-entropy of x_0 in nats a sixteenth (over its 352 cells) and squared error of the velocities."""
    cells, velocity, condition = collate(windows, accelerator.device)
    seed = (options.seed << 32) + step
    dice = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # for dropout
    t = levels_for(windows, dice).to(cells)
    a, s = (part[:, None, None, None] for part in signal_and_noise(t))
    x = a * (2 * cells - 1) + s * torch.randn(cells.shape, generator=dice).to(cells)
    estimate = None
    if torch.rand((), generator=dice) < options.self_condition:
        with torch.no_grad(), accelerator.autocast():
            estimate = torch.tanh(model(x, t, condition).logits / 2)
    with accelerator.autocast():
        out = model(x, t, condition, estimate)
    cross_entropy = F.binary_cross_entropy_with_logits(out.logits, cells, reduction="none")
    nats = cross_entropy.sum((1, 3)).mean(1)  # [B] by window
    balanced = (level_weight(t) * nats).mean()
    there = ~velocity.isnan()
    error = ((out.velocity - 0.5) * 2 - velocity.nan_to_num()).square()
    loud = (error * there).sum() / there.sum().clamp_min(1)
    return {
        "loss": balanced + options.velocity_weight * loud,
        "nats": nats.mean().detach(),
        "velocity": loud.detach(),
    }


def levels_for(windows: Sequence[Window], dice: torch.Generator) -> Tensor:
    """[n] a noise level for each: below `TRANSPOSED_LEVEL` where a window is in another key than the model works in."""
    t = draw_levels(len(windows), dice)
    return torch.where(torch.tensor([window.transposed for window in windows]), TRANSPOSED_LEVEL * t, t)


def draw_levels(n: int, dice: torch.Generator) -> Tensor:
    """[n] noise levels: three in ten anywhere, three below .35, where the last doubtful cells are settled, the others
    logit-normal around .43, where notes take their places (after Esser et al. 2024, who found most to be learnt in the
    middle of the range).
    """
    anywhere = torch.rand(n, generator=dice)
    middle = torch.sigmoid(0.7 * torch.randn(n, generator=dice) - 0.3)
    which = torch.rand(n, generator=dice)
    return torch.where(which < 0.3, anywhere, torch.where(which < 0.6, 0.35 * anywhere, middle))


def level_weight(t: Tensor) -> Tensor:
    """Weight of the loss at noise level t: about 1 at pure noise, more where little is left to learn, as in the
    uncertainty weighting of Karras et al. (2024); a trained model's loss is about 12 sin(pi t / 2)^6 nats.
    """
    return 12 / (0.05 + 12 * signal_and_noise(t)[1] ** 6)


def update_average(state: State, decay: float) -> None:
    """Exponential moving average of the weights, slower to forget as the run goes on."""
    decay = min(decay, (1 + state.step / 4) / (10 + state.step / 4))
    for name, value in state.model.state_dict().items():
        state.average[name].lerp_(value.detach().to(state.average[name].dtype), 1 - decay)


def validation_batch(pieces: Sequence[TrainingPiece], options: TrainOptions) -> list[Window]:
    """The same windows of the validation songs every time, with everything that is known of them asked for."""
    rng = np.random.default_rng([options.seed, 1 << 40])
    plain = Sampling.plain()
    chosen = rng.choice(
        len(pieces), options.validation_windows, p=np.array([p.bars for p in pieces]) / sum(p.bars for p in pieces)
    )
    return [
        view_window(pieces[i], rng, plain)
        if pieces[i].views
        else cut_window(pieces[i], int(rng.integers(0, max(1, pieces[i].bars - 8))), 8, rng, plain)
        for i in chosen
    ]


def validate(state: State, windows: Sequence[Window], options: TrainOptions) -> dict[str, float]:
    """`bce_T`: nats a sixteenth at every validation noise level, by the averaged weights; always the same noise."""
    device = next(state.model.parameters()).device
    model = Denoiser(state.model.config).to(device).eval()
    model.load_state_dict(state.average)
    return {f"bce_{t}": value for t, value in validation_bce(model, windows, options.seed).items()}


def validation_bce(
    model: Denoiser, windows: Sequence[Window], seed: int, batch: int = 16, *, again: bool = False
) -> dict[float, float]:
    """Noise level -> binary cross-entropy of x_0 in nats a sixteenth, conditions given: from one evaluation, or `again`
    with the estimate of the first at hand (self-conditioning, as the sampler always has it)."""
    levels = VALIDATION_LEVELS
    return {level: float(window_bce(model, windows, level, seed, batch, again=again).mean()) for level in levels}


@torch.inference_mode()
def window_bce(
    model: Denoiser, windows: Sequence[Window], level: float, seed: int, batch: int = 16, *, again: bool = False
) -> np.ndarray:
    """[n] what `validation_bce` is the mean of, at one noise level: the same noise for every model."""
    device = next(model.parameters()).device
    accelerator = make_accelerator(device.type)
    dice, out = torch.Generator().manual_seed(seed), []
    for i in range(0, len(windows), batch):
        cells, _, condition = collate(windows[i : i + batch], device)
        t = torch.full((len(cells),), level, device=device)
        a, s = (part[:, None, None, None] for part in signal_and_noise(t))
        x = a * (2 * cells - 1) + s * torch.randn(cells.shape, generator=dice).to(cells)
        with accelerator.autocast():
            logits = model(x, t, condition).logits
            if again:
                logits = model(x, t, condition, torch.tanh(logits / 2)).logits
        nats = F.binary_cross_entropy_with_logits(logits, cells, reduction="none").double()
        out.append(nats.sum((1, 3)).mean(1).cpu().numpy())  # [B]
    return np.concatenate(out)


def save_checkpoint(state: State, out: Path) -> None:
    """checkpoint.safetensors (weights, average, moments) and checkpoint.json, renamed into place when whole."""
    from safetensors.torch import save_file

    tensors = {f"model.{n}": t.contiguous() for n, t in state.model.state_dict().items()}
    tensors |= {f"average.{n}": t.contiguous() for n, t in state.average.items()}
    for name, parameter in state.model.named_parameters():
        for key, value in state.optimizer.state[parameter].items():
            tensors[f"optimizer.{key}.{name}"] = value.contiguous()
    notes = {"step": state.step, "seconds": state.seconds, "history": state.history}
    save_file({k: t.cpu() for k, t in tensors.items()}, out / "checkpoint.part", {"notes": json.dumps(notes)})
    os.replace(out / "checkpoint.part", out / "checkpoint.safetensors")
    (out / "checkpoint.json").write_text(json.dumps({"step": state.step, "config": state.model.config.to_dict()}))


def load_checkpoint(state: State, out: Path) -> None:
    """Puts a run back exactly where `save_checkpoint` found it."""
    from safetensors import safe_open

    with safe_open(out / "checkpoint.safetensors", "pt") as file:
        notes = json.loads(file.metadata()["notes"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)

    def part(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

    state.model.load_state_dict(part("model."))
    device = next(state.model.parameters()).device
    state.average = {n: t.to(device) for n, t in part("average.").items()}
    for name, parameter in state.model.named_parameters():
        moments = {key: tensors[f"optimizer.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        like = {"memory_format": torch.channels_last} if parameter.ndim == 4 else {}
        state.optimizer.state[parameter] = {
            k: v if k == "step" else v.to(device).contiguous(**like) for k, v in moments.items()
        }
    state.step, state.seconds = notes["step"], notes["seconds"]
    state.history = tuple(notes["history"])


def write_curve(state: State, options: TrainOptions, out: Path) -> None:
    """loss.json (every validation so far, the options, the configuration) and loss.png."""
    told = {k: v for k, v in asdict(options).items() if v != math.inf}
    record = {"options": told, "config": state.model.config.to_dict(), "history": state.history}
    (out / "loss.json").write_text(json.dumps(record, indent=1) + "\n")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    steps = [h["step"] for h in state.history]
    for name in ("nats", *(f"bce_{t}" for t in VALIDATION_LEVELS)):
        label = "training, all noise levels" if name == "nats" else f"validation at t = {name[4:]}"
        axes.plot(steps, [h[name] for h in state.history], label=label)
    axes.set(xlabel=f"steps of {options.batch} windows", ylabel="nats a sixteenth", ylim=(0, 25))
    axes.legend()
    figure.savefig(out / "loss.png", dpi=110)
    plt.close(figure)
