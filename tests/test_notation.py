"""MusicXML: bars are full, notes are those of the score, and readers agree where they are installed."""

from collections import defaultdict
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from diffbgm.notation import KINDS, spell, to_musicxml, write_musicxml
from diffbgm.types import Key, Note, PlannedChord, Score, TempoMap, Track
from diffbgm.types.chord import QUALITIES

CHORDS = (PlannedChord(0, 4, "Am7"), PlannedChord(4, 8, "F/A"), PlannedChord(8, 12, "Bbmaj7"))


def piece(metre=(4, 4)) -> Score:
    """Syncopation, notes over bar lines, two hands, overlapping voices, three drums at once."""
    melody = [Note(0.5, 1.5, 69, 60), Note(1.5, 4.75, 72, 60), Note(5, 6, 71, 100), Note(7.27, 7.9, 76, 100)]
    piano = [Note(0, 3.98, 45, 60), Note(0, 1, 60, 60), Note(0, 1, 64, 60), Note(0.5, 2, 67, 60), Note(6, 12, 48, 60),
             Note(6, 7, 69, 60)]  # fmt: skip
    drums = [Note(b, b + 0.1, key, 80) for b in range(12) for key in (36, 42, 49)] + [Note(0.5, 0.6, 42, 60)]
    tracks = (Track("melody", 40, tuple(melody)), Track("chords", 0, tuple(piano)),
              Track("percussion", 0, tuple(drums)))  # fmt: skip
    markers = ((0.0, "section A"), (5.0, "cut 1"), (8.0, "section B"))
    return Score(tracks, TempoMap.steady(90, 12), markers, Key(9, "minor"), metre)


def onsets(part: ElementTree.Element) -> tuple[list[tuple[Fraction, str]], set[Fraction]]:
    """(quarters from the start, pitch) of every note that is struck, and the lengths of all voices of all bars."""
    found, lengths, start = [], set(), Fraction(0)
    for measure in part.findall("measure"):
        at = last = Fraction(0)
        longest = Fraction(0)
        for event in measure:
            length = Fraction(int(event.findtext("duration") or 0), 4)
            if event.tag == "backup":
                at -= length
            elif event.tag == "forward":
                at += length
            elif event.tag == "note":
                onset = last if event.find("chord") is not None else at
                pitch = event.find("pitch")
                if event.find("rest") is None and not any(t.get("type") == "stop" for t in event.findall("tie")):
                    name = "drum" if pitch is None else "".join(p.text or "" for p in pitch)
                    found.append((start + onset, name))
                if event.find("chord") is None:
                    last, at = at, at + length
            longest = max(longest, at)
            assert at >= 0
        lengths.add(longest)
        start += longest
    return found, lengths


def test_a_chord_has_one_kind_however_it_is_written() -> None:
    assert set(QUALITIES.values()) == set(KINDS)
    symbols = ("CM7", "Cmaj7", "Fø", "Fm7b5", "G+", "B♭maj9", "F#7sus4", "Ammaj7")
    chords = [PlannedChord(i, i + 1, symbol) for i, symbol in enumerate(symbols)]
    root = ElementTree.fromstring(to_musicxml(piece(), chords=chords).split("\n", 2)[2])
    kinds = [h.findtext("kind") for h in root.iter("harmony")]
    assert kinds == ["major-seventh", "major-seventh", "half-diminished", "half-diminished", "augmented",
                     "major-ninth", "suspended-fourth", "major-minor"]  # fmt: skip
    flat = list(root.iter("harmony"))[5]
    assert (flat.findtext("root/root-step"), flat.findtext("root/root-alter")) == ("B", "-1")


@pytest.mark.parametrize(("metre", "bar"), [((4, 4), 4), ((3, 4), 3), ((6, 8), 3), ((2, 4), 2)])
def test_every_bar_is_full_and_every_note_is_struck_once(metre, bar) -> None:
    root = ElementTree.fromstring(to_musicxml(piece(metre), chords=CHORDS).split("\n", 2)[2])
    for track, part in zip(piece().tracks, root.findall("part"), strict=True):
        found, lengths = onsets(part)
        assert lengths == {bar}
        assert len(found) == len(track.notes)
        assert sorted(at for at, _ in found) == sorted(Fraction(round(n.start * 4), 4) for n in track.notes)


def test_the_head_says_key_metre_tempo_sections_chords_and_dynamics() -> None:
    root = ElementTree.fromstring(to_musicxml(piece(), title="Sea & sky", chords=CHORDS).split("\n", 2)[2])
    assert root.findtext("work/work-title") == "Sea & sky"
    assert [p.findtext("part-name") for p in root.iter("score-part")] == [
        "Violin (melody)", "Acoustic Grand Piano (chords)", "Drums (percussion)",
    ]  # fmt: skip
    assert (root.findtext(".//fifths"), root.findtext(".//mode")) == ("0", "minor")
    assert [s.get("tempo") for s in root.iter("sound")] == ["90"]
    assert [r.text for r in root.iter("rehearsal")] == ["A", "B"]
    assert [w.text for w in root.iter("words")] == ["cut 1"]
    symbols = [(h.findtext("root/root-step"), h.findtext("root/root-alter"), h.findtext("kind")) for h in
               root.iter("harmony")]  # fmt: skip
    assert symbols == [("A", None, "minor-seventh"), ("F", None, "major"), ("B", "-1", "major-seventh")]
    assert next(d[0].tag for d in root.iter("dynamics")) == "mp"
    piano = root.findall("part")[1]
    assert [c.findtext("sign") for c in piano.iter("clef")] == ["G", "F"]


@pytest.mark.parametrize(
    ("pitch", "fifths", "name"),
    [(61, 2, ("C", 1, 4)), (61, -3, ("D", -1, 4)), (68, 0, ("A", -1, 4)), (66, 0, ("F", 1, 4)), (59, -6, ("C", -1, 4)),
     (60, 6, ("B", 1, 3)), (60, 0, ("C", 0, 4))],
)  # fmt: skip
def test_pitches_are_spelled_by_the_key(pitch, fifths, name) -> None:
    assert spell(pitch, fifths) == name


def test_music21_and_partitura_read_the_same_notes(tmp_path) -> None:
    music21, partitura = pytest.importorskip("music21"), pytest.importorskip("partitura")
    score = piece()
    path = write_musicxml(score, tmp_path / "x.musicxml", chords=CHORDS)
    stream = music21.converter.parse(str(path))
    struck = defaultdict(list)
    for part in stream.parts:
        for event in part.flatten().notes:
            if "ChordSymbol" not in event.classes and not (event.tie and event.tie.type != "start"):
                pitches = event.pitches or (None,)
                struck[part.partName] += [(float(event.offset), p and p.midi) for p in pitches]
    names = list(struck)
    for number, track in enumerate(score.tracks[:2]):
        assert sorted(struck[names[number]]) == sorted((round(n.start * 4) / 4, n.pitch) for n in track.notes)
    assert len(struck[names[2]]) == len(score.tracks[2].notes)
    assert [c.figure for c in stream.recurse().getElementsByClass("ChordSymbol")] == ["Am7", "F/A", "B-maj7"]
    assert stream.parts[0].recurse().getElementsByClass("KeySignature")[0].name.lower() == "a minor"
    parts = partitura.load_musicxml(str(path)).parts
    assert [len(part.note_array()) for part in parts[:2]] == [len(t.notes) for t in score.tracks[:2]]
