"""PianoRoll + MusicPlan -> Score: the roll's two voices become a band that follows the plan.

`arrange` reads from the top: harmony, sections, parts, what the roll leaves open, how it is played.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.arrange.ending import answer_cuts, cadence, fill_gaps, ring, settle
from diffbgm.arrange.expression import articulate, loosen, pedal, shape_velocity, swells
from diffbgm.arrange.harmony import Chord, read_harmony
from diffbgm.arrange.palettes import PALETTES, ROLES, Palette, Part, Role, find_palette
from diffbgm.arrange.percussion import STYLES, drum_part
from diffbgm.arrange.sections import CUT_WINDOW, SectionSpan, cast, find_sections
from diffbgm.arrange.speech import Span, beats_of, join_spans, make_room, quiet_drums, rest
from diffbgm.arrange.voices import (
    fit_range,
    one_at_a_time,
    pad_notes,
    pulse,
    split_bass,
    strum,
    thin,
    tidy,
    without_unisons,
)
from diffbgm.errors import PlanError
from diffbgm.roll import roll_to_notes
from diffbgm.types import Control, MusicPlan, Note, PianoRoll, Score, Track

__all__ = ["CUT_WINDOW", "PALETTES", "ROLES", "Palette", "Part", "arrange", "find_palette"]

Parts = dict[Role, list[Note]]


def arrange(roll: PianoRoll, plan: MusicPlan, *, seed: int = 0, speech: Sequence[Span] = ()) -> Score:
    """The roll (already in the plan's key) played by the plan's palette.

    `seed` decides the small deviations in time, length and loudness and nothing else; the same arguments give the same
    score. In the `speech` spans (seconds) the melody rests, the harmony thins out and leaves the voice's register.
    PlanError when roll and plan differ in length, or the palette is unknown.
    """
    if roll.beats != plan.beats:
        raise PlanError(f"arrange: the roll has {roll.beats} beats, the plan {plan.beats}; compose for this plan")
    palette = find_palette(plan.palette)
    rng = np.random.default_rng(seed)
    spans = beats_of(join_spans(speech, plan.duration), plan.tempo)
    sections = find_sections(plan)
    playing = cast(palette, sections)
    melody, accompaniment = roll_to_notes(roll)
    harmony = read_harmony(roll, plan.key)
    harmony, ringing, added = settle(harmony, [*melody, *accompaniment], plan.key, plan.beats)

    parts = _orchestrate(melody, accompaniment, palette, sections, playing, harmony)
    _make_room(parts, palette, spans, plan)
    _complete(parts, palette, plan, harmony)
    for role, notes in parts.items():
        parts[role] = ring(notes, ringing, plan.beats, line=role == "melody")
    chords = palette.parts["chords"]
    parts["chords"] = tidy([*parts["chords"], *cadence(plan, chords, added)])
    parts = shape_velocity(parts, plan, sections, rng)
    parts = {role: _play(role, notes, palette, plan, harmony, rng) for role, notes in parts.items()}
    parts["melody"] = rest(parts["melody"], spans)
    if palette.drums:
        drums = drum_part(STYLES[palette.drums], sections, playing["percussion"], plan.cuts, plan.beats)
        parts["percussion"] = loosen(quiet_drums(drums, spans), plan, palette.swing, rng)

    tracks = []
    for role in ROLES:
        if parts.get(role):
            part = palette.parts[role]
            controls = tuple(_controls(role, palette, plan, sections, harmony))
            notes = tuple(sorted(_until_end(parts[role], plan)))
            tracks.append(Track(role, part.program, notes, controls, part.pan, part.gain))
    return Score(tuple(tracks), plan.tempo, tuple(_markers(plan)), plan.key)


def _until_end(notes: Sequence[Note], plan: MusicPlan) -> Sequence[Note]:
    """The notes up to the end of a video that is shorter than its single bar."""
    end = float(plan.tempo.beat_at(plan.duration))
    if end > plan.beats - 1e-3:
        return notes
    return [replace(note, end=min(note.end, end)) for note in notes if note.start < end]


def _orchestrate(
    melody: Sequence[Note],
    accompaniment: Sequence[Note],
    palette: Palette,
    sections: list[SectionSpan],
    playing: dict[Role, list[bool]],
    harmony: list[Chord],
) -> Parts:
    """The pitched roles, in range, before anything is added; velocities are still the composer's."""
    lead = palette.parts["melody"]
    tune = thin(_fit(melody, lead), lead.voices)
    parts: Parts = {"melody": one_at_a_time(tune) if lead.voices == 1 else tune}
    if (part := palette.parts.get("bass")) is not None:
        bass, accompaniment = split_bass(accompaniment, sections, playing["bass"])
        parts["bass"] = _fit(pulse(bass, sections) if palette.bass_pulse else bass, part)
    chords = palette.parts["chords"]
    parts["chords"] = thin(without_unisons(_fit(accompaniment, chords), parts["melody"]), chords.voices)
    if (part := palette.parts.get("pad")) is not None:
        parts["pad"] = pad_notes(harmony, part, sections, playing["pad"])
    return parts


def _fit(notes: Sequence[Note], part: Part) -> list[Note]:
    return tidy(fit_range(notes, part.low, part.high))


def _make_room(parts: Parts, palette: Palette, spans: Sequence[Span], plan: MusicPlan) -> None:
    """The pitched parts under speech: no melody, a thin and low rest."""
    if not spans:
        return
    parts["melody"] = rest(parts["melody"], spans)
    parts["chords"] = tidy(make_room(parts["chords"], spans, palette.parts["chords"].low, plan.tempo))
    if "pad" in parts:
        parts["pad"] = tidy(make_room(parts["pad"], spans, palette.parts["pad"].low, plan.tempo))


def _complete(parts: Parts, palette: Palette, plan: MusicPlan, harmony: list[Chord]) -> None:
    """Silence filled, cuts answered."""
    chords = palette.parts["chords"]
    played: list[tuple[Role, Part, Sequence[Note]]] = [(r, palette.parts[r], notes) for r, notes in parts.items()]
    parts["chords"] = parts["chords"] + fill_gaps(chords, played, harmony, plan.curves, plan.tempo)
    everything = [note for notes in parts.values() for note in notes]
    parts["chords"] = tidy([*parts["chords"], *answer_cuts(plan.cuts, everything, chords, harmony, plan.tempo)])


def _play(
    role: Role, notes: Sequence[Note], palette: Palette, plan: MusicPlan, harmony: list[Chord], rng: np.random.Generator
) -> list[Note]:
    """How one role's notes are struck and held."""
    notes = loosen(notes, plan, palette.swing, rng)
    if role == "chords" and palette.strum:
        notes = strum(notes, palette.strum, plan.tempo)
    changes = [float(chord.start) for chord in harmony]
    return tidy(articulate(tidy(notes), palette.parts[role], changes, plan.beats, rng))


def _controls(
    role: Role, palette: Palette, plan: MusicPlan, sections: list[SectionSpan], harmony: list[Chord]
) -> list[Control]:
    controls = swells(palette.parts[role], plan, sections)
    if palette.pedal and role == "chords":
        controls += pedal(harmony, plan.beats)
    return sorted(controls)


def _markers(plan: MusicPlan) -> list[tuple[float, str]]:
    """(beat, text) for the sections and every cut; a cut that was let go sits where it is, between the beats."""
    markers = [(float(s.start_beat), f"section {s.label}") for s in plan.sections]
    for number, cut in enumerate(plan.cuts, 1):
        beat = cut.beat if cut.snapped else float(plan.tempo.beat_at(cut.time))
        markers.append((min(max(beat, 0.0), float(plan.beats)), f"cut {number}" + ("" if cut.snapped else " (free)")))
    return sorted(markers, key=lambda marker: marker[0])
