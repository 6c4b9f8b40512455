"""No file that is read is ever written, nobody else's file is replaced, and a row that fails costs itself only."""

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.batch.running import finished, hidden, read_csv, write_csv
from tests.drawing import draw_video

from diffbgm.batch import Outcome, read_manifest, score_batch
from diffbgm.batch.outcomes import job_of, record_of, summary_of
from diffbgm.batch.outputs import FILES, ReadFiles
from diffbgm.batch.tables import to_text
from diffbgm.errors import OutputError
from diffbgm.hub import Origin

Score = Callable[..., dict[str, str]]


@pytest.fixture
def score(weights: Path) -> Score:
    """A function: the errors of a batch by the row's name, empty where it is done."""

    def run(manifest: Path, out: Path, overwrite: bool = False) -> dict[str, str]:
        outcomes = score_batch(manifest, out, weights=weights, device="cpu", workers=1, overwrite=overwrite)
        return {outcome.row.name: outcome.error for outcome in outcomes}

    return run


def test_a_batch_into_the_folder_of_its_videos_replaces_none_of_them(tmp_path: Path, score: Score) -> None:
    films = tmp_path / "films"
    films.mkdir()
    draw_video(films / "a.mp4", (0.5, 0.5))
    draw_video(films / "b.mp4", (1.0,))
    (films / "linked.mp4").symlink_to("b.mp4")
    os.link(films / "b.mp4", films / "hard.mid")
    (films / "mine.mid").write_text("my own music")
    (films / "folder.mp4").mkdir()
    rows: list[dict[str, object]] = [
        {"video": "a.mp4"},
        {"video": "b.mp4", "name": "b"},
        {"video": "b.mp4", "name": "A"},
        {"video": "a.mp4", "name": "linked"},
        {"video": "a.mp4", "name": "hard"},
        {"video": "b.mp4", "name": "mine"},
        {"video": "b.mp4", "name": "folder"},
        {"video": "b.mp4", "name": "n" * 250},
        {"video": "missing.mp4"},
        {"video": "b.mp4", "name": "odd", "style": "clam"},
    ]
    manifest = write_csv(films / "clips.csv", [{**row, "steps": 4} for row in rows])
    before = {path.name: path.read_bytes() for path in films.iterdir() if path.is_file()}
    (tmp_path / "link").symlink_to(films)

    errors = score(manifest, tmp_path / "link")
    assert {name[:10]: error.split(": ")[1].split(" (")[0] for name, error in errors.items() if error} == {
        "b": "is read by this batch and would be replaced; give the row another name or choose another folder",
        "A": "is read by this batch and would be replaced; give the row another name or choose another folder",
        "linked": "is read by this batch and would be replaced; give the row another name or choose another folder",
        "hard": "is read by this batch and would be replaced; give the row another name or choose another folder",
        "mine": "is there already and was not made from this row's video; move it away, give the row another name, "
        "or allow it with --overwrite",
        "folder": "is a folder; move it away or give the row another name",
        "n" * 10: "cannot be written",
        "missing-sc": "there is no such file; check the path",
        "odd": errors["odd"].split(": ")[1],
    }
    assert "calm" in errors["odd"]
    assert not errors["a-scored"]
    assert {name: (films / name).read_bytes() for name in before} == before
    assert not hidden(films)
    assert [row["error"] for row in read_csv(films / "results.csv")] == list(errors.values())
    made = {p.name for p in films.iterdir()} - set(before) - {"folder.mp4", "results.csv"}
    done = {"a-scored.mp4", "a-scored.mid", "a-scored.receipt.json", "a-scored.result.json"}
    assert made == done | {"missing-scored.result.json", "odd.result.json"}

    then = finished(films)["a-scored.result.json"]
    again = score(manifest, films, overwrite=True)
    assert [name for name in errors if errors[name] and not again[name]] == ["mine"]
    assert (films / "mine.mid").read_bytes()[:4] == b"MThd"
    assert {name: (films / name).read_bytes() for name in before if name != "mine.mid"} == {
        name: data for name, data in before.items() if name != "mine.mid"
    }
    assert finished(films)["a-scored.result.json"] == then  # what was done was not done again


def test_what_another_video_or_somebody_else_made_is_kept(
    films: Path, undisturbed: Path, tmp_path: Path, score: Score
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    (out / "mine.result.json").write_text('{"my": "own"}')
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "results.csv"}
    rows: list[dict[str, object]] = [
        {"video": str(films / "1.mp4"), "name": "0"},  # another video of the same name
        {"video": str(films / "0.mp4"), "name": "mine"},
    ]
    errors = score(write_csv(tmp_path / "m.csv", rows), out)
    assert "0.mp4: is there already and was not made from this row's video" in errors["0"]
    assert "mine.result.json: is there already" in errors["mine"]
    assert {name: (out / name).read_bytes() for name in before} == before


def test_a_table_that_is_not_ours_is_kept(films: Path, weights: Path, tmp_path: Path, score: Score) -> None:
    out = tmp_path / "out"
    out.mkdir()
    manifest = write_csv(out / "results.csv", [{"video": str(films / "0.mp4")}])
    with pytest.raises(OutputError, match=r"results\.csv: is read by this batch"):
        score(manifest, out, overwrite=True)
    other = write_csv(tmp_path / "m.csv", [{"video": "missing.mp4"}])
    (out / "results.csv").write_text("my,own,table\n")
    with pytest.raises(OutputError, match=r"results\.csv: is there already"):
        score(other, out)
    assert (out / "results.csv").read_text() == "my,own,table\n"
    assert [p.name for p in out.iterdir()] == ["results.csv"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make this folder"):
        score(other, tmp_path / "file")


def test_a_number_that_json_lacks_does_not_reach_the_table(films: Path, undisturbed: Path) -> None:
    receipt = json.loads((undisturbed / "0.receipt.json").read_text())
    row = read_manifest(films / "clips.csv")[0]
    files = {kind: Path(kind) for kind in FILES}
    summary = summary_of({**receipt, "loudness_lufs": math.nan})
    record = record_of(Outcome(row, {"weights": "w"}, files, summary=summary))
    assert record["loudness_lufs"] is None
    assert record["duration"] == pytest.approx(1.8)
    assert json.loads(to_text([record], ".jsonl")) == record


def test_a_folder_whose_name_is_no_utf8_is_written_down(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this disk takes UTF-8 only")
    row = read_manifest(films / "clips.csv")[0]
    job = job_of(row, folder, folder, Origin("id", "sha", "0"))
    job.write(f"{folder}: is missing", ["0.mp4"], 1.0, tmp_path)
    again = job_of(row, folder, folder, Origin("id", "sha", "0"))
    assert again.owned() == ("0.mp4", "0.result.json")
    assert again.before().error == f"{tmp_path}/caf\\udce9: is missing"


def test_paths_are_compared_by_where_they_lead(tmp_path: Path) -> None:
    film = tmp_path / "Été.mp4"
    film.write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path)
    os.link(film, tmp_path / "hard")
    read = ReadFiles([film, tmp_path / "not" / "there.mp4"])
    assert tmp_path / "link" / "Été.mp4" in read
    assert tmp_path / "ÉTÉ.MP4" in read
    assert tmp_path / "E\u0301te\u0301.mp4" in read
    assert tmp_path / "x" / ".." / "Été.mp4" in read
    assert tmp_path / "hard" in read
    assert tmp_path / "link" / "not" / "THERE.mp4" in read
    assert tmp_path / "other.mp4" not in read
