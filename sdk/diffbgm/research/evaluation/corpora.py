"""`diffbgm evaluate corpora`: `evaluate model` for every corpus of a folder, a row each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbgm.errors import DataError
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.corpora import corpora_in, corpus_name, is_corpus
from diffbgm.research.evaluation.model import evaluate_model, read_pieces
from diffbgm.research.metrics.report import Report, Table

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

PIECES = 20  # held-out works that a corpus must have to be measured by
MEASURES = ("pche", "groove", "in_scale", "harsh")
COLUMNS = ("PCHE, bits", "real", "GPS", "real", "in scale", "real", "harsh", "real")


def evaluate_corpora(
    model: "Denoiser",
    data: Path | Sequence[Path],
    *,
    n: int = 80,
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Compose `n` windows under the plans of held-out pieces of every corpus, beside those pieces.

    Args:
        model: The denoiser.
        data: A folder with archives in the common layout, or archives.
        n: Windows of each corpus.
        options: Of the composer; its seed decides everything that is drawn.
        on_progress: Told of the progress.

    Raises:
        DataError: No corpus there has `PIECES` held-out works in 4/4 or 2/4.

    """
    progress, options = on_progress or silent, options or ComposeOptions()
    archives = [data] if isinstance(data, Path) and is_corpus(data, common=True) else data
    archives = corpora_in(archives) if isinstance(archives, Path) else list(archives)
    archives = [path for path in archives if is_corpus(path, common=True)]
    rows: list[tuple[Any, ...]] = []
    found: dict[str, Any] = {}
    few: list[str] = []
    for i, archive in enumerate(archives):
        tell, name = part_of(progress, i / len(archives), (i + 1) / len(archives)), corpus_name(archive)
        works = held_works(archive, part_of(tell, 0.0, 0.1))
        if len(works) < PIECES:
            few.append(f"{name} {len(works)}")
            continue
        measured = evaluate_model(model, archive, n=n, options=options, on_progress=part_of(tell, 0.1, 1.0)).data
        found[name] = {key: measured[key] for key in ("n", "songs", "two_sample", "real_against_real", "measures")}
        rows.append(corpus_row(name, len(works), measured))
    if not rows:
        raise DataError(f"no corpus in {data} has {PIECES} held-out works in 4/4 or 2/4; give a folder of archives")
    columns = ("corpus", "works", "AUC", "95 %", "real/real", *COLUMNS)
    note = (
        f"n = {n} windows of 8 bars of each corpus, under the plans of its held-out works, seed {options.seed}; AUC of "
        f"a classifier on 55 descriptors, works apart (chance 0.5); left out for fewer than {PIECES} held-out works: "
        f"{', '.join(few) or 'none'}"
    )
    return Report("Corpora", options.seed, (Table("Each corpus", columns, tuple(rows), note),), found)


def held_works(archive: Path, progress: Progress) -> set[str]:
    """The ids of an archive's held-out works with a whole window in 4/4 or 2/4."""
    try:
        _, held = read_pieces(archive, (), progress)
    except DataError:  # there is none
        return set()
    return {piece.id.partition("#")[0] for piece in held}


def corpus_row(name: str, works: int, measured: dict[str, Any]) -> tuple[Any, ...]:
    """The row of a corpus from what `evaluate_model` measured."""
    test, real = measured["two_sample"], measured["real_against_real"]
    pairs = [measured["measures"][key][side] for key in MEASURES for side in ("generated", "reference")]
    return name, works, test["auc"], f"{test['low']:.3f} to {test['high']:.3f}", real["auc"], *pairs
