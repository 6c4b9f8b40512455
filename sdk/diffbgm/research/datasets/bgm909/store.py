"""Songs and videos to and from their files: arrays in safetensors, everything else as JSON in its header.

A file is written whole or not at all, and holds all that is known of its song or video: what is finished can be seen
from the files alone, and the tables are made from them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.errors import DataError
from diffbgm.files import replacing
from diffbgm.research.datasets.bgm909.format import Split
from diffbgm.research.datasets.pop909 import Song, SongSection, is_validation
from diffbgm.types import PITCHES, Cut, PianoRoll, VideoFeatures

NEUTRAL = (0.5, 0.5, 0.0)  # colour where nobody knows it
VALIDATION_SHARE = 0.15  # of videos that are matched: more than of songs, as there are fewer


@dataclass(frozen=True, eq=False)
class StoredSong:
    """A song with what POP909 says of it: chords (start, end, name) in seconds, its longest key or ""."""

    song: Song
    chords: tuple[tuple[float, float, str], ...] = ()
    annotated_key: str = ""

    @property
    def split(self) -> Split:
        """The song's split, fixed by its id."""
        return "validation" if is_validation(self.song.id) else "train"


@dataclass(frozen=True, eq=False)
class StoredVideo:
    """A video as it was seen.

    captions    one a shot, or none at all.   cut_resolution  seconds to which cuts are known; 0: exactly.
    made_from   all that the file depends on; equal means that it need not be made again.
    pair        of a real pair: the alignment that was found with it, as JSON holds it.
    """

    id: str
    features: VideoFeatures
    captions: tuple[str, ...] = ()
    cut_resolution: float = 0.0
    colour_known: bool = True
    made_from: Mapping[str, Any] = field(default_factory=dict)
    pair: Mapping[str, Any] = field(default_factory=dict)


def video_split(video_id: str) -> Split:
    """Where a video goes that is not tied to one song: fixed by a hash of its id, like the songs' split."""
    digest = hashlib.sha256(f"bgm909/{video_id}".encode()).digest()
    return "validation" if digest[0] < 256 * VALIDATION_SHARE else "train"


def song_path(root: Path, song: str) -> Path:
    """The file of a song in a data set's folder."""
    return root / "songs" / f"{song}.safetensors"


def video_path(root: Path, video: str) -> Path:
    """The file of a video in a data set's folder."""
    return root / "videos" / f"{video}.safetensors"


def write_song(root: Path, stored: StoredSong) -> None:
    """Writes a song: cells as bits, velocities at onsets only, beat times in seconds; the rest as JSON."""
    song = stored.song
    cells = np.asarray(song.roll.cells)
    assert song.roll.velocity is not None
    arrays = {
        "roll": np.packbits(cells, axis=2),
        "velocity": np.asarray(song.roll.velocity)[cells[0::2] == 1],
        "times": np.asarray(song.times, np.float64),
    }
    record = {
        "id": song.id,
        "bpm": song.bpm,
        "sections": [[s.start, s.end, s.label] for s in song.sections],
        "chords": [list(chord) for chord in stored.chords],
        "annotated_key": stored.annotated_key,
    }
    write_arrays(song_path(root, song.id), arrays, record)


def read_song(root: Path, song: str) -> StoredSong:
    """DataError when it is not there or damaged."""
    arrays, record = read_arrays(song_path(root, song))
    cells = np.unpackbits(arrays["roll"], axis=2, count=PITCHES)
    velocity = np.zeros((2, *cells.shape[1:]), np.uint8)
    velocity[cells[0::2] == 1] = arrays["velocity"]
    sections = tuple(SongSection(start, end, label) for start, end, label in record["sections"])
    read = Song(record["id"], PianoRoll(cells, velocity), record["bpm"], sections, arrays["times"])
    return StoredSong(read, tuple((a, b, name) for a, b, name in record["chords"]), record["annotated_key"])


def write_video(root: Path, stored: StoredVideo) -> None:
    """Writes a video: feature tracks and cuts; embeddings as float16, colour only where it is known."""
    f = stored.features
    arrays = {"times": f.times, "motion": f.motion, "affect": f.affect}
    if stored.colour_known:
        arrays["colour"] = f.colour
    if f.clip is not None and f.clip_times is not None:
        arrays |= {"clip": f.clip.astype(np.float16), "clip_times": f.clip_times}
    record = {
        "id": stored.id,
        "duration": f.duration,
        "frame_rate": f.frame_rate,
        "width": f.width,
        "height": f.height,
        "has_audio": f.has_audio,
        "semantics": f.semantics,
        "cuts": [[cut.time, cut.strength, cut.kind] for cut in f.cuts],
        "captions": list(stored.captions),
        "cut_resolution": stored.cut_resolution,
        "made_from": dict(stored.made_from),
        "pair": dict(stored.pair),
    }
    write_arrays(video_path(root, stored.id), arrays, record)


def read_video(root: Path, video: str) -> StoredVideo:
    """DataError when it is not there or damaged."""
    arrays, record = read_arrays(video_path(root, video))
    known = "colour" in arrays
    features = VideoFeatures(
        duration=record["duration"],
        frame_rate=record["frame_rate"],
        width=record["width"],
        height=record["height"],
        has_audio=record["has_audio"],
        cuts=tuple(Cut(time, strength, kind) for time, strength, kind in record["cuts"]),
        times=arrays["times"],
        motion=arrays["motion"],
        colour=arrays["colour"] if known else np.tile(NEUTRAL, (len(arrays["times"]), 1)),
        affect=arrays["affect"],
        clip=arrays.get("clip"),
        clip_times=arrays.get("clip_times"),
        semantics=record["semantics"],
    )
    return StoredVideo(
        record["id"],
        features,
        tuple(record["captions"]),
        record["cut_resolution"],
        known,
        record["made_from"],
        record["pair"],
    )


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """The same arrays and record always give the same bytes."""
    from safetensors.numpy import save

    data = save({k: np.ascontiguousarray(v) for k, v in arrays.items()}, {"record": json.dumps(record, sort_keys=True)})
    with replacing(path) as part:
        part.write_bytes(data)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a file by name, and its record; DataError where it is missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return arrays, json.loads((file.metadata() or {})["record"])
    except (OSError, SafetensorError, KeyError, ValueError) as e:
        raise DataError(f"{path}: cannot be read ({e}); build the data set again, what is whole is kept") from e


def read_record(path: Path) -> dict[str, Any] | None:
    """The record alone; None where the file is missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return json.loads((file.metadata() or {})["record"])
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
