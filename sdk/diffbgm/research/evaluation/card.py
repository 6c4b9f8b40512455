"""The model card, written from the figures that were measured: metrics.json holds the reports, loss.json the run."""

import json
from pathlib import Path
from typing import Any

from diffbgm.errors import InputError
from diffbgm.research.metrics.report import Report, format_value, plain, write_text

ORDER = ("systems", "retrieval", "model", "ablations", "sweep", "pieces", "sync", "semantics", "sound", "video")
METRICS, LOSS, CARD = "metrics.json", "loss.json", "README.md"

HEAD = """---
license: apache-2.0
library_name: diffbgm
tags:
- music-generation
- video
- midi
- diffusion
- piano-roll
---

# diffbgm: the bundled weights

A denoiser over piano rolls [4, 128, 88] (melody and accompaniment, onsets and sustains, eight bars of sixteenths) that
composes background music under a plan made from a video, after *Diff-BGM: A Diffusion Model for Video Background Music
Generation* (Li et al., CVPR 2024). A convolutional U-Net around a transformer of beat tokens, with an attention that
recalls the notes of other beats, and segment-aware cross-attention to a dynamic stream (a token a beat) and a semantic
stream (a token a scene), each let through by a gate that the noise level drives.

```python
from diffbgm import DiffBGM

DiffBGM.from_pretrained().score("clip.mp4", seed=1).save("scored.mp4")
```

## Files

`model.safetensors` (bfloat16, the exponential moving average) and `config.json` (the constructor's arguments) are the
model. `director.safetensors` and `director.json` are a small head that reads the level and mode of the music off CLIP
features, with its own figures; everything works without it. `metrics.json` holds every figure below, `loss.json` and
`loss.png` the training run, `plan.png` an example.

## Intended use, and limits

Background music for videos, to be edited and published freely. The model knows pop piano in 4/4 and works in one scale
at a time; instruments, velocities of all roles but the two it predicts, percussion and pads come from rules. It has not
been rated by listeners. It may repeat short melodic figures of its training songs; the share is in the table.

## Data

POP909 (Wang et al., ISMIR 2020, MIT licence) with its hierarchical structure annotation (Dai et al., ISMIR 2020, MIT
licence): 4/4 songs, those whose id hashes below 5 % held out for validation and never trained on. The director was
fitted on the features of MuVi-Sync (Kang et al., 2024), whose licence could not be confirmed: leave its two files out
where that matters. The ear (`diffbgm.research.metrics.affect`) was fitted on VGMIDI's labels; no generator was trained
on it. Soundfonts are not part of this repository.
"""


def add_to_card(report: Report, kind: str, folder: Path) -> Path:
    """Puts a report into `folder`/metrics.json under its kind, and writes the card anew; returns the card."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one with the weights")
    metrics = read(folder / METRICS)
    metrics[kind] = {"title": report.title, "seed": report.seed, "data": plain(report.data)}
    metrics[kind]["tables"] = plain(list(report.tables))
    write_text(folder / METRICS, json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return write_text(folder / CARD, card_text(metrics, read(folder / LOSS)))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def card_text(metrics: dict[str, Any], loss: dict[str, Any]) -> str:
    """The whole card as Markdown."""
    parts = [HEAD]
    if loss.get("history"):
        parts.append(training_text(loss))
    for kind in sorted(metrics, key=lambda k: ORDER.index(k) if k in ORDER else len(ORDER)):
        report = metrics[kind]
        parts.append(f"## {report['title']}\n\n`{command(kind)}`, seed {report['seed']}.\n")
        parts += [f"{table['title']}\n\n{markdown_table(table)}" for table in report["tables"]]
    return "\n".join(parts)


def command(kind: str) -> str:
    if kind == "systems":
        return "diffbgm evaluate all --data FOLDER"
    data = {
        "model": " --data POP909.zip",
        "ablations": " --data POP909.zip",
        "sweep": " --data POP909.zip",
        "pieces": " --data POP909.zip",
        "sync": " --compose",
        "semantics": " --muvisync FOLDER",
        "retrieval": " --data FOLDER",
    }.get(kind, "")
    return f"diffbgm evaluate {kind}{data}"


def training_text(loss: dict[str, Any]) -> str:
    options, last = loss["options"], loss["history"][-1]
    windows, minutes = last["step"] * options["batch"], last["seconds"] / 60
    levels = ", ".join(f"{last[k]:.4f} at t = {k[4:]}" for k in last if k.startswith("bce_"))
    return f"""## Training

`diffbgm train --data POP909.zip --out runs/mine --minutes {minutes:.0f}{loss.get("more", "")}`:
{last["step"]} steps of {options["batch"]} windows ({windows} in all), AdamW at {options["learning_rate"]}, cosine,
moving average {options["ema"]} every {options["ema_every"]} steps.
Validation cross-entropy by the averaged weights, in nats a sixteenth: {levels} (n = {options["validation_windows"]}
windows, seed {options["seed"]}; the whole curve is in `loss.json`).
{" ".join(loss.get("notes", []))}

![Loss curve](loss.png)
"""


def markdown_table(table: dict[str, Any]) -> str:
    """A report's table as Markdown, its note below."""
    rows = [[format_value(value).replace("|", "/") for value in row] for row in table["rows"]]
    lines = [" | ".join(c or " " for c in table["columns"]), " | ".join("---" for _ in table["columns"])]
    lines += [" | ".join(row) for row in rows]
    body = "\n".join(f"| {line} |" for line in lines)
    return f"{body}\n\n{table['note']}\n"
