"""PianoRoll + MusicPlan -> Score: the roll's two voices become a band that follows the plan.

`arrange` reads from the top: harmony, sections, parts, what the roll leaves open, how it is played.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffbgm.arrange.ending import accent_cuts, cadence, fill_gaps, final_chord, sustain_final_bar
from diffbgm.arrange.expression import articulate, humanize, pedal, shape_velocity, swells
from diffbgm.arrange.harmony import Chord, harmony_unit, home_chord, read_harmony
from diffbgm.arrange.palettes import PALETTES, ROLES, Palette, Part, find_palette
from diffbgm.arrange.percussion import DRUM_STYLES, drum_part
from diffbgm.arrange.sections import SectionSpan, find_sections, role_entries
from diffbgm.arrange.speech import Span, join_spans, silence, soften_drums, spans_in_beats, thin_under_speech
from diffbgm.arrange.spotting import spot
from diffbgm.arrange.voices import (
    drop_unisons,
    fit_range,
    limit_voices,
    monophonic,
    pad_notes,
    repeat_eighths,
    resolve_overlaps,
    split_bass,
    strum,
)
from diffbgm.errors import PlanError
from diffbgm.roll import roll_to_notes
from diffbgm.types import Control, MusicPlan, Note, PianoRoll, Role, Score, Track

__all__ = ["PALETTES", "ROLES", "Palette", "Part", "arrange", "find_palette"]

Parts = dict[Role, list[Note]]
ACCOMPANYING: frozenset[Role] = frozenset({"chords", "pad"})  # what thins out under speech


@dataclass(frozen=True)
class _Setting:
    """What every step of one arrangement looks at; `entries`: in which sections each role plays."""

    plan: MusicPlan
    palette: Palette
    sections: list[SectionSpan]
    entries: dict[Role, list[bool]]
    harmony: list[Chord]
    speech: list[Span]  # in beats
    rng: np.random.Generator


def arrange(roll: PianoRoll, plan: MusicPlan, *, seed: int = 0, speech: Sequence[Span] = ()) -> Score:
    """Arrange a roll for the plan's palette; the same arguments give the same score.

    Args:
        roll: [4, 4 B, 88] in the plan's key.
        plan: Of B beats.
        seed: Of the small deviations in time, length and loudness; it changes nothing else.
        speech: (start, end) in seconds where somebody speaks: there the melody rests, the harmony thins out and leaves
            the voice's register.

    Raises:
        PlanError: Roll and plan differ in length, or the palette is unknown.

    """
    if roll.beats != plan.beats:
        raise PlanError(f"arrange: the roll has {roll.beats} beats, the plan {plan.beats}; compose for this plan")
    palette = find_palette(plan.palette)
    sections = find_sections(plan)
    melody, accompaniment = roll_to_notes(roll)
    harmony, home = read_harmony(roll, plan.key, harmony_unit(plan.beats_per_bar), plan.chords), home_chord(plan)
    harmony, ringing, added = final_chord(harmony, [*melody, *accompaniment], home, plan.last_bar, plan.beats)
    spans = spans_in_beats(join_spans(speech, plan.duration), plan.tempo)
    entries = role_entries(palette, sections)
    setting = _Setting(plan, palette, sections, entries, harmony, spans, np.random.default_rng(seed))

    parts = _orchestrate(melody, accompaniment, setting)
    if spans:
        parts["melody"] = silence(parts["melody"], spans)
        for role in ACCOMPANYING & parts.keys():
            thinned = thin_under_speech(parts[role], spans, palette.parts[role].low, plan.tempo)
            parts[role] = resolve_overlaps(thinned)
    _complete(parts, setting)
    for role, notes in parts.items():
        parts[role] = sustain_final_bar(notes, ringing, plan.last_bar, plan.beats, line=role == "melody")
    parts["chords"] = resolve_overlaps([*parts["chords"], *cadence(plan, palette.parts["chords"], added, home[0])])
    parts = shape_velocity(parts, plan, sections, setting.rng)
    parts = {role: _play(role, notes, setting) for role, notes in parts.items()}
    parts["melody"] = silence(parts["melody"], spans)
    if palette.drums:
        drums = drum_part(DRUM_STYLES[palette.drums], plan, sections, entries["percussion"])
        parts["percussion"] = humanize(soften_drums(drums, spans), plan, palette.swing, setting.rng)

    tracks = [_track(role, parts[role], setting) for role in ROLES if parts.get(role)]
    tracks = spot(tracks, plan, palette.parts["chords"], harmony)
    numerator, denominator = map(int, plan.metre.split("/"))
    return Score(tuple(tracks), plan.tempo, tuple(_markers(plan)), plan.key, (numerator, denominator))


def _orchestrate(melody: Sequence[Note], accompaniment: Sequence[Note], setting: _Setting) -> Parts:
    """Return the pitched roles, in range, before anything is added; velocities are still the composer's."""
    palette, sections, entries = setting.palette, setting.sections, setting.entries
    per_bar = setting.plan.beats_per_bar
    lead, chords = palette.parts["melody"], palette.parts["chords"]
    tune = limit_voices(_fit(melody, lead), lead.voices)
    parts: Parts = {"melody": monophonic(tune) if lead.voices == 1 else tune}
    if (part := palette.parts.get("bass")) is not None:
        bass, accompaniment = split_bass(accompaniment, sections, entries["bass"], per_bar)
        parts["bass"] = _fit(repeat_eighths(bass, sections) if palette.bass_pulse else bass, part)
    parts["chords"] = limit_voices(drop_unisons(_fit(accompaniment, chords), parts["melody"]), chords.voices)
    if (part := palette.parts.get("pad")) is not None:
        parts["pad"] = pad_notes(setting.harmony, part, sections, entries["pad"], per_bar)
    return parts


