"""BGM909: POP909's songs beside videos (Li et al., CVPR 2024), rebuilt.

`load` reads a folder of it; `build` makes one from videos, `match` one from feature tracks of music videos. `format`
says what lies in it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm.errors import DataError
from diffbgm.research.datasets.bgm909.format import FORMAT, MANIFEST, PROJECTION, SPLITS, Pair, Split
from diffbgm.research.datasets.bgm909.store import StoredSong, StoredVideo, read_arrays, read_song, read_video

__all__ = ["Bgm909", "Pair", "StoredSong", "StoredVideo", "is_bgm909", "load"]


@dataclass(frozen=True, eq=False)
class Projection:
    """Makes embeddings narrow: `mean` [D], `components` [D, W]."""

    mean: np.ndarray
    components: np.ndarray

    def __call__(self, clip: np.ndarray) -> np.ndarray:
        """[n, D] unnormalised embeddings -> [n, W], of unit variance over the training videos."""
        return ((np.asarray(clip, np.float32) - self.mean) @ self.components).astype(np.float32)

    @property
    def width(self) -> int:
        return self.components.shape[1]


@dataclass(frozen=True, eq=False)
class Bgm909:
    """A data set: `manifest` as it is written, `projection` or None without embeddings.

    Songs and videos are read when asked for.
    """

    root: Path
    manifest: dict[str, Any]
    projection: Projection | None

    def table(self, name: str, split: Split | None = None) -> list[dict[str, Any]]:
        """Rows of one of `format.TABLES`, of one split or of both; they say their `split`."""
        from pyarrow import parquet

        out = []
        for part in SPLITS if split is None else (split,):
            file = self.root / "tables" / f"{name}-{part}.parquet"
            if file.exists():
                out += [{**row, "split": part} for row in parquet.ParquetFile(file).read().to_pylist()]
        return out

    def pairs(self, split: Split) -> list[Pair]:
        """The pairs of one split, in the order of its table."""
        rows = self.table("pairs", split)
        return [Pair(**{k: v for k, v in row.items() if k != "split"}) for row in rows]

    def song(self, song: str) -> StoredSong:
        """Reads one song by its id; DataError where its file is missing or damaged."""
        return read_song(self.root, song)

    def video(self, video: str) -> StoredVideo:
        """Reads one video by its id; DataError where its file is missing or damaged."""
        return read_video(self.root, video)


def is_bgm909(path: Path | str) -> bool:
    """Whether a folder says of itself that it is one."""
    try:
        return "format" in json.loads((Path(path) / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def load(path: Path | str) -> Bgm909:
    """The data set in a folder. DataError for anything else, and for another format than this version's."""
    root = Path(path)
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        found = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise DataError(f"{path}: no BGM909 there ({e}); make one with diffbgm dataset build or match") from e
    if found != FORMAT:
        raise DataError(f"{path}: BGM909 of format {found}, this version reads {FORMAT}; build it again")
    projection = None
    if (root / PROJECTION).exists():
        arrays, _ = read_arrays(root / PROJECTION)
        projection = Projection(arrays["mean"], arrays["components"])
    return Bgm909(root, manifest, projection)
