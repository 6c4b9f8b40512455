"""Lead sheet: the melody on one staff, chord symbols over it, sections as rehearsal marks."""

from collections.abc import Sequence
from dataclasses import replace

from diffbgm.arrange.harmony import Chord, harmony_unit, read_harmony, symbol_of
from diffbgm.planner.harmony import join_chords
from diffbgm.roll import top_line
from diffbgm.types import MusicPlan, PianoRoll, PlannedChord, Score, Track


def lead_sheet(score: Score, roll: PianoRoll, plan: MusicPlan) -> tuple[Score, tuple[PlannedChord, ...]]:
    """What a lead sheet of the piece shows: a score of one part, and chords for `notation.to_musicxml`.

    Args:
        score: What is played. Its melody is written, one note at a time; where nobody has the melody, the highest notes
            of all that is played but drums.
        roll: Of the piece in its own key, where chords are heard that the plan does not ask for.
        plan: Of the piece; its chords count more than what is heard.
    """
    tracks = [t for t in score.tracks if t.role == "melody"] or [t for t in score.tracks if not t.is_drum]
    line = top_line(note for track in tracks for note in track.notes)
    top = replace(tracks[0], role="melody", notes=line) if tracks else Track("melody", 0, ())
    heard = read_harmony(roll, plan.key, harmony_unit(plan.beats_per_bar), plan.chords)
    return replace(score, tracks=(top,)), symbols(heard, plan.chords, flats=plan.key.sharps < 0)


def symbols(heard: Sequence[Chord], asked: Sequence[PlannedChord], *, flats: bool = False) -> tuple[PlannedChord, ...]:
    """Chords that are heard as symbols, and in their place those that are asked for; where nothing sounds, none."""
    out = list(asked)
    for chord in heard:
        free = [b for b in range(chord.start, chord.end) if not any(a.start <= b < a.end for a in asked)]
        if chord.heard and free:
            out.append(PlannedChord(free[0], free[-1] + 1, symbol_of(chord.classes, flats=flats)))
    return join_chords(sorted(out, key=lambda chord: chord.start))
