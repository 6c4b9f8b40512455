"""`diffbgm evaluate pieces`: long pieces under the plans of songs: do windows leave seams, are velocities well told?"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.arrange.expression import shape_velocity
from diffbgm.arrange.palettes import find_palette
from diffbgm.arrange.sections import find_sections
from diffbgm.composer.batching import precision
from diffbgm.composer.compose import MEAN_VELOCITY, compose, condition_of
from diffbgm.composer.condition import planned_affect
from diffbgm.composer.windows import window_starts
from diffbgm.options import ComposeOptions
from diffbgm.progress import Progress, part_of, silent
from diffbgm.research.datasets.bar_affect import affect_of
from diffbgm.research.datasets.pop909 import read_songs
from diffbgm.research.datasets.windows import TrainingPiece, prepare
from diffbgm.research.evaluation.model import chosen
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.seams import SEAM_DESCRIPTORS, SeamTest, seam_test
from diffbgm.research.metrics.statistics import pearson
from diffbgm.roll import roll_to_notes, texture_of
from diffbgm.types import (
    BEATS_PER_BAR,
    CURVES,
    LOWEST_PITCH,
    PITCHES,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    Curves,
    Key,
    MusicPlan,
    PianoRoll,
    Section,
    TempoMap,
)

if TYPE_CHECKING:
    from diffbgm.composer import Denoiser

BARS = 24
MIDDLE = 80  # velocity of every note where rules alone are to speak


def evaluate_pieces(
    model: "Denoiser",
    data: Path | str,
    *,
    n: int = 40,
    options: ComposeOptions | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Composes `n` pieces of 24 bars under the plans of as many validation songs, and measures them beside those.

    Seams: bar lines where a window always starts or ends, against others, and that difference against the songs'.
    Velocity: the network's, read off the songs' own notes, and the rules', against how the songs were played.
    """
    options = options or ComposeOptions()
    progress = on_progress or silent
    songs = chosen(read_songs(data, part_of(progress, 0.0, 0.1)), ())
    pieces = [piece for piece in map(prepare, songs) if piece.bars >= BARS][:n]
    rng = np.random.default_rng([options.seed, 3])
    excerpts = [(piece, start_of(piece, rng)) for piece in pieces]
    composed, real, plans = [], [], []
    for i, (piece, start) in enumerate(excerpts):
        progress(0.1 + 0.8 * i / len(excerpts), f"composing piece {i + 1} of {len(excerpts)}")
        plans.append(plan_of(piece, start, BARS))
        real.append(roll_of(piece, start, BARS))
        composed.append(compose(model, plans[-1], replace(options, seed=options.seed + i)).cells)
    progress(0.9, "looking for seams")
    seams = seams_of(BARS, model.beats)
    alone = seam_test(composed, seams, seed=options.seed)
    songs_own = seam_test([roll.cells for roll in real], seams, seed=options.seed)
    beside = seam_test(composed, seams, [roll.cells for roll in real], seed=options.seed)
    progress(0.95, "comparing velocities")
    tables = (seam_table(alone, songs_own, beside), velocity_table(model, plans, real, options.seed))
    guidance = {"dynamic": options.guidance.dynamic, "semantic": options.guidance.semantic}
    sampler = {"steps": options.steps, **guidance}
    return Report("Long pieces", options.seed, tables, {"n": len(pieces), "bars": BARS, "sampler": sampler})


