"""The harmony as an instrument plays it: patterns of `band/data/patterns.toml` on the chords that the roll implies."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffbgm.arrange.harmony import Chord, chord_at
from diffbgm.arrange.sections import SectionSpan, section_index
from diffbgm.arrange.voicings import chord_pitches, fifth_of, real_voices, third_of
from diffbgm.band import Part
from diffbgm.band.patterns import VOICES, Pattern, find_pattern
from diffbgm.types import STEPS_PER_BEAT, MusicPlan, Note

LIGHT, FULL = 0.4, 0.7  # levels up to which the light and the middle bar are played
SHORTEST = 0.4  # beats: less of a stroke than that is not struck anew where the harmony changes
REACH = 1.01  # beats before a change of harmony within which a bass note leads to it
LOUD = {"c": 82, "u": 74, "t": 78, "b": 84, "f": 78, "o": 78, "h": 78, "a": 78}  # velocity by stroke; tones 76
TONE = 76


@dataclass(frozen=True)
class Ground:
    """What patterns are played on.

    Attributes:
        plan: Of the piece.
        harmony: Chords that tile it.
        sections: Of the piece.

    """

    plan: MusicPlan
    harmony: Sequence[Chord]
    sections: Sequence[SectionSpan]


@dataclass(frozen=True)
class _Stroke:
    start: float
    end: float
    sign: str


def play_pattern(part: Part, ground: Ground, plays: Sequence[bool]) -> list[Note]:
    """Return a part's notes by its pattern, where it `plays` (one flag a section) and the roll is not silent."""
    pattern = find_pattern(part.pattern)
    strokes = _strokes(pattern, ground, plays)
    return _bass(part, strokes, ground) if pattern.bass else _chords(part, pattern, strokes, ground)


