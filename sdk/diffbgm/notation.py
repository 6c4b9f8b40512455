"""Score -> MusicXML: the music as people read it, on staves, in bars, quantised to sixteenths.

Written with ElementTree: what a score of up to two voices a staff needs is small, and no kept library writes chord
symbols, rehearsal marks and drum staves together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from diffbgm.files import StrPath, write_text
from diffbgm.midi import DRUM_CHANNEL, program_name
from diffbgm.types import Note, PlannedChord, Score, Track

GRID = 4  # divisions of a quarter
VALUES = {16: ("whole", 0), 12: ("half", 1), 8: ("half", 0), 6: ("quarter", 1), 4: ("quarter", 0), 3: ("eighth", 1),
          2: ("eighth", 0), 1: ("16th", 0)}  # fmt: skip
VOICES, DRUM_VOICES = 2, 4  # of a staff; drums that are struck together are written in voices, not as chords
SPLIT = 60  # pitch from which a keyboard's right hand plays
KEYBOARDS = (*range(8), *range(16, 21), 46)  # pianos, organs, the harp: two staves where they need them
DYNAMICS = ((50, "p"), (66, "mp"), (82, "mf"), (98, "f"), (128, "ff"))  # by mean velocity below
TEMPO_STEP = 3  # beats a minute that a bar must differ by to be told
STEPS = "FCGDAEB"  # along the circle of fifths
KINDS: dict[tuple[int, ...], str] = {  # of chords, by their tones in semitones above the root
    (0, 4, 7): "major", (0, 3, 7): "minor", (0, 3, 6): "diminished", (0, 4, 8): "augmented",
    (0, 5, 7): "suspended-fourth", (0, 2, 7): "suspended-second", (0, 7): "power",
    (0, 4, 7, 9): "major-sixth", (0, 3, 7, 9): "minor-sixth", (0, 4, 7, 10): "dominant",
    (0, 4, 7, 11): "major-seventh", (0, 3, 7, 10): "minor-seventh", (0, 3, 7, 11): "major-minor",
    (0, 3, 6, 10): "half-diminished", (0, 3, 6, 9): "diminished-seventh", (0, 5, 7, 10): "suspended-fourth",
    (0, 4, 7, 2): "major", (0, 3, 7, 2): "minor", (0, 4, 7, 10, 2): "dominant-ninth",
    (0, 4, 7, 11, 2): "major-ninth", (0, 3, 7, 10, 2): "minor-ninth", (0, 4, 7, 10, 1): "dominant",
    (0, 4, 7, 10, 9): "dominant-13th",
}  # fmt: skip
# Where a drum is drawn (step, octave, note head), by key; others sit on the middle line.
DRUMS = {35: "F4", 36: "F4", 37: "C5x", 38: "C5", 40: "C5", 41: "A4", 43: "A4", 45: "B4", 47: "D5", 48: "E5", 50: "E5",
         42: "G5x", 44: "D4x", 46: "G5x", 49: "A5x", 51: "F5x", 52: "A5x", 53: "F5x", 55: "A5x", 57: "A5x",
         59: "F5x"}  # fmt: skip


@dataclass(frozen=True)
class _Chord:
    """Notes that start and end together, in sixteenths; `tied`: (from the bar before, into the next)."""

    start: int
    end: int
    pitches: tuple[int, ...]
    tied: tuple[bool, bool] = (False, False)


def write_musicxml(score: Score, path: StrPath, *, title: str = "", chords: Sequence[PlannedChord] = ()) -> Path:
    """Write `to_musicxml` whole or not at all; OutputError when the target cannot be written."""
    return write_text(path, to_musicxml(score, title=title or Path(path).stem, chords=chords))


def to_musicxml(score: Score, *, title: str = "", chords: Sequence[PlannedChord] = ()) -> str:
    """Return the score as MusicXML 4.0 (partwise): tempo, rehearsal marks and cuts over the first part.

    Starts and ends lie on sixteenths, a staff has two voices at most, and what a third would play is cut where the next
    note of its voice begins.

    Args:
        score: What is played.
        title: Of the piece.
        chords: Harmony, written as symbols over the first part: with its melody a lead sheet.

    """
    root = Element("score-partwise", version="4.0")
    SubElement(SubElement(root, "work"), "work-title").text = title
    encoding = SubElement(SubElement(root, "identification"), "encoding")
    SubElement(encoding, "software").text = "diffbgm"
    names = SubElement(root, "part-list")
    bar = score.metre[0] * 4 * GRID // score.metre[1]
    bars = max(1, -(-score.tempo.beats * GRID // bar))
    for number, track in enumerate(score.tracks, 1):
        _declare(names, f"P{number}", track)
        part = SubElement(root, "part", id=f"P{number}")
        _write_part(part, f"P{number}", track, score, bar, bars, chords if number == 1 else (), first=number == 1)
    ElementTree.indent(root)
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 '
        'Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
    )
    return head + ElementTree.tostring(root, encoding="unicode") + "\n"


def _declare(names: Element, part: str, track: Track) -> None:
    """Add a part to the list, with the instruments that a player program gives it."""
    entry = SubElement(names, "score-part", id=part)
    SubElement(entry, "part-name").text = f"{program_name(track)} ({track.role})"
    keys = sorted({note.pitch for note in track.notes}) if track.is_drum else [None]
    for key in keys:
        name = program_name(track) if key is None else f"Drum {key}"
        SubElement(SubElement(entry, "score-instrument", id=_instrument(part, key)), "instrument-name").text = name
    for key in keys:
        midi = SubElement(entry, "midi-instrument", id=_instrument(part, key))
        if key is not None:
            SubElement(midi, "midi-channel").text = str(DRUM_CHANNEL + 1)
        SubElement(midi, "midi-program").text = str(track.program + 1)
        if key is not None:
            SubElement(midi, "midi-unpitched").text = str(key + 1)


def _instrument(part: str, key: int | None) -> str:
    return f"{part}-I{1 if key is None else key + 1}"


def _write_part(
    part: Element, name: str, track: Track, score: Score, bar: int, bars: int, chords: Sequence[PlannedChord],
    *, first: bool,
) -> None:  # fmt: skip
    staves = _staves(track)
    many = DRUM_VOICES if track.is_drum else VOICES
    voices = [voice for notes in staves for voice in (_drum_voices(notes) if track.is_drum else _voices(notes))]
    fifths = score.key.sharps if score.key else 0
    told: dict[str, object] = {}
    for number in range(bars):
        begin, end = number * bar, (number + 1) * bar
        measure = SubElement(part, "measure", number=str(number + 1))
        if number == 0:
            _attributes(measure, track, score, fifths, staves)
        if first:
            _directions(measure, score, begin, end, told)
            for chord in chords:
                if begin <= chord.start * GRID < end:
                    _harmony(measure, chord, chord.start * GRID - begin)
        mean = np.array([n.velocity for n in track.notes if begin <= n.start * GRID < end])
        sections = {round(at * GRID) // bar for at, text in score.markers if text.startswith("section")}
        if len(mean) and ("dynamics" not in told or number in sections):
            mark = next(name for limit, name in DYNAMICS if mean.mean() < limit)
            if mark != told.get("dynamics"):
                SubElement(SubElement(_direction(measure, "below"), "dynamics"), mark)
            told["dynamics"] = mark
        for staff in range(len(staves)):
            for number_in_staff in range(many):
                voice = staff * many + number_in_staff
                inside = _within(voices[voice], begin, end)
                if not inside and number_in_staff:
                    continue
                if staff or number_in_staff:
                    SubElement(SubElement(measure, "backup"), "duration").text = str(bar)
                _write_voice(measure, inside, begin, end, name, track.is_drum, fifths, score,
                             (voice + 1, staff + 1 if len(staves) > 1 else 0), forward=number_in_staff > 0)  # fmt: skip


def _staves(track: Track) -> list[list[Note]]:
    """Return a track's notes by staff: two for keyboards that play on both sides of middle C."""
    notes = list(track.notes)
    low = [note for note in notes if note.pitch < SPLIT]
    if track.is_drum or track.program not in KEYBOARDS or not min(len(low), len(notes) - len(low)) > len(notes) / 10:
        return [notes]
    return [[note for note in notes if note.pitch >= SPLIT], low]


