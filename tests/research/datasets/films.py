"""Videos drawn for songs: pictures of ours, and the song rendered to be heard from a known second on."""

import io
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pretty_midi
from tests.drawing import draw_video

from diffbgm import media
from diffbgm.render.synth import find_engine, synthesize
from diffbgm.types import Audio, Note, TempoMap, Track

RATE = 48_000
SIZE = (96, 54)


@dataclass(frozen=True)
class Film:
    """A video in which song `song`'s second 0 is heard at `offset` seconds."""

    song: str
    path: Path
    offset: float


def write_tune(folder: Path, song_id: str, seed: int, bars: int = 24, bpm: float = 100.0) -> None:
    """A song in POP909's layout that never repeats itself: random keys and rests over a steady beat."""
    rng = np.random.default_rng(seed)
    song = folder / song_id
    song.mkdir(parents=True)
    beat = 60 / bpm
    midi = pretty_midi.PrettyMIDI(initial_tempo=bpm)
    for name, low, chance in (("MELODY", 64, 0.45), ("PIANO", 43, 0.6)):
        track = pretty_midi.Instrument(0, name=name)
        for step in np.flatnonzero(rng.random(8 * bars) < chance):
            start = 0.2 + step * beat / 2
            key = low + int(rng.integers(0, 20))
            track.notes.append(pretty_midi.Note(int(rng.integers(60, 110)), key, start, start + 0.45 * beat))
        midi.instruments.append(track)
    midi.write(str(song / f"{song_id}.mid"))
    beats = np.arange(4 * bars + 1)
    np.savetxt(song / "beat_midi.txt", np.stack([0.2 + beats * beat, beats % 2 == 0, beats % 4 == 0], 1))


def unpack_songs(archive: Path, folder: Path, songs: list[str]) -> None:
    """Some songs of POP909's zip as a folder."""
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if any(f"/{song}/" in name for song in songs) and not name.endswith("/"):
                target = folder / "/".join(name.split("/")[-2:])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read(name))


def draw_film(pop909: Path, song: str, path: Path, start: float, lead: float, seconds: float, seed: int) -> Film:
    """`seconds` of drawn pictures under the song from its second `start` on, after `lead` seconds of silence."""
    midi = pretty_midi.PrettyMIDI(io.BytesIO((pop909 / song / f"{song}.mid").read_bytes()))
    notes = [
        Note(n.start - start + lead, n.end - start + lead, n.pitch, max(1, n.velocity))
        for track in midi.instruments
        for n in track.notes
        if start <= n.start < start + seconds - lead - 0.2
    ]
    tempo = TempoMap.steady(60.0, round(seconds) + 8)  # a beat is a second
    font = Path(str(resources.files("pretty_midi") / "TimGM6mb.sf2"))
    count = round(seconds * RATE)
    stem = synthesize([Track("chords", 0, tuple(sorted(notes)))], tempo, count, RATE, find_engine(), font)[0]
    silent = path.with_name(f"silent-{path.name}")
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.uniform(0, seconds, max(2, round(seconds / 4))))
    shots = np.diff([0.0, *edges, seconds])
    draw_video(silent, [float(s) for s in shots if s > 0.2], size=SIZE, rate=8, seed=seed)
    media.mux(silent, Audio(stem, RATE), path)
    silent.unlink()
    return Film(song, path, lead - start)
