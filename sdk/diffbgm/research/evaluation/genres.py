"""`diffbgm evaluate genres`: whether the genre that was asked for is the genre that the notes are taken for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.composer import Denoiser
from diffbgm.errors import DataError
from diffbgm.options import ComposeOptions
from diffbgm.planner import STYLES, make_plan
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.mix import read_parts
from diffbgm.research.datasets.windows import Sampling, TrainingPiece, whole_windows
from diffbgm.research.evaluation.composing import compose_together
from diffbgm.research.evaluation.semantics import drawn_video
from diffbgm.research.metrics.descriptors import DESCRIPTORS, describe_all
from diffbgm.research.metrics.report import Report, Table
from diffbgm.types import STEPS_PER_BAR

SECONDS = 30.0
BARS = 8
TRAINING, HELD = 150, 60  # windows of each genre, at most
TAGS: Mapping[str, str] = {row.genre: name for name, row in STYLES.items() if row.group == "genre" and row.genre}


def evaluate_genres(
    model: Denoiser,
    archives: Sequence[Path],
    *,
    n: int = 24,
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Name the genre of `n` composed windows of each genre, of real windows that were held out, and of untold ones.

    Args:
        model: The denoiser.
        archives: Corpora; what names genres is fitted to their training pieces in 4/4.
        n: Pieces of each genre, for made-up videos; of each the first 8 bars are judged.
        options: Of the composer; its seed decides everything that is drawn.
        on_progress: Told of the progress.

    Raises:
        DataError: The corpora hold fewer than two genres that a style tag asks for.

    """
    options = options or ComposeOptions()
    progress = on_progress or silent
    rng = np.random.default_rng([options.seed, 7])
    parts = [read_parts(path, on_progress=part_of(progress, 0.0, 0.2)) for path in archives]
    known, held = (by_genre([piece for part in parts for piece in part[side]]) for side in (0, 1))
    genres = [genre for genre in TAGS if genre in known and genre in held]
    if len(genres) < 2:
        raise DataError(f"the corpora hold {len(genres)} of the genres {', '.join(TAGS)}; give archives of two or more")
    rows = {genre: described(known[genre], TRAINING, rng) for genre in genres}
    judge = fit_genres(np.concatenate(list(rows.values())), [genre for genre in genres for _ in rows[genre]])
    real = {genre: judge.predict(described(held[genre], HELD, rng)).tolist() for genre in genres}

    videos = [drawn_video(options.seed, i, seconds=SECONDS) for i in range(n)]
    plans = [make_plan(video, tag) for tag in (*(TAGS[genre] for genre in genres), "") for video in videos]
    seeds = [options.seed + i for _ in (*genres, "") for i in range(n)]
    rolls = compose_together(model, plans, seeds, options, part_of(progress, 0.2, 1.0))
    named = [str(judge.predict(describe_all(opening(roll.cells)[None]))[0]) for roll in rolls]
    heard = {genre: named[i * n : (i + 1) * n] for i, genre in enumerate(genres)}
    untold = named[len(genres) * n :]
    table = [genre_row(genre, heard[genre], untold, real[genre]) for genre in genres]
    means = [float(np.mean([float(row[k]) for row in table])) for k in (1, 2, 3)]
    note = (
        f"n = {n} composed pieces a genre, seed {options.seed}, {options.steps} steps, for the same made-up videos;"
        f" named by a random forest on {len(DESCRIPTORS)} descriptors of {BARS} bars, fitted to"
        f" {sum(map(len, rows.values()))} windows of {', '.join(path.name for path in archives)}; not told: pieces"
        f" without a tag that are taken for the genre; real: windows of held-out works (the ceiling); chance"
        f" {1 / len(genres):.0%}"
    )
    columns = ("genre", "composed", "not told", "real", "n real", "taken for")
    rows_out = (*table, ("all", *means, sum(row[4] for row in table), ""))
    return Report(
        "Genres",
        options.seed,
        (Table("Genre asked, and named from the notes", columns, rows_out, note),),
        {"heard": heard, "untold": untold, "real": real},
    )


def genre_row(
    genre: str, heard: Sequence[str], untold: Sequence[str], real: Sequence[str]
) -> tuple[str, float, float, float, int, str]:
    """Shares that are taken for the genre: composed, without a tag, real; and what the composed ones are taken for."""
    composed, plain, people = (float(np.mean([name == genre for name in names])) for names in (heard, untold, real))
    wrong = Counter(name for name in heard if name != genre).most_common(2)
    return genre, composed, plain, people, len(real), ", ".join(f"{name} {count}" for name, count in wrong)


def by_genre(pieces: Sequence[TrainingPiece]) -> dict[str, list[TrainingPiece]]:
    """The pieces of eight bars or more by genre."""
    out: dict[str, list[TrainingPiece]] = {}
    for piece in pieces:
        if piece.bars >= BARS:
            out.setdefault(piece.genre, []).append(piece)
    return out


def described(pieces: Sequence[TrainingPiece], most: int, rng: np.random.Generator) -> np.ndarray:
    """[n, D] descriptors of whole windows of pieces, `most` of them, four a piece at most."""
    drawn = whole_windows(pieces, min(most, 4 * len(pieces)), BARS, rng, Sampling.plain())
    return describe_all(np.stack([window.cells for _, _, window in drawn]))


def opening(cells: np.ndarray) -> np.ndarray:
    """[4, 8 bars, 88] the first bars of cells [4, T, 88], silent after their end."""
    steps = BARS * STEPS_PER_BAR
    return np.pad(cells[:, :steps], ((0, 0), (0, max(0, steps - cells.shape[1])), (0, 0)))


def fit_genres(rows: np.ndarray, genres: Sequence[str]) -> Any:
    """A random forest that names genres, each as heavy as another."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(300, class_weight="balanced", min_samples_leaf=2, random_state=0).fit(rows, genres)
