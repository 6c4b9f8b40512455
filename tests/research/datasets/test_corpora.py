import io
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest
from tests.research.datasets.archives import Drawn, midi_bytes, write_archive

from diffbgm.errors import DataError
from diffbgm.research.datasets.corpora import CORPORA, corpora_in, is_corpus, read_corpus
from diffbgm.research.datasets.smf import read_smf
from diffbgm.roll import roll_to_notes
from diffbgm.types import GENRES


def test_a_piece_is_read_note_for_note(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "openscore-lieder-train.zip", [Drawn("b"), Drawn("a", shift=2)])
    pieces = read_corpus(path)
    assert [piece.id for piece in pieces] == ["a", "b"]
    piece = pieces[1]
    assert (piece.metre, piece.genre, piece.corpus, piece.licence, piece.source, piece.bpm, piece.key) == (
        ("4/4", "art song", "openscore-lieder", "CC0-1.0", "drawn", 96.0, "C")
    )
    melody, accompaniment = roll_to_notes(piece.roll)
    assert [note.start for note in melody] == list(range(48))
    assert [note.pitch for note in melody[:4]] == [72, 74, 76, 77]
    assert sorted(note.pitch for note in accompaniment[:3]) == [48, 52, 55]
    assert len(accompaniment) == 3 * 48  # the drums are no part of it
    assert piece.roll.velocity is None  # they are all 80 and teach nothing


@pytest.mark.parametrize(
    ("signature", "metre", "steps"),
    [((4, 4), "4/4", 192), ((2, 2), "4/4", 192), ((3, 4), "3/4", 144), ((6, 8), "6/8", 144), ((2, 4), "2/4", 96)],
)
def test_metres_and_the_length_of_their_bars(
    tmp_path: Path, signature: tuple[int, int], metre: str, steps: int
) -> None:
    (piece,) = read_corpus(write_archive(tmp_path / "x.zip", [Drawn("a", signature)]))
    assert piece.metre == metre
    assert piece.roll.steps == steps
    assert len(piece.grid) == steps // (4 * piece.beats_per_bar)


def test_a_change_of_metre_begins_another_piece_of_the_same_work(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "x.zip", [Drawn("a", (3, 4), bars=4, then=(4, 4)), Drawn("b", (5, 4), then=(3, 4))])
    pieces = read_corpus(path)
    assert [(p.id, p.work, p.metre, p.roll.steps) for p in pieces] == [
        ("a", "a", "3/4", 48),
        ("a#2", "a", "4/4", 64),
        ("b", "b", "3/4", 144),  # bars of 5/4 are left out
    ]
    assert [note.start for note in roll_to_notes(pieces[1].roll)[0][:2]] == [0, 1]


def test_the_share_of_onsets_on_the_grid_is_known_by_bar(tmp_path: Path) -> None:
    triplets = [("ACCOMP RH", 1920 + 160 * i, 160, 60) for i in range(1, 3)]  # in the second bar, which has 16 onsets
    (piece,) = read_corpus(write_archive(tmp_path / "x.zip", [Drawn("a", rows=triplets)]))
    assert piece.grid[0] == 1
    assert piece.grid[1] == pytest.approx(16 / 18)


def test_an_unknown_tempo_stays_unknown_and_dances_are_found(tmp_path: Path) -> None:
    drawn = [Drawn("a", tempo="", title="Valse, Waltz No. 1"), Drawn("b", genre="Secular; Mazurka"), Drawn("c")]
    pieces = read_corpus(write_archive(tmp_path / "nifc-piano-train.zip", drawn))
    assert np.isnan(pieces[0].bpm)
    assert [piece.genre for piece in pieces] == ["dance", "dance", "piano"]


def test_every_corpus_has_a_genre_that_the_network_can_be_told() -> None:
    assert {corpus.genre for corpus in CORPORA.values()} <= set(GENRES)
    assert CORPORA["piano-midi-de"].teaches == CORPORA["simutrans"].teaches == "nothing"
    assert CORPORA["openewld-pd"].teaches == "melody and chords"


def test_pop909_is_read_by_the_same_call(pop909: Path) -> None:
    pieces = read_corpus(pop909)
    assert {(p.corpus, p.genre, p.metre, p.licence) for p in pieces} == {("POP909", "pop", "4/4", "MIT")}
    assert pieces[0].roll.velocity is not None
    assert pieces[0].sections


