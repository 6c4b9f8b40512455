"""Tunes that are given: what is read of a file, and how it is laid over a film."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from tests.planner.drawn import draw_features

from diffbgm.codec import from_json, to_json
from diffbgm.errors import OptionError, PlanError
from diffbgm.midi import write_midi
from diffbgm.notation import write_musicxml
from diffbgm.options import ScoreOptions
from diffbgm.planner import make_plan, recut
from diffbgm.planner.tune import key_of_tune, lay_tune, read_tune
from diffbgm.stages import plan_music
from diffbgm.types import BAR_UNITS, METRES, Cut, Key, MusicPlan, Note, Role, Score, TempoMap, Track

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
FILM = draw_features(30.0, [Cut(7.3, 0.9), Cut(15.1, 0.8), Cut(21.6, 0.9)])


def scale(start: float = 0.0, step: float = 1.0, move: int = 0) -> tuple[Note, ...]:
    """C major upwards and back to C, two bars and one note of 4/4."""
    return tuple(Note(start + i * step, start + (i + 1) * step, p + move, 90) for i, p in enumerate((*SCALE, 60)))


def write(path: Path, *tracks: Sequence[Note], bpm: float = 100.0, metre: tuple[int, int] = (4, 4)) -> Path:
    roles: tuple[Role, ...] = ("melody", "chords", "bass")
    parts = tuple(Track(roles[i], 0, tuple(notes)) for i, notes in enumerate(tracks))
    return write_midi(Score(parts, TempoMap.steady(bpm, 48), (), None, metre), path)


def pitches(notes: Sequence[Note]) -> list[int]:
    return [note.pitch for note in notes]


# --- reading -------------------------------------------------------------------------------------------------------


def test_the_melody_of_a_midi_file_is_read_on_sixteenths_from_its_first_bar(tmp_path: Path) -> None:
    late = [
        replace(note, start=note.start + 0.04, end=note.end + 0.04) for note in scale(start=11.0)
    ]  # a quarter early
    tune = read_tune(write(tmp_path / "a.mid", late, [Note(0, 16, 36, 80)]))
    assert (tune.metre, tune.key, tune.beats) == ("4/4", Key(0), 12)
    assert tune.bpm == pytest.approx(100, abs=0.01)
    assert [(n.start, n.end) for n in tune.notes] == [(3.0 + i, 4.0 + i) for i in range(9)]
    assert pitches(tune.notes) == [*SCALE, 60]
    assert tune.moved == pytest.approx(0.04, abs=0.003)


def test_a_part_that_is_called_melody_counts_before_the_first(tmp_path: Path) -> None:
    path = write_midi(
        Score((Track("chords", 0, (Note(0, 8, 40),)), Track("melody", 0, scale())), TempoMap.steady(90, 16)),
        tmp_path / "b.mid",
    )
    assert pitches(read_tune(path).notes) == [*SCALE, 60]


def test_of_a_piano_piece_the_top_line_is_read(tmp_path: Path) -> None:
    file, track = mido.MidiFile(type=0), mido.MidiTrack()
    for bar in range(2):  # a melody note of a bar over quarters
        for beat, under in enumerate((48, 52, 55, 52)):
            for pitch in (under, 72 + bar) if beat == 0 else (under,):
                track.append(mido.Message("note_on", note=pitch, velocity=80))
            track.append(mido.Message("note_off", note=under, time=480))
        track.append(mido.Message("note_off", note=72 + bar))
    file.tracks.append(track)
    file.save(tmp_path / "piano.mid")
    assert [(n.start, n.end, n.pitch) for n in read_tune(tmp_path / "piano.mid").notes] == [(0, 4, 72), (4, 8, 73)]


def test_musicxml_is_read_as_it_sounds_with_its_repeats(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    from music21 import bar, instrument, key, meter, note, stream, tempo

    part = stream.Part([instrument.Clarinet()])
    first = stream.Measure(number=1)
    first.append([meter.TimeSignature("3/4"), key.Key("D"), tempo.MetronomeMark(number=84)])
    first.append([note.Note("D5"), note.Note("E5"), note.Note("F#5")])
    first.leftBarline, first.rightBarline = bar.Repeat("start"), bar.Repeat("end")
    last = stream.Measure(number=2)
    last.append(note.Note("D5", quarterLength=3))
    part.append([first, last])
    path = Path(stream.Score([part]).write("musicxml", tmp_path / "clarinet.musicxml"))
    tune = read_tune(path)
    assert (tune.metre, tune.key, tune.bpm, tune.beats) == ("3/4", Key(0), 84.0, 9)
    assert pitches(tune.notes) == [72, 74, 76, 72, 74, 76, 72]  # a tone below what is written
    packed = tmp_path / "clarinet.mxl"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container><rootfiles><rootfile full-path='c.xml'/></rootfiles>"
                         "</container>")  # fmt: skip
        archive.writestr("c.xml", path.read_bytes())
    assert replace(read_tune(packed), name=tune.name) == tune


def test_our_own_lead_sheet_can_be_given_back(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    melody = scale(step=0.5)
    sheet = Score((Track("melody", 0, melody),), TempoMap.steady(100, 8), (), Key(0), (4, 4))
    tune = read_tune(write_musicxml(sheet, tmp_path / "own.lead.musicxml"))
    assert [(n.start, n.pitch) for n in tune.notes] == [(n.start, n.pitch) for n in melody]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.mid", b"", "cannot be read"),
        ("text.mid", b"a text, not a tune", "cannot be read"),
        ("cut.mid", b"MThd\0\0\0\6\0\1\0\2\1\xe0MTrk\0\0\0\x20\0\x90", "cannot be read"),
        ("no.musicxml", b"<score-partwise><part", "cannot be read as MusicXML"),
        ("empty.musicxml", b"<?xml version='1.0'?><score-partwise/>", "no note|cannot be read"),
        ("no.mxl", b"PK\3\4 no archive", "cannot be read as MusicXML"),
    ],
)
def test_what_is_no_tune_is_refused_in_a_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(OptionError, match=message) as refused:
        read_tune(path)
    assert "\n" not in str(refused.value)
    assert name in str(refused.value)


def test_a_missing_file_a_folder_drums_alone_and_other_metres_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no such file"):
        read_tune(tmp_path / "missing.mid")
    with pytest.raises(OptionError, match="no such file"):
        read_tune(tmp_path)
    drums = Score((Track("percussion", 0, (Note(0, 1, 38),)),), TempoMap.steady(90, 4))
    with pytest.raises(OptionError, match="no note"):
        read_tune(write_midi(drums, tmp_path / "drums.mid"))
    with pytest.raises(OptionError, match="is in 5/4"):
        read_tune(write(tmp_path / "five.mid", scale(), metre=(5, 4)))


@pytest.mark.parametrize(("move", "sharps", "tonic"), [(0, None, 0), (2, 2, 2), (5, -1, 5), (7, 0, 7), (-2, -2, 10)])
def test_the_key_is_the_signature_s_or_the_notes(move: int, sharps: int | None, tonic: int) -> None:
    assert key_of_tune(scale(move=move), sharps) == Key(tonic, "major")


def test_a_minor_tune_is_told_from_its_relative_major() -> None:
    tune = [Note(i, i + 1, pitch) for i, pitch in enumerate((69, 72, 76, 74, 72, 71, 68, 69))]
    assert key_of_tune(tune, None) == key_of_tune(tune, 0) == Key(9, "minor")
    up = [replace(note, pitch=note.pitch + 2) for note in tune]
    assert key_of_tune(up, 2) == Key(11, "minor")


# --- laying --------------------------------------------------------------------------------------------------------


def planned(path: Path, **asked: str) -> MusicPlan:
    return plan_music(FILM, ScoreOptions(melody=path, **asked))


def test_metre_key_and_tempo_are_the_tune_s(tmp_path: Path) -> None:
    waltz = [Note(i, i + 1, pitch) for i, pitch in enumerate((62, 66, 69, 74, 73, 71, 69, 67, 66, 64, 66, 62))]
    plan = planned(write(tmp_path / "waltz.mid", waltz, bpm=132.0, metre=(3, 4)))
    assert (plan.metre, plan.key) == ("3/4", Key(2))
    assert abs(plan.tempo.mean_bpm / 132 - 1) < 0.081
    assert sum(cut.snapped for cut in plan.cuts) >= 2
    assert pitches(plan.tune[:12]) == pitches(waltz)
    assert any("the melody is waltz.mid: 12 notes" in line for line in plan.why)
    assert any(line.startswith("key D major: that of the melody") for line in plan.why)


def test_a_tune_comes_again_as_long_as_it_ends_before_the_last_chord(tmp_path: Path) -> None:
    plan = planned(write(tmp_path / "a.mid", scale(step=0.5)))  # five beats: two bars
    turns, left = divmod(len(plan.tune), 9)
    assert left == 0
    assert turns == plan.last_bar // 8 >= 4
    assert pitches(plan.tune) == turns * [*SCALE, 60]
    assert [n.start for n in plan.tune[::9]] == [8.0 * turn for turn in range(turns)]
    assert plan.last_bar - 8 < plan.tune_end <= plan.last_bar


def test_what_is_asked_for_counts_more_than_the_tune(tmp_path: Path) -> None:
    plan = planned(write(tmp_path / "a.mid", scale()), key="A major", bpm="80")
    assert plan.key == Key(9)
    assert abs(plan.tempo.mean_bpm / 80 - 1) < 0.03
    assert pitches(plan.tune[:9]) == [p - 3 for p in (*SCALE, 60)]  # the nearer way
    relative = planned(write(tmp_path / "a.mid", scale()), key="A minor")
    assert pitches(relative.tune[:9]) == [*SCALE, 60]


@pytest.mark.parametrize("tonic", range(12))
def test_a_tune_goes_to_every_key_by_the_nearer_way(tmp_path: Path, tonic: int) -> None:
    tune = read_tune(write(tmp_path / "a.mid", scale()))
    laid = lay_tune(tune, Key(tonic), 16, 12)
    moves = {after - before for after, before in zip(pitches(laid), pitches(tune.notes), strict=True)}
    assert len(moves) == 1
    assert moves.pop() in (tonic, tonic - 12)
    assert abs(laid[0].pitch - 60) <= 6


def test_a_tune_that_is_longer_than_the_film_is_refused_with_the_tempo_it_would_need(tmp_path: Path) -> None:
    path = write(tmp_path / "long.mid", [Note(i, i + 1, 60 + i % 5) for i in range(64)])
    with pytest.raises(OptionError, match=r"its 16 bars last .* the film 30\.0 s; shorten it, or ask for bpm 128"):
        planned(path)
    plan = planned(path, bpm="128")
    assert len(plan.tune) == 64
    nearly = planned(write(tmp_path / "nearly.mid", [Note(i, i + 1, 60 + i % 5) for i in range(52)]))  # 31.2 s
    assert len(nearly.tune) == 52
    assert nearly.beats >= 52


def test_a_tune_and_no_melody_or_another_metre_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", scale())
    with pytest.raises(OptionError, match="no melody is wanted"):
        planned(path, without="melody")
    with pytest.raises(OptionError, match=r"is in 4/4, and metre asks for 3/4"):
        planned(path, metre="3/4")


def test_the_curves_ask_for_the_tune_and_as_much_beside_it(tmp_path: Path) -> None:
    busy = planned(write(tmp_path / "a.mid", scale(step=0.25)), bpm="90")
    bars = busy.curves.melody[:: busy.beats_per_bar]
    assert bars[0] == 9 / 4
    free = make_plan(FILM, key=Key(0), bpm=90)
    beside = busy.curves.density - busy.curves.melody
    assert beside.min() >= 0
    assert np.allclose(beside, np.maximum(free.curves.density - free.curves.melody, 0))


def test_plans_keep_their_tune_as_json_and_over_a_new_edit(tmp_path: Path) -> None:
    plan = planned(write(tmp_path / "a.mid", scale(step=0.5)))
    assert from_json(MusicPlan, to_json(plan)) == plan
    same = recut(plan, draw_features(30.5))
    assert same.plan.tune == plan.tune
    short = recut(plan, draw_features(15.0))
    assert 0 < len(short.plan.tune) < len(plan.tune)
    per_bar = plan.beats_per_bar
    for k, bar in enumerate(short.bars):
        now, then = (
            [(n.start - at * per_bar, n.pitch) for n in tune if at * per_bar <= n.start < (at + 1) * per_bar]
            for tune, at in ((short.plan.tune, k), (plan.tune, bar))
        )
        assert now == then
    with pytest.raises(PlanError, match="must be on sixteenths"):
        replace(plan, tune=(Note(0.1, 1, 60),))
    with pytest.raises(PlanError, match="within 0 to"):
        replace(plan, tune=(Note(plan.beats, plan.beats + 1, 60),))


@pytest.mark.parametrize("metre", METRES)
def test_in_every_metre_the_tune_ends_with_a_bar(tmp_path: Path, metre: str) -> None:
    numerator, denominator = map(int, metre.split("/"))
    notes = [Note(i / 2, (i + 1) / 2, SCALE[i % 8]) for i in range(19)]
    plan = planned(write(tmp_path / "a.mid", notes, metre=(numerator, denominator)))
    assert plan.metre == metre
    assert plan.tune_end % METRES[metre] == 0
    assert plan.beats - plan.last_bar == BAR_UNITS[metre]