def _voices(notes: Iterable[Note]) -> list[list[_Chord]]:
    """Return the two voices of a staff, each without overlaps."""
    together: dict[tuple[int, int], set[int]] = {}
    for note in notes:
        start = round(note.start * GRID)
        together.setdefault((start, max(start + 1, round(note.end * GRID))), set()).add(note.pitch)
    voices: list[list[_Chord]] = [[] for _ in range(VOICES)]
    for (start, end), pitches in sorted(together.items(), key=lambda item: (item[0][0], -max(item[1]))):
        chord = _Chord(start, end, tuple(sorted(pitches)))
        free = next((v for v in voices if not v or v[-1].end <= start), None)
        if free is not None:
            free.append(chord)
            continue
        voice = min(voices, key=lambda v: v[-1].end)  # the one whose note ends first gives way
        last = voice.pop()
        if last.start == start:
            voice.append(_Chord(start, max(last.end, end), tuple(sorted({*last.pitches, *pitches}))))
        else:
            voice += [_Chord(last.start, start, last.pitches), chord]
    return voices


def _drum_voices(notes: Iterable[Note]) -> list[list[_Chord]]:
    """Return drum strokes in voices of one key each at a time, every stroke as long as to its voice's next beat."""
    together: dict[int, set[int]] = {}
    for note in notes:
        together.setdefault(round(note.start * GRID), set()).add(note.pitch)
    voices: list[list[_Chord]] = [[] for _ in range(DRUM_VOICES)]
    starts = sorted(together)
    for start, after in zip(starts, [*starts[1:], starts[-1] + GRID if starts else 0], strict=True):
        end = min(after, start + GRID - start % GRID)
        for voice, pitch in zip(voices, sorted(together[start], reverse=True), strict=False):
            voice.append(_Chord(start, end, (pitch,)))
    return voices


