"""What every style tag does: its promises, measured on pieces for the same videos with the tag and without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbgm.planner import STYLES
from diffbgm.research.metrics.report import Table
from diffbgm.roll import find_key, measure_curves, measure_texture, pitch_classes
from diffbgm.types import MusicPlan, PianoRoll

DESCRIPTORS: dict[str, str] = {
    "onset rate": "onsets a second",
    "tempo": "beats a minute",
    "tempo missed": "octaves between the tempo and the tag's range",
    "major": "1 where the key is a major one",
    "pitch": "mean MIDI pitch",
    "polyphony": "keys sounding at once",
    "melody": "melody onsets a beat",
    "length": "mean length of a note, beats",
    "syncopation": "share of onsets on odd sixteenths",
}
# What each tag promises to move, and which way; palettes promise other instruments first of all, and
# the genre that every plan has by default promises nothing.
PROMISES: dict[str, tuple[tuple[str, int], ...]] = {
    "calm": (("onset rate", -1), ("tempo", -1)),
    "happy": (("major", 1), ("pitch", 1)),
    "sad": (("major", -1), ("onset rate", -1)),
    "tense": (("major", -1), ("onset rate", 1)),
    "dark": (("major", -1), ("pitch", -1)),
    "hopeful": (("major", 1), ("pitch", 1)),
    "playful": (("major", 1), ("length", -1)),
    "romantic": (("length", 1), ("melody", 1)),
    "epic": (("polyphony", 1), ("onset rate", 1)),
    "mysterious": (("major", -1), ("onset rate", -1)),
    "art-song": (("polyphony", 1), ("syncopation", -1)),
    "concert-piano": (("pitch", 1), ("polyphony", -1)),
    "chamber": (("onset rate", -1), ("polyphony", -1)),
    "symphonic": (("polyphony", 1), ("pitch", 1)),
    "hymn": (("onset rate", -1), ("syncopation", -1)),
    "game": (("pitch", -1), ("polyphony", 1)),
    "sparse": (("onset rate", -1),),
    "flowing": (("syncopation", -1),),
    "driving": (("onset rate", 1), ("tempo", 1)),
    "music-box": (("pitch", 1),),
    "slow": (("tempo", -1), ("tempo missed", -1)),
    "medium": (("tempo missed", -1),),
    "fast": (("tempo", 1), ("tempo missed", -1)),
}


@dataclass(frozen=True)
class TaggedPiece:
    """A piece as it was measured, with its plan.

    `values` by DESCRIPTORS (less "tempo missed"); `programs` of General MIDI (drums -1), or None where it was only
    planned.
    """

    plan: MusicPlan
    values: Mapping[str, float]
    programs: frozenset[int] | None = None

    def value(self, name: str, tag: str) -> float:
        """A descriptor; how far the tempo lies off is a matter of the tag."""
        if name != "tempo missed":
            return self.values[name]
        low, high = STYLES[tag].bpm or (0.0, np.inf)
        tempo = self.values["tempo"]
        return float(max(np.log2(low / tempo) if low else 0.0, np.log2(tempo / high), 0.0))


def planned(plan: MusicPlan) -> TaggedPiece:
    """As the plan asks for it."""
    beats = np.array([s.end_beat - s.start_beat for s in plan.sections], float)
    length, syncopation = (
        float(np.average([getattr(s.texture, name) for s in plan.sections], weights=beats))
        for name in ("note_length", "syncopation")
    )
    return TaggedPiece(plan, _values(plan, plan.curves, float(plan.key.mode == "major"), length, syncopation))


def played(roll: PianoRoll, plan: MusicPlan, seed: int) -> TaggedPiece:
    """As it was composed, on the instruments it is arranged for."""
    from diffbgm.arrange import arrange

    texture = measure_texture(roll.cells)
    major = float(find_key(pitch_classes(roll.cells)).mode == "major")
    values = _values(plan, measure_curves(roll.cells), major, texture.note_length or 0.0, texture.syncopation or 0.0)
    score = arrange(roll, plan, seed=seed)
    return TaggedPiece(plan, values, frozenset(-1 if t.is_drum else t.program for t in score.tracks if t.notes))


def _values(plan: MusicPlan, curves: Any, major: float, length: float, syncopation: float) -> dict[str, float]:
    return {
        "onset rate": float(curves.density.sum() / plan.duration),
        "tempo": 60.0 * plan.beats / plan.duration,
        "major": major,
        "pitch": float(curves.register.mean()),
        "polyphony": float(curves.polyphony.mean()),
        "melody": float(curves.melody.mean()),
        "length": length,
        "syncopation": syncopation,
    }


def tag_table(tagged: Mapping[str, Sequence[TaggedPiece]], plain: Sequence[TaggedPiece], how: str, seed: int) -> Table:
    """All tags with all their promises."""
    rows = [row for tag in tagged for row in rows_of(tag, tagged[tag], plain)]
    note = (
        f"n = {len(plain)} a tag, seed {seed}, each beside the piece for the same video without the tag; p: Wilcoxon's"
        " signed ranks, one-sided, for other programs the sign test (seven pieces are the fewest that can give p < .01)"
    )
    return Table(f"What every tag does, {how}", ("tag", "promises", "without the tag", "with it", "p"), (*rows,), note)


def rows_of(tag: str, with_tag: Sequence[TaggedPiece], without: Sequence[TaggedPiece]) -> list[tuple]:
    """The rows of the tag table that belong to `tag`."""
    rows = [palette_row(tag, with_tag, without)] if STYLES[tag].palette else []
    for name, sign in PROMISES.get(tag, ()):
        before, after = (np.array([piece.value(name, tag) for piece in group]) for group in (without, with_tag))
        p = paired_p(sign * (after - before))
        arrow = "more" if sign > 0 else "less"
        rows.append((tag, f"{arrow}: {DESCRIPTORS[name]}", before.mean(), after.mean(), p))
    return rows


def palette_row(tag: str, with_tag: Sequence[TaggedPiece], without: Sequence[TaggedPiece]) -> tuple:
    """Whether the instruments are others than the piano of an untagged piece (or those, for "piano")."""
    if any(piece.programs is None for piece in with_tag):
        share = float(np.mean([piece.plan.palette == STYLES[tag].palette for piece in with_tag]))
        return (tag, "palette in the plan: share", None, share, None)
    same = np.array([a.programs == b.programs for a, b in zip(with_tag, without, strict=True)])
    if tag == "piano":
        return (tag, "the same programs: share", None, float(same.mean()), None)
    share = 1 - float(same.mean())
    return (tag, "other programs: share", 0.0, share, sign_p(~same))


def paired_p(gains: np.ndarray) -> float:
    """One-sided p of Wilcoxon's signed-rank test that gains [n] are above 0; 1 where none differs from 0."""
    from scipy.stats import wilcoxon

    if not (np.abs(gains) > 1e-9).any():
        return 1.0
    _, p = wilcoxon(gains, alternative="greater")
    return float(np.asarray(p))


def sign_p(changed: np.ndarray) -> float:
    """One-sided p of that many changes among [n], were a change as likely as none."""
    from scipy.stats import binomtest

    return float(binomtest(int(changed.sum()), len(changed), alternative="greater").pvalue)


def contrast_table(tagged: Mapping[str, Sequence[TaggedPiece]], how: str, seed: int) -> Table:
    """Driving against calm."""
    rows = []
    for name in ("onset rate", "tempo"):
        driving, calm = (np.array([piece.values[name] for piece in tagged[tag]]) for tag in ("driving", "calm"))
        ratio = float(driving.mean() / max(calm.mean(), 1e-9))
        p = paired_p(driving - calm)
        rows.append((DESCRIPTORS[name], calm.mean(), driving.mean(), ratio, p))
    columns = ("", "calm", "driving", "ratio", "p")
    note = f"n = {len(tagged['calm'])} each, seed {seed}; p: Wilcoxon's signed ranks over the same videos"
    return Table(f"Driving against calm, {how}", columns, tuple(rows), note)
