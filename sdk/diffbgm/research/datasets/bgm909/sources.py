"""What a data set is built from: songs of POP909, videos of a folder, and who belongs to whom."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError
from diffbgm.research.datasets.bgm909.store import StoredSong
from diffbgm.research.datasets.pop909 import Song

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
COLUMNS = ("song", "video", "offset")
SONG_NUMBER = re.compile(r"(?<!\d)\d{3}(?!\d)")


@dataclass(frozen=True)
class Wanted:
    """A pair to be made. `id` names the video in the data set; `offset` in seconds, or None to find it."""

    song: str
    file: Path
    id: str
    offset: float | None = None


def find_pairs(
    videos: Path, songs: Sequence[str], table: Path | None = None
) -> tuple[list[Wanted], list[dict[str, str]]]:
    """(pairs by song, what was left out and why) of a folder's videos, by name or by a table.

    By name: a file belongs to the song whose number of three digits stands in its name. By table: CSV with the columns
    song, video (relative to the folder) and maybe offset. Raises DataError for a table that makes no sense.
    """
    if not videos.is_dir():
        raise DataError(f"{videos}: not a folder; give the one that holds the videos")
    left: list[dict[str, str]] = []
    pairs: list[Wanted] = []
    if table is not None:
        pairs = _from_table(table, videos, songs)
    else:
        files = sorted(p for p in videos.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if not files:
            raise DataError(f"{videos}: holds no video ({', '.join(SUFFIXES)})")
        for file in files:
            numbers = [n for n in dict.fromkeys(SONG_NUMBER.findall(file.stem)) if n in songs]
            if len(numbers) == 1:
                pairs.append(Wanted(numbers[0], file, _id(file, videos)))
            else:
                said = f"names {' and '.join(numbers)}" if numbers else "has no song's number in its name"
                left.append({"video": _id(file, videos), "why": f"{said}; say in a table which song it belongs to"})
    taken: dict[str, Path] = {}
    for pair in pairs:
        if taken.setdefault(pair.id, pair.file) != pair.file or sum(p.file == pair.file for p in pairs) > 1:
            raise DataError(f"{pair.file}: stands for two pairs or two files; give every video one name and one song")
    return sorted(pairs, key=lambda p: (p.song, p.id)), left


def _from_table(table: Path, videos: Path, songs: Sequence[str]) -> list[Wanted]:
    try:
        rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{table}: cannot be read ({e})") from e
    pairs = []
    for number, row in enumerate(rows, 1):
        where = f"{table} row {number}"
        if unknown := sorted(str(c) for c in set(row) - set(COLUMNS)):
            raise DataError(f"{where}: no column is called {unknown[0]!r}; there are {', '.join(COLUMNS)}")
        song, video, offset = (str(row.get(column) or "").strip() for column in COLUMNS)
        song = song.zfill(3)
        if song not in songs:
            raise DataError(f"{where}: there is no song {song!r}; a song is a number of POP909 such as 001")
        if not video:
            raise DataError(f"{where}: video is empty")
        try:
            seconds = float(offset) if offset else None
        except ValueError as e:
            raise DataError(f"{where}: offset must be seconds, got {offset!r}") from e
        pairs.append(Wanted(song, videos / video, _id(videos / video, videos), seconds))
    if not pairs:
        raise DataError(f"{table}: has no rows")
    return pairs


def _id(file: Path, folder: Path) -> str:
    """The file's path in the folder as one plain name."""
    return re.sub(r"[^\w.-]+", "_", file.relative_to(folder).as_posix().replace("/", "__"))


def store_song(song: Song, files: Mapping[str, bytes]) -> StoredSong:
    """A song with its chords and the key that holds longest, as far as they are annotated."""
    chords = [(float(a), float(b), c) for a, b, c in _triples(files.get("chord_midi.txt", b""))]
    keys: dict[str, float] = {}
    for start, end, key in _triples(files.get("key_audio.txt", b"")):
        keys[key] = keys.get(key, 0.0) + float(end) - float(start)
    return StoredSong(song, tuple(chords), max(keys, key=lambda k: keys[k]) if keys else "")


def _triples(text: bytes) -> list[list[str]]:
    lines = (line.split() for line in text.decode("utf-8", "replace").splitlines())
    return [words for words in lines if len(words) == 3]


def notes_of(midi: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Onsets [N] in seconds, pitches [N] and velocities [N] of every note of a MIDI file."""
    import pretty_midi

    tracks = pretty_midi.PrettyMIDI(io.BytesIO(midi)).instruments
    notes = [(n.start, n.pitch, n.velocity) for t in tracks if not t.is_drum for n in t.notes]
    onsets, pitches, weights = np.array(notes, np.float64).reshape(-1, 3).T
    return onsets, pitches, weights
