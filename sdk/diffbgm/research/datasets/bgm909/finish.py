"""The last step of every builder: tables, projection, card and manifest from the files of songs and videos."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, get_args

import numpy as np

from diffbgm.errors import DataError
from diffbgm.files import replacing
from diffbgm.hub.weights import file_sha256
from diffbgm.research.datasets.bgm909.card import card_text
from diffbgm.research.datasets.bgm909.format import (
    CARD,
    CLIP_WIDTH,
    FORMAT,
    MANIFEST,
    PROJECTION,
    SPLITS,
    TABLES,
    BeatRow,
    ChordRow,
    Pair,
    SectionRow,
    ShotRow,
    SongRow,
    VideoRow,
    columns,
)
from diffbgm.research.datasets.bgm909.store import (
    StoredSong,
    StoredVideo,
    read_song,
    read_video,
    song_path,
    video_path,
    write_arrays,
)
from diffbgm.roll import find_key, pitch_classes
from diffbgm.types import BEATS_PER_BAR

ROWS = 200_000  # embeddings at most from which the projection is made


def finish(root: Path, pairs: Sequence[Pair], about: Mapping[str, Any]) -> dict[str, Any]:
    """Writes everything beside the files of songs and videos, and takes away what belongs to no pair; the manifest.

    `about` goes into the manifest as it is. The same files and pairs give the same bytes. DataError without any pair.
    """
    if not pairs:
        raise DataError(f"{root}: not one pair to write; {json.dumps(about.get('left_out', []))[:300]}")
    pairs = sorted(pairs, key=lambda p: (p.song, p.start_bar, p.rank, p.video))
    songs, videos = sorted({p.song for p in pairs}), sorted({p.video for p in pairs})
    wanted = {song_path(root, s) for s in songs} | {video_path(root, v) for v in videos}
    for folder in ("songs", "videos", "tables"):
        (root / folder).mkdir(exist_ok=True)
        for file in (root / folder).iterdir():
            if file not in wanted:
                file.unlink()
    tables: dict[tuple[str, str], list[Any]] = defaultdict(list)
    split_of: dict[str, str] = {}
    for name in songs:
        stored = read_song(root, name)
        split_of[name] = stored.split
        for table, rows in song_rows(stored).items():
            tables[table, stored.split] += rows
    video_splits = _video_splits(pairs, split_of)
    for name in videos:
        for table, rows in video_rows(read_video(root, name)).items():
            tables[table, video_splits[name]] += rows
    for pair in pairs:
        tables["pairs", split_of[pair.song]].append(pair)
    tables = defaultdict(list, {key: rows for key, rows in sorted(tables.items()) if rows})
    for (table, split), rows in tables.items():
        write_table(root / "tables" / f"{table}-{split}.parquet", table, rows)
    write_projection(root, [v for v in videos if video_splits[v] == "train"])
    manifest = {
        "format": FORMAT,
        "counts": {
            table: {split: len(tables[table, split]) for split in SPLITS if tables.get((table, split))}
            for table in TABLES
        },
        "paired": dict(sorted(Counter(p.paired for p in pairs).items())),
        **about,
        "files": {p.relative_to(root).as_posix(): file_sha256(p) for p in _files(root)},
    }
    _write_text(root / CARD, card_text(manifest, tables))
    manifest["files"][CARD] = file_sha256(root / CARD)
    _write_text(root / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def song_rows(stored: StoredSong) -> dict[str, list[Any]]:
    """Table -> rows of one song."""
    song = stored.song
    cells = song.roll.cells
    return {
        "songs": [
            SongRow(
                song.id,
                song.bpm,
                song.bars,
                str(find_key(pitch_classes(cells))),
                stored.annotated_key,
                int(cells[0::2].sum()),
                float(song.times[-1] - song.times[0]),
            )
        ],
        "beats": [BeatRow(song.id, i, float(t), i % BEATS_PER_BAR == 0) for i, t in enumerate(song.times[:-1])],
        "chords": [ChordRow(song.id, *chord) for chord in stored.chords],
        "sections": [SectionRow(song.id, s.start, s.end, s.label) for s in song.sections],
    }


def video_rows(stored: StoredVideo) -> dict[str, list[Any]]:
    """Table -> rows of one video."""
    f = stored.features
    valence, arousal = f.affect.astype(np.float64).mean(0)
    openings = [(0.0, "start"), *((cut.strength, cut.kind) for cut in f.cuts)]
    captions = stored.captions or ("",) * len(f.shots)
    return {
        "videos": [
            VideoRow(
                stored.id,
                f.duration,
                f.frame_rate,
                f.width,
                f.height,
                len(f.shots),
                float(valence),
                float(arousal),
                float(f.motion.astype(np.float64).mean()),
                f.semantics,
                stored.cut_resolution,
            )
        ],
        "shots": [
            ShotRow(stored.id, start, end, strength, kind, caption)
            for (start, end), (strength, kind), caption in zip(f.shots, openings, captions, strict=True)
        ],
    }


def write_table(path: Path, table: str, rows: Iterable[Any]) -> None:
    """Rows of one of TABLES as Parquet, with its columns' types whatever the rows hold."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, _arrow_type(kinds, kind)) for name, kind in columns(table).items()])
    lists = list(zip(*map(astuple, rows), strict=True))
    arrays = [pa.array(list(column), kind) for column, kind in zip(lists, schema.types, strict=True)]
    with replacing(path) as part:
        parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), part)


def _arrow_type(kinds: Mapping[type, Any], kind: Any) -> Any:
    """Also for `X | None` and for words out of a list."""
    if kind in kinds:
        return kinds[kind]
    inner = get_args(kind)[0]
    return kinds[inner if isinstance(inner, type) else type(inner)]


def write_projection(root: Path, videos: Sequence[str]) -> None:
    """Principal components of the training videos' embeddings, scaled to unit variance; nothing without embeddings."""
    (root / PROJECTION).unlink(missing_ok=True)
    found = [clip for name in videos if (clip := read_video(root, name).features.clip) is not None]
    if not found:
        return
    rows = np.concatenate(found)
    rows = rows[:: -(-len(rows) // ROWS)].astype(np.float64)
    mean = rows.mean(0)
    variance, vectors = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    kept = min(CLIP_WIDTH, len(mean))
    order = np.argsort(variance)[::-1][:kept]
    vectors = vectors[:, order] * np.sign(vectors[np.abs(vectors[:, order]).argmax(0), order])
    components = vectors / np.sqrt(np.maximum(variance[order], 1e-6 * variance.max()))
    arrays = {"mean": mean.astype(np.float32), "components": components.astype(np.float32)}
    write_arrays(root / PROJECTION, arrays, {"videos": len(found)})


def _video_splits(pairs: Sequence[Pair], split_of: Mapping[str, str]) -> dict[str, str]:
    """A video stands where its songs stand; DataError where they stand on both sides."""
    out: dict[str, str] = {}
    for pair in pairs:
        split = split_of[pair.song]
        if out.setdefault(pair.video, split) != split:
            raise DataError(f"video {pair.video} is paired with songs of both splits; give every video one song")
    return out


def _files(root: Path) -> list[Path]:
    folders = [p for name in ("songs", "tables", "videos") for p in sorted((root / name).iterdir())]
    return folders + [p for p in (root / PROJECTION,) if p.exists()]


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="")
