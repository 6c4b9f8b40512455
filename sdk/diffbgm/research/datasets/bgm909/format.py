"""What lies in a BGM909 folder: tables for people and the Hub, one file of arrays a song and a video, a manifest.

    README.md                       the card: fields, statistics, licences; names the tables to `datasets`
    manifest.json                   counts, versions, what was left out and why, the digest of every file
    tables/<name>-<split>.parquet   songs, beats, chords, sections, videos, shots, pairs
    songs/<id>.safetensors          roll, velocities and beat times of a song, its record in the header
    videos/<id>.safetensors         feature tracks of a video, its record in the header
    projection.safetensors          how to make CLIP's embeddings narrow (only where there are some)

No picture and no sound is in it. Times are seconds: a song's on the clock of its POP909 MIDI file, a video's from its
first picture; a pair's `offset` takes the one to the other (video = song + offset).
"""

from dataclasses import dataclass
from typing import Literal, get_type_hints

FORMAT = 1
SPLITS = ("train", "validation")
Split = Literal["train", "validation"]
Paired = Literal["real", "matched"]
MANIFEST, CARD, PROJECTION = "manifest.json", "README.md", "projection.safetensors"
CLIP_WIDTH = 64  # columns that `projection.safetensors` leaves of CLIP's embeddings


@dataclass(frozen=True)
class SongRow:
    """bpm: the median. key: measured over the whole song; annotated_key: POP909's longest, "" where unknown."""

    song: str
    bpm: float
    bars: int
    key: str
    annotated_key: str
    notes: int
    seconds: float


@dataclass(frozen=True)
class BeatRow:
    """A beat at `time` seconds, `beat` counted from 0; `downbeat`: it begins a bar."""

    song: str
    beat: int
    time: float
    downbeat: bool


@dataclass(frozen=True)
class ChordRow:
    """POP909's chords: `start` and `end` in seconds, `chord` such as B:maj7, N where there is none."""

    song: str
    start: float
    end: float
    chord: str


@dataclass(frozen=True)
class SectionRow:
    """Bars `start_bar` (inclusive) to `end_bar` (exclusive), called `label` by a listener."""

    song: str
    start_bar: int
    end_bar: int
    label: str


@dataclass(frozen=True)
class VideoRow:
    """semantics: where the affect came from (colour, clip).

    cut_resolution: seconds to which cuts are known; 0: exact. Sizes are 0 where unknown.
    """

    video: str
    duration: float
    frame_rate: float
    width: int
    height: int
    shots: int
    valence: float
    arousal: float
    motion: float
    semantics: str
    cut_resolution: float


@dataclass(frozen=True)
class ShotRow:
    """A shot; strength (0..1) and kind (cut, fade; start for the first) of the change that opens it."""

    video: str
    start: float
    end: float
    strength: float
    kind: str
    caption: str


@dataclass(frozen=True)
class Pair:
    """Bars of a song over a stretch of a video: video second = song second + offset.

    paired      "real": heard in the video; "matched": music of that kind is (rank 1 the most alike, distance says how).
    confidence  0..1 of the offset; None where it was given, and for matched ones. margin: as in `align.Alignment`.
    """

    song: str
    video: str
    paired: Paired
    start_bar: int
    end_bar: int
    offset: float
    confidence: float | None = None
    margin: float | None = None
    rank: int = 1
    distance: float | None = None


TABLES: dict[str, type] = {
    "songs": SongRow,
    "beats": BeatRow,
    "chords": ChordRow,
    "sections": SectionRow,
    "videos": VideoRow,
    "shots": ShotRow,
    "pairs": Pair,
}

# name -> (shape and type, what it is): for the card, and so that the tests hold writer and card together
SONG_ARRAYS = {
    "roll": ("[4, T, 11] uint8", "cells [4, T, 88], eight keys a byte (numpy.packbits): melody onset, sustain, "
             "accompaniment onset, sustain; T = 4 x beats sixteenths; pitch 21 + index"),
    "velocity": ("[N] uint8", "MIDI velocity of every onset, in the order of the two onset channels"),
    "times": ("[beats + 1] float64", "seconds of every beat; the last is the end"),
}  # fmt: skip
VIDEO_ARRAYS = {
    "times": ("[N] float64", "seconds at which the tracks were sampled"),
    "motion": ("[N] float32", "0..1, how much moves"),
    "colour": ("[N, 3] float32", "brightness 0..1, saturation 0..1, warmth -1..1; missing where nobody knows"),
    "affect": ("[N, 2] float32", "valence and arousal, each -1..1"),
    "clip": ("[M, D] float16", "unnormalised image embeddings; missing without CLIP"),
    "clip_times": ("[M] float64", "seconds of the embeddings"),
}
PROJECTION_ARRAYS = {
    "mean": ("[D] float32", "of the embeddings of the training videos"),
    "components": ("[D, W] float32", "principal components; (clip - mean) @ components has unit variance a column"),
}


def columns(table: str) -> dict[str, object]:
    """Column -> type of one of TABLES, without the `split` that its file name says."""
    return get_type_hints(TABLES[table])
