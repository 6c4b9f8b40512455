"""MuVi-Sync (Kang, Poria & Herremans, "Video2Music", 2024) in its own layout: music videos described second by second.

The labels are a folder or a zip of `vevo_*/.../NNN.lab`; the CLIP features an .npz with int8 `features` [M, D] times
`scale` [D], video k in rows `offsets[k]:offsets[k + 1]`, `ids`. Nothing of it comes with this package.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffbgm.errors import DataError
from diffbgm.planner.director import Footage
from diffbgm.research.datasets.archive import open_archive
from diffbgm.research.metrics.affect_by_bar import NO_CHORD
from diffbgm.video.motion import motion_from_difference

LABELS = {
    "chord": "vevo_chord/lab_v2/all",
    "emotion": "vevo_emotion/6c_l14p/all",
    "loudness": "vevo_loudness/all",
    "motion": "vevo_motion/all",
    "density": "vevo_note_density/all",
    "scene": "vevo_scene_offset/all",
}
FEATURES = "*clip*.npz"
SHORTEST = 8  # seconds: of less nothing is said


@dataclass(frozen=True)
class MusicVideo:
    """One video of T seconds. `footage` is what the pictures say; the rest is what its music does.

    density   [T] notes a second, transcribed from the sound.
    loudness  [T] root mean square, full scale 1.
    minor     whether the annotated key is a minor one.
    chord     [T] root 0..11 (C = 0) of the chord, 12 more where its third is minor, NO_CHORD where there is none.
    """

    id: str
    footage: Footage
    density: np.ndarray
    loudness: np.ndarray
    minor: bool
    chord: np.ndarray


def read_music_videos(
    labels: Path | str,
    features: Path | str | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> list[MusicVideo]:
    """Every video that has all six labels (and CLIP features, if those are given), sorted by id.

    Raises DataError, with the file's name, for anything that is not in the layout.
    """
    found = dict(_label_files(Path(labels)))
    if not found:
        raise DataError(f"{labels}: no vevo_chord, vevo_motion ... with NNN.lab in it; give MuVi-Sync's folder or zip")
    clips = _read_features(Path(features)) if features is not None else None
    videos = []
    for i, (name, texts) in enumerate(found.items()):
        if clips is None or name in clips:
            videos.append(_read_video(name, texts, None if clips is None else clips[name]))
        if on_progress:
            on_progress((i + 1) / len(found), f"reading video {i + 1} of {len(found)}")
    if not videos:
        raise DataError(f"{features}: holds none of the videos of {labels}")
    return videos


def find_music_videos(folder: Path | str) -> tuple[Path, Path | None]:
    """(labels, CLIP features or None) in a folder: MuVi-Sync's own layout or a zip with "labels" in its name."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; give the one that holds MuVi-Sync's labels and CLIP features")
    zips = sorted(p for p in folder.glob("*.zip") if "muvisync" in p.name.lower().replace("-", ""))
    features = sorted(folder.glob(FEATURES))
    return (zips[0] if zips else folder), (features[0] if features else None)


def _label_files(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(video id, label -> text), ids rising, for the videos that have them all."""
    found: dict[str, dict[str, str]] = {}
    pattern = re.compile(rf"(?:^|/)({'|'.join(map(re.escape, LABELS.values()))})/(\w+)\.lab$")
    kind_of = {folder: kind for kind, folder in LABELS.items()}
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.lab")):
                if match := pattern.search(file.as_posix()):
                    found.setdefault(match[2], {})[kind_of[match[1]]] = file.read_text()
        elif path.is_file():
            with open_archive(path) as archive:
                for name in archive.namelist():
                    if match := pattern.search(name):
                        found.setdefault(match[2], {})[kind_of[match[1]]] = archive.read(name).decode()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"cannot read MuVi-Sync's labels from {path}: {e}") from e
    for name in sorted(found):
        if len(found[name]) == len(LABELS):
            yield name, found[name]


def _read_video(name: str, texts: dict[str, str], clip: np.ndarray | None) -> MusicVideo:
    try:
        words = _columns(texts["emotion"], skip=1)[:, 1:]
        tracks = {kind: _columns(texts[kind])[:, 1] for kind in ("loudness", "motion", "density", "scene")}
        key = texts["chord"].split("\n", 1)[0].split()
        chord = _chords(texts["chord"])
        if words.shape[1] != 6 or key[0] != "key" or key[-1] not in ("major", "minor"):
            raise ValueError(f"{words.shape[1]} affect words, key line {' '.join(key)!r}")
    except (ValueError, IndexError) as e:
        raise DataError(f"MuVi-Sync video {name}: labels not in the layout ({e})") from e
    seconds = min(len(words), len(chord), *map(len, tracks.values()))
    if seconds < SHORTEST:
        raise DataError(f"MuVi-Sync video {name}: labels for {seconds} s only; at least {SHORTEST} are needed")
    cut = {kind: track[:seconds] for kind, track in tracks.items()}
    footage = Footage(motion_from_difference(cut["motion"]), cut["scene"], words[:seconds], clip)
    return MusicVideo(name, footage, cut["density"], cut["loudness"], key[-1] == "minor", chord[:seconds])


def _chords(text: str) -> np.ndarray:
    """[T] the chords of a label file whose first line is the key ("3 F#:min7"); ValueError where a root is none."""
    chords = []
    for line in text.splitlines()[1:]:
        if not line.strip():
            continue
        root, _, quality = line.split()[1].partition(":")
        if root == "N":
            chords.append(NO_CHORD)
        else:
            chords.append(_pitch_class(root) + 12 * quality.startswith(("min", "dim", "hdim")))
    return np.array(chords, np.int64)


def _pitch_class(name: str) -> int:
    """0..11 of "C", "F#" or "Bb"."""
    if name[:1] not in "CDEFGAB" or name[1:].strip("#b"):
        raise ValueError(f"chord {name!r}")
    return ((0, 2, 4, 5, 7, 9, 11)["CDEFGAB".index(name[0])] + name.count("#") - name.count("b")) % 12


def _columns(text: str, skip: int = 0) -> np.ndarray:
    """[T, C] the numbers of a label file; ValueError where something is none."""
    return np.array([[float(x) for x in line.split()] for line in text.splitlines()[skip:] if line.strip()])


def _read_features(path: Path) -> dict[str, np.ndarray]:
    """The features [M, D] float32 of each video, by id."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            ids, offsets, features, scale = (stored[name] for name in ("ids", "offsets", "features", "scale"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as e:
        raise DataError(f"cannot read CLIP features from {path}: {e}") from e
    if len(offsets) != len(ids) + 1 or offsets[-1] != len(features) or features.shape[1:] != scale.shape:
        raise DataError(f"{path}: ids {ids.shape}, offsets {offsets.shape}, features {features.shape} do not fit")
    rows = zip(ids, offsets[:-1], offsets[1:], strict=True)
    return {str(name): features[a:b].astype(np.float32) * scale for name, a, b in rows if b > a}
