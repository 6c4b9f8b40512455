"""Every corpus behind one interface: `read_corpus(path)` gives pieces, whatever the archive is.

An archive in the common layout is a zip (or its folder) of `index.csv` and `midi/*.mid`, with tracks MELODY and
ACCOMP...; POP909 has its own reader. A new corpus in the common layout needs a line in `CORPORA`, another layout a
reader.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from diffbgm.composer.config import METRES
from diffbgm.errors import DataError
from diffbgm.research.datasets.archive import open_archive
from diffbgm.research.datasets.pop909 import SongSection, read_songs
from diffbgm.research.datasets.smf import MidiFile, MidiTrack, read_smf
from diffbgm.roll import notes_to_roll
from diffbgm.setting import show
from diffbgm.types import STEPS_PER_BEAT, Note, PianoRoll, Value

DANCES = ("waltz", "mazurka", "polonaise", "polka", "krakowiak", "oberek", "minuet", "menuet", "ländler", "galop")
Teaches = Literal["all", "melody and chords", "nothing"]


@dataclass(frozen=True)
class Corpus:
    """What the project knows of an archive.

    genre    of its pieces where the index says nothing finer.
    weight   of its bars in the training mix.
    teaches  what weights that are published may learn from it: its texture too, melody and chords, or nothing.
    loud     whether its velocities are somebody's, not a constant.
    """

    genre: str
    weight: float = 1.0
    teaches: Teaches = "all"
    loud: bool = False


CORPORA: Mapping[str, Corpus] = {
    "POP909": Corpus("pop", weight=2.5, loud=True),
    "openscore-lieder": Corpus("art song"),
    "openscore-quartets": Corpus("chamber"),
    "openscore-orchestra": Corpus("orchestra", weight=0.5),
    "nifc-piano": Corpus("piano"),
    "nifc-songs": Corpus("art song"),
    "nifc-ensemble": Corpus("chamber"),
    "nifc-sacred": Corpus("sacred", weight=0.15),
    "chopin-first-editions": Corpus("piano"),
    "openhymnal": Corpus("hymn"),
    "freedoom": Corpus("game"),
    "openewld-pd": Corpus("popular song", teaches="melody and chords"),
    "piano-midi-de": Corpus("piano", teaches="nothing", loud=True),  # share-alike
    "simutrans": Corpus("game", teaches="nothing"),  # a licence for programs, unclear for music
}


@dataclass(frozen=True, eq=False)
class Piece(Value):
    """A run of bars in one metre, on the sixteenth grid.

    id       of the file in its archive, with `#2`, `#3` for later runs; `work` without, which the split goes by.
    roll     in its own key; without velocities where the archive's are a constant.
    metre    one of `config.METRES`; bars of 2/4 are joined by pairs.
    genre    one of GENRES.   bpm  quarters per minute, NaN where nobody knows.   key  as the index has it.
    grid     [bars] share of each bar's onsets that lay on the grid; NaN for a bar without any.
    sections where a listener has marked them (POP909).
    """

    id: str
    work: str
    corpus: str
    roll: PianoRoll
    metre: str
    genre: str
    source: str
    licence: str
    bpm: float
    key: str
    grid: np.ndarray
    sections: tuple[SongSection, ...] = ()

    @property
    def beats_per_bar(self) -> int:
        """Beats in a bar of the piece's metre."""
        return METRES[self.metre]


def corpus_name(path: Path | str) -> str:
    """The archive's name without what only says which part of it this is: `freedoom` of `freedoom-train.zip`."""
    return Path(path).name.removesuffix(".zip").removesuffix("-train").removesuffix("-held")


def is_corpus(path: Path | str, *, common: bool = False) -> bool:
    """Whether `read_corpus` can read this path.

    It reads an archive or folder in the common layout or, unless `common`, POP909's zip.
    """
    path = Path(path)
    if path.is_dir():
        return (path / "index.csv").is_file() and (path / "midi").is_dir()
    if not zipfile.is_zipfile(path):
        return False
    with open_archive(path) as archive:
        names = archive.namelist()
    if "index.csv" in names and any(name.startswith("midi/") for name in names):
        return True
    return not common and _is_pop909(names)


def corpora_in(folder: Path | str) -> list[Path]:
    """The archives of a folder that are corpora this project knows, by name."""
    return [path for path in sorted(Path(folder).glob("*.zip")) if corpus_name(path) in CORPORA and is_corpus(path)]


def read_corpus(path: Path | str, on_progress: Callable[[float, str], None] | None = None) -> list[Piece]:
    """The pieces of an archive, by id. Raises DataError where it is none, or none of its pieces can be used."""
    path = Path(path)
    tell = on_progress or (lambda fraction, message: None)
    if path.is_file() and zipfile.is_zipfile(path):
        with open_archive(path) as archive:
            if _is_pop909(archive.namelist()):
                return _pop909(path, tell)
            if "index.csv" not in archive.namelist():
                raise DataError(f"{path}: no index.csv in it; give a corpus archive or POP909")
            return _read(path, archive.read, tell)
    if (path / "index.csv").is_file():
        return _read(path, lambda name: (path / name).read_bytes(), tell)
    return _pop909(path, tell)


def _is_pop909(names: list[str]) -> bool:
    return any(name.endswith("/beat_midi.txt") for name in names)


