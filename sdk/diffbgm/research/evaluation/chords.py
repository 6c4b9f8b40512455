"""`diffbgm evaluate chords`: whether the chords that a plan asks for are heard in what is composed and played."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffbgm.arrange import arrange
from diffbgm.composer import Denoiser
from diffbgm.errors import DataError
from diffbgm.options import ComposeOptions
from diffbgm.planner import make_plan
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.pop909 import is_validation, read_song, song_files
from diffbgm.research.evaluation.chord_spans import Span, agreement, hear, read_labels, spans_of
from diffbgm.research.evaluation.composing import compose_together
from diffbgm.research.evaluation.semantics import drawn_video
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.statistics import interval
from diffbgm.roll import notes_to_roll
from diffbgm.types import MusicPlan, Score

SECONDS = 26.0
LABELS = "chord_midi.txt"


@dataclass(frozen=True)
class Heard:
    """Shares of a piece's beats with the chord that was asked for, by root and quality and by root; its last bar.

    Attributes:
        home: Whether the last bar is heard as the chord that was asked for there.

    """

    chord: float
    root: float
    home: bool


def evaluate_chords(
    model: Denoiser,
    data: Path | None = None,
    *,
    n: int = 24,
    style: str = "",
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Ask for planned chords in `n` made-up videos and hear what was composed, and what the band plays of it.

    Beside it the same plans without chords, heard against the chords that were not told, and POP909's songs against
    their own labels.

    Args:
        model: The denoiser.
        data: POP909 for the ceiling; without it that is left out.
        n: Pieces.
        style: Tags of the plans.
        options: Of the composer; its seed decides everything that is drawn.
        on_progress: Told of the progress.

    """
    options = options or ComposeOptions()
    progress = on_progress or silent
    plans = [make_plan(drawn_video(options.seed, i, seconds=SECONDS), style, chords="auto") for i in range(n)]
    bare = [replace(plan, chords=()) for plan in plans]
    seeds = [options.seed + i for i in range(n)]
    rolls = compose_together(model, [*plans, *bare], 2 * seeds, options, part_of(progress, 0.0, 0.9))
    spans = [spans_of(plan.chords) for plan in plans]
    scores = [arrange(roll, plan, seed=s) for roll, plan, s in zip(rolls, plans, seeds, strict=False)]
    found = {
        "composed": [measure(r.cells, s) for r, s in zip(rolls, spans, strict=False)],
        "arranged": [measure(cells_of(score, plan), s) for score, plan, s in zip(scores, plans, spans, strict=True)],
        "not told (chance)": [measure(r.cells, s) for r, s in zip(rolls[n:], spans, strict=True)],
    }
    if data is not None:
        progress(0.9, "reading POP909's labels")
        found["POP909's songs, their own labels"] = [measure(cells, s) for cells, s in labelled_songs(data)]
    rows = [row_of(name, pieces, options.seed) for name, pieces in found.items()]
    columns = ("music", "n", "root and quality", "95 %", "root", "last bar")
    note = (
        f"n = {n} pieces of about {SECONDS:g} s, seed {options.seed}, {options.steps} steps, style {style or 'none'};"
        " share of beats; the chord heard is the template that fits a span's notes best (maj, min, dim, aug, sus4 and"
        " three sevenths on 12 roots, read as triads); last bar: heard as asked; intervals by bootstrap over pieces"
    )
    data_out = {name: [vars(piece) for piece in pieces] for name, pieces in found.items()}
    return Report("Chords", options.seed, (Table("Chords asked and heard", columns, tuple(rows), note),), data_out)


def measure(cells: np.ndarray, spans: Sequence[Span]) -> Heard:
    """Hears cells [4, T, 88] against what was asked."""
    chord, root = agreement(cells, spans)
    last = spans[-1]
    return Heard(chord, root, hear(cells, last.start, last.end) == (last.root, last.quality))


def row_of(name: str, pieces: Sequence[Heard], seed: int) -> tuple[str | int | float, ...]:
    """A row of the table."""
    chord = np.array([piece.chord for piece in pieces])
    rng = np.random.default_rng(seed)
    low, high = interval([chord[rng.integers(len(chord), size=len(chord))].mean() for _ in range(1000)])
    root, home = (float(np.mean([getattr(piece, key) for piece in pieces])) for key in ("root", "home"))
    return name, len(pieces), float(chord.mean()), f"{low:.3f} to {high:.3f}", root, home


def cells_of(score: Score, plan: MusicPlan) -> np.ndarray:
    """[4, T, 88] what the band plays, without its drums."""
    played = [(t.role, note) for t in score.tracks if not t.is_drum for note in t.notes]
    parts = [[note for role, note in played if (role == "melody") == lead] for lead in (True, False)]
    return notes_to_roll(parts[0], parts[1], plan.beats).cells


def labelled_songs(data: Path) -> list[tuple[np.ndarray, list[Span]]]:
    """Cells and labels of POP909's validation songs; DataError where none has labels."""
    out: list[tuple[np.ndarray, list[Span]]] = []
    for song_id, files in song_files(data).items():
        if not is_validation(song_id) or LABELS not in files:
            continue
        song = read_song(song_id, files)
        if song is not None and (spans := read_labels(files[LABELS].decode(), song.times)):
            out.append((song.roll.cells, spans))
    if not out:
        raise DataError(f"{data}: holds no validation song with {LABELS}; give POP909")
    return out
