"""`diffbgm evaluate ensembles`: every ensemble plays the same pieces; its parts and its sound are measured."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from diffbgm.arrange import PALETTES, arrange, find_palette
from diffbgm.planner import make_plan
from diffbgm.platforms import DEFAULT_LOUDNESS
from diffbgm.progress import Progress, part_of, silent
from diffbgm.render import render
from diffbgm.render.mix import energy_curve
from diffbgm.research.evaluation.semantics import drawn_video
from diffbgm.research.metrics.parts import crossings, out_of_range, over_gain, seated
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.sound import null_depth
from diffbgm.research.metrics.timbre import name_by_sound, timbre
from diffbgm.types import MusicPlan, PianoRoll

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

MOODS = ("calm", "happy", "driving")
SECONDS = 10.0
TOLERANCE = 0.2  # LU of the loudness
CEILING = -0.95  # dBTP: the renderer's ceiling of -1, and what oversampling differs by
NULL = -60.0  # dBFS of the mix without its stems, at most
LOUDER = 0.25  # dB that a part may lie over its gain: parts are levelled before the limiter works


@dataclass(frozen=True)
class EnsemblePiece:
    """One piece, played by one ensemble; loudness in LUFS, true peak in dBTP, null in dBFS.

    Attributes:
        silent: Instruments of the ensemble that have no note.
        outside: Notes out of their player's range.
        crossed: Notes of real voices below the voice under them.
        over: dB of the loudest part over its gain beside the melody.
        sound: Descriptors of the mix, see `timbre`.

    """

    ensemble: str
    piece: int
    loudness: float
    true_peak: float
    null: float
    silent: tuple[str, ...]
    outside: int
    crossed: int
    over: float
    sound: tuple[float, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, in a word each."""
        wrong = {
            "loudness": abs(self.loudness - DEFAULT_LOUDNESS) > TOLERANCE,
            "clips": self.true_peak > CEILING,
            "stems": self.null > NULL,
            "range": self.outside > 0,
            "crossing": self.crossed > 0,
            "silent": bool(self.silent),
            "level": self.over > LOUDER,
        }
        return tuple(name for name, is_wrong in wrong.items() if is_wrong)


def evaluate_ensembles(
    model: "DiffBGM",
    *,
    n: int = 2,
    names: Sequence[str] = (),
    seed: int = 0,
    steps: int | None = None,
    seconds: float = SECONDS,
    on_progress: Progress | None = None,
) -> Report:
    """Let ensembles play `n` pieces of each of `MOODS`: the same notes, composed once, arranged and rendered for each.

    Args:
        model: What composes.
        n: Pieces of each mood, each with a seed of its own.
        names: Ensembles; all there are if none is named.
        seed: Of the first piece.
        steps: Of the sampler.
        seconds: Length of the pieces, about.
        on_progress: Told of the progress.

    Raises:
        PlanError: There is no ensemble of that name.

    """
    progress = on_progress or silent
    names = list(names) or list(PALETTES)
    for name in names:
        find_palette(name)  # refused before anything is composed
    asked = [(mood, seed + i) for mood in MOODS for i in range(n)]
    composed = compose_pieces(model, asked, steps, seconds, part_of(progress, 0.0, 0.1))
    pieces: list[EnsemblePiece] = []
    for name in names:
        for number, (plan, roll) in enumerate(composed):
            done = len(pieces) / (len(names) * len(composed))
            progress(0.1 + 0.9 * done, f"{name}, piece {number + 1} of {len(composed)}")
            pieces.append(measure_ensemble(name, number, plan, roll, asked[number][1]))
    note = (
        f"n = {len(composed)} pieces of about {seconds:g} s ({n} each of {', '.join(MOODS)}), seeds {seed} to"
        f" {seed + n - 1}, the same notes for all {len(names)} ensembles; the worst of each"
    )
    tables = [fault_table(pieces, names, note)]
    if len(names) > 1 and len(composed) > 1:
        tables.append(telling_table(pieces, names, note))
    return Report("Ensembles", seed, tuple(tables), {"pieces": [asdict(p) for p in pieces]})


