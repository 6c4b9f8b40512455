"""Music under speech, at note level: the melody rests, the harmony moves out of the voice's register and thins out."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffbgm.arrange.voices import by_onset
from diffbgm.types import Note, TempoMap

Span = tuple[float, float]  # start, end

MARGIN = 0.12  # seconds of silence in the melody before and after speech
BRIDGED = 1.2  # seconds: shorter pauses of the speaker do not bring the melody back
VOICE_LOW, VOICE_HIGH = 55, 76  # pitches (G3..E5) where vowels and the ear's attention are
SLOW = 60.0  # beats per minute up to which quarters are slow enough
HELD = 2.0  # beats that a chord under speech is held, at least, until the next one
KEPT_DRUMS = frozenset({35, 36, 37, 42, 44, 70})  # what keeps time without talking over anybody


def join_spans(spans: Sequence[Span], duration: float) -> list[Span]:
    """Return the spans in order of time with a margin around each, near ones joined, inside 0..duration."""
    out: list[Span] = []
    for start, end in sorted((max(0.0, a - MARGIN), min(duration, b + MARGIN)) for a, b in spans if b > a):
        if start >= duration:
            continue
        if out and start - out[-1][1] < BRIDGED:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def spans_in_beats(spans: Sequence[Span], tempo: TempoMap) -> list[Span]:
    """Convert spans from seconds to beats."""
    return [(float(tempo.beat_at(a)), float(tempo.beat_at(b))) for a, b in spans]


def _inside(beat: float, spans: Sequence[Span]) -> bool:
    """Whether a beat lies in one of the spans (rising, apart)."""
    at = bisect_right(spans, (beat, np.inf)) - 1
    return at >= 0 and beat < spans[at][1]


def silence(notes: Sequence[Note], spans: Sequence[Span]) -> list[Note]:
    """Leave every span (in beats) silent: notes that start inside go, notes that reach into one end where it starts."""
    out: list[Note] = []
    for note in notes:
        if _inside(note.start, spans):
            continue
        following = bisect_right(spans, (note.start, np.inf))
        end = min(note.end, spans[following][0]) if following < len(spans) else note.end
        if end - note.start > 1e-6:
            out.append(replace(note, end=end))
    return out


def thin_under_speech(notes: Sequence[Note], spans: Sequence[Span], low: int, tempo: TempoMap) -> list[Note]:
    """Thin out chords inside the spans (in beats) and move them below the voice, down to pitch `low`.

    Only half notes stay (at a slow tempo, quarters), two notes each, held on.
    """
    groups = by_onset(notes)
    rate = tempo.bpm()

    def stays(start: float) -> bool:
        step = 2 if rate[min(int(start), tempo.beats - 1)] > SLOW else 1
        return not _inside(start, spans) or abs(start / step - round(start / step)) < 1e-6

    starts = [start for start in groups if stays(start)]
    out: list[Note] = []
    for start, after in zip(starts, [*starts[1:], np.inf], strict=True):
        group = groups[start]
        if not _inside(start, spans):
            out += group
            continue
        for note in {group[0].pitch: group[0], group[-1].pitch: group[-1]}.values():
            pitch = note.pitch
            while VOICE_LOW <= pitch <= VOICE_HIGH + 12 and pitch - 12 >= low:
                pitch -= 12
            end = min(max(note.end, start + HELD), after)
            out.append(Note(start, float(end), pitch, note.velocity))
    return sorted(out)


def soften_drums(notes: Sequence[Note], spans: Sequence[Span]) -> list[Note]:
    """Keep inside the spans (in beats) only the drums that keep time, softly."""
    return [
        note if not _inside(note.start, spans) else replace(note, velocity=max(1, round(0.7 * note.velocity)))
        for note in notes
        if not _inside(note.start, spans) or note.pitch in KEPT_DRUMS
    ]
