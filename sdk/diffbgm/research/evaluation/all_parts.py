"""`diffbgm evaluate all`: every evaluation after the other, as one report."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from diffbgm.errors import DataError, InputError
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, silent
from diffbgm.research.datasets.corpora import CORPORA, corpora_in, corpus_name
from diffbgm.research.datasets.muvisync import find_music_videos, read_music_videos
from diffbgm.research.evaluation.chords import evaluate_chords
from diffbgm.research.evaluation.corpora import evaluate_corpora
from diffbgm.research.evaluation.ensembles import evaluate_ensembles
from diffbgm.research.evaluation.genres import evaluate_genres
from diffbgm.research.evaluation.judges import evaluate_judges
from diffbgm.research.evaluation.metre import evaluate_metre
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

POP909 = ("POP909.zip", "POP909", "pop909")
METRES = "nifc-piano"  # the corpus that has all four metres
Told = Callable[[str, Report], None]
Failed = Callable[[str, str], None]


@dataclass(frozen=True)
class Size:
    """How much is measured in each part.

    Windows, music videos (None: all held-out ones), made-up videos at each shot length, pieces of sound on so many
    palettes, pieces a tag, long pieces, pieces a style for the judges, windows a corpus, pieces a genre, with chords
    and a metre, and pieces a mood for every ensemble; 0 leaves a part out. Without `composed`, synchrony and semantics
    are measured on plans alone. `judged_by`: the judges, each with its Python; none are asked where it is empty.
    `beside`: folders of recordings that are measured and heard as ours are.
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
    corpora: int = 80
    genres: int = 8
    chords: int = 12
    metre: int = 12
    ensembles: int = 2
    judged_by: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """`beside` as paths."""
        return tuple(map(Path, self.beside))

    @classmethod
    def quick(cls) -> "Size":
        """Enough to see that everything runs; far too little to quote."""
        return cls(
            windows=20, systems=20, videos=60, sync=2, sound=1, palettes=1, semantics=1, plane=10, composed=False,
            pieces=0, judges=2, corpora=0, genres=0, chords=0, metre=0, ensembles=0,
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What lies in the data folder: POP909, MuVi-Sync, and archives that published weights may learn from."""

    folder: Path
    songs: Path | None
    music_videos: bool
    archives: tuple[Path, ...]

    @classmethod
    def in_folder(cls, folder: Path | str) -> "Found":
        """What there is in a folder; nothing where there is none."""
        allowed = [path for path in corpora_in(folder) if CORPORA[corpus_name(path)].teaches == "all"]
        return cls(Path(folder), find_songs(folder), has_music_videos(folder), tuple(allowed))

    def archive(self, name: str) -> Path | None:
        """The archive of a corpus, or None."""
        return next((path for path in self.archives if corpus_name(path) == name), None)

    @property
    def corpora(self) -> tuple[Path, ...]:
        """The archives beside POP909, without which nothing can be said of other genres and metres."""
        return tuple(path for path in self.archives if corpus_name(path) != "POP909")

    @property
    def pop909(self) -> Path:
        """POP909, in a part that is measured only where it is there."""
        assert self.songs is not None
        return self.songs


@dataclass(frozen=True)
class Job:
    """What a part is measured with."""

    model: "DiffBGM"
    found: Found
    seed: int
    steps: int | None
    size: Size
    progress: Progress

    @property
    def options(self) -> ComposeOptions:
        """Of the composer."""
        return (
            ComposeOptions(seed=self.seed) if self.steps is None else ComposeOptions(seed=self.seed, steps=self.steps)
        )

    @property
    def common(self) -> dict[str, Any]:
        """The arguments that most evaluations share."""
        return {"options": self.options, "on_progress": self.progress}


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        measure: Makes it.
        sizes: The fields of `Size` that it depends on; it is left out where the first is 0 or empty.
        hours: About how long it takes on one core without bfloat16 units, to begin with the longest.
        needs: What the data folder must hold: "songs", "music_videos" or "corpora".

    """

    measure: Callable[[Job], Report]
    sizes: tuple[str, ...]
    hours: float
    needs: str = ""

    def is_there(self, found: Found, size: Size) -> bool:
        """Whether it can be measured, and is asked for."""
        asked = getattr(size, self.sizes[0])
        return (asked is None or bool(asked)) and (not self.needs or bool(getattr(found, self.needs)))


def _systems(job: Job) -> Report:
    random = untrained(job.model.model.config, job.seed).model
    return evaluate_systems(job.model.model, random, job.found.pop909, n=job.size.systems, **job.common)


def _retrieval(job: Job) -> Report:
    models = {OURS: job.model, UNTRAINED: untrained(job.model.model.config, job.seed)}
    return evaluate_retrieval(
        models, job.found.folder, n=job.size.videos, seed=job.seed, steps=job.steps, on_progress=job.progress
    )


def _model(job: Job) -> Report:
    return evaluate_model(job.model.model, job.found.pop909, n=job.size.windows, **job.common)


def _corpora(job: Job) -> Report:
    return evaluate_corpora(job.model.model, job.found.corpora, n=job.size.corpora, **job.common)


def _genres(job: Job) -> Report:
    return evaluate_genres(job.model.model, job.found.archives, n=job.size.genres, **job.common)


def _chords(job: Job) -> Report:
    return evaluate_chords(job.model.model, job.found.pop909, n=job.size.chords, **job.common)


def _metre(job: Job) -> Report:
    found = job.found.archive(METRES)
    archives = [found] if found else list(job.found.archives)
    return evaluate_metre(job.model.model, archives, n=job.size.metre, **job.common)


def _pieces(job: Job) -> Report:
    return evaluate_pieces(job.model.model, job.found.pop909, n=job.size.pieces, **job.common)


def _sync(job: Job) -> Report:
    composer = job.model if job.size.composed else None
    return evaluate_sync(n=job.size.sync, seed=job.seed, model=composer, on_progress=job.progress)


def _semantics(job: Job) -> Report:
    return evaluate_semantics(
        Amount(job.size.semantics, job.size.plane),
        seed=job.seed,
        model=job.model.model if job.size.composed else None,
        options=replace(job.options, steps=12),
        music_videos=read_music_videos(*find_music_videos(job.found.folder)) if job.found.music_videos else (),
        on_progress=job.progress,
    )


def _sound(job: Job) -> Report:
    return evaluate_sound(
        job.model, n=job.size.sound, palettes=job.size.palettes, seed=job.seed, steps=job.steps,
        beside=job.size.folders, on_progress=job.progress,
    )  # fmt: skip


def _ensembles(job: Job) -> Report:
    return evaluate_ensembles(job.model, n=job.size.ensembles, seed=job.seed, steps=job.steps, on_progress=job.progress)


def _judges(job: Job) -> Report:
    judges = dict(job.size.judged_by)
    return evaluate_judges(
        job.model,
        n=job.size.judges,
        judges=judges,
        data=job.found.songs,
        beside=job.size.folders,
        seed=job.seed,
        **job.common,
    )


# In the order to read them.
PARTS: Mapping[str, Part] = {
    "systems": Part(_systems, ("systems",), 0.3, "songs"),
    "retrieval": Part(_retrieval, ("videos",), 6.0, "music_videos"),
    "model": Part(_model, ("windows",), 0.4, "songs"),
    "corpora": Part(_corpora, ("corpora",), 1.0, "corpora"),
    "genres": Part(_genres, ("genres",), 0.5, "corpora"),
    "chords": Part(_chords, ("chords",), 0.1, "songs"),
    "metre": Part(_metre, ("metre",), 0.2, "corpora"),
    "pieces": Part(_pieces, ("pieces",), 0.3, "songs"),
    "sync": Part(_sync, ("sync", "composed"), 0.1),
    "semantics": Part(_semantics, ("semantics", "plane", "composed"), 3.0),
    "sound": Part(_sound, ("sound", "palettes", "beside"), 0.2),
    "ensembles": Part(_ensembles, ("ensembles",), 0.5),
    "judges": Part(_judges, ("judged_by", "judges", "beside"), 0.2),
}
KINDS = tuple(PARTS)
LACKS = {"songs": "POP909 is not", "music_videos": "MuVi-Sync is not", "corpora": "no corpus archive is"}


def evaluate_all(
    model: "DiffBGM",
    data: Path | str,
    *,
    seed: int = 0,
    steps: int | None = None,
    size: Size | None = None,
    kinds: Collection[str] = KINDS,
    known: Mapping[str, Report] | None = None,
    on_report: Told = lambda kind, report: None,
    on_failure: Failed = lambda kind, why: None,
    on_progress: Progress | None = None,
) -> dict[str, Report]:
    """The reports by kind, in the order to read them.

    Args:
        model: What is measured.
        data: A folder with POP909 (folder or zip), MuVi-Sync and the corpora; parts whose data is not there are left
            out, and `combine` says so.
        seed: Of everything.
        steps: Of the sampler; None: as many as by default.
        size: How much is measured.
        kinds: Which of `PARTS`.
        known: Parts that are not measured again.
        on_report: Told of each part that was measured.
        on_failure: Told of a part whose data is not what it needs, and why; the others go on.
        on_progress: Told of every step.

    """
    progress, known = on_progress or silent, known or {}
    size = size or Size()
    there = kinds_for(data, size, kinds)
    reports = {}
    for i, kind in enumerate(there):
        if kind in known:
            reports[kind] = known[kind]
            continue

        def report_part(f: float, m: str, i: int = i, kind: str = kind) -> None:
            progress((i + f) / len(there), f"{kind}: {m}")

        try:
            reports[kind] = evaluate_part(kind, model, data, seed, steps, size, report_part)
        except DataError as e:
            on_failure(kind, str(e))
        else:
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
    kinds: Collection[str] = KINDS,
    known: Mapping[str, Report] | None = None,
    on_report: Told = lambda kind, report: None,
    on_failure: Failed = lambda kind, why: None,
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
        there = kinds_for(data, size, kinds)
        reports = {kind: report for kind, report in (known or {}).items() if kind in there}
        longest_first = sorted(set(there) - set(reports), key=lambda kind: -PARTS[kind].hours)
        running = {
            pool.submit(evaluate_part_alone, kind, weights, data, seed, steps, size, threads_each(workers)): kind
            for kind in longest_first
        }
        for number, done in enumerate(as_completed(running), len(reports) + 1):
            kind = running[done]
            try:
                reports[kind] = done.result()
            except DataError as e:
                on_failure(kind, str(e))
            else:
                on_report(kind, reports[kind])
            progress(number / len(there), f"{kind} is done")
    return {kind: reports[kind] for kind in there if kind in reports}


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


def size_of(kind: str, size: Size) -> dict[str, Any]:
    """What a part depends on of the size: it is measured again where that has changed."""
    return {name: getattr(size, name) for name in PARTS[kind].sizes}


def kinds_for(data: Path | str, size: Size, kinds: Collection[str] = KINDS) -> list[str]:
    """The parts among `kinds` whose data, and judges, are there."""
    found = Found.in_folder(data)
    return [kind for kind, part in PARTS.items() if kind in kinds and part.is_there(found, size)]


def kinds_of(names: Sequence[str]) -> tuple[str, ...]:
    """The parts of these names; InputError where there is none of a name."""
    for name in names:
        if name not in PARTS:
            raise InputError(f"parts {name!r}: there is no such part; there are {', '.join(PARTS)}")
    return tuple(names)


def sized(size: Size, changes: Sequence[str]) -> Size:
    """The size with changes such as "videos=64"; InputError where a name or a number is none."""
    known = [f.name for f in fields(Size) if f.type in (int, int | None)]
    for change in changes:
        name, _, number = change.partition("=")
        if name not in known or not number.isdecimal():
            raise InputError(f"size {change!r}: must be NAME=N with a name of {', '.join(known)}")
        size = replace(size, **{name: int(number)})
    return size


def evaluate_part(
    kind: str,
    model: "DiffBGM",
    data: Path | str,
    seed: int,
    steps: int | None,
    size: Size,
    progress: Progress,
) -> Report:
    """One of `PARTS`."""
    return PARTS[kind].measure(Job(model, Found.in_folder(data), seed, steps, size, progress))


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


def why_left_out(part: Part) -> str:
    """What a part that was not measured would have needed."""
    why = [f"{LACKS[part.needs]} in the data folder"] if part.needs else []
    first = part.sizes[0]
    if first == "judged_by":
        why.append("no Python is named for them")
    elif getattr(Size.quick(), first) == 0:
        why.append("--quick")
    return ", or ".join(why)


def combine(
    reports: Mapping[str, Report],
    seed: int,
    kinds: Collection[str] = KINDS,
    failed: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """All reports as one: their tables one after the other, their data by kind, and what of `kinds` was left out.

    `failed`: why parts failed that did.
    """
    tables: list[Table] = []
    out = {kind: part for kind, part in PARTS.items() if kind in kinds and kind not in reports}
    missing = [(kind, failed.get(kind) or why_left_out(part)) for kind, part in out.items()]
    if missing:
        tables.append(
            Table("Left out", ("part", "why"), tuple(missing), "give the folder with --data, the judges with --python")
        )
    for report in reports.values():
        tables += [replace(table, title=f"{report.title}: {table.title}") for table in report.tables]
    return Report("Everything", seed, tuple(tables), {kind: report.data for kind, report in reports.items()})