def compose_pieces(
    model: "DiffBGM", asked: Sequence[tuple[str, int]], steps: int | None, seconds: float, progress: Progress
) -> list[tuple[MusicPlan, PianoRoll]]:
    """Plan and roll of a made-up video for every (mood, seed)."""
    out: list[tuple[MusicPlan, PianoRoll]] = []
    for i, (mood, seed) in enumerate(asked):
        progress(i / len(asked), f"composing piece {i + 1} of {len(asked)}")
        plan = make_plan(drawn_video(seed, i, seconds=seconds), mood)
        out.append((plan, model.compose(plan, seed=seed, steps=steps)))
    return out


def measure_ensemble(name: str, number: int, plan: MusicPlan, roll: PianoRoll, seed: int) -> EnsemblePiece:
    """Arranges and renders a piece for one ensemble."""
    plan = replace(plan, palette=name)
    score = arrange(roll, plan, seed=seed)
    sound = render(score, duration=plan.duration)
    tracks = [track for track in score.tracks if track.notes]
    seats = seated(score, find_palette(name))
    energy = float(energy_curve(tracks, score.tempo, plan.duration).mean())
    return EnsemblePiece(
        ensemble=name,
        piece=number,
        loudness=sound.lufs,
        true_peak=sound.true_peak,
        null=null_depth(sound.mix, sound.stems),
        silent=tuple(f"{part.instrument} ({part.role})" for part, track in seats if track is None),
        outside=out_of_range(seats),
        crossed=crossings(seats),
        over=over_gain(tracks, sound, energy),
        sound=tuple(timbre(sound.mix).tolist()),
    )


def fault_table(pieces: Sequence[EnsemblePiece], names: Sequence[str], note: str) -> Table:
    """A row for each ensemble, and one for all of them."""
    rows = [_fault_row(name, [p for p in pieces if p.ensemble == name]) for name in names]
    columns = ("ensemble", "LUFS", "dBTP at most", "null dBFS", "out of range", "crossings", "silent", "dB over gain",
               "faults")  # fmt: skip
    return Table("Ensembles", columns, (*rows, _fault_row("all", pieces)), note)


def _fault_row(name: str, pieces: Sequence[EnsemblePiece]) -> tuple[str | float, ...]:
    faults = Counter(fault for piece in pieces for fault in piece.faults)
    silent_parts = sorted({part for piece in pieces for part in piece.silent})
    return (
        name,
        f"{min(p.loudness for p in pieces):.2f} to {max(p.loudness for p in pieces):.2f}",
        max(p.true_peak for p in pieces),
        max(p.null for p in pieces),
        sum(p.outside for p in pieces),
        sum(p.crossed for p in pieces),
        str(sum(map(bool, (p.silent for p in pieces)))) if name == "all" else ", ".join(silent_parts) or "-",
        max(p.over for p in pieces),
        ", ".join(f"{fault} {count}" for fault, count in faults.items()) or "none",
    )


def telling_table(pieces: Sequence[EnsemblePiece], names: Sequence[str], note: str) -> Table:
    """How often the ensemble is told by its sound, from pieces that the classifier never heard by anybody."""
    told = name_by_sound(np.array([p.sound for p in pieces]), [p.ensemble for p in pieces], [p.piece for p in pieces])
    right = [t == p.ensemble for t, p in zip(told, pieces, strict=True)]
    taken = Counter((p.ensemble, t) for t, p in zip(told, pieces, strict=True) if t != p.ensemble)
    share = {name: np.mean([r for r, p in zip(right, pieces, strict=True) if p.ensemble == name]) for name in names}
    wrong = {name: [f"{other} {count}" for (own, other), count in taken.items() if own == name] for name in names}
    rows = [(name, float(share[name]), ", ".join(wrong[name])) for name in names]
    rows.sort(key=lambda row: row[1])
    note = (
        f"{note}; told by linear discriminant analysis of means and spreads of centroid, bandwidth, roll-off, flatness"
        f" and 20 mel cepstra, leaving out all sounds of the piece that is judged; chance {1 / len(names):.1%}"
    )
    return Table(
        "Ensembles told by their sound",
        ("ensemble", "told", "taken for"),
        (*rows, ("all", float(np.mean(right)), "")),
        note,
    )
