"""What became of the rows: NAME.result.json beside a row's files, and results.csv over all of them.

A result names what the row was made from (`inputs`, and where its video lies: `source`) and the files that are the
row's own. It is written before they take their places, so that what a killed batch leaves has an owner, and again at
the end: a row whose inputs are still the same is finished then, and is not done again.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from diffbgm import files
from diffbgm.batch.manifest import COLUMNS, Row
from diffbgm.batch.outputs import FILES, RESULT, ReadFiles, file_names, refusal, same_place
from diffbgm.batch.storage import identity, place_in, put, stamp_of
from diffbgm.hub import Origin

WAITING = "not done"


@dataclass(frozen=True)
class Outcome:
    """What became of a row.

    Attributes:
        row: The row.
        inputs: All that its music depends on.
        files: Its files by kind; none where there is an error.
        error: Why it is not done; empty where it is.
        summary: What the table says of the music.
    """

    row: Row
    inputs: Mapping[str, Any]
    files: Mapping[str, Path]
    error: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def receipt(self) -> Mapping[str, Any] | None:
        """The receipt as it lies beside the video; None where the row is not done."""
        return read_json(self.files["receipt"]) if self.files else None


@dataclass(frozen=True)
class Job:
    """A row to score into the folder `out` with the weights `origin`."""

    row: Row
    inputs: Mapping[str, Any]
    video: Path
    out: Path
    origin: Origin

    @property
    def result(self) -> Path:
        """Where its result lies."""
        return self.out / f"{self.row.name}.{RESULT}"

    def owned(self) -> tuple[str, ...]:
        """Names of files that an earlier run made of this very video under the row's name, which may be replaced.

        A video that is no longer where it was is known by what the manifest calls it, and a copy by its size and date.
        """
        record = read_record(self.result)
        if record is None:
            return ()
        source, before = record.get("source"), record["inputs"]
        if isinstance(source, str) and os.path.exists(source):
            copied = all(before.get(key) == self.inputs[key] for key in ("video", "bytes", "modified"))
            same = copied or same_place(Path(source), self.video)
        else:
            same = before.get("video") == self.inputs["video"]
        names = record.get("files")
        made = cast("list[str]", names) if isinstance(names, list) else file_names(self.row.name)  # 0.4 named no files
        return (*made, self.result.name) if same else ()

    def write(
        self,
        error: str | None,
        own: Sequence[str],
        seconds: float,
        work: Path,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes NAME.result.json, by way of the folder `work`. Raises OutputError where that is not possible."""
        record = {
            "inputs": dict(self.inputs),
            "source": writable(identity(self.video)),
            "files": list(own),
            "error": error and writable(error),
            "seconds": round(seconds, 3),
            "summary": summary,
        }
        put(files.write_json(work / self.result.name, record), self.result)

    def outcome(self, error: str = "", summary: Mapping[str, Any] | None = None) -> Outcome:
        """What became of it."""
        places = {kind: self.out / f"{self.row.name}.{suffix}" for kind, suffix in FILES.items()}
        return Outcome(self.row, self.inputs, {} if error else places, writable(error), summary or {})

    def before(self) -> Outcome:
        """What became of it in earlier runs: done where it was made from the same inputs and its files are there."""
        record = read_record(self.result)
        if record is None or record["inputs"] != dict(self.inputs):
            return self.outcome(WAITING)
        done = self.outcome()
        error = str(record["error"] or "")
        receipt = None if error else done.receipt
        if not error and (receipt is None or not all(path.is_file() for path in done.files.values())):
            error = WAITING
        return self.outcome(error, None if receipt is None else summary_of(receipt))


def writable(text: str) -> str:
    """A text as UTF-8 takes it: bytes of a path that are none become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def job_of(row: Row, folder: Path, out: Path, origin: Origin) -> Job:
    """The row as a job, with everything its music depends on.

    `bytes` and `modified` are null where there is no such video.
    """
    video = place_in(folder, row.video)
    size, modified = stamp_of(video)
    inputs = {
        **asdict(row),
        "bytes": size,
        "modified": modified,
        "weights": origin.sha256,
        "version": origin.version,
    }
    return Job(row, inputs, video, out, origin)


def read_record(path: Path) -> dict[str, Any] | None:
    """What a result says; None where there is none, or something else under its name."""
    record = read_json(path)
    return record if record and "error" in record and isinstance(record.get("inputs"), dict) else None


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; None where it cannot be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except Exception:  # of a store, every driver has its own
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def refusal_of(job: Job, read: ReadFiles, overwrite: bool) -> str:
    """Why the row's files may not be written, in one sentence; empty where they may."""
    own = job.owned()
    for name in file_names(job.row.name):
        if reason := refusal(job.out / name, read, own=overwrite or name in own):
            return reason
    return ""


def tag_of(shard: tuple[int, int] | None) -> str:
    """What tells apart the files of n parts of the rows."""
    return f"-{shard[0]}-of-{shard[1]}" if shard else ""


def table_of(out: Path, manifest: Path, shard: tuple[int, int] | None = None) -> Path:
    """Where the table of a manifest's results lies; each part of the rows has its own."""
    return out / f"results{tag_of(shard)}{manifest.suffix.lower()}"


def owns_table(path: Path) -> bool:
    """Whether what lies at `path` is a table of results, or nothing is."""
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline(10_000)
    except FileNotFoundError:
        return True
    except Exception:
        return False
    return all(word in first for word in ("video", "status", "error", *FILES))


def summary_of(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """What the table says of a row's music; plain values, no NaN."""
    tempo = cast("Mapping[str, Any]", receipt.get("tempo") or {})
    cuts = cast("Sequence[Any] | None", receipt.get("cuts"))
    values: dict[str, Any] = {
        "duration": receipt.get("duration"),
        "key": receipt.get("key"),
        "bpm": tempo.get("base"),
        "cuts": None if cuts is None else len(cuts),
        "cut_hit_rate": receipt.get("cut_hit_rate"),
        "loudness_lufs": receipt.get("loudness_lufs"),
    }
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}


def record_of(outcome: Outcome) -> dict[str, Any]:
    """One line of the table."""
    return {
        **{column: getattr(outcome.row, column) for column in COLUMNS},
        "status": "waiting" if outcome.error == WAITING else "failed" if outcome.error else "done",
        "error": outcome.error,
        **{kind: outcome.files[kind].name if outcome.files else None for kind in FILES},
        **{**summary_of({}), **outcome.summary},
        "weights": outcome.inputs["weights"],
    }
