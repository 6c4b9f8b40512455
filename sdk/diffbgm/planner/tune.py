"""A tune that is given: read from MIDI or MusicXML, put on sixteenths, laid over a piece in its key."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from diffbgm.brief.knobs import FASTEST
from diffbgm.errors import DataError, OptionError, PlanError
from diffbgm.midi import read_midi
from diffbgm.roll import find_key, key_shift, top_line
from diffbgm.typed import typed
from diffbgm.types import LOWEST_PITCH, METRES, PITCHES, STEPS_PER_BEAT, Curves, Key, MusicPlan, Note

MUSICXML = (".musicxml", ".xml", ".mxl")
LARGEST = 16_000_000  # bytes of a file that is read
GIVE = 0.08  # share by which the tempo may leave the tune's own, so that cuts come to lie on beats
ENDS = 2.0  # beats that the first and the last note count more in finding the key


@dataclass(frozen=True)
@typed(OptionError)
class Tune:
    """A melody on sixteenths, from the first bar in which it sounds.

    Attributes:
        name: Of its file.
        notes: One at a time, in order.
        beats: Of its whole bars.
        metre: One of `METRES`.
        key: Its key.
        bpm: Its tempo in quarter notes a minute; None where the file names none.
        moved: Beats by which its onsets were moved onto sixteenths, on the average.
    """

    name: str
    notes: tuple[Note, ...]
    beats: int
    metre: str
    key: Key
    bpm: float | None
    moved: float


def read_tune(path: str | os.PathLike[str]) -> Tune:
    """The melody in a file: the part that is called so or comes first, of it the highest notes.

    Args:
        path: Of a MIDI or MusicXML file (`.mid`, `.midi`, `.musicxml`, `.xml`, `.mxl`).

    Raises:
        OptionError: It cannot be read, has no note, or music21 is needed for it and is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise OptionError(f"melody {path}: there is no such file; check the path")
    if path.stat().st_size > LARGEST:
        raise OptionError(f"melody {path}: has more than {LARGEST // 1_000_000} MB; give the tune alone")
    if path.suffix.lower() in MUSICXML:
        notes, (numerator, denominator), sharps, bpm = _from_musicxml(path)
    else:
        try:
            score = read_midi(path)
        except (DataError, PlanError) as e:
            raise OptionError(f"melody: {e}") from e
        named = [track for track in score.tracks if track.role == "melody" and track.notes]
        tracks = named or [track for track in score.tracks if not track.is_drum and track.notes][:1]
        notes = [note for track in tracks[-1:] for note in track.notes]
        numerator, denominator = score.metre
        sharps = score.key.sharps if score.key else None
        bpm = score.tempo.mean_bpm
    metre = "4/4" if (numerator, denominator) == (2, 2) else f"{numerator}/{denominator}"
    if metre not in METRES:
        raise OptionError(f"melody {path}: is in {metre}; there are {', '.join(METRES)}: write it in one of these")
    line = [note for note in top_line(notes) if LOWEST_PITCH <= note.pitch < LOWEST_PITCH + PITCHES]
    if not line:
        raise OptionError(f"melody {path}: has no note that a piano can play; give a file with a tune")
    shift = line[0].start // METRES[metre] * METRES[metre]
    line = tuple(replace(note, start=note.start - shift, end=note.end - shift) for note in line)
    beats = math.ceil(line[-1].end / METRES[metre]) * METRES[metre]
    moved = float(np.mean([abs(note.start - round(note.start * STEPS_PER_BEAT) / STEPS_PER_BEAT) for note in notes]))
    return Tune(path.name, line, beats, metre, key_of_tune(line, sharps), bpm, moved)


def _from_musicxml(path: Path) -> tuple[list[Note], tuple[int, int], int | None, float | None]:
    """(notes of the first part as they sound, metre, sharps, tempo) of a MusicXML file, repeats written out."""
    try:
        import music21
    except ImportError as e:
        raise OptionError(
            f"melody {path}: MusicXML is read by music21: pip install 'diffbgm[scores]', or give a MIDI file"
        ) from e
    tools = cast("Any", music21)
    try:
        score = tools.converter.parse(path, format="musicxml", forceSource=True)
        parts = list(score.parts) if isinstance(score, tools.stream.Score) else [score]
        part = next((one for one in parts if one.recurse().notes), None)
        if part is None:
            return [], (4, 4), None, None
        part = part.toSoundingPitch().expandRepeats().stripTies().flatten()
        marks = [mark.getQuarterBPM() for mark in score.recurse().getElementsByClass(tools.tempo.MetronomeMark)]
        signs = list(part.getElementsByClass(tools.key.KeySignature))
        metres = list(part.getElementsByClass(tools.meter.TimeSignature))
        pitched = [n for n in part.notes if hasattr(n, "pitches") and n.pitches and n.duration.quarterLength]
        notes = [
            Note(float(n.offset), float(n.offset + n.duration.quarterLength), int(max(p.midi for p in n.pitches)))
            for n in pitched
            if not hasattr(n, "figure")  # a chord symbol
        ]
    except Exception as e:  # whatever a damaged file makes of the reader
        raise OptionError(f"melody {path}: cannot be read as MusicXML ({type(e).__name__}); export it again") from e
    metre = (metres[0].numerator, metres[0].denominator) if metres else (4, 4)
    return notes, metre, int(signs[0].sharps) if signs else None, next((float(m) for m in marks if m), None)


