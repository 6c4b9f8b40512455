"""`diffbgm evaluate all`: every evaluation after the other, as one report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from diffbgm.compose import ComposeOptions
from diffbgm.data.muvisync import find_music_videos, read_music_videos
from diffbgm.errors import DataError
from diffbgm.evaluate.model import evaluate_model
from diffbgm.evaluate.retrieval import evaluate_retrieval
from diffbgm.evaluate.semantics import Amount, evaluate_semantics
from diffbgm.evaluate.sound import evaluate_sound
from diffbgm.evaluate.sync import evaluate_sync
from diffbgm.evaluate.systems import OURS, UNTRAINED, evaluate_systems, untrained
from diffbgm.metrics.report import Report, Table

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

OnProgress = Callable[[float, str], None]
POP909 = ("POP909.zip", "POP909", "pop909")


@dataclass(frozen=True)
class Size:
    """How much is measured in each part: windows, music videos (None: all held-out ones), made-up videos at each shot
    length, pieces of sound on so many palettes, pieces a tag. Without `composed`, synchrony and semantics are measured
    on plans alone."""

    windows: int = 200
    systems: int = 100
    videos: int | None = None
    sync: int = 40
    sound: int = 20
    palettes: int = 5
    semantics: int = 40
    plane: int = 200
    composed: bool = True

    @classmethod
    def quick(cls) -> "Size":
        """Enough to see that everything runs; far too little to quote."""
        return cls(
            windows=20, systems=20, videos=60, sync=2, sound=1, palettes=1, semantics=1, plane=10, composed=False
        )


def evaluate_all(
    model: "DiffBGM",
    data: Path | str,
    *,
    seed: int = 0,
    steps: int | None = None,
    size: Size | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Report]:
    """The reports by kind, in the order to read them. `data` is a folder with POP909 (folder or zip) and MuVi-Sync; the
    parts whose data is not there are left out, and `combine` says so."""
    size = size or Size()
    tell = on_progress or (lambda fraction, message: None)
    options = ComposeOptions(seed=seed) if steps is None else ComposeOptions(seed=seed, steps=steps)
    random = untrained(model.model.config, seed)
    songs = find_songs(data)
    models = {OURS: model, UNTRAINED: random}
    parts: dict[str, Callable[[OnProgress], Report]] = {}
    if songs is not None:
        parts["systems"] = lambda t: evaluate_systems(
            model.model, random.model, songs, n=size.systems, options=options, on_progress=t
        )
    if has_music_videos(data):
        parts["retrieval"] = lambda t: evaluate_retrieval(
            models, data, n=size.videos, seed=seed, steps=steps, on_progress=t
        )
    if songs is not None:
        parts["model"] = lambda t: evaluate_model(model.model, songs, n=size.windows, options=options, on_progress=t)
    composer = model if size.composed else None
    parts["sync"] = lambda t: evaluate_sync(n=size.sync, seed=seed, model=composer, on_progress=t)
    parts["semantics"] = lambda t: evaluate_semantics(
        Amount(size.semantics, size.plane),
        seed=seed,
        model=composer.model if composer else None,
        options=replace(options, steps=12),
        music_videos=read_music_videos(*find_music_videos(data)) if has_music_videos(data) else (),
        on_progress=t,
    )
    parts["sound"] = lambda t: evaluate_sound(
        model, n=size.sound, palettes=size.palettes, seed=seed, steps=steps, on_progress=t
    )
    reports = {}
    for i, (kind, run) in enumerate(parts.items()):
        reports[kind] = run(lambda f, m, i=i, kind=kind: tell((i + f) / len(parts), f"{kind}: {m}"))
    return reports


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
    missing = []
    for kind, needs in (("systems", "POP909"), ("retrieval", "MuVi-Sync"), ("model", "POP909")):
        if kind not in reports:
            missing.append((kind, f"{needs} is not in the data folder"))
    if missing:
        tables.append(Table("Left out", ("part", "why"), tuple(missing), "give the folder with --data"))
    for report in reports.values():
        tables += [replace(table, title=f"{report.title}: {table.title}") for table in report.tables]
    return Report("Everything", seed, tuple(tables), {kind: report.data for kind, report in reports.items()})
