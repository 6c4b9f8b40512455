"""36 pieces as MIDI, opened again by four other readers: the same notes, tempo, key and metre."""

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from tests.music import make_roll

from diffbgm.arrange import PALETTES, arrange
from diffbgm.midi import TICKS, write_midi
from diffbgm.roll import measure_curves
from diffbgm.types import BAR_UNITS, METRES, Key, MusicPlan, Score, Section, TempoMap

KEYS = tuple(Key(tonic, mode) for tonic, mode in ((0, "major"), (6, "minor"), (10, "major")))
PIECES = list(enumerate(itertools.product(METRES, KEYS, range(3))))  # 36
HEARD_BY_MUSIC21 = 4  # of them: it takes a second for each
GROUPED = 40  # ticks: what lies nearer than that music21 reads as one chord


def piece(number: int, metre: str, key: Key, seed: int) -> Score:
    """A score of 12 bars by one of the ensembles, in a tempo that wanders."""
    roll = make_roll(12)
    beats = roll.beats // BAR_UNITS[metre] * BAR_UNITS[metre]
    roll = replace(roll, cells=roll.cells[:, : 4 * beats], velocity=None)
    walk = 1 + 0.05 * np.sin(np.arange(beats) / (3 + seed))
    tempo = TempoMap(np.concatenate([[0.0], np.cumsum(60 / ((80 + 3 * number) * walk))]))
    ensemble = sorted(PALETTES)[(7 * number) % len(PALETTES)]
    curves = measure_curves(roll.cells)
    plan = MusicPlan(float(tempo.edges[-1]), tempo, key, (Section(0, beats),), curves, (), (), ensemble, metre=metre)
    return arrange(roll, plan, seed=seed)


def asked(score: Score) -> Counter[tuple[int, int]]:
    """(tick, pitch) of every note."""
    return Counter((max(0, round(n.start * TICKS)), n.pitch) for t in score.tracks for n in t.notes)


def by_pitch(notes: Counter[tuple[int, int]]) -> dict[int, list[int]]:
    """Pitch -> ticks, rising."""
    out: dict[int, list[int]] = {}
    for tick, pitch in sorted(notes.elements()):
        out.setdefault(pitch, []).append(tick)
    return out


def read_symusic(path: Path) -> tuple:
    symusic = pytest.importorskip("symusic")
    file = symusic.Score(str(path))
    notes = Counter((n.time, n.pitch) for track in file.tracks for n in track.notes)
    (time,), (key,) = file.time_signatures, file.key_signatures
    bpm = 60e6 / np.array([t.mspq for t in file.tempos])
    return notes, bpm, (time.numerator, time.denominator), (key.key, key.tonality)


def read_mido(path: Path) -> tuple:
    file = mido.MidiFile(path)
    notes: Counter[tuple[int, int]] = Counter()
    told: dict[str, list] = {}
    for track in file.tracks:
        at = 0
        for message in track:
            at += message.time
            if message.type == "note_on" and message.velocity:
                notes[at, message.note] += 1
            told.setdefault(message.type, []).append(message)
    (time,), (key,) = told["time_signature"], told["key_signature"]
    return notes, 60e6 / np.array([m.tempo for m in told["set_tempo"]]), (time.numerator, time.denominator), key.key


def read_pretty_midi(path: Path) -> tuple:
    file = pretty_midi.PrettyMIDI(str(path))
    notes = Counter((file.time_to_tick(n.start), n.pitch) for track in file.instruments for n in track.notes)
    (time,), (key,) = file.time_signature_changes, file.key_signature_changes
    return notes, file.get_tempo_changes()[1], (time.numerator, time.denominator), key.key_number


def read_music21(path: Path) -> tuple:
    music21 = pytest.importorskip("music21")
    stream = music21.converter.parse(str(path), quantizePost=False, forceSource=True)
    notes: Counter[tuple[int, int]] = Counter()
    for part in stream.parts:
        for event in part.flatten().notes:
            if not (event.tie and event.tie.type != "start"):
                pitches = event.pitches or tuple(n.storedInstrument for n in getattr(event, "notes", ()))
                notes.update((round(float(event.offset) * TICKS), getattr(p, "midi", -1)) for p in pitches)
    flat = stream.flatten()
    marks = [m.number for m in flat.getElementsByClass("MetronomeMark")]
    time = flat.getElementsByClass("TimeSignature")[0]
    key = flat.getElementsByClass("KeySignature")[0]
    return notes, np.array(marks), (time.numerator, time.denominator), key.sharps


FIFTHS = {"major": (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5), "minor": (-3, 4, -1, -6, 1, -4, 3, -2, 5, 0, -5, 2)}


@pytest.mark.parametrize(("number", "what"), PIECES, ids=lambda p: str(p))
def test_symusic_mido_and_pretty_midi_read_what_was_written(number: int, what: tuple, tmp_path: Path) -> None:
    metre, key, seed = what
    score = piece(number, metre, key, seed)
    path = write_midi(score, tmp_path / "piece.mid")
    readings = [read(path) for read in (read_symusic, read_mido, read_pretty_midi)]
    for notes, _, signature, _ in readings:
        assert notes == asked(score)
        assert f"{signature[0]}/{signature[1]}" == metre
    minor = key.mode == "minor"
    fifths = FIFTHS[key.mode][key.tonic]
    assert readings[0][3][1] == minor
    assert (readings[0][3][0] - fifths) % 12 == 0
    assert readings[1][3].endswith("m") == minor
    assert readings[2][3] == key.tonic + 12 * minor
    bpm = 60 / np.diff(score.tempo.edges)
    for _, told, _, _ in readings:
        assert len(told) == len(readings[0][1])
        assert told == pytest.approx(readings[0][1], rel=1e-4)
        assert (told.min(), told.max()) == pytest.approx((bpm.min(), bpm.max()), rel=2e-3)


@pytest.mark.parametrize(("number", "what"), PIECES[:: len(PIECES) // HEARD_BY_MUSIC21], ids=lambda p: str(p))
def test_music21_reads_the_pitched_notes(number: int, what: tuple, tmp_path: Path) -> None:
    metre, key, seed = what
    score = piece(number, metre, key, seed)
    notes, bpm, signature, sharps = read_music21(write_midi(score, tmp_path / "piece.mid"))
    pitched = replace(score, tracks=tuple(t for t in score.tracks if not t.is_drum))
    written, read = by_pitch(asked(pitched)), by_pitch(notes)
    for pitch, ticks in written.items():
        assert read.get(pitch, []) == pytest.approx(ticks, abs=GROUPED), pitch
    assert f"{signature[0]}/{signature[1]}" == metre
    assert (sharps - FIFTHS[key.mode][key.tonic]) % 12 == 0
    edges = 60 / np.diff(score.tempo.edges)
    assert (bpm.min(), bpm.max()) == pytest.approx((edges.min(), edges.max()), abs=0.5)
