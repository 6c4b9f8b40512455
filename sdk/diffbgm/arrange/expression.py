"""How the notes are played: velocity, timing, length, swells and the pedal."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.arrange.harmony import Chord
from diffbgm.arrange.palettes import Part
from diffbgm.arrange.sections import SectionSpan, section_at
from diffbgm.arrange.timing import MOST, PHRASE
from diffbgm.types import SYNC_TOLERANCE, Control, MusicPlan, Note, Role

BASE: dict[Role, float] = {"melody": 86, "chords": 68, "bass": 74, "pad": 58}
# Velocity by sixteenth of the bar where a felt beat lies; between the beats less.
METRE: dict[str, dict[int, float]] = {
    "4/4": {0: 9.0, 4: 1.0, 8: 4.0, 12: 1.0},
    "3/4": {0: 9.0, 4: 1.0, 8: 1.0},
    "6/8": {0: 9.0, 6: 4.0},
    "2/4": {0: 9.0, 4: 2.0},
}
OFF_EIGHTH, OFF_SIXTEENTH = -5.0, -8.0
PHRASE_DEPTH, INTENSITY_DEPTH, CONTOUR = 5.0, 13.0, 0.5
PLAYED = 0.6  # share of the composer's own velocity (against its role's mean) that is kept
NOISE = 2.5  # velocity
ACCENT = 16.0  # velocity at a snapped cut of strength 1
SPREAD = 13.0  # standard deviation of velocity that a piece is stretched to, at least
STRETCH = 3.0  # at most
LOUDEST, SOFTEST = 118, 26
JITTER = 0.005  # seconds, standard deviation; never on downbeats or cuts
SUSTAIN, EXPRESSION = 64, 11  # MIDI controllers
SWELL_TOP = 112  # CC11 at the height of a swell


def intensity(plan: MusicPlan) -> np.ndarray:
    """Return [B] -1..1: the plan's polyphony and density against the piece's own mean, smoothed over five beats."""
    asked = plan.curves.polyphony / 5 + plan.curves.density / 8
    smooth = np.convolve(np.pad(asked, 2, mode="edge"), np.ones(5) / 5, "valid")
    return np.clip((smooth - smooth.mean()) / max(2 * float(smooth.std()), 0.35), -1, 1)


def shape_velocity(
    parts: dict[Part, list[Note]], plan: MusicPlan, sections: Sequence[SectionSpan], rng: np.random.Generator
) -> dict[Part, list[Note]]:
    """Give the pitched parts their velocities.

    Metre, a four-bar arch, the plan's polyphony, the height of the note in its part, the composer's own velocities
    where it predicted some, accents on snapped cuts, a softer first bar; then all is stretched around the mean until
    the piece spreads by `SPREAD`, because a General MIDI font answers small differences hardly at all.
    """
    level = intensity(plan)
    accents = {cut.beat: cut.strength for cut in plan.cuts if cut.snapped}
    raw: dict[Part, np.ndarray] = {}
    for part, notes in parts.items():
        if not notes:
            continue
        played = np.array([note.velocity for note in notes], np.float64)
        pitch = np.array([note.pitch for note in notes], np.float64)
        value = BASE[part.role] + PLAYED * np.clip(played - played.mean(), -25, 25)
        value += CONTOUR * np.clip(pitch - pitch.mean(), -12, 12)
        value += np.array([_position(note.start, plan, sections) for note in notes])
        value += INTENSITY_DEPTH * level[[min(int(note.start), plan.beats - 1) for note in notes]]
        value += np.array([ACCENT * accents.get(note.start, 0.0) for note in notes])
        raw[part] = value + rng.normal(0, NOISE, len(notes))
    if not raw:
        return parts
    every = np.concatenate(list(raw.values()))
    centre = float(every.mean())
    factors = (f for f in np.linspace(1, STRETCH, 41) if _stretched(every, f, centre).std() >= SPREAD)
    factor = float(next(factors, STRETCH))
    out = dict(parts)
    for part, value in raw.items():
        velocity = np.round(_stretched(value, factor, centre)).astype(int).tolist()
        out[part] = [replace(note, velocity=v) for note, v in zip(parts[part], velocity, strict=True)]
    return out


def _stretched(velocity: np.ndarray, factor: float, centre: float) -> np.ndarray:
    """Velocities spread around a centre by a factor, and clipped."""
    return np.clip(centre + factor * (velocity - centre), SOFTEST, LOUDEST)


def _position(beat: float, plan: MusicPlan, sections: Sequence[SectionSpan]) -> float:
    """Metre, phrase and intro: velocity at a beat position. Phrases count from the start of their section."""
    section = section_at(sections, beat)
    within = beat - section.start
    longest = PHRASE * plan.unit
    phrase = min(longest, section.end - section.start)
    arch = np.sin(np.pi * min(1.0, (within % longest) / phrase) ** 1.3)
    step = round(beat * 4) % (4 * plan.beats_per_bar)
    metre = METRE[plan.metre].get(step, OFF_SIXTEENTH if step % 2 else OFF_EIGHTH)
    intro = -6.0 * max(0.0, 1 - beat / plan.unit)
    return metre + PHRASE_DEPTH * (2 * arch - 1) + intro


def humanize(
    notes: Sequence[Note],
    plan: MusicPlan,
    swing: float,
    rng: np.random.Generator,
    *,
    pushes: np.ndarray | None = None,
    jitter: float = JITTER,
) -> list[Note]:
    """Shift a little what starts together, nothing on snapped cuts, at random nothing on downbeats.

    Args:
        notes: n of them, as they are written.
        plan: Its cuts stay met.
        swing: Beats by which off-sixteenths come late.
        rng: Of what is random.
        pushes: [n, 2] seconds by which the player means to start and to end late; see `timing`.
        jitter: Seconds, standard deviation.

    """
    cut_times = np.array([cut.time for cut in plan.cuts if cut.snapped])
    rate = plan.tempo.bpm() / 60  # beats per second
    shifts: dict[float, tuple[float, float, bool]] = {}  # beats late, seconds at random, whether a cut is there
    out: list[Note] = []
    meant = np.zeros((len(notes), 2)) if pushes is None else pushes
    for note, (push, held) in zip(notes, meant.tolist(), strict=True):
        if note.start not in shifts:
            draw = float(np.clip(rng.normal(0, JITTER), -2 * JITTER, 2 * JITTER)) * jitter / JITTER
            time = plan.tempo.time_at(note.start)
            at_cut = len(cut_times) > 0 and bool(np.abs(cut_times - time).min() <= SYNC_TOLERANCE)
            free = bool(note.start % plan.beats_per_bar) and not at_cut
            late = swing if free and round(note.start * 4) % 2 else 0.0
            shifts[note.start] = (late, draw if free else 0.0, at_cut)
        late, draw, at_cut = shifts[note.start]
        second = float(rate[min(int(note.start), plan.beats - 1)])
        moved = 0.0 if at_cut else float(np.clip(draw + push, -MOST, MOST))
        start = max(0.0, note.start + late + moved * second)
        end = min(note.end + held * second, max(note.end, float(plan.beats)))
        out.append(replace(note, start=start, end=max(end, start + 0.05)))
    return out


def articulate(
    notes: Sequence[Note], part: Part, changes: Sequence[float], beats: int, rng: np.random.Generator
) -> list[Note]:
    """Give notes their lengths: a little shorter at random, then bound over to what comes next where that is near.

    A part that sustains binds to its own next onset, one that rings is let ring until the harmony changes (`changes`,
    beats, rising), both by `Part.hold` at most. Notes that reach the end of the piece keep it; none goes past it.
    """
    marks = np.array(sorted({note.start for note in notes})) if part.rings is None else np.array(changes)
    out: list[Note] = []
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
    """Swell by CC11 every half beat, `Part.swell` deep; the first bar opens up, the last one closes.

    An arch over each section lies on top of the plan's polyphony.
    """
    if not part.swell:
        return []
    level = intensity(plan)
    out: list[Control] = []
    last = -1
    for half in range(2 * plan.beats):
        beat = half / 2
        section = section_at(sections, beat)
        within = (beat - section.start) / (section.end - section.start)
        height = 0.5 * np.sin(np.pi * within**0.8) + 0.5 * (level[half // 2] + 1) / 2
        height *= min(1.0, 0.45 + 0.55 * beat / plan.unit)
        left = plan.beats - beat
        if left < plan.unit:
            height = max(height, 0.6) * left / plan.unit
        value = round(SWELL_TOP - part.swell * (1 - height))
        if value != last:
            out.append(Control(beat, EXPRESSION, value))
            last = value
    return out


def pump(plan: MusicPlan) -> list[Control]:
    """Duck a pad by CC11 on every beat, as a compressor that listens to the kick does."""
    shape = ((0.0, 52), (0.25, 74), (0.5, 96), (0.75, SWELL_TOP))
    return [Control(beat + at, EXPRESSION, value) for beat in range(plan.beats) for at, value in shape]


def pedal(chords: Sequence[Chord], plan: MusicPlan) -> list[Control]:
    """Lift the sustain pedal (CC64) at chord changes and bar lines; hold it through the last bar."""
    marks = {float(c.start) for c in chords} | {float(b) for b in range(0, plan.beats, plan.beats_per_bar)}
    out: list[Control] = []
    for beat in sorted(m for m in marks if m <= plan.last_bar):
        if beat:
            out.append(Control(beat, SUSTAIN, 0))
        out.append(Control(beat + 0.12, SUSTAIN, 127))
    return [*out, Control(float(plan.beats), SUSTAIN, 0)]
