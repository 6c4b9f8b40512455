"""MuVi-Sync's layout, on a made-up data set of three videos; and the real one where it lies beside the repository."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from diffbgm.errors import DataError
from diffbgm.research.datasets.muvisync import LABELS, find_music_videos, read_music_videos
from diffbgm.research.metrics.affect_by_bar import NO_CHORD

SECONDS = 12
CHORDS = ("D:min7", "Bb", "F#:hdim7", "N")


def write_video(folder: Path, name: str, *, minor: bool, skip: str = "", seconds: int = SECONDS) -> None:
    """One video's labels: motion 4.8 everywhere, a new shot every three seconds, density rising from 0."""
    words = "0.5000 0.1000 0.1000 0.1000 0.1000 0.1000"
    lines = {
        "chord": [f"key D {'minor' if minor else 'major'}", *(f"{t} {CHORDS[t % 4]}" for t in range(seconds))],
        "emotion": ["time exciting_prob ...", *(f"{t} {words}" for t in range(seconds + 1))],
        "loudness": [f"{t} 0.2" for t in range(seconds)],
        "motion": [f"{t} 4.8" for t in range(seconds)],
        "density": [f"{t} {t}" for t in range(seconds)],
        "scene": [f"{t} {t % 3}" for t in range(seconds)],
    }
    for kind, rows in lines.items():
        if kind != skip:
            path = folder / "MuVi-Sync" / LABELS[kind] / f"{name}.lab"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_video(tmp_path, "003", minor=True)
    write_video(tmp_path, "001", minor=False)
    write_video(tmp_path, "002", minor=False, skip="density")
    features = np.arange(4 * 5).reshape(5, 4).astype(np.int8)
    np.savez(
        tmp_path / "muvisync-clip.npz",
        ids=np.array(["001", "003"]),
        offsets=np.array([0, 2, 5]),
        features=features,
        scale=np.array([1, 2, 3, 4], np.float32) / 10,
    )
    return tmp_path


def test_videos_are_read(data: Path):
    videos = read_music_videos(*find_music_videos(data))
    assert [v.id for v in videos] == ["001", "003"]  # 002 lacks a label
    first, second = videos
    assert (first.minor, second.minor) == (False, True)
    assert first.density.tolist() == list(range(SECONDS))
    assert first.loudness == pytest.approx(0.2)
    assert first.chord.tolist() == [14, 10, 18, NO_CHORD] * 3
    assert first.footage.motion == pytest.approx(0.5)  # 4.8 levels are the middle of music videos
    assert (np.flatnonzero(first.footage.since_cut == 0) == [0, 3, 6, 9]).all()
    assert first.footage.words is not None
    assert first.footage.words.shape == (SECONDS, 6)
    assert second.footage.clip is not None
    assert second.footage.clip[0] == pytest.approx([0.8, 1.8, 3.0, 4.4])


def test_a_zip_is_a_folder(data: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "MuVi-Sync labels.zip", "w") as archive:
        for file in data.rglob("*.lab"):
            archive.write(file, file.relative_to(data))
    labels, features = find_music_videos(tmp_path)
    assert labels.suffix == ".zip"
    assert features is not None
    from_zip = read_music_videos(labels)
    assert [v.id for v in from_zip] == ["001", "003"]
    assert from_zip[0].footage.clip is None


@pytest.mark.parametrize(
    ("label", "content", "said"),
    [
        ("motion", "0 abc\n", "002"),
        ("emotion", "time\n" + "0 0.5\n" * SECONDS, "affect words"),
        ("chord", "D minor\n", "key line"),
        ("chord", "key D minor\n0 H:maj\n", "H"),
        ("loudness", "0 0.1\n", "1 s only"),
    ],
)
def test_what_is_not_in_the_layout_is_named(data: Path, label: str, content: str, said: str):
    write_video(data, "002", minor=False)
    (data / "MuVi-Sync" / LABELS[label] / "002.lab").write_text(content)
    with pytest.raises(DataError, match=said):
        read_music_videos(data)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DataError, match="vevo_chord"):
        read_music_videos(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        find_music_videos(tmp_path / "nowhere")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"x\.zip"):
        read_music_videos(tmp_path / "x.zip")


def test_broken_features(data: Path):
    (data / "muvisync-clip.npz").write_bytes(b"no npz")
    with pytest.raises(DataError, match="CLIP features"):
        read_music_videos(*find_music_videos(data))


def test_the_real_one(shared: Path):
    videos = read_music_videos(*find_music_videos(shared / "data"))
    assert len(videos) == 671
    assert sum(v.minor for v in videos) == 197
    for v in videos[:20]:
        assert v.footage.clip is not None
        assert abs(2 * len(v.footage.clip) - len(v.density)) <= 3
        assert 10 < np.linalg.norm(v.footage.clip, axis=1).mean() < 25
