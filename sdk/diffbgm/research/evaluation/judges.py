"""`diffbgm evaluate judges`: composed pieces heard by listeners that others made, beside real songs and chance."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbgm.arrange import arrange
from diffbgm.files import make_folder
from diffbgm.media import write_audio
from diffbgm.options import ComposeOptions
from diffbgm.planner import make_plan
from diffbgm.progress import Progress, part_of, silent
from diffbgm.render import render
from diffbgm.research.evaluation.composing import compose_together
from diffbgm.research.evaluation.listening import real_pieces, rendered_song
from diffbgm.research.evaluation.recordings import read_recordings
from diffbgm.research.evaluation.sync import drawn_features
from diffbgm.research.judges import hear
from diffbgm.research.metrics.report import Report, Table
from diffbgm.research.metrics.retrieval import derangement
from diffbgm.research.metrics.statistics import interval, rank_auc
from diffbgm.research.metrics.sync import onset_hits, random_cuts
from diffbgm.types import Key, MusicPlan, Score

if TYPE_CHECKING:
    from diffbgm.pipeline import DiffBGM

SECONDS = 30.0
ONSET = 0.050  # seconds: what the field counts as one note (MIREX, mir_eval)
DOUBLED = 0.05  # seconds within which the same pitch in several parts is one onset
TOLERANCE = 0.070  # seconds: what the field counts as one beat (Davies et al. 2009)
CONTRASTS = (("energy", "calm", "driving"), ("valence", "sad", "happy"))  # what is heard, little of it, much of it
STYLES = ("calm", "driving", "sad", "happy")
DRAWS = 2000
Measure = Callable[[int, int], float]
"""(number of the piece whose plan or notes are asked, of the one whose sound is heard) -> how well they agree."""


@dataclass(frozen=True)
class Heard:
    """A piece as sound.

    Attributes:
        style: Asked for; "" for a real song.
        plan: What it follows.
        path: The file.
        notes: Seconds and MIDI pitch of every onset of what is not percussion, those of several players once.

    """

    style: str
    plan: MusicPlan
    path: Path
    notes: tuple[tuple[float, int], ...] = ()


def evaluate_judges(
    model: "DiffBGM",
    *,
    n: int = 10,
    judges: Mapping[str, str],
    data: Path | None = None,
    beside: Sequence[Path] = (),
    seed: int = 0,
    options: ComposeOptions | None = None,
    save: Path | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Compose `n` pieces of 30 s for each of four styles over the same videos, and have every judge hear them.

    Args:
        model: Whose music is heard.
        n: Pieces a style, and real songs.
        judges: Which judges hear it, and the Python of each.
        data: POP909: real songs through the same renderer, as the ceiling.
        beside: Folders of recordings, for the judge of moods.
        seed: Of videos and notes.
        options: Of the sampler.
        save: Keep the sound there.
        on_progress: Told of every piece.

    """
    progress = on_progress or silent
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_folder(save or Path(scratch))
        pieces = composed_pieces(model, n, seed, options or ComposeOptions(), folder, part_of(progress, 0.0, 0.7))
        songs = real_songs(data, n, seed, folder, part_of(progress, 0.7, 0.85)) if data else []
        recordings = write_recordings(beside if "vibenet" in judges else (), n, seed, folder)
        said: dict[str, list[dict[str, Any]]] = {}
        for name, python in judges.items():
            progress(0.85, f"{name} listens")
            more = [path for _, path in recordings] if name == "vibenet" else []
            said[name] = hear(name, [*(piece.path for piece in [*pieces, *songs]), *more], python)
    tables = []
    note = f"{n} pieces of {SECONDS:g} s a style, {len(songs)} real songs through the same renderer, seed {seed}"
    everything = [*pieces, *songs]
    groups = {name: [i for i, p in enumerate(everything) if p.style in styles] for name, styles in (
        ("this model", STYLES), *((s, (s,)) for s in STYLES), ("real songs", ("",)))}  # fmt: skip
    groups = {name: members for name, members in groups.items() if len(members) > 1}
    if "beats" in said:
        tables.append(beat_table(everything, [s["beats"] for s in said["beats"]], groups, seed, note))
    if "key" in said:
        tables.append(key_table(everything, [Key(s["tonic"], s["mode"]) for s in said["key"]], groups, seed, note))
    if "notes" in said:
        tables.append(note_table(everything, [s["notes"] for s in said["notes"]], groups, seed, note))
    if "vibenet" in said:
        theirs: dict[str, list[int]] = {}
        for i, (group, _) in enumerate(recordings, len(everything)):
            theirs.setdefault(f"recordings: {group}", []).append(i)
        said_of = said["vibenet"]
        tables += [contrast_table(pieces, said_of, seed, note), level_table(said_of, groups | theirs, note)]
    said.pop("notes", None)  # some hundred a piece
    return Report("Judges from outside", seed, tuple(tables), {"said": said, "styles": [p.style for p in everything]})


