"""MIDI files: exact times, markers, and the way back, with pretty_midi as the oracle."""

import io
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbgm.errors import DataError, OutputError, PlanError
from diffbgm.midi import TOLERANCE, midi_bytes, read_midi, write_midi
from diffbgm.types import Control, Key, Note, Score, TempoMap, Track


def wandering(beats: int, bpm: float = 100.0, seed: int = 0, start: float = 0.0) -> TempoMap:
    """A tempo that wanders within 8 % of `bpm`."""
    rng = np.random.default_rng(seed)
    walk = np.clip(np.cumsum(rng.normal(0, 0.01, beats)), -0.08, 0.08)
    return TempoMap(start + np.concatenate([[0.0], np.cumsum(60 / (bpm * (1 + walk)))]))


def duo(tempo: TempoMap) -> Score:
    beats = tempo.beats
    melody = [Note(b, b + 0.75, 60 + b % 12, 70 + b % 20) for b in range(beats)]
    drums = [Note(b + 0.5, b + 0.75, 42, 60) for b in range(beats)]
    return Score(
        (
            Track("melody", 40, tuple(melody), (Control(0.0, 11, 80), Control(1.5, 11, 100)), pan=-0.5, gain=-6.0),
            Track("percussion", 25, tuple(drums), pan=0.2),
        ),
        tempo,
        ((0.0, "section A"), (2.5, "cut 1"), (float(beats), "end")),
    )


def as_pretty(score: Score) -> pretty_midi.PrettyMIDI:
    return pretty_midi.PrettyMIDI(io.BytesIO(midi_bytes(score)))


@given(st.integers(4, 60), st.floats(40, 200), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_tempo_map_comes_back(beats: int, bpm: float, seed: int) -> None:
    tempo = wandering(beats, bpm, seed)
    midi = as_pretty(duo(tempo))
    starts = sorted(note.start for note in midi.instruments[0].notes)
    assert np.abs(np.array(starts) - tempo.edges[:-1]).max() < 2 * TOLERANCE


def test_beats_stay_exact_over_an_hour_and_a_steady_tempo_is_few_events() -> None:
    tempo = wandering(7200, 121.7)
    midi = as_pretty(Score((Track("melody", 0, (Note(7199, 7200, 60),)),), tempo))
    assert tempo.edges[-1] > 3500
    assert abs(midi.instruments[0].notes[0].end - tempo.edges[-1]) < 2 * TOLERANCE

    steady = as_pretty(Score((Track("melody", 0, (Note(7199, 7200, 60),)),), TempoMap.steady(97.3, 7200)))
    assert abs(steady.instruments[0].notes[0].end - 7200 * 60 / 97.3) < 2 * TOLERANCE
    assert len(steady.get_tempo_changes()[0]) < 100


def test_write_and_read_give_the_score_back(tmp_path) -> None:
    score = duo(wandering(16))
    back = read_midi(write_midi(score, tmp_path / "duo.mid"))
    assert np.abs(back.tempo.edges - score.tempo.edges).max() < 2 * TOLERANCE
    assert back.markers == score.markers
    for track, again in zip(score.tracks, back.tracks, strict=True):
        assert (again.role, again.program) == (track.role, track.program)
        assert again.notes == track.notes
        assert again.controls == track.controls
        assert again.pan == pytest.approx(track.pan, abs=0.01)
        assert again.gain == pytest.approx(track.gain, abs=0.2)
    assert [p.name for p in tmp_path.iterdir()] == ["duo.mid"]


def test_the_file_says_4_4_and_names_its_tracks() -> None:
    midi = as_pretty(duo(wandering(8)))
    assert [(t.numerator, t.denominator) for t in midi.time_signature_changes] == [(4, 4)]
    assert [i.name for i in midi.instruments] == ["melody - Violin", "percussion - Drums"]
    assert [i.is_drum for i in midi.instruments] == [False, True]


@pytest.mark.parametrize("key", [Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)], ids=str)
def test_key_and_metre_come_back_and_change_nothing_else(tmp_path, key: Key) -> None:
    plain = duo(wandering(8))
    score = replace(plain, key=key, metre=(3, 8))
    path = write_midi(score, tmp_path / "key.mid")
    midi = pretty_midi.PrettyMIDI(str(path))
    (change,) = midi.key_signature_changes
    assert (change.key_number, change.time) == (key.tonic + 12 * (key.mode == "minor"), 0.0)
    assert [(t.numerator, t.denominator) for t in midi.time_signature_changes] == [(3, 8)]
    events = [m for m in mido.MidiFile(path).tracks[0] if m.type == "key_signature"]
    assert [m.key for m in events] == [str(key).split()[0] + ("m" if key.mode == "minor" else "")]
    back = read_midi(path)
    assert (back.key, back.metre) == (key, (3, 8))
    assert back.tracks == read_midi(write_midi(plain, tmp_path / "plain.mid")).tracks
    without = [m for m in mido.MidiFile(path).tracks[0] if m.type not in ("key_signature", "time_signature")]
    assert without == [m for m in mido.MidiFile(tmp_path / "plain.mid").tracks[0] if m.type != "time_signature"]


@pytest.mark.parametrize(("name", "key"), [("Cb", Key(11)), ("Gb", Key(6)), ("D#m", Key(3, "minor"))])
def test_keys_that_other_programs_spell_otherwise_are_read(tmp_path, name: str, key: Key) -> None:
    track = mido.MidiTrack([mido.MetaMessage("key_signature", key=name), mido.Message("note_on", note=60, velocity=9)])
    mido.MidiFile(tracks=[track]).save(tmp_path / "x.mid")
    assert read_midi(tmp_path / "x.mid").key == key