def _within(voice: Sequence[_Chord], begin: int, end: int) -> list[_Chord]:
    """Return what of a voice sounds in a bar, cut at its lines and tied over them."""
    return [
        _Chord(max(c.start, begin), min(c.end, end), c.pitches, (c.start < begin, c.end > end))
        for c in voice
        if c.start < end and c.end > begin
    ]


def _attributes(measure: Element, track: Track, score: Score, fifths: int, staves: Sequence[Sequence[Note]]) -> None:
    attributes = SubElement(measure, "attributes")
    SubElement(attributes, "divisions").text = str(GRID)
    key = SubElement(attributes, "key")
    SubElement(key, "fifths").text = str(fifths)
    SubElement(key, "mode").text = score.key.mode if score.key else "major"
    time = SubElement(attributes, "time")
    SubElement(time, "beats").text, SubElement(time, "beat-type").text = (str(n) for n in score.metre)
    if len(staves) > 1:
        SubElement(attributes, "staves").text = str(len(staves))
    for number, notes in enumerate(staves, 1):
        clef = SubElement(attributes, "clef", {"number": str(number)} if len(staves) > 1 else {})
        middle = float(np.median([note.pitch for note in notes])) if notes else SPLIT
        sign, line = ("G", "2") if middle >= SPLIT - 2 else ("F", "4")
        SubElement(clef, "sign").text = "percussion" if track.is_drum else sign
        if not track.is_drum:
            SubElement(clef, "line").text = line


def _directions(measure: Element, score: Score, begin: int, end: int, told: dict[str, object]) -> None:
    """Write tempo, rehearsal marks and cuts of a bar."""
    first, last = begin / GRID, min(end / GRID, score.tempo.beats)
    seconds = float(score.tempo.time_at(last) - score.tempo.time_at(first))
    bpm = round(60 * (last - first) / seconds) if last > first else told.get("bpm", 0)
    if isinstance(bpm, int) and abs(bpm - int(str(told.get("bpm", -99)))) >= TEMPO_STEP:
        told["bpm"] = bpm
        direction = _direction(measure, "above", into=None)
        metronome = SubElement(direction, "metronome")
        SubElement(metronome, "beat-unit").text, SubElement(metronome, "per-minute").text = "quarter", str(bpm)
        SubElement(measure[-1], "sound", tempo=str(bpm))
    for beat, text in score.markers:
        if begin <= round(beat * GRID) < end:
            rehearsal = text.startswith("section ")
            kind = _direction(measure, "above", round(beat * GRID) - begin)
            SubElement(kind, "rehearsal" if rehearsal else "words").text = text.removeprefix("section ")


def _direction(measure: Element, placement: str, into: int | None = None) -> Element:
    """Return the content of a new direction, `into` sixteenths after the bar's start."""
    direction = SubElement(measure, "direction", placement=placement)
    content = SubElement(direction, "direction-type")
    if into:
        SubElement(direction, "offset").text = str(into)
    return content


def _harmony(measure: Element, chord: PlannedChord, into: int) -> None:
    symbol, _, bass = chord.symbol.replace("♯", "#").replace("♭", "b").partition("/")
    size = 2 if symbol[1:2] in ("#", "b") else 1
    harmony = SubElement(measure, "harmony")
    _spelled(SubElement(harmony, "root"), "root", symbol[:size])
    SubElement(harmony, "kind", text=symbol[size:]).text = KINDS[chord.chord.tones]
    if bass:
        _spelled(SubElement(harmony, "bass"), "bass", bass)
    if into:
        SubElement(harmony, "offset").text = str(into)


