"""A data set in POP909's layout, small enough to make in a test."""

from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from diffbgm.research.datasets.pop909 import is_validation

BPM = 90.0
TRAINING = [i for i in (f"{n:03d}" for n in range(1, 900)) if not is_validation(i)][:4]
VALIDATION = [i for i in (f"{n:03d}" for n in range(1, 900)) if is_validation(i)][:1]


def write_song(folder: Path, song_id: str, seed: int, bars: int = 12, half_bar_after: int | None = None) -> None:
    """Broken chords under a scale in G major; sections A (4 bars), B (4), A; maybe an extra half bar."""
    rng = np.random.default_rng(seed)
    song = folder / song_id
    song.mkdir(parents=True)
    beat = 60 / BPM
    midi = pretty_midi.PrettyMIDI(initial_tempo=BPM)
    tracks = {name: pretty_midi.Instrument(0, name=name) for name in ("MELODY", "BRIDGE", "PIANO")}
    flags, melody_rows, at = [], [], 0
    for bar in range(bars):
        root = [43, 48, 50, 43][bar % 4]
        for b in range(4):
            time = 0.5 + (at + b) * beat
            pitch = int(rng.choice([67, 69, 71, 72, 74]))
            tracks["MELODY"].notes.append(pretty_midi.Note(100, pitch, time, time + beat * 0.9))
            melody_rows.append((pitch, 4))
            for k, step in enumerate((0, 7, 12, 16)):
                start = time + k * beat / 4
                tracks["PIANO"].notes.append(pretty_midi.Note(60 + 5 * k, root + step, start, start + beat / 4))
            flags.append((time, float(b % 2 == 0), float(b == 0)))
        at += 4
        if half_bar_after == bar:
            flags += [(0.5 + (at + b) * beat, float(b == 0), float(b == 0)) for b in range(2)]
            melody_rows.append((0, 8))
            at += 2
    flags.append((0.5 + at * beat, 1.0, 1.0))
    for track in tracks.values():
        midi.instruments.append(track)
    midi.write(str(song / f"{song_id}.mid"))
    np.savetxt(song / "beat_midi.txt", np.array(flags))
    np.savetxt(song / "structure_melody.txt", np.array(melody_rows), fmt="%d")
    (song / "structure_human_label1.txt").write_text("A4B4A4\n")


@pytest.fixture(scope="session")
def pop909(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("POP909")
    for seed, song_id in enumerate(TRAINING + VALIDATION):
        write_song(folder, song_id, seed)
    return folder
