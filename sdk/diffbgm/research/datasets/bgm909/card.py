"""The dataset card: what `datasets` reads at the top, and for people the fields, the statistics and the licences."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from diffbgm.research.datasets.bgm909.format import (
    PROJECTION_ARRAYS,
    SONG_ARRAYS,
    SPLITS,
    TABLES,
    VIDEO_ARRAYS,
    Pair,
    SongRow,
    VideoRow,
    columns,
)

MUVISYNC = (
    "- Feature tracks of the matched videos: derived from MuVi-Sync (Kang, Poria & Herremans, *Video2Music*, 2024). "
    "Its licence could not be confirmed: ask its authors before you pass these files on.\n"
)
VIDEOS = (
    "- Feature tracks, shots and captions: derived from videos that are not in here. Whoever holds the videos decides "
    "what may be done with what is derived from them.\n"
)


def card_text(manifest: Mapping[str, Any], tables: Mapping[tuple[str, str], Sequence[Any]]) -> str:
    """README.md for a finished folder."""
    matched = "matched" in manifest["paired"]
    return f"""---
pretty_name: BGM909
license: other
task_categories:
- text-to-audio
tags:
- music
- video
- midi
- piano
configs:
{_configs(tables)}---
# BGM909

POP909's piano arrangements beside videos: rolls, beats, chords, keys and sections of the songs; shots, motion, colour,
affect{", captions" if manifest.get("captioner") else ""} and embeddings of the videos; which bars lie over which
seconds. After the data set of *Diff-BGM* (Li et al., CVPR 2024), made by `diffbgm dataset {manifest["made_by"]}`.
There is no picture and no sound in it.

{_warning(matched)}
```python
from diffbgm.research.datasets import bgm909

data = bgm909.load("this folder")
pair = data.pairs("train")[0]
song, video = data.song(pair.song), data.video(pair.video)
```

The tables are also read by `datasets.load_dataset("this folder", "pairs")`.

## How much
{_statistics(manifest, tables)}
Songs are split by a hash of their number, the same in every data set made this way; a video lies where its songs lie.

## Fields
{_fields()}
Arrays, in `songs/<song>.safetensors`:

{_arrays(SONG_ARRAYS)}
in `videos/<video>.safetensors`:

{_arrays(VIDEO_ARRAYS)}
in `projection.safetensors`, made from the training videos only:

{_arrays(PROJECTION_ARRAYS)}
A video's second is a song's second plus `offset`. Half bars of a song are left out; `beats` says when its beats are.

## Licences
- Songs, beats, chords, keys: POP909 (Wang et al., ISMIR 2020), MIT. Sections: Dai et al. (ISMIR 2020), MIT. The
  compositions themselves belong to their authors.
{MUVISYNC if matched else VIDEOS}"""


def _configs(tables: Mapping[tuple[str, str], Sequence[Any]]) -> str:
    lines = []
    for table in TABLES:
        splits = [split for split in SPLITS if tables.get((table, split))]
        if splits:
            lines += [f"- config_name: {table}", *(["  default: true"] if table == "pairs" else []), "  data_files:"]
            for split in splits:
                lines += [f"  - split: {split}", f"    path: tables/{table}-{split}.parquet"]
    return "\n".join(lines) + "\n"


def _warning(matched: bool) -> str:
    if not matched:
        return "The pairs are real: the song is heard in the video, `confidence` says how surely.\n"
    return (
        "**The pairs are matched, not real** (`paired=matched`): a stretch of a song lies beside a video whose own\n"
        "music is like it in mode, density, loudness and harmonic pace. The song was never heard with that video.\n"
    )


def _statistics(manifest: Mapping[str, Any], tables: Mapping[tuple[str, str], Sequence[Any]]) -> str:
    def rows(table: str, split: str) -> Sequence[Any]:
        return tables.get((table, split), ())

    lines = ["| | train | validation |", "|---|---|---|"]
    names = ("songs", "videos", "pairs", "shots")
    lines += [f"| {name} | " + " | ".join(str(len(rows(name, s))) for s in SPLITS) + " |" for name in names]
    bars: list[str] = []
    for split in SPLITS:
        pairs: list[Pair] = list(rows("pairs", split))
        bars.append(str(sum(p.end_bar - p.start_bar for p in pairs)))
    lines.append("| paired bars | " + " | ".join(bars) + " |")
    songs: list[SongRow] = [row for split in SPLITS for row in rows("songs", split)]
    videos: list[VideoRow] = [row for split in SPLITS for row in rows("videos", split)]
    hours = sum(v.duration for v in videos) / 3600
    tempo = np.percentile([s.bpm for s in songs], (5, 50, 95))
    pace = 60 * sum(v.shots for v in videos) / max(sum(v.duration for v in videos), 1e-9)
    minor = sum("minor" in s.key for s in songs) / len(songs)
    more = (
        f"{hours:.2f} hours of video, {pace:.1f} shots a minute; tempo {tempo[1]:.0f} beats a minute (5 to 95 %: "
        f"{tempo[0]:.0f} to {tempo[2]:.0f}); {minor:.0%} of the songs in minor."
    )
    left = manifest.get("left_out", [])
    return (
        "\n".join(lines)
        + f"\n\n{more}\n"
        + (f"{len(left)} left out: `manifest.json` says which and why.\n" if left else "")
    )


def _fields() -> str:
    parts = []
    for table, row in TABLES.items():
        kinds = ", ".join(f"`{name}` {_kind(kind)}" for name, kind in columns(table).items())
        about = " ".join((row.__doc__ or "").split())
        about = "" if about.startswith(f"{row.__name__}(") else f" {about}"  # dataclasses make up a docstring
        parts.append(f"**{table}**: {kinds}.{about}\n")
    return "\n".join(parts)


def _kind(kind: Any) -> str:
    words = get_args(kind)
    if not words:
        return kind.__name__
    return f"{words[0].__name__} or none" if isinstance(words[0], type) else "/".join(map(str, words))


def _arrays(about: Mapping[str, tuple[str, str]]) -> str:
    rows = [f"| `{name}` | {shape} | {text} |" for name, (shape, text) in about.items()]
    return "\n".join(["| array | shape | |", "|---|---|---|", *rows]) + "\n"
