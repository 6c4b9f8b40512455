"""Spotting, the last step of an arrangement: energy that is asked for, rests in which nothing begins, hits, a fade.

It works on finished tracks, so that nothing added before it can break a rest or drown a hit.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.arrange.casting import is_played_by
from diffbgm.arrange.ending import middle_range
from diffbgm.arrange.expression import EXPRESSION, SUSTAIN
from diffbgm.arrange.harmony import Chord, chord_at, voice
from diffbgm.arrange.palettes import Part
from diffbgm.types import SYNC_TOLERANCE, Control, MusicPlan, Note, TempoMap, Track

KICK, CRASH = 36, 49  # General MIDI drum keys
TOGETHER = 0.06  # seconds within which notes are heard as one moment
BLIP = 0.08  # seconds: what starts that shortly before a rest does not start
HEARD = 0.9  # quantile of the weight of moments that a hit reaches
LIFT, SPAN = 0.55, 0.7  # velocity gain at energy 0, and what energy 1 adds
TOLD = 0.15  # difference of the energy asked for between thirds of the piece that is to be heard
CLEAR = 1.6  # ratio of effort (squared velocity a second) between them
FADE = 6.0  # seconds of a fading end, at most a third of the piece
SOFT, LOUD = 58, 124  # velocities


def spot(tracks: Sequence[Track], plan: MusicPlan, chords: Part, harmony: Sequence[Chord]) -> list[Track]:
    """Return the tracks with the plan's energy, rests, hits and fading end.

    Args:
        tracks: The finished ones.
        plan: What is asked for.
        chords: The part that plays what is added.
        harmony: Chords that tile the piece.

    """
    out = [track for track in tracks if track.role != "melody" or "melody" not in plan.instrumentation.without]
    if plan.energy:
        out = follow_energy(out, plan)
    for who, start, end in plan.tacets:
        out = [let_rest(track, plan, start, end) if rests(track, who) else track for track in out]
    for start, end in plan.rests:
        out = leave_silent(out, plan, start, end, chords, harmony)
    for hit in plan.hits:
        beat = hit.beat if abs(hit.error) <= SYNC_TOLERANCE else float(plan.tempo.beat_at(hit.time))
        if beat < float(plan.tempo.beat_at(plan.duration)) - 0.1:
            out = strike(out, plan, beat, hit.size, chords, harmony)
    return [replace(track, controls=fading(track, plan)) for track in out] if plan.ending == "fade" else out


def follow_energy(tracks: Sequence[Track], plan: MusicPlan) -> list[Track]:
    """Scale velocities by the energy, more strongly until thirds of the piece differ in effort as they should."""
    times, levels = (np.array(column) for column in zip(*plan.energy, strict=True))
    third = np.minimum(np.arange(3000) * 3 // 3000, 2)
    asked = np.interp(np.linspace(0, plan.duration, 3000), times, levels)
    wanted = np.array([asked[third == i].mean() for i in range(3)])
    out: list[Track] = list(tracks)
    for power in (1.0, 1.5, 2.0, 2.6, 3.3, 4.0):
        out = []
        for track in tracks:
            onsets: np.ndarray = plan.tempo.time_at(np.array([n.start for n in track.notes]))
            level = np.interp(onsets, times, levels)
            gain = (LIFT + SPAN * level) ** power
            velocity = [int(np.clip(round(n.velocity * g), 6, 127)) for n, g in zip(track.notes, gain, strict=True)]
            notes = tuple(replace(n, velocity=v) for n, v in zip(track.notes, velocity, strict=True))
            out.append(replace(track, notes=notes))
        effort = _effort(out, plan)
        pairs = [(i, j) for i in range(3) for j in range(3) if wanted[i] - wanted[j] > TOLD]
        if all(effort[i] >= CLEAR * effort[j] for i, j in pairs):
            break
    return out


def _effort(tracks: Sequence[Track], plan: MusicPlan) -> np.ndarray:
    """[3] squared velocity a second in thirds of the piece, without its last 1.5 s, where the final chord is."""
    notes = [note for track in tracks for note in track.notes]
    starts = plan.tempo.time_at(np.array([n.start for n in notes]))
    edges = np.linspace(0, plan.duration, 4)
    edges[-1] = max(edges[-1] - 1.5, edges[-2] + 0.1)
    force = np.array([(n.velocity / 127) ** 2 for n in notes])
    return np.histogram(starts, edges, weights=force)[0] / np.diff(edges)


def leave_silent(
    tracks: Sequence[Track], plan: MusicPlan, start: float, end: float, chords: Part, harmony: Sequence[Chord]
) -> list[Track]:
    """Let nothing begin between two times in seconds; what rings stops at the first, music is back on a beat."""
    tempo = plan.tempo
    first, back, blip, near = _edges(tempo, start, end)
    final = float(tempo.beat_at(plan.duration))
    out = [_silenced(track, first, back, blip, near) for track in tracks]
    onsets = [note.start for track in out for note in track.notes if abs(note.start - back) <= near]
    if len(onsets) < 2 and back < final - 0.5:
        pitches = voice(chord_at(harmony, back).classes, (), *middle_range(chords))
        out = _added(out, [Note(back, min(back + 2.0, final), pitch, SOFT) for pitch in pitches])
    return out


def rests(track: Track, who: str) -> bool:
    """Whether a tacet of an instrument or a family is one of this track."""
    return is_played_by(None if track.is_drum else track.program, who)


def let_rest(track: Track, plan: MusicPlan, start: float, end: float) -> Track:
    """The track without what begins between two times in seconds; what would ring over the second begins on it."""
    return _silenced(track, *_edges(plan.tempo, start, end))


def _edges(tempo: TempoMap, start: float, end: float) -> tuple[float, float, float, float]:
    """A stretch in beats: where it begins, where music is back; how long before each an onset counts as on it."""
    first, back = float(tempo.beat_at(start)), _resume(tempo, end)
    blip = first - float(tempo.beat_at(max(start - BLIP, 0.0)))
    return first, back, blip, float(tempo.beat_at(end)) - float(tempo.beat_at(end - TOGETHER))


def _silenced(track: Track, first: float, back: float, blip: float, near: float) -> Track:
    """The track with nothing between two beats; what rings on after the second is struck on it."""
    notes: list[Note] = []
    for note in track.notes:
        if back - near <= note.start < back and note.end > back:
            notes.append(replace(note, start=back))
        elif not first - blip <= note.start < back:
            notes.append(note if note.start >= back else replace(note, end=min(note.end, first)))
        if note.start < back - near and note.end > back + 0.5 and not track.is_drum:
            notes.append(replace(note, start=back))
    notes = [note for note in notes if note.start < note.end]
    return replace(track, notes=tuple(sorted(notes)), controls=_lifted(track, first, back))


def _resume(tempo: TempoMap, end: float) -> float:
    """The half beat on the end of a rest, else the next beat."""
    beat = float(tempo.beat_at(end))
    half = round(beat * 2) / 2
    return half if abs(float(tempo.time_at(half)) - end) <= SYNC_TOLERANCE else float(np.ceil(beat))


def _lifted(track: Track, first: float, back: float) -> tuple[Control, ...]:
    """The controls with the pedal up in a rest, and what rings drawn down before it."""
    kept = [c for c in track.controls if not (first <= c.beat < back)]
    before = [c for c in track.controls if c.beat < back and c.number == EXPRESSION]
    level = before[-1].value if before else 127
    fade = [Control(first - 0.4 + 0.1 * i, EXPRESSION, round(level * (1 - 0.2 * i))) for i in range(5) if first > 0.4]
    after = [Control(back, EXPRESSION, level)] if fade else []
    if any(c.number == SUSTAIN for c in track.controls):
        after += [Control(first, SUSTAIN, 0), Control(back + 0.12, SUSTAIN, 127)]
    return tuple(sorted([*kept, *fade, *after]))


def strike(
    tracks: Sequence[Track], plan: MusicPlan, beat: float, size: float, chords: Part, harmony: Sequence[Chord]
) -> list[Track]:
    """Accent what begins at a beat, and add a chord with its root below, and a crash where there are drums."""
    tempo = plan.tempo
    time, final = float(tempo.time_at(beat)), float(tempo.beat_at(plan.duration))
    near = TOGETHER * float(tempo.bpm()[min(int(beat), tempo.beats - 1)]) / 60
    loud = round(96 + (LOUD - 96) * size)
    out: list[Track] = []
    for track in tracks:
        notes = [
            replace(n, start=beat, end=max(n.end, beat + 0.1), velocity=max(n.velocity, loud))
            if abs(n.start - beat) <= near
            else n
            for n in track.notes
        ]
        if track.is_drum and not any(a <= time < b for who, a, b in plan.tacets if rests(track, who)):
            struck = {n.pitch for n in notes if n.start == beat}
            notes += [Note(beat, beat + 0.25, key, loud) for key in (CRASH, KICK) if key not in struck]
        out.append(replace(track, notes=tuple(sorted(set(notes)))))
    chord = chord_at(harmony, beat)
    pitches = [*voice(chord.classes, (), *middle_range(chords))]
    pitches += [p for p in range(max(chords.low, 36), 60) if p % 12 == chord.classes[0]][:1]
    pitches += [p + 12 for p in pitches if p + 12 <= chords.high]
    weights: dict[int, float] = {}
    for track in tracks:
        starts = tempo.time_at(np.array([n.start for n in track.notes]))
        for at, note in zip(np.atleast_1d(starts).tolist(), track.notes, strict=True):
            weights[round(at / (2 * TOGETHER))] = weights.get(round(at / (2 * TOGETHER)), 0.0) + note.velocity
    needed = float(np.quantile(list(weights.values()), HEARD)) if weights else 0.0
    have = sum(
        n.velocity for track in out for n in track.notes if abs(float(tempo.time_at(n.start)) - time) <= TOGETHER
    )
    count = max(3 + round(2 * size), int(np.ceil((needed - have) / loud)))
    return _added(out, [Note(beat, min(beat + 1.5, final), p, loud) for p in dict.fromkeys(pitches[:count])])


def _added(tracks: Sequence[Track], notes: Sequence[Note]) -> list[Track]:
    """The tracks with notes in the one that plays the chords; a key that sounds there already is struck anew."""
    out = list(tracks)
    pitched = [i for i, track in enumerate(out) if not track.is_drum]
    if not pitched or not notes:
        return out
    at = next((i for i in pitched if out[i].role == "chords"), pitched[0])
    keys, beat = {note.pitch for note in notes}, notes[0].start
    kept: list[Note] = []
    for note in out[at].notes:
        if note.pitch in keys and note.start < beat < note.end:
            note = replace(note, end=beat)
        elif note.pitch in keys and abs(note.start - beat) < 1e-6:
            continue
        kept.append(note)
    ends = {key: min((n.start for n in kept if n.pitch == key and n.start > beat), default=np.inf) for key in keys}
    new = [replace(note, end=min(note.end, ends[note.pitch])) for note in notes]
    out[at] = replace(out[at], notes=tuple(sorted([*kept, *(n for n in new if n.end > n.start)])))
    return out


def fading(track: Track, plan: MusicPlan) -> tuple[Control, ...]:
    """The controls with a long fade by expression (CC11) to the end."""
    end = float(plan.tempo.beat_at(plan.duration))
    start = float(plan.tempo.beat_at(plan.duration - min(FADE, plan.duration / 3)))
    level = next((c.value for c in reversed(track.controls) if c.number == EXPRESSION and c.beat <= start), 112)
    kept = [c for c in track.controls if c.number != EXPRESSION or c.beat < start]
    steps = np.linspace(0, 1, max(4, int(2 * (end - start))))
    return tuple(
        sorted(
            [
                *kept,
                *(
                    Control(start + x * (end - start), EXPRESSION, round(level * (1 - x) ** 1.5))
                    for x in steps.tolist()
                ),
            ]
        )
    )
