"""How the notes are played: velocity, timing, length, swells and the pedal."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.arrange.harmony import Chord
from diffbgm.arrange.palettes import Part, Role
from diffbgm.arrange.sections import CUT_WINDOW, SectionSpan, section_index
from diffbgm.types import BEATS_PER_BAR, Control, MusicPlan, Note

BASE: dict[Role, float] = {"melody": 86, "chords": 68, "bass": 74, "pad": 58}
METRE = {0: 9.0, 2: 4.0, 1: 1.0, 3: 1.0}  # velocity by beat of the bar; between the beats less
OFF_EIGHTH, OFF_SIXTEENTH = -5.0, -8.0
PHRASE = 4 * BEATS_PER_BAR  # beats
PHRASE_DEPTH, ENERGY_DEPTH, CONTOUR = 5.0, 13.0, 0.5
PLAYED = 0.6  # share of the composer's own velocity (against its role's mean) that is kept
NOISE = 2.5  # velocity
ACCENT = 16.0  # velocity at a snapped cut of strength 1
SPREAD = 13.0  # standard deviation of velocity that a piece is stretched to, at least
STRETCH = 3.0  # at most
LOUDEST, SOFTEST = 118, 26
JITTER = 0.005  # seconds, standard deviation; never on downbeats or cuts
SUSTAIN, EXPRESSION = 64, 11
SWELL_TOP = 112  # CC11 at the height of a swell


def energy_of(plan: MusicPlan) -> np.ndarray:
    """[B] -1..1: the plan's polyphony and density against the piece's own mean, a beat either side smoothed."""
    asked = plan.curves.polyphony / 5 + plan.curves.density / 8
    smooth = np.convolve(np.pad(asked, 2, mode="edge"), np.ones(5) / 5, "valid")
    return np.clip((smooth - smooth.mean()) / max(2 * float(smooth.std()), 0.35), -1, 1)


def shape_velocity(
    roles: dict[Role, list[Note]], plan: MusicPlan, sections: Sequence[SectionSpan], rng: np.random.Generator
) -> dict[Role, list[Note]]:
    """Velocities for the pitched roles.

    Metre, a four-bar arch, the plan's polyphony, the height of the note in its part, the composer's own velocities
    where it predicted some, accents on snapped cuts, a softer first bar; then all is stretched around the mean until
    the piece spreads by `SPREAD`, because a General MIDI font answers small differences hardly at all.
    """
    energy = energy_of(plan)
    accents = {cut.beat: cut.strength for cut in plan.cuts if cut.snapped}
    raw: dict[Role, np.ndarray] = {}
    for role, notes in roles.items():
        if not notes:
            continue
        played = np.array([note.velocity for note in notes], np.float64)
        pitch = np.array([note.pitch for note in notes], np.float64)
        value = BASE[role] + PLAYED * np.clip(played - played.mean(), -25, 25)
        value += CONTOUR * np.clip(pitch - pitch.mean(), -12, 12)
        value += np.array([_position(note.start, sections) for note in notes])
        value += ENERGY_DEPTH * energy[[min(int(note.start), plan.beats - 1) for note in notes]]
        value += np.array([ACCENT * accents.get(note.start, 0.0) for note in notes])
        value += rng.normal(0, NOISE, len(notes))
        raw[role] = value
    if not raw:
        return roles
    every = np.concatenate(list(raw.values()))
    factor = _stretch(every)
    centre = every.mean()
    out = dict(roles)
    for role, value in raw.items():
        velocity = np.clip(np.round(centre + factor * (value - centre)), SOFTEST, LOUDEST).astype(int)
        out[role] = [replace(note, velocity=int(v)) for note, v in zip(roles[role], velocity, strict=True)]
    return out


def _stretch(velocity: np.ndarray) -> float:
    """The least factor (1..`STRETCH`) that spreads the velocities by `SPREAD` once they are clipped."""
    centre = velocity.mean()
    for factor in np.linspace(1, STRETCH, 41):
        if np.clip(centre + factor * (velocity - centre), SOFTEST, LOUDEST).std() >= SPREAD:
            return float(factor)
    return STRETCH


def _position(beat: float, sections: Sequence[SectionSpan]) -> float:
    """Metre, phrase and intro: velocity at a beat position. Phrases count from the start of their section."""
    section = sections[section_index(sections, beat)]
    within = beat - section.start
    phrase = min(PHRASE, section.end - section.start)
    arch = np.sin(np.pi * min(1.0, (within % PHRASE) / phrase) ** 1.3)
    step = round(beat * 4) % 4
    metre = METRE[int(beat) % BEATS_PER_BAR] if step == 0 else OFF_EIGHTH if step == 2 else OFF_SIXTEENTH
    intro = -6.0 * max(0.0, 1 - beat / BEATS_PER_BAR)
    return metre + PHRASE_DEPTH * (2 * arch - 1) + intro


def loosen(notes: Sequence[Note], plan: MusicPlan, swing: float, rng: np.random.Generator) -> list[Note]:
    """Small shared shifts of what starts together, none on downbeats and snapped cuts; off-sixteenths late by `swing`
    beats.
    """
    cut_times = np.array([cut.time for cut in plan.cuts if cut.snapped])
    rate = plan.tempo.bpm() / 60  # beats a second
    shifts: dict[float, float] = {}
    out = []
    for note in notes:
        if note.start not in shifts:
            shift = swing if round(note.start * 4) % 2 else 0.0
            draw = float(np.clip(rng.normal(0, JITTER), -2 * JITTER, 2 * JITTER))
            time = plan.tempo.time_at(note.start)
            at_cut = len(cut_times) > 0 and np.abs(cut_times - time).min() <= CUT_WINDOW
            if note.start % BEATS_PER_BAR and not at_cut:
                shift += draw * rate[min(int(note.start), plan.beats - 1)]
            else:
                shift = 0.0
            shifts[note.start] = shift
        start = max(0.0, note.start + shifts[note.start])
        out.append(replace(note, start=start, end=max(note.end, start + 0.05)))
    return out


def articulate(
    notes: Sequence[Note], part: Part, changes: Sequence[float], beats: int, rng: np.random.Generator
) -> list[Note]:
    """Lengths: a little shorter at random, then bound over to what comes next where that is near.

    A part that sustains binds to its own next onset, one that rings is let ring until the harmony changes (`changes`,
    beats, rising), both by `Part.hold` at most. Notes that reach the end of the piece keep it; none goes past it.
    """
    marks = np.array(sorted({note.start for note in notes})) if part.rings is None else np.array(changes)
    out = []
    for note in notes:
        if note.end >= beats:
            out.append(replace(note, end=float(beats)))
            continue
        end = note.start + max((note.end - note.start) * (1 - 0.06 * rng.random()), 0.08)
        later = marks[np.searchsorted(marks, note.start + 0.05) :]
        following = float(later[0]) if len(later) else float(beats)
        if part.rings is not None:
            end = max(end, min(following, end + part.hold))
        elif note.end - note.start >= 0.4 and 0 <= following - end <= part.hold:
            end = following
        out.append(replace(note, end=min(end, float(beats))))
    return out


def swells(part: Part, plan: MusicPlan, sections: Sequence[SectionSpan]) -> list[Control]:
    """CC11 every half beat: an arch over each section on top of the plan's polyphony, `Part.swell` deep; the first bar
    opens up.
    """
    if not part.swell:
        return []
    energy = energy_of(plan)
    out: list[Control] = []
    last = -1
    for half in range(2 * plan.beats):
        beat = half / 2
        section = sections[section_index(sections, beat)]
        within = (beat - section.start) / (section.end - section.start)
        height = 0.5 * np.sin(np.pi * within**0.8) + 0.5 * (energy[half // 2] + 1) / 2
        height *= min(1.0, 0.45 + 0.55 * beat / BEATS_PER_BAR)
        left = plan.beats - beat
        if left < BEATS_PER_BAR:
            height = max(height, 0.6) * left / BEATS_PER_BAR
        value = round(SWELL_TOP - part.swell * (1 - height))
        if value != last:
            out.append(Control(beat, EXPRESSION, value))
            last = value
    return out


def pedal(chords: Sequence[Chord], beats: int) -> list[Control]:
    """CC64: lifted at chord changes and bar lines, pressed just after; down through the last bar, up at the end."""
    marks = {float(c.start) for c in chords} | {float(b) for b in range(0, beats, BEATS_PER_BAR)}
    last_bar = float(beats - BEATS_PER_BAR)
    out = []
    for beat in sorted(m for m in marks if m <= last_bar):
        if beat:
            out.append(Control(beat, SUSTAIN, 0))
        out.append(Control(beat + 0.12, SUSTAIN, 127))
    return [*out, Control(float(beats), SUSTAIN, 0)]
