"""What became of the rows: NAME.result.json beside a row's files, and results.csv over all of them.

A result names what the row was made from (`inputs`, and where its video lies: `source`) and the files that are the
row's own. It is written before they take their places, so that what a killed batch leaves has an owner, and again at
the end: a row whose inputs are still the same is finished then, and is not done again.
"""

import json
import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from diffbgm import files
from diffbgm.batch.manifest import COLUMNS, Row
from diffbgm.batch.outputs import FILES, RESULT, ReadFiles, file_names, refusal, same_place
from diffbgm.batch.tables import to_text
from diffbgm.errors import OutputError
from diffbgm.hub import Origin

WAITING = "not done"
SHARE = 0.05  # of the time at most goes into rewriting the table


@dataclass(frozen=True)
class Outcome:
    """What became of a row: its files by kind, or the error. `inputs` is all that its music depends on."""

    row: Row
    inputs: Mapping[str, Any]
    files: Mapping[str, Path]
    error: str = ""
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Job:
    """A row to score into the folder `out`; `own`: names of files of an earlier run, which may be replaced."""

    index: int
    row: Row
    inputs: Mapping[str, Any]
    video: Path
    out: Path
    own: tuple[str, ...] = ()

    def write(self, error: str | None, own: Sequence[str], seconds: float, work: Path) -> None:
        """Writes NAME.result.json, by way of the folder `work`. Raises OutputError where that is not possible."""
        record = {
            "inputs": dict(self.inputs),
            "source": writable(os.path.realpath(self.video)),
            "files": list(own),
            "error": error and writable(error),
            "seconds": round(seconds, 3),
        }
        name = f"{self.row.name}.{RESULT}"
        move(files.write_json(work / name, record), self.out / name)


def writable(text: str) -> str:
    """A text as UTF-8 takes it: bytes of a path that are none become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def move(path: Path, place: Path) -> None:
    """Puts a finished file where it belongs, on the same disk; OutputError where that is not possible."""
    try:
        os.replace(path, place)
    except (OSError, ValueError) as e:
        raise OutputError(f"{place}: cannot be written ({files.reason_of(e)}); choose another name or place") from e


def job_of(index: int, row: Row, folder: Path, out: Path, origin: Origin) -> Job:
    """The row as a job, with everything its music depends on.

    `bytes` and `modified` are null where there is no such video.
    """
    video = folder / row.video
    try:
        stat = video.stat()
    except OSError:
        stat = None
    inputs = {
        **asdict(row),
        "bytes": stat.st_size if stat else None,
        "modified": stat.st_mtime_ns if stat else None,
        "weights": origin.sha256,
        "version": origin.version,
    }
    record = read_record(out / f"{row.name}.{RESULT}")
    return Job(index, row, inputs, video, out, own_files(record, inputs, video))


def read_record(path: Path) -> dict[str, Any] | None:
    """What a result says; None where there is none, or something else under its name."""
    record = read_json(path)
    return record if record and "error" in record and isinstance(record.get("inputs"), dict) else None


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; None where it cannot be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def own_files(record: Mapping[str, Any] | None, inputs: Mapping[str, Any], video: Path) -> tuple[str, ...]:
    """The files that an earlier run made of this very video under the row's name.

    A video that is no longer where it was is known by what the manifest calls it, and a copy by its size and date.
    """
    if record is None:
        return ()
    source, before = record.get("source"), record["inputs"]
    if isinstance(source, str) and os.path.exists(source):
        copied = all(before.get(key) == inputs[key] for key in ("video", "bytes", "modified"))
        same = copied or same_place(Path(source), video)
    else:
        same = before.get("video") == inputs["video"]
    name, names = inputs["name"], record.get("files")
    made = cast("list[str]", names) if isinstance(names, list) else file_names(name)  # 0.4 named no files
    return (*made, f"{name}.{RESULT}") if same else ()


def refusal_of(job: Job, read: ReadFiles, overwrite: bool) -> str:
    """Why the row's files may not be written, in one sentence; empty where they may."""
    for name in file_names(job.row.name):
        if reason := refusal(job.out / name, read, own=overwrite or name in job.own):
            return reason
    return ""


@dataclass
class Results:
    """The outcomes of all rows, and the table of them, results.csv or .jsonl, which is kept up to date meanwhile.

    Attributes:
        path: Of the table.
        failures: Rows that failed in this run, by index; the results on the disk speak for the others.
    """

    path: Path
    jobs: Sequence[Job]
    failures: dict[int, str]
    _done: dict[int, Outcome] = field(default_factory=dict[int, Outcome])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: float = 0.0

    def outcome(self, index: int) -> Outcome:
        """What became of a row so far."""
        if index not in self._done:
            outcome = self._read(self.jobs[index])
            if outcome.error:
                return outcome
            self._done[index] = outcome
        return self._done[index]

    def _read(self, job: Job) -> Outcome:
        places = {kind: job.out / f"{job.row.name}.{suffix}" for kind, suffix in FILES.items()}
        record = read_record(job.out / f"{job.row.name}.{RESULT}")
        error = self.failures.get(job.index, "")
        if not error:
            current = record is not None and record["inputs"] == dict(job.inputs)
            error = str(record["error"] or "") if record and current else WAITING
        receipt = None if error else read_json(places["receipt"])
        if not error and (receipt is None or not all(path.is_file() for path in places.values())):
            error = WAITING
        error = writable(error)
        return Outcome(job.row, job.inputs, {} if error else places, error, None if error else receipt)

    def save(self, work: Path) -> None:
        """Writes the table, by way of the folder `work`. Raises OutputError where that is not possible."""
        records = [record_of(self.outcome(k)) for k in range(len(self.jobs))]
        move(files.write_text(work / self.path.name, to_text(records, self.path.suffix)), self.path)

    def refresh(self, work: Path) -> None:
        """Writes the table unless that was done a moment ago; a disk that is full now may not be at the end."""
        with self._lock, suppress(OutputError):
            if (began := time.monotonic()) >= self._next:
                self.save(work)
                self._next = time.monotonic() + (time.monotonic() - began) / SHARE


def owns_table(path: Path) -> bool:
    """Whether what lies at `path` is a table of results, or nothing is."""
    try:
        with open(path, encoding="utf-8") as file:
            first = file.readline(10_000)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return all(word in first for word in ("video", "status", "error", *FILES))


def record_of(outcome: Outcome) -> dict[str, Any]:
    """One line of the table; plain values, no NaN."""
    receipt = outcome.receipt or {}
    tempo = cast("Mapping[str, Any]", receipt.get("tempo") or {})
    cuts = cast("Sequence[Any] | None", receipt.get("cuts"))
    values: dict[str, Any] = {
        **{column: getattr(outcome.row, column) for column in COLUMNS},
        "status": "waiting" if outcome.error == WAITING else "failed" if outcome.error else "done",
        "error": outcome.error,
        **{kind: outcome.files[kind].name if outcome.files else None for kind in FILES},
        "duration": receipt.get("duration"),
        "key": receipt.get("key"),
        "bpm": tempo.get("base"),
        "cuts": None if cuts is None else len(cuts),
        "cut_hit_rate": receipt.get("cut_hit_rate"),
        "loudness_lufs": receipt.get("loudness_lufs"),
        "weights": outcome.inputs["weights"],
    }
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}