def composed_pieces(
    model: "DiffBGM", n: int, seed: int, options: ComposeOptions, folder: Path, progress: Progress
) -> list[Heard]:
    """Return `n` rendered pieces of each style; the i-th of all styles are for one video."""
    asked: list[tuple[str, int, MusicPlan]] = []
    for style in STYLES:
        for i in range(n):
            _, cuts = random_cuts(4.0, seed + i)
            features = drawn_features(SECONDS, [c for c in cuts if c.time < SECONDS - 1])
            plan = make_plan(features, style)
            tonic = int(np.random.default_rng([seed + i, 67]).integers(12))  # drawn pictures would all have one key
            asked.append((style, seed + i, make_plan(features, style, key=Key(tonic, plan.key.mode))))
    plans, seeds = [plan for _, _, plan in asked], [own for _, own, _ in asked]
    rolls = compose_together(model.model, plans, seeds, options, part_of(progress, 0.0, 0.6))
    heard = []
    for k, ((style, own, plan), roll) in enumerate(zip(asked, rolls, strict=True)):
        progress(0.6 + 0.4 * k / len(asked), f"rendering {style} {own}")
        path = folder / f"{style}-{own}.wav"
        score = arrange(roll, plan, seed=own)
        write_audio(render(score, duration=plan.duration, stems=False).mix, path)
        heard.append(Heard(style, plan, path, onsets_of(score)))
    return heard


def real_songs(data: Path, n: int, seed: int, folder: Path, progress: Progress) -> list[Heard]:
    """Return the beginnings of `n` validation songs, in C major or A minor as they were prepared."""
    songs, rng = real_pieces(data), np.random.default_rng([seed, 41])
    heard = []
    for k, i in enumerate(rng.permutation(len(songs))[:n].tolist()):
        progress(k / n, f"rendering song {k + 1} of {n}")
        plan, score, sound = rendered_song(songs[i], SECONDS, seed)
        major = sum((s.texture.mode or 0.0) * s.beats for s in plan.sections) > plan.beats / 2
        path = folder / f"song-{k}.wav"
        write_audio(sound, path)
        own = replace(plan, key=Key(0) if major else Key(9, "minor"))
        heard.append(Heard("", own, path, onsets_of(score)))
    return heard


def onsets_of(score: Score) -> tuple[tuple[float, int], ...]:
    """Return what `Heard.notes` holds of a score."""
    notes = [note for track in score.tracks if not track.is_drum for note in track.notes]
    times = score.tempo.time_at(np.array([note.start for note in notes]))
    found: list[tuple[float, int]] = []
    last: dict[int, float] = {}
    for time, pitch in sorted(zip(times.tolist(), (note.pitch for note in notes), strict=True)):
        if time - last.get(pitch, -np.inf) > DOUBLED:
            found.append((time, pitch))
            last[pitch] = time
    return tuple(found)


def write_recordings(folders: Sequence[Path], n: int, seed: int, folder: Path) -> list[tuple[str, Path]]:
    """Return the groups and files of the excerpts of `n` recordings of each folder."""
    written = []
    for i, recording in enumerate(read_recordings(folders, n=n, seconds=SECONDS, seed=seed)):
        path = folder / f"recording-{i}.wav"
        write_audio(recording.sound, path)
        written.append((recording.group, path))
    return written