def play_voices(
    parts: Sequence[Part], ground: Ground, plays: Sequence[Sequence[bool]], melody: Sequence[Note], hold: float
) -> list[list[Note]]:
    """Return notes of parts that are real voices, the highest first: below the melody, never crossing each other.

    Args:
        parts: The highest first.
        ground: What they play on.
        plays: One flag a section, for each part.
        melody: What they stay below; its notes may be held `hold` beats longer than they are written.
        hold: Beats.

    """
    out: list[list[Note]] = [[] for _ in parts]
    pitches: tuple[int, ...] = ()
    per_bar = ground.plan.beats_per_bar
    cut = [  # at every bar line too: what the melody leaves room for changes
        _Stroke(start, min(stroke.end, start + per_bar - start % per_bar), stroke.sign)
        for stroke in _strokes(find_pattern(VOICES), ground, [any(flags) for flags in zip(*plays, strict=True)])
        for start in [stroke.start, *range(int(stroke.start // per_bar + 1) * per_bar, int(stroke.end), per_bar)]
        if start < stroke.end
    ]
    for stroke in cut:
        above = [n.pitch for n in melody if n.start < stroke.end and n.end + hold > stroke.start]
        chord = chord_at(ground.harmony, stroke.start)
        pitches = real_voices(chord.classes, parts, pitches, min([*above, parts[0].high]))
        section = section_index(ground.sections, stroke.start)
        for line, flags, pitch in zip(out, plays, pitches, strict=True):
            if flags[section]:
                line.append(Note(stroke.start, stroke.end, pitch, LOUD["c"]))
    return out


def _strokes(pattern: Pattern, ground: Ground, plays: Sequence[bool]) -> list[_Stroke]:
    """Strokes in order of time, each inside one chord."""
    plan, last_bar = ground.plan, ground.plan.last_bar
    bars, per_bar = pattern.bars[plan.metre], plan.beats_per_bar
    out: list[_Stroke] = []
    for index, section in enumerate(ground.sections):
        if not plays[index]:
            continue
        end = min(section.end, last_bar)
        for number in range(max(len(lines) for lines in bars)):
            signs: list[tuple[float, str]] = []
            for bar in range(section.start, end, per_bar):
                lines = bars[int(section.level > LIGHT) + int(section.level > FULL)]
                line = lines[number] if number < len(lines) else ""
                signs += [(bar + i / STEPS_PER_BEAT, sign) for i, sign in enumerate(line) if sign != "."]
            signs = [(beat, sign) for beat, sign in signs if beat < end]
            ends = [*(beat for beat, _ in signs[1:]), float(end)]
            for (beat, sign), after in zip(signs, ends, strict=bool(signs)):
                held = min(pattern.gate * (after - beat), pattern.short)
                out += _within_chords(_Stroke(beat, beat + held, sign), pattern, ground.harmony)
    if (
        plays[section_index(ground.sections, ground.plan.last_bar)]
        and chord_at(ground.harmony, ground.plan.last_bar).heard
    ):
        out.append(_Stroke(float(ground.plan.last_bar), float(plan.beats), "b" if pattern.bass else "c"))
    return sorted(out, key=lambda stroke: stroke.start)


def _within_chords(stroke: _Stroke, pattern: Pattern, harmony: Sequence[Chord]) -> list[_Stroke]:
    """Cut a stroke where the harmony changes; what is left of it is struck anew unless the pattern forbids it."""
    out: list[_Stroke] = []
    start, sign = stroke.start, stroke.sign
    while start < stroke.end:
        chord = chord_at(harmony, start)
        end = min(stroke.end, float(chord.end))
        if chord.heard:
            out.append(_Stroke(start, end, sign))
        if pattern.stays or stroke.end - end < SHORTEST or end <= start:
            break
        start, sign = end, "b" if pattern.bass else sign
    return out


def _chords(part: Part, pattern: Pattern, strokes: Sequence[_Stroke], ground: Ground) -> list[Note]:
    out: list[Note] = []
    pitches: tuple[int, ...] = ()
    known: Chord | None = None
    for stroke in strokes:
        chord = chord_at(ground.harmony, stroke.start)
        if chord is not known:
            pitches, known = chord_pitches(chord, part, pitches, spread=pattern.spread), chord
        loud = LOUD.get(stroke.sign, TONE)
        out += [Note(stroke.start, stroke.end, pitch, loud) for pitch in _tones(stroke.sign, pitches, chord, part)]
    return out


def _tones(sign: str, pitches: tuple[int, ...], chord: Chord, part: Part) -> tuple[int, ...]:
    """Return what a stroke sounds."""
    whole = pitches if len(pitches) <= part.voices else (pitches[0], *pitches[len(pitches) - part.voices + 1 :])
    if part.voices == 1:
        whole = pitches[-1:]
    if sign == "c":
        return whole
    if sign == "u":
        return whole[1:] or whole
    if sign == "t":
        return pitches[-1:]
    if sign.isdigit():
        rungs = [*pitches, *(p + 12 for p in pitches if p + 12 <= part.high and p + 12 > pitches[-1])]
        return (rungs[int(sign) % len(rungs)],)
    wanted = {"f": fifth_of(chord.classes), "h": third_of(chord.classes)}.get(sign, chord.classes[0])
    return (next(p for p in range(part.low, part.low + 12) if p % 12 == wanted),)


def _bass(part: Part, strokes: Sequence[_Stroke], ground: Ground) -> list[Note]:
    """Single low notes: a chord's first one is its root, the last before another chord may lead to it by step."""
    key = ground.plan.key
    out: list[Note] = []
    root, known = 0, None
    for stroke in strokes:
        chord, sign = chord_at(ground.harmony, stroke.start), stroke.sign
        tonic = key.tonic if chord.start >= ground.plan.last_bar and key.tonic in chord.classes else chord.classes[0]
        if chord is not known:
            near = out[-1].pitch if out else part.low + 7
            root, known, sign = _nearest(tonic, near, part.low, min(part.high, part.low + 14)), chord, "b"
        pitch = root
        if sign == "a":
            after = chord_at(ground.harmony, float(chord.end))
            leads = after is not chord and after.classes[0] != chord.classes[0] and chord.end - stroke.start <= REACH
            pitch = (
                _approach(after.classes[0], out[-1].pitch, part)
                if leads
                else _above(root, fifth_of(chord.classes), part)
            )
        elif sign == "f":
            pitch = _above(root, fifth_of(chord.classes), part)
        elif sign == "h":
            pitch = _above(root, third_of(chord.classes), part)
        elif sign == "o":
            pitch = root + 12 if root + 12 <= part.high else root
        out.append(Note(stroke.start, stroke.end, pitch, LOUD.get(sign, TONE)))
    return out


def _nearest(pitch_class: int, to: int, low: int, high: int) -> int:
    return min((p for p in range(low, high + 1) if p % 12 == pitch_class), key=lambda p: abs(p - to))


def _above(root: int, pitch_class: int, part: Part) -> int:
    """Return the pitch of that class next above the root, below it where the range ends."""
    pitch = root + (pitch_class - root) % 12
    return pitch if pitch <= part.high else pitch - 12


def _approach(pitch_class: int, before: int, part: Part) -> int:
    """Return the pitch a step from the next root that lies nearest to the note before."""
    target = _nearest(pitch_class, before, part.low, min(part.high, part.low + 14))
    steps = [target + step for step in (-1, 1, -2, 2) if part.low <= target + step <= part.high]
    return min(steps, key=lambda p: (abs(p - before), p != target - 1))