def _spelled(parent: Element, name: str, pitch: str) -> None:
    SubElement(parent, f"{name}-step").text = pitch[0]
    if pitch[1:2] in ("#", "b"):
        SubElement(parent, f"{name}-alter").text = "1" if pitch[1] == "#" else "-1"


def _write_voice(
    measure: Element, chords: Sequence[_Chord], begin: int, end: int, part: str, drums: bool, fifths: int,
    score: Score, place: tuple[int, int], *, forward: bool,
) -> None:  # fmt: skip
    """Write one voice of a bar, its silence as rests or by going `forward`; `place`: voice and staff (0: only one)."""
    group = 6 if score.metre[1] == 8 else GRID
    at = begin
    for chord in [*chords, _Chord(end, end, ())]:
        if forward and chord.start > at:
            SubElement(SubElement(measure, "forward"), "duration").text = str(chord.start - at)
        elif chord.start - at == end - begin:
            _note(measure, None, end - begin, place, whole_bar=True)
        else:
            for size in _split(at - begin, chord.start - at, group):
                _note(measure, None, size, place)
        sizes = _split(chord.start - begin, chord.end - chord.start, group)
        for i, size in enumerate(sizes):
            ties = (chord.tied[0] or i > 0, chord.tied[1] or i < len(sizes) - 1)
            for j, pitch in enumerate(chord.pitches):
                _note(measure, pitch, size, place, chord=j > 0, ties=ties, fifths=fifths, drum=part if drums else "")
        at = chord.end


def _split(at: int, length: int, group: int) -> list[int]:
    """Cut a length that begins `at` sixteenths into a bar into values that can be written and show the beats."""
    sizes: list[int] = []
    while length > 0:
        to_beat = group - at % group
        if at % group == 0 or length <= to_beat:
            most = length
        elif at % 2 == 0 and length == GRID and group == GRID:
            most = length  # a quarter off the beat
        else:
            most = to_beat
        size = next(value for value in VALUES if value <= most)
        sizes.append(size)
        at, length = at + size, length - size
    return sizes


def _note(
    measure: Element, pitch: int | None, size: int, place: tuple[int, int], *, chord: bool = False,
    ties: tuple[bool, bool] = (False, False), fifths: int = 0, drum: str = "", whole_bar: bool = False,
) -> None:  # fmt: skip
    note = SubElement(measure, "note")
    if chord:
        SubElement(note, "chord")
    head = ""
    if pitch is None:
        SubElement(note, "rest", {"measure": "yes"} if whole_bar else {})
    elif drum:
        drawn = DRUMS.get(pitch, "B4")
        unpitched = SubElement(note, "unpitched")
        SubElement(unpitched, "display-step").text, SubElement(unpitched, "display-octave").text = drawn[0], drawn[1]
        head = "x" if drawn.endswith("x") else ""
    else:
        step, alter, octave = spell(pitch, fifths)
        written = SubElement(note, "pitch")
        SubElement(written, "step").text = step
        if alter:
            SubElement(written, "alter").text = str(alter)
        SubElement(written, "octave").text = str(octave)
    SubElement(note, "duration").text = str(size)
    stops = [kind for kind, tied in zip(("stop", "start"), ties, strict=True) if tied and pitch is not None]
    for kind in stops:
        SubElement(note, "tie", type=kind)
    if drum and pitch is not None:
        SubElement(note, "instrument", id=_instrument(drum, pitch))
    SubElement(note, "voice").text = str(place[0])
    if not whole_bar:
        name, dots = VALUES[size]
        SubElement(note, "type").text = name
        for _ in range(dots):
            SubElement(note, "dot")
    if head:
        SubElement(note, "notehead").text = head
    if place[1]:
        SubElement(note, "staff").text = str(place[1])
    if stops:
        notations = SubElement(note, "notations")
        for kind in stops:
            SubElement(notations, "tied", type=kind)


def spell(pitch: int, fifths: int) -> tuple[str, int, int]:
    """Return step, alteration and octave of a MIDI pitch, as it is written in a key of so many sharps."""
    low = fifths - 4  # the twelve names from four fifths under F's place in the key: C major has Ab, Eb, Bb, F# and C#
    name = next(n for n in range(low, low + 12) if (7 * n) % 12 == pitch % 12)  # fifths above C
    step = STEPS[(name + 1) % 7]
    alter = (name + 1) // 7
    return step, alter, (pitch - alter) // 12 - 1