def beat_table(
    pieces: Sequence[Heard], tracked: Sequence[Sequence[float]], groups: Mapping[str, list[int]], seed: int, note: str
) -> Table:
    """Return F of tracked against planned beats, as they are and at the best of half, whole and double time."""

    def level(i: int, k: int) -> float:
        return f_measure(tracked[k], grid(pieces[i].plan, 1.0))

    def best(i: int, k: int) -> float:
        return max(f_measure(tracked[k], grid(pieces[i].plan, step, phase)) for step, phase in LEVELS)

    def cuts(i: int, k: int) -> float:
        return onset_hits([cut.time for cut in pieces[i].plan.cuts], tracked[k], TOLERANCE)

    rows = rows_of((level, best, cuts), groups, seed)
    columns = ("music", "n", "F", "95 %", "chance", "F, any level", "95 %", "chance", "cuts on tracked beats", "95 %",
               "chance")  # fmt: skip
    how = f"{note}; beats by librosa's tracker within {1000 * TOLERANCE:.0f} ms; chance: the beats of another piece"
    return Table("Beats heard against beats planned", columns, rows, how)


LEVELS = ((1.0, 0.0), (0.5, 0.0), (2.0, 0.0), (2.0, 1.0))  # beats from one to the next, and where the first lies


def grid(plan: MusicPlan, step: float, phase: float = 0.0) -> np.ndarray:
    """Return the seconds of every `step`-th beat of a plan."""
    return plan.tempo.time_at(np.arange(phase, plan.tempo.beats, step))


def f_measure(heard: Sequence[float], planned: Sequence[float] | np.ndarray, tolerance: float = TOLERANCE) -> float:
    """Return F of two rising lists of seconds, each beat matched once at most."""
    hits = matches(heard, planned, tolerance)
    return 2 * hits / (len(heard) + len(planned)) if len(heard) + len(planned) else 0.0


def matches(heard: Sequence[float], planned: Sequence[float] | np.ndarray, tolerance: float) -> int:
    """Return how many of two rising lists of seconds lie together, each matched once at most."""
    i = j = hits = 0
    while i < len(heard) and j < len(planned):
        if abs(heard[i] - planned[j]) <= tolerance:
            i, j, hits = i + 1, j + 1, hits + 1
        elif heard[i] < planned[j]:
            i += 1
        else:
            j += 1
    return hits


def note_table(
    pieces: Sequence[Heard],
    transcribed: Sequence[Sequence[tuple[float, int]]],
    groups: Mapping[str, list[int]],
    seed: int,
    note: str,
) -> Table:
    """Return how many of the notes that are played are heard, and how many of those heard are played."""

    @cache
    def together(i: int, k: int) -> int:
        played, heard = by_pitch(pieces[i].notes), by_pitch(transcribed[k])
        return sum(matches(heard.get(pitch, []), times, ONSET) for pitch, times in played.items())

    def share(hits: int, count: int) -> float:
        return hits / count if count else float("nan")

    measures: tuple[Measure, ...] = (
        lambda i, k: share(together(i, k), len(pieces[i].notes)),
        lambda i, k: share(together(i, k), len(transcribed[k])),
        lambda i, k: share(2 * together(i, k), len(pieces[i].notes) + len(transcribed[k])),
    )
    rows = rows_of(measures, groups, seed)
    columns = ("music", "n", "played notes heard", "95 %", "chance", "heard notes played", "95 %", "chance", "F",
               "95 %", "chance")  # fmt: skip
    how = (
        f"{note}; notes by basic-pitch, onset within {1000 * ONSET:.0f} ms and pitch; percussion apart; chance: the "
        "notes heard in another piece"
    )
    return Table("Notes heard against notes played", columns, rows, how)


def by_pitch(notes: Sequence[tuple[float, int]]) -> dict[int, list[float]]:
    """Return the rising onsets of each pitch."""
    found: dict[int, list[float]] = {}
    for time, pitch in sorted((float(time), int(pitch)) for time, pitch in notes):
        found.setdefault(pitch, []).append(time)
    return found