def key_of_tune(notes: Sequence[Note], sharps: int | None = None) -> Key:
    """The key of a melody.

    A signature with sharps or flats settles all but the mode; none says nothing, as many programs write none.
    """
    heard = np.zeros(12)
    for i, note in enumerate(notes):
        heard[note.pitch % 12] += note.end - note.start + ENDS * (i in (0, len(notes) - 1))
    if not sharps:
        return find_key(heard)
    tonic = 7 * sharps % 12
    keys = (Key(tonic, "major"), Key((tonic + 9) % 12, "minor"))
    return max(keys, key=lambda key: heard[key.tonic] + heard[(key.tonic + 7) % 12] / 2)


def tune_tempo(tune: Tune, duration: float, asked: tuple[float, float] | None) -> tuple[float, float]:
    """(lowest, highest) base tempo at which a tune is played whole in `duration` seconds.

    Args:
        tune: Its own tempo counts where none is asked for; cuts may move it by `GIVE`.
        duration: Of the film.
        asked: A range that counts more.

    Raises:
        OptionError: It does not fit at any of these tempi.
    """
    own = tune.bpm or 0.0
    low, high = asked or (own * (1 - GIVE), own * (1 + GIVE))
    slowest = 60 * tune.beats / duration
    if slowest > high * 1.001:
        faster = f", or ask for bpm {math.ceil(slowest)}" if slowest <= FASTEST else ""
        raise OptionError(
            f"melody {tune.name}: its {tune.beats // METRES[tune.metre]} bars last {60 * tune.beats / high:.1f} s at"
            f" {high:.0f} beats per minute, the film {duration:.1f} s; shorten it{faster}"
        )
    return min(max(low, slowest), high), high


def lay_tune(tune: Tune, key: Key, beats: int, last_bar: int) -> tuple[Note, ...]:
    """The tune over a piece, in its key, again and again as long as it ends before the last bar.

    Args:
        tune: As it was read.
        key: Of the piece; a tune of the other mode goes to the relative key.
        beats: Of the piece.
        last_bar: The beat where the last chord begins.

    Raises:
        OptionError: The piece is shorter than the tune.
    """
    if tune.beats > beats:
        raise OptionError(
            f"melody {tune.name}: has {tune.beats} beats, the music {beats}; shorten it, or ask for a faster bpm"
        )
    shift = key_shift(tune.key) - key_shift(key)
    shift -= 12 * round(shift / 12)
    pitches = [note.pitch + shift for note in tune.notes]
    shift += 12 * ((min(pitches) < LOWEST_PITCH) - (max(pitches) >= LOWEST_PITCH + PITCHES))
    once = [replace(note, pitch=note.pitch + shift) for note in tune.notes]
    times = max(1, last_bar // tune.beats)
    return tuple(
        replace(note, start=note.start + turn * tune.beats, end=note.end + turn * tune.beats)
        for turn in range(times)
        for note in once
    )


def with_tune(curves: Curves, notes: Sequence[Note], per_bar: int) -> Curves:
    """The curves with as many onsets of melody as a tune has, and the accompaniment's beside them.

    Args:
        curves: Of a plan [B].
        notes: The tune as it is laid; from the end of its last bar on the curves stay.
        per_bar: Beats of a bar.
    """
    end = math.ceil(notes[-1].end / per_bar) * per_bar
    melody = np.array(curves.melody)
    onsets = np.bincount([int(note.start) for note in notes], minlength=end)[:end]
    melody[:end] = np.repeat(onsets.reshape(-1, per_bar).mean(1), per_bar)
    accompaniment = np.maximum(curves.density - curves.melody, 0)
    return replace(curves, melody=melody, density=accompaniment + melody)


def remap_tune(plan: MusicPlan, bars: Sequence[int]) -> tuple[Note, ...]:
    """The tune of the mapped bars of a plan; a note that its next bar does not follow ends at the bar line."""
    per_bar = plan.beats_per_bar
    out: list[Note] = []
    for k, bar in enumerate(bars):
        first = bar * per_bar
        run = next((n for n in range(1, len(bars) - k) if bars[k + n] != bar + n), len(bars) - k)
        for note in plan.tune:
            if first <= note.start < first + per_bar:
                end = min(note.end, first + run * per_bar)
                out.append(replace(note, start=note.start + k * per_bar - first, end=end + k * per_bar - first))
    return tuple(out)


def tell_tune(tune: Tune, key: Key, times: int) -> str:
    """What became of a tune, in a line."""
    moved = f", its onsets moved by {tune.moved:.2f} beats on the average" if tune.moved >= 0.01 else ""
    again = f", {times} times" if times > 1 else ""
    return f"the melody is {tune.name}: {len(tune.notes)} notes, {tune.key} to {key}{moved}{again}"
