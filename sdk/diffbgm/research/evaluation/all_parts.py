"""`diffbgm evaluate all`: every evaluation after the other, as one report."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm.errors import DataError
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, silent
from diffbgm.research.datasets.muvisync import find_music_videos, read_music_videos
from diffbgm.research.evaluation.judges import evaluate_judges
from diffbgm.research.evaluation.model import evaluate_model
from diffbgm.research.evaluation.pieces import evaluate_pieces
from diffbgm.research.evaluation.retrieval import evaluate_retrieval
from diffbgm.research.evaluation.semantics import Amount, evaluate_semantics
from diffbgm.research.evaluation.sound import evaluate_sound
from diffbgm.research.evaluation.sync import evaluate_sync
from diffbgm.research.evaluation.systems import OURS, UNTRAINED, evaluate_systems, untrained
from diffbgm.research.metrics.report import Report, Table

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

# In the order to read them.
KINDS = ("systems", "retrieval", "model", "pieces", "sync", "semantics", "sound", "judges")
# The longest first, to share cores evenly.
LONGEST = ("retrieval", "semantics", "model", "systems", "pieces", "judges", "sync", "sound")
POP909 = ("POP909.zip", "POP909", "pop909")
Told = Callable[[str, Report], None]


@dataclass(frozen=True)
class Size:
    """How much is measured in each part.

    Windows, music videos (None: all held-out ones), made-up videos at each shot length, pieces of sound on so many
    palettes, pieces a tag, long pieces, pieces a style for the judges. Without `composed`, synchrony and semantics are
    measured on plans alone. `judged_by`: the judges, each with its Python; none are asked where it is empty.
    """

    windows: int = 200
    systems: int = 100
    videos: int | None = None
    sync: int = 40
    sound: int = 20
    palettes: int = 5
    semantics: int = 40
    plane: int = 200
    composed: bool = True
    pieces: int = 40
    judges: int = 10
    judged_by: tuple[tuple[str, str], ...] = ()

    @classmethod
    def quick(cls) -> "Size":
        """Enough to see that everything runs; far too little to quote."""
        return cls(
            windows=20, systems=20, videos=60, sync=2, sound=1, palettes=1, semantics=1, plane=10, composed=False,
            pieces=0, judges=2,
        )  # fmt: skip


def evaluate_all(
    model: "DiffBGM",
    data: Path | str,
    *,
    seed: int = 0,
    steps: int | None = None,
    size: Size | None = None,
    known: Mapping[str, Report] | None = None,
    on_report: Told = lambda kind, report: None,
    on_progress: Progress | None = None,
) -> dict[str, Report]:
    """The reports by kind, in the order to read them.

    `data` is a folder with POP909 (folder or zip) and MuVi-Sync; the parts whose data is not there are left out, and
    `combine` says so. Parts that are `known` are not measured again; `on_report` is told of each of the others.
    """
    progress, known = on_progress or silent, known or {}
    size = size or Size()
    kinds = kinds_for(data, size)
    reports = {}
    for i, kind in enumerate(kinds):
        if kind in known:
            reports[kind] = known[kind]
            continue

        def report_part(f: float, m: str, i: int = i, kind: str = kind) -> None:
            progress((i + f) / len(kinds), f"{kind}: {m}")

        reports[kind] = evaluate_part(kind, model, data, seed, steps, size, report_part)
        on_report(kind, reports[kind])
    return reports


def evaluate_all_apart(
    weights: str | None,
    data: Path | str,
    *,
    workers: int,
    seed: int = 0,
    steps: int | None = None,
    size: Size | None = None,
    known: Mapping[str, Report] | None = None,
    on_report: Told = lambda kind, report: None,
    on_progress: Progress | None = None,
) -> dict[str, Report]:
    """`evaluate_all` with its parts in `workers` processes, which share the cores.

    The figures are those of `evaluate_all` on as many threads as a worker has; with another number of threads, sums are
    rounded otherwise.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    progress = on_progress or silent
    size = size or Size()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        kinds = kinds_for(data, size)
        reports = {kind: report for kind, report in (known or {}).items() if kind in kinds}
        longest_first = sorted(set(kinds) - set(reports), key=lambda kind: LONGEST.index(kind))
        running = {
            pool.submit(evaluate_part_alone, kind, weights, data, seed, steps, size, threads_each(workers)): kind
            for kind in longest_first
        }
        for done in as_completed(running):
            reports[running[done]] = done.result()
            on_report(running[done], reports[running[done]])
            progress(len(reports) / len(kinds), f"{running[done]} is measured")
    return {kind: reports[kind] for kind in kinds}


