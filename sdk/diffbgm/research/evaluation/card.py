"""The model card and EVALUATION.md of a weights folder, written from its metrics.json, loss.json and config.json.

Nothing in them is typed by hand: the prose is a template that holds for any weights, and every report says which
weights, sampler and version it was made with.
"""

import json
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from diffbgm.errors import InputError
from diffbgm.files import file_sha256, write_json, write_text
from diffbgm.hub import CONFIG, WEIGHTS
from diffbgm.research.metrics.report import Report, format_value
from diffbgm.types import STEPS_PER_BAR

METRICS, LOSS, CARD, EVALUATION = "metrics.json", "loss.json", "README.md", "EVALUATION.md"
DIRECTOR = "director.safetensors"
# The parts in the order to read them, and the command that prints each.
COMMANDS = {
    "systems": "diffbgm evaluate all --data FOLDER",
    "published": "diffbgm evaluate all --data FOLDER",
    "retrieval": "diffbgm evaluate retrieval --data FOLDER",
    "model": "diffbgm evaluate model --data POP909.zip",
    "corpora": "diffbgm evaluate corpora --data FOLDER",
    "genres": "diffbgm evaluate genres --data POP909.zip CORPUS.zip ...",
    "chords": "diffbgm evaluate chords --data POP909.zip",
    "metre": "diffbgm evaluate metre --data CORPUS.zip",
    "ablations": "diffbgm evaluate ablations --data POP909.zip",
    "sweep": "diffbgm evaluate sweep --data POP909.zip",
    "pieces": "diffbgm evaluate pieces --data POP909.zip",
    "sync": "diffbgm evaluate sync --compose",
    "semantics": "diffbgm evaluate semantics --muvisync FOLDER",
    "sound": "diffbgm evaluate sound --beside FOLDER ...",
    "ensembles": "diffbgm evaluate ensembles",
    "judges": "diffbgm evaluate judges --data POP909.zip --beside FOLDER ... --python PYTHON",
    "listening": "diffbgm evaluate listening --read results/*.json",
}


def add_to_card(reports: Mapping[str, Report], folder: Path) -> Path:
    """Puts reports into `folder`/metrics.json by their kind and writes card and EVALUATION.md; returns the card."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one with the weights")
    metrics = read_json(folder / METRICS) | {kind: report.to_dict() for kind, report in reports.items()}
    write_json(folder / METRICS, metrics)
    return write_card(folder)


def write_card(folder: Path) -> Path:
    """Writes README.md and EVALUATION.md of a weights folder; returns the former.

    Raises:
        InputError: The folder holds no weights, or one of its JSON files is damaged.
    """
    import jinja2
    from huggingface_hub import EvalResult, ModelCardData

    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: no {name} there; a card describes a folder of weights")
    digest = file_sha256(folder / WEIGHTS)
    metrics, loss, config = (read_json(folder / name) for name in (METRICS, LOSS, CONFIG))
    reports = [report_facts(kind, metrics[kind], digest) for kind in sorted(metrics, key=reading_order)]
    results = [
        EvalResult(
            task_type="other",
            task_name="Background music for videos",
            dataset_type=dataset,
            dataset_name=dataset,
            metric_type=metric,
            metric_name=name,
            metric_value=round(value, 4),
        )
        for dataset, metric, name, value in headline(metrics, digest)
    ]
    card_data = ModelCardData(
        license="apache-2.0",
        library_name="diffbgm",
        tags=["music-generation", "video", "midi", "diffusion", "piano-roll"],
        model_name="diffbgm",
        eval_results=results or None,
    )
    facts = {
        "card_data": card_data.to_yaml(),
        "name": loss.get("name") or folder.resolve().name,
        "hub_id": loss.get("hub_id"),
        "config": config,
        "steps": config.get("bars", 8) * STEPS_PER_BAR,
        "parameters": count_parameters(folder / WEIGHTS),
        "digest": digest,
        "director": (folder / DIRECTOR).is_file(),
        "director_data": read_json(folder / "director.json").get("source"),
        "data": loss.get("data"),
        "training": training_facts(loss) if loss.get("history") else None,
        "loss_plot": (folder / "loss.png").is_file(),
        "reports": reports,
    }
    templates = resources("diffbgm.research.evaluation") / "templates"
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    written = {}
    for name, template in ((CARD, "card.md"), (EVALUATION, "evaluation.md")):
        text = environment.from_string((templates / template).read_text(encoding="utf-8")).render(facts)
        written[name] = write_text(folder / name, text.rstrip() + "\n")
    return written[CARD]


def reading_order(kind: str) -> int:
    """The place of a report in the card; unknown kinds come last."""
    return list(COMMANDS).index(kind) if kind in COMMANDS else len(COMMANDS)


def report_facts(kind: str, report: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """What the templates need of a report as `Report.to_dict` gave it."""
    return {
        "title": report["title"],
        "seed": report["seed"],
        "command": COMMANDS.get(kind, f"diffbgm evaluate {kind}"),
        "made_with": describe_provenance(report.get("made_with"), digest),
        "tables": [{**table, "markdown": markdown_table(table)} for table in report["tables"]],
    }


def describe_provenance(made_with: Mapping[str, Any] | None, digest: str) -> str:
    """Which weights and sampler a report was made with, beside the weights with this digest."""
    if not made_with:
        return "weights that the report does not name (an older version)"
    version = f"diffbgm {made_with['version']}"
    if not made_with["weights"]:
        return f"no weights, {version}"
    whose = "these weights" if made_with["weights"] == digest else f"OTHER weights ({made_with['weights'][:12]})"
    settings = ", ".join(f"{name} {value}" for name, value in made_with["sampler"].items())
    return f"{whose}, {version}; sampler: {settings}" if settings else f"{whose}, {version}"


def headline(metrics: Mapping[str, Any], digest: str) -> list[tuple[str, str, str, float]]:
    """(data set, metric, its name, value) for the card's metadata, of reports made with these weights alone."""
    found = []
    for kind, report in metrics.items():
        if (report.get("made_with") or {}).get("weights") != digest:
            continue
        if kind == "model":
            data = report["data"]
            found += [("POP909", name, m["title"], m["generated"]) for name, m in data["measures"].items()]
            found.append(("POP909", "auc", "two-sample AUC", data["two_sample"]["auc"]))
        if kind == "retrieval":
            for name, row in report["data"]["videos"].items():
                if name == "this model":
                    found.append(("MuVi-Sync", "precision_at_20", "P@20", row["precision"]["20"]))
    return found