def key_table(
    pieces: Sequence[Heard], keys: Sequence[Key], groups: Mapping[str, list[int]], seed: int, note: str
) -> Table:
    """Return the share of pieces in the key planned, with relatives too, and in the mode planned."""
    measures: tuple[Measure, ...] = (
        lambda i, k: float(keys[k] == pieces[i].plan.key),
        lambda i, k: float(scale_of(keys[k]) == scale_of(pieces[i].plan.key)),
        lambda i, k: float(keys[k].mode == pieces[i].plan.key.mode),
    )
    rows = rows_of(measures, groups, seed)
    columns = ("music", "n", "key", "95 %", "chance", "key or its relative", "95 %", "chance", "mode", "95 %", "chance")
    how = f"{note}; Krumhansl's profiles on librosa's chroma of the sound; chance: the key heard in another piece"
    return Table("Keys heard against keys planned", columns, rows, how)


def scale_of(key: Key) -> int:
    """Return the tonic of the major scale that a key shares."""
    return key.tonic if key.mode == "major" else (key.tonic + 3) % 12


def rows_of(measures: Sequence[Measure], groups: Mapping[str, list[int]], seed: int) -> tuple[tuple[Any, ...], ...]:
    """Return a row for each group of pieces: its name, its size, and `with_chance` of every measure."""
    return tuple(
        (name, len(members), *(cell for measure in measures for cell in with_chance(measure, members, seed)))
        for name, members in groups.items()
    )


def with_chance(measure: Measure, members: Sequence[int], seed: int) -> tuple[float | None, str, float | None]:
    """Return a mean over pieces, its bootstrap interval, and the mean where each is judged by what another sounds.

    NaN is where a measure says nothing of a piece.
    """
    values = np.array([measure(i, i) for i in members])
    values = values[np.isfinite(values)]
    order = derangement(len(members), seed)
    dealt = np.array([measure(i, members[k]) for i, k in zip(members, order, strict=True)])
    if not len(values):
        return None, "-", None
    rng = np.random.default_rng([seed, 43])
    low, high = interval(values[rng.integers(0, len(values), (DRAWS, len(values)))].mean(1))
    return float(values.mean()), f"{low:.2f} to {high:.2f}", float(np.nanmean(dealt))


def contrast_table(pieces: Sequence[Heard], said: Sequence[Mapping[str, float]], seed: int, note: str) -> Table:
    """Return how well vibenet tells what was asked for apart: AUC of the pieces of two styles over the same videos."""
    rows = []
    for feature, little, much in CONTRASTS:
        values = [np.array([said[i][feature] for i, p in enumerate(pieces) if p.style == s]) for s in (little, much)]
        labels = np.repeat([False, True], [len(v) for v in values])
        rng = np.random.default_rng([seed, 47])
        draws = [np.concatenate([rng.choice(v, len(v)) for v in values]) for _ in range(DRAWS // 4)]
        low, high = interval([rank_auc(d, labels) for d in draws])
        auc = rank_auc(np.concatenate(values), labels)
        means = [float(v.mean()) for v in values]
        rows.append((f"{feature}: {little} against {much}", len(labels), *means, auc, f"{low:.2f} to {high:.2f}", 0.5))
    columns = ("heard: asked for", "n", "mean of the first", "of the second", "AUC", "95 %", "chance")
    return Table("What vibenet tells apart", columns, tuple(rows), f"{note}; AUC: 1 where every piece is on its side")


def level_table(said: Sequence[Mapping[str, float]], groups: Mapping[str, list[int]], note: str) -> Table:
    """Return the means of all that vibenet hears, real songs through the same renderer beside them."""
    names = list(said[0])
    rows = tuple((g, len(m), *(float(np.mean([said[i][f] for i in m])) for f in names)) for g, m in groups.items())
    return Table("What vibenet hears", ("music", "n", *names), rows, f"{note}; means, each 0 to 1")