def test_a_key_that_there_is_not_is_refused(tmp_path) -> None:
    track = mido.MidiTrack([mido.MetaMessage("key_signature", key="C")])
    mido.MidiFile(tracks=[track]).save(tmp_path / "x.mid")
    bytes_ = (tmp_path / "x.mid").read_bytes().replace(b"\xff\x59\x02\x00\x00", b"\xff\x59\x02\x63\x09")
    (tmp_path / "x.mid").write_bytes(bytes_)
    with pytest.raises(DataError, match=r"x\.mid cannot be read as a MIDI file"):
        read_midi(tmp_path / "x.mid")


def test_the_same_score_gives_the_same_bytes() -> None:
    assert midi_bytes(duo(wandering(12))) == midi_bytes(duo(wandering(12)))
    assert midi_bytes(duo(wandering(12))) != midi_bytes(duo(wandering(12, seed=1)))


def test_a_piece_may_start_late_but_not_before_the_film(tmp_path) -> None:
    late = duo(wandering(8, start=1.234))
    assert min(n.start for n in as_pretty(late).instruments[0].notes) == pytest.approx(1.234, abs=1e-4)
    back = read_midi(write_midi(late, tmp_path / "late.mid"))
    assert np.abs(back.tempo.edges - late.tempo.edges).max() < 2 * TOLERANCE
    assert back.tracks[0].notes == late.tracks[0].notes
    assert back.markers == late.markers
    with pytest.raises(PlanError, match="before the file begins"):
        midi_bytes(duo(wandering(8, start=-0.5)))


def test_a_repeated_key_ends_before_it_starts_again() -> None:
    score = Score((Track("melody", 0, (Note(0, 1, 60, 50), Note(1, 2, 60, 90))),), TempoMap.steady(120, 4))
    notes = as_pretty(score).instruments[0].notes
    assert [(round(n.start, 3), round(n.end, 3), n.velocity) for n in notes] == [(0.0, 0.5, 50), (0.5, 1.0, 90)]


def test_what_is_no_midi_file_is_refused_in_one_line(tmp_path) -> None:
    for name, content in (("text.mid", b"hello"), ("empty.mid", b""), ("cut.mid", midi_bytes(duo(wandering(8)))[:60])):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=name) as caught:
            read_midi(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError):
        read_midi(tmp_path / "missing.mid")


def test_a_target_that_cannot_be_written_leaves_nothing(tmp_path) -> None:
    folder = tmp_path / "taken.mid"
    (folder / "inside").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"taken\.mid"):
        write_midi(duo(wandering(4)), folder)
    assert [p.name for p in tmp_path.iterdir()] == ["taken.mid"]
    with pytest.raises(OutputError):
        write_midi(duo(wandering(4)), tmp_path / "nowhere" / "x.mid")


def test_parts_beyond_fifteen_and_second_kits_have_ports_of_their_own(tmp_path) -> None:
    note = (Note(0, 1, 60, 80),)
    parts = [Track("chords", program, note) for program in range(20)]
    kits = [Track("percussion", kit, (Note(0, 1, 38, 80),)) for kit in (0, 25, 0)]
    path = write_midi(Score((*parts, *kits), TempoMap.steady(120, 4)), tmp_path / "many.mid")
    places = {}
    for track in mido.MidiFile(path).tracks[1:]:
        port = next((m.port for m in track if m.type == "midi_port"), 0)
        (program,) = (m for m in track if m.type == "program_change")
        places.setdefault((port, program.channel), set()).add(program.program)
    assert all(len(programs) == 1 for programs in places.values())
    assert len(places) == 22
    assert [(t.role, t.program) for t in read_midi(path).tracks] == [(t.role, t.program) for t in (*parts, *kits)]
    assert sorted(i.program for i in pretty_midi.PrettyMIDI(str(path)).instruments) == sorted([*range(20), 0, 0, 25])


def test_the_file_begins_with_a_general_midi_reset() -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(duo(wandering(4)))))
    assert [(m.time, m.bytes()) for m in file.tracks[0] if m.type == "sysex"] == [(0, [0xF0, 0x7E, 0x7F, 9, 1, 0xF7])]


def test_symusic_and_music21_read_the_same_notes_tempo_key_and_metre(tmp_path) -> None:
    symusic, music21 = pytest.importorskip("symusic"), pytest.importorskip("music21")
    score = replace(duo(TempoMap.steady(96, 12)), key=Key(9, "minor"), metre=(3, 4))
    path = write_midi(score, tmp_path / "x.mid")
    read = symusic.Score(str(path), ttype="quarter")
    found = sorted((n.time, n.duration, n.pitch, n.velocity) for track in read.tracks for n in track.notes)
    assert found == sorted((n.start, n.end - n.start, n.pitch, n.velocity) for t in score.tracks for n in t.notes)
    assert [(t.numerator, t.denominator) for t in read.time_signatures] == [(3, 4)]
    assert read.tempos[0].qpm == pytest.approx(96, abs=0.01)
    stream = music21.converter.parse(str(path)).flatten()
    assert len(stream.notes) == sum(len(t.notes) for t in score.tracks)
    assert stream.getElementsByClass("TimeSignature")[0].ratioString == "3/4"
    assert stream.getElementsByClass("KeySignature")[0].name.lower() == "a minor"
    assert stream.getElementsByClass("MetronomeMark")[0].number == pytest.approx(96, abs=0.1)
