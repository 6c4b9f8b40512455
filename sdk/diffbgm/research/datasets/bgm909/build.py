"""The builder: POP909 and a folder of videos -> BGM909. In processes, one video each; taken up again after a kill.

A video is finished when its file is whole and was made from the same video, song and settings; it is then not looked at
again. What fails leaves the others alone; what does not sound like its song is listed, not guessed.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from diffbgm import __version__
from diffbgm.batch.pool import Pool, WorkerError
from diffbgm.errors import DiffBGMError, OutputError
from diffbgm.files import remove_abandoned
from diffbgm.options import Semantics
from diffbgm.research.datasets.bgm909.align import RATE, align
from diffbgm.research.datasets.bgm909.finish import finish
from diffbgm.research.datasets.bgm909.format import Pair
from diffbgm.research.datasets.bgm909.sources import Wanted, find_pairs, notes_of, store_song
from diffbgm.research.datasets.bgm909.store import StoredVideo, read_record, video_path, write_song, write_video
from diffbgm.research.datasets.pop909 import Song, read_song, song_files
from diffbgm.types import BEATS_PER_BAR

LEAST_BARS = 2  # that a video must cover


@dataclass(frozen=True)
class BuildOptions:
    """How videos are analysed while a data set is built.

    semantics: as for `analyze`; colour needs no model. captioner: folder or Hub id of a captioning model, or None.
    processes: None takes one a core, or one where a model looks as well.
    """

    semantics: Semantics = "colour"
    captioner: str | None = None
    processes: int | None = None

    @property
    def workers(self) -> int:
        """The number of processes: as given, else 1 with a model and one a core without."""
        models = self.semantics != "colour" or self.captioner is not None
        return self.processes or (1 if models else os.cpu_count() or 1)


@dataclass(frozen=True)
class Made:
    """What became of a wanted pair: bars and offset, or `why` there is none."""

    wanted: Wanted
    pair: Mapping[str, Any] | None
    why: str = ""


def build(
    pop909: Path | str,
    videos: Path | str,
    out: Path | str,
    *,
    pairs: Path | str | None = None,
    options: BuildOptions | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Builds the data set in the folder `out`, continues one there, and gives its manifest.

    pop909   folder or zip.   videos  folder; who belongs to whom: see `sources.find_pairs`, `pairs` is its table.

    The same inputs give the same bytes, however often it was stopped. Raises DataError for inputs that make no sense or
    leave no pair, OutputError where it cannot be written.
    """
    options, root = options or BuildOptions(), Path(out)
    songs = song_files(pop909)
    wanted, left = find_pairs(Path(videos), list(songs), None if pairs is None else Path(pairs))
    _make_folders(root)
    made: list[Made] = []
    for done, one in enumerate(_all(wanted, songs, root, options), 1):
        made.append(one)
        if on_progress:
            on_progress(done / len(wanted), f"{one.wanted.id} ({done} of {len(wanted)})")
    made.sort(key=lambda m: (m.wanted.song, m.wanted.id))
    left += [{"song": m.wanted.song, "video": m.wanted.id, "why": m.why} for m in made if m.pair is None]
    rows = [Pair(m.wanted.song, m.wanted.id, "real", **m.pair) for m in made if m.pair is not None]
    about = {
        "made_by": "build",
        "semantics": options.semantics,
        "captioner": options.captioner,
        "left_out": left,
        "versions": {"diffbgm": __version__, "av": version("av")},
    }
    return finish(root, rows, about)


def _all(
    wanted: Sequence[Wanted], songs: Mapping[str, Mapping[str, bytes]], root: Path, options: BuildOptions
) -> Iterator[Made]:
    """The outcome of every pair, as they come. A video that kills its process costs itself only."""
    count = min(options.workers, len(wanted))
    if count <= 1:
        for pair in wanted:
            yield make_pair(pair, songs[pair.song], root, options)
        return
    with Pool(count, {}) as pool:
        futures = [pool.submit(_make_apart, pool, pair, songs[pair.song], root, options) for pair in wanted]
        for future in as_completed(futures):
            yield future.result()