def _fit(notes: Sequence[Note], part: Part) -> list[Note]:
    return resolve_overlaps(fit_range(notes, part.low, part.high))


def _complete(parts: Parts, setting: _Setting) -> None:
    """Fill silence with chords, and give every cut an onset."""
    plan, chords, harmony = setting.plan, setting.palette.parts["chords"], setting.harmony
    played: list[tuple[Role, Part, Sequence[Note]]] = [(r, setting.palette.parts[r], n) for r, n in parts.items()]
    parts["chords"] = parts["chords"] + fill_gaps(chords, played, harmony, plan)
    everything = [note for notes in parts.values() for note in notes]
    accents = accent_cuts(plan.cuts, everything, chords, harmony, plan.tempo)
    parts["chords"] = resolve_overlaps([*parts["chords"], *accents])


def _play(role: Role, notes: Sequence[Note], setting: _Setting) -> list[Note]:
    """How one role's notes are struck and held."""
    plan, palette, rng = setting.plan, setting.palette, setting.rng
    notes = humanize(notes, plan, palette.swing, rng)
    if role == "chords" and palette.strum:
        notes = strum(notes, palette.strum, plan.tempo)
    changes = [float(chord.start) for chord in setting.harmony]
    return resolve_overlaps(articulate(resolve_overlaps(notes), palette.parts[role], changes, plan.beats, rng))


def _track(role: Role, notes: Sequence[Note], setting: _Setting) -> Track:
    """One role with its controls, as far as the film goes: one shorter than its single bar ends inside it."""
    plan, part = setting.plan, setting.palette.parts[role]
    end = float(plan.tempo.beat_at(plan.duration))
    if end < plan.beats - 1e-3:
        notes = [replace(note, end=min(note.end, end)) for note in notes if note.start < end]
    controls: list[Control] = swells(part, plan, setting.sections)
    if setting.palette.pedal and role == "chords":
        controls += pedal(setting.harmony, plan)
    return Track(role, part.program, tuple(sorted(notes)), tuple(sorted(controls)), part.pan, part.gain)


def _markers(plan: MusicPlan) -> list[tuple[float, str]]:
    """(beat, text) for the sections and every cut; a cut that was let go sits where it is, between the beats."""
    markers = [(float(s.start_beat), f"section {s.label}") for s in plan.sections]
    for number, cut in enumerate(plan.cuts, 1):
        beat = cut.beat if cut.snapped else float(plan.tempo.beat_at(cut.time))
        markers.append((min(max(beat, 0.0), float(plan.beats)), f"cut {number}" + ("" if cut.snapped else " (free)")))
    return sorted(markers, key=lambda marker: marker[0])