def _pop909(path: Path, tell: Callable[[float, str], None]) -> list[Piece]:
    return [
        Piece(
            id=song.id,
            work=song.id,
            corpus="POP909",
            roll=song.roll,
            metre="4/4",
            genre="pop",
            source="https://github.com/music-x-lab/POP909-Dataset",
            licence="MIT",
            bpm=song.bpm,
            key="",
            grid=np.ones(song.bars),
            sections=song.sections,
        )
        for song in read_songs(path, tell)
    ]


def _read(path: Path, content: Callable[[str], bytes], tell: Callable[[float, str], None]) -> list[Piece]:
    corpus = corpus_name(path)
    try:
        rows = list(csv.DictReader(io.StringIO(content("index.csv").decode("utf-8"))))
        rows = sorted(rows, key=lambda row: (row["id"], row["file"]))
    except (KeyError, TypeError, ValueError, csv.Error) as e:
        raise DataError(f"{path}: its index.csv cannot be read ({e}); it needs the columns id, file, genre ...") from e
    pieces: list[Piece] = []
    for i, row in enumerate(rows):
        try:
            file = read_smf(content(f"midi/{row['file']}"))
        except (KeyError, OSError, ValueError) as e:  # ValueError: of a name with a null byte
            raise DataError(f"{path}: file {show(row['file'])} of its index cannot be read ({e})") from e
        pieces += pieces_of(file, row, corpus)
        tell((i + 1) / len(rows), f"{corpus}: reading piece {i + 1} of {len(rows)}")
    if not pieces:
        raise DataError(f"{path}: none of its {len(rows)} pieces has a run of bars in {', '.join(METRES)}")
    return pieces


def pieces_of(file: MidiFile, row: Mapping[str, str], corpus: str) -> list[Piece]:
    """The runs of bars in one metre of a file of the common layout; `row` is its line of the index."""
    grid = file.ticks_per_beat // STEPS_PER_BEAT
    melody = [note for track in file.tracks if track.name == "MELODY" for note in track.notes]
    rest = [note for track in file.tracks if _accompanies(track) for note in track.notes]
    end = max((note[1] for note in (*melody, *rest)), default=0)
    known = CORPORA.get(corpus, Corpus(""))
    out: list[Piece] = []
    for start, stop, metre in metre_runs(file, end):
        beats_per_bar = METRES[metre]
        bar = beats_per_bar * file.ticks_per_beat
        bars = -(-(stop - start) // bar)
        voices, onsets = [], np.zeros((2, bars))
        for notes in (melody, rest):
            here = [note for note in notes if start <= note[0] < stop]
            for note in here:
                place = (note[0] - start) // bar
                onsets[0, place] += (note[0] - start) % grid == 0
                onsets[1, place] += 1
            voices.append(
                [
                    Note((a - start) / (4 * grid), (min(b, stop) - start) / (4 * grid), p, v)
                    for a, b, p, v in here
                    if b > a
                ]
            )
        roll = notes_to_roll(voices[0], voices[1], bars * beats_per_bar)
        if not roll.cells.any():
            continue
        number = len(out) + 1
        out.append(
            Piece(
                id=row["id"] if number == 1 else f"{row['id']}#{number}",
                work=row["id"],
                corpus=corpus,
                roll=roll if known.loud else PianoRoll(roll.cells),
                metre=metre,
                genre=genre_of(row, known.genre),
                source=row.get("source", ""),
                licence=row.get("licence", ""),
                bpm=_tempo(file, start) if row.get("tempo") else float("nan"),
                key=row.get("key", ""),
                grid=np.where(onsets[1] > 0, onsets[0] / np.maximum(onsets[1], 1), np.nan),
            )
        )
    return out


def metre_runs(file: MidiFile, end: int) -> list[tuple[int, int, str]]:
    """(first tick, last tick, metre) of every stretch in one of METRES up to `end`; 2/2 counts as 4/4."""
    names = {(4, 4): "4/4", (2, 2): "4/4", (3, 4): "3/4", (6, 8): "6/8", (2, 4): "2/4"}
    changes = [(tick, names.get((top, below), "")) for tick, top, below in file.signatures]
    if not changes or changes[0][0] > 0:
        changes.insert(0, (0, "4/4"))
    runs: list[tuple[int, int, str]] = []
    for (start, metre), stop in zip(changes, [tick for tick, _ in changes[1:]] + [end], strict=True):
        if stop <= start:
            continue
        if runs and runs[-1][2] == metre and runs[-1][1] == start:
            runs[-1] = runs[-1][0], stop, metre
        else:
            runs.append((start, stop, metre))
    return [run for run in runs if run[2]]


def genre_of(row: Mapping[str, str], usual: str) -> str:
    """A dance where the index or the title says so, else what is usual for the corpus."""
    told = f"{row.get('genre', '')} {row.get('title', '')}".lower()
    return "dance" if usual in ("piano", "chamber") and any(dance in told for dance in DANCES) else usual


def _accompanies(track: MidiTrack) -> bool:
    return track.name.startswith("ACCOMP") and not track.drums


def _tempo(file: MidiFile, tick: int) -> float:
    """Quarters per minute in force at a tick."""
    return next((bpm for at, bpm in reversed(file.tempi) if at <= tick), 120.0)