def test_a_folder_gives_the_corpora_that_are_known(tmp_path: Path) -> None:
    write_archive(tmp_path / "freedoom-train.zip", [Drawn("a")])
    write_archive(tmp_path / "groove-train.zip", [Drawn("a")])
    (tmp_path / "muvisync-labels-train.zip").write_bytes(b"no zip")
    assert [path.name for path in corpora_in(tmp_path)] == ["freedoom-train.zip"]
    assert is_corpus(tmp_path / "groove-train.zip")
    assert not is_corpus(tmp_path / "muvisync-labels-train.zip")


def test_pop909_is_no_archive_in_the_common_layout(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "POP909.zip", "w") as archive:
        archive.writestr("POP909/001/beat_midi.txt", "0.0 1.0 1.0\n")
    assert is_corpus(tmp_path / "POP909.zip")
    assert not is_corpus(tmp_path / "POP909.zip", common=True)  # `evaluate model` reads its own split of songs


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "x.zip", [Drawn("a", (5, 4))])
    with pytest.raises(DataError, match="none of its 1 pieces"):
        read_corpus(path)
    (tmp_path / "midi").mkdir()
    (tmp_path / "index.csv").write_text("id,file\na,a.mid\n")
    with pytest.raises(DataError, match=r"a\.mid"):
        read_corpus(tmp_path)
    (tmp_path / "index.csv").write_text("id,file\na,a\0.mid\n")
    with pytest.raises(DataError, match=r"'a\\x00\.mid' of its index cannot be read"):
        read_corpus(tmp_path)
    (tmp_path / "index.csv").write_text("id,file\na,a.mid\n")
    (tmp_path / "midi" / "a.mid").write_bytes(midi_bytes(Drawn("a"))[:-300])
    with pytest.raises(DataError, match=r"a\.mid.*middle"):
        read_corpus(tmp_path)


def test_the_midi_reader_agrees_with_mido() -> None:
    data = midi_bytes(Drawn("a", (6, 8), then=(4, 4), rows=[("ACCOMP ü", 7, 33, 60), ("ACCOMP ü", 40, 5, 60)]))
    ours, theirs = read_smf(data), mido.MidiFile(file=io.BytesIO(data))
    assert ours.ticks_per_beat == 480
    assert ours.signatures == [(0, 6, 8), (12 * 1440, 4, 4)]
    assert ours.tempi == [(0, pytest.approx(96.0, abs=1e-3))]
    for mine, track in zip(ours.tracks, theirs.tracks, strict=True):
        tick, starts = 0, []
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                starts.append((tick, message.note, message.velocity))
        assert sorted((a, pitch, v) for a, _, pitch, v in mine.notes) == sorted(starts)
    assert ours.tracks[-1].notes == [(7, 40, 60, 80), (40, 45, 60, 80)]
    assert [track.drums for track in ours.tracks] == [False, False, False, True, False]
    with pytest.raises(DataError, match="MThd"):
        read_smf(b"RIFF")


def test_the_windows_of_the_real_list_are_measured_alike(shared: Path) -> None:
    """windows.csv.gz beside the archives was made by another program: scale share and harshness agree with ours."""
    import csv
    import gzip
    import zipfile

    from diffbgm.research.datasets.colour import colour_by_bar, harshness, scale_share
    from diffbgm.research.datasets.corpora import pieces_of

    path = shared / "data" / "openhymnal-train.zip"
    if not path.exists():
        pytest.skip("needs the corpora")
    with gzip.open(shared / "data" / "windows.csv.gz", "rt") as stream:
        rows = [
            row for row in csv.DictReader(stream) if row["archive"] == "openhymnal" and row["metre"] in ("44", "34")
        ]
    shares, harsh = [], []
    with zipfile.ZipFile(path) as archive:
        index = {row["file"]: row for row in csv.DictReader(io.StringIO(archive.read("index.csv").decode()))}
        for row in rows[::12]:
            file = read_smf(archive.read(f"midi/{row['file']}"))
            signatures = {(top, below) for _, top, below in file.signatures}
            if len(signatures) > 1:
                continue
            (piece,) = pieces_of(file, index[row["file"]], "openhymnal")
            first = int(row["start_tick"]) // (480 * piece.beats_per_bar)
            here = colour_by_bar(piece.roll.cells, piece.beats_per_bar)[first : first + 8]
            shares.append((scale_share(here, best=True), float(row["scale"])))
            harsh.append((harshness(here), float(row["harsh"])))
    assert len(shares) > 15
    assert np.abs(np.subtract(*np.transpose(shares))).mean() < 0.01
    assert np.abs(np.subtract(*np.transpose(harsh))).mean() < 0.02