def _make_apart(pool: Pool, wanted: Wanted, files: Mapping[str, bytes], root: Path, options: BuildOptions) -> Made:
    try:
        return pool.call(make_pair, wanted, files, root, options)
    except WorkerError as e:
        return Made(wanted, None, str(e))


def make_pair(wanted: Wanted, files: Mapping[str, bytes], root: Path, options: BuildOptions) -> Made:
    """Aligns, looks at and writes one pair, unless it is there; whatever goes wrong is told in the outcome."""
    try:
        return _make_pair(wanted, files, root, options)
    except OutputError:
        raise  # nothing can be written: that is not this video's fault
    except DiffBGMError as e:
        return Made(wanted, None, " ".join(str(e).split()))
    except Exception as e:  # a fault in one video is no reason to lose the others
        return Made(wanted, None, f"{type(e).__name__}: {' '.join(str(e).split())}")


def _make_pair(wanted: Wanted, files: Mapping[str, bytes], root: Path, options: BuildOptions) -> Made:
    from diffbgm.video import analyze

    if not wanted.file.is_file():
        return Made(wanted, None, "there is no such file")
    song = read_song(wanted.song, dict(files))
    if song is None:
        return Made(wanted, None, f"song {wanted.song} is not in 4/4")
    made_from = inputs_of(wanted, files, options)
    record = read_record(video_path(root, wanted.id))
    if record is not None and record["made_from"] == made_from:
        return Made(wanted, record["pair"])
    place = _place(wanted, files)
    if isinstance(place, str):
        return Made(wanted, None, place)
    features = analyze(wanted.file, semantics=options.semantics)
    bars = covered_bars(song, features.duration, place["offset"])
    if bars[1] - bars[0] < LEAST_BARS:
        return Made(wanted, None, f"covers {bars[1] - bars[0]} bars of the song; at least {LEAST_BARS} are needed")
    captions: tuple[str, ...] = ()
    if options.captioner is not None:
        from diffbgm.research.datasets.captions import caption_shots, load_captioner

        captions = caption_shots(load_captioner(options.captioner), wanted.file, features.shots)
    pair = {**place, "start_bar": bars[0], "end_bar": bars[1]}
    write_song(root, store_song(song, files))
    write_video(root, StoredVideo(wanted.id, features, captions, made_from=made_from, pair=pair))
    return Made(wanted, pair)


def inputs_of(wanted: Wanted, files: Mapping[str, bytes], options: BuildOptions) -> dict[str, Any]:
    """All that the files of a pair depend on."""
    import hashlib

    from diffbgm.hub.weights import file_sha256

    song = hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()
    settings = {k: v for k, v in asdict(options).items() if k != "processes"}
    return {
        "video": file_sha256(wanted.file),
        "song": song,
        "offset": wanted.offset,
        "version": __version__,
        **settings,
    }


def _place(wanted: Wanted, files: Mapping[str, bytes]) -> dict[str, Any] | str:
    """Where the song lies in the video, or why nobody can say."""
    from diffbgm import media

    if wanted.offset is not None:
        return {"offset": wanted.offset, "confidence": None, "margin": None}
    sound = media.read_audio(wanted.file, RATE)
    if sound is None:
        return "has no sound to find the song by; give its offset in a table"
    found = align(sound, *notes_of(files[f"{wanted.song}.mid"]))
    if found is None:
        return "its sound is silent or too short to find the song by; give its offset in a table"
    return found.doubt or asdict(found)


def covered_bars(song: Song, duration: float, offset: float) -> tuple[int, int]:
    """Bars (first, after the last) that lie wholly inside a video of `duration` seconds."""
    edges = song.times[::BEATS_PER_BAR] + offset
    inside = np.flatnonzero((edges[:-1] >= 0) & (edges[1:] <= duration))
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)


def _make_folders(root: Path) -> None:
    try:
        for folder in ("songs", "videos", "tables"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            for part in (root / folder).glob(".*"):  # what a killed run left half-written
                part.unlink()
        remove_abandoned(root)
    except OSError as e:
        raise OutputError(f"{root}: cannot be used ({e.strerror or e}); choose another folder with -o") from e
