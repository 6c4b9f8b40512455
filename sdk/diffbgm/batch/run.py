"""Scoring the rows of a manifest: shared out over processes, taken up again after a kill, one failure a row.

Under `torchrun` or `accelerate launch` every process takes a share of the rows, on its own device; otherwise one
process takes all. What a row was made from lies beside its files in NAME.result.json, written last: a row whose inputs
are still the same is finished and is not done again.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm.batch.manifest import Row, read_manifest, to_text
from diffbgm.errors import DiffBGMError, InputError, OutputError
from diffbgm.media import replacing
from diffbgm.pipeline import DiffBGM

if TYPE_CHECKING:
    from accelerate import PartialState

    from diffbgm.hub import Origin

FILES = {"scored": "mp4", "midi": "mid", "receipt": "receipt.json"}
WORK = ".work"  # half-made files lie here; nothing of it outlives a batch


@dataclass(frozen=True)
class Outcome:
    """What became of a row: its files by kind, or the error. `inputs` is all that its music depends on."""

    row: Row
    inputs: Mapping[str, Any]
    files: Mapping[str, Path]
    error: str = ""
    receipt: Mapping[str, Any] | None = None


def score_batch(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> tuple[Outcome, ...]:
    """Scores every row of `manifest` (see `Row`) into the folder `out`; the outcomes of all rows, in their order.

    Writes NAME.mp4, NAME.mid, NAME.receipt.json and NAME.result.json a row, and results.csv (or .jsonl, like the
    manifest) over all. The same rows give the same MIDI, however many processes share them (with the same number of
    threads each) and however often they were interrupted. A row that fails is reported in its outcome, and tried again
    by the next run. `weights`, `device` as for `DiffBGM.from_pretrained`; `on_progress` hears of this process's share.
    Machines that share a batch must see `out` and the videos under the same paths.

    Raises DataError for a manifest, WeightsError for weights and OutputError for a folder that cannot be used.
    """
    from accelerate.utils import broadcast_object_list

    manifest, out = Path(manifest), Path(out)
    rows = read_manifest(manifest)
    state = join_processes(device)
    model = DiffBGM.from_pretrained(weights, device=device)
    shares: list[Any] = [None]
    if state.is_main_process:
        make_folder(out)
        inputs = [inputs_of(row, manifest.parent, model.origin) for row in rows]
        left = [i for i, row in enumerate(rows) if read_outcome(row, inputs[i], out) is None]
        shares = [(inputs, share([inputs[i]["bytes"] or 0 for i in left], state.num_processes, left))]
    inputs, shared = broadcast_object_list(shares)[0]
    mine = shared[state.process_index]
    for done, i in enumerate(mine):
        if on_progress:
            on_progress(done / len(mine), f"{rows[i].name} ({done + 1} of {len(mine)})")
        score_row(model, rows[i], inputs[i], manifest.parent, out)
    if on_progress:
        on_progress(1.0, "waiting for the others")
    state.wait_for_everyone()
    outcomes = tuple(outcome_of(row, inputs[i], out) for i, row in enumerate(rows))
    if state.is_main_process:
        shutil.rmtree(out / WORK, ignore_errors=True)
        text = to_text([record_of(outcome) for outcome in outcomes], manifest.suffix.lower())
        write(out / f"results{manifest.suffix.lower()}", text)
    state.wait_for_everyone()
    return outcomes


def join_processes(device: str | None) -> "PartialState":
    """This process's place among those that `torchrun` or `accelerate launch` started; alone, one of one."""
    import torch
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    hardware = getattr(torch, "accelerator", torch.cuda)  # any kind of device; torch before 2.6 knows no such question
    cpu = device == "cpu" or parse_flag_from_env("ACCELERATE_USE_CPU") or not hardware.is_available()
    # At the end they wait for one another, however long the longest share takes.
    state = PartialState(cpu=cpu, timeout=timedelta(days=365))
    if state.num_processes != (started := int(os.environ.get("WORLD_SIZE", "1"))):
        raise InputError(
            f"{started} processes were started, but they cannot talk to each other on {state.device}: use --device cpu"
        )
    return state


