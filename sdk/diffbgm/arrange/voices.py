"""From the two voices of a roll to parts that instruments can play."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from diffbgm.arrange.harmony import Chord, harmony_unit, voice
from diffbgm.arrange.palettes import Part
from diffbgm.arrange.sections import SectionSpan, section_at, section_index
from diffbgm.types import BEATS_PER_BAR, Note, TempoMap

SPLIT = 55  # a lowest voice below this pitch (G3) is the bass's
SHORTEST = 1 / 8  # beats
LONGEST_STROKE = 0.036  # seconds from the first string to the last
DRIVING = 0.6  # level of a section from which the bass repeats eighths


def fit_range(notes: Sequence[Note], low: int, high: int) -> list[Note]:
    """Move notes by octaves into low..high: all together by the shift that saves most of them, then one by one."""
    if not notes:
        return []
    pitches = np.array([note.pitch for note in notes])
    outside = {s: int(((pitches + s < low) | (pitches + s > high)).sum()) for s in (0, 12, -12, 24, -24)}
    shift = min(outside, key=lambda s: (outside[s], abs(s)))
    return [replace(note, pitch=into_range(note.pitch + shift, low, high)) for note in notes]


def into_range(pitch: int, low: int, high: int) -> int:
    """Move a pitch by whole octaves into low..high (at least an octave wide)."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def resolve_overlaps(notes: Sequence[Note]) -> list[Note]:
    """Let no key sound twice at once: a note ends where its key is struck again.

    Of two notes struck together one stays, as long and loud as either.
    """
    by_pitch: dict[int, list[Note]] = defaultdict(list)
    for note in sorted(notes):
        line = by_pitch[note.pitch]
        if line and note.start - line[-1].start < SHORTEST / 2:
            both = line.pop()
            note = Note(both.start, max(both.end, note.end), note.pitch, max(both.velocity, note.velocity))
        elif line and line[-1].end > note.start:
            line[-1] = replace(line[-1], end=note.start)
        line.append(note)
    return sorted(note for line in by_pitch.values() for note in line)


def by_onset(notes: Sequence[Note]) -> dict[float, list[Note]]:
    """Group notes by where they start, in order of time, each group from low to high."""
    groups: dict[float, list[Note]] = defaultdict(list)
    for note in sorted(notes, key=lambda n: (n.start, n.pitch)):
        groups[note.start].append(note)
    return dict(groups)


def split_bass(
    accompaniment: Sequence[Note],
    sections: Sequence[SectionSpan],
    plays: Sequence[bool],
    beats_per_bar: int = BEATS_PER_BAR,
) -> tuple[list[Note], list[Note]]:
    """Return (bass, rest) of the accompaniment.

    In every half bar (or bar of three beats) where the bass plays, the lowest note below `SPLIT` and its repetitions go
    to the bass, which holds from each of its onsets to the next, at most a bar.
    """
    width = harmony_unit(beats_per_bar)
    units: dict[int, list[Note]] = defaultdict(list)
    for note in accompaniment:
        units[int(note.start // width)].append(note)
    bass: list[Note] = []
    rest: list[Note] = []
    for unit in sorted(units):
        lowest = min(note.pitch for note in units[unit])
        takes = lowest < SPLIT and plays[section_index(sections, unit * width)]
        for note in units[unit]:
            (bass if takes and note.pitch == lowest else rest).append(note)
    bass.sort()
    held: list[Note] = []
    for note, after in zip(bass, [*(note.start for note in bass[1:]), np.inf], strict=False):
        limit = min(after, note.start + beats_per_bar)
        held.append(replace(note, end=float(min(limit, max(note.end, note.start + width)))))
    return held, rest


def repeat_eighths(bass: Sequence[Note], sections: Sequence[SectionSpan]) -> list[Note]:
    """Repeat the bass in eighths where the level is high: the driving line of a band."""
    out: list[Note] = []
    for note in bass:
        if section_at(sections, note.start).level < DRIVING:
            out.append(note)
            continue
        start, velocity = note.start, note.velocity
        while note.end - start > SHORTEST:
            out.append(Note(start, min(note.end, start + 0.45), note.pitch, velocity))
            start, velocity = float(np.floor(start * 2 + 1) / 2), max(1, note.velocity - 9)
    return out


def limit_voices(notes: Sequence[Note], voices: int) -> list[Note]:
    """Keep at most `voices` notes at one onset: the top, the bottom, then pitch classes that are not there yet."""
    out: list[Note] = []
    for group in by_onset(notes).values():
        if len(group) <= voices:
            out += group
            continue
        kept = [group[-1], group[0]]
        for fresh in (True, False):
            for note in reversed(group[1:-1]):
                known = {k.pitch % 12 for k in kept}
                if len(kept) < voices and note not in kept and (note.pitch % 12 not in known) == fresh:
                    kept.append(note)
        out += sorted(kept[:voices])
    return out


def monophonic(notes: Sequence[Note]) -> list[Note]:
    """Make a single line: each note ends, at the latest, where the next one starts."""
    line = sorted(notes)
    ends = [*(note.start for note in line[1:]), np.inf]
    return [replace(note, end=min(note.end, end)) for note, end in zip(line, ends, strict=False)]


def strike_anew(notes: Sequence[Note], beat: float) -> list[Note]:
    """Strike at a beat again what sounds there."""
    out: list[Note] = []
    for note in notes:
        if note.start < beat < note.end:
            out += [replace(note, end=beat), replace(note, start=beat)]
        else:
            out.append(note)
    return out


def drop_unisons(notes: Sequence[Note], lead: Sequence[Note]) -> list[Note]:
    """Drop notes that double a note of `lead` struck at the same moment on the same pitch."""
    struck = {(note.start, note.pitch) for note in lead}
    return [note for note in notes if (note.start, note.pitch) not in struck]


def pad_notes(
    chords: Sequence[Chord],
    part: Part,
    sections: Sequence[SectionSpan],
    plays: Sequence[bool],
    beats_per_bar: int = BEATS_PER_BAR,
) -> list[Note]:
    """Sustain chords with the least movement.

    A tone that stays is held, at most two bars, and struck anew at section edges.
    """
    edges = {section.start for section in sections}
    out: list[Note] = []
    active: dict[int, Note] = {}
    pitches: tuple[int, ...] = ()
    for chord in chords:
        marks = {e for e in edges if chord.start < e < chord.end}
        marks |= {b for b in range(chord.start + 1, chord.end) if b % beats_per_bar == 0}
        for start, end in pairwise([chord.start, *sorted(marks), chord.end]):
            enters = plays[section_index(sections, start)]
            pitches = voice(chord.classes, pitches, part.low, part.high) if enters else ()
            for pitch, note in list(active.items()):
                if start in edges or pitch not in pitches or end - note.start > 2 * beats_per_bar:
                    out.append(active.pop(pitch))
            for pitch in pitches:
                begun = active[pitch].start if pitch in active else float(start)
                active[pitch] = Note(begun, float(end), pitch)
    return sorted([*out, *active.values()])


def strum(notes: Sequence[Note], seconds: float, tempo: TempoMap) -> list[Note]:
    """Strike chords string by string from the lowest, the first on time; the whole stroke stays under 40 ms."""
    rate = tempo.bpm() / 60  # beats per second
    out: list[Note] = []
    for start, group in by_onset(notes).items():
        step = min(seconds, LONGEST_STROKE / max(1, len(group) - 1))
        beat = rate[min(int(start), tempo.beats - 1)]
        for i, note in enumerate(group):
            late = min(i * step * beat, (note.end - note.start) / 2)
            out.append(replace(note, start=note.start + late))
    return out
