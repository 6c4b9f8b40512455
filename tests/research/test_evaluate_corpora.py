"""`evaluate corpora`: a row for each corpus that has enough held-out works."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.networks import playing_network
from tests.research.datasets.archives import TRAINING, VALIDATION, Drawn, write_archive

from diffbgm.cli import main
from diffbgm.hub import save_weights
from diffbgm.research.datasets.pop909 import is_validation
from diffbgm.research.evaluation.all_parts import KINDS, PARTS, Found, Size, kinds_for, size_of, sized
from diffbgm.research.evaluation.corpora import PIECES

TUNES = [np.random.default_rng(n).choice([60, 62, 64, 65, 67, 69, 71, 72], 48).tolist() for n in range(40)]
HELD = [name for name in (f"hymn-{n}" for n in range(900)) if is_validation(name)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hymns with enough held-out works, songs with one, and an archive that nothing published may learn from."""
    folder = tmp_path_factory.mktemp("corpora")
    known = [Drawn(TRAINING[0], tune=TUNES[30])]
    hymns = [Drawn(name, tune=tune) for name, tune in zip(HELD[:PIECES], TUNES, strict=False)]
    write_archive(folder / "openhymnal-train.zip", known + hymns)
    write_archive(
        folder / "nifc-songs-train.zip", [Drawn(TRAINING[1], tune=TUNES[31]), Drawn(VALIDATION[1], tune=TUNES[32])]
    )
    write_archive(folder / "simutrans-train.zip", known)
    return folder


def test_each_corpus_with_enough_works_has_a_row(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = save_weights(playing_network(), tmp_path / "weights")
    line = ["evaluate", "corpora", "--n", "40", "--steps", "2", "--weights", str(weights), "--json", "--data"]
    assert main([*line, str(folder)]) == 0
    said = json.loads(capsys.readouterr().out)
    (row,) = said["tables"][0]["rows"]
    assert row[:2] == ["openhymnal", PIECES]
    assert row[2] == said["data"]["openhymnal"]["two_sample"]["auc"]
    assert row[2] > row[4]  # an untrained network's windows are told from hymns, hymns from hymns less
    assert "nifc-songs 1, simutrans 0" in said["tables"][0]["note"]
    assert main([*line, str(folder / "nifc-songs-train.zip")]) == 2
    assert f"has {PIECES} held-out works" in capsys.readouterr().err


def test_everything_is_what_the_folder_allows(folder: Path, tmp_path: Path) -> None:
    found = Found.in_folder(folder)
    assert [path.name for path in found.archives] == ["nifc-songs-train.zip", "openhymnal-train.zip"]
    assert found.archive("openhymnal") == folder / "openhymnal-train.zip"
    there = kinds_for(folder, Size(ensembles=0))
    assert there == ["corpora", "genres", "metre", "sync", "semantics", "sound"]
    assert kinds_for(tmp_path, Size(judged_by=(("key", "python"),))) == [
        "sync",
        "semantics",
        "sound",
        "ensembles",
        "judges",
    ]
    alone = Found(tmp_path, None, False, (tmp_path / "POP909.zip",))
    assert not any(PARTS[kind].is_there(alone, Size()) for kind in ("corpora", "genres", "metre"))
    assert set(KINDS) == set(PARTS)
    assert size_of("sync", Size(sync=3)) == {"sync": 3, "composed": True}


def test_a_part_whose_data_does_not_do_is_left_out_and_says_why(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (few / "nifc-songs-train.zip").write_bytes((folder / "nifc-songs-train.zip").read_bytes())
    weights, kept = save_weights(playing_network(), tmp_path / "weights"), tmp_path / "kept"
    line = ["evaluate", "all", "--quick", "--steps", "2", "--weights", str(weights), "--json", "--keep", str(kept)]
    line += ["--parts", "corpora,sync", "--size", "corpora=8,sync=1", "--data", str(few)]
    assert main(line) == 0
    said = json.loads(capsys.readouterr().out)
    (left_out,) = (table for table in said["tables"] if table["title"] == "Left out")
    ((kind, why),) = left_out["rows"]
    assert kind == "corpora"
    assert f"has {PIECES} held-out works" in why
    assert [path.name for path in kept.iterdir()] == ["sync.json"]
    assert json.loads((kept / "sync.json").read_text())["asked"] == {"sync": 1, "composed": False}
    assert main([*line, "--workers", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"] == said["tables"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--parts", "corpora,choir"], "parts 'choir': there is no such part; there are systems, retrieval, model"),
        (["--size", "windows"], "size 'windows': must be NAME=N with a name of windows, systems, videos"),
        (["--size", "sync=-1"], "size 'sync=-1'"),
        (["--size", "composed=0"], "size 'composed=0'"),
    ],
)
def test_parts_and_sizes_that_there_are_not_are_refused(
    more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "all", "--quick", *more]) == 2
    assert message in capsys.readouterr().err


def test_sizes_change_what_they_name() -> None:
    assert sized(Size(), ["videos=64", "sync=0"]) == Size(videos=64, sync=0)