def seams_of(bars: int, window: int) -> list[int]:
    """The bar lines inside a piece where a window of `window` beats starts or ends at every noise level."""
    edges = [
        {
            beat // BEATS_PER_BAR
            for start in window_starts(bars * BEATS_PER_BAR, window, turn)
            for beat in (start, start + window)
        }
        for turn in range(window // BEATS_PER_BAR)
    ]
    return sorted(line for line in set.intersection(*edges) if 0 < line < bars)


def start_of(piece: TrainingPiece, rng: np.random.Generator) -> int:
    """Any bar that leaves room: were it where a section starts, seams would be where phrases begin in the songs too."""
    return int(rng.integers(piece.bars - BARS + 1))


def plan_of(piece: TrainingPiece, start: int, bars: int) -> MusicPlan:
    """What would have asked for bars `start` .. `start + bars` of a song, in C major or A minor."""
    edges = sorted({0, bars, *(bar - start for bar, _ in piece.cuts if start < bar < start + bars)})
    labels = {bar - start: label for bar, label in piece.cuts if bar > start}
    opening = [label for bar, label in piece.cuts if bar <= start]
    sections = []
    for a, b in pairwise(edges):
        rows = slice(start + a, start + b)
        texture = texture_of(piece.statistics[rows], float(piece.mode[rows].mean()))
        label = labels.get(a) or (opening[-1] if opening else "A")
        heard = zip(("valence", "arousal"), affect_of(piece.heard[rows], piece.bpm), strict=True)
        valence, arousal = (planned_affect(name, value) for name, value in heard)
        sections.append(Section(a * BEATS_PER_BAR, b * BEATS_PER_BAR, label, valence, arousal, texture))
    beats = slice(start * BEATS_PER_BAR, (start + bars) * BEATS_PER_BAR)
    curves = Curves(**{name: piece.curves[name][beats] for name in CURVES})
    tempo = TempoMap.steady(piece.bpm, bars * BEATS_PER_BAR)
    return MusicPlan(float(tempo.edges[-1]), tempo, Key(0), tuple(sections), curves)


def roll_of(piece: TrainingPiece, start: int, bars: int) -> PianoRoll:
    """`bars` bars of a piece's roll from bar `start` on, with their velocities."""
    steps = slice(start * STEPS_PER_BAR, (start + bars) * STEPS_PER_BAR)
    assert piece.roll.velocity is not None
    return PianoRoll(piece.roll.cells[:, steps], piece.roll.velocity[:, steps])


def seam_table(alone: SeamTest, songs_own: SeamTest, beside: SeamTest) -> Table:
    """The table of three seam tests: p, and the descriptor that differs most, with its t."""
    rows = []
    for test, question in (
        (alone, "seams against other bar lines"),
        (songs_own, "the songs at the same bar lines"),
        (beside, "seams, against the songs"),
    ):
        name, difference, t, _ = test.rows[0]
        rows.append((question, test.p, name, difference, t))
    return Table(
        "Seams between windows",
        ("question", "p", "farthest descriptor", "difference", "t"),
        tuple(rows),
        f"n = {alone.n[0]} pieces of {BARS} bars, seed {alone.seed}; p of the largest |t| of {len(SEAM_DESCRIPTORS)} "
        f"descriptors, {alone.permutations} permutations; excerpts of songs that begin at any bar",
    )


def velocity_table(model: "Denoiser", plans: Sequence[MusicPlan], real: Sequence[PianoRoll], seed: int) -> Table:
    """Correlation with the played velocities inside a piece and voice, and mean absolute error about its mean."""
    found: dict[str, list[tuple[float, float]]] = {"the network": [], "rules": [], "one velocity": []}
    for plan, roll in zip(plans, real, strict=True):
        assert roll.velocity is not None
        told = predicted_velocity(model, plan, roll)
        ruled = ruled_velocity(plan, roll, seed)
        for voice in range(2):
            there = roll.cells[2 * voice].astype(bool)
            if there.sum() < 8:
                continue
            played = roll.velocity[voice][there].astype(np.float64)
            for name, value in (("the network", told[voice]), ("rules", ruled[voice]), ("one velocity", None)):
                guess = np.zeros(len(played)) if value is None else value[there] - value[there].mean()
                error = float(np.abs(guess - (played - played.mean())).mean())
                found[name].append((pearson(guess, played), error))
    rows = [(name, *(float(np.mean([pair[i] for pair in pairs])) for i in range(2))) for name, pairs in found.items()]
    return Table(
        "Velocities against those played",
        ("from", "r inside a voice", "mean error"),
        tuple(rows),
        f"n = {len(found['rules'])} voices of {len(plans)} songs, seed {seed}; MIDI velocity about each voice's mean",
    )


def predicted_velocity(model: "Denoiser", plan: MusicPlan, roll: PianoRoll) -> np.ndarray:
    """[2, T, 88] velocities that the network predicts for notes that are there, window by window."""
    import torch

    width = model.beats * STEPS_PER_BEAT
    starts = list(range(0, plan.beats, model.beats))
    device = next(model.parameters()).device
    windows = np.stack([roll.cells[:, s : s + width] for s in (start * STEPS_PER_BEAT for start in starts)])
    x = torch.from_numpy(2.0 * windows - 1).float().to(device)
    condition = condition_of(plan, starts, model).to(device)
    with torch.inference_mode(), precision(model):
        out = model(x, x.new_full((len(x),), 0.01), condition, x)
    mean = np.array(MEAN_VELOCITY, np.float32)[:, None, None]
    return mean + 64 * (2 * np.concatenate(list(out.velocity.float().cpu().numpy()), axis=1) - 1)


def ruled_velocity(plan: MusicPlan, roll: PianoRoll, seed: int) -> np.ndarray:
    """[2, T, 88] velocities of the arranger's rules for notes that are there, none being told."""
    out = np.zeros((2, roll.steps, PITCHES))
    melody, accompaniment = ([replace(n, velocity=MIDDLE) for n in voice] for voice in roll_to_notes(roll))
    lead, chords = (find_palette("piano").parts[role] for role in ("melody", "chords"))
    shaped = shape_velocity(
        {lead: melody, chords: accompaniment}, plan, find_sections(plan), np.random.default_rng(seed)
    )
    for voice, notes in enumerate((shaped[lead], shaped[chords])):
        for note in notes:
            out[voice, round(note.start * STEPS_PER_BEAT), note.pitch - LOWEST_PITCH] = note.velocity
    return out