def threads_each(workers: int) -> int:
    """How many threads each of `workers` processes that share the cores has."""
    return max(1, (os.cpu_count() or 1) // workers)


def evaluate_part_alone(
    kind: str, weights: str | None, data: Path | str, seed: int, steps: int | None, size: Size, threads: int
) -> Report:
    """`evaluate_part` in a process of its own."""
    import torch

    from diffbgm.pipeline import DiffBGM

    torch.set_num_threads(threads)
    return evaluate_part(kind, DiffBGM.from_pretrained(weights), data, seed, steps, size, silent)


def kinds_for(data: Path | str, size: Size) -> list[str]:
    """The parts whose data, and judges, are there."""
    songs = find_songs(data)
    there = {"systems": songs, "model": songs, "pieces": songs and size.pieces, "retrieval": has_music_videos(data),
             "judges": size.judged_by}  # fmt: skip
    return [kind for kind in KINDS if there.get(kind, True)]


def evaluate_part(
    kind: str,
    model: "DiffBGM",
    data: Path | str,
    seed: int,
    steps: int | None,
    size: Size,
    progress: Progress,
) -> Report:
    """One of `KINDS`."""
    options = ComposeOptions(seed=seed) if steps is None else ComposeOptions(seed=seed, steps=steps)
    composer = model if size.composed else None
    songs = find_songs(data)
    if kind == "systems" and songs:
        random = untrained(model.model.config, seed).model
        return evaluate_systems(model.model, random, songs, n=size.systems, options=options, on_progress=progress)
    if kind == "retrieval":
        models = {OURS: model, UNTRAINED: untrained(model.model.config, seed)}
        return evaluate_retrieval(models, data, n=size.videos, seed=seed, steps=steps, on_progress=progress)
    if kind == "model" and songs:
        return evaluate_model(model.model, songs, n=size.windows, options=options, on_progress=progress)
    if kind == "pieces" and songs:
        return evaluate_pieces(model.model, songs, n=size.pieces, options=options, on_progress=progress)
    if kind == "judges":
        judges = dict(size.judged_by)
        return evaluate_judges(
            model, n=size.judges, judges=judges, data=songs, seed=seed, options=options, on_progress=progress
        )
    if kind == "sync":
        return evaluate_sync(n=size.sync, seed=seed, model=composer, on_progress=progress)
    if kind == "semantics":
        return evaluate_semantics(
            Amount(size.semantics, size.plane),
            seed=seed,
            model=composer.model if composer else None,
            options=replace(options, steps=12),
            music_videos=read_music_videos(*find_music_videos(data)) if has_music_videos(data) else (),
            on_progress=progress,
        )
    if kind == "sound":
        return evaluate_sound(model, n=size.sound, palettes=size.palettes, seed=seed, steps=steps, on_progress=progress)
    raise ValueError(f"no part {kind!r} for the data in {data}")


def find_songs(data: Path | str) -> Path | None:
    """POP909 in a folder, or None."""
    return next((Path(data) / name for name in POP909 if (Path(data) / name).exists()), None)


def has_music_videos(data: Path | str) -> bool:
    """Whether MuVi-Sync's labels lie in a folder."""
    try:
        labels, _ = find_music_videos(data)
        return labels.suffix == ".zip" or bool(read_music_videos(labels))
    except DataError:
        return False


def combine(reports: dict[str, Report], seed: int) -> Report:
    """All reports as one: their tables one after the other, their data by kind, and what was left out."""
    tables: list[Table] = []
    pop, muvi = "POP909 is not in the data folder", "MuVi-Sync is not in the data folder"
    needs = {
        "systems": pop,
        "retrieval": muvi,
        "model": pop,
        "pieces": f"{pop}, or --quick",
        "judges": "no Python is named for them",
    }
    missing = [(kind, why) for kind, why in needs.items() if kind not in reports]
    if missing:
        tables.append(
            Table("Left out", ("part", "why"), tuple(missing), "give the folder with --data, the judges with --python")
        )
    for report in reports.values():
        tables += [replace(table, title=f"{report.title}: {table.title}") for table in report.tables]
    return Report("Everything", seed, tuple(tables), {kind: report.data for kind, report in reports.items()})