def share(sizes: Sequence[int], processes: int, items: Sequence[int] | None = None) -> list[list[int]]:
    """`items` (default: 0, 1, ...) dealt to processes, largest first to whoever has least; each share in rising order.

    The same arguments give the same shares, and every item is in exactly one.
    """
    items = range(len(sizes)) if items is None else items
    shares: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for k in sorted(range(len(sizes)), key=lambda k: (-sizes[k], k)):
        least = min(range(processes), key=lambda p: (loads[p], len(shares[p]), p))
        shares[least].append(items[k])
        loads[least] += sizes[k]
    return [sorted(s) for s in shares]


def inputs_of(row: Row, folder: Path, origin: "Origin") -> dict[str, Any]:
    """Everything a row's music depends on; `bytes` and `modified` are null where there is no such video."""
    try:
        stat = (folder / row.video).stat()
    except OSError:
        stat = None
    return {
        **asdict(row),
        "bytes": stat.st_size if stat else None,
        "modified": stat.st_mtime_ns if stat else None,
        "weights": origin.sha256,
        "version": origin.version,
    }


def score_row(model: DiffBGM, row: Row, inputs: Mapping[str, Any], folder: Path, out: Path) -> None:
    """Scores one video; its files move to `out` when all are there, and the result that names them comes last."""
    work = out / WORK / row.name
    began, error = time.monotonic(), None
    try:
        work.mkdir(parents=True)
        result = model.score(
            folder / row.video,
            style=row.style,
            prompt=row.prompt,
            semantics=row.semantics,
            seed=row.seed,
            steps=row.steps,
            guidance=row.guidance,
            keep_audio=row.keep_audio,
        )
        for suffix in FILES.values():
            result.save(work / f"{row.name}.{suffix}")
        for suffix in FILES.values():
            os.replace(work / f"{row.name}.{suffix}", out / f"{row.name}.{suffix}")
    except DiffBGMError as e:
        error = " ".join(str(e).split())
    except Exception as e:  # whatever else goes wrong with one video is no reason to lose the others
        error = f"{type(e).__name__}: {' '.join(str(e).split())}"
    shutil.rmtree(work, ignore_errors=True)
    record = {"inputs": dict(inputs), "error": error, "seconds": round(time.monotonic() - began, 3)}
    write(result_path(row, out), json.dumps(record, indent=1) + "\n")


def read_outcome(row: Row, inputs: Mapping[str, Any], out: Path) -> Outcome | None:
    """The outcome of a row that is finished: made from these very inputs, all files there. None if it is not."""
    outcome = outcome_of(row, inputs, out)
    return None if outcome.error else outcome


def outcome_of(row: Row, inputs: Mapping[str, Any], out: Path) -> Outcome:
    """What the files say about a row."""
    files = {kind: out / f"{row.name}.{suffix}" for kind, suffix in FILES.items()}
    failed = Outcome(row, inputs, {}, "not done")
    try:
        record = json.loads(result_path(row, out).read_text(encoding="utf-8"))
        if record["inputs"] != dict(inputs):
            return failed
        if record["error"]:
            return replace(failed, error=record["error"])
        receipt = json.loads(files["receipt"].read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return failed
    return Outcome(row, inputs, files, "", receipt) if all(f.is_file() for f in files.values()) else failed


def record_of(outcome: Outcome) -> dict[str, Any]:
    """One line of results.csv."""
    receipt = outcome.receipt or {}
    return {
        **asdict(outcome.row),
        "status": "failed" if outcome.error else "done",
        "error": outcome.error,
        **{kind: outcome.files[kind].name if outcome.files else None for kind in FILES},
        "duration": receipt.get("duration"),
        "key": receipt.get("key"),
        "bpm": receipt.get("tempo", {}).get("base"),
        "cuts": len(receipt["cuts"]) if receipt else None,
        "cut_hit_rate": receipt.get("cut_hit_rate"),
        "loudness_lufs": receipt.get("loudness_lufs"),
        "weights": outcome.inputs["weights"],
    }


def result_path(row: Row, out: Path) -> Path:
    return out / f"{row.name}.result.json"


def make_folder(out: Path) -> None:
    """An output folder without what a killed run left behind."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if (out / WORK).exists():
            shutil.rmtree(out / WORK)
        for part in out.glob(".*.result.*.json"):
            part.unlink()
    except OSError as e:
        raise OutputError(f"{out}: cannot be used ({e.strerror or e}); choose another folder with -o") from e


def write(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
