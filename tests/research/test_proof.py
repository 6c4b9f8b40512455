"""Judges from outside, parts that are kept, and the table of published figures."""

import json
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.drawing import tone
from tests.networks import playing_network

from diffbgm.cli import main
from diffbgm.errors import InputError
from diffbgm.hub import save_weights
from diffbgm.media import write_audio
from diffbgm.research.evaluation.judges import (
    Heard,
    beat_table,
    contrast_table,
    f_measure,
    key_table,
    note_table,
    onsets_of,
    with_chance,
)
from diffbgm.research.evaluation.kept import find_kept, keep
from diffbgm.research.evaluation.published import PUBLISHED, evaluate_published
from diffbgm.research.evaluation.systems import OURS, TRUTH
from diffbgm.research.judges import hear
from diffbgm.research.metrics.report import Provenance, Report, Table
from diffbgm.types import Curves, Key, MusicPlan, Note, PlannedCut, Score, Section, TempoMap, Track


def planned(bpm: float, key: Key, cuts: tuple[float, ...] = ()) -> MusicPlan:
    tempo = TempoMap.steady(bpm, 32)
    flat = np.full(32, 0.5)
    curves = Curves(**dict.fromkeys(Curves.__dataclass_fields__, flat))
    seconds = float(tempo.edges[-1])
    return MusicPlan(
        seconds,
        tempo,
        key,
        (Section(0, 32),),
        curves,
        cuts=tuple(PlannedCut(t, 0.5, round(t), 0.0, True) for t in cuts),
    )


def test_f_counts_each_beat_once() -> None:
    assert f_measure([0.0, 0.5, 1.0], [0.05, 0.55, 1.5]) == pytest.approx(4 / 6)
    assert f_measure([0.0, 0.01, 0.02], [0.0]) == pytest.approx(0.5)
    assert f_measure([], []) == 0.0
    assert f_measure([0.0], [0.08]) == 0.0


def test_beats_heard_right_beat_chance() -> None:
    plans = [planned(bpm, Key(0), (4.0,)) for bpm in (90, 100, 115, 120)]
    pieces = [Heard("calm", plan, Path("x.wav")) for plan in plans]
    half = [plan.tempo.time_at(np.arange(0.0, 32, 2)).tolist() for plan in plans]
    columns, row = (t := beat_table(pieces, half, {"this model": [0, 1, 2, 3]}, 0, "n")).columns, t.rows[0]
    assert columns[2] == "F"
    assert row[2] == pytest.approx(2 / 3)  # every second beat was tracked
    assert row[5] == 1.0  # at the level that was tracked
    assert row[7] < 0.6
    assert 0.0 <= row[8] <= 1.0


def test_notes_are_heard_by_pitch_and_onset_each_once() -> None:
    played = ((0.0, 60), (1.0, 64), (1.0, 67), (2.0, 60))
    right, late = [(0.03, 60), (1.0, 64)], [(0.06, 60), (1.0, 52)]
    twice = [(0.0, 60), (0.01, 60), (2.0, 60), (2.0, 72)]
    pieces = [Heard("sad", planned(100, Key(0)), Path("x.wav"), played) for _ in range(3)]
    row = note_table(pieces, [right, late, twice], {"this model": [0, 1, 2]}, 0, "n").rows[0]
    assert row[2] == pytest.approx((0.5 + 0.0 + 0.5) / 3)  # of four played
    assert row[5] == pytest.approx((1.0 + 0.0 + 0.5) / 3)
    assert row[8] == pytest.approx((2 / 3 + 0.0 + 0.5) / 3)


def test_players_of_one_pitch_are_one_onset_and_drums_are_none() -> None:
    tempo = planned(120, Key(0)).tempo
    parts = (
        Track("melody", 0, (Note(0.0, 1.0, 60), Note(1.0, 2.0, 60))),
        Track("pad", 49, (Note(0.04, 2.0, 60), Note(0.0, 2.0, 64))),
        Track("percussion", 0, (Note(0.0, 0.5, 36),)),
    )
    assert onsets_of(Score(parts, tempo)) == ((0.0, 60), (0.0, 64), (0.5, 60))


def test_keys_and_their_relatives() -> None:
    asked = [Key(0), Key(9, "minor"), Key(5), Key(2, "minor")]
    heard = [Key(0), Key(0), Key(5), Key(3)]
    pieces = [Heard("sad", planned(100, key), Path("x.wav")) for key in asked]
    row = key_table(pieces, heard, {"this model": [0, 1, 2, 3]}, 0, "n").rows[0]
    assert (row[2], row[5], row[8]) == (0.5, 0.75, 0.5)


def test_a_judge_who_tells_calm_from_driving_is_believed_and_one_who_does_not_is_not() -> None:
    pieces = [Heard(s, planned(100, Key(0)), Path("x")) for s in ("calm", "driving", "sad", "happy") for _ in range(6)]
    said = [{"energy": i / 10, "valence": 0.5} for i in range(24)]
    energy, valence = contrast_table(pieces, said, 0, "n").rows
    assert (energy[4], valence[4]) == (1.0, 0.5)


