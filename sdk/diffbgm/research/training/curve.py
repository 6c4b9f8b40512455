"""The validation curve of a run: loss.json and loss.png."""

import math
from dataclasses import asdict
from pathlib import Path

from diffbgm.files import replacing, write_json
from diffbgm.research.training.checkpoint import State
from diffbgm.research.training.loss import VALIDATION_LEVELS
from diffbgm.research.training.options import TrainOptions


def write_curve(state: State, options: TrainOptions, out: Path) -> None:
    """loss.json (every validation so far, the options, the configuration) and loss.png."""
    told = {k: v for k, v in asdict(options).items() if v != math.inf}
    record = {"options": told, "config": state.model.config.to_dict(), "history": state.history}
    write_json(out / "loss.json", record)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name in ("nats", *(f"bce_{t}" for t in VALIDATION_LEVELS)):
        points = [(h["step"], h[name]) for h in state.history if name in h]
        label = "training, all noise levels" if name == "nats" else f"validation at t = {name[4:]}"
        axes.plot([step for step, _ in points], [value for _, value in points], label=label)
    axes.set(xlabel=f"steps of {options.batch} windows", ylabel="nats a sixteenth", ylim=(0, 25))
    axes.legend()
    with replacing(out / "loss.png") as file:
        figure.savefig(file, dpi=110)
    plt.close(figure)
