"""Archives in the common layout of the corpora (index.csv, midi/), small enough to make in a test."""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido

from diffbgm.research.datasets.pop909 import is_validation

TICKS = 480
COLUMNS = ("id", "file", "title", "licence", "source", "genre", "key", "tempo", "metre")
IDS = [f"piece-{n}" for n in range(400)]
TRAINING = [i for i in IDS if not is_validation(i)]
VALIDATION = [i for i in IDS if is_validation(i)]


@dataclass(frozen=True)
class Drawn:
    """A piece of `bars` bars in `signature`: a scale above, chords I IV V I below, all `shift` semitones up; `rows` are
    further notes (track, start tick, ticks, pitch)."""

    id: str
    signature: tuple[int, int] = (4, 4)
    bars: int = 12
    shift: int = 0
    tempo: str = "96"
    title: str = "Piece"
    genre: str = ""
    tune: Sequence[int] = (72, 74, 76, 77, 79, 77, 76, 74)
    rows: Sequence[tuple[str, int, int, int]] = ()
    then: tuple[int, int] | None = None  # another metre for as many bars more


def write_archive(path: Path, pieces: Sequence[Drawn]) -> Path:
    """The zip of these pieces."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    with zipfile.ZipFile(path, "w") as archive:
        for piece in pieces:
            row = dict.fromkeys(COLUMNS, "") | {"id": piece.id, "file": f"{piece.id}.mid", "title": piece.title}
            row |= {"genre": piece.genre, "tempo": piece.tempo, "licence": "CC0-1.0", "source": "drawn", "key": "C"}
            writer.writerow(row)
            archive.writestr(f"midi/{piece.id}.mid", midi_bytes(piece))
        archive.writestr("index.csv", table.getvalue())
    return path


def midi_bytes(piece: Drawn) -> bytes:
    """The piece as a MIDI file."""
    notes: dict[str, list[tuple[int, int, int]]] = {"MELODY": [], "ACCOMP RH": [], "DRUMS": []}
    signatures, at = [], 0
    for top, below in [piece.signature, *([piece.then] if piece.then else [])]:
        signatures.append((at, top, below))
        length = TICKS * 4 * top // below
        for bar in range(piece.bars):
            root = (48, 53, 55, 48)[bar % 4] + piece.shift
            for i, start in enumerate(range(at, at + length, TICKS)):
                pitch = piece.tune[(bar * 4 + i) % len(piece.tune)]
                notes["MELODY"].append((start, TICKS, pitch + piece.shift))
                notes["ACCOMP RH"] += [(start, TICKS, root + step) for step in (0, 4, 7)]
            notes["DRUMS"].append((at, TICKS, 38))
            at += length
    for track, start, ticks, pitch in piece.rows:
        notes.setdefault(track, []).append((start, ticks, pitch))
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(float(piece.tempo or 90))))
    last = 0
    for tick, top, below in signatures:
        head.append(mido.MetaMessage("time_signature", numerator=top, denominator=below, time=tick - last))
        last = tick
    file.tracks.append(head)
    for number, (name, own) in enumerate(notes.items()):
        file.tracks.append(_track(name, own, 9 if name == "DRUMS" else number))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def _track(name: str, notes: Sequence[tuple[int, int, int]], channel: int) -> mido.MidiTrack:
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=name))
    events = [(start, 1, pitch) for start, _, pitch in notes]
    events += [(start + ticks, 0, pitch) for start, ticks, pitch in notes]
    last = 0
    for tick, on, pitch in sorted(events):  # ends before starts
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=80 * on, time=tick - last))
        last = tick
    return track