def training_facts(loss: Mapping[str, Any]) -> dict[str, Any]:
    """What loss.json says of the run."""
    options, last = loss["options"], loss["history"][-1]
    minutes = round(last["seconds"] / 60)
    default = f"diffbgm train --data POP909.zip --out runs/mine --minutes {minutes}{loss.get('more', '')}"
    return {
        "command": loss.get("command", default),
        "steps": last["step"],
        "batch": options["batch"],
        "windows": last["step"] * options["batch"],
        "minutes": minutes,
        "learning_rate": options["learning_rate"],
        "ema": options["ema"],
        "ema_every": options["ema_every"],
        "validation": validation_rows(last, options),
        "seed": options["seed"],
        "notes": loss.get("notes", []),
    }


def validation_rows(last: Mapping[str, float], options: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table of validation losses: a head, then a row per set of windows; see `validation.validation_windows`."""
    levels: dict[str, dict[str, float]] = {}
    for key, value in last.items():
        if key.startswith("bce_"):
            level, _, name = key.removeprefix("bce_").partition("_")
            levels.setdefault(name, {})[level] = value
    few = options.get("other_windows", 0)
    names = {"": "told what plans tell", "told": "the same corpus, told everything"}
    counts = {"": options["validation_windows"], "told": 4 * few}
    columns = tuple(levels[""])
    rows = [
        (names.get(name, f"{name}, told everything"), str(counts.get(name, few)), *(f"{row[c]:.4f}" for c in columns))
        for name, row in levels.items()
    ]
    return [("windows", "n", *(f"t = {c}" for c in columns)), *rows]


def count_parameters(path: Path) -> int:
    """Numbers in a safetensors file, from its header."""
    from math import prod

    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 (not a mapping)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file. InputError for a damaged one."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise InputError(f"{path}: not JSON ({e}); restore it or remove it") from e
    if not isinstance(value, dict):
        raise InputError(f"{path}: must hold an object; restore it or remove it")
    return value


def markdown_table(table: Mapping[str, Any]) -> str:
    """A report's table as Markdown."""
    rows = [[format_value(value).replace("|", "/") for value in row] for row in table["rows"]]
    lines = [" | ".join(c or " " for c in table["columns"]), " | ".join("---" for _ in table["columns"])]
    return "\n".join(f"| {line} |" for line in [*lines, *(" | ".join(row) for row in rows)])