def test_chance_is_what_another_piece_would_get() -> None:
    mean, spread, chance = with_chance(lambda i, k: float(i == k), [3, 4, 5, 6], 0)
    assert (mean, spread, chance) == (1.0, "1.00 to 1.00", 0.0)


def test_a_judge_that_is_not_installed_is_named_with_what_to_install(tmp_path: Path) -> None:
    write_audio(tone(0.2), tmp_path / "x.wav")
    with pytest.raises(InputError, match="does not run"):
        hear("beats", [tmp_path / "x.wav"], tmp_path / "no-python")
    if find_spec("vibenet") is None:
        with pytest.raises(InputError, match="install vibenet where --python points"):
            hear("vibenet", [tmp_path / "x.wav"], sys.executable)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = playing_network(-1.0, 0.3)
    return save_weights(model, tmp_path_factory.mktemp("weights"))


def test_a_judge_that_there_is_not_is_refused(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "judges", "--judges", "critic", "--weights", str(weights)]) == 2
    assert "no judge 'critic'" in capsys.readouterr().err


MADE = Provenance("a" * 64, {"steps": 4})
REPORT = Report("Sound", 3, (Table("t", ("a", "b"), (("x", 1.5),), "n = 1"),), {"n": 1})


def test_a_part_is_taken_again_only_where_all_that_it_was_made_with_agrees(tmp_path: Path) -> None:
    size = {"n": 2, "judged_by": (("key", "python"),)}
    keep(tmp_path / "kept", "sound", REPORT, MADE, size)
    found = find_kept(tmp_path / "kept", {"sound": size, "sync": size}, 3, MADE)
    assert {kind: report.tables for kind, report in found.items()} == {"sound": REPORT.tables}
    assert not find_kept(tmp_path / "kept", {"sound": size}, 4, MADE)
    assert not find_kept(tmp_path / "kept", {"sound": {**size, "n": 3}}, 3, MADE)
    for other in (Provenance("b" * 64, {"steps": 4}), Provenance("a" * 64, {"steps": 5})):
        assert not find_kept(tmp_path / "kept", {"sound": size}, 3, other)
    (tmp_path / "kept" / "sound.json").write_text('{"title": "Sou')
    assert not find_kept(tmp_path / "kept", {"sound": size}, 3, MADE)


def test_everything_goes_on_where_it_was_cut_off(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from diffbgm.research.evaluation import all_parts

    measured: list[str] = []
    real = all_parts.evaluate_part

    def counted(kind: str, *arguments: object) -> Report:
        measured.append(kind)
        if kind == "sound" and len(measured) == 3:
            raise InputError("the power is cut")
        return real(kind, *arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(all_parts, "evaluate_part", counted)
    run = ["evaluate", "all", "--quick", "--steps", "4", "--weights", str(weights), "--data", str(tmp_path / "none"),
           "--keep", str(tmp_path / "kept"), "--json"]  # fmt: skip
    assert main(run) == 2
    assert measured == ["sync", "semantics", "sound"]
    assert sorted(p.stem for p in (tmp_path / "kept").iterdir()) == ["semantics", "sync"]
    capsys.readouterr()
    assert main(run) == 0
    assert measured[3:] == ["sound"]
    titles = [t["title"] for t in json.loads(capsys.readouterr().out)["tables"]]
    assert any(t.startswith("Sound: ") for t in titles)
    assert "Published figures: Beside published figures" in titles


def test_published_figures_stand_beside_ours_and_unknown_ones_are_dashes() -> None:
    found = {name: {"PCHE over 8 bars, bits": 2.7, "GPS": 0.8} for name in (TRUTH, OURS)}
    systems = Report("Systems", 0, (), {"n": 5, "systems": found})
    retrieval = Report("Retrieval", 0, (), {"music": {OURS: {"precision": {20: 0.4}}}})
    rows = {row[0]: row for row in evaluate_published({"systems": systems, "retrieval": retrieval}, 0).tables[0].rows}
    assert rows[OURS][1:5] == (2.7, 0.8, None, 0.4)
    assert rows[TRUTH][4] is None
    assert rows["EMSYNC"][1:5] == (None, None, None, None)
    assert len(rows) == 3 + len(PUBLISHED)


def test_what_changed_between_two_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("old", 1.5), ("new", 2.0)):
        table = Table("t", ("who", "n", "value", "value"), (("x", 3, value, 1.0), ("y", 3, 0.5, 0.5)), "")
        metrics = {"sound": replace(REPORT, tables=(table,), made_with=replace(MADE, weights=name * 7)).to_dict()}
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
    assert main(["evaluate", "changes", str(tmp_path / "old"), str(tmp_path / "new"), "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert tables[0]["rows"] == [["sound", "t", "x", "value", 1.5, 2.0, 0.5]]
    assert tables[0]["note"].startswith("1 of 6 numbers differ; 0 are new")
    assert tables[1]["rows"] == [["sound", "oldoldoldold", "newnewnewnew"]]
    assert main(["evaluate", "changes", str(tmp_path / "old"), str(tmp_path)]) == 2
    assert "holds no metrics.json" in capsys.readouterr().err
